"""The configuration space of a mixed perovskite, from its formula alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.configurations.composition import VACANCY, cells_of, supercell_matrix
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.charge_balance import Ion
from matganip.crystal.lattice_constants import lattice_constant
from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.crystal.perovskites import identify_perovskite
from matganip.crystal.prototypes import IDEAL_SITES
from matganip.errors import InputError

_SITES = {"A": (0,), "B": (1,), "X": (2, 3, 4)}


def perovskite_space(
    formula: str,
    supercell: Sequence[int] | Sequence[Sequence[int]] = (2, 2, 2),
    a: float | None = None,
    *,
    charges: Mapping[str, int] | None = None,
) -> ConfigurationSpace:
    """Make the configuration space of a mixed perovskite on the ideal lattice: mixed A, B or X sites.

    Parameters
    ----------
    formula : str
        ``"Cs2AgBiBr6"``, ``"CsPb(I0.875Br0.125)3"``, ``"Cs2SnI6"`` (its B sites half empty).
    supercell : three ints or a 3x3 integer matrix, default (2, 2, 2)
        Of the cubic cell of one ABX3; the MATGANIP paper's double perovskites have 8 B sites in (2, 2, 2).
    a : float, optional
        Lattice constant of that cell in angstrom; by default estimated from ionic radii.
    charges : mapping, optional
        Charges that are known: ``{"Sn": 2}``.

    Returns
    -------
    ConfigurationSpace

    Raises
    ------
    InputError
        If the formula is not that of a perovskite of elements, no site is mixed, or the amounts are not whole numbers
        of atoms in the supercell.

    Examples
    --------
    >>> space = perovskite_space("Cs2AgBiBr6")
    >>> space.n_configurations, space.count_orbits()
    (70, 6)
    """
    found = identify_perovskite(formula, charges)
    n_cells = cells_of(supercell_matrix(supercell))
    hosts: list[str] = []
    substitutions: dict[str | tuple[int, ...], dict[str, int]] = {}
    for (site, indices), ions in zip(_SITES.items(), (found.a, found.b, found.x), strict=True):
        counts = _counts(formula, site, ions, len(indices), n_cells)
        host = max(counts, key=lambda species: (species != VACANCY, counts[species]))
        hosts += [host] * len(indices)
        if len(counts) > 1:
            substitutions[indices] = {species: count for species, count in counts.items() if species != host}
    if not substitutions:
        raise InputError(f"{formula!r}: no site is mixed, so there is one arrangement; use perovskite()")
    edge = lattice_constant(found) if a is None else a
    if not edge > 0:
        raise InputError(f"the lattice constant must be positive, got a={a}")
    return ConfigurationSpace(Structure(Lattice.cubic(edge), hosts, IDEAL_SITES), supercell, substitutions)


def _counts(formula: str, site: str, ions: tuple[Ion, ...], per_cell: int, n_cells: int) -> dict[str, int]:
    """Atoms of each element on a sublattice of the supercell, and its vacancies."""
    amounts: dict[str, Fraction] = {}
    for ion in ions:
        if ion.species in MOLECULAR_CATIONS:
            raise InputError(f"{formula!r}: {ion.species} is a molecule; an ideal crystal is built of elements only")
        amounts[ion.species] = amounts.get(ion.species, Fraction(0)) + ion.amount
    empty = per_cell - sum(amounts.values(), Fraction(0))
    if empty:
        amounts[VACANCY] = empty
    counts: dict[str, int] = {}
    for species, amount in amounts.items():
        count = amount * n_cells
        if count.denominator != 1:
            raise InputError(
                f"{formula!r}: {float(count):.4g} {species} on the {per_cell * n_cells} {site} sites of the supercell "
                f"is not a whole number; it needs a multiple of {amount.denominator} cells, and there are {n_cells}"
            )
        counts[species] = int(count)
    return counts
