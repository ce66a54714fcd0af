"""A crystal with partial occupancies, as in a CIF, turned into an ordered parent and exact substitutions."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np
import spglib
from pymatgen.core.structure import Structure

from matganip.configurations.composition import CountsDoNotFitError, Substitutions, labels_of, sites_of
from matganip.configurations.disorder_groups import whole_images
from matganip.configurations.species import VACANCY, Occupant, find_occupant, occupant_of, parse_species
from matganip.crystal.disorder_tags import tag_colour
from matganip.errors import InputError, ReadingWarning

LARGEST_SUGGESTION = 64
"""Cells of the largest supercell that is looked for."""

WHOLE = 0.005
"""Largest difference between an occupancy and atoms over sites that counts as none: the digits of a CIF."""

ROUNDING = 1e-6

ROUNDED_DIGITS = 0.00051
"""What rounding to three digits may take from the occupancy of a species: three of 0.333 leave no vacancy."""

Rounding = Literal["exact", "nearest", "any"]


@dataclass(frozen=True)
class MixedSublattice:
    """Equivalent sites of a crystal that several species share.

    Attributes
    ----------
    sites : tuple of int
        Indices into the crystal, ascending.
    labels : tuple of str
        Of the CIF file, where there are any.
    shares : dict of Occupant to float
        Occupancy of each species, the vacancy included; they add up to one.
    unit : int
        Sites that disorder groups fill together: atoms come in multiples of it.
    """

    sites: tuple[int, ...]
    labels: tuple[str, ...]
    shares: dict[Occupant, float]
    unit: int = 1

    @property
    def host(self) -> Occupant:
        """The most abundant species that is not a vacancy."""
        return max((one for one in self.shares if one.symbol != VACANCY), key=lambda one: self.shares[one])

    @property
    def name(self) -> str:
        """How a message names it."""
        told = ", ".join(f"{one.text} {share:g}" for one, share in self.shares.items())
        return f"{'/'.join(self.labels) or f'site {self.sites[0]}'} ({told})"

    def counts(self, n_cells: int) -> tuple[dict[Occupant, int], bool]:
        """Whole numbers of atoms nearest to the occupancies (largest remainders), and whether others are as near."""
        n_sites = len(self.sites) * n_cells // self.unit
        wanted = {one: share * n_sites for one, share in self.shares.items()}
        counts = {one: int(number + 1e-6) for one, number in wanted.items()}
        rest = {one: wanted[one] - counts[one] for one in sorted(wanted, key=lambda one: counts[one] - wanted[one])}
        left = n_sites - sum(counts.values())
        for one in list(rest)[:left]:
            counts[one] += 1
        ranked = list(rest.values())
        tied = 0 < left < len(ranked) and ranked[left - 1] - ranked[left] < 1e-6
        return {one: number * self.unit for one, number in counts.items()}, tied

    def difference(self, counts: Mapping[Occupant, int]) -> float:
        """Largest difference between an occupancy and atoms over sites."""
        n_sites = sum(counts.values())
        return max(abs(counts.get(one, 0) / n_sites - self.shares.get(one, 0.0)) for one in {*counts, *self.shares})


class DisorderedParent:
    """A crystal with partial occupancies.

    Parameters
    ----------
    structure : Structure
        The crystal.
    symprec : float
        Distance in angstrom within which sites count as equivalent.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> alloy = Structure(Lattice.cubic(3.7), [{"Cu": 0.63, "Au": 0.37}] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> parent = DisorderedParent(alloy, 0.01)
    >>> parent.substitutions(2)
    {(0, 1): {'Au': 1}}
    >>> parent.smallest_supercell()
    (5, 3, 1)
    """

    def __init__(self, structure: Structure, symprec: float) -> None:
        self.structure = structure
        self.symprec = symprec

    @cached_property
    def sublattices(self) -> tuple[MixedSublattice, ...]:
        """Sites with several species: symmetry-equivalent ones of equal occupancies are one sublattice."""
        shares = [_shares(self.structure, i) for i in range(len(self.structure))]
        kinds = [
            (tag_colour(self.structure, site), *sorted((one.text, round(share, 4)) for one, share in here.items()))
            for site, here in enumerate(shares)
        ]
        numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
        cell = (self.structure.lattice.matrix.tolist(), self.structure.frac_coords.tolist(), numbers)
        found = spglib.get_symmetry_dataset(cell, symprec=self.symprec)
        if found is None:
            raise InputError(
                f"symprec={self.symprec:g}: no symmetry found in the disordered parent; give another tolerance"
            )
        orbits: defaultdict[int, list[int]] = defaultdict(list)
        for site, representative in enumerate(np.asarray(found.equivalent_atoms).tolist()):
            if len(shares[site]) > 1:
                orbits[representative].append(site)
        units = whole_images(self.structure)
        mixed = tuple(
            replace(_mixed(self.structure, sites, shares[sites[0]]), unit=units.get(sites[0], 1))
            for sites in orbits.values()
        )
        for one in mixed:
            total = self.structure[one.sites[0]].species.num_atoms
            if abs(total - 1) > ROUNDING and VACANCY not in {specie.symbol for specie in one.shares}:
                warnings.warn(
                    f"{one.name}: the occupancies of the file add up to {total:.4g}, which is taken for 1: no vacancy",
                    ReadingWarning,
                    stacklevel=3,
                )
        return mixed

    def substitutions(
        self, n_cells: int, given: Substitutions | None = None, rounding: Rounding = "nearest", tolerance: float = WHOLE
    ) -> dict[tuple[int, ...], dict[str, int]]:
        """Whole numbers of atoms on every mixed sublattice, by its sites; those given override the file's.

        Parameters
        ----------
        n_cells : int
            Cells of the crystal in the supercell.
        given : mapping, optional
            As for `ConfigurationSpace`. On a mixed sublattice the one species of the file that is not listed takes the
            rest of the sites; ordered sites may be substituted besides.
        rounding : {"nearest", "exact", "any"}
            The nearest whole numbers, an error where others are as near; an error where they differ from an
            occupancy by more than `tolerance`; or the nearest whatever else is as near.
        tolerance : float
            Largest difference between an occupancy and atoms over sites.

        Returns
        -------
        dict

        Raises
        ------
        InputError
            Names the sublattice, and supercells that work.
        """
        found = self.overrides(n_cells, given or {})
        taken = {site for sites in found for site in sites}
        for mixed in self.sublattices:
            if taken.isdisjoint(mixed.sites):
                found[mixed.sites] = _listed(mixed, self._rounded(mixed, n_cells, rounding, tolerance))
        return found

    def overrides(self, n_cells: int, given: Substitutions) -> dict[tuple[int, ...], dict[str, int]]:
        """The numbers given, by the sites of their sublattices; see `substitutions`."""
        merged, plain = self._overridden(given)
        return {
            **plain,
            **{one.sites: _listed(one, _completed(one, counts, n_cells, label)) for one, counts, label in merged},
        }

    def ordered(self, given: Substitutions | None = None) -> Structure:
        """The crystal with the most abundant species on each mixed site; `given` may join sublattices.

        Returns
        -------
        Structure
        """
        merged, _ = self._overridden(given or {})
        structure = self.structure.copy()
        for mixed in (*self.sublattices, *(one for one, *_ in merged)):
            for site in mixed.sites:
                structure[site] = mixed.host.specie
        return structure

    def smallest_supercell(self, tolerance: float = WHOLE) -> tuple[int, int, int] | None:
        """The smallest compact supercell of whole numbers of atoms; None where none of up to 64 cells is one."""
        return next(iter(self.supercells(tolerance)), None)

    def supercells(self, tolerance: float = WHOLE) -> list[tuple[int, int, int]]:
        """The most compact supercell of each number of cells on which every occupancy is a whole number of atoms."""
        edges = self.structure.lattice.abc
        shapes: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for a, b, c in product(range(1, LARGEST_SUGGESTION + 1), repeat=3):
            if a * b * c <= LARGEST_SUGGESTION:
                shapes[a * b * c].append((a, b, c))
        fitting = (
            number
            for number in sorted(shapes)
            if all(one.difference(one.counts(number)[0]) <= tolerance for one in self.sublattices)
        )
        return [
            min(shapes[number], key=lambda s: (round(max(n * e for n, e in zip(s, edges, strict=True)), 6), s[::-1]))
            for number in fitting
        ]

    def _overridden(
        self, given: Substitutions
    ) -> tuple[list[tuple[MixedSublattice, Mapping[str, int], str]], dict[tuple[int, ...], dict[str, int]]]:
        """What is given for mixed sublattices, several joined where they are listed together, and for ordered sites."""
        merged: list[tuple[MixedSublattice, Mapping[str, int], str]] = []
        plain: dict[tuple[int, ...], dict[str, int]] = {}
        for key, counts in given.items():
            sites, label = sites_of(self.structure, key)
            groups = [mixed for mixed in self.sublattices if set(mixed.sites) & set(sites)]
            if not groups:
                plain[tuple(sites)] = dict(counts)
                continue
            whole = {site for mixed in groups for site in mixed.sites}
            single = isinstance(key, str) and "," not in key
            if single and (len(groups) > 1 or set(sites) != whole):
                others = "; ".join(mixed.name for mixed in groups)
                ordered = sorted(set(sites) - whole)
                also = f"; and on sites {', '.join(map(str, ordered))}, which are not shared" if ordered else ""
                raise InputError(f"{label}: is on several sublattices, {others}{also}; name one by its label or sites")
            if missing := sorted(whole - set(sites)):
                raise InputError(
                    f"{label}: names a part of {groups[0].name} only, whose sites are equivalent; add sites "
                    f"{', '.join(map(str, missing))}"
                )
            merged.append((self._joined(sites), counts, label))
        return merged, plain

    def _joined(self, sites: Sequence[int]) -> MixedSublattice:
        """Sites of several sublattices as one."""
        shares: dict[Occupant, float] = {}
        for site in sites:
            for one, share in _shares(self.structure, site).items():
                shares[one] = shares.get(one, 0.0) + share / len(sites)
        return _mixed(self.structure, sites, shares)

    def _rounded(
        self, mixed: MixedSublattice, n_cells: int, rounding: Rounding, tolerance: float
    ) -> dict[Occupant, int]:
        counts, others_as_near = mixed.counts(n_cells)
        n_sites = len(mixed.sites) * n_cells
        if rounding == "exact" and mixed.difference(counts) > tolerance:
            raise InputError(
                f"{mixed.name} of the parent has no whole numbers of atoms on {n_sites} sites within "
                f"occupancy_tolerance={tolerance:g}; {self._advice(tolerance)}"
            )
        if rounding == "nearest" and others_as_near:
            raise InputError(
                f"{mixed.name} of the parent: several whole numbers of atoms on {n_sites} sites are equally near; say "
                f"which, as in {_example(mixed, counts)}; {self._advice(WHOLE)}"
            )
        return counts

    def _advice(self, tolerance: float) -> str:
        shapes = self.supercells(tolerance)[:3]
        if shapes:
            return "supercells that work: " + ", ".join("x".join(map(str, shape)) for shape in shapes)
        return (
            f"no supercell of up to {LARGEST_SUGGESTION} cells works; give a larger occupancy_tolerance "
            "(--occupancy-tolerance), or the numbers of atoms as substitutions"
        )


def order_parent(parent: Structure, n_cells: int, tolerance: float, symprec: float) -> tuple[Structure, Substitutions]:
    """Turn partial occupancies into whole numbers of atoms on the sites of a supercell.

    Parameters
    ----------
    parent : Structure
        A crystal with partially occupied sites.
    n_cells : int
        Cells of the parent in the supercell.
    tolerance : float
        Largest difference between an occupancy and a whole number of atoms divided by the number of sites.
    symprec : float
        Distance in angstrom within which sites count as equivalent.

    Returns
    -------
    parent : Structure
        With the most abundant species on each disordered site.
    substitutions : dict
        As `ConfigurationSpace` takes them, by site indices.

    Raises
    ------
    InputError
        If an occupancy gives no whole number of atoms; the message names supercells in which it does.
    """
    disordered = DisorderedParent(parent, symprec)
    return disordered.ordered(), disordered.substitutions(n_cells, None, "exact", tolerance)


def _shares(parent: Structure, site: int) -> dict[Occupant, float]:
    """Share of each species on a site, and of a vacancy where they do not add up to one."""
    shares: dict[Occupant, float] = {}
    for specie, amount in parent[site].species.items():
        one = occupant_of(specie)
        shares[one] = shares.get(one, 0.0) + float(amount)
    missing = 1 - sum(shares.values())
    if missing > (ROUNDING if len(shares) < 2 else ROUNDED_DIGITS * len(shares)):
        shares[Occupant(VACANCY)] = shares.get(Occupant(VACANCY), 0.0) + missing
    total = sum(shares.values())
    return {one: share / total if abs(total - 1) > 1e-9 else share for one, share in shares.items()}


def _mixed(parent: Structure, sites: Sequence[int], shares: dict[Occupant, float]) -> MixedSublattice:
    labels = tuple(dict.fromkeys(label for site in sites for label in labels_of(parent, site)))
    return MixedSublattice(tuple(sites), labels, shares)


def _completed(mixed: MixedSublattice, given: Mapping[str, int], n_cells: int, label: str) -> dict[Occupant, int]:
    """Numbers of all species of a mixed sublattice: a species of the file that is not listed takes the rest."""
    counts: dict[Occupant, int] = {}
    for name, number in given.items():
        asked = parse_species(name, label)
        one = find_occupant(asked, mixed.shares) or asked
        if one in counts:
            raise InputError(f"{label}: {one.text} is given twice")
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
            raise InputError(f"{label}.{name}: the number of sites must be a whole number from 0, got {number!r}")
        counts[one] = int(number)
    n_sites, total = len(mixed.sites) * n_cells, sum(counts.values())
    unlisted = [one for one in mixed.shares if one not in counts]
    if len(unlisted) > 1 and total != n_sites:
        raise InputError(
            f"{label}: {mixed.name} holds {len(mixed.shares)} species in the file; give the numbers of all but one of "
            f"them, as in {_example(mixed, mixed.counts(n_cells)[0])}"
        )
    if total > n_sites or (not unlisted and total != n_sites):
        raise CountsDoNotFitError(f"{label}: {total} atoms and vacancies asked for, {mixed.name} has {n_sites} sites")
    return {**counts, **dict.fromkeys(unlisted, n_sites - total)}  # several are unlisted only where nothing is left


def _example(mixed: MixedSublattice, counts: Mapping[Occupant, int]) -> str:
    name = mixed.labels[0] if mixed.labels else ",".join(map(str, mixed.sites))
    listed = [one for one in counts if one != mixed.host]
    return f"{name}:{','.join(f'{one.text}={counts[one]}' for one in listed)}"


def _listed(mixed: MixedSublattice, counts: Mapping[Occupant, int]) -> dict[str, int]:
    """As `ConfigurationSpace` takes them: what is not the host."""
    return {one.text: number for one, number in counts.items() if one != mixed.host}
