r"""Triplets as sums of products of three amplitudes of an arrangement.

With :math:`F_b(h) = \sum_i c_i T_i` over the parts i of basis site b, as in `quadratic_form`, and T = C + iS the cosine
and sine waves of a mode, a member of a triplet is

.. math:: \mathrm{Re} \prod_{n=1}^{3} F_{b_n}(h_n) = \sum_{ijk} \mathrm{Re}\big[c_i c_j c_k
          (C_i + i S_i)(C_j + i S_j)(C_k + i S_k)\big],

eight real products for each choice of parts. With anomalous dispersion F = P + iQ, where P and Q have the symmetry of
Friedel's law each, and the mean over a triplet and its opposite is Re[PPP - PQQ - QPQ - QQP].
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from matganip.features.lattice.pattern_form import PatternForm, polynomial_form
from matganip.features.lattice.quadratic_form import Scattering
from matganip.features.lattice.translations import Waves
from matganip.features.lattice.triplets import Triplets

# Which components of the three factors are multiplied, and with which sign.
REAL_PART = {(0, 0, 0): 1, (0, 1, 1): -1, (1, 0, 1): -1, (1, 1, 0): -1}


@dataclass(frozen=True, eq=False)
class _Parts:
    """For each factor of each member the parts of its amplitude, the constant one first.

    coefficient (n_components, n_members, 3, n_parts) complex128; cosine, sine (n_members, 3, n_parts) int64: the
    amplitudes that it multiplies, sine -1 where there is none; sine_sign (n_members, 3, 1).
    """

    coefficient: NDArray[np.complex128]
    cosine: NDArray[np.int64]
    sine: NDArray[np.int64]
    sine_sign: NDArray[np.float64]


def cubic_form(scattering: Scattering, waves: Waves, triplets: Triplets) -> PatternForm:
    r"""Expand triplets into products of three amplitudes.

    Parameters
    ----------
    scattering : Scattering
        Amplitudes of the basis sites at each reflection.
    waves : Waves
        The q of the same reflections.
    triplets : Triplets

    Returns
    -------
    PatternForm
        Of as many "peaks" as there are triplets: sums over the orbit of :math:`\sqrt{w_1 w_2 w_3}\,
        \mathrm{Re}[F_1 F_2 F_3]`, where w is what \|F\|^2 of one reflection is multiplied by in a peak.

    Raises
    ------
    InputError
        If the table of sums by triplets would not fit into two gigabytes.
    """
    parts = _parts(scattering, waves, triplets)
    scale = np.sqrt((scattering.weight / 2)[triplets.reflection].prod(axis=1))
    slots, orbits, values = [], [], []
    for choice in product(range(parts.cosine.shape[2]), repeat=3):
        taken = (slice(None), np.arange(3), np.array(choice))
        coefficients = np.moveaxis(parts.coefficient[(slice(None), *taken)], 2, 0)  # factor, component, member
        value = scale * sum(
            sign * coefficients[0, a] * coefficients[1, b] * coefficients[2, c]
            for (a, b, c), sign in REAL_PART.items()
            if max(a, b, c) < len(parts.coefficient)
        )
        present = np.flatnonzero(value)
        waves_of = np.stack([parts.cosine[taken], parts.sine[taken]], axis=2)[present]  # member, factor, cos or sin
        for sines in product((0, 1), repeat=3):
            which = waves_of[:, np.arange(3), np.array(sines)]
            sign = np.where(sines, parts.sine_sign[present, :, 0], 1.0).prod(axis=1)
            real = (value[present] * 1j ** sum(sines)).real * sign
            kept = (which >= 0).all(axis=1) & (real != 0)
            slots.append(np.sort(which[kept], axis=1))
            orbits.append(triplets.orbit[present[kept]])
            values.append(real[kept])
    return polynomial_form(
        np.concatenate(slots), np.concatenate(orbits), np.concatenate(values), len(triplets.vertices)
    )


def _parts(scattering: Scattering, waves: Waves, triplets: Triplets) -> _Parts:
    row, n_waves = triplets.reflection, waves.table.shape[1]
    at_zero = (waves.q == waves.zero)[row]
    per_site = [np.flatnonzero(scattering.scatterer == b) for b in range(scattering.constants.shape[1])]
    mode = np.full((len(per_site), max(map(len, per_site))), -1, dtype=np.int64)
    for b, modes in enumerate(per_site):
        mode[b, : len(modes)] = modes
    mode = mode[triplets.basis]  # (n_members, 3, n_modes of a site)

    constant = np.where(at_zero, scattering.constants[:, triplets.basis, row], 0)[..., None]
    wave = np.zeros((len(constant), *mode.shape), dtype=np.complex128)
    if scattering.modes.shape[1]:
        wave = np.where(mode >= 0, scattering.modes[:, mode, row[..., None]], 0)
    coefficient = np.concatenate([constant, wave], axis=3)
    first = np.where(mode >= 0, 1 + mode * n_waves, 0)
    none = np.zeros((*row.shape, 1), dtype=np.int64)
    sine = waves.sine[waves.q[row]][..., None]
    return _Parts(
        coefficient=np.where(triplets.sign[..., None] > 0, coefficient, coefficient.conj()),
        cosine=np.concatenate([none, first + waves.cosine[waves.q[row]][..., None]], axis=2),
        sine=np.concatenate([none - 1, np.where(sine >= 0, first + sine, -1)], axis=2),
        sine_sign=(triplets.sign * waves.sign[row])[..., None],
    )
