"""What `certify` returns: the lowest arrangements, and how far the proof reaches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.codec import composition_text, occupation_texts, sites_text
from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.results.base import or_null
from matganip.results.content import Table
from matganip.results.ranked_orbits import RankedOrbits

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Certificate(RankedOrbits):
    """The lowest orbits of a space, with a proof or with the gap that is left.

    Attributes
    ----------
    winners, energy, deviation, point_groups
        See `RankedOrbits`; in the order of `ScreenResult`, with one column of numbers.
    proved : bool
        Whether every other orbit is certainly no lower.
    open_bound : float
        eV per supercell: no orbit that is not among the winners is lower, as far as was searched; infinite once proved.
    n_visited, n_open : int
        Partial arrangements that were branched on, and those that are still to be.
    cpu_s : float
        CPU seconds of the search and of scoring.
    top : int or None
    window : float or None
        What was asked for: a number of orbits, or meV/atom above the lowest.
    surrogate_bound : float
        eV per supercell, the measured error on which the proof rests; 0 for a model that is a sum over pairs and
        triplets of sites itself.
    surrogate_sentence : str
    calculator : str
        Whose energies the model predicts.
    remark : str
        What the model cannot know of this space.
    """

    proved: bool
    open_bound: float
    n_visited: int
    n_open: int
    cpu_s: float
    top: int | None
    window: float | None
    surrogate_bound: float
    surrogate_sentence: str
    calculator: str
    remark: str

    @property
    def n_proved(self) -> int:
        """How many of the winners are proved, from the first on: no orbit that is not found is lower."""
        return len(self) if self.proved else int((self.energy[:, 0] <= self.open_bound).sum())

    @property
    def lower_bound(self) -> float:
        """No arrangement is lower, eV per supercell."""
        return float(min(self.energy[:1, 0].min(initial=np.inf), self.open_bound))

    @property
    def gap(self) -> float:
        """How far the lowest that was found may be above the lowest that there is, meV/atom; 0 where that is proved."""
        if self.proved or not len(self):
            return 0.0 if self.proved else np.inf
        return float((self.energy[0, 0] - self.lower_bound) * (1000.0 / self.space.n_atoms))

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "composition": composition_text(self.space),
            "orbits": self.space.count_orbits(),
            "configurations": str(self.space.n_configurations),
            "atoms": self.space.n_atoms,
            "calculator": self.calculator,
            "proved": self.proved,
            "winners_proved": self.n_proved,
            "gap_meV_per_atom": or_null(self.gap),
            "lower_bound_eV": or_null(self.lower_bound),
            "top": self.top,
            "window_meV_per_atom": self.window,
            "surrogate_bound_eV": self.surrogate_bound,
            "surrogate": self.surrogate_sentence,
            "nodes": self.n_visited,
            "open_nodes": self.n_open,
            "cpu_s": self.cpu_s,
            "remark": self.remark,
            "winners": self.rows(),
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each winner, best first."""
        import pandas as pd

        return pd.DataFrame(
            {
                "rank": np.arange(1, len(self) + 1),
                "prediction_eV": self.energy[:, 0],
                "deviation_eV": self.deviation[:, 0],
                "relative_meV_per_atom": self.relative,
                "multiplicity": self.winners.multiplicity,
                "point_group": list(self.point_groups),
                "proved": np.arange(len(self)) < self.n_proved,
                "occupation": occupation_texts(self.winners.occupations),
            }
        )

    def tables(self) -> tuple[Table, ...]:
        """The first twenty winners."""
        shown = min(20, len(self))
        rows = tuple(
            (
                *self._cells(k),
                "proved" if k < self.n_proved else "",
                sites_text(self.space, self.winners.occupations[k]),
            )
            for k in range(shown)
        )
        return (
            Table(
                f"{composition_text(self.space)}: the first {shown} of the {len(self)} lowest",
                ("rank", "eV", "above first", "multiplicity", "point group", "", "sites taken"),
                rows,
                "rrrrllw",
                f"Energies of the supercell as {self.calculator} would give them; above first in meV/atom.",
            ),
        )

    def sentences(self) -> tuple[str, ...]:
        """How far the proof reaches, on what it rests, and what it took."""
        orbits = self.space.count_orbits()
        work = f"{self.n_visited:,} nodes, {self.cpu_s:.1f} s of CPU time."
        if self.proved:
            what = (
                f"These {len(self):,} orbits are all that lie within {self.window:g} meV/atom of the lowest"
                if self.window is not None
                else f"None of the other {orbits - len(self):,} orbits is lower than the last of these {len(self):,}"
            )
            said = f"Proved: {what}, of {orbits:,} orbits ({self.space.n_configurations:,} arrangements). {work}"
        elif not len(self):
            said = f"Nothing was found in the time given. {work}"
        else:
            said = (
                f"Not proved: no arrangement is lower than {self.lower_bound:.6f} eV, the lowest found is at most "
                f"{self.gap:.4f} meV/atom above the lowest that there is; {self.n_proved} of these {len(self)} are "
                f"proved. {self.n_open:,} nodes are open. {work} More time closes it; with a checkpoint it goes on."
            )
        return tuple(text for text in (said, self.surrogate_sentence, self.remark) if text)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the winners as CSV or Parquet.

        Raises
        ------
        InputError
            If the file has another suffix or cannot be written.
        """
        check_certificate_output(path)
        frame = self.to_frame()
        with atomic_path(path) as temporary:
            if os.fspath(path).endswith(".csv"):
                frame.to_csv(temporary, index=False)
            else:
                frame.to_parquet(temporary, index=False)


def check_certificate_output(path: str | os.PathLike[str]) -> None:
    """Refuse a file that is neither CSV nor Parquet, before any work."""
    if not os.fspath(path).endswith((".csv", ".parquet")):
        raise InputError(f"{os.fspath(path)}: winners are written as .parquet or .csv")
