"""Configuration spaces from the command line: from a study file, or from a structure and options."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.configurations import notation
from matganip.errors import InputError, ReadingWarning

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.configurations.composition import Substitutions
    from matganip.configurations.notation import SublatticeKey, Supercell
    from matganip.configurations.space import ConfigurationSpace

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="A structure file (CIF, POSCAR, ...) or a study file (.toml).")
]
SupercellOption = Annotated[
    str | None,
    typer.Option(
        "--supercell",
        "-s",
        help="Three integers, 2,2,2, or the nine of a 3x3 matrix, row by row; or smallest, the smallest one on which "
        "the partial occupancies of the file are whole atoms.",
    ),
]
Substitute = Annotated[
    list[str] | None,
    typer.Option(
        "--substitute",
        "-x",
        metavar="HOST:SPECIES=N[,...]",
        help="N of SPECIES on the sites of HOST: an element (O), an ion (Fe2+), a label of the CIF (O2), several of "
        "these with commas, or site indices; repeat the option for more sublattices. SPECIES is an element, an ion, or "
        "a vacancy: vac, X, Va or []. N may be a range, 0-6 or 0-24:3, or a list, 1/3/5. With partial occupancies it "
        "overrides those of HOST.",
    ),
]
ChargeNeutral = Annotated[
    bool, typer.Option("--charge-neutral", help="Keep only charge-neutral compositions, and show the oxidation states.")
]
Oxidation = Annotated[
    list[str] | None,
    typer.Option(
        "--oxidation", metavar="SPECIES=STATE", help="A known oxidation state; the others are the file's, or guessed."
    ),
]
Block = Annotated[
    str | None, typer.Option("--block", metavar="NAME", help="Which data block of a CIF; without it, the first one.")
]
OccupancyTolerance = Annotated[
    float | None,
    typer.Option(
        "--occupancy-tolerance",
        min=0.0,
        help="Refuse whole numbers of atoms that differ from a partial occupancy by more than this; without it the "
        "nearest are taken and said. The occupancies of a site may pass 1 by it; 0.005.",
    ),
]
SiteTolerance = Annotated[
    float | None,
    typer.Option(
        "--site-tolerance",
        min=0.0,
        help="Sites closer than this, in angstrom, are positions of one site: an arrangement takes one or none; 0.75.",
    ),
]
MinDistance = Annotated[
    list[str] | None,
    typer.Option(
        "--min-distance",
        metavar="A-B=ANGSTROM",
        help="Distance that atoms of species A and B keep in every arrangement, as in Na-Na=2.5; repeat for more "
        "pairs.",
    ),
]
Symprec = Annotated[
    float | None,
    typer.Option("--symprec", help="Tolerance of the search for the symmetry of the parent, in angstrom; 0.01."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@dataclass(frozen=True)
class Spaces:
    """What the arguments describe: one space, or several compositions of one supercell.

    Attributes
    ----------
    spaces : tuple of ConfigurationSpace
    oxidation_states : dict, optional
        By species, where charge neutrality was asked for.
    whole : bool
        False where the composition of the space is no one's: every composition was asked for and none given.
    """

    spaces: tuple[ConfigurationSpace, ...]
    oxidation_states: dict[str, float] | None = None
    whole: bool = True


@dataclass(frozen=True)
class Reading:
    """How a crystal is read, and what is too close to stand together in it: what the options about it say."""

    block: str | None = None
    occupancy_tolerance: float | None = None
    symprec: float | None = None
    site_tolerance: float | None = None
    min_distance: list[str] | None = None

    @property
    def options(self) -> list[str]:
        """The options that were given."""
        return [f"--{name.replace('_', '-')}" for name, value in vars(self).items() if value not in (None, [])]

    @property
    def precision(self) -> float:
        """Tolerance of the search for symmetry, in angstrom."""
        return 0.01 if self.symprec is None else self.symprec

    def distances(self) -> tuple[float, dict[str, float]]:
        """The `site_tolerance` and the `min_distance` of a space."""
        with option("--min-distance"):
            pairs = notation.parse_distances(self.min_distance or [])
        return notation.SITE_TOLERANCE if self.site_tolerance is None else self.site_tolerance, pairs

    def parent(self, source: Path, counted: bool = True) -> Structure:
        """Read the parent crystal.

        Parameters
        ----------
        source : Path
            Its file.
        counted : bool
            Whether occupancies are made whole numbers of atoms, on which the occupancy tolerance acts as well.

        Raises
        ------
        InputError
            If it cannot be read, or an occupancy tolerance is given that nothing in it needs.
        """
        from matganip.crystal.structures import read_structure

        if self.occupancy_tolerance is None:
            return read_structure(source, block=self.block)
        found = read_structure(source, block=self.block, occupancy_tolerance=self.occupancy_tolerance)
        if counted and not found.is_ordered:
            return found
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # all was said when it was read
                alike = read_structure(source, block=self.block) == found
        except InputError:  # the tolerance is what makes it readable
            return found
        if not alike:
            return found
        what = "partial occupancies" if counted else "occupancies above 1"
        raise InputError(f"{source}: has no {what} that --occupancy-tolerance could act on; leave it out")


AS_WRITTEN = Reading()
"""Nothing was said about how to read it."""
READING = {
    "block": Block,
    "occupancy_tolerance": OccupancyTolerance,
    "symprec": Symprec,
    "site_tolerance": SiteTolerance,
    "min_distance": MinDistance,
}
"""The options of `Reading`."""


def reads_crystals(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that has an argument `reading` the options of `Reading` in its place."""
    signature = inspect.signature(command, eval_str=True)
    parameters = [one for one in signature.parameters.values() if one.name != "reading"]
    place = list(signature.parameters).index("reading")
    parameters[place:place] = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=annotation)
        for name, annotation in READING.items()
    ]

    @functools.wraps(command)
    def called(**arguments: Any) -> None:
        command(reading=Reading(**{name: arguments.pop(name) for name in READING}), **arguments)

    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def spaces_from(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    charge_neutral: bool = False,
    oxidation: list[str] | None = None,
    reading: Reading = AS_WRITTEN,
    *,
    any_composition: bool = False,
    ranked: bool = False,
) -> Spaces:
    """The space, or the series of compositions, that the arguments describe.

    Parameters
    ----------
    source, supercell, substitute, charge_neutral, oxidation, reading
        What the options say.
    any_composition : bool
        Only sublattices and species matter: numbers may be left out.
    ranked : bool
        The oxidation states are used even where neutrality is not asked for.

    Raises
    ------
    InputError
        If an option cannot be read, is missing, contradicts a study file, or would not act.
    """
    from matganip.crystal.molecules import names_in, with_molecules

    with option("--oxidation"):
        states = notation.parse_oxidation(oxidation or [])
    if states and not charge_neutral and not ranked:
        raise InputError("--oxidation acts together with --charge-neutral or --rank only; leave it out")
    if source.suffix == ".toml":
        given = [name for name, value in (("--charge-neutral", charge_neutral), ("--oxidation", states)) if value]
        return _study(source, bool(supercell or substitute), [*reading.options, *given])
    with option("--substitute"):
        substitutions = notation.parse_substitutions(substitute or [], numbered=not any_composition)
    parent = with_molecules(reading.parent(source), names_in(substitutions))
    if not substitute and parent.is_ordered:
        raise InputError("--substitute is needed with an ordered structure, as in --substitute I:Br=3")
    cells = _cells(supercell, parent, reading)
    from matganip.configurations.series import CompositionSeries

    whole = True
    if any_composition and not parent.is_ordered:
        nothing = {key: dict.fromkeys(wanted, 0) for key, wanted in substitutions.items()}
        parent, numbers, whole = _ordered(parent, cells, nothing, reading)
        substitutions = {key: dict(counts) for key, counts in numbers.items()}
    elif any_composition:
        whole = all("=" in part for text in substitute or [] for part in text.partition(":")[2].split(","))
    site_tolerance, min_distance = reading.distances()
    series = CompositionSeries(
        parent,
        cells,
        substitutions,
        charge_neutral=charge_neutral and not any_composition,
        oxidation_states=states if charge_neutral and not any_composition else None,
        symprec=reading.precision,
        occupancy_tolerance=reading.occupancy_tolerance,
        site_tolerance=site_tolerance,
        min_distance=min_distance,
    )
    found = series.oxidation_states
    if any_composition and charge_neutral:
        from matganip.configurations.charges import oxidation_states

        found = oxidation_states(series.spaces[0], states)
    if whole and not any_composition:
        _say_rounding(source, series.spaces[0], substitutions)
    return Spaces(series.spaces, found, whole)


