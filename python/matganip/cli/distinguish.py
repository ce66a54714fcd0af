"""`matganip distinguish`: how many arrangements look alike to a diffractometer, and what that costs a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.progress import track
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption, spaces_from
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.diffraction.distinct import Distinguishability
    from matganip.report.content import Table

MOST_ORBITS = 1_000_000


@tidy
def distinguish(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    n_peaks: Annotated[int, typer.Option("--n-peaks", min=1, help="Vertices of the graph: the first so many.")] = 28,
    radiation: Annotated[
        str, typer.Option("--radiation", help="CuKa, CuKa12, a wavelength in angstrom, or 'neutron 1.54'.")
    ] = "CuKa",
    triplets: Annotated[bool, typer.Option("--triplets", help="Also triplets, which see three atoms.")] = False,
    cutoff: Annotated[
        float | None, typer.Option("--cutoff", help="Also the Patterson function up to so many angstrom.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", help="Energies, a table that is shipped (cspbi3_br/chgnet_X6of24) or a .csv file."),
    ] = None,
    json: Json = False,
) -> None:
    """Count how many orbits of a space diffraction can tell apart, and bound what any model can learn from it.

    Two orbits with the same pattern get the same prediction, whatever the model. With labels, the floor is the error
    that is left when every class of equal patterns is predicted by its best value, beside that of a constant.

    matganip distinguish CsPbI3.cif --supercell 2,2,2 --substitute I:Br=6

    matganip distinguish CsPbI3.cif -s 2,2,2 -x I:Br=6 --triplets --labels cspbi3_br/chgnet_X6of24
    """
    from matganip.diffraction.distinct import distinguishability

    documents = []
    for space in spaces_from(source, supercell, substitute).spaces:
        batch, energy, calculator = _orbits(space, labels)
        found = distinguishability(
            batch,
            radiation=_radiation(radiation),
            n_peaks=n_peaks,
            triplets=triplets,
            cutoff=cutoff,
            labels=energy,
            unit="" if energy is None else "meV/atom",
        )
        documents.append({**found.as_dict(), "calculator": calculator})
        if not json:
            show(stdout(), _table(found, calculator))
            say(
                stdout(), "Classes are compared to 1e-6 of 100; a larger class is a larger group of twins.", style="dim"
            )
    if json:
        print_json(documents[0] if len(documents) == 1 else documents)


def _orbits(space: ConfigurationSpace, labels: str | None) -> tuple[ConfigurationBatch, list[float] | None, str | None]:
    """All orbits of a space, or those that have labels, with these in meV/atom."""
    import numpy as np

    from matganip.configurations.batch import ConfigurationBatch

    if labels is not None:
        from matganip.labels.tables import read_labels

        joined = read_labels(labels).join(space)
        batch = ConfigurationBatch(space, joined.occupations, joined.multiplicity)
        return batch, (joined.energy * (1000 / joined.n_atoms)).tolist(), joined.calculator
    n_orbits = space.count_orbits()
    if n_orbits > MOST_ORBITS:
        raise InputError(
            f"{n_orbits:,} orbits are too many to compare each with each; draw some with `matganip sample`, or take a "
            "smaller supercell"
        )
    batches = list(track(space.orbits(), n_orbits, "enumerate"))
    return (
        ConfigurationBatch(
            space,
            np.concatenate([batch.occupations for batch in batches]),
            np.concatenate([batch.multiplicity for batch in batches]),
        ),
        None,
        None,
    )


def _radiation(text: str) -> str | float:
    """A wavelength where it is a number."""
    try:
        return float(text)
    except ValueError:
        return text


def _table(found: Distinguishability, calculator: str | None) -> Table:
    from matganip.report.content import Table

    title = f"{found.n_orbits:,} orbits of {found.n_arrangements:,} arrangements"
    columns: tuple[str, ...] = ("features", "columns", "distinct", "largest")
    rows: list[tuple[str, ...]] = [
        (row.features, f"{row.n_features:,}", f"{row.n_classes:,}", f"{row.largest_class:,}") for row in found.rows
    ]
    if found.constant_mae is None:
        return Table(title, columns, tuple(rows), "lrrr")
    rows = [(*row, f"{one.floor_mae:.4f}", f"{one.floor_rmse:.4f}") for row, one in zip(rows, found.rows, strict=True)]
    rows.append(
        ("(constant)", "0", "1", f"{found.n_orbits:,}", f"{found.constant_mae:.4f}", f"{found.constant_rmse:.4f}")
    )
    return Table(
        f"{title}; lowest possible errors in {found.unit}",
        (*columns, "MAE", "RMSE"),
        tuple(rows),
        "lrrrrr",
        note=f"Labels of {calculator}, weighted by multiplicity. No model on these features can have a lower error.",
    )
