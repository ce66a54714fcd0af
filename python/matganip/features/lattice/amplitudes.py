"""Amplitudes of a space's reflections: what each species on each basis site of the parent scatters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.composition import element_of
from matganip.features.lattice.translations import BasisSites, basis_sites
from matganip.features.radiation import Radiation
from matganip.features.reflections import Reflections

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

# Entries of the table of modes that stand for no mode; as in matganip/lattice_diffraction.hpp.
REFERENCE, INVALID = -1, -2


@dataclass(frozen=True, eq=False)
class Amplitudes:
    r"""F(h) of any arrangement: ``constants.sum(1) [where q = 0] + sum over m of modes[:, m] T_m(h)``.

    The reference species of a sublattice is its most frequent one. A mode is another species on one basis
    site b; its coefficient is :math:`(f_s - f_{ref}) \exp(2\pi i h \cdot x_b)`.

    Attributes
    ----------
    sites : BasisSites
        The supercell's atoms.
    basis : numpy.ndarray
        (n_sites,) int64, the basis site of each column, numbered as they first occur.
    modes : numpy.ndarray
        (n_components, n_modes, n_reflections) complex128, electrons. The second component, where there is one,
        has the imaginary parts of the form factors in the place of the real ones.
    mode_basis : numpy.ndarray
        (n_modes,) int64, the basis site of each mode, numbered as in `basis`.
    mode_of_code : numpy.ndarray
        (n_sites, n_codes) int32, the mode that a code adds to; `REFERENCE` or `INVALID` where it is none.
    constants : numpy.ndarray
        (n_components, n_basis, n_reflections) complex128: each substituted basis site under its reference species
        throughout.
    host : numpy.ndarray
        (n_components, n_reflections) complex128: all atoms that are not substituted.
    """

    sites: BasisSites
    basis: NDArray[np.int64]
    modes: NDArray[np.complex128]
    mode_basis: NDArray[np.int64]
    mode_of_code: NDArray[np.int32]
    constants: NDArray[np.complex128]
    host: NDArray[np.complex128]


def amplitudes(
    space: ConfigurationSpace,
    reflections: Reflections,
    radiation: Radiation,
    debye_waller_factors: Mapping[str, float] | None = None,
) -> Amplitudes:
    """Work out the amplitudes of a space.

    Parameters
    ----------
    space : ConfigurationSpace
    reflections : Reflections
        Of the space's supercell.
    radiation : Radiation
    debye_waller_factors : mapping of str to float, optional
        B in angstrom^2 by element: what it scatters is multiplied by exp(-B s^2).

    Returns
    -------
    Amplitudes
        Constants and host are given at every reflection, and hold where q = 0.

    Raises
    ------
    InputError
        If an element has no form factor.
    """
    structure = space.supercell_structure
    elements = np.array([element_of(structure, i) for i in range(len(structure))])
    factors = _factors(sorted({*elements.tolist(), *chain(*space.species)}), reflections, radiation)
    for element, b in (debye_waller_factors or {}).items():
        if element in factors:
            factors[element] *= np.exp(-b * reflections.s_squared)
    sites = _basis_sites(space, elements)
    # Each basis site's part in F(h) per unit of scattering, where all its cells scatter alike (q = 0).
    phases = np.exp(2j * np.pi * (sites.origin @ reflections.hkl.T))

    substituted, basis = _by_first(sites.of_atom[space.site_indices])
    modes, mode_basis, constants, mode_of_code = _modes(space, basis, phases[substituted], factors)
    host = np.zeros_like(constants[:, 0])
    for site in np.setdiff1d(sites.of_atom, substituted):
        host += phases[site] * factors[str(elements[np.argmax(sites.of_atom == site)])]
    return Amplitudes(
        sites=sites,
        basis=basis,
        modes=modes,
        mode_basis=mode_basis,
        mode_of_code=mode_of_code,
        constants=sites.n_cells * constants,
        host=sites.n_cells * host,
    )


def _factors(names: list[str], reflections: Reflections, radiation: Radiation) -> dict[str, NDArray[np.float64]]:
    """Form factors (n_components, n_reflections) of each species; one component where none is complex."""
    table = np.empty((len(names), 2, len(reflections.hkl)))
    for number, (wavelength, _) in enumerate(radiation.lines):
        rows = reflections.line == number
        form_factors = radiation.form_factors(names, wavelength)
        table[:, 0, rows] = form_factors.at(reflections.s_squared[rows])
        table[:, 1, rows] = form_factors.imaginary[:, None]
    return dict(zip(names, table if table[:, 1].any() else table[:, :1], strict=True))


def _basis_sites(space: ConfigurationSpace, elements: NDArray[np.str_]) -> BasisSites:
    """Atoms by basis site; sites of different sublattices, or of different elements, are kept apart."""
    kinds = np.unique(elements, return_inverse=True)[1].reshape(-1).astype(np.int64)
    kinds[space.site_indices] = -1 - space.sublattices
    return basis_sites(np.array(space.supercell_structure.frac_coords), kinds, space.symmetry.lattice_points)


def _modes(
    space: ConfigurationSpace,
    basis: NDArray[np.int64],
    phases: NDArray[np.complex128],
    factors: dict[str, NDArray[np.float64]],
) -> tuple[NDArray[np.complex128], NDArray[np.int64], NDArray[np.complex128], NDArray[np.int32]]:
    """Modes, the basis site of each, each basis site's reference amplitude, and the mode of each code."""
    mode_of_code = np.full((len(basis), max(map(len, space.species))), INVALID, dtype=np.int32)
    modes: list[NDArray[np.complex128]] = []
    mode_basis, constants = [], []
    for b, phase in enumerate(phases):
        columns = np.flatnonzero(basis == b)
        sublattice = int(space.sublattices[columns[0]])
        names, counts = space.species[sublattice], space.counts[sublattice]
        reference = max(range(len(names)), key=lambda code: (counts[code], code))
        constants.append(phase * factors[names[reference]])
        mode_of_code[columns, reference] = REFERENCE
        for code in range(len(names)):
            if code != reference:
                mode_of_code[columns, code] = len(modes)
                modes.append(phase * (factors[names[code]] - factors[names[reference]]))
                mode_basis.append(b)
    constant = np.stack(constants, axis=1)
    return (
        np.stack(modes, axis=1) if modes else constant[:, :0],
        np.array(mode_basis, dtype=np.int64),
        constant,
        mode_of_code,
    )


def _by_first(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct labels as they first occur, and the place of each entry's label among them."""
    values, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return values[order], np.argsort(order)[inverse.reshape(-1)]