def say_states(found: Spaces) -> None:
    """Print the oxidation states of which charge neutrality made use, beside the result."""
    if found.oxidation_states is not None:
        told = ", ".join(f"{name} {state:+g}" for name, state in found.oxidation_states.items())
        print(f"matganip: oxidation states, given or guessed: {told}", file=sys.stderr)


def _study(source: Path, own_space: bool, options: list[str]) -> Spaces:
    if own_space:
        raise InputError(f"{source}: a study file has its own supercell and substitutions; leave them out")
    if options:
        raise InputError(f"{source}: a study file describes its own crystal; leave out {' and '.join(options)}")
    from matganip.workflows.inputs import study_space
    from matganip.workflows.reading import read_study

    return Spaces((study_space(read_study(source), source.parent, str(source)),))


def _cells(supercell: str | None, parent: Structure, reading: Reading) -> Supercell:
    """The supercell asked for; ``smallest`` is looked up."""
    if supercell != "smallest":
        return supercell_from(supercell) or (1, 1, 1)
    if parent.is_ordered:
        raise InputError("--supercell smallest: the structure has no partial occupancies to be made whole")
    from matganip.configurations.disorder import LARGEST_SUGGESTION, WHOLE, DisorderedParent

    tolerance = WHOLE if reading.occupancy_tolerance is None else reading.occupancy_tolerance
    found = DisorderedParent(parent, reading.precision).smallest_supercell(tolerance)
    if found is None:
        raise InputError(
            f"--supercell smallest: the occupancies are whole within {tolerance:g} on no supercell of up to "
            f"{LARGEST_SUGGESTION} cells; give a larger --occupancy-tolerance, or a supercell: the nearest numbers are "
            "taken there"
        )
    print(f"matganip: the smallest supercell is {','.join(map(str, found))}", file=sys.stderr)
    return found


