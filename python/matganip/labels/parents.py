"""Which species may be on which sites of a parent, told by labelled structures."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from matganip.configurations.composition import VACANCY, element_of
from matganip.configurations.mapping import ParentLattice
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.structures import read_structure
from matganip.errors import InputError

if TYPE_CHECKING:
    import os

    from ase import Atoms
    from pymatgen.core.structure import Structure

    from matganip.labels.structures import LabelledStructures

TRIED = 6
"""Structures that an assignment of species to sublattices is tried on, the smallest of each set of elements first."""


def parent_space(
    parent: Structure | Atoms | str | os.PathLike[str], labels: LabelledStructures, symprec: float = 0.01
) -> ConfigurationSpace:
    """Make a space of a parent whose sites may hold what labelled structures have on them.

    Parameters
    ----------
    parent : Structure, ase.Atoms or path
        Ordered; where it has partial occupancies these say what is on its sites.
    labels : LabelledStructures
        Elements that the parent lacks go to the sublattice on which the structures fit; vacancies likewise.
    symprec : float
        Distance in angstrom within which atoms of the parent count as related by symmetry.

    Returns
    -------
    ConfigurationSpace
        Of the parent's own cell, with none of these species: what counts is which they are.

    Raises
    ------
    InputError
        If no assignment, or more than one, fits the structures.

    Examples
    --------
    >>> import matganip as mg
    >>> from pymatgen.core import Lattice, Structure
    >>> fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Ag"], [[0, 0, 0]])
    >>> pair = Structure(Lattice.tetragonal(2.8, 3.9), ["Ag", "Pd"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> parent_space(fcc, mg.LabelledStructures.of([pair], [1.0])).species
    (('Pd', 'Ag'),)
    """
    crystal = read_structure(parent)
    if not crystal.is_ordered:
        return ConfigurationSpace(crystal, (1, 1, 1), symprec=symprec)
    own = {element_of(crystal, site) for site in range(len(crystal))}
    symbols = [sorted(set(map(str, _atoms(one).symbols))) for one in labels.structures]
    foreign = sorted({name for one in symbols for name in one} - own)
    tried = _few(symbols, [len(one) for one in labels.structures])
    best: list[dict[str, dict[str, int]]] = []
    most = 0
    for hosts in product(sorted(own), repeat=len(foreign)):
        for vacant in (None, *sorted(own)):
            substitutions: dict[str, dict[str, int]] = {}
            for host, name in [*zip(hosts, foreign, strict=True), *([(vacant, VACANCY)] if vacant else [])]:
                substitutions.setdefault(host, {})[name] = 0
            if not substitutions:
                continue
            fits = _fitting(crystal, substitutions, [labels.structures[row] for row in tried], symprec)
            if fits > most:
                best, most = [substitutions], fits
            elif fits == most and most and not any(_simpler(one, substitutions) for one in best):
                best.append(substitutions)
    if len(best) != 1:
        told = (
            "no assignment of species to its sites fits"
            if not best
            else "more than one assignment fits: " + _told(best)
        )
        raise InputError(
            f"{labels.name}: which species are on which sites of {crystal.composition.reduced_formula} is not clear "
            f"({told}); give ConfigurationSpace(parent, (1, 1, 1), {{host: {{species: 0}}}}), or -x HOST:SPECIES=0"
        )
    return ConfigurationSpace(crystal, (1, 1, 1), best[0], symprec=symprec)


def _atoms(structure: Any) -> Atoms:
    """A structure as ASE has it."""
    return structure.to_ase_atoms() if hasattr(structure, "to_ase_atoms") else structure  # type: ignore[no-any-return]


def _few(symbols: list[list[str]], sizes: list[int]) -> list[int]:
    """The smallest structure of each set of elements, then the next of each, up to `TRIED` or one of each set."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    for row in sorted(range(len(sizes)), key=lambda row: (sizes[row], row)):
        kinds.setdefault(tuple(symbols[row]), []).append(row)
    turns = [rows[k] for k in range(TRIED) for rows in kinds.values() if k < len(rows)]
    return turns[: max(TRIED, len(kinds))]


def _fitting(parent: Structure, substitutions: dict[str, dict[str, int]], structures: list[Any], symprec: float) -> int:
    try:
        lattice = ParentLattice(ConfigurationSpace(parent, (1, 1, 1), substitutions, symprec=symprec))
    except InputError:
        return 0
    fits = 0
    for structure in structures:
        try:
            lattice.map(structure)
        except InputError:
            continue
        fits += 1
    return fits


def _simpler(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> bool:
    """Whether all that one allows the other allows, too."""
    return all(set(species) <= set(other.get(host, {})) for host, species in one.items())


def _told(found: list[dict[str, dict[str, int]]]) -> str:
    return " or ".join(", ".join(f"{'/'.join(species)} on {host}" for host, species in one.items()) for one in found)
