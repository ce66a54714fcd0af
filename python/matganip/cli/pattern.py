"""`matganip pattern`: the powder pattern of a crystal, as a table, a figure and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.spaces import Block, Json, OccupancyTolerance, Reading
from matganip.errors import InputError

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure


@tidy
def pattern(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A structure file: CIF, POSCAR, ...")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to, by suffix: .xy profile, .csv lines, .cif powder block, .json, .png, .pdf or .svg figure; "
            "repeat it for several.",
        ),
    ] = None,
    instrument: Annotated[
        Path | None, typer.Option("--instrument", "-i", help="A .toml with the keys below, or a GSAS-II .instprm.")
    ] = None,
    radiation: Annotated[
        str | None,
        typer.Option("--radiation", "-r", help="CuKa, CuKa12, a wavelength in angstrom, or 'neutron 1.54'."),
    ] = None,
    two_theta: Annotated[
        str | None, typer.Option("--two-theta", metavar="LOW,HIGH", help="Range, degrees; 5,90 without it.")
    ] = None,
    step: Annotated[float | None, typer.Option("--step", help="Of the profile, degrees; 0.02.")] = None,
    axis: Annotated[str, typer.Option("--axis", help="2theta, q or d.")] = "2theta",
    fwhm: Annotated[
        float | None, typer.Option("--fwhm", help="Full width of a line at half maximum, degrees; 0.1.")
    ] = None,
    monochromator: Annotated[
        float | None, typer.Option("--monochromator", help="Its angle 2theta, degrees: 26.6 of graphite and CuKa.")
    ] = None,
    form_factors: Annotated[
        str | None,
        typer.Option("--form-factors", help="mott-bethe, waasmaier-kirfel or international-tables."),
    ] = None,
    ions: Annotated[bool, typer.Option("--ions", help="Scatter with the charges in the file.")] = False,
    anomalous: Annotated[bool, typer.Option("--anomalous", help="Add f' and f''.")] = False,
    b: Annotated[
        list[str] | None,
        typer.Option("--b", metavar="ELEMENT=B", help="B in angstrom^2, in place of displacements in the file."),
    ] = None,
    no_displacements: Annotated[
        bool, typer.Option("--no-displacements", help="Leave out the displacements in the file.")
    ] = False,
    block: Block = None,
    occupancy_tolerance: OccupancyTolerance = None,
    json: Json = False,
) -> None:
    """Calculate the powder pattern of a crystal, for X-rays or neutrons.

    Displacements, shared sites and isotopes are taken from the file.

    \b
    matganip pattern NaCl.cif
    matganip pattern NaCl.cif -r CuKa12 --monochromator 26.6 -o lab.xy -o lab.png
    matganip pattern LiD.cif -r "neutron 1.54" --axis q -o LiD.csv
    matganip pattern NaCl.cif --instrument lab.instprm -o NaCl_powder.cif
    """
    from matganip.features.powder.instrument import Instrument, read_instrument
    from matganip.workflows.pattern import pattern as pattern_of

    given: dict[str, Any] = {
        "radiation": _number_or_name(radiation),
        "two_theta": _range(two_theta),
        "step": step,
        "monochromator": monochromator,
        "form_factors": form_factors,
        "ions": ions or None,
        "anomalous": anomalous or None,
        "w": None if fwhm is None else fwhm**2,
    }
    if fwhm is not None and instrument is not None:
        raise InputError("--fwhm and --instrument: the instrument has its own widths; leave one out")
    _refuse_idle({"--step": step, "--fwhm": fwhm}, output or [])
    settings = Instrument() if instrument is None else read_instrument(instrument)
    settings = settings.replace(**{key: value for key, value in given.items() if value is not None})
    crystal = Reading(block, occupancy_tolerance).parent(source, counted=False)
    factors = dict(_factor(text) for text in b or [])
    _refuse_what_is_not_there(crystal, factors, ions=ions, no_displacements=no_displacements)
    found = pattern_of(
        crystal,
        settings,
        axis=axis,  # type: ignore[arg-type]
        debye_waller_factors=factors or None,
        displacements=not no_displacements,
        name=source.name,
    )
    for path in output or []:
        found.write(path)
    render(found, json)
    if output and not json:
        say(stdout(), f"Written: {', '.join(map(str, output))}")


def _refuse_idle(given: dict[str, float | None], output: list[Path]) -> None:
    """Refuse options of a profile where none is made."""
    from matganip.results.powder_pattern import PROFILES

    if any(path.suffix.lower() in PROFILES for path in output):
        return
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{name} acts on the profile: name an --output with one, {', '.join(PROFILES)}, or leave it out"
            )


def _refuse_what_is_not_there(
    crystal: Structure, factors: dict[str, float], *, ions: bool, no_displacements: bool
) -> None:
    """Refuse options about charges, displacements and elements that a crystal has not."""
    from matganip.crystal.displacements import PROPERTIES
    from matganip.crystal.species import symbol_of

    elements = {symbol_of(one) for one in crystal.composition}
    for element in factors:
        if element not in elements:
            raise InputError(f"--b {element}: there is no {element}, only {', '.join(sorted(elements))}; leave it out")
    if ions and not any(getattr(one, "oxi_state", None) for one in crystal.composition):
        raise InputError("--ions: the file gives no charges; leave it out")
    if no_displacements and crystal.site_properties.keys().isdisjoint(PROPERTIES):
        raise InputError("--no-displacements: the file has none; leave it out")


def _number_or_name(text: str | None) -> str | float | None:
    """A wavelength where it is a number."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--two-theta {text}: not of the form LOW,HIGH, as in 10,80") from None
    return low, high


def _factor(text: str) -> tuple[str, float]:
    element, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not (element and equals and number >= 0):
        raise InputError(f"--b {text}: not of the form ELEMENT=B, as in Pb=1.2")
    return element, number
