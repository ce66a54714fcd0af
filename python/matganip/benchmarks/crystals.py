"""`matganip train` for a study of crystals: tolerance factors of formulas not seen, beside other methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.benchmarks.double_perovskites import ArrangementMap, arrangement_map
from matganip.benchmarks.tolerance import FormulaSplit, MethodResult, baselines, diffractable, take, target_of
from matganip.errors import require
from matganip.features.powder.crystal_peaks import CrystalPeaks, crystal_peaks
from matganip.files import atomic_path, claim, sha256, write_json
from matganip.learning.crystals import CONFIG, CrystalModel
from matganip.learning.judgement import Judgement, judge
from matganip.progress import ProgressOption, Report, reporting
from matganip.results.base import Result
from matganip.results.content import Table
from matganip.versions import versions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from matganip.crystal.datasets import PerovskiteTable
    from matganip.learning.history import Progress
    from matganip.plots.style import Place
    from matganip.workflows.crystals import CrystalStudy


@dataclass(frozen=True, eq=False)
class CrystalTraining(Result):
    """What `train_crystals` reached.

    Attributes
    ----------
    study : CrystalStudy
    table : PerovskiteTable
        The crystals.
    left_out : tuple of str
        Elements without a form factor; crystals with them were left out.
    split : FormulaSplit
    model : CrystalModel
    prediction : (n,) float64 ndarray
        Of every crystal.
    judgement : Judgement
        On the formulas held out.
    rows : tuple of MethodResult
        The model's and the baselines'.
    map : ArrangementMap or None
    seconds : dict of str to float
        Of each step, by the clock.
    """

    study: CrystalStudy
    table: PerovskiteTable
    left_out: tuple[str, ...]
    split: FormulaSplit
    model: CrystalModel
    prediction: NDArray[np.float64]
    judgement: Judgement
    rows: tuple[MethodResult, ...]
    map: ArrangementMap | None
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values: what ``metrics.json`` begins with."""
        return {
            "study": self.study.name,
            "seed": self.study.seed,
            "property": f"Goldschmidt's tolerance factor, {self.study.crystals.convention} radii",
            "input": self.model.made.name,
            "vertices": self.model.made.vertices,
            "split": self.rows[0].split,
            "crystals": {"train": len(self.split.train), "test": len(self.split.test)},
            "left_out_for_want_of_a_form_factor": list(self.left_out),
            "errors": {"test": self.judgement.as_dict()},
            "methods": [
                {"method": row.method, "input": row.input, "of_the_constants": row.ratio, "seconds": row.seconds,
                 "mae": row.metrics.mae, "constant_mae": row.metrics.baseline_mae, "rmse": row.metrics.rmse}
                for row in self.rows
            ],
            "double_perovskites": None if self.map is None else self.map.to_dict(),
            "seconds": self.seconds,
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """One row for each crystal, as in ``predictions.parquet``."""
        return self._arrow().to_pandas()

    def tables(self) -> tuple[Table, ...]:
        """Every method beside the mean baseline."""
        rows = tuple(
            (row.method, row.input, f"{row.metrics.mae:.4f}", f"{row.metrics.baseline_mae:.4f}", f"{row.ratio:.2f}")
            for row in self.rows
        )
        floor, top, n_test = self.judgement.floor, self.judgement.top, len(self.split.test)
        note = (
            f"MAE of the tolerance factor ({self.study.crystals.convention} radii) on {n_test:,} crystals whose "
            f"formulas are not among the {len(self.split.train):,} trained on; the mean baseline predicts the mean of "
            f"these. MATGANIP: {top.found} of the {top.k} lowest are among the {top.k} predicted lowest "
            f"({top.by_chance:.2g} by chance); its peaks tell {floor.n_classes:,} of {n_test:,} apart, which leaves a "
            f"floor of {floor.mae:.4f}."
        )
        return (Table(self.study.name, ("method", "input", "MAE", "mean baseline", "ratio"), rows, "llrrr", note),)

    def sentences(self) -> tuple[str, ...]:
        """How the predicted factor of double perovskites varies."""
        if self.map is None:
            return ()
        within, between = self.map.deviations
        return (
            f"Double perovskites: the predicted factor varies by {within:.4f} between the arrangements of a formula, "
            f"for which radii give one number, and by {between:.4f} between formulas; Pearson's r with the energy is "
            "in figures/double_perovskites.png.",
        )

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the map of double perovskites."""
        return None if self.map is None else self.map.plot(ax)

    def write(self, folder: Path, command: tuple[str, ...] = (), source: Path | None = None) -> None:
        """Write ``model/``, ``metrics.json``, ``predictions.parquet`` and the map; see `train_crystals`."""
        self.model.save(folder / "model")
        with atomic_path(folder / "predictions.parquet") as temporary:
            pq.write_table(self._arrow(), temporary, compression="zstd")
        if self.map is not None:
            self.map.write(folder / "double_perovskites.csv")
            self.save_figure(folder / "figures" / "double_perovskites.png")
        record = {
            **self.to_dict(),
            "command": list(command),
            "versions": versions(),
            "study_file": self.study.model_dump(mode="json"),
            "inputs": {str(source): sha256(source)} if source else {},
        }
        write_json(folder / "metrics.json", record)

    def _arrow(self) -> pa.Table:
        part = np.full(len(self.table), "train", dtype=object)
        part[self.split.test] = "test"
        columns = {
            "formula": self.table.formulas,
            "part": part.tolist(),
            "tolerance_factor": self.split.target,
            "prediction": self.prediction,
        }
        about = {"input": self.model.made.name, "convention": self.study.crystals.convention}
        return pa.table(columns).replace_schema_metadata(about)


def train_crystals(
    study: CrystalStudy,
    folder: Path | None = None,
    *,
    train_size: float = 0.8,
    overwrite: bool = False,
    progress: ProgressOption = None,
    command: tuple[str, ...] = (),
    source: Path | None = None,
) -> CrystalTraining:
    """Train on crystals and test on formulas not seen; in a folder, write model, metrics, predictions and figure 5.

    Parameters
    ----------
    study : CrystalStudy
    folder : pathlib.Path, optional
        For ``model/``, ``metrics.json``, ``predictions.parquet``, and with [double_perovskites] ``figures/`` and
        ``double_perovskites.csv``; nothing is written without one.
    train_size : float
        Part of the formulas to train on.
    overwrite : bool
        Whether an earlier run's files there may be replaced.
    progress : bool or callable, optional
        See `matganip.progress`.
    command : tuple of str
        The command line, for the record.
    source : pathlib.Path, optional
        The study file, for the record.

    Returns
    -------
    CrystalTraining

    Raises
    ------
    InputError, MissingExtraError
        If something in the study is wrong, a part of the split would be empty, the folder cannot be written, or an
        optional dependency is not installed.
    """
    made = study.input
    with reporting(progress) as report:
        steps = _Steps(report)
        with steps("read"):
            for package, extra in (("torch", "learn"), ("sklearn", "learn"), ("matplotlib", "report")):
                require(package, extra)
            table, left_out = diffractable(_crystals(study), made.radiation)
            split = FormulaSplit.of(table, target_of(table, study.crystals.convention), train_size, study.seed)
            model = _untrained(study)
            if folder is not None:
                claim(folder, overwrite=overwrite)
        with steps("diffract"):
            absolute, scaled = (
                crystal_peaks(table.structures(), made.replace(intensities=kind)) for kind in ("absolute", "scaled")
            )
            own = absolute if made.intensities == "absolute" else scaled
        with steps("train"):
            fitted = split.measure("MATGANIP", made.name, lambda: _fit(model, own, split, _following(model, report)))
        with steps("evaluate"):
            prediction = model.predict(own)
            features = np.concatenate([own.two_theta[:, :1], own.amplitude], axis=1)[split.test]
            judgement = judge(
                prediction[split.test], split.target[split.test], baseline=split.baseline, features=features
            )
            rows = (fitted, *baselines(split, table, absolute, scaled))
        asked, found = study.double_perovskites, None
        if asked is not None:
            with steps("double perovskites"):
                found = arrangement_map(
                    model, asked.formulas, asked.calculator, convention=study.crystals.convention, progress=report
                )
        result = CrystalTraining(
            study, table, left_out, split, model, prediction, judgement, rows, found, steps.seconds
        )
        if folder is not None:
            with steps("write"):
                result.write(folder, command, source)
    return result


@dataclass(frozen=True)
class _Steps:
    """Reports steps as they begin, and times them."""

    report: Report
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self.report(name, 0, 1, "")
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def _crystals(study: CrystalStudy) -> PerovskiteTable:
    from matganip import datasets

    asked = {"anions": study.crystals.anions, "cations": study.crystals.cations}
    return datasets.abx3(**{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]


def _untrained(study: CrystalStudy) -> CrystalModel:
    settings = study.model.model_dump(exclude={"members"})
    config = CONFIG.replace(**settings, seed=study.seed, n_peaks=study.input.n_peaks)
    return CrystalModel(config, study.input, study.model.members)


def _fit(
    model: CrystalModel, peaks: CrystalPeaks, split: FormulaSplit, follow: Callable[[int, Progress], None]
) -> NDArray[np.float64]:
    model.fit(take(peaks, split.train), split.target[split.train], callback=follow)
    return model.predict(take(peaks, split.test))


def _following(model: CrystalModel, report: Report) -> Callable[[int, Progress], None]:
    members = len(model.ensemble)

    def follow(member: int, now: Progress) -> None:
        detail = f"network {member + 1}, MAE {now.train_mae / now.baseline_mae:.3f} of the mean baseline's"
        report("train", member * now.epochs + now.epoch, members * now.epochs, detail)

    return follow