def _ordered(
    parent: Structure, cells: Supercell, substitutions: Substitutions, reading: Reading
) -> tuple[Structure, dict[tuple[int, ...], dict[str, int]], bool]:
    """A disordered parent with whole numbers of atoms, whichever; and whether these are the file's."""
    from matganip.configurations.composition import cells_of, supercell_matrix
    from matganip.configurations.disorder import WHOLE, DisorderedParent

    disordered, n_cells = DisorderedParent(parent, reading.precision), cells_of(supercell_matrix(cells))
    numbers = disordered.substitutions(n_cells, substitutions, "any")
    whole = not substitutions and all(one.difference(one.counts(n_cells)[0]) <= WHOLE for one in disordered.sublattices)
    return disordered.ordered(substitutions), numbers, whole


def _say_rounding(source: Path, space: ConfigurationSpace, given: Iterable[SublatticeKey]) -> None:
    """Warn where a composition is not that of the file."""
    from matganip.configurations.disorder import WHOLE

    ours = {space.parent_sites(key) for key in given}
    rounded = [
        f"{mixed.name} has {' '.join(f'{one.text} {number}' for one, number in counts.items())}"
        for mixed, counts in space.occupancies
        if mixed.sites not in ours and mixed.difference(counts) > WHOLE
    ]
    if not rounded:
        return
    shape = space.smallest_supercell()
    where = f"on {','.join(map(str, shape))}" if shape else "on no supercell of up to 64 cells"
    warnings.warn(
        f"{source}: nearest whole numbers of atoms are taken: {'; '.join(rounded)}. The file's are whole {where}",
        ReadingWarning,
        stacklevel=3,
    )


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
