"""Find the orbits of structures from elsewhere: any order of atoms, any origin, any orientation of the cell."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.codec import composition_text, occupation_texts
from matganip.configurations.composition import VACANCY, element_of
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.structures import name_of, naming, read_structure
from matganip.errors import InputError
from matganip.labels.structures import holds_structures, named_structures
from matganip.results.labelling import JoinedStructures

if TYPE_CHECKING:
    from ase import Atoms

GOOD = 0.05
"""Displacement in angstrom below which no other orientation or origin is tried."""


@dataclass(frozen=True)
class Match:
    """Where a structure was found to sit on the supercell's sites.

    Attributes
    ----------
    occupation : (n_sites,) uint8
        What it has on the substituted sites; its orbit is `ConfigurationSpace.canonical`'s.
    displacement : float
        Distance in angstrom of the atom farthest from its site, in the supercell's lattice.
    """

    occupation: NDArray[np.uint8]
    displacement: float


def match_structure(
    space: ConfigurationSpace,
    structure: Structure | Atoms | str | os.PathLike[str],
    tolerance: float = 0.5,
    strain: float = 0.05,
) -> Match:
    """Find an arrangement of a space in a structure, its atoms in any order, its origin and cell vectors any.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    structure : Structure, ase.Atoms or path
        An arrangement of the same supercell, also relaxed, also with cell vectors that are turned, exchanged, or
        others of the same lattice.
    tolerance : float
        Distance in angstrom within which an atom sits on a site.
    strain : float
        How far, as a fraction, the lengths of the cell's vectors may be off.

    Returns
    -------
    Match
        Of all orientations and origins the one with the smallest displacement.

    Raises
    ------
    InputError
        If the lattice is another one, or some atom sits on no site or where it must not; the message names the atom and
        the site.

    Notes
    -----
    An isometry that lays the structure's lattice on the supercell's and its atoms on sites that may hold them is,
    against another such one, a symmetry operation of the parent: both give members of one orbit. Candidate origins
    lay one atom of the rarest element on each site that may hold it, one primitive cell's worth of them; the mean of
    the displacements then corrects the origin.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> moved = space.unrank(7).structures().__next__()
    >>> moved = moved.translate_sites(range(40), [0.21, 0.4, 0.07])
    >>> space.rank(match_structure(space, moved).occupation)
    7
    """
    given = read_structure(structure)
    _check_sites(given)
    frame = _Frame(space)
    best: Match | None = None
    complaint: tuple[int, str] | None = None
    for coordinates in _orientations(given, space.supercell_structure, strain):
        for placed in frame.placements(given, coordinates):
            found = frame.look(given, placed, tolerance)
            if isinstance(found, Match):
                if best is None or found.displacement < best.displacement:
                    best = found
                if best.displacement < GOOD:
                    return best
            elif complaint is None or found[0] < complaint[0]:
                complaint = found
    if best is None:
        raise InputError(complaint[1] if complaint else f"no atom of it fits a site of {space!r}")
    return best


def join_structures(
    space: ConfigurationSpace,
    structures: Iterable[Structure | Atoms | str | os.PathLike[str]],
    tolerance: float = 0.5,
    strain: float = 0.05,
) -> ConfigurationBatch:
    """Find the orbits of structures from elsewhere.

    Parameters
    ----------
    space, tolerance, strain
        As for `match_structure`.
    structures : iterable of Structure, ase.Atoms or path
        Labellable of the space.

    Returns
    -------
    ConfigurationBatch
        One row for each structure: its orbit's representative and multiplicity.

    Raises
    ------
    InputError
        Names the structure, by its path or its position, and the site that does not fit.
    """
    rows = []
    for number, structure in enumerate(structures):
        with naming(name_of(structure, number)):
            found = match_structure(space, structure, tolerance, strain)
            rows.append(space.checked_occupations(found.occupation[np.newaxis]))
    return space.canonical(np.concatenate(rows) if rows else np.empty((0, space.n_sites), np.uint8))


def find_orbits(
    spaces: ConfigurationSpace | Sequence[ConfigurationSpace],
    structures: Iterable[Structure | Atoms | str | os.PathLike[str]],
    tolerance: float = 0.5,
    strain: float = 0.05,
    energy: str | None = None,
) -> JoinedStructures:
    """Find the orbits of structures from elsewhere among several compositions, and say why others belong to none.

    Parameters
    ----------
    spaces : ConfigurationSpace or several
        Each structure is joined with the space of its composition, with the first where there is none.
    structures, tolerance, strain
        As for `join_structures`; a path may also be a file of many structures, or a folder, that `read_structures`
        reads, and the energies that they have there go with them.
    energy : str, optional
        Key of the property that is the energy there, as for `read_structures`.

    Returns
    -------
    JoinedStructures
    """
    several = [spaces] if isinstance(spaces, ConfigurationSpace) else list(spaces)
    amounts = [{name: float(n) for name, n in space.composition.items() if n and name != VACANCY} for space in several]
    joined, refused = [], []
    for name, given, value in _each(structures, energy):
        try:
            structure = read_structure(given)
            has = structure.composition.get_el_amt_dict()
            space = several[amounts.index(has)] if has in amounts else several[0]
            found = match_structure(space, structure, tolerance, strain)
            orbit = space.canonical(space.checked_occupations(found.occupation[np.newaxis]))
        except InputError as error:
            refused.append(str(error) if str(error).startswith(name) else f"{name}: {error}")
            continue
        joined.append(
            {
                "file": name,
                "composition": composition_text(space),
                "occupation": occupation_texts(orbit.occupations)[0],
                "multiplicity": int(orbit.multiplicity[0]),
                "displacement": found.displacement,
                "energy": value,
            }
        )
    return JoinedStructures(tuple(joined), tuple(refused))


def _each(structures: Iterable[Any], energy: str | None) -> Iterator[tuple[str, Any, float | None]]:
    """Name, structure and energy of each; those of a file of many one by one."""
    for number, given in enumerate(structures):
        if holds_structures(given):
            for name, atoms, value in named_structures(given, energy):
                yield f"{os.fspath(given)}, {name}", atoms, value
        else:
            yield name_of(given, number), given, None


class _Frame:
    """The supercell's sites, and the species that each may hold."""

    def __init__(self, space: ConfigurationSpace) -> None:
        self.space = space
        self.structure = space.supercell_structure
        self.may_hold: list[tuple[str, ...]] = [(element_of(self.structure, i),) for i in range(len(self.structure))]
        for site, sublattice in zip(space.site_indices, space.sublattices, strict=True):
            self.may_hold[int(site)] = space.species[sublattice]
        n_cells = len(self.structure) // len(space.parent)
        # The copies of each site of the parent follow one another, and translations make them equal.
        self.first_copies = range(0, len(self.structure), n_cells)

    def placements(self, given: Structure, coordinates: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Fractional coordinates (n, 3) with the origin at each candidate, the one that is given first."""
        yield coordinates
        elements = [element_of(given, atom) for atom in range(len(given))]
        rarest = min(sorted(set(elements)), key=lambda one: (sum(one in may for may in self.may_hold), one))
        anchor = coordinates[elements.index(rarest)]
        for site in self.first_copies:
            if rarest in self.may_hold[site]:
                yield coordinates + (self.structure.frac_coords[site] - anchor)

    def look(self, given: Structure, coordinates: NDArray[np.float64], tolerance: float) -> Match | tuple[int, str]:
        """The occupation of each site; or how many atoms do not fit, and the first complaint."""
        sites, moves = self._nearest(coordinates)
        # A common shift belongs to the origin; the median ignores a few atoms that sit elsewhere.
        sites, moves = self._nearest(coordinates - np.median(moves, axis=0))
        moves -= moves.mean(axis=0)
        far = np.linalg.norm(moves @ self.structure.lattice.matrix, axis=1)
        elements = [element_of(given, atom) for atom in range(len(given))]
        complaints = []
        on_site: dict[int, int] = {}
        for atom, site in enumerate(sites.tolist()):
            about = f"atom {atom} ({elements[atom]})"
            where = f"site {site} ({'/'.join(self.may_hold[site])})"
            if far[atom] > tolerance:
                complaints.append(f"{about} is {far[atom]:.2f} angstrom from {where}, the tolerance is {tolerance:g}")
            elif elements[atom] not in self.may_hold[site]:
                complaints.append(f"{about} sits on {where}, which may not hold it")
            elif site in on_site:
                complaints.append(f"{about} and atom {on_site[site]} both sit on {where}")
            on_site.setdefault(site, atom)
        empty = [s for s, may in enumerate(self.may_hold) if s not in on_site and VACANCY not in may]
        if empty and not complaints:
            complaints.append(f"no atom sits on site {empty[0]} ({'/'.join(self.may_hold[empty[0]])})")
        if complaints:
            return len(complaints), complaints[0]
        held = [elements[on_site[int(s)]] if int(s) in on_site else VACANCY for s in self.space.site_indices]
        codes = [self.space.species[k].index(name) for k, name in zip(self.space.sublattices, held, strict=True)]
        return Match(np.array(codes, dtype=np.uint8), float(far.max()))

    def _nearest(self, coordinates: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each atom the nearest site (n,), and the way from it in fractional coordinates (n, 3)."""
        distances = self.structure.lattice.get_all_distances(coordinates, self.structure.frac_coords)
        sites = distances.argmin(axis=1)
        moves = coordinates - self.structure.frac_coords[sites]
        return sites, moves - np.round(moves)


def _check_sites(structure: Structure) -> None:
    if not len(structure):
        raise InputError("the structure has no atoms")
    for number, site in enumerate(structure):
        if not site.is_ordered:
            raise InputError(
                f"site {number} is partially occupied ({site.species_string}): an arrangement has one species on each "
                "site; a parent with partial occupancies goes to ConfigurationSpace"
            )


def _orientations(given: Structure, frame: Structure, strain: float) -> Iterator[NDArray[np.float64]]:
    """Fractional coordinates (n, 3) in each choice of vectors of the given lattice that look like the frame's.

    First comes the choice as it is given, if that is one.
    """
    ratio = given.volume / frame.volume
    if abs(ratio - 1) > 3 * strain + 0.01:
        raise InputError(
            f"its cell has {given.volume:.1f} cubic angstrom, the supercell {frame.volume:.1f}: another supercell, or "
            f"a lattice constant that is off by more than {strain:.0%}?"
        )
    angle = float(np.degrees(strain))
    found = given.lattice.find_all_mappings(frame.lattice, ltol=strain, atol=angle, skip_rotation_matrix=True)
    matrices = [np.round(scale).astype(np.int64) for _, _, scale in found]
    matrices = [m for m in matrices if abs(round(float(np.linalg.det(m)))) == 1]
    if not matrices:
        raise InputError(
            f"its lattice (lengths {np.round(given.lattice.abc, 3).tolist()}, angles "
            f"{np.round(given.lattice.angles, 2).tolist()}) is not the supercell's "
            f"({np.round(frame.lattice.abc, 3).tolist()}, {np.round(frame.lattice.angles, 2).tolist()})"
        )
    for matrix in sorted(matrices, key=lambda m: int(np.abs(m - np.eye(3, dtype=np.int64)).sum())):
        yield given.frac_coords @ np.linalg.inv(matrix)
