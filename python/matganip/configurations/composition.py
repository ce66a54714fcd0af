"""Substitutions as a user writes them, resolved into sublattices, species and exact counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import DummySpecies, Element, Species
from pymatgen.core.structure import Structure

from matganip.configurations.notation import SublatticeKey, checked_supercell, sublattice_key
from matganip.errors import InputError

VACANCY = "vac"

SpeciesCounts = Mapping[str, int]
Substitutions = (
    Mapping[str, SpeciesCounts] | Mapping[tuple[int, ...], SpeciesCounts] | Mapping[SublatticeKey, SpeciesCounts]
)
"""For each sublattice, by its element or site indices, how many of its sites other species take."""


@dataclass(frozen=True)
class Sublattice:
    """Sites of the parent that are substituted together, and the species on them.

    Attributes
    ----------
    parent_sites : tuple of int
        Indices into the parent structure, ascending.
    species : tuple of str
        What the codes 0, 1, 2, ... stand for: by increasing count, then in the order given, the host last on ties.
    counts : tuple of int
        Number of supercell sites that carry each.
    host : str
        The element there in the parent.
    """

    parent_sites: tuple[int, ...]
    species: tuple[str, ...]
    counts: tuple[int, ...]
    host: str


def resolve_substitutions(parent: Structure, n_cells: int, substitutions: Substitutions) -> tuple[Sublattice, ...]:
    """Check substitutions against a parent and turn them into sublattices, in the order of the parent's sites.

    Parameters
    ----------
    parent : Structure
        Ordered parent crystal.
    n_cells : int
        Number of parent cells in the supercell.
    substitutions : mapping
        ``{"I": {"Br": 3}}``: a sublattice, by its element or by site indices of the parent, ``(2, 3)`` or ``"2,3"``,
        and how many of its supercell sites each other species takes; the rest keeps its own. A vacancy is ``"vac"``.

    Returns
    -------
    tuple of Sublattice

    Raises
    ------
    InputError
        Names the sublattice and the reason.
    """
    if not substitutions:
        raise InputError("substitutions: none given; write for example {'I': {'Br': 3}}")
    sublattices = [_resolve(parent, n_cells, key, wanted) for key, wanted in substitutions.items()]
    owner: dict[int, int] = {}
    for index, sublattice in enumerate(sublattices):
        for site in sublattice.parent_sites:
            if site in owner:
                raise InputError(f"substitutions: site {site} of the parent belongs to two sublattices")
            owner[site] = index
    return tuple(sorted(sublattices, key=lambda sublattice: sublattice.parent_sites))


def _resolve(parent: Structure, n_cells: int, key: str | tuple[int, ...], wanted: Mapping[str, int]) -> Sublattice:
    key = sublattice_key(key)
    label = f"substitutions.{key}" if isinstance(key, str) else f"substitutions.{tuple(key)}"
    sites = _sites_by_element(parent, key, label) if isinstance(key, str) else _sites_by_index(parent, key, label)
    host = element_of(parent, sites[0])
    n_sites = len(sites) * n_cells
    counts: dict[str, int] = {}
    for name, count in wanted.items():
        species = _species_name(name, label)
        if species in counts:
            raise InputError(f"{label}: {species} is given twice")
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            raise InputError(f"{label}.{name}: the number of sites must be a whole number, got {count!r}")
        if count < 0:
            raise InputError(f"{label}.{name}: the number of sites must not be negative, got {count}")
        counts[species] = int(count)
    total = sum(counts.values())
    if total > n_sites:
        raise InputError(f"{label}: {total} sites asked for, but the supercell has only {n_sites} {host} sites")
    if host in counts and total != n_sites:
        raise InputError(
            f"{label}: the host {host} is listed, so the counts must add up to all {n_sites} sites, got {total}"
        )
    counts.setdefault(host, n_sites - total)
    given = [name for name in counts if name != host]
    order = sorted([*given, host], key=lambda name: counts[name])  # stable: as given, the host last on ties
    return Sublattice(tuple(sites), tuple(order), tuple(counts[name] for name in order), host)


def _sites_by_element(parent: Structure, element: str, label: str) -> list[int]:
    elements = [element_of(parent, i) for i in range(len(parent))]
    sites = [i for i, name in enumerate(elements) if name == element]
    if not sites:
        raise InputError(f"{label}: the parent has no {element}, only {', '.join(dict.fromkeys(elements))}")
    return sites


def _sites_by_index(parent: Structure, indices: tuple[int, ...], label: str) -> list[int]:
    sites = sorted({int(i) for i in indices})
    if not sites or sites[0] < 0 or sites[-1] >= len(parent):
        raise InputError(f"{label}: the parent's sites are numbered 0 to {len(parent) - 1}")
    hosts = {element_of(parent, i) for i in sites}
    if len(hosts) > 1:
        raise InputError(f"{label}: one sublattice holds one element, these sites hold {', '.join(sorted(hosts))}")
    return sites


def element_of(structure: Structure, site: int) -> str:
    """Symbol of the element on an ordered site, without its charge."""
    specie = structure[site].specie
    return str(getattr(specie, "element", specie).symbol)


def _species_name(name: str, label: str) -> str:
    if name == VACANCY:
        return name
    try:
        specie = Element(name) if Element.is_valid_symbol(name) else Species.from_str(name)
    except ValueError as error:
        raise InputError(f"{label}: {name!r} is not an element, nor {VACANCY!r} for a vacancy") from error
    if isinstance(specie, DummySpecies):
        raise InputError(f"{label}: {name!r} is not an element")
    return str(getattr(specie, "element", specie).symbol)


def supercell_matrix(supercell: object) -> NDArray[np.int64]:
    """Make the matrix whose rows are the supercell's vectors, by the rule of `notation.checked_supercell`.

    Parameters
    ----------
    supercell : sequence of 3 int, or (3, 3) array_like of int
        Numbers of parent cells, or the supercell's vectors in units of the parent's. A left-handed matrix is replaced
        by its negative, which spans the same lattice.

    Returns
    -------
    (3, 3) int64

    Raises
    ------
    InputError
        If the numbers are not whole, not positive, or the matrix is singular.

    Examples
    --------
    >>> supercell_matrix((2, 2, 3)).tolist()
    [[2, 0, 0], [0, 2, 0], [0, 0, 3]]
    """
    try:
        given = np.asarray(supercell, dtype=np.float64)
        whole = given.astype(np.int64)
    except (TypeError, ValueError) as error:
        raise InputError(f"supercell: three integers or a 3x3 integer matrix, got {supercell!r}") from error
    if given.shape not in ((3,), (3, 3)) or np.any(whole != given):
        raise InputError(f"supercell: three integers or a 3x3 integer matrix, got {supercell!r}")
    try:
        matrix = np.array(checked_supercell(whole.tolist()), dtype=np.int64)
    except InputError as error:
        raise InputError(f"supercell: {error}, got {supercell!r}") from None
    return np.diag(matrix) if matrix.ndim == 1 else matrix


def cells_of(matrix: NDArray[np.int64]) -> int:
    """Number of parent cells in a supercell, of which `matrix` (3, 3) is the matrix: its determinant.

    Examples
    --------
    >>> cells_of(supercell_matrix([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]))
    2
    """
    return round(abs(float(np.linalg.det(matrix))))
