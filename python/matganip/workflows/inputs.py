"""Everything that a study names, read and checked, before anything is computed or written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.prototypes import perovskite
from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.labels.tables import LabelTable, read_labels

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.workflows.schema import Study


@dataclass(frozen=True, eq=False)
class StudyInputs:
    """What a study speaks of.

    Attributes
    ----------
    study : Study
    spaces : tuple of ConfigurationSpace
        The study's own, and those of ``labels.also``.
    tables : tuple of LabelTable
        Of each space.
    screen_space : ConfigurationSpace
        The space to screen; the study's own where the file names no other.
    screen_table : LabelTable
        Labels of it.
    files : tuple of pathlib.Path
        That were read.
    """

    study: Study
    spaces: tuple[ConfigurationSpace, ...]
    tables: tuple[LabelTable, ...]
    screen_space: ConfigurationSpace
    screen_table: LabelTable
    files: tuple[Path, ...]

    @classmethod
    def read(cls, study: Study, base: Path, name: str = "study") -> StudyInputs:
        """Read what a study names.

        Parameters
        ----------
        study : Study
        base : pathlib.Path
            The folder that the study's relative paths start from.
        name : str
            What to call the study in error messages, usually its file.

        Raises
        ------
        InputError
            If a file is missing or cannot be parsed, a species is not in the parent, a sublattice has too few sites, or
            a label fits no orbit.
        """
        parent = _parent(study, base, name)
        own = _space(study, parent, study.substitutions, f"{name}: ")
        spaces, tables = [own], [read_labels(_label_source(study.labels.table, base))]
        for number, more in enumerate(study.labels.also):
            where = f"{name}: labels.also[{number}]: "
            spaces.append(_space(study, parent, more.substitutions, where))
            with within(where):
                tables.append(read_labels(_label_source(more.table, base)))
        screen = study.screen
        same = screen.substitutions in (None, study.substitutions)
        screened = own if same else _space(study, parent, screen.substitutions, f"{name}: screen.")
        screen_table = tables[0] if screen.labels is None else read_labels(_label_source(screen.labels, base))
        paths = [study.parent.file and base / study.parent.file, *(one.path for one in (*tables, screen_table))]
        files = tuple(dict.fromkeys(Path(path) for path in paths if path))
        return cls(study, tuple(spaces), tuple(tables), screened, screen_table, files)


def study_space(study: Study, base: Path, name: str = "study") -> ConfigurationSpace:
    """The space of a study, without its labels; the arguments are those of `StudyInputs.read`."""
    return _space(study, _parent(study, base, name), study.substitutions, f"{name}: ")


@contextmanager
def within(where: str, applies: bool = True) -> Iterator[None]:
    """Say in which study and section a mistake stands; those about another file name that already."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}{error}" if applies else str(error)) from error


def _parent(study: Study, base: Path, name: str) -> Structure:
    section = study.parent
    with within(f"{name}: parent: ", section.formula is not None):
        if section.file is not None:
            return read_structure(base / section.file, block=section.block)
        if section.formula is None or section.a is None:  # the schema refuses it; this is for the type checker
            raise InputError("parent: neither file nor formula")
        return perovskite(section.formula, a=section.a)


def _space(
    study: Study, parent: Structure, substitutions: dict[str, dict[str, int]] | None, where: str
) -> ConfigurationSpace:
    with within(where):
        if parent.is_ordered and not substitutions:
            raise InputError("substitutions: missing, and the parent has no partial occupancies")
        return ConfigurationSpace(
            parent,
            study.supercell,
            substitutions or {},
            symprec=study.parent.symprec,
            site_tolerance=study.parent.site_tolerance,
            min_distance=study.parent.min_distance,
        )


def _label_source(name: str, base: Path) -> str | Path:
    """A name that ends in .csv is a file beside the study, any other a table that is shipped."""
    return base / name if name.endswith(".csv") else name
