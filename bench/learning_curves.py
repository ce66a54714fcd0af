"""Learning curves of the default model beside icet's best cluster expansion: errors against the number of labels.

    OMP_NUM_THREADS=1 .venv/bin/python bench/learning_curves.py --output docs/learning-curves.json

Four materials, whose labels are shipped; for each seed the last orbits of a permutation are the test set, and the first
25, 50 ... the training sets. `mg.train` gets a table and a number of labels, nothing else. icet's cluster spaces are
those of a grid of cutoffs for pairs and triplets; each is fitted by trainstation with ridge regression, automatic
relevance determination and recursive feature elimination, and the one with the least cross-validated error of the
training rows is taken. Errors are mean absolute ones in meV/atom, each orbit once, means over the seeds with their
standard error; beside them the mean baseline, and that of each composition.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import matganip as mg
from matganip.crystal.structures import read_structure
from matganip.files import write_json
from matganip.labels.labelled import Labelled, stacked
from matganip.learning.cluster_expansion import cluster_vectors
from matganip.learning.evaluation import energies_of

Floats = NDArray[np.float64]
LAYERED = Path(mg.__file__).parent / "labels" / "data" / "linio2" / "LiNiO2.cif"
SIZES = (25, 50, 100, 150, 200, 300)
PAIRS, TRIPLETS = (1.5, 2.05, 3.0), (0.0, 1.5, 2.05)
"""Longest distances tried, in units of the shortest between two sites; 0 for no triplets."""
METHODS = ("ridge", "ardr", "rfe")


@dataclass(frozen=True)
class Material:
    """Labels on the orbits of some compositions of one supercell."""

    name: str
    parent: Any
    supercell: tuple[int, int, int]
    substitutions: tuple[dict[str, dict[str, int]], ...]
    table: str

    @cached_property
    def spaces(self) -> list[mg.ConfigurationSpace]:
        """Of each composition."""
        return [mg.ConfigurationSpace(self.parent, self.supercell, one) for one in self.substitutions]

    @cached_property
    def labelled(self) -> Labelled:
        """All labels, in the codes of the first composition."""
        table = mg.read_labels(self.table)
        return stacked([table.join(space) for space in self.spaces], self.spaces)

    @cached_property
    def nearest(self) -> float:
        """The shortest distance between two substituted sites, angstrom."""
        space = self.spaces[0]
        points = space.supercell_structure.frac_coords[space.site_indices]
        apart = space.supercell_structure.lattice.get_all_distances(points, points)
        return float(apart[apart > 0.1].min())

    @cached_property
    def composition(self) -> NDArray[np.int64]:
        """(n,): number of each row's composition."""
        counts = [np.bincount(row, minlength=8) for row in self.labelled.occupations]
        return np.unique(counts, axis=0, return_inverse=True)[1].reshape(-1)


def materials() -> dict[str, Material]:
    """The four of the table."""
    perovskite = mg.perovskite("CsPbI3", a=6.289)
    layered, oxide = read_structure(LAYERED), mg.perovskite("SrTiO3", a=3.905)
    vacancies = tuple({"O": {"vac": n}} for n in range(1, 7))
    nmc = tuple({"Ni": {"Mn": 2, "Co": 2}, "Li": {"vac": n}} for n in range(5))
    found = (
        Material("CsPbI3:Br, 6 of 24, 2x2x2", perovskite, (2, 2, 2), ({"I": {"Br": 6}},), "cspbi3_br/chgnet_X6of24"),
        Material(
            "CsPbI3:Br, 12 of 18, 3x2x1", perovskite, (3, 2, 1), ({"I": {"Br": 12}},), "cspbi3_br_3x2x1/chgnet_X12of18"
        ),
        Material("SrTiO3 with 1 to 6 of 24 O vacant", oxide, (2, 2, 2), vacancies, "srtio3/chgnet_V1_6of24"),
        Material("Li(8-x)Ni4Mn2Co2O16, x = 0 to 4", layered, (2, 2, 2), nmc, "linio2/chgnet_V0_4of8"),
    )
    return {one.name: one for one in found}


