"""Substitutions as a user writes them, resolved into sublattices, species and exact counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.notation import SublatticeKey, checked_supercell, sublattice_key
from matganip.configurations.species import (
    VACANCY as VACANCY,  # part of what a composition is made of
)
from matganip.configurations.species import (
    Occupant,
    distinct_names,
    find_occupant,
    guessed_state,
    occupant_of,
    parse_species,
)
from matganip.crystal.limits import FARTHEST, checked_parent
from matganip.crystal.species import symbol_of
from matganip.errors import InputError

MOST_CELLS = 100_000
"""Parent cells in a supercell: of more, its structure takes minutes to make."""


class CountsDoNotFitError(InputError):
    """More atoms than sites, or not as many as there are sites where all species are listed."""


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
        What the codes 0, 1, 2, ... stand for: by increasing count, then in the order given, the host last on ties. An
        element, with its oxidation state where the sublattice holds two states of one element.
    counts : tuple of int
        Number of supercell sites that carry each.
    host : str
        The species there in the parent.
    occupants : tuple of Occupant
        The same as elements with the oxidation states in written structures, None where none is known.
    """

    parent_sites: tuple[int, ...]
    species: tuple[str, ...]
    counts: tuple[int, ...]
    host: str
    occupants: tuple[Occupant, ...]

    @property
    def substitutes(self) -> dict[str, int]:
        """Numbers of all species but the host, as substitutions have them, with their states."""
        return {
            occupant.text: count
            for occupant, name, count in zip(self.occupants, self.species, self.counts, strict=True)
            if name != self.host
        }


