"""`matganip distinguish`: how many arrangements look alike to a diffractometer, and what that costs a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.spaces import (
    AS_WRITTEN,
    Json,
    Reading,
    Source,
    Substitute,
    SupercellOption,
    reads_crystals,
    spaces_from,
)
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.design import Design


@tidy
@reads_crystals
def distinguish(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    n_peaks: Annotated[
        int | None, typer.Option("--n-peaks", min=1, help="Number of vertices of the graph; 28 by default.")
    ] = None,
    radiation: Annotated[
        list[str] | None,
        typer.Option(
            "--radiation",
            help="CuKa (the default), CuKa12, a wavelength in angstrom, or 'neutron 1.54'. With --design candidates: "
            "repeat it; by default tubes, neutrons, and X-rays below the edges of the elements that are mixed.",
        ),
    ] = None,
    two_theta: Annotated[
        str | None,
        typer.Option("--two-theta", metavar="LOW,HIGH", help="The range of the pattern, in degrees; 0,90 by default."),
    ] = None,
    triplets: Annotated[bool, typer.Option("--triplets", help="Also triplets, which see three atoms.")] = False,
    cutoff: Annotated[
        float | None, typer.Option("--cutoff", help="Also the Patterson function up to this distance, in angstrom.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", help="Energies: a shipped table (cspbi3_br/chgnet_X6of24) or a .csv file."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", "-N", min=1, help="Draw this many orbits instead of taking all.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of --sample; 0.")] = None,
    design: Annotated[
        bool,
        typer.Option("--design", help="Which radiation, range and counting time would tell the arrangements apart."),
    ] = False,
    counts: Annotated[
        float | None,
        typer.Option("--counts", help="With --design: at the top of the strongest peak; 100000 by default."),
    ] = None,
    between: Annotated[
        list[str] | None,
        typer.Option("--between", help="With --design: sites of an arrangement, 'Br 0 1 6'; two or more of them."),
    ] = None,
    json: Json = False,
) -> None:
    """Count how many orbits of a space diffraction can tell apart, and bound what any model can learn from it.

    Orbits with equal features get the same prediction from every model: with labels, that bounds its error on them.

    powder: reflections merged by d-spacing, as in a measured powder pattern.

    resolved: reflections merged only where the parent's symmetry relates them.

    --triplets adds triplets of sites, --cutoff the same features in real space.

    \b
    matganip distinguish CsPbI3.cif --supercell 2,2,2 --substitute I:Br=6
    matganip distinguish CsPbI3.cif -s 2,2,2 -x I:Br=6 --triplets --cutoff 9
    matganip distinguish CsPbI3.cif -s 2,2,2 -x I:Br=6 --labels labels.csv
    matganip distinguish CsPbI3.cif -s 3,3,3 -x I:Br=27 --sample 5000

    --design plans a measurement: which pairs of arrangements it tells apart.

    \b
    matganip distinguish CsPbI3.cif -s 2,2,2 -x I:Br=6 --design
    matganip distinguish CsPbI3.cif -s 2,2,2 -x I:Br=3 --design \\
      --between 'Br 0 1 2' --between 'Br 0 1 3' --counts 1e4
    """
    if seed is not None and sample is None:
        raise InputError("--seed acts together with --sample only; leave it out")
    spaces = spaces_from(source, supercell, substitute, reading=reading).spaces
    if design:
        given = {"--n-peaks": n_peaks, "--triplets": triplets or None, "--cutoff": cutoff, "--labels": labels}
        if clash := [name for name, value in given.items() if value is not None]:
            raise InputError(f"{' and '.join(clash)}: not with --design, which compares whole patterns")
        if sample is not None and between:
            raise InputError("--sample and --between: leave one out")
        found = [_designed(one, radiation, two_theta, counts, between, sample, seed or 0, not json) for one in spaces]
        render(found, json)
        return
    if counts is not None or between:
        raise InputError("--counts and --between act with --design only")
    if radiation is not None and len(radiation) > 1:
        raise InputError("--radiation: several are compared with --design only")
    from matganip.learning.distinguish import distinguish as distinguish_orbits

    if sample is not None and labels is not None:
        raise InputError("--sample and --labels: with labels the labelled orbits are taken; leave one out")
    told = [
        distinguish_orbits(
            space,
            labels,
            sample=sample,
            seed=seed or 0,
            radiation=radiation_from(radiation[0] if radiation else "CuKa"),
            two_theta_range=range_from(two_theta or "0,90"),
            n_peaks=n_peaks or 28,
            triplets=triplets,
            cutoff=cutoff,
            progress=not json,
        )
        for space in spaces
    ]
    render(told, json)


def _designed(
    space: ConfigurationSpace,
    radiation: list[str] | None,
    two_theta: str | None,
    counts: float | None,
    between: list[str] | None,
    sample: int | None,
    seed: int,
    progress: bool,
) -> Design:
    from matganip.configurations.codec import occupation_from_sites
    from matganip.matching.design import design

    return design(
        space,
        [occupation_from_sites(space, text, "--between") for text in between] if between else None,
        radiations={one: radiation_from(one) for one in radiation} if radiation else None,
        two_theta_range=range_from(two_theta) if two_theta else None,
        counts=1e5 if counts is None else counts,
        sample=sample,
        seed=seed,
        progress=progress,
    )


def radiation_from(text: str) -> str | float:
    """A wavelength where it is a number, otherwise a name."""
    try:
        return float(text)
    except ValueError:
        return text


def range_from(text: str, option: str = "--two-theta") -> tuple[float, float]:
    """``0,90`` as two angles.

    >>> range_from("10,80")
    (10.0, 80.0)
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text}: not of the form LOW,HIGH, as in 10,80") from None
    return low, high
