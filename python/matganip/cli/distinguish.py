"""`matganip distinguish`: how many arrangements look alike to a diffractometer, and what that costs a model."""

from __future__ import annotations

from typing import Annotated

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


@tidy
@reads_crystals
def distinguish(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    n_peaks: Annotated[int, typer.Option("--n-peaks", min=1, help="Number of vertices of the graph.")] = 28,
    radiation: Annotated[
        str, typer.Option("--radiation", help="CuKa, CuKa12, a wavelength in angstrom, or 'neutron 1.54'.")
    ] = "CuKa",
    two_theta: Annotated[
        str, typer.Option("--two-theta", metavar="LOW,HIGH", help="The range of the pattern, in degrees.")
    ] = "0,90",
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
    """
    from matganip.learning.distinguish import distinguish as distinguish_orbits

    if seed is not None and sample is None:
        raise InputError("--seed acts together with --sample only; leave it out")
    if sample is not None and labels is not None:
        raise InputError("--sample and --labels: with labels the labelled orbits are taken; leave one out")
    found = [
        distinguish_orbits(
            space,
            labels,
            sample=sample,
            seed=seed or 0,
            radiation=radiation_from(radiation),
            two_theta_range=range_from(two_theta),
            n_peaks=n_peaks,
            triplets=triplets,
            cutoff=cutoff,
            progress=not json,
        )
        for space in spaces_from(source, supercell, substitute, reading=reading).spaces
    ]
    render(found, json)


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
