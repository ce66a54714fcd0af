"""Which way of learning a distribution does best: CRPS and calibration, `python -m matganip.benchmarks.distributions`.

A powder pattern leaves many arrangements, and so a distribution of the energy. Every family of
`matganip.learning.distribution_settings` has the same mean, the same splits and the same seeds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.prototypes import perovskite
from matganip.errors import InputError
from matganip.features.lattice.distinct import feature_classes
from matganip.features.settings import DiffractionSettings
from matganip.files import atomic_path
from matganip.labels.tables import read_labels
from matganip.learning.choosing import Candidate, choose
from matganip.learning.distribution_settings import GAMES, WITH_NOISE, DistributionSettings
from matganip.learning.representation import representation
from matganip.results.distribution import DistributionScores
from matganip.versions import versions

if TYPE_CHECKING:
    from matganip.labels.labelled import Labelled

Floats = NDArray[np.float64]

POWDER = DiffractionSettings(resolution="powder")
COMPLETE = DiffractionSettings(
    resolution="clusters", classes="parent", cutoff=9.116, triplets=True, triplet_cutoff=9.116
)
"""The columns that `matganip.train` chooses for these labels by itself."""
TRAIN_SIZE = 0.8
FILLED = 2000
"""Arrangements at most whose energies the complete columns fill in."""
SAMPLES = 400
LIMIT = "the class itself"
TABLES, END = "<!-- tables -->", "<!-- end of the tables -->"
"""Between these a page has the tables."""
GAME_ALONE = "non_saturating, alone"
_GENERATOR: dict[str, Any] = {"members": 2, "draws": 3, "batch_size": 512}
METHODS: dict[str, dict[str, Any]] = {
    "constant": {"family": "constant", "members": 1},
    "gaussian": {"family": "gaussian"},
    "quantiles": {"family": "quantiles"},
    "mixture": {"family": "mixture"},
    "energy_score": {"family": "energy_score", **_GENERATOR},
    "non_saturating": {"family": "non_saturating", **_GENERATOR},
    GAME_ALONE: {"family": "non_saturating", "score_weight": 0.0, **_GENERATOR},
    "wasserstein": {"family": "wasserstein", **_GENERATOR},
}
"""Settings of each row of the tables, beside the defaults."""


@dataclass(frozen=True)
class Task:
    """Labels of one composition, and how they are split.

    Attributes
    ----------
    title : str
    cell : (int, int, int)
    n_br : int
    by : {"orbit", "class"}
        Whether orbits or whole classes of one pattern are held out.
    n_train : int or None
        Orbits trained on, of arrangements drawn from a space whose energies a model of the labels of 6 Br of 24 gives;
        None for these labels themselves.
    """

    title: str
    cell: tuple[int, int, int]
    n_br: int
    by: str = "orbit"
    n_train: int | None = None


TASKS = {
    "orbits": Task("6 Br of 24, split by orbit", (2, 2, 2), 6),
    "classes": Task("6 Br of 24, split by pattern", (2, 2, 2), 6, by="class"),
    "twelve": Task("12 Br of 24, 400 labels", (2, 2, 2), 12, n_train=400),
    "larger": Task("9 Br of 36, 400 labels", (2, 2, 3), 9, n_train=400),
}


class Prepared(NamedTuple):
    """A split with its solved mean; energies in meV/atom."""

    columns: dict[bool, Floats]  # by whether arrangements are filled in: of the rows trained on
    left: dict[bool, Floats]
    weight: dict[bool, Floats]
    whole: bool
    tested: Floats  # columns
    mean: Floats
    truth: Floats
    tested_weight: Floats
    marginal: Floats
    limit: Floats | None  # samples of each tested row's own class


def main(arguments: list[str] | None = None) -> None:
    """Measure, and write ``distributions.md`` and figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("runs/distributions"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--methods", default=",".join(METHODS).replace(", alone", "+alone"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--page", type=Path, help="a page whose tables are put in place: docs/distributions.md")
    asked = parser.parse_args(arguments)
    asked.output.mkdir(parents=True, exist_ok=True)
    methods = [name.replace("+alone", ", alone") for name in asked.methods.split(",")]
    names = asked.tasks.split(",")
    for name, known in ((names, TASKS), (methods, METHODS)):
        if unknown := sorted(set(name) - set(known)):
            raise InputError(f"{', '.join(unknown)}: there are {', '.join(known)}")
    jobs = [(task, seed) for seed in range(asked.seeds) for task in names]
    with multiprocessing.get_context("spawn").Pool(asked.workers) as pool:
        for told in pool.imap_unordered(partial(measure, asked.output, methods), jobs):
            print(told, flush=True)
    tables = write_page(asked.output, names, methods, asked.seeds)
    if asked.page is not None:
        before, _, after = asked.page.read_text(encoding="utf-8").partition(TABLES)
        with atomic_path(asked.page) as temporary:
            temporary.write_text(before + TABLES + "\n\n" + tables + after[after.index(END) :], encoding="utf-8")


