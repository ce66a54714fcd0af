"""MATGANIP.f beside other methods on the same crystals: tolerance factors of formulas that no model has seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from matganip.errors import InputError, require
from matganip.features.powder.crystal_peaks import (
    INPUTS,
    CrystalInput,
    CrystalPeaks,
    crystal_peaks,
    without_form_factor,
)
from matganip.learning.config import MatganipConfig
from matganip.learning.crystals import CONFIG, CrystalModel, formulas_apart
from matganip.learning.metrics import Metrics, evaluate
from matganip.progress import ProgressOption, reporting

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core.structure import Structure

    from matganip.crystal.datasets import PerovskiteTable

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SPLIT = "by formula"
CHEMISTRY = "atomic numbers, cell edge"


@dataclass(frozen=True)
class MethodResult:
    """One method on one split.

    Attributes
    ----------
    method, input, split : str
        What learned, what it read ("absolute per formula unit", "scaled to 100", ...) and how it was tested.
    seed : int
        Seed of the split and of the method.
    metrics : Metrics
        On the formulas held out; every crystal counts once.
    seconds : float
        Of processor time, training and prediction.
    """

    method: str
    input: str
    split: str
    seed: int
    metrics: Metrics
    seconds: float

    @property
    def ratio(self) -> float:
        """MAE divided by the mean baseline's."""
        return self.metrics.mae / self.metrics.baseline_mae


def diffractable(table: PerovskiteTable, radiation: str | float = "CuKa") -> tuple[PerovskiteTable, tuple[str, ...]]:
    """Select the rows of a table whose elements all have a form factor; also name the elements that have none."""
    sites = np.array([table.species(site) for site in "abx"]).T  # (n, 3); a mixed site is "Ag/Bi"
    elements = sorted({element for names in sites.ravel().tolist() for element in names.split("/")})
    missing = without_form_factor(elements, radiation)
    keep = [not any(element in missing for name in row for element in name.split("/")) for row in sites.tolist()]
    return table.select(np.array(keep)), tuple(missing)


def charged(table: PerovskiteTable) -> Iterator[Structure]:
    """The crystals of a table with the oxidation states of its ions."""
    for structure, found in zip(table.structures(), table.perovskites, strict=True):
        states = {ion.species: float(ion.charge) for site in "abx" for ion in found.ions(site)}
        yield structure.copy().add_oxidation_state_by_element(states)


def target_of(table: PerovskiteTable, convention: str) -> Floats:
    """The tolerance factors, (n,), in one of the conventions of `matganip.tolerance_factor`."""
    if convention not in ("effective", "crystal"):
        raise InputError(f"convention {convention!r}: must be effective or crystal")
    return table.effective if convention == "effective" else table.crystal


def compare(
    seeds: Iterable[int] = range(5),
    table: PerovskiteTable | None = None,
    *,
    convention: str = "effective",
    config: MatganipConfig | None = None,
    made: CrystalInput | None = None,
    train_size: float = 0.8,
    n_trees: int = 60,
    progress: ProgressOption = None,
) -> list[MethodResult]:
    """Train and test every method on the same splits by formula.

    The methods are the mean baseline; MATGANIP on absolute intensities, and on those of ionic radii in place of form
    factors, which no diffractometer measures; scikit-learn's extremely randomised trees on
    the same numbers, and on intensities scaled to 100; and gradient boosting on the atomic numbers of A, B and X and
    the cell edge, which no diffractometer measures directly.

    Parameters
    ----------
    seeds : iterable of int
    table : PerovskiteTable, optional
        `matganip.crystal.datasets.abx3` by default.
    convention : {"effective", "crystal"}
        Of the tolerance factor.
    config : MatganipConfig, optional
    made : CrystalInput, optional
        The absolute input; the scaled one differs in its intensities only.
    train_size : float
        Part of the formulas to train on.
    n_trees : int
        Of the extremely randomised trees.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    list of MethodResult
        By seed, then by method.

    Raises
    ------
    InputError, MissingExtraError
        If there is nothing to split, or scikit-learn or torch is not installed.
    """
    for package in ("torch", "sklearn"):
        require(package, "learn")
    from matganip import datasets

    how, chosen = made or CrystalInput(), tuple(seeds)
    with reporting(progress) as report:
        report("compare", 0, len(chosen), "diffraction")
        crystals, _ = diffractable(datasets.abx3() if table is None else table, how.radiation)
        target = target_of(crystals, convention)
        radii = crystal_peaks(charged(crystals), how.replace(intensities="absolute", radiation="ionic_radius"))
        absolute, scaled = (
            crystal_peaks(crystals.structures(), how.replace(intensities=kind)) for kind in ("absolute", "scaled")
        )
        rows: list[MethodResult] = []
        for done, seed in enumerate(chosen):
            split = FormulaSplit.of(crystals, target, train_size, seed)
            report("compare", done, len(chosen), f"seed {seed}: MATGANIP")
            rows += [matganip_on(split, peaks, config) for peaks in (absolute, radii)]
            report("compare", done, len(chosen), f"seed {seed}: baselines")
            rows += baselines(split, crystals, absolute, scaled, n_trees)
    return rows


