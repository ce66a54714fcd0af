"""What a model predicts of arrangements: `Prediction`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text, sites_text
from matganip.errors import InputError
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.space import ConfigurationSpace
    from matganip.plots.style import Place

Floats = NDArray[np.float64]
NO_DISTRIBUTION = 'this model answers with values; train one with mode="distribution" for samples and quantiles'
DRAWN = 2000
"""Samples of which quantiles and probabilities are."""
SHOWN = 20
"""Rows of the table that a terminal or notebook shows."""


def quantile_name(level: float) -> str:
    """What the column of a quantile is called.

    >>> quantile_name(0.05)
    'q0.05_eV_per_atom'
    """
    return f"q{level:g}_eV_per_atom"


@dataclass(frozen=True, eq=False)
class Prediction(Result):
    """Predicted energies of arrangements.

    Attributes
    ----------
    space : ConfigurationSpace
        Whose sites and species the codes are.
    occupations : (n, n_sites) uint8 ndarray
        The arrangements.
    multiplicity : (n,) int64 ndarray
        Configurations in each orbit; ones for structures.
    per_atom : (n,) float64 ndarray
        Total energies, eV/atom; vacancies are no atoms.
    deviation : (n,) float64 ndarray
        Standard deviation of each prediction, eV/atom; over the members of an ensemble; nan for a single network.
    n_atoms : (n,) int64 ndarray
        Atoms of each arrangement.
    number : (n,) int64 ndarray
        Place of each in the enumeration, in the sample or among the structures.
    kind : {"orbit", "drawn", "structure"}
        What `number` counts.
    n_predicted : int
        How many were predicted; more than there are rows here where only the lowest were kept.
    calculator : str
        Whose energies the model learned.
    remark : str
        What the model cannot know of this space, in sentences; empty where it can.
    names : tuple of str
        Of the structures; empty for orbits.
    sampler : callable, optional
        Of a model that answers with distributions: energies (rows, n) in eV/atom of occupations, n and a seed.
    levels : tuple of float
        Probabilities of the quantiles that tables and files have.
    """

    space: ConfigurationSpace
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    per_atom: Floats
    deviation: Floats
    n_atoms: NDArray[np.int64]
    number: NDArray[np.int64]
    kind: str
    n_predicted: int
    calculator: str
    remark: str = ""
    names: tuple[str, ...] = ()
    sampler: Callable[[NDArray[np.uint8], int, int], Floats] | None = field(default=None, repr=False)
    levels: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.per_atom)

    @property
    def energy(self) -> Floats:
        """(n,): total energies of the supercell, eV."""
        energy: Floats = self.per_atom * self.n_atoms
        return energy

    def __getitem__(self, rows: slice | NDArray[np.generic]) -> Prediction:
        """Some of the rows, in the order asked for."""
        columns = ("occupations", "multiplicity", "per_atom", "deviation", "n_atoms", "number")
        names = tuple(np.array(self.names, dtype=object)[rows].tolist()) if self.names else ()
        return replace(self, names=names, **{name: getattr(self, name)[rows] for name in columns})

    def lowest(self, n: int | None = None) -> Prediction:
        """The n rows of lowest energy per atom, ascending; ties in the order of the rows."""
        return self[np.argsort(self.per_atom, kind="stable")[:n]]

    def samples(self, n: int, seed: int = 0) -> Floats:
        """Draw energies from the distribution of each row.

        Parameters
        ----------
        n : int
        seed : int
            Sample i of every row is made of the same noise.

        Returns
        -------
        (rows, n) float64 ndarray
            eV/atom.

        Raises
        ------
        InputError
            If the model answers with values only, or n is not positive.
        """
        if self.sampler is None:
            raise InputError(NO_DISTRIBUTION)
        return self.sampler(self.occupations, n, seed)

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Energies, eV/atom, below which so much of each row's distribution lies, (rows, levels); see `samples`."""
        found: Floats = np.quantile(self.samples(DRAWN), levels, axis=1).T
        return found

    def probability_below(self, energy: float) -> Floats:
        """P(E < energy) of each row, (rows,); `energy` is that of a supercell, eV; see `samples`."""
        below = self.samples(DRAWN) * self.n_atoms[:, None] < energy
        share: Floats = below.mean(axis=1)
        return share

    def probability_among_lowest(self, k: int, seed: int = 0) -> Floats:
        """Probability of each row to be among the k of lowest energy per atom of these rows, (rows,).

        Rows are taken as independent of each other; every arrangement counts once.
        """
        if not 1 <= k <= len(self):
            raise InputError(f"the {k} lowest of {len(self)} rows: 1 to {len(self)}")
        drawn = np.random.default_rng(seed).permuted(self.samples(DRAWN, seed), axis=1)
        least = np.partition(drawn, k - 1, axis=0)[k - 1]
        share: Floats = (drawn <= least).mean(axis=1)
        return share

    def quantile_columns(self) -> dict[str, Floats]:
        """The quantiles of `levels` as columns of a table, eV/atom, by their names."""
        if not self.levels:
            return {}
        names = map(quantile_name, self.levels)
        return dict(zip(names, np.ascontiguousarray(self.quantiles(self.levels).T), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """One row an arrangement, in the order of prediction."""
        import pandas as pd

        return pd.DataFrame(
            {
                self.kind: self.names or self.number,
                "multiplicity": self.multiplicity,
                "prediction_eV_per_atom": self.per_atom,
                "deviation_eV_per_atom": self.deviation,
                "prediction_eV": self.energy,
                **self.quantile_columns(),
                "sites": [sites_text(self.space, row) for row in self.occupations],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """What ``matganip predict --json`` prints: the rows of lowest energy, or every structure in its order."""
        if self.kind == "structure":
            rows = zip(self.names, self.per_atom.tolist(), self._deviations(), self.occupations.tolist(), strict=True)
            return {
                "calculator": self.calculator,
                "predictions": [
                    {"structure": name, "eV_per_atom": energy, **spread, "occupation": occupation}
                    for name, energy, spread, occupation in rows
                ],
            }
        found = self.lowest()
        columns = (found.number.tolist(), found.multiplicity.tolist(), found.per_atom.tolist(), found._deviations())
        return {
            "composition": composition_text(self.space),
            "calculator": self.calculator,
            "remark": self.remark,
            "predicted": self.n_predicted,
            "lowest": [
                {"orbit": number, "multiplicity": multiplicity, "eV_per_atom": energy, **spread, "occupation": row}
                for number, multiplicity, energy, spread, row in zip(*columns, found.occupations.tolist(), strict=True)
            ],
        }

    def _deviations(self) -> list[dict[str, float]]:
        """The spread of each row and its quantiles as JSON values, nothing where there is none."""
        columns = {"deviation_eV_per_atom": self.deviation, **self.quantile_columns()}
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [{name: s for name, s in zip(columns, row, strict=True) if math.isfinite(s)} for row in rows]

    def tables(self) -> tuple[Table, ...]:
        """The lowest rows, or the structures in their order."""
        note = f"Total energies as {self.calculator} would give them"
        share = tuple(f"{level:.4g} below" for level in self.levels)
        if self.kind == "structure":
            told = (self.quantiles(self.levels) if self.levels else np.empty((len(self), 0))).tolist()
            rows = tuple(
                (name, f"{energy:.6f}", *(f"{one:.6f}" for one in quantiles), sites_text(self.space, row))
                for name, energy, quantiles, row in zip(self.names, self.per_atom, told, self.occupations, strict=True)
            )
            align = "lr" + "r" * len(share) + "l"
            return (Table("", ("structure", "eV/atom", *share, "sites taken"), rows, align, f"{note}."),)
        found, spread = self.lowest(SHOWN), bool(np.isfinite(self.deviation).any())
        above = (found.per_atom - found.per_atom[:1]) * 1000.0
        quantiles = (found.quantiles(self.levels) if self.levels else np.empty((len(found), 0))) - found.per_atom[
            :1, None
        ]
        rows = tuple(
            (
                str(place + 1),
                str(found.number[place]),
                f"{found.multiplicity[place]:,}",
                f"{found.per_atom[place]:.6f}",
                f"{above[place]:.4f}",
                *((f"{found.deviation[place] * 1000:.4f}",) if spread else ()),
                *(f"{one * 1000:.4f}" for one in quantiles[place]),
                sites_text(self.space, found.occupations[place]),
            )
            for place in range(len(found))
        )
        more = ("deviation",) if spread else ()
        columns = ("rank", self.kind, "multiplicity", "eV/atom", "above first", *more, *share, "sites taken")
        drawn = "drawn " if self.kind == "drawn" else ""
        title = f"{composition_text(self.space)}: the {len(rows)} lowest of {self.n_predicted:,} {drawn}orbits"
        spread_note = "; the standard deviation of each prediction, also in meV/atom" if spread else ""
        quantile_note = "; energies below which so much of each distribution lies, above the first too" if share else ""
        note = f"{note}; above the first in meV/atom{spread_note}{quantile_note}."
        return (Table(title, columns, rows, "r" * (len(columns) - 1) + "l", note),)

    def sentences(self) -> tuple[str, ...]:
        """The remark, where there is one."""
        return (self.remark,) if self.remark else ()

    def plot(self, ax: Place = None) -> Axes | None:
        """Histogram of the predicted energies, weighted by multiplicity."""
        if len(self) < 2:
            return None
        from matganip.plots.energies import energy_histogram

        above = (self.per_atom - self.per_atom.min()) * 1000.0
        return energy_histogram(above, self.multiplicity, label="above the lowest, meV/atom", ax=ax)