def measure(folder: Path, methods: list[str], job: tuple[str, int]) -> str:
    """Train and score every method on one split; what is there already is left."""
    import torch

    torch.set_num_threads(1)
    name, seed = job
    missing = [
        (method, filled)
        for filled in (True, False)
        for method in methods
        if not _file(folder, name, method, filled, seed).exists()
    ]
    if not missing:
        return f"{name}, seed {seed}: there already"
    began = time.process_time()
    prepared = prepare(TASKS[name], seed)
    for method, filled in missing:
        scores, game, seconds = score(prepared, method, filled, seed)
        _store(_file(folder, name, method, filled, seed), scores, game, seconds)
    if prepared.limit is not None:
        found = _scores(LIMIT, prepared, prepared.limit)
        _store(_file(folder, name, LIMIT, True, seed), found, np.empty((0, 6)), 0.0)
    return f"{name}, seed {seed}: {time.process_time() - began:.0f} CPU s"


def score(
    prepared: Prepared, method: str, filled: bool, seed: int
) -> tuple[DistributionScores, NDArray[np.float64], float]:
    """Train one method and ask it about the rows held out; also the course of its game, and CPU seconds."""
    from matganip.learning.conditional import ConditionalDistribution

    began = time.process_time()
    settings = DistributionSettings(**METHODS[method])
    found = ConditionalDistribution.fit(
        prepared.columns[filled], prepared.left[filled][:, None], prepared.weight[filled], settings=settings, seed=seed,
        whole=filled and prepared.whole,
    )  # fmt: skip
    samples = prepared.mean[:, None] + found.draw(prepared.tested, SAMPLES, seed)[..., 0]
    course = np.array(found.moments, dtype=np.float64)
    return _scores(method, prepared, samples), course, time.process_time() - began


def _scores(method: str, prepared: Prepared, samples: Floats) -> DistributionScores:
    return DistributionScores.of(method, prepared.truth, prepared.tested_weight, samples, prepared.marginal)


def prepare(task: Task, seed: int) -> Prepared:
    """Split, solve the mean on the powder pattern, and fill arrangements in."""
    space, labelled = _labelled(task, seed)
    rng = np.random.default_rng(100 + seed)  # settings were chosen on a split of another seed
    powder, truth = representation(POWDER, space).features(labelled.occupations), labelled.per_atom * 1e3
    if task.n_train is not None:
        train = np.arange(task.n_train)
    elif task.by == "class":
        classes = feature_classes(powder)
        train = np.flatnonzero(np.isin(classes, rng.permutation(classes.max() + 1)[: int(0.8 * (classes.max() + 1))]))
    else:
        train = np.sort(rng.permutation(len(labelled))[: int(TRAIN_SIZE * len(labelled))])
    test = np.setdiff1d(np.arange(len(labelled)), train)
    coarse, _ = choose(space, labelled[train], POWDER)
    complete, _ = choose(space, labelled[train], COMPLETE)
    per_atom = 1e3 * len(space.supercell_structure) / space.n_atoms
    known = np.isfinite(coarse.solved.left_out)
    batch, whole = _arrangements(space, seed)
    told = _energies(complete, batch.occupations) * per_atom
    columns = {False: coarse.features[known], True: coarse.represent.features(batch.occupations)}
    left = {
        False: coarse.solved.left_out[known] * per_atom,
        True: told - _energies(coarse, batch.occupations) * per_atom,
    }
    weight = labelled.multiplicity.astype(np.float64)
    share = (np.arange(SAMPLES) + 0.5) / SAMPLES
    return Prepared(
        columns=columns,
        left=left,
        weight={False: weight[train][known], True: batch.multiplicity.astype(np.float64)},
        whole=whole,
        tested=powder[test],
        mean=_energies(coarse, labelled.occupations[test]) * per_atom,
        truth=truth[test],
        tested_weight=weight[test],
        marginal=np.quantile(truth[train], share, weights=weight[train], method="inverted_cdf"),
        limit=None if task.n_train is not None else _own_class(feature_classes(powder), truth, weight, test, share),
    )


