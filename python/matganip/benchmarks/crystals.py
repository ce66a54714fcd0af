"""`matganip train` for a study of crystals: tolerance factors of formulas not seen, beside what else reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.benchmarks.double_perovskites import ArrangementMap, arrangement_map, draw_map, write_map
from matganip.benchmarks.tolerance import Row, Task, baselines, diffractable, take, target_of
from matganip.errors import require
from matganip.features.powder.crystal_peaks import crystal_peaks
from matganip.files import atomic_path
from matganip.learning.crystals import CONFIG, CrystalModel
from matganip.learning.judgement import Judgement, judge
from matganip.results.content import Table
from matganip.workflows.folder import claim, sha256
from matganip.workflows.listener import Clock, Listener, Silent
from matganip.workflows.provenance import versions, write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.crystal.datasets import PerovskiteTable
    from matganip.learning.history import Progress
    from matganip.workflows.crystals import CrystalStudy


@dataclass(frozen=True, eq=False)
class CrystalTraining:
    """What `train_crystals` made.

    Attributes
    ----------
    study : CrystalStudy
    table : PerovskiteTable
        The crystals.
    left_out : tuple of str
        Elements without form factor; crystals with them were left out.
    task : Task
        The split.
    model : CrystalModel
    prediction : (n,) float64 ndarray
        Of every crystal.
    judgement : Judgement
        On the formulas held out.
    rows : tuple of Row
        The model's and the baselines'.
    map : ArrangementMap or None
    seconds : dict of str to float
    """

    study: CrystalStudy
    table: PerovskiteTable
    left_out: tuple[str, ...]
    task: Task
    model: CrystalModel
    prediction: NDArray[np.float64]
    judgement: Judgement
    rows: tuple[Row, ...]
    map: ArrangementMap | None
    seconds: dict[str, float]


def train_crystals(
    study: CrystalStudy,
    folder: Path,
    *,
    train_size: float = 0.8,
    overwrite: bool = False,
    listener: Listener | None = None,
    command: tuple[str, ...] = (),
    source: Path | None = None,
) -> CrystalTraining:
    """Train on crystals, test on formulas not seen, and write model, metrics, predictions and the map of figure 5.

    Parameters
    ----------
    study : CrystalStudy
    folder : pathlib.Path
        For ``model/``, ``metrics.json``, ``predictions.parquet``, and with [double_perovskites] ``figures/`` and
        ``double_perovskites.csv``.
    train_size : float
        Part of the formulas to train on.
    overwrite : bool
        Whether an earlier run's files there may be replaced.
    listener : Listener, optional
        Hears how far it is.
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
    clock, made = Clock(listener or Silent()), study.input.made()
    with clock.step("read"):
        for package in ("torch", "sklearn"):
            require(package, "learn")
        require("matplotlib", "report")
        table, left_out = diffractable(_table(study), made.radiation)
        target = target_of(table, study.crystals.convention)
        task = Task.of(table, target, train_size, study.seed)
        model = _model(study)
        claim(folder, overwrite=overwrite)
    with clock.step("diffract"):
        read, other = (
            crystal_peaks(table.structures(), replace(made, intensities=kind)) for kind in ("absolute", "scaled")
        )
        own = read if made.intensities == "absolute" else other
    with clock.step("train"):
        follow = _telling(clock.listener, len(model.ensemble))
        fitted = task.row("MATGANIP", made.name, lambda: _fit(model, own, task, follow))
    with clock.step("evaluate"):
        prediction = model.predict(own)
        features = np.concatenate([own.two_theta[:, :1], own.amplitude], axis=1)[task.test]
        judgement = judge(prediction[task.test], target[task.test], constant=task.constant, features=features)
        rows = (fitted, *baselines(task, table, read, other))
    asked, found = study.double_perovskites, None
    if asked is not None:
        with clock.step("double perovskites"):
            found = arrangement_map(
                model, asked.formulas, asked.calculator, convention=study.crystals.convention,
                progress=lambda done, total: clock.listener.progress("double perovskites", done, total, "energies"),
            )  # fmt: skip
    result = CrystalTraining(study, table, left_out, task, model, prediction, judgement, rows, found, clock.seconds)
    with clock.step("write"):
        _write(result, folder, command, source)
    return result