def resolve_substitutions(parent: Structure, n_cells: int, substitutions: Substitutions) -> tuple[Sublattice, ...]:
    """Check substitutions against a parent and turn them into sublattices, in the order of the parent's sites.

    Parameters
    ----------
    parent : Structure
        Ordered parent crystal.
    n_cells : int
        Number of parent cells in the supercell.
    substitutions : mapping
        ``{"I": {"Br": 3}}``: a sublattice, by its element, a label of the CIF file or site indices (`sites_of`), and
        how many of its supercell sites each other species takes, an element or an ion such as ``"Fe3+"``; the rest
        keeps its own. A vacancy is ``"vac"``.

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


def _resolve(parent: Structure, n_cells: int, key: SublatticeKey, wanted: Mapping[str, int]) -> Sublattice:
    sites, label = sites_of(parent, key)
    host = _host(parent, sites, label)
    counts: dict[Occupant, int] = {}
    for name, count in wanted.items():
        asked = parse_species(name, label)
        occupant = asked if asked.state is not None else find_occupant(asked, [host]) or asked
        if occupant in counts:
            raise InputError(f"{label}: {occupant.text} is given twice")
        if isinstance(count, bool) or not isinstance(count, int | np.integer):
            raise InputError(f"{label}.{name}: the number of sites must be a whole number, got {count!r}")
        if count < 0:
            raise InputError(f"{label}.{name}: the number of sites must not be negative, got {count}")
        counts[occupant] = int(count)
    n_sites, total = len(sites) * n_cells, sum(counts.values())
    if total > n_sites:
        raise CountsDoNotFitError(
            f"{label}: {total} sites asked for, but the supercell has only {n_sites} {host.symbol} sites"
        )
    if host in counts and total != n_sites:
        raise CountsDoNotFitError(
            f"{label}: the host {host.text} is listed, so the counts must add up to all {n_sites} sites, got {total}"
        )
    counts.setdefault(host, n_sites - total)
    given = [occupant for occupant in counts if occupant != host]
    order = sorted([*given, host], key=lambda occupant: counts[occupant])  # stable: as given, the host last on ties
    names = dict(zip(order, distinct_names(order), strict=True))
    return Sublattice(
        tuple(sites),
        tuple(names.values()),
        tuple(counts[occupant] for occupant in order),
        names[host],
        tuple(one if one == host else one._replace(state=_written_state(one, host)) for one in order),
    )


def _written_state(occupant: Occupant, host: Occupant) -> float | None:
    """The state given; without one, where the parent is written with states, a likely one."""
    if occupant.state is not None or host.state is None or VACANCY in (occupant.symbol, host.symbol):
        return occupant.state
    return guessed_state(occupant.symbol, host.state)


def sites_of(parent: Structure, key: SublatticeKey) -> tuple[list[int], str]:
    """Find the sites of the parent that a key of substitutions names.

    Parameters
    ----------
    parent : Structure
        Ordered, or with partial occupancies.
    key : str or tuple of int
        An element (``"O"``: every site with it), an ion (``"Fe2+"``), a label of the CIF file (``"O2"``), several of
        these with commas, or site indices. What is the symbol of an element of the parent means the element.

    Returns
    -------
    sites : list of int
        Ascending.
    label : str
        The beginning of an error message about them.

    Raises
    ------
    InputError
        If there is no such site.

    Examples
    --------
    >>> import matganip as mg
    >>> sites_of(mg.perovskite("CsPbI3", a=6.289), "I")
    ([2, 3, 4], 'substitutions.I')
    """
    key = sublattice_key(key)
    label = f"substitutions.{key}" if isinstance(key, str) else f"substitutions.{tuple(key)}"
    if isinstance(key, str):
        return sorted({site for part in key.split(",") for site in _sites_named(parent, part.strip(), label)}), label
    sites = sorted({int(i) for i in key})
    if not sites or sites[0] < 0 or sites[-1] >= len(parent):
        raise InputError(f"{label}: the parent's sites are numbered 0 to {len(parent) - 1}")
    return sites, label


def _sites_named(parent: Structure, name: str, label: str) -> list[int]:
    occupants = [[occupant_of(specie) for specie in site.species] for site in parent]
    sites = [i for i, here in enumerate(occupants) if any(name in (one.symbol, one.text) for one in here)]
    sites = sites or [i for i in range(len(parent)) if name in labels_of(parent, i)]
    if not sites:
        elements = dict.fromkeys(one.symbol for here in occupants for one in here)
        labels = list(dict.fromkeys(label for i in range(len(parent)) for label in labels_of(parent, i)))
        also = f"; its labels are {', '.join(labels[:20])}{' ...' * (len(labels) > 20)}" if labels else ""
        raise InputError(f"{label}: the parent has no {name}, only {', '.join(elements)}{also}")
    return sites


def labels_of(parent: Structure, site: int) -> tuple[str, ...]:
    """The labels that a CIF file gives the atoms of a site; none that only repeats a species."""
    here = parent[site]
    species = {here.species_string, *(part for one in here.species for part in (str(one), one.symbol))}
    return tuple(one for one in str(here.label).replace(" ", "").split(",") if one not in species and ":" not in one)


def _host(parent: Structure, sites: Sequence[int], label: str) -> Occupant:
    """What the parent has on the sites: one element, without a state where the sites have several."""
    hosts = list(dict.fromkeys(occupant_of(parent[i].specie) for i in sites))
    symbols = sorted({host.symbol for host in hosts})
    if len(symbols) > 1:
        raise InputError(f"{label}: one sublattice holds one element, these sites hold {', '.join(symbols)}")
    return hosts[0] if len(hosts) == 1 else Occupant(symbols[0])


def element_of(structure: Structure, site: int) -> str:
    """Symbol of the element on an ordered site, without its charge; deuterium is "D"."""
    return symbol_of(structure[site].specie)


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
    square = np.diag(given) if given.ndim == 1 else given
    if np.abs(given).max() > FARTHEST or abs(np.linalg.det(square)) > MOST_CELLS + 0.5:
        raise InputError(
            f"supercell: of more than {MOST_CELLS:,} parent cells, or longer than {FARTHEST:g}, got {supercell!r}"
        )
    try:
        matrix = np.array(checked_supercell(whole.tolist()), dtype=np.int64)
    except InputError as error:
        raise InputError(f"supercell: {error}, got {supercell!r}") from None
    rows: NDArray[np.int64] = np.diag(matrix) if matrix.ndim == 1 else matrix
    return rows


def cells_of(matrix: NDArray[np.int64]) -> int:
    """Number of parent cells in a supercell, of which `matrix` (3, 3) is the matrix: its determinant.

    Examples
    --------
    >>> cells_of(supercell_matrix([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]))
    2
    """
    return round(abs(float(np.linalg.det(matrix))))


def check_distances(parent: Structure, symprec: float) -> None:
    """Refuse a parent with sites that coincide."""
    distances = checked_parent(parent).distance_matrix + 1e3 * np.eye(len(parent))
    if distances.min() < max(symprec, 1e-3):
        first, second = np.unravel_index(int(distances.argmin()), distances.shape)
        raise InputError(f"sites {first} and {second} of the parent coincide ({distances.min():.3g} angstrom apart)")
