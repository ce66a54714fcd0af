"""Configuration spaces from the command line: from a study file, or from a structure and options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.configurations import notation
from matganip.errors import InputError

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.configurations.notation import Supercell
    from matganip.configurations.space import ConfigurationSpace

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="A structure file (CIF, POSCAR, ...) or a study file (.toml).")
]
SupercellOption = Annotated[
    str | None,
    typer.Option("--supercell", "-s", help="Three integers, 2,2,2, or the nine of a 3x3 matrix, row by row."),
]
Substitute = Annotated[
    list[str] | None,
    typer.Option(
        "--substitute",
        "-x",
        metavar="HOST:SPECIES=N[,...]",
        help="N of SPECIES on the sites of HOST, an element or site indices; repeat the option for more sublattices. A "
        "vacancy is vac. N may be a range, 0-6 or 0-24:3, or a list, 1/3/5. Not for structures with partial "
        "occupancies, which have their substitutions.",
    ),
]
ChargeNeutral = Annotated[
    bool, typer.Option("--charge-neutral", help="Keep only charge-neutral compositions, and show the oxidation states.")
]
Oxidation = Annotated[
    list[str] | None,
    typer.Option("--oxidation", metavar="SPECIES=STATE", help="A known oxidation state; the others are guessed."),
]
Block = Annotated[
    str | None, typer.Option("--block", metavar="NAME", help="Which data block of a CIF; without it, the first one.")
]
OccupancyTolerance = Annotated[
    float | None,
    typer.Option(
        "--occupancy-tolerance",
        min=0.0,
        help="By how much a partial occupancy may differ from whole atoms over sites, and the occupancies of a site "
        "may pass 1; 0.005.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@dataclass(frozen=True)
class Spaces:
    """What the arguments describe: one space, or several compositions of one supercell."""

    spaces: tuple[ConfigurationSpace, ...]
    oxidation_states: dict[str, float] | None = None


@dataclass(frozen=True)
class Reading:
    """How the structure file is read: what the options about it say."""

    block: str | None = None
    occupancy_tolerance: float | None = None

    @property
    def options(self) -> list[str]:
        """The options that were given."""
        given = {"--block": self.block, "--occupancy-tolerance": self.occupancy_tolerance}
        return [name for name, value in given.items() if value is not None]

    @property
    def tolerance(self) -> float:
        """That of occupancies."""
        from matganip.crystal.structures import OCCUPANCY_TOLERANCE

        return OCCUPANCY_TOLERANCE if self.occupancy_tolerance is None else self.occupancy_tolerance

    def parent(self, source: Path) -> Structure:
        """Read the parent crystal."""
        from matganip.crystal.structures import read_structure

        return read_structure(source, block=self.block, occupancy_tolerance=self.tolerance)


def spaces_from(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    charge_neutral: bool = False,
    oxidation: list[str] | None = None,
    reading: Reading = Reading(),
) -> Spaces:
    """The space, or the series of compositions, that the arguments describe.

    Raises
    ------
    InputError
        If an option cannot be read, is missing, or contradicts a study file.
    """
    if source.suffix == ".toml":
        if supercell or substitute:
            raise InputError(f"{source}: a study file has its own supercell and substitutions; leave them out")
        if reading.options:
            raise InputError(f"{source}: a study file has its own [parent]; leave out {' and '.join(reading.options)}")
        from matganip.workflows.inputs import study_space
        from matganip.workflows.reading import read_study

        return Spaces((study_space(read_study(source), source.parent, str(source)),))
    from matganip.configurations.series import CompositionSeries
    from matganip.configurations.space import ConfigurationSpace

    cells = supercell_from(supercell) or (1, 1, 1)
    parent = reading.parent(source)
    if not substitute:
        if parent.is_ordered:
            raise InputError("--substitute is needed with an ordered structure, as in --substitute I:Br=3")
        return Spaces((ConfigurationSpace(parent, cells, occupancy_tolerance=reading.tolerance),))
    with option("--substitute"):
        substitutions = notation.parse_substitutions(substitute)
    with option("--oxidation"):
        states = notation.parse_oxidation(oxidation or [])
    series = CompositionSeries(parent, cells, substitutions, charge_neutral=charge_neutral, oxidation_states=states)
    return Spaces(series.spaces, series.oxidation_states)


@contextmanager
def option(name: str) -> Iterator[None]:
    """Put the name of an option before the error about its text."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name} {error}") from None


def supercell_from(text: str | None) -> Supercell | None:
    """The value of ``--supercell``; None where it is not given."""
    with option("--supercell"):
        return notation.parse_supercell(text) if text else None


def composition_from(substitute: list[str] | None) -> dict[str, dict[str, int]] | None:
    """The values of ``--substitute`` where one composition is asked for; None without any."""
    with option("--substitute"):
        return notation.parse_composition(substitute) if substitute else None