def main() -> None:
    """Print the table, and write what it is made of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--materials", nargs="*", help="only those whose name contains one of these words")
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tests", type=int, default=100, help="orbits in a test set")
    parser.add_argument("--without-icet", action="store_true")
    parser.add_argument("--output", type=Path, help="a JSON file, kept up to date; what it has is not done again")
    parser.add_argument("--again", action="store_true", help="the default anew, beside the icet that the file has")
    options = parser.parse_args()
    logging.getLogger("trainstation").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # of scikit-learn, about fits that do not converge within cross-validation
    done = json.loads(options.output.read_text()) if options.output and options.output.exists() else {}
    for name, material in materials().items():
        if options.materials and not any(word in name for word in options.materials):
            continue
        rows = done.setdefault(name, {})
        for size, seed in product(options.sizes, range(options.seeds)):
            key = f"{size} labels, seed {seed}"
            if (key in rows and not options.again) or size + options.tests > len(material.labelled):
                continue
            known = {name: value for name, value in rows.get(key, {}).items() if name.startswith("icet")}
            found = measured(material, size, seed, tests=options.tests, icet=not (known or options.without_icet))
            rows[key] = {"labels": size, "seed": seed, **known, **found}
            if options.output:
                write_json(options.output, done)
    print("\n".join([HEAD, *(line for name, rows in done.items() for line in table(name, list(rows.values())))]))


def measured(material: Material, size: int, seed: int, *, tests: int, icet: bool) -> dict[str, Any]:
    """Errors of one training set, meV/atom, and the seconds of CPU that they took."""
    order = np.random.default_rng(seed).permutation(len(material.labelled))
    train, test = order[:size], order[-tests:]
    target = material.labelled.per_atom * 1000.0
    mean = target[train].mean()
    means = {c: target[train][material.composition[train] == c].mean() for c in set(material.composition[train])}
    by_composition = np.array([means.get(c, mean) for c in material.composition[test]])
    clock = time.process_time()
    ours = default_model(material, train, test)
    seconds = time.process_time() - clock
    found = {
        "mean": float(np.abs(target[test] - mean).mean()),
        "mean of each composition": float(np.abs(target[test] - by_composition).mean()),
        "default": ours,
        "seconds": round(seconds, 2),
    }
    if icet:
        clock = time.process_time()
        found |= best_of_icet(material, train, test)
        found["icet_seconds"] = round(time.process_time() - clock, 2)
    return found


def default_model(material: Material, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, float]:
    """`mg.train` on the training rows, asked about the others."""
    space, labels = material.spaces[0], material.labelled
    model = mg.train(space, replace(labels[train], n_elsewhere=0))
    mean, deviation = energies_of(model.predictor, model.represent(space), labels[test].occupations)
    error, width = 1000.0 * (mean - labels[test].per_atom), 1000.0 * deviation
    n_sites = len(space.supercell_structure)
    constant = 1000.0 * model.predictor.constant * n_sites / space.atoms_of(labels[test].occupations)
    inner, outer = model.predictor.inner, model.predictor.outer
    size = np.abs(error)
    return {
        "mae": float(size.mean()),
        "within_68": float((size <= inner * width).mean()),
        "within_95": float((size <= outer * width).mean()),
        "nll": _nll(error, width),
        "nll_constant": _nll(error, constant),
    }


def _nll(error: Floats, width: Floats) -> float:
    return float(np.mean(np.log(width * np.sqrt(2 * np.pi)) + 0.5 * (error / width) ** 2))


def best_of_icet(material: Material, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, Any]:
    """The cluster expansion that cross-validation of the training rows prefers."""
    from joblib import parallel_config
    from trainstation import CrossValidationEstimator

    labels = material.labelled
    n_cells = len(material.spaces[0].supercell_structure) / len(material.spaces[0].parent)
    per_cell, atoms = labels.energy / n_cells, labels.n_atoms / n_cells
    best: tuple[float, str, Any, Floats] | None = None
    for pair, triplet in product(PAIRS, TRIPLETS):
        if triplet > pair:
            continue
        vectors = _vectors(material, pair, triplet)
        for method in METHODS:
            fit = CrossValidationEstimator(
                (vectors[train], per_cell[train]), fit_method=method, validation_method="k-fold", n_splits=5, seed=0
            )
            with parallel_config(backend="sequential"):
                fit.validate()
            if best is None or fit.rmse_validation < best[0]:
                best = fit.rmse_validation, f"{method}, {pair:g} and {triplet:g}", fit, vectors
    assert best is not None
    _, name, fit, vectors = best
    with parallel_config(backend="sequential"):
        fit.train()
    error = 1000.0 * (vectors[test] @ fit.parameters - per_cell[test]) / np.broadcast_to(atoms, len(per_cell))[test]
    return {"icet": float(np.abs(error).mean()), "icet_choice": name}


_KNOWN: dict[tuple[str, float, float], Floats] = {}


def _vectors(material: Material, pair: float, triplet: float) -> Floats:
    """Cluster vectors of all labelled rows, worked out once."""
    key = material.name, pair, triplet
    if key not in _KNOWN:
        cutoffs = tuple(one * material.nearest for one in (pair, triplet) if one)
        _KNOWN[key] = cluster_vectors(material.spaces[0], material.labelled.occupations, cutoffs)
    return _KNOWN[key]


HEAD = """\
| | labels | seeds | mean baseline | mean of each composition | default | icet | errors in 68 %, 95 % |
|---|---:|---:|---:|---:|---:|---:|---|"""


def table(name: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of Markdown for one material, under `HEAD`."""
    lines = []
    for size in sorted({row["labels"] for row in rows}):
        own = [row for row in rows if row["labels"] == size]
        ours = [row["default"] for row in own]
        icet = _told([row["icet"] for row in own]) if all("icet" in row for row in own) else ""
        mean, by_composition = (np.mean([row[key] for row in own]) for key in ("mean", "mean of each composition"))
        of_composition = f"{by_composition:.3g}" if abs(by_composition - mean) > 1e-9 else ""
        within = (f"{np.mean([one[key] for one in ours]):.0%}" for key in ("within_68", "within_95"))
        lines.append(
            f"| {'' if lines else name} | {size} | {len(own)} | {mean:.3g} | {of_composition} "
            f"| {_told([one['mae'] for one in ours])} | {icet} | {', '.join(within)} |"
        )
    return lines


def _told(values: list[float]) -> str:
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    digits = 4 if np.mean(values) < 0.1 else 3
    return f"{np.mean(values):.{digits}f} ± {error:.{digits}f}"


if __name__ == "__main__":
    main()
