"""Finished screens, read from their folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.codec import occupations_from_digits
from matganip.errors import InputError, damaged
from matganip.files import sha256
from matganip.results.screen import ScreenPart, ScreenResult
from matganip.screening.folder import space_of
from matganip.screening.manifest import ScreenFolder
from matganip.screening.merge import read_result
from matganip.screening.shard import STAGES
from matganip.screening.winners import WINNERS, read_winners
from matganip.thermodynamics.histogram import EnergyHistogram
from matganip.thermodynamics.sums import CanonicalSums

if TYPE_CHECKING:
    import pyarrow as pa

    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.request import PathLike


def read_screen(folder: PathLike) -> ScreenResult:
    """Read a finished screen.

    Parameters
    ----------
    folder : path-like
        Of `screen` or `matganip screen`.

    Returns
    -------
    ScreenResult

    Raises
    ------
    InputError
        If there is no screen, it is not complete or only a part of one, or a file is damaged.
    """
    return result_of(ScreenFolder.read(Path(folder)))


def result_of(folder: ScreenFolder, space: ConfigurationSpace | None = None, stays: bool = True) -> ScreenResult:
    """The result in a folder, whose space is made again if not given; `stays`: the folder outlives the result."""
    path = folder.path
    if folder.part != (0, 1):
        k, n = folder.part
        raise InputError(f"{path}: is part {k} of {n} of a screen; merge the parts first")
    result, table = read_result(path), read_winners(path)
    if result.get("winners_sha256", "") not in ("", sha256(path / WINNERS)):
        raise InputError(f"{path / WINNERS}: was changed after it was written; remove it and resume the screen")
    with damaged(path):
        return _result(folder, space_of(folder.header) if space is None else space, result, table, stays)


def _result(
    folder: ScreenFolder, space: ConfigurationSpace, result: dict[str, Any], table: pa.Table, stays: bool
) -> ScreenResult:
    path = folder.path
    numbers = [name for name in table.column_names if name.startswith("prediction")]
    occupations = occupations_from_digits(table["occupation"].to_pylist(), space.n_sites, f"{path / WINNERS}: row {{}}")
    return ScreenResult(
        winners=ConfigurationBatch(space, occupations, table["multiplicity"].to_numpy()),
        energy=_columns(table, numbers),
        deviation=_columns(table, [name.replace("prediction", "deviation") for name in numbers]),
        point_groups=tuple(table["point_group"].to_pylist()),
        sums=CanonicalSums.from_dict(result["sums"]),
        histogram=EnergyHistogram.from_dict(result["histogram"]),
        graphs_predicted=result["graphs_predicted"],
        cascade=result["cascade"],
        stages=stages_of(folder),
        header=folder.header,
        fingerprint=folder.fingerprint,
        folder=path if stays else None,
    )


def read_part(path: Path) -> ScreenPart:
    """Read a finished part of a screen.

    Raises
    ------
    InputError
        If there is none, or shards of it are missing.
    """
    folder = ScreenFolder.read(path)
    if missing := folder.missing():
        raise InputError(f"{path}: {len(missing)} shards are missing; resume it with `matganip screen --resume`")
    records = folder.shards.values()
    return ScreenPart(
        folder.part,
        len(records),
        sum(record.n_orbits for record in records),
        sum(record.n_configurations for record in records),
        stages_of(folder),
        path,
    )


def stages_of(folder: ScreenFolder) -> dict[str, float]:
    """CPU seconds of each stage, all shards together."""
    return {stage: sum(record.stages[stage] for record in folder.shards.values()) for stage in STAGES}


def _columns(table: pa.Table, names: list[str]) -> Any:
    columns = [table[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in names]
    return np.column_stack(columns).reshape(table.num_rows, len(names))
