"""What a model says of itself beside its weights: how its graphs are made, of which crystal, what it was trained on.

The networks read matrices. Which radiation, range, resolution, cutoff, number of peaks and scaling these come from,
and which parent and supercell, stands in ``card.json``: a prediction needs nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.batch import locate
from matganip.configurations.codec import min_distance_values, occupation_texts, occupations_from_digits
from matganip.configurations.composition import Substitutions
from matganip.configurations.notation import SITE_TOLERANCE
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.limits import stored_parent
from matganip.errors import InputError, damaged
from matganip.features.settings import DiffractionSettings
from matganip.files import read_json, write_json
from matganip.learning.representation import GraphRepresentation, representation
from matganip.results.spans import Span

CARD = "card.json"
FORMAT = "matganip-card"
VERSION = 3
READ = (2, VERSION)
"""Versions that are read: 2 wrote the supercell and the substitutions as a study file has them."""


@dataclass(frozen=True)
class Card:
    """The card of a model.

    Parameters
    ----------
    diffraction : DiffractionSettings
        How graphs are made.
    parent : pymatgen Structure
        The undoped crystal.
    symprec : float
        Distance in angstrom within which its atoms count as related by symmetry.
    supercell : three int, or 3x3 int
        In units of the parent's vectors.
    substitutions : dict
        For each sublattice, by its element or its site indices ("2,3"), how many of its sites each species takes.
    positions : tuple of float
        Where the vertices of the graph stand, in degrees or (Patterson) angstrom: the graphs of two spaces whose
        vertices stand elsewhere do not compare.
    readout : str
        ``readout_fit`` of the network: what kind of function it is.
    calculator, table : str
        Whose energies were learned, and from which table.
    species : tuple of tuple of str
        What the digits of `trained_on` stand for on each substituted sublattice.
    trained_on : tuple of str
        Arrangements of the training set, one digit a site.
    site_tolerance, min_distance
        What is too close to stand together, as for `ConfigurationSpace`.
    span : Span or None
        How much of the pairs and triplets of the space trained on the columns know.
    ranges : dict of str to (float, float)
        Of a training set in many cells: the least and the largest share of each species on the sites, ``"sites"``, how
        many sites the cells have, and ``"width"``, the shortest distance, angstrom, between faces of a cell.

    Notes
    -----
    What is learned is the total energy per atom, in eV/atom, so that supercells of several sizes compare; vacancies
    are no atoms.
    """

    diffraction: DiffractionSettings
    parent: Structure
    symprec: float
    supercell: Any
    substitutions: dict[str, dict[str, int]]
    positions: tuple[float, ...]
    readout: str
    calculator: str
    table: str
    species: tuple[tuple[str, ...], ...]
    trained_on: tuple[str, ...]
    site_tolerance: float = SITE_TOLERANCE
    min_distance: Mapping[str, float] = field(default_factory=dict)
    span: Span | None = None
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, represent: GraphRepresentation, settings: DiffractionSettings, *, readout: str, calculator: str, table: str
    ) -> Card:
        """The card of a model that reads `represent`, made by `settings`; its training set is still empty."""
        space = represent.space
        return cls(
            diffraction=settings,
            parent=space.parent,
            symprec=space.symprec,
            site_tolerance=space.site_tolerance,
            min_distance=min_distance_values(space),
            supercell=space.supercell_matrix.tolist(),
            substitutions=_substitutions(space),
            positions=represent.vertex_positions,
            readout=readout,
            calculator=calculator,
            table=table,
            species=space.species,
            trained_on=(),
        )

    @cached_property
    def own_space(self) -> ConfigurationSpace:
        """The space that was trained on."""
        return self.space()

    def space(
        self, supercell: ArrayLike | None = None, substitutions: Substitutions | None = None
    ) -> ConfigurationSpace:
        """Make the space that was trained on, or another one of the same parent.

        Raises
        ------
        InputError
            If the parent has no such sublattice, or too few sites.
        """
        return ConfigurationSpace(
            self.parent,
            self.supercell if supercell is None else supercell,
            self.substitutions if substitutions is None else substitutions,
            symprec=self.symprec,
            site_tolerance=self.site_tolerance,
            min_distance=self.min_distance,
        )

    def check(self, space: ConfigurationSpace) -> None:
        """Refuse a space with a species that the model never met."""
        met = {name for names in self.species for name in names}
        new = sorted({name for names in space.species for name in names} - met)
        if new:
            raise InputError(
                f"the model was trained on {', '.join(sorted(met))} and has never met {', '.join(new)}; train one that "
                "has"
            )

    def represent(self, space: ConfigurationSpace) -> GraphRepresentation:
        """Make the graphs of a space as the model knows them.

        Raises
        ------
        InputError
            If the vertices of its graph are others than those that the model was trained on.
        """
        made = representation(self.diffraction, space)
        found = made.vertex_positions
        unit = "angstrom" if self.diffraction.cutoff is not None else "degrees"
        if len(found) != len(self.positions):
            raise InputError(
                f"the graphs of {space!r} have {len(found)} vertices, the model was trained on {len(self.positions)}"
                + self._advice()
            )
        apart = np.abs(np.subtract(found, self.positions))
        if apart.max(initial=0.0) > 1e-3:
            k = int(apart.argmax())
            raise InputError(
                f"vertex {k} of the graphs of {space!r} stands at {found[k]:.3f} {unit}, that of the model at "
                f"{self.positions[k]:.3f}" + self._advice()
            )
        return made

    def _advice(self) -> str:
        if self.diffraction.cutoff is not None:
            return ": it is for supercells of the parent that it was trained on"
        return ": peaks belong to one supercell; for several, train with diffraction.cutoff, the Patterson function"

    def digits(self) -> NDArray[np.uint8]:
        """The arrangements of the training set, (n, n_sites): codes into `species`."""
        return occupations_from_digits(self.trained_on, self.own_space.n_sites)

    def seen(self, space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell which arrangements, (n,), the model was trained on.

        Parameters
        ----------
        space : ConfigurationSpace
            Of any composition; of another supercell none were.
        occupations : (n, n_sites) uint8 ndarray
            Canonical representatives.
        """
        none = np.zeros(len(occupations), dtype=bool)
        own = self.own_space
        same = own.n_sites == space.n_sites and np.allclose(own.supercell_matrix, space.supercell_matrix)
        if not same or not self.trained_on or not np.array_equal(own.site_indices, space.site_indices):
            return none
        digits = self.digits()
        codes = np.zeros(digits.shape, dtype=np.uint8)
        known = np.ones(len(digits), dtype=bool)
        for column, (was, now) in enumerate(zip(own.sublattices, space.sublattices, strict=True)):
            for code, name in enumerate(self.species[was]):
                here = digits[:, column] == code
                if name in space.species[now]:
                    codes[here, column] = space.species[now].index(name)
                else:
                    known &= ~here
        codes = np.ascontiguousarray(codes[known & _has_composition(space, codes)])
        if not len(codes):
            return none
        return locate(occupations, space.canonical(codes).occupations) >= 0

    def with_training_set(self, space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> Card:
        """Give the same card with the arrangements trained on."""
        return replace(self, species=space.species, trained_on=tuple(occupation_texts(occupations)))

    def write(self, folder: Path) -> None:
        """Write ``card.json`` into a model folder, whole or not at all."""
        record = {
            "format": FORMAT,
            "version": VERSION,
            "property": "total energy, eV/atom",
            "calculator": self.calculator,
            "table": self.table,
            "diffraction": self.diffraction.model_dump(mode="json"),
            "supercell": self.supercell,
            "substitutions": self.substitutions,
            "symprec": self.symprec,
            "site_tolerance": self.site_tolerance,
            "min_distance": self.min_distance,
            "parent": self.parent.as_dict(),
            "positions": self.positions,
            "readout": self.readout,
            "species": self.species,
            "trained_on": self.trained_on,
            **({} if self.span is None else {"span": self.span.as_dict()}),
            **({"ranges": self.ranges} if self.ranges else {}),
        }
        write_json(folder / CARD, json.loads(json.dumps(record)))

    @classmethod
    def read(cls, folder: Path) -> Card:
        """Read the card of a model folder.

        Raises
        ------
        InputError
            If it is missing, damaged, or of another version; or if its arrangements are none of its space.
        """
        path = folder / CARD
        record = _record(path)
        with damaged(path):
            found = cls(
                diffraction=DiffractionSettings.model_validate_json(json.dumps(record["diffraction"]), strict=True),
                parent=stored_parent(record["parent"]),
                symprec=float(record["symprec"]),
                site_tolerance=float(record.get("site_tolerance", SITE_TOLERANCE)),
                min_distance={str(pair): float(d) for pair, d in record.get("min_distance", {}).items()},
                supercell=np.array(record["supercell"], dtype=np.int64).tolist(),
                substitutions=_counts(record["substitutions"]),
                positions=tuple(map(float, record["positions"])),
                readout=str(record["readout"]),
                calculator=str(record["calculator"]),
                table=str(record["table"]),
                species=tuple(tuple(map(str, names)) for names in record["species"]),
                trained_on=tuple(map(str, record["trained_on"])),
                span=Span.from_dict(record["span"]) if "span" in record else None,
                ranges={str(name): (float(low), float(high)) for name, (low, high) in record.get("ranges", {}).items()},
            )
            found._check_training_set()
        return found

    def _check_training_set(self) -> None:
        """The arrangements trained on must be of the sites and species that the card speaks of."""
        space = self.own_space
        if len(self.species) != len(space.species):
            raise ValueError(f"species of {len(self.species)} sublattices, substitutions on {len(space.species)}")
        digits = occupations_from_digits(self.trained_on, space.n_sites, "trained_on, row {}")
        n_species = np.array([len(names) for names in self.species])[space.sublattices]
        if (digits >= n_species).any():
            raise ValueError("trained_on holds a species that the sublattice has not")


def _counts(stored: dict[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Stored substitutions, whose numbers must be whole."""
    for name, count in ((name, count) for one in stored.values() for name, count in one.items()):
        if not isinstance(count, int):
            raise TypeError(f"substitutions: {name} must be a whole number, not {count!r}")
    return stored


def _substitutions(space: ConfigurationSpace) -> dict[str, dict[str, int]]:
    """The substitutions of a space by the indices of the parent's sites, as JSON keys."""
    return {
        ",".join(map(str, sublattice.parent_sites)): {
            name: count
            for name, count in zip(sublattice.species, sublattice.counts, strict=True)
            if name != sublattice.host
        }
        for sublattice in space.sublattice_table
    }


def _has_composition(space: ConfigurationSpace, codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    fits = np.ones(len(codes), dtype=bool)
    for sublattice, counts in enumerate(space.counts):
        of_sublattice = codes[:, space.sublattices == sublattice]
        for code, count in enumerate(counts):
            fits &= (of_sublattice == code).sum(axis=1) == count
    return fits


def _record(path: Path) -> dict[str, Any]:
    record = read_json(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"{path}: not the card of a matganip model")
    if record.get("version") not in READ:
        raise InputError(f"{path}: version {record.get('version')}, this program reads version {VERSION}; train again")
    return record
