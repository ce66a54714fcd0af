"""`matganip suggest`: which orbits to label next, and the loop that labels them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import fail, print_json, say, show, stdout, tidy
from matganip.cli.label import Job, _Bar, _cores, _job
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption, spaces_from
from matganip.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.sampling.replay import LearningCurves
    from matganip.sampling.rounds import Suggestion


@tidy
def suggest(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    calculator: Annotated[
        str | None, typer.Option("--calculator", "-c", help="Whose labels: chgnet, sevennet, gpaw, ..., module:Class.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", metavar="KEY=VALUE", help="A keyword argument of it.")
    ] = None,
    relax: Annotated[str | None, typer.Option("--relax", help="static, positions, or cell (atoms and cell).")] = None,
    database: Annotated[Path | None, typer.Option("--database", "-d", help="The database, labels.db.")] = None,
    strategy: Annotated[
        str,
        typer.Option("--strategy", "-S", help="mixed, uncertainty, d-optimal, farthest, improvement or random."),
    ] = "mixed",
    number: Annotated[int, typer.Option("--number", "-N", min=1, help="How many to suggest, in each round.")] = 8,
    budget: Annotated[
        int | None, typer.Option("--budget", "-b", min=1, help="Label them and go on, until so many have a label.")
    ] = None,
    replay: Annotated[
        str | None, typer.Option("--replay", metavar="LABELS", help="Try all strategies on a table of labels instead.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Splits of the replay.")] = 5,
    figure: Annotated[Path | None, typer.Option("--figure", help="Its learning curves as a PNG.")] = None,
    cutoff: Annotated[
        float, typer.Option("--cutoff", min=0.1, help="Pairs and triplets up to so many angstrom.")
    ] = 9.0,
    pairs_only: Annotated[bool, typer.Option("--pairs-only", help="Leave out the triplets.")] = False,
    candidates: Annotated[
        int, typer.Option("--candidates", min=1, help="All orbits, or so many drawn where there are more.")
    ] = 20000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every draw.")] = 0,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=0, help="Processes that label.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the suggested ones, as `matganip enumerate` does.")
    ] = None,
    json: Json = False,
) -> None:
    """Suggest which orbits to label next; with --budget also label them, learn, and go on.

    matganip suggest CsPbI3.cif -s 2,2,2 -x I:Br=6 -c chgnet -d labels.db -N 8 --output next.zip

    matganip suggest CsPbI3.cif -s 2,2,2 -x I:Br=6 -c chgnet -d labels.db --budget 40

    matganip suggest CsPbI3.cif -s 2,2,2 -x I:Br=6 --replay cspbi3_br/chgnet_X6of24 --figure curves.png
    """
    looks = {"cutoff": cutoff, "triplets": not pairs_only}
    if replay is not None:
        _replay(source, supercell, substitute, replay, number, budget, seeds, seed, looks, figure, json)
        return
    job = _job(source, supercell, substitute, calculator, setting or [], {"kind": relax}, database, (candidates, seed))
    if len(job.batches) != 1:
        raise InputError(f"{source}: {len(job.batches)} compositions; suggestions are made for one at a time")
    if budget is None:
        _once(job, strategy, number, seed, looks, output, json)
    else:
        _loop(job, strategy, number, budget, seed, looks, _cores() if workers is None else workers, json)


def _once(
    job: Job, strategy: Any, number: int, seed: int, looks: dict[str, Any], output: Path | None, json: bool
) -> None:
    """One batch, from the labels that are there."""
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.formats import write
    from matganip.sampling.rounds import clusters, labels_of, next_batch

    (batch,) = job.batches
    labelled, energy = labels_of(job.database, batch, job.choice, job.protocol)
    features = clusters(batch.space, batch.occupations, **looks)
    found = next_batch(batch, features, labelled, energy, strategy, number, seed)
    if output:
        chosen = ConfigurationBatch(batch.space, batch.occupations[found.rows], batch.multiplicity[found.rows])
        write(output, batch.space, [chosen])
    if json:
        print_json({"strategy": strategy, **_standing(found), "suggested": _rows(batch, found)})
        return
    _show(batch, found, f"Next by {strategy}, of {len(batch):,} orbits, {found.n_labels:,} of them labelled")
    if output:
        say(stdout(), f"They are in {output}")


def _loop(
    job: Job, strategy: Any, number: int, budget: int, seed: int, looks: dict[str, Any], n_workers: int, json: bool
) -> None:
    """Rounds until the budget is spent."""
    from matganip.results.content import Table
    from matganip.sampling.rounds import active_rounds, clusters

    (batch,) = job.batches
    features = clusters(batch.space, batch.occupations, **looks)
    errors: dict[str, int] = {}
    rounds = []
    with _Bar(budget, quiet=json) as bar:
        for found in active_rounds(
            job.database, batch, features, job.choice, job.protocol,
            strategy=strategy, n=number, budget=budget, seed=seed, n_workers=n_workers, errors=errors,
            progress=bar.moved,
        ):  # fmt: skip
            rounds.append({**_standing(found), "suggested": [row["occupation"] for row in _rows(batch, found)]})
    if json:
        print_json({"strategy": strategy, "budget": budget, "rounds": rounds, "errors": errors})
        return
    lines = tuple(
        (f"{one['labels']:,}", _number(one["left_out_mae"]), _number(one["constant_mae"]), str(len(one["suggested"])))
        for one in rounds
    )
    note = "MAE of each label by a model without it, beside that of the mean of the others, meV/atom."
    columns = ("labels", "MAE", "constant's", "labelled next")
    show(stdout(), Table(f"{job.choice.title}, {strategy}", columns, lines, "rrrr", note))
    say(stdout(), f"{rounds[-1]['labels']:,} of {len(batch):,} orbits are labelled, in {job.database.path}")
    if rounds[-1]["labels"] < budget:
        say(stdout(), "No other orbit is left to label.")
    for error, times in errors.items():
        fail(f"{times} structure{'s' * (times > 1)} failed: {error}; start again to try once more")


def _replay(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    table: str,
    number: int,
    budget: int | None,
    seeds: int,
    seed: int,
    looks: dict[str, Any],
    figure: Path | None,
    json: bool,
) -> None:
    """All strategies on labels that are there."""
    from matganip.labels.tables import read_labels
    from matganip.sampling.replay import replay
    from matganip.sampling.rounds import clusters
    from matganip.sampling.suggest import STRATEGIES

    (space,) = spaces_from(source, supercell, substitute).spaces
    rows = read_labels(table).join(space)
    curves = replay(
        clusters(space, rows.occupations, **looks),
        rows.energy / rows.n_atoms * 1000,
        rows.multiplicity,
        STRATEGIES,
        seeds=range(seed, seed + seeds),
        n=number,
        budget=budget or 96,
    )
    if figure:
        from matganip.plots.learning_curve import save_learning_curves

        save_learning_curves(curves, figure, title=f"{len(rows.energy)} orbits, {rows.calculator}")
    if json:
        print_json(_curves(curves))
    else:
        _show_curves(curves, rows.calculator, figure)


def _curves(curves: LearningCurves) -> dict[str, Any]:
    """The curves, and what they come to, as plain values."""
    return {
        "n_labels": curves.n_labels.tolist(),
        "error_meV_per_atom": {name: rows.tolist() for name, rows in curves.error.items()},
        "final": curves.final.tolist(),
        "constant": curves.constant.tolist(),
        "needed": {name: _plain(curves.needed(name)) for name in curves.error},
        "seeds": list(curves.seeds),
        "n_pool": curves.n_pool,
        "n_test": curves.n_test,
    }


def _show_curves(curves: LearningCurves, calculator: str, figure: Path | None) -> None:
    import numpy as np

    from matganip.results.content import Table

    needed = {name: curves.needed(name) for name in curves.error}
    lines = []
    for name, counts in needed.items():
        ratio = needed["random"] / counts
        lines.append((
            name,
            " ".join("-" if np.isnan(n) else f"{n:.0f}" for n in counts),
            f"{counts.mean():.1f} ± {counts.std(ddof=1):.1f}" if len(counts) > 1 else f"{counts.mean():.0f}",
            f"{ratio.mean():.2f} ± {ratio.std(ddof=1):.2f}" if len(counts) > 1 else f"{ratio.mean():.2f}",
            f"{curves.error[name][:, -1].mean():.4f}",
        ))  # fmt: skip
    note = (
        f"Labels from which on the MAE on {curves.n_test} held-out orbits stays below twice that of all "
        f"{curves.n_pool} of the pool ({curves.final.mean():.4f}; the constant's is {curves.constant.mean():.4f} "
        f"meV/atom), for each of {len(curves.seeds)} seeds; then their mean and deviation, how many times as many "
        f"random choice needs, and the MAE at {curves.n_labels[-1]} labels."
    )
    columns = ("strategy", "labels needed", "mean", "random's / its", "MAE at the end")
    show(stdout(), Table(f"{calculator}, rounds of {curves.n_labels[0]}", columns, tuple(lines), "llrrr", note))
    if figure:
        say(stdout(), f"Curves are in {figure}")


def _show(batch: ConfigurationBatch, found: Suggestion, title: str) -> None:
    from matganip.results.content import Table

    lines = tuple(
        (
            str(number),
            row["sites"],
            f"{row['multiplicity']:,}",
            _number(row["prediction_eV"]),
            _number(row["deviation_eV"]),
        )
        for number, row in enumerate(_rows(batch, found), 1)
    )
    note = (
        f"MAE of the labels, each by a model without it: {found.left_out_mae:.4f} meV/atom; the constant's "
        f"{found.constant_mae:.4f}."
        if found.left_out_mae == found.left_out_mae  # not nan
        else "Too few labels to learn from: these are chosen by what they look like."
    )
    columns = ("", "sites taken", "multiplicity", "predicted, eV", "± eV")
    show(stdout(), Table(title, columns, lines, "rwrrr", note))


def _rows(batch: ConfigurationBatch, found: Suggestion) -> list[dict[str, Any]]:
    from matganip.configurations.batch import occupation_digits
    from matganip.configurations.summary import sites_text

    rows = batch.occupations[found.rows]
    return [
        {
            "occupation": digits.decode() if isinstance(digits, bytes) else str(digits),
            "sites": sites_text(batch.space, occupation),
            "multiplicity": int(multiplicity),
            "prediction_eV": prediction,
            "deviation_eV": deviation,
        }
        for digits, occupation, multiplicity, prediction, deviation in zip(
            occupation_digits(rows).tolist(),
            rows,
            batch.multiplicity[found.rows],
            _plain(found.prediction),
            _plain(found.deviation),
            strict=True,
        )
    ]


def _standing(found: Suggestion) -> dict[str, Any]:
    left_out, constant = (None if x != x else x for x in (found.left_out_mae, found.constant_mae))
    return {"labels": found.n_labels, "left_out_mae": left_out, "constant_mae": constant}


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    """Numbers for JSON; nan is None."""
    return [None if value != value else value for value in values.tolist()]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