def summary(made: CrystalTraining) -> dict[str, Any]:
    """The numbers as JSON values: what ``metrics.json`` begins with and ``--json`` prints."""
    return {
        "study": made.study.name,
        "seed": made.study.seed,
        "property": f"Goldschmidt's tolerance factor, {made.study.crystals.convention} radii",
        "input": made.model.made.name,
        "vertices": made.model.made.vertices,
        "split": made.rows[0].split,
        "crystals": {"train": len(made.task.train), "test": len(made.task.test)},
        "left_out_for_want_of_a_form_factor": list(made.left_out),
        "errors": {"test": made.judgement.as_dict()},
        "methods": [
            {"method": row.method, "input": row.input, "of_the_constants": row.ratio, "seconds": row.seconds,
             **{key: value for key, value in asdict(row.metrics).items() if key in ("mae", "constant_mae", "rmse")}}
            for row in made.rows
        ],
        "double_perovskites": None if made.map is None else made.map.as_dict(),
        "seconds": made.seconds,
    }  # fmt: skip


def table_of(made: CrystalTraining) -> Table:
    """Every method beside the constant."""
    rows = tuple(
        (
            row.method,
            row.input,
            f"{row.metrics.mae:.4f}",
            f"{row.metrics.constant_mae:.4f}",
            f"{row.ratio:.2f}",
        )
        for row in made.rows
    )
    floor, top = made.judgement.floor, made.judgement.top
    note = (
        f"MAE of the tolerance factor ({made.study.crystals.convention} radii) on {len(made.task.test):,} crystals "
        f"whose formulas are not among the {len(made.task.train):,} trained on; the constant predicts their mean. "
        f"MATGANIP: {top.found} of the {top.k} lowest are among the {top.k} predicted lowest ({top.by_chance:.2g} by "
        f"chance); its peaks tell {floor.n_classes:,} of {len(made.task.test):,} apart, which leaves a floor of "
        f"{floor.mae:.4f}."
    )
    columns = ("method", "input", "MAE", "constant's", "ratio")
    return Table(made.study.name, columns, rows, "llrrr", note)


def _table(study: CrystalStudy) -> PerovskiteTable:
    from matganip import datasets

    asked = {"anions": study.crystals.anions, "cations": study.crystals.cations}
    return datasets.abx3(**{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]


def _model(study: CrystalStudy) -> CrystalModel:
    settings = study.model.model_dump(exclude={"members"})
    config = CONFIG.replace(seed=study.seed, **settings, n_peaks=study.input.n_peaks)
    return CrystalModel(config, study.input.made(), study.model.members)


def _fit(model: CrystalModel, peaks: Any, task: Task, follow: Callable[[int, Progress], None]) -> Any:
    model.fit(take(peaks, task.train), task.target[task.train], callback=follow)
    return model.predict(take(peaks, task.test))


def _telling(hear: Listener, members: int) -> Callable[[int, Progress], None]:
    def follow(member: int, now: Progress) -> None:
        detail = f"network {member + 1}, MAE {now.train_mae / now.constant_mae:.3f} of the constant's"
        hear.progress("train", member * now.epochs + now.epoch, members * now.epochs, detail)

    return follow


def _write(made: CrystalTraining, folder: Path, command: tuple[str, ...], source: Path | None) -> None:
    made.model.save(folder / "model")
    part = np.full(len(made.table), "train", dtype=object)
    part[made.task.test] = "test"
    columns = {
        "formula": made.table.formulas,
        "part": part.tolist(),
        "tolerance_factor": made.task.target,
        "prediction": made.prediction,
    }
    about = {"input": made.model.made.name, "convention": made.study.crystals.convention}
    with atomic_path(folder / "predictions.parquet") as temporary:
        pq.write_table(pa.table(columns).replace_schema_metadata(about), temporary, compression="zstd")
    if made.map is not None:
        write_map(made.map, folder / "double_perovskites.csv")
        draw_map(made.map, folder / "figures" / "double_perovskites.png")
    record = {
        **summary(made),
        "command": list(command),
        "versions": versions(),
        "study_file": made.study.model_dump(mode="json"),
        "inputs": {str(source): sha256(source)} if source else {},
    }
    write_json(folder / "metrics.json", record)
