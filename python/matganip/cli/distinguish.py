"""`matganip distinguish`: how many arrangements look alike to a diffractometer, and what that costs a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import print_json, show, stdout, tidy
from matganip.cli.progress import track
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption, spaces_from
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.lattice.distinct import Distinguishability
    from matganip.results.content import Table

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
    two_theta: Annotated[
        str, typer.Option("--two-theta", metavar="LOW,HIGH", help="The range of the pattern, in degrees.")
    ] = "0,90",
    triplets: Annotated[bool, typer.Option("--triplets", help="Also triplets, which see three atoms.")] = False,
    cutoff: Annotated[
        float | None, typer.Option("--cutoff", help="Also the Patterson function up to so many angstrom.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option("--labels", help="Energies, a table that is shipped (cspbi3_br/chgnet_X6of24) or a .csv file."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", "-N", min=1, help="Draw so many orbits instead of taking all.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same sample.")] = 0,
    json: Json = False,
) -> None:
    """Count how many orbits of a space diffraction can tell apart, and bound what any model can learn from it.

    Orbits with equal features get one prediction, whatever the model: with labels, that bounds its error on them.

    powder: reflections merged by d-spacing, as a diffractometer does it.

    resolved: reflections merged only where the parent's symmetry relates them.

    --triplets adds what three atoms tell, --cutoff the same in real space.

    matganip distinguish CsPbI3.cif --supercell 2,2,2 --substitute I:Br=6

    matganip distinguish CsPbI3.cif -s 2,2,2 -x I:Br=6 --triplets --labels cspbi3_br/chgnet_X6of24

    matganip distinguish CsPbI3.cif -s 3,3,3 -x I:Br=27 --sample 5000 --radiation "neutron 1.54"
    """
    from matganip.configurations.codec import composition_text
    from matganip.features.lattice.distinct import distinguishability

    if sample is not None and labels is not None:
        raise InputError("--sample and --labels: the labels say themselves which orbits to look at; leave one out")
    documents = []
    for space in spaces_from(source, supercell, substitute).spaces:
        chosen = _sampled(space, sample, seed) if sample else _labelled(space, labels) if labels else _all(space)
        found = distinguishability(
            chosen.batch,
            radiation=_radiation(radiation),
            two_theta_range=_range(two_theta),
            n_peaks=n_peaks,
            triplets=triplets,
            cutoff=cutoff,
            labels=chosen.energy,
            unit="" if chosen.energy is None else "meV/atom",
        )
        document = {
            "composition": composition_text(space),
            "orbits_of_space": space.count_orbits(),
            **found.as_dict(),
            "calculator": chosen.calculator,
        }
        documents.append(document | ({"drawn": sample, "seed": seed} if sample else {}))
        if not json:
            show(stdout(), _table(found, chosen))
    if json:
        print_json(documents[0] if len(documents) == 1 else documents)


@dataclass(frozen=True)
class _Chosen:
    """The orbits to look at, and why these."""

    batch: ConfigurationBatch
    what: str
    energy: list[float] | None = None
    calculator: str | None = None


def _all(space: ConfigurationSpace) -> _Chosen:
    import numpy as np

    from matganip.configurations.batch import ConfigurationBatch

    n_orbits = space.count_orbits()
    if n_orbits > MOST_ORBITS:
        raise InputError(
            f"{n_orbits:,} orbits are too many to compare each with each: draw some with --sample 10000, or take a "
            "smaller supercell"
        )
    batches = list(track(space.orbits(), n_orbits, "orbits"))
    occupations = np.concatenate([batch.occupations for batch in batches])
    multiplicity = np.concatenate([batch.multiplicity for batch in batches])
    return _Chosen(ConfigurationBatch(space, occupations, multiplicity), f"all {n_orbits:,} orbits")


def _sampled(space: ConfigurationSpace, number: int, seed: int) -> _Chosen:
    import numpy as np

    from matganip.configurations.batch import ConfigurationBatch

    drawn = space.sample_orbits(number, seed=seed)
    # An orbit that is drawn twice is no twin of itself.
    occupations, first = np.unique(drawn.occupations, axis=0, return_index=True)
    batch = ConfigurationBatch(space, np.ascontiguousarray(occupations), drawn.multiplicity[first])
    return _Chosen(batch, f"{len(batch):,} different orbits in a sample of {number:,} from {space.count_orbits():,}")


def _labelled(space: ConfigurationSpace, labels: str) -> _Chosen:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.labels.tables import read_labels

    joined = read_labels(labels).join(space)
    return _Chosen(
        ConfigurationBatch(space, joined.occupations, joined.multiplicity),
        f"the {len(joined):,} labelled of {space.count_orbits():,} orbits",
        (joined.energy * (1000 / joined.n_atoms)).tolist(),
        joined.calculator,
    )


def _radiation(text: str) -> str | float:
    """A wavelength where it is a number."""
    try:
        return float(text)
    except ValueError:
        return text


def _range(text: str) -> tuple[float, float]:
    """``0,90`` as two angles.

    >>> _range("10,80")
    (10.0, 80.0)
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--two-theta {text}: not of the form LOW,HIGH, as in 10,80") from None
    return low, high


def _table(found: Distinguishability, chosen: _Chosen) -> Table:
    from matganip.configurations.codec import composition_text
    from matganip.results.content import Table

    title = f"{composition_text(chosen.batch.space)}: {chosen.what}"
    columns: tuple[str, ...] = ("features", "columns", "distinct", "largest class")
    rows: list[tuple[str, ...]] = [
        (row.features, f"{row.n_features:,}", f"{row.n_classes:,}", f"{row.largest_class:,}") for row in found.rows
    ]
    note = "Distinct: rows that differ by more than 1e-6 of 100. Largest class: orbits that look alike."
    if found.constant_mae is None:
        return Table(title, columns, tuple(rows), "lrrr", note=note)
    rows = [(*row, f"{one.floor_mae:.4f}", f"{one.floor_rmse:.4f}") for row, one in zip(rows, found.rows, strict=True)]
    rows.append(
        ("(constant)", "0", "1", f"{found.n_orbits:,}", f"{found.constant_mae:.4f}", f"{found.constant_rmse:.4f}")
    )
    note += (
        f" MAE, RMSE, in {found.unit}, weighted by multiplicity: the lowest that any model on these features can have "
        f"on these orbits; labels of {chosen.calculator}."
    )
    return Table(title, (*columns, "MAE", "RMSE"), tuple(rows), "lrrrrr", note=note)
