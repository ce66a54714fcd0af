"""Figure 5 of the paper as ordering energies: fifteen double perovskites held out, predicted beside calculated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr

from matganip.benchmarks.chemistry import linear_in, profile, relative
from matganip.benchmarks.double_perovskites import calculated_energies
from matganip.crystal.ion_descriptors import ion_descriptors
from matganip.crystal.tolerance_factors import tolerance_factor
from matganip.labels.formulas import ARRANGEMENTS, DoublePerovskite, LabelledFormulas
from matganip.learning.formula_model import train_on_formulas
from matganip.plots.heat_map import split_heat_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]

FIFTEEN = (
    *(f"Cs2Sn{metal}I6" for metal in ("Ca", "Ti", "V", "Mn", "Fe", "Ni", "Cu", "Zn")),
    "Cs2AgSbBr6", "Cs2AgBiBr6", "Cs2AgInBr6", "Cs2AgTlBr6", "Cs2InBiBr6", "Cs2TlSbBr6", "Cs2TlBiBr6",
)  # fmt: skip
"""The paper's formulas."""

ROCK_SALT_STAR = np.array([0.0, 16.0, 0.0, 16.0, 0.0, 64.0])
"""Intensity of the star (1/2 1/2 1/2) of each arrangement, for a contrast of 1 between B and B'."""


@dataclass(frozen=True, eq=False)
class OrderingMap:
    """Formulas by arrangements.

    Attributes
    ----------
    formulas : tuple of n str
    calculated, predicted, deviation : (n, 6) float64 ndarray
        eV/atom; energies of each row have mean 0.
    factor : (n, 6) float64 ndarray
        The structure factor |F| of the rock-salt star with ionic radii in place of form factors, angstrom per cell.
    tolerance : (n,) float64 ndarray
        Goldschmidt's factor: one number for all arrangements.
    others : dict of str to (n, 6) float64 ndarray
        What simpler methods say, trained on the same formulas.
    n_train : int
    """

    formulas: tuple[str, ...]
    calculated: Floats
    predicted: Floats
    deviation: Floats
    factor: Floats
    tolerance: Floats
    others: dict[str, Floats]
    n_train: int

    def correlations(self, of: Floats) -> dict[str, dict[str, tuple[float, float] | None]]:
        """Pearson's r of something with the calculated energies, and its p: along each row, and down each column."""
        rows = {name: _pearson(one, two) for name, one, two in zip(self.formulas, of, self.calculated, strict=True)}
        columns = {name: _pearson(of[:, k], self.calculated[:, k]) for k, name in enumerate(ARRANGEMENTS)}
        return {"rows": rows, "columns": columns}

    def errors(self) -> dict[str, float]:
        """Mean absolute errors, meV/atom: "all arrangements equal" first."""
        every = {"all arrangements equal": np.zeros_like(self.calculated), **self.others, "model": self.predicted}
        return {name: float(np.abs(one - self.calculated).mean() * 1000) for name, one in every.items()}

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "trained_on": self.n_train,
            "mae_meV_per_atom": self.errors(),
            "energy": self.correlations(self.predicted),
            "structure_factor": self.correlations(self.factor),
            "tolerance_factor_down_columns": {
                name: _pearson(self.tolerance, self.calculated[:, k]) for k, name in enumerate(ARRANGEMENTS)
            },
            "lowest": {
                name: (list(ARRANGEMENTS)[one.argmin()], list(ARRANGEMENTS)[two.argmin()])
                for name, one, two in zip(self.formulas, self.calculated, self.predicted, strict=True)
            },
        }

    def sentences(self) -> str:
        """What the map says, in a few lines."""
        found, factor = self.correlations(self.predicted), self.correlations(self.factor)
        rows = [one for one in found["rows"].values() if one]
        by_factor = [one for one in factor["rows"].values() if one]
        columns = [one for one in found["columns"].values() if one]
        hits = (self.calculated.argmin(axis=1) == self.predicted.argmin(axis=1)).sum()
        errors = ", ".join(f"{name} {value:.2f}" for name, value in self.errors().items())
        return (
            f"MAE, meV/atom: {errors}.\nLowest arrangement: {hits} of {len(self.formulas)}.\n"
            f"r along rows: {min(rows)[0]:.2f} to {max(rows)[0]:.3f}, p < 0.05 in "
            f"{sum(p < 0.05 for _, p in rows)}; down columns: {min(columns)[0]:.3f} to {max(columns)[0]:.3f}.\n"
            f"Structure factor of radii along rows: {min(by_factor)[0]:.2f} to {max(by_factor)[0]:.2f}, p < 0.05 in "
            f"{sum(p < 0.05 for _, p in by_factor)}."
        )

    def plot(self, ax: Place = None) -> Axes:
        """Calculated energies upper left, predicted ones lower right, meV/atom from the mean of the row."""
        return split_heat_map(
            self.calculated * 1000,
            self.predicted * 1000,
            self.formulas,
            tuple(ARRANGEMENTS),
            upper_label="calculated, meV/atom from the row's mean",
            lower_label="predicted, formula held out",
            ax=ax,
        )


def _pearson(one: Floats, other: Floats) -> tuple[float, float] | None:
    """The statistic r and its two-sided p; None where one side is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    found = pearsonr(one, other)
    return float(found.statistic), float(found.pvalue)


def ordering_map(
    table: LabelledFormulas, formulas: Sequence[str] = FIFTEEN, calculator: str = "chgnet", *, seed: int = 0
) -> OrderingMap:
    """Train on a table without some formulas, and predict these.

    Parameters
    ----------
    table : LabelledFormulas
    formulas : sequence of str
    calculator : str
        Of `matganip label`; for those that the table has not.
    seed : int

    Returns
    -------
    OrderingMap
    """
    place = {name: k for k, name in enumerate(table.formulas)}
    hosts = [table.hosts[place[name]] if name in place else DoublePerovskite.of(name) for name in formulas]
    missing = [name for name in formulas if name not in place]
    energies = dict(zip(missing, calculated_energies(missing, calculator), strict=True))
    energy = np.array([table.energy[place[name]] if name in place else energies[name] for name in formulas])
    held_out = LabelledFormulas(table.name, table.calculator, tuple(hosts), energy)
    known = table.select([k for name, k in place.items() if name not in formulas])
    model = train_on_formulas(known, seed=seed)
    found = model.predict(hosts)
    simple = {
        "mean profile": profile, "Madelung: charges": linear_in(("charge",)), "radii": linear_in(("radius",)),
        "X-ray electrons": linear_in(("electrons",)),
    }  # fmt: skip
    contrast = np.array([[abs(ion_descriptors(*h.b1)[0] - ion_descriptors(*h.b2)[0])] for h in hosts])
    return OrderingMap(
        tuple(formulas),
        relative(energy),
        relative(found.energy),
        found.deviation,
        contrast * np.sqrt(ROCK_SALT_STAR),
        np.array([tolerance_factor(name) for name in formulas]),
        {name: relative(predict(known, held_out, seed)) for name, predict in simple.items()},
        len(known),
    )