def _own_class(
    classes: NDArray[np.int64], truth: Floats, weight: Floats, rows: NDArray[np.int64], share: Floats
) -> Floats:
    """Of rows the energies of all arrangements of their class: what no function of the pattern does better than."""
    found = []
    for row in rows:
        same = classes == classes[row]
        found.append(np.quantile(truth[same], share, weights=weight[same], method="inverted_cdf"))
    return np.array(found)


def _energies(found: Candidate, occupations: NDArray[np.uint8]) -> Floats:
    return found.solved.predict(found.represent.features(occupations), deviations=False)[0]


def _arrangements(space: ConfigurationSpace, seed: int) -> tuple[Any, bool]:
    if space.count_orbits() <= FILLED:
        return next(space.orbits(batch_size=FILLED)), True
    return space.sample_orbits(FILLED, seed=1000 + seed), False


def _labelled(task: Task, seed: int) -> tuple[ConfigurationSpace, Labelled]:
    """CHGNet's labels of all orbits; or drawn orbits with energies of a model of them."""
    labels = read_labels("cspbi3_br/chgnet_X6of24").join(_space((2, 2, 2), 6))
    space = _space(task.cell, task.n_br)
    if task.n_train is None:
        return space, labels
    drawn = space.sample_orbits(2 * task.n_train, seed=seed)
    model, _ = choose(_space((2, 2, 2), 6), labels, COMPLETE)
    from matganip.learning.card import Card

    card = Card.of(model.represent, model.settings, readout="linear", calculator=labels.calculator, table="")
    energy = model.solved.predict(card.represent(space).features(drawn.occupations), deviations=False)[0]
    labelled = replace(
        labels, occupations=drawn.occupations, multiplicity=drawn.multiplicity, n_elsewhere=0,
        energy=energy * len(space.supercell_structure), n_atoms=space.atoms_of(drawn.occupations),
    )  # fmt: skip
    return space, labelled


@cache
def _space(cell: tuple[int, int, int], n_br: int) -> ConfigurationSpace:
    return ConfigurationSpace(perovskite("CsPbI3", a=6.289), cell, {"I": {"Br": n_br}})


def _file(folder: Path, task: str, method: str, filled: bool, seed: int) -> Path:
    method = method.replace(", ", "-").replace(" ", "-")
    return folder / f"{task}.{method}.{'filled' if filled else 'labels'}.{seed}.npz"


def _store(path: Path, scores: DistributionScores, game: Floats, seconds: float) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file, truth=scores.truth, weight=scores.weight, samples=scores.samples, marginal=scores.marginal,
            game=game, seconds=np.array(seconds),
        )  # fmt: skip


def _read(path: Path, method: str) -> tuple[DistributionScores, Floats, float]:
    from matganip.results.proper_scores import crps, pit

    with np.load(path) as kept:
        truth, weight, samples, marginal = (kept[name] for name in ("truth", "weight", "samples", "marginal"))
        found = DistributionScores(method, truth, weight, samples, crps(samples, truth), marginal, pit(samples, truth))
        return found, kept["game"], float(kept["seconds"])


