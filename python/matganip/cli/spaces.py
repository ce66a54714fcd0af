"""A configuration space from the command line: from a study file, or from a structure and two options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.workflows.schema import Supercell

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
        help="On the sites of HOST, N of SPECIES; repeat it for more sublattices. A vacancy is vac. N may be a range, "
        "0-6 or 0-24:3, or a list, 1/3/5. A structure with partial occupancies needs none.",
    ),
]
ChargeNeutral = Annotated[
    bool, typer.Option("--charge-neutral", help="Keep only compositions without a net charge, and show the states.")
]
Oxidation = Annotated[
    list[str] | None,
    typer.Option("--oxidation", metavar="SPECIES=STATE", help="An oxidation state for that; the others are guessed."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@dataclass(frozen=True)
class Spaces:
    """What the arguments describe: one space, or several compositions of one supercell."""

    spaces: tuple[ConfigurationSpace, ...]
    oxidation_states: dict[str, float] | None = None

    @property
    def only(self) -> ConfigurationSpace:
        """The one space, where there is one."""
        return self.spaces[0]


def spaces_from(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    charge_neutral: bool = False,
    oxidation: list[str] | None = None,
) -> Spaces:
    """The space, or the series of compositions, that the arguments describe.

    Raises
    ------
    InputError
        If an option cannot be read, is missing, or contradicts a study file.
    """
    if source.suffix == ".toml":
        if supercell or substitute:
            raise InputError(f"{source}: a study file says supercell and substitutions itself; leave them out")
        from matganip.workflows.prepare import study_space
        from matganip.workflows.reading import read_study

        return Spaces((study_space(read_study(source), source.parent, str(source)),))
    from matganip.configurations.series import CompositionSeries
    from matganip.configurations.space import ConfigurationSpace
    from matganip.crystal.structures import read_structure

    cells = parse_supercell(supercell or "1,1,1")
    parent = read_structure(source)
    if not substitute:
        if parent.is_ordered:
            raise InputError("--substitute is needed with an ordered structure, as in --substitute I:Br=3")
        return Spaces((ConfigurationSpace(parent, cells),))
    substitutions: dict[str | tuple[int, ...], dict[str, list[int]]] = {}
    for text in substitute:
        host, species = parse_substitution(text)
        if substitutions.get(host, {}).keys() & species.keys():
            raise InputError(f"--substitute {text}: says again how many there are")
        substitutions.setdefault(host, {}).update(species)
    if not charge_neutral and all(len(n) == 1 for species in substitutions.values() for n in species.values()):
        single = {host: {name: n[0] for name, n in species.items()} for host, species in substitutions.items()}
        return Spaces((ConfigurationSpace(parent, cells, single),))
    series = CompositionSeries(
        parent, cells, substitutions, charge_neutral=charge_neutral, oxidation_states=parse_oxidation(oxidation or [])
    )
    return Spaces(series.spaces, series.oxidation_states)


def parse_supercell(text: str) -> Supercell:
    """``2,2,2`` or nine integers as a supercell.

    >>> parse_supercell("2,2,2")
    (2, 2, 2)
    """
    from matganip.workflows.schema import checked_supercell

    try:
        numbers = [int(part) for part in text.split(",")]
        if len(numbers) == 9:
            return checked_supercell([numbers[0:3], numbers[3:6], numbers[6:9]])
        return checked_supercell(numbers)
    except ValueError as error:
        reason = "not integers" if "invalid literal" in str(error) else str(error)
        raise InputError(f"--supercell {text}: {reason}") from None


def parse_substitution(text: str) -> tuple[str | tuple[int, ...], dict[str, list[int]]]:
    """``I:Br=3,Cl=0-2`` as a sublattice and its species, each with the numbers asked for.

    >>> parse_substitution("I:Br=3,Cl=0-2")
    ('I', {'Br': [3], 'Cl': [0, 1, 2]})
    """
    from matganip.workflows.schema import sublattice_key

    host, colon, rest = text.partition(":")
    species: dict[str, list[int]] = {}
    for part in rest.split(",") if colon and host else [""]:
        name, _, numbers = part.partition("=")
        try:
            species[name.strip()] = parse_numbers(numbers)
        except ValueError:
            name = ""
        if not name.strip():
            raise InputError(
                f"--substitute {text}: not of the form HOST:SPECIES=N, as in I:Br=3, I:Br=0-6 or I:Br=1/3/5"
            )
    return sublattice_key(host.strip()), species


def parse_numbers(text: str) -> list[int]:
    """``3``, ``0-6``, ``0-24:3`` or ``1/3/5`` as numbers.

    >>> parse_numbers("0-24:8")
    [0, 8, 16, 24]
    """
    span, _, step = text.strip().partition(":")
    first, dash, last = span.partition("-")
    if dash:
        return list(range(int(first), int(last) + 1, int(step or 1)))
    if step:
        raise ValueError(text)
    return [int(number) for number in text.split("/")]


def parse_oxidation(texts: list[str]) -> dict[str, float]:
    """``Sn=2`` as an oxidation state.

    >>> parse_oxidation(["Sn=2", "I=-1"])
    {'Sn': 2.0, 'I': -1.0}
    """
    states = {}
    for text in texts:
        name, _, state = text.partition("=")
        try:
            states[name.strip()] = float(state)
        except ValueError:
            raise InputError(f"--oxidation {text}: not of the form SPECIES=STATE, as in Sn=2") from None
    return states
