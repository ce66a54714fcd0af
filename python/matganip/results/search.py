"""The best arrangements that a search found."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text, sites_text
from matganip.configurations.io.parquet import arrangement_columns
from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.results.base import Result, or_null
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.plots.style import Place

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SearchResult(Result):
    """The best arrangements that a search found, and how it went. A search proves nothing: a better one may exist.

    Attributes
    ----------
    batch : ConfigurationBatch
        The best orbits, best first.
    energy : (n,) float64 ndarray
        Their predicted energies, eV per supercell.
    found_at_step, found_by_groups : (n,) int64 ndarray
        Step at which each was first scored, and how many independent groups of chains have been there.
    finished : bool
        False if Ctrl-C ended the search.
    n_steps, n_scored : int
        Steps done, and orbits that the model scored.
    n_groups, groups_at_best : int
        Independent groups of chains, and how many of them have been at the best energy.
    temperatures : tuple of float
        The lowest and the highest, kelvin; empty for a space so small that no chain was started.
    accepted : dict of str to float
        Fractions of swaps, steps and exchanges that were accepted; nan if there was none.
    guide_error : float
        Root mean square error of the linear guide, eV per supercell; infinite without one.
    history : (k, 3) float64 ndarray
        Step, best energy in eV per supercell and orbits scored, whenever the best changed.
    settings : dict
        The settings of the search, as JSON values.
    calculator, model_sha256 : str
        Whose energies the model learned, and the checksum of its weights.
    remark : str
        What the model cannot know of this space; empty if there is nothing.
    """

    batch: ConfigurationBatch
    energy: Floats
    found_at_step: Integers
    found_by_groups: Integers
    finished: bool
    n_steps: int
    n_scored: int
    n_groups: int
    groups_at_best: int
    temperatures: tuple[float, ...]
    accepted: dict[str, float]
    guide_error: float
    history: Floats
    settings: dict[str, Any]
    calculator: str
    model_sha256: str
    remark: str

    def __len__(self) -> int:
        return len(self.energy)

    @property
    def space(self) -> ConfigurationSpace:
        """The space that was searched."""
        return self.batch.space

    @property
    def relative(self) -> Floats:
        """Energies (n,) relative to the first, meV/atom."""
        difference: Floats = (self.energy - self.energy[:1]) * (1000 / self.space.n_atoms)
        return difference

    @property
    def _n_orbits(self) -> int | None:
        """Orbits of the space, where they can be counted without listing them."""
        return self.space.count_orbits() if self.space.countable else None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        space, n_orbits = self.space, self._n_orbits
        return {
            "composition": composition_text(space),
            "arrangements": None if n_orbits is None else space.n_configurations,
            "orbits": n_orbits,
            "calculator": self.calculator,
            "model_sha256": self.model_sha256,
            "remark": self.remark,
            "settings": self.settings,
            "steps": self.n_steps,
            "orbits_scored": self.n_scored,
            "part_scored": None if n_orbits is None else self.n_scored / n_orbits,
            "groups": self.n_groups,
            "groups_at_best": self.groups_at_best,
            "temperatures_K": list(self.temperatures) or [None, None],
            "accepted": {name: or_null(rate) for name, rate in self.accepted.items()},
            "guide_error_meV_per_atom": or_null(1000 * self.guide_error / space.n_atoms),
            "best": [
                {
                    "prediction_eV": energy,
                    "multiplicity": multiplicity,
                    "found_at_step": step,
                    "found_by_groups": groups,
                    "sites": sites_text(space, row),
                    "occupation": row.tolist(),
                }
                for energy, multiplicity, step, groups, row in zip(
                    *(column.tolist() for column in self._columns), self.batch.occupations, strict=True
                )
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each of the best orbits."""
        return self._arrow().to_pandas()

    def tables(self) -> tuple[Table, ...]:
        """The best orbits."""
        atoms = self.space.n_atoms
        rows = tuple(
            (str(rank), f"{multiplicity:,}", f"{energy / atoms:.6f}", f"{above:.4f}", f"{groups} of {self.n_groups}",
             str(step), sites_text(self.space, row))
            for rank, (energy, multiplicity, step, groups, above, row) in enumerate(
                zip(*(column.tolist() for column in self._columns), self.relative.tolist(), self.batch.occupations,
                    strict=True), 1)
        )  # fmt: skip
        columns = ("rank", "multiplicity", "eV/atom", "above first", "found by", "at step", "sites taken")
        what = self.settings["select"]
        sought = what if what != "nearest" else f"nearest to {self.settings['target']:g} eV"
        note = (
            f"Total energies as {self.calculator} would give them; above the first in meV/atom; found by so many "
            "independent groups of chains."
        )
        title = f"{composition_text(self.space)}: the {len(rows)} {sought} that were found"
        return (Table(title, columns, rows, "rrrrrrw", note),)

    def sentences(self) -> tuple[str, ...]:
        """How much was scored, how the chains moved, and what the model cannot know."""
        n_orbits = self._n_orbits
        of_all = "" if n_orbits is None else f" of {n_orbits:,}"
        part = "" if n_orbits is None else f" ({self.n_scored / n_orbits:.2g})"
        swaps, steps, exchanges = (
            "-" if np.isnan(self.accepted[name]) else f"{self.accepted[name]:.0%}"
            for name in ("swaps", "steps", "exchanges")
        )
        said = (
            f"{self.n_scored:,}{of_all} orbits scored{part} in {self.n_steps:,} steps; {self.groups_at_best} of "
            f"{self.n_groups} groups reached the {self._best} energy. Accepted: swaps {swaps}, steps {steps}, "
            f"exchanges {exchanges}. A search proves nothing: another seed may find better."
        )
        return (said, self.remark) if self.remark else (said,)

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the best energy against the orbits scored."""
        if not len(self.history):
            return None
        from matganip.plots.search_curves import search_curve

        above = (self.history[:, 1] - self.history[-1, 1]) * (1000 / self.space.n_atoms)
        return search_curve(self.history[:, 2], above, n_end=self.n_scored, ax=ax)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the best orbits as Parquet, best first; equal searches give equal bytes.

        Parameters
        ----------
        path : path-like
            A .parquet file.

        Raises
        ------
        InputError
            If it has another suffix or cannot be written.
        """
        check_search_output(path)
        about = {
            **self.space.metadata(),
            "calculator": self.calculator,
            "search": json.dumps({**self.to_dict(), "best": None}),
        }
        with atomic_path(path) as temporary:
            pq.write_table(self._arrow().replace_schema_metadata(about), temporary, compression="zstd")

    @property
    def _best(self) -> str:
        return "best" if self.settings["select"] == "nearest" else str(self.settings["select"])

    @property
    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.energy, self.batch.multiplicity, self.found_at_step, self.found_by_groups

    def _arrow(self) -> pa.Table:
        return pa.table(
            {
                "rank": pa.array(np.arange(1, len(self) + 1)),
                "multiplicity": pa.array(self.batch.multiplicity),
                "prediction_eV": pa.array(self.energy),
                "relative_meV_per_atom": pa.array(self.relative),
                "found_at_step": pa.array(self.found_at_step),
                "found_by_groups": pa.array(self.found_by_groups),
                **arrangement_columns(self.space, self.batch.occupations),
            }
        )


def check_search_output(path: str | os.PathLike[str]) -> None:
    """Refuse a file that is not Parquet, before any work."""
    if not os.fspath(path).endswith(".parquet"):
        raise InputError(f"{os.fspath(path)}: the best orbits are written as .parquet")
