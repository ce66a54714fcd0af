"""A configuration space from the command line: from a study file, or from a structure and two options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.study.schema import Supercell

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
        help="On the sites of HOST, N of SPECIES; repeat it for more sublattices. A vacancy is vac.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


def space_from(source: Path, supercell: str | None, substitute: list[str] | None) -> ConfigurationSpace:
    """The space that the arguments describe.

    Raises
    ------
    InputError
        If an option cannot be read, is missing, or contradicts a study file.
    """
    if source.suffix == ".toml":
        if supercell or substitute:
            raise InputError(f"{source}: a study file says supercell and substitutions itself; leave them out")
        from matganip.study.prepare import study_space
        from matganip.study.reading import read_study

        return study_space(read_study(source), source.parent, str(source))
    if not substitute:
        raise InputError("--substitute is needed with a structure file, as in --substitute I:Br=3")
    substitutions: dict[str | tuple[int, ...], dict[str, int]] = {}
    for text in substitute:
        host, species = parse_substitution(text)
        if substitutions.get(host, {}).keys() & species.keys():
            raise InputError(f"--substitute {text}: says again how many there are")
        substitutions.setdefault(host, {}).update(species)
    cells = parse_supercell(supercell or "1,1,1")
    from matganip.configurations.space import ConfigurationSpace
    from matganip.crystal.structures import read_structure

    return ConfigurationSpace(read_structure(source), cells, substitutions)


def parse_supercell(text: str) -> Supercell:
    """``2,2,2`` or nine integers as a supercell.

    >>> parse_supercell("2,2,2")
    (2, 2, 2)
    """
    from matganip.study.schema import checked_supercell

    try:
        numbers = [int(part) for part in text.split(",")]
        if len(numbers) == 9:
            return checked_supercell([numbers[0:3], numbers[3:6], numbers[6:9]])
        return checked_supercell(numbers)
    except ValueError as error:
        reason = "not integers" if "invalid literal" in str(error) else str(error)
        raise InputError(f"--supercell {text}: {reason}") from None


def parse_substitution(text: str) -> tuple[str | tuple[int, ...], dict[str, int]]:
    """``I:Br=3,Cl=2`` as a sublattice and its species.

    >>> parse_substitution("I:Br=3,Cl=2")
    ('I', {'Br': 3, 'Cl': 2})
    """
    from matganip.study.schema import sublattice_key

    host, colon, rest = text.partition(":")
    species: dict[str, int] = {}
    for part in rest.split(","):
        name, equals, number = part.partition("=")
        if not (colon and host and name and equals and number.strip().isdigit()):
            raise InputError(f"--substitute {text}: not of the form HOST:SPECIES=N, as in I:Br=3")
        species[name.strip()] = int(number)
    return sublattice_key(host.strip()), species