def matganip_on(split: FormulaSplit, peaks: CrystalPeaks, config: MatganipConfig | None = None) -> MethodResult:
    """Train and test MATGANIP on one split."""

    def predict() -> Floats:
        model = CrystalModel((config or CONFIG).replace(seed=split.seed), peaks.made)
        model.fit(take(peaks, split.train), split.target[split.train])
        return model.predict(take(peaks, split.test))

    return split.measure("MATGANIP", peaks.made.name, predict)


def baselines(
    split: FormulaSplit, table: PerovskiteTable, absolute: CrystalPeaks, scaled: CrystalPeaks, n_trees: int = 60
) -> list[MethodResult]:
    """The mean baseline, trees on both inputs, and boosting on atomic numbers and the cell edge, all on one split."""
    rows = [split.measure("mean baseline", "nothing", lambda: np.full(len(split.test), split.baseline))]
    for name, peaks in (("absolute", absolute), ("scaled", scaled)):
        features = np.concatenate([peaks.two_theta, peaks.amplitude], axis=1)
        rows.append(split.measure("extra trees", INPUTS[name], partial(_trees, split, features, n_trees)))
    return [*rows, split.measure("gradient boosting", CHEMISTRY, partial(_boosting, split, chemistry(table)))]


def results_frame(rows: Iterable[MethodResult]) -> pd.DataFrame:
    """One row for each method and split, as a pandas data frame."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "method": row.method,
                "input": row.input,
                "split": row.split,
                "seed": row.seed,
                "mae": row.metrics.mae,
                "baseline_mae": row.metrics.baseline_mae,
                "ratio": row.ratio,
                "r2": row.metrics.r2,
                "spearman": row.metrics.spearman,
                "cpu_s": row.seconds,
            }
            for row in rows
        ]
    )


def chemistry(table: PerovskiteTable) -> Floats:
    """(n, 4): mean atomic numbers on A, B and X, and the cell edge in angstrom."""
    columns = [
        [float(np.mean([Element(name).Z for name in names.split("/")])) for names in table.species(site)]
        for site in "abx"
    ]
    return np.array([*columns, table.lattice_constant.tolist()]).T


def take(peaks: CrystalPeaks, rows: Indices) -> CrystalPeaks:
    """Some crystals' peaks."""
    return CrystalPeaks(peaks.two_theta[rows], peaks.amplitude[rows], peaks.made)


@dataclass(frozen=True, eq=False)
class FormulaSplit:
    """One split of the crystals by formula.

    Attributes
    ----------
    target : (n,) float64 ndarray
        Tolerance factors of all crystals.
    train, test : int64 ndarray
        Rows.
    seed : int
    """

    target: Floats
    train: Indices
    test: Indices
    seed: int

    @classmethod
    def of(cls, table: PerovskiteTable, target: Floats, train_size: float, seed: int) -> FormulaSplit:
        """Split a table."""
        train, test = formulas_apart(table.formulas, train_size, seed)
        return cls(target, train, test, seed)

    @property
    def baseline(self) -> float:
        """The mean of the training set."""
        return float(self.target[self.train].mean())

    def measure(self, method: str, read: str, predict: Callable[[], Floats]) -> MethodResult:
        """Time a prediction of the test rows, and evaluate it."""
        start = time.process_time()
        prediction = predict()
        seconds = time.process_time() - start
        found = evaluate(prediction, self.target[self.test], baseline=self.baseline)
        return MethodResult(method, read, SPLIT, self.seed, found, seconds)


def _trees(split: FormulaSplit, features: Floats, n_trees: int) -> Floats:
    from sklearn.ensemble import ExtraTreesRegressor

    return _fitted(ExtraTreesRegressor(n_trees, random_state=split.seed), split, features)


def _boosting(split: FormulaSplit, features: Floats) -> Floats:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return _fitted(HistGradientBoostingRegressor(max_iter=500, random_state=split.seed), split, features)


def _fitted(model: Any, split: FormulaSplit, features: Floats) -> Floats:
    model.fit(features[split.train], split.target[split.train])
    found: Floats = model.predict(features[split.test])
    return found
