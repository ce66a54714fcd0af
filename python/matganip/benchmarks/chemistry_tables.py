"""The tables of docs/chemistry.md, in one command that stores what it has and goes on from there."""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from matganip.array_files import read_arrays, write_arrays
from matganip.benchmarks.chemistry import METHODS, HeldOut, elements_unseen, folds, with_labels
from matganip.benchmarks.madelung import madelung_checks, worst
from matganip.benchmarks.ordering_map import ordering_map
from matganip.benchmarks.oxides import measured_order, order_score, read_oxides, roc_area
from matganip.labels.formulas import read_formulas
from matganip.plots.style import off_screen, save_figure

MODEL = "model of formulas"
ARRAYS = ("predicted", "truth", "rows")
Job = tuple[str, str, int]


def jobs(oxides: bool, seeds: int) -> list[Job]:
    """What is to be done: (protocol, method, seed), the quick ones last."""
    found: list[Job] = [("elements", MODEL, 0)]
    found += [("formulas", MODEL, seed) for seed in range(seeds)]
    found += [("labels", "", seed) for seed in range(seeds)]
    if oxides:
        found += [("oxides", MODEL, seed) for seed in range(seeds)]
    others = [name for name in METHODS if name != MODEL]
    found += [("elements", name, 0) for name in others]
    found += [(protocol, name, seed) for name in others for seed in range(seeds) for protocol in _protocols(oxides)]
    return found


def _protocols(oxides: bool) -> tuple[str, ...]:
    return ("formulas", "oxides") if oxides else ("formulas",)


def do(job: Job, table: str, oxides: str | None, folder: str) -> None:
    """Do one job, and store its outcomes; nothing where they are stored."""
    path = Path(folder) / f"{'-'.join(str(part).replace(' ', '_') for part in job)}.npz"
    if path.is_file():
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    protocol, method, seed = job
    if protocol == "oxides":
        assert oxides is not None  # noqa: S101 - there are no such jobs without it
        rows = read_oxides(oxides)
        outcomes = [folds(rows.table, method, seed, rows.pairs)]
    else:
        labelled = read_formulas(table)
        if protocol == "labels":
            outcomes = with_labels(labelled, seed)
        else:
            outcomes = [
                elements_unseen(labelled, method, seed) if protocol == "elements" else folds(labelled, method, seed)
            ]
    about = [{"method": one.method, "protocol": one.protocol, "seed": one.seed} for one in outcomes]
    arrays = {
        f"{name}_{k}": getattr(one, name) for k, one in enumerate(outcomes) for name in ("predicted", "truth", "rows")
    }
    write_arrays(path, {"outcomes": about}, arrays)


def stored(folder: Path) -> list[tuple[str, HeldOut]]:
    """All outcomes of a folder, with the protocol of their job."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        about, arrays = read_arrays(path, "an outcome")
        for k, one in enumerate(about["outcomes"]):
            parts = (arrays[f"{name}_{k}"] for name in ARRAYS)
            found.append((path.name.split("-")[0], HeldOut(one["method"], one["protocol"], one["seed"], *parts)))
    return found


def tables(outcomes: Iterable[tuple[str, HeldOut]], oxides: str | None) -> str:
    """Markdown of everything that is stored."""
    by: dict[tuple[str, str], dict[str, list[HeldOut]]] = defaultdict(lambda: defaultdict(list))
    for kind, one in outcomes:
        by[kind, one.protocol][one.method].append(one)
    text = []
    for (kind, protocol), methods in sorted(by.items()):
        columns = _columns(kind, oxides)
        text += [
            "",
            f"**{protocol}**",
            "",
            f"| method | {' | '.join(columns)} | seeds |",
            "|---" * (len(columns) + 2) + "|",
        ]
        for name, runs in sorted(methods.items(), key=lambda item: -float(np.mean([one.mae for one in item[1]]))):
            cells = " | ".join(_spread(runs, of) for of in columns.values())
            text.append(f"| {name} | {cells} | {len(runs)} |")
    return "\n".join(text)


def _columns(kind: str, oxides: str | None) -> dict[str, Callable[[HeldOut], float]]:
    """What a table of a protocol shows."""
    error = {"MAE, meV/atom": lambda one: one.mae * 1000}
    if kind == "labels":
        return error
    if kind == "oxides":
        ordered = measured_order(oxides)
        return {
            **error,
            "r": lambda one: one.pearson,
            "r without the 8 % that two numbers describe worst": without_worst,
            "area under ROC, measured order": lambda one: roc_area(order_score(one.predicted), ordered),
        }
    return {
        **error,
        'over "all equal"': lambda one: one.ratio,
        "weighted": lambda one: one.weighted_ratio,
        "lowest found": lambda one: one.lowest,
        "Spearman, median": lambda one: one.spearman,
    }


def without_worst(one: HeldOut) -> float:
    """Pearson's r without the formulas that the two star intensities describe worst, as many of 190 as 15 are."""
    from matganip.learning.formula_model import star_basis

    stars = star_basis()
    left = np.abs(one.truth - one.truth @ stars @ stars.T).mean(axis=1)
    kept = np.argsort(left)[: len(left) - round(15 / 190 * len(left))]
    return float(np.corrcoef(one.predicted[kept].ravel(), one.truth[kept].ravel())[0, 1])


def _spread(runs: list[HeldOut], of: Callable[[HeldOut], float]) -> str:
    values = [of(one) for one in runs]
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")


def main() -> None:
    """Read the command line, do what is not done, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", help="as examples/double_perovskites/chgnet_sample.csv, with more formulas")
    parser.add_argument("--oxides", help="relaxed energies of oxides and their measured order")
    parser.add_argument("-o", "--output", default="runs/chemistry")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tables", action="store_true", help="only print what is stored")
    parser.add_argument("--map", help="draw the fifteen formulas into this file; those that the table lacks by CHGNet")
    asked = parser.parse_args()
    folder = Path(asked.output)
    folder.mkdir(parents=True, exist_ok=True)
    if not asked.tables:
        with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
            every = jobs(bool(asked.oxides), asked.seeds)
            waiting = {pool.submit(do, job, asked.table, asked.oxides, asked.output): job for job in every}
            for done in as_completed(waiting):
                done.result()
                print(*waiting[done], flush=True)
        checks = madelung_checks(50)
        error, spread = worst(checks)
        print(f"Madelung energies of {len(checks)} crystals: worst {error:.1e} eV, spread {spread:.0f} eV")
    print(tables(stored(folder), asked.oxides))
    if asked.map:
        drawn = ordering_map(read_formulas(asked.table))
        save_figure(drawn.plot(off_screen()), asked.map)
        print(f"\nThe fifteen formulas of figure 5, trained on {drawn.n_train} others\n{drawn.sentences()}")


if __name__ == "__main__":
    main()
