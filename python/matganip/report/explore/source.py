"""What there is to explore: the rows of a screen as columns, and the arrangements that they stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.codec import occupations_from_digits
from matganip.errors import InputError, first_line
from matganip.files import sha256
from matganip.report.explore.contacts import contacts
from matganip.report.explore.table import RowTable, Texts
from matganip.results.ranked_orbits import RankedOrbits
from matganip.results.screen import ScreenResult
from matganip.screening.manifest import ScreenFolder
from matganip.screening.reading import read_screen
from matganip.screening.shard_files import every_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ROWS = 2_000_000
"""More are not held; the winners are shown then."""

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Explored:
    """A screen laid out for the page.

    Attributes
    ----------
    title, subtitle : str
        What was ranked, and which rows of it these are.
    batch : ConfigurationBatch
        The arrangements, a row each.
    table : RowTable
        Their columns.
    descriptor : str
        The column to show energies against at first.
    """

    title: str
    subtitle: str
    batch: ConfigurationBatch
    table: RowTable
    descriptor: str


def explored(screen: RankedOrbits | PathLike) -> Explored:
    """Lay out a screen: every orbit where it kept them all, or its winners.

    Raises
    ------
    InputError
        If there is no finished screen, or a file is damaged.
    """
    found = screen if isinstance(screen, RankedOrbits) else read_screen(screen)
    if not isinstance(found, ScreenResult):
        return _laid_out(found, f"{len(found):,} ranked orbits.", found.winners, found.energy, found.deviation, None)
    files = {} if found.folder is None else _kept(found.folder)
    n_rows = sum(int(record["rows"]) for record in files.values())
    if 0 < n_rows <= MOST_ROWS:
        batch, energy, deviation = _every_row(found, files)
        return _laid_out(found, f"All {n_rows:,} orbits, by their energy.", batch, energy, deviation, found)
    words = f"The first {len(found):,} of {found.n_orbits:,} orbits ({found.selection})."
    if n_rows:
        words += f" The folder keeps all {n_rows:,}, more than the {MOST_ROWS:,} that this page holds."
    return _laid_out(found, words, found.winners, found.energy, found.deviation, found)


def _laid_out(
    found: RankedOrbits,
    subtitle: str,
    batch: ConfigurationBatch,
    energy: NDArray[np.float64],
    deviation: NDArray[np.float64],
    screen: ScreenResult | None,
) -> Explored:
    per_atom = 1000.0 / batch.space.n_atoms
    columns: dict[str, NDArray[Any] | Texts] = {"rank": np.arange(1, len(batch) + 1)}
    columns["relative_meV_per_atom"] = (energy[:, 0] - energy[:1, 0]) * per_atom
    if np.isfinite(deviation[:, 0]).all():
        columns["deviation_meV_per_atom"] = deviation[:, 0] * per_atom
    for number in range(energy.shape[1]):
        columns["prediction_eV" if number == 0 else f"prediction_{number + 1}_eV"] = energy[:, number]
    columns["multiplicity"] = batch.multiplicity
    if batch is found.winners:
        columns["point_group"] = Texts.of(found.point_groups)
    if screen is not None:
        shares = screen.sums.probability(energy[:, 0], batch.multiplicity)
        columns |= {
            f"probability_{t:g}K": row for t, row in zip(screen.sums.temperatures.tolist(), shares, strict=True)
        }
    composition = screen.header["space"]["composition"] if screen is not None else str(batch.space.composition)
    varying = {name: count for name, count in contacts(batch).items() if len(batch) and np.ptp(count)}
    return Explored(str(composition), subtitle, batch, RowTable(columns | varying), _telling(columns, varying))


def _telling(columns: Mapping[str, NDArray[Any] | Texts], descriptors: Mapping[str, NDArray[Any]]) -> str:
    """The descriptor that follows the energy most closely, in a straight line."""
    energy = np.asarray(columns["relative_meV_per_atom"])
    if not descriptors or not np.ptp(energy):
        return next(iter(descriptors), "multiplicity")
    return max(descriptors, key=lambda name: abs(float(np.corrcoef(descriptors[name], energy)[0, 1])))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputError(f"{path}: damaged: {first_line(error)}") from error


def _kept(folder: Path) -> dict[Path, Mapping[str, Any]]:
    """The files of all rows and what the manifest says of each; none where only the best were kept."""
    records = ScreenFolder.read(folder).shards
    return {
        folder / name: known
        for shard in sorted(records)
        for name, known in records[shard].files.items()
        if name == every_name(shard)
    }


def _every_row(
    found: ScreenResult, files: Mapping[Path, Mapping[str, Any]]
) -> tuple[ConfigurationBatch, NDArray[np.float64], NDArray[np.float64]]:
    """All rows that the folder keeps, by energy; of equal ones the smaller occupation first."""
    parts = []
    for path, known in files.items():
        with _reading(path):
            if sha256(path) != known["sha256"]:
                raise InputError(f"{path}: was changed after it was written; resume the screen")
            table = pq.read_table(path)
            names = [name for name in table.column_names if name.startswith("prediction")]
            numbers = [_floats(table, name) for name in names]
            errors = [_floats(table, name.replace("prediction", "deviation")) for name in names]
            texts, multiplicity = table["occupation"].to_pylist(), table["multiplicity"].to_numpy()
        occupations = occupations_from_digits(texts, found.space.n_sites, f"{path}: row {{}}")
        parts.append((occupations, multiplicity, np.column_stack(numbers), np.column_stack(errors)))
    occupations, multiplicity, energy, deviation = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(-energy[:, 0] if found.selection == "highest" else energy[:, 0], kind="stable")
    return ConfigurationBatch(found.space, occupations[order], multiplicity[order]), energy[order], deviation[order]


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