def write_page(folder: Path, tasks: list[str], methods: list[str], seeds: int) -> str:
    """Write the tables as Markdown, the numbers as JSON, and the figures; give the tables."""
    lines, numbers = [], {}
    for name in tasks:
        for filled in (False, True):
            rows = {
                method: found for method in (*methods, LIMIT) if (found := _runs(folder, name, method, filled, seeds))
            }
            if not rows:
                continue
            how = "with arrangements filled in" if filled else "from labels alone"
            lines += [f"### {TASKS[name].title}, {how}", "", *_table(rows), ""]
            numbers[f"{name}, {how}"] = {method: _numbers(found) for method, found in rows.items()}
            _figures(folder, name, filled, rows)
    with atomic_path(folder / "distributions.md") as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with atomic_path(folder / "distributions.json") as temporary:
        temporary.write_text(json.dumps({"versions": versions(), "tasks": numbers}, indent=1) + "\n", encoding="utf-8")
    return "\n".join(lines) + "\n"


_Run = tuple[DistributionScores, Floats, float]


def _runs(folder: Path, task: str, method: str, filled: bool, seeds: int) -> list[_Run]:
    paths = [_file(folder, task, method, filled, seed) for seed in range(seeds)]
    return [_read(path, method) for path in paths if path.exists()]


def _numbers(runs: list[_Run]) -> dict[str, list[float]]:
    return {
        "crps": [scores.mean_crps for scores, _, _ in runs],
        "marginal": [scores.marginal_crps for scores, _, _ in runs],
        "in 50 %": [scores.coverage(0.5) for scores, _, _ in runs],
        "in 90 %": [scores.coverage(0.9) for scores, _, _ in runs],
        "cpu_s": [seconds for _, _, seconds in runs],
    }


def _table(rows: dict[str, list[_Run]]) -> list[str]:
    lines = [
        "| | CRPS, meV/atom | marginal | in 50 % | in 90 % | seeds | CPU s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for method, runs in rows.items():
        found = _numbers(runs)
        error = np.std(found["crps"]) / max(1, len(runs) - 1) ** 0.5
        mean = {key: float(np.mean(values)) for key, values in found.items()}
        lines.append(
            f"| {method} | {mean['crps']:.4f} ± {error:.4f} | {mean['marginal']:.3f} | {mean['in 50 %']:.0%} | "
            f"{mean['in 90 %']:.0%} | {len(runs)} | {mean['cpu_s']:.0f} |"
        )
    return lines


def _figures(folder: Path, task: str, filled: bool, rows: dict[str, list[_Run]]) -> None:
    """Fan and PIT histogram of the mixture, reliability of all, and the end of the game."""
    from matganip.plots.distributions import fan, pit_histogram, reliability
    from matganip.plots.style import canvas, save_figure
    from matganip.plots.training_curves import loss_curves, verdict_curves

    pits = {
        method: (np.concatenate([one.pit for one, _, _ in runs]), np.concatenate([one.weight for one, _, _ in runs]))
        for method, runs in rows.items()
        if method != LIMIT
    }
    stem = f"{task}-{'filled' if filled else 'labels'}"
    shown = "mixture" if "mixture" in rows else next(iter(pits))
    panels = canvas(13.0, 4.0, 3)
    one = rows[shown][0][0]
    fan(one.samples - np.average(one.truth, weights=one.weight), one.truth - np.average(one.truth, weights=one.weight),
        ax=panels[0])  # fmt: skip
    pit_histogram(*pits[shown], ax=panels[1])
    reliability(pits, ax=panels[2])
    save_figure(panels, folder / f"{stem}.png")
    for method in rows:
        if method.startswith(GAMES[0]) and method in WITH_NOISE:
            course = rows[method][0][1][1:]
            panels = canvas(9.0, 3.9, 2)
            loss_curves(course[:, 0], course[:, 1], course[:, 2], optimum=2 * np.log(2), title="Losses", ax=panels[0])
            verdict_curves(course[:, 0], course[:, 3], course[:, 4], optimum=0.5, title="Verdicts", ax=panels[1])
            for ax in panels:
                ax.set_xlabel("step")
            save_figure(panels, folder / f"{stem}-game.png")


if __name__ == "__main__":
    main()
