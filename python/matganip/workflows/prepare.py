"""Everything that a study names, read and checked, before anything is computed or written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.prototypes import perovskite
from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.labels.labelled import Labelled
from matganip.labels.tables import LabelTable, read_labels
from matganip.learning.representation import GraphRepresentation, representation
from matganip.workflows.schema import Study

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure


@dataclass(frozen=True)
class Prepared:
    """A study's inputs: two spaces (the one evaluated and the one screened) with the labels of each.

    Parameters
    ----------
    study : Study
        The study.
    parent : pymatgen Structure
        The undoped crystal.
    space, screen_space : ConfigurationSpace
        The same object where the study screens its own space.
    represent, screen_represent : GraphRepresentation
        How their arrangements become matrices.
    table, screen_table : LabelTable
        As read.
    labelled, screen_labelled : Labelled
        Joined with the spaces by canonical form.
    files : tuple of pathlib.Path
        The files that were read, for the provenance.
    """

    study: Study
    parent: Structure
    space: ConfigurationSpace
    screen_space: ConfigurationSpace
    represent: GraphRepresentation
    screen_represent: GraphRepresentation
    table: LabelTable
    screen_table: LabelTable
    labelled: Labelled
    screen_labelled: Labelled
    files: tuple[Path, ...]


def prepare(study: Study, base: Path, name: str = "study") -> Prepared:
    """Read what the study names.

    Parameters
    ----------
    study : Study
        What to prepare.
    base : pathlib.Path
        The folder that the study's relative paths start from.
    name : str
        What to call the study in error messages, usually its file.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        If a file is missing or cannot be parsed, a species is not in the parent, a sublattice has too few
        sites, the radiation is unknown, a label fits no orbit, or more orbits are to be trained on than have labels.
    """
    with _in(f"{name}: parent: ", study.parent.formula is not None):
        parent = _parent(study, base)
    with _in(f"{name}: "):
        space = _space(study, parent, study.substitutions)
    screen = study.screen
    own = screen.substitutions in (None, study.substitutions)
    with _in(f"{name}: screen."):
        screen_space = space if own else _space(study, parent, screen.substitutions or {})
    with _in(f"{name}: diffraction: "):
        represent, screen_represent = (representation(study.diffraction, one) for one in (space, screen_space))
    table_name = _label_source(study.labels.table, base)
    screen_name = _label_source(screen.labels or study.labels.table, base)
    table = read_labels(table_name)
    screen_table = table if screen_name == table_name else read_labels(screen_name)
    screen_labelled = screen_table.join(screen_space)
    n_labelled = len(screen_labelled.energy)
    if screen.train is not None and screen.train > n_labelled:
        raise InputError(
            f"{name}: screen.train: {screen.train} orbits to train on, but {screen_table.name} labels {n_labelled}"
        )
    files = [study.parent.file and base / study.parent.file, table.path, screen_table.path]
    return Prepared(
        study,
        parent,
        space,
        screen_space,
        represent,
        screen_represent,
        table,
        screen_table,
        table.join(space),
        screen_labelled,
        tuple(dict.fromkeys(Path(file) for file in files if file)),
    )


@dataclass(frozen=True)
class Labels:
    """The labelled part of a study alone, without its screen: the fields are those of `Prepared`."""

    parent: Structure
    space: ConfigurationSpace
    represent: GraphRepresentation
    table: LabelTable
    labelled: Labelled
    files: tuple[Path, ...]


def prepare_labels(study: Study, base: Path, name: str = "study") -> Labels:
    """Read what the study's labels need; the arguments and errors are those of `prepare`."""
    with _in(f"{name}: parent: ", study.parent.formula is not None):
        parent = _parent(study, base)
    with _in(f"{name}: "):
        space = _space(study, parent, study.substitutions)
    with _in(f"{name}: diffraction: "):
        represent = representation(study.diffraction, space)
    table = read_labels(_label_source(study.labels.table, base))
    labelled, paths = table.join(space), [study.parent.file and base / study.parent.file, table.path]
    for number, more in enumerate(study.labels.also):
        with _in(f"{name}: labels.also[{number}]: "):
            other = _space(study, parent, more.substitutions)
            further = read_labels(_label_source(more.table, base))
            labelled = _joined(labelled, further.join(other), space, other)
        paths.append(further.path)
    files = tuple(dict.fromkeys(Path(file) for file in paths if file))
    return Labels(parent, space, represent, table, labelled, files)


def _joined(first: Labelled, second: Labelled, space: ConfigurationSpace, other: ConfigurationSpace) -> Labelled:
    """Labels of two compositions in the codes of the first one's space."""
    if other.species != space.species or not np.array_equal(other.site_indices, space.site_indices):
        raise InputError(
            f"its sites hold {other.species}, those of the study {space.species}: the same species on the same "
            "sublattices are needed, in the same order of frequency"
        )
    if second.calculator != first.calculator:
        raise InputError(
            f"its labels are of {second.calculator}, the study's of {first.calculator}: they do not compare"
        )
    if {tuple(row) for row in first.occupations.tolist()} & {tuple(row) for row in second.occupations.tolist()}:
        raise InputError("this composition is labelled already")
    return replace(
        first,
        occupations=np.concatenate([first.occupations, second.occupations]),
        multiplicity=np.concatenate([first.multiplicity, second.multiplicity]),
        energy=np.concatenate([first.energy, second.energy]),
        n_elsewhere=0,
    )


def study_space(study: Study, base: Path, name: str = "study") -> ConfigurationSpace:
    """The space of a study, without its labels; the arguments are those of `prepare`."""
    with _in(f"{name}: parent: ", study.parent.formula is not None):
        parent = _parent(study, base)
    with _in(f"{name}: "):
        return _space(study, parent, study.substitutions)


@contextmanager
def _in(where: str, applies: bool = True) -> Iterator[None]:
    """Say in which study and section a mistake stands; those about another file name that already."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}{error}" if applies else str(error)) from error


def _parent(study: Study, base: Path) -> Structure:
    section = study.parent
    if section.file is not None:
        return read_structure(base / section.file)
    if section.formula is None or section.a is None:  # the schema refuses it; this is for the type checker
        raise InputError("parent: neither file nor formula")
    return perovskite(section.formula, a=section.a)


def _space(study: Study, parent: Structure, substitutions: dict[str, dict[str, int]]) -> ConfigurationSpace:
    return ConfigurationSpace(parent, study.supercell, substitutions, symprec=study.parent.symprec)


def _label_source(name: str, base: Path) -> str | Path:
    """A name that ends in .csv is a file beside the study, any other a table that is shipped."""
    return base / name if name.endswith(".csv") else name
