"""`matganip match`: which arrangements, or mixtures of them, explain a measured powder pattern."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.distinguish import radiation_from, range_from
from matganip.cli.spaces import AS_WRITTEN, Json, Reading, Substitute, SupercellOption, reads_crystals, spaces_from
from matganip.errors import InputError


@tidy
@reads_crystals
def match(
    pattern: Annotated[
        Path,
        typer.Argument(
            metavar="PATTERN", help="Measured: .xy .xye .csv .dat, GSAS, .cif, .xrdml, .brml, .raw or .rasx."
        ),
    ],
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...",
            help="A parent structure or study file, whose arrangements are ranked; or several structures.",
        ),
    ],
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    radiation: Annotated[
        str | None,
        typer.Option("--radiation", help="CuKa12, CuKa, an angstrom, or 'neutron 1.54'; by default as the file says."),
    ] = None,
    unit: Annotated[str, typer.Option("--unit", help="Of the first column: 2theta, q or d.")] = "2theta",
    two_theta: Annotated[
        str | None, typer.Option("--two-theta", metavar="LOW,HIGH", help="The part of the pattern to fit, degrees.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="LOW,HIGH", help="Degrees to leave out; repeatable.")
    ] = None,
    other: Annotated[
        list[str] | None,
        typer.Option("--other", metavar="NAME=FILE", help="Another phase of the sample, as it is; repeatable."),
    ] = None,
    order: Annotated[
        str, typer.Option("--order", help="whole: arrangements as they stand; partial: each with its own order.")
    ] = "whole",
    background: Annotated[
        int | None,
        typer.Option("--background", min=1, help="Chebyshev coefficients; by default what it takes."),
    ] = None,
    snip: Annotated[bool, typer.Option("--snip", help="Add them to a background by peak clipping.")] = False,
    displacements: Annotated[
        str, typer.Option("--displacements", help="Isotropic B: none, overall, site or element.")
    ] = "site",
    shift: Annotated[str, typer.Option("--shift", help="zero, displacement (of the sample), both or none.")] = (
        "displacement"
    ),
    march: Annotated[
        str | None, typer.Option("--march", metavar="H,K,L", help="Preferred orientation about these planes.")
    ] = None,
    monochromator: Annotated[
        float | None, typer.Option("--monochromator", help="2theta of a crystal monochromator: 26.6 for graphite.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A model's folder: its energy, given the pattern.")
    ] = None,
    top: Annotated[int, typer.Option("--top", "-n", min=1, help="How many classes to show.")] = 20,
    refined: Annotated[int, typer.Option("--refined", min=1, help="How many of them to refine.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the search in spaces too large to enumerate.")] = 0,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Write observed, calculated and difference: .png, .pdf, .svg.")
    ] = None,
    cif: Annotated[Path | None, typer.Option("--cif", help="Write the best arrangement to this .cif file.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write a self-contained .html page.")] = None,
    json: Json = False,
) -> None:
    r"""Find the arrangements that explain a measured powder pattern, and say what the data cannot tell apart.

    The disordered average is fitted first: cell and shift, widths, displacements.
    Then every arrangement is ranked by its misfit, and the best are refined.

    \b
    matganip match scan.xrdml CsPbI3.cif -s 2,2,2 -x I:Br=6
    matganip match scan.xy Sr2FeMoO6.cif -s 2,2,2 -x Fe:Mo=4 --radiation CuKa12
    matganip match scan.xrdml spinel.cif -x Zn:Fe=1 -x Fe:Zn=1 --other zno=ZnO.cif
    matganip match scan.xy ordered.cif layered.cif --radiation 1.54056
    """
    from matganip.features.measured.readers import read_pattern
    from matganip.matching.run import match as do

    measured = read_pattern(pattern, radiation=None if radiation is None else radiation_from(radiation), unit=unit)
    for text in exclude or []:
        measured = measured.without(*range_from(text, "--exclude"))
    what: list[Any] = list(sources)
    if len(sources) == 1:
        what = list(spaces_from(sources[0], supercell, substitute, reading=reading).spaces)
    elif supercell or substitute or reading.options:
        given = ", ".join(["--supercell"] * bool(supercell) + ["--substitute"] * bool(substitute) + reading.options)
        raise InputError(f"{given}: for one SOURCE; several structures are taken as they are, leave it out")
    found = do(
        measured,
        what,
        two_theta_range=None if two_theta is None else range_from(two_theta),
        others=dict(_named(text) for text in other or []),
        settings={
            "n_background": background,
            "background": "snip" if snip else "chebyshev",
            "displacements": displacements,
            "shift": shift,
            "march": None if march is None else _planes(march),
            "monochromator": monochromator,
        },
        top=top,
        refined=refined,
        order=order,  # type: ignore[arg-type]
        model=_model(model),
        seed=seed,
        progress=not json,
    )
    render(found, json)
    if figure is not None:
        found.save_figure(figure)
    if cif is not None:
        _write_cif(found.best.structure, cif)
    if report is not None:
        from matganip.report.match import write_match_report

        write_match_report(found, report)
    if not json:
        for path in (one for one in (figure, cif, report) if one is not None):
            say(stdout(), f"Written: {path}")


def _named(text: str) -> tuple[str, str]:
    name, found, path = text.partition("=")
    if not found or not name or not path:
        raise InputError(f"--other {text}: write NAME=FILE, as in zno=ZnO.cif")
    return name, path


def _planes(text: str) -> tuple[int, ...]:
    try:
        planes = tuple(int(part) for part in text.split(","))
    except ValueError:
        planes = ()
    if len(planes) != 3:
        raise InputError(f"--march {text}: not three integers, as in 0,0,1")
    return planes


def _model(folder: Path | None) -> Any:
    if folder is None:
        return None
    from matganip.learning.model import Model

    return Model.of(folder)


def _write_cif(structure: Any, path: Path) -> None:
    from pymatgen.io.cif import CifWriter

    from matganip.files import atomic_path

    if path.suffix != ".cif":
        raise InputError(f"--cif {path}: the name must end in .cif")
    with atomic_path(path) as temporary:
        temporary.write_text(str(CifWriter(structure)), encoding="utf-8")
