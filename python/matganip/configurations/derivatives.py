"""Derivative structures: each arrangement of each composition on each superlattice of a parent, once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.composition import Substitutions, element_of, resolve_substitutions
from matganip.configurations.space import ConfigurationSpace
from matganip.configurations.superlattices import PrimitiveCrystal, Superlattice, primitive_crystal, shapes_of
from matganip.configurations.symmetry import SupercellSymmetry, factor_permutations
from matganip.crystal.structures import read_structure
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

Choices = Mapping[str | tuple[int, ...], Sequence[str] | Mapping[str, int]]


@dataclass(frozen=True)
class DerivativeBatch(ConfigurationBatch):
    """Orbits of one composition on one superlattice.

    Attributes
    ----------
    superlattice : Superlattice
        The shape. `space` is the space of this composition on it, and what `multiplicity` counts in.
    has_all_species : bool
        Whether every allowed species occurs.
    """

    superlattice: Superlattice = field(kw_only=True, repr=False)
    has_all_species: bool = field(kw_only=True, default=True)


@dataclass(frozen=True)
class _Choice:
    """The species allowed on a sublattice: sites of the primitive cell, names, and their ratio if it is fixed."""

    sites: tuple[int, ...]
    names: tuple[str, ...]
    ratio: tuple[int, ...] | None

    def counts(self, volume: int, exchange_labels: bool) -> Iterator[dict[str, int]]:
        """Counts of the species on ``volume`` cells; with exchangeable labels one of each set that differs by them."""
        n_sites = len(self.sites) * volume
        if self.ratio is not None:
            if all(n_sites * part % sum(self.ratio) == 0 for part in self.ratio):
                yield {n: n_sites * part // sum(self.ratio) for n, part in zip(self.names, self.ratio, strict=True)}
            return
        for head in product(range(n_sites, -1, -1), repeat=len(self.names) - 1):
            counts = (*head, n_sites - sum(head))
            if counts[-1] >= 0 and (not exchange_labels or list(counts) == sorted(counts, reverse=True)):
                yield dict(zip(self.names, counts, strict=True))


def derivative_structures(
    parent: Structure | Atoms | str | os.PathLike[str],
    species: Choices,
    max_volume: int,
    min_volume: int = 1,
    *,
    superperiodic: bool = False,
    exchange_labels: bool = False,
    all_species: bool = False,
    batch_size: int = 65536,
    num_threads: int | None = None,
    symprec: float = 0.01,
) -> Iterator[DerivativeBatch]:
    """Enumerate the derivative structures of a parent: all superlattices, all compositions, all arrangements.

    Parameters
    ----------
    parent : Structure, ase.Atoms or path
        The parent crystal, every site fully occupied. One that is not primitive is reduced first; volumes count
        primitive cells, and the batches' spaces have the primitive cell as their parent.
    species : mapping
        For each sublattice, by its element or by a tuple of site indices of the parent, what may sit on it. Names
        (``{"Ni": ["Ni", "Al"]}``) stand for every composition, the pure ones included; numbers
        (``{"Ni": {"Ni": 3, "Al": 1}}``) for that ratio, on the volumes where it comes out whole. A vacancy is
        ``"vac"``. The host may only stay where it is named.
    max_volume, min_volume : int
        Largest and smallest number of primitive cells.
    superperiodic : bool
        Also give arrangements that a translation of the parent outside the superlattice maps onto themselves; each of
        them is given on a smaller superlattice already.
    exchange_labels : bool
        Treat the species of each sublattice as interchangeable labels: arrangements that differ only by an exchange
        of labels are given once. Between compositions, the one with most of the first label represents all;
        `multiplicity` is that of the one orbit given.
    all_species : bool
        Only arrangements in which every allowed species occurs, as Hart and Forcade count; those with fewer are left
        out.
    batch_size : int
        Largest number of rows of a batch. A batch holds one composition on one superlattice; most are smaller.
    num_threads : int, optional
        Threads to use; all cores by default. Order and content do not depend on it.
    symprec : float
        Tolerance of the search for the parent's symmetry, in angstrom.

    Returns
    -------
    iterator of DerivativeBatch
        In the order of `superlattices`, then by composition, most of the first species first. Never empty.

    Raises
    ------
    InputError
        If an argument is invalid; the message names it.

    Notes
    -----
    With ``superperiodic=False`` these are the derivative structures of G. L. W. Hart, R. W. Forcade, Phys. Rev. B 77,
    224115 (2008); 80, 014120 (2009), whose tables remove exchanged labels as well. The superlattice's own symmetry
    (the operations of the parent that keep it) decides which arrangements are the same.

    Examples
    --------
    >>> import matganip as mg
    >>> from pymatgen.core import Lattice, Structure
    >>> fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.52), ["Ni"], [[0, 0, 0]])
    >>> sum(len(batch) for batch in mg.derivative_structures(fcc, {"Ni": ["Ni", "Al"]}, 4, 4))
    19
    >>> batches = mg.derivative_structures(fcc, {"Ni": {"Ni": 3, "Al": 1}}, 4)
    >>> [(batch.superlattice.volume, len(batch)) for batch in batches]
    [(4, 1), (4, 1), (4, 1), (4, 1), (4, 1), (4, 1), (4, 1)]
    """
    structure = read_structure(parent)
    if not structure.is_ordered:
        raise InputError(
            "the parent has partial occupancies; give one with full sites, and the species allowed on them"
        )
    primitive, choices = _primitive_choices(structure, species, symprec)
    shapes = shapes_of(primitive, max_volume, min_volume)
    if batch_size < 1:
        raise InputError(f"batch_size must be positive, got {batch_size}")
    return (
        batch
        for shape in shapes
        for space, periods in _spaces_on(shape, primitive.symmetry, choices, exchange_labels, symprec)
        if (whole := _has_all(space, choices)) or not all_species
        for batch in _distinct(
            space, shape, whole, [] if superperiodic else periods, exchange_labels, batch_size, num_threads
        )
    )


def shapes_of_derivatives(
    structure: Structure, species: Choices, max_volume: int, min_volume: int, symprec: float
) -> list[Superlattice]:
    """The superlattices on which `derivative_structures` looks, of the crystal with its sublattices told apart."""
    return shapes_of(_primitive_choices(structure, species, symprec)[0], max_volume, min_volume)


def _has_all(space: ConfigurationSpace, choices: Sequence[_Choice]) -> bool:
    """Whether every allowed species occurs in a composition; a host that may not stay is none of them."""
    allowed = {choice.sites: len(choice.names) for choice in choices}
    return all(sum(n > 0 for n in one.counts) == allowed[one.parent_sites] for one in space.sublattice_table)


def _primitive_choices(
    structure: Structure, species: Choices, symprec: float
) -> tuple[PrimitiveCrystal, list[_Choice]]:
    """The primitive cell of the parent with its sublattices distinguished, and the species allowed on each."""
    if not species:
        raise InputError("species: none given; write for example {'Ni': ['Ni', 'Al']}")
    resolved = [_resolve(structure, key, wanted) for key, wanted in species.items()]
    resolve_substitutions(structure, 1, {key: {} for key in species})  # no site may belong to two sublattices
    owners = {site: owner for owner, choice in enumerate(resolved) for site in choice.sites}
    kinds = [(element_of(structure, i), owners.get(i, -1)) for i in range(len(structure))]
    primitive = primitive_crystal(structure, [kinds.index(kind) for kind in kinds], symprec)
    number = {int(site): new for new, site in enumerate(primitive.sites)}
    choices = [
        _Choice(tuple(number[i] for i in choice.sites if i in number), choice.names, choice.ratio)
        for choice in resolved
    ]
    return primitive, choices


def _resolve(structure: Structure, key: str | tuple[int, ...], wanted: Sequence[str] | Mapping[str, int]) -> _Choice:
    label = f"species.{key}"
    names = tuple(wanted)
    if isinstance(wanted, str) or len(names) < 2:
        raise InputError(f"{label}: two species or more are needed, got {wanted!r}; the host counts where it may stay")
    if len(set(names)) < len(names):
        raise InputError(f"{label}: a species is given twice in {names}")
    (bare,) = resolve_substitutions(structure, 1, {key: {}})
    n_sites = len(bare.parent_sites)
    # As substitutions of one parent cell the names get their checks.
    resolve_substitutions(structure, 1, {key: {name: n_sites * (i == 0) for i, name in enumerate(names)}})
    if not isinstance(wanted, Mapping):
        return _Choice(bare.parent_sites, names, None)
    ratio = tuple(wanted.values())
    if not all(isinstance(part, int | np.integer) and part >= 0 for part in ratio) or sum(ratio) == 0:
        raise InputError(f"{label}: a ratio is made of whole numbers such as 3 and 1, got {dict(wanted)}")
    return _Choice(bare.parent_sites, names, tuple(int(part) for part in ratio))


def _spaces_on(
    shape: Superlattice,
    symmetry: SupercellSymmetry,
    choices: Sequence[_Choice],
    exchange_labels: bool,
    symprec: float,
) -> Iterator[tuple[ConfigurationSpace, list[NDArray[np.uint16]]]]:
    """The spaces of all compositions on one superlattice, and the permutations that identify superperiodic rows."""
    space: ConfigurationSpace | None = None
    translations: list[NDArray[np.uint16]] = []
    for counts in product(*(choice.counts(shape.volume, exchange_labels) for choice in choices)):
        substitutions: Substitutions = {c.sites: numbers for c, numbers in zip(choices, counts, strict=True)}
        if space is None:
            space = ConfigurationSpace(shape.parent, shape.matrix, substitutions, symprec=symprec)
            space.symmetry = symmetry.on_superlattice(shape.matrix)
            translations = _translations_of_prime_order(space)
        else:  # the permutations found for the first composition are shared
            space = space.with_substitutions(substitutions)
        yield space, translations


def _translations_of_prime_order(space: ConfigurationSpace) -> list[NDArray[np.uint16]]:
    """Permutations of the columns by translations of the parent, one of each subgroup of prime order.

    The translations that leave an arrangement as it is form a group, which contains one of these if it is not trivial.
    """
    only_translations = SupercellSymmetry(
        space.symmetry.lattice_points, np.eye(3, dtype=np.int64)[np.newaxis], np.zeros((1, 3))
    )
    lattice = np.array(space.supercell_structure.lattice.matrix)
    positions = space.supercell_structure.frac_coords[space.site_indices]
    translations, _ = factor_permutations(only_translations, lattice, positions, space.symprec)
    found: dict[frozenset[int], NDArray[np.uint16]] = {}
    for translation in translations:
        cycle = _cycle_of_first_column(translation)
        if len(cycle) > 1 and all(len(cycle) % q for q in range(2, len(cycle))):
            found.setdefault(frozenset(cycle), translation)
    return list(found.values())


def _cycle_of_first_column(translation: NDArray[np.uint16]) -> list[int]:
    """The cycle of column 0; its length is the order of the translation, which moves all sites alike."""
    cycle = [0]
    while (column := int(translation[cycle[-1]])) != 0:
        cycle.append(column)
    return cycle


def _distinct(
    space: ConfigurationSpace,
    shape: Superlattice,
    whole: bool,
    periods: list[NDArray[np.uint16]],
    exchange_labels: bool,
    batch_size: int,
    num_threads: int | None,
) -> Iterator[DerivativeBatch]:
    """The orbits of a space without superperiodic ones and, with exchangeable labels, without repetitions."""
    # All cycles of a period are as long as its order p: it keeps nothing unless p divides the number of each species.
    counts = [count for of_sublattice in space.counts for count in of_sublattice]
    periods = [p for p in periods if not any(count % len(_cycle_of_first_column(p)) for count in counts)]
    relabellings = _relabellings(space) if exchange_labels else []
    for batch in space.orbits(batch_size, num_threads=num_threads):
        rows = batch.occupations
        keep = np.ones(len(rows), dtype=bool)
        for period in periods:
            keep &= np.any(rows[:, period] != rows, axis=1)
        keep[keep] = _comes_first(rows[keep], space, relabellings, num_threads)
        if keep.any():
            yield DerivativeBatch(
                space, rows[keep], batch.multiplicity[keep], superlattice=shape, has_all_species=whole
            )


def _comes_first(
    rows: NDArray[np.uint8], space: ConfigurationSpace, relabellings: list[NDArray[np.uint8]], num_threads: int | None
) -> NDArray[np.bool_]:
    """Whether each representative is the smallest, code by code, of those that relabelling makes of it."""
    first = np.ones(len(rows), dtype=bool)
    for codes in relabellings:
        others = space.canonical(np.take_along_axis(codes, rows, axis=0), num_threads).occupations
        differ = rows != others
        at = np.arange(len(rows)), differ.argmax(axis=1)
        first &= ~differ[at] | (rows[at] < others[at])
    return first


def _relabellings(space: ConfigurationSpace) -> list[NDArray[np.uint8]]:
    """All ways but the trivial one to exchange species that take equally many sites of a sublattice.

    Each is an array (n_codes, n_sites): entry [c, i] is the code that replaces c in column i.
    """
    n_codes = max(len(counts) for counts in space.counts)
    ways = []
    for counts in space.counts:
        codes = range(len(counts))
        used = [c for c in codes if counts[c] > 0]
        alike = [p for p in permutations(used) if all(counts[a] == counts[b] for a, b in zip(used, p, strict=True))]
        ways.append([{**dict.fromkeys(range(n_codes), 0), **dict(zip(used, p, strict=True))} for p in alike])
    tables = (np.array([[way[c] for c in range(n_codes)] for way in choice]) for choice in product(*ways))
    columns = (table[space.sublattices].T.astype(np.uint8) for table in tables)
    return [np.ascontiguousarray(table) for table in columns][1:]
