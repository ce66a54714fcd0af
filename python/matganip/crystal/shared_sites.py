"""Atoms of an asymmetric unit multiplied by symmetry into the sites of a cell, which several may share."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.crystal.atom_rows import AtomRow
from matganip.crystal.cif_symmetry import Operations
from matganip.crystal.disorder_tags import DISORDER, DisorderTag, tags_text
from matganip.crystal.displacements import ISOTROPIC, U_CIF, matrix_of, six_of, with_dimension
from matganip.crystal.species import name_of, specie_of
from matganip.errors import InputError

SPECIAL = 0.03
"""Angstrom. Images of one atom closer than this are one atom on a special position, whose digits were rounded."""

SHARED = 0.01
"""Angstrom. Atoms of two rows closer than this share a site."""

ROUNDING = 1e-8


class _Site:
    """Rows that share a site, each with the rotation that brought it there."""

    def __init__(self, position: NDArray[np.float64]) -> None:
        self.position = position
        self.members: list[tuple[AtomRow, NDArray[np.float64] | None]] = []


class SharedSites:
    """Sites of a cell, filled row by row.

    Parameters
    ----------
    lattice : Lattice
    operations : Operations
    """

    def __init__(self, lattice: Lattice, operations: Operations) -> None:
        self._lattice = lattice
        self._operations = operations
        self._sites: list[_Site] = []
        self._forms: set[str] = set()
        self._anisotropic = False

    def add(self, row: AtomRow) -> None:
        """Put an atom and its images on their sites."""
        self._anisotropic |= row.star is not None
        if row.isotropic is not None:
            self._forms.add(row.isotropic[0])
        position, stabilizer = self._special(row.position)
        star = None if row.star is None else _invariant(row.star, self._operations.rotations[stabilizer])
        taken = np.array([site.position for site in self._sites]).reshape(-1, 3)
        images = self._images(position)
        # Some programs write the order of the site's symmetry in the place of the multiplicity.
        if row.multiplicity not in (None, len(images), len(stabilizer), len(self._operations.rotations) / len(images)):
            warnings.warn(
                f"{row.label} has the multiplicity {row.multiplicity:g} in the file, and {len(images)} by its "
                "symmetry, which is taken",
                stacklevel=3,
            )
        for image, operation in images:
            moved = None if star is None else _rotated(star, self._operations.rotations[operation])
            near = self._distances(taken, image)
            if len(near) and near.min() < SHARED:
                site = self._sites[int(near.argmin())]
            else:
                site = _Site(image)
                self._sites.append(site)
            site.members.append((row, moved))

    def structure(self, occupancy_tolerance: float) -> Structure:
        """Make the structure, sorted by electronegativity as pymatgen's.

        Parameters
        ----------
        occupancy_tolerance : float
            By how much occupancies may pass 1; they are scaled to it, with a warning.

        Raises
        ------
        InputError
            If the occupancies of a site pass it, or there is no atom at all; names the labels.
        """
        species, positions, labels, properties, tags = [], [], [], [], []
        for site in self._sites:
            members = _fitting(site.members, occupancy_tolerance)
            atoms = [(row, star) for row, star in members if row.found.element is not None]
            if not atoms:
                continue
            amounts: dict[Any, float] = {}
            for row, _ in atoms:
                specie = specie_of(row.found, row.charge)
                amounts[specie] = amounts.get(specie, 0.0) + row.occupancy
            total = sum(row.occupancy for row, _ in members)
            scale = total if total > 1 + ROUNDING else 1.0
            species.append(Composition({specie: amount / scale for specie, amount in amounts.items()}))
            positions.append(site.position)
            labels.append(",".join(dict.fromkeys(row.label for row, _ in atoms)))
            properties.append(self._properties(atoms))
            tags.append(tags_text(_tag(row) for row, _ in atoms if row.disorder))
        if not species:
            raise InputError("has no atoms")
        names = dict.fromkeys(name for one in properties for name in one)
        every = {name: [one.get(name, 0) for one in properties] for name in names}
        if any(tags):
            every[DISORDER] = tags
        structure = Structure(self._lattice, species, positions, site_properties=every, labels=labels)
        return structure.get_sorted_structure()

    def _properties(self, atoms: list[tuple[AtomRow, NDArray[np.float64] | None]]) -> dict[str, Any]:
        """Displacements and isotopes, in one form on all sites; by the name of the species where a site's differ."""
        found: dict[str, dict[str, Any]] = {}
        for row, star in atoms:
            name = name_of(specie_of(row.found, row.charge))
            for key, value in self._displacement(row, star).items():
                found.setdefault(key, {})[name] = value
            if row.found.mass_number is not None:
                found.setdefault("isotope", {})[name] = row.found.mass_number
        names = {name_of(specie_of(row.found, row.charge)) for row, _ in atoms}
        return {key: _single(values) if values.keys() == names else values for key, values in found.items()}

    def _displacement(self, row: AtomRow, star: NDArray[np.float64] | None) -> dict[str, float]:
        """As the file has it where all atoms of it have one form; otherwise U_cif of all, or B_iso of all."""
        if row.isotropic is not None and not self._anisotropic:
            name, value = row.isotropic
            return {name: value} if len(self._forms) == 1 else {"B_iso": ISOTROPIC[name] * value}
        if row.isotropic is not None:
            name, value = row.isotropic
            u = ISOTROPIC[name] * value / ISOTROPIC["U_iso"]
            star = u * six_of(self._lattice.reciprocal_lattice_crystallographic.metric_tensor)
        if star is None:
            return {}
        return dict(zip(U_CIF, with_dimension(star, self._lattice).tolist(), strict=True))

    # -- geometry ------------------------------------------------------------------------------------------------

    def _special(self, position: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The special position next to a position, and the operations that keep it."""
        images = self._operations.rotations @ position + self._operations.translations
        apart = images - position
        apart -= np.rint(apart)
        stabilizer = np.flatnonzero(np.linalg.norm(apart @ self._lattice.matrix, axis=1) < SPECIAL)
        return position + apart[stabilizer].mean(axis=0), stabilizer

    def _images(self, position: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], int]]:
        """Distinct images in [0, 1), each with the first operation that makes it."""
        images = self._operations.rotations @ position + self._operations.translations
        images = images - np.floor(images)
        images[images > 1 - 1e-12] = 0.0
        kept: list[tuple[NDArray[np.float64], int]] = []
        for operation, image in enumerate(images):
            others = np.array([one for one, _ in kept]).reshape(-1, 3)
            if not len(kept) or self._distances(others, image).min() >= SPECIAL:
                kept.append((image, operation))
        return kept

    def _distances(self, positions: NDArray[np.float64], image: NDArray[np.float64]) -> NDArray[np.float64]:
        """To the nearest periodic image: right for distances far below the cell's edges."""
        apart = positions - image
        apart -= np.rint(apart)
        distances: NDArray[np.float64] = np.linalg.norm(apart @ self._lattice.matrix, axis=1)
        return distances


def _tag(row: AtomRow) -> DisorderTag:
    assembly, group = row.disorder or ("", "")
    return DisorderTag(name_of(specie_of(row.found, row.charge)), row.label, assembly, group, row.occupancy)


def _single(values: Mapping[str, Any]) -> Any:
    """One value where all are equal, else the mapping."""
    first, *rest = values.values()
    return first if all(value == first for value in rest) else dict(values)


def _fitting(
    members: list[tuple[AtomRow, NDArray[np.float64] | None]], tolerance: float
) -> list[tuple[AtomRow, NDArray[np.float64] | None]]:
    """Those that fit a site, or what does not."""
    total = sum(row.occupancy for row, _ in members)
    if total <= 1 + ROUNDING:
        return members
    shares = ", ".join(f"{row.label} {row.occupancy:g}" for row, _ in members)
    if total <= 1 + tolerance + ROUNDING:
        warnings.warn(f"the occupancies {shares} of a site add up to {total:g}; they are scaled to 1", stacklevel=3)
        return members
    heavy = [(row, star) for row, star in members if row.found.element != "H"]
    if 0 < len(heavy) < len(members) and {row.found.element for row, _ in heavy} == {"O"}:
        placed = ", ".join(row.label for row, _ in members if row.found.element == "H")
        warnings.warn(f"the hydrogen {placed} stands on an oxygen and is left out; it has no position", stacklevel=3)
        return _fitting(heavy, tolerance)
    raise InputError(
        f"the occupancies of a site ({shares}) add up to {total:g}; correct them, or allow for it by "
        f"occupancy_tolerance (--occupancy-tolerance {total - 1:.2g})"
    )


def _rotated(star: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    return six_of(rotation @ matrix_of(star) @ rotation.T)


def _invariant(star: NDArray[np.float64], rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a tensor has of the symmetry of its site: its mean over the rotations that keep it."""
    mean: NDArray[np.float64] = np.mean([_rotated(star, rotation) for rotation in rotations], axis=0)
    return mean
