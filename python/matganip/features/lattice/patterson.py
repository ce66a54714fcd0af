r"""The Patterson function of a space's arrangements: resolved peaks in real space.

The Fourier transform of the resolved intensities of atoms that scatter as points of strength Z is the vector density of
pairs. For each class of pairs (i, j) of the parent's substituted sites under the parent's own symmetry a column is

.. math:: P = \frac{1}{N} \sum_{(i, j)} Z_i Z_j

over all pairs of the class in a supercell of N formula units, Z the form factor at theta = 0 (Patterson, Phys. Rev. 46,
372 (1934)); a triplet is the same for three sites. Neither knows in which supercell it was written.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.features.lattice.amplitudes import INVALID, REFERENCE
from matganip.features.lattice.lattice_sites import LatticeSites
from matganip.features.lattice.pattern_form import PatternForm, polynomial_form
from matganip.features.lattice.patterns import LatticePatterns, Vertices, vertex_columns
from matganip.features.lattice.site_clusters import ClusterFinder, SiteClusters
from matganip.features.peaks import Peaks
from matganip.features.radiation import Radiation

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


def patterson_patterns(
    space: ConfigurationSpace, radiation: Radiation, cutoff: float, scaled: bool, order: int, vertices: Vertices
) -> LatticePatterns:
    """Work out the Patterson function of a space.

    Parameters
    ----------
    space, radiation, cutoff, scaled, order, vertices
        As for `LatticeDiffraction`.

    Returns
    -------
    LatticePatterns

    Raises
    ------
    InputError
        If the cut-off is no positive number or too long, a species has no form factor, or a vertex is no column.
    """
    sites = _Sites(space, radiation)
    finder = ClusterFinder(sites.parent, cutoff)
    pairs = finder.pairs()
    kept = vertex_columns(vertices, len(pairs.distance))
    triplets = corners = None
    if order == 3:
        triples, corners = finder.triples(pairs)
        place = np.full(len(pairs.distance), -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        chosen = np.flatnonzero((place[corners] >= 0).all(axis=1))
        corners = np.sort(place[corners[chosen]], axis=1)
        if len(chosen):
            triplets = sites.form(triples, scaled).columns(chosen)
    nothing = np.full(len(kept), np.nan)
    columns = Peaks(
        two_theta=nothing,
        intensity=np.zeros((0, len(kept))),
        d_spacings=nothing,
        hkls=[[] for _ in kept],
        site_pairs=sites.first_column[pairs.basis[pairs.representative[kept]]],
        distance=pairs.distance[kept],
        triplets=None if corners is None else np.zeros((0, len(corners))),
        triplet_vertices=corners,
        full_scale=cutoff,
    )
    return LatticePatterns(
        columns=columns,
        intensity=sites.compile(sites.form(pairs, scaled).columns(kept), bool((sites.scattering >= 0).all())),
        triplets=None if triplets is None else sites.compile(triplets, False),
        scale_to_maximum=False,
        reference_intensity=None,
    )


class _Sites(LatticeSites):
    """The columns of a space as sites of its parent, and how strongly each species scatters on them."""

    def __init__(self, space: ConfigurationSpace, radiation: Radiation) -> None:
        super().__init__(space)
        factor = space.parent.composition.get_reduced_composition_and_factor()[1]
        self.n_formula_units = factor * abs(round(float(np.linalg.det(space.supercell_matrix))))
        self.strength, self.mode_of_code = _strengths(space, radiation)

    def form(self, clusters: SiteClusters, scaled: bool) -> PatternForm:
        """One column for each class: products of what its members scatter, per formula unit."""
        k = clusters.basis.shape[1]
        cells = self.cell[self.basis == 0]  # one for each primitive cell of the supercell
        columns = self.columns_of(
            np.repeat(clusters.basis[None], len(cells), axis=0), clusters.cell[None] + cells[:, None, None]
        ).reshape(-1, k)
        orbits = np.tile(clusters.orbit, len(cells))
        weight = 1 / self.n_formula_units
        factors, peaks, values = [], [], []
        n_sites = len(self.basis)
        for choice in product(range(self.strength.shape[1]), repeat=k):
            # Strength 0 of a site is that of its reference species, with the constant 1; the others are differences.
            amplitudes = [
                np.where(part == 0, 0, 1 + (part - 1) * n_sites + columns[:, m]) for m, part in enumerate(choice)
            ]
            value = weight * np.prod([self.strength[columns[:, m], part] for m, part in enumerate(choice)], axis=0)
            present = np.flatnonzero(value)
            factors.append(np.sort(np.stack(amplitudes, axis=1)[present], axis=1))
            peaks.append(orbits[present])
            values.append(value[present])
        n_classes = len(clusters.distance)
        form = polynomial_form(np.concatenate(factors), np.concatenate(peaks), np.concatenate(values), n_classes)
        if not scaled:
            return form
        strongest = np.abs(self.scattering).max(axis=1)
        largest = np.bincount(orbits, weight * strongest[columns].prod(axis=1), n_classes)
        return form.times_each(100 / largest)

    @property
    def scattering(self) -> NDArray[np.float64]:
        """(n_sites, n_codes): what each site scatters with its reference species, and with each other one."""
        return self.strength[:, [0]] + np.where(np.arange(self.strength.shape[1]) == 0, 0, self.strength)

    def compile(self, form: PatternForm, non_negative: bool) -> _core.LatticePattern:
        """The kernel of a form."""
        return form.compile(self.mode_of_code, np.eye(len(self.basis)), non_negative)


def _strengths(space: ConfigurationSpace, radiation: Radiation) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """What the reference species of each site scatters, and by how much each other one differs; modes of codes."""
    wavelength = radiation.lines[0][0]
    n_codes = max(map(len, space.species), default=1)
    strength = np.zeros((space.n_sites, n_codes))
    mode_of_code = np.full((space.n_sites, n_codes), INVALID, dtype=np.int32)
    for sublattice, species in enumerate(space.species):
        own = np.flatnonzero(space.sublattices == sublattice)
        factors = radiation.form_factors(species, wavelength).at(0.0)
        counts = space.counts[sublattice]
        reference = max(range(len(species)), key=lambda code: (counts[code], code))
        others = [code for code in range(len(species)) if code != reference]
        strength[own, 0] = factors[reference]
        mode_of_code[own, reference] = REFERENCE
        for mode, code in enumerate(others):
            strength[own, 1 + mode] = factors[code] - factors[reference]
            mode_of_code[own, code] = mode
    return strength, mode_of_code
