"""What `monte_carlo` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text
from matganip.features.averages import BOLTZMANN
from matganip.results.base import Result, or_null
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace
    from matganip.plots.style import Place

Floats = NDArray[np.float64]

POOR_EXCHANGE = 0.05
"""Share of exchanges between two rungs below which replicas hardly pass."""


@dataclass(frozen=True, eq=False)
class MonteCarloPoint:
    """Averages at one composition, or at one set of chemical potentials.

    Attributes
    ----------
    potentials : dict of str to float, optional
        eV; None where the composition is fixed.
    values, errors : (t, 5 + n) float64 ndarray
        For each temperature F, H, C (of H), S and E, per supercell in eV and eV/K, and the number of sites of each of
        `kinds`; and their standard errors. H is E less chemical potentials times numbers, and F its free energy.
    peak : (float, float)
        Temperature at which C is largest between those asked for, kelvin, and its standard error; nan where that is at
        an end of them.
    kinds : tuple of (int, int)
        Sublattice and code.
    rungs : (k,) float64 ndarray
        Temperatures of the replicas, kelvin.
    accepted : (k, 4) int64 ndarray
        Swaps tried and made, changes tried and made, at each rung.
    exchanged : (k - 1,) float64 ndarray
        Share of exchanges between neighbours that were made.
    lowest : Structure
        The arrangement of the lowest H that was met after a sweep.
    lowest_enthalpy : float
        Its H, eV per supercell.
    """

    potentials: dict[str, float] | None
    values: Floats
    errors: Floats
    peak: tuple[float, float]
    kinds: tuple[tuple[int, int], ...]
    rungs: Floats
    accepted: NDArray[np.int64]
    exchanged: Floats
    lowest: Structure
    lowest_enthalpy: float


@dataclass(frozen=True, eq=False)
class MonteCarloResult(Result):
    """Averages over the arrangements of a cell, by Monte Carlo; configurational.

    Attributes
    ----------
    space : ConfigurationSpace
        The cell, and the composition where it is fixed.
    calculator : str
        Whose energies the model learned.
    temperatures : (t,) float64 ndarray
        Kelvin.
    points : tuple of MonteCarloPoint
        One, or one for each set of chemical potentials.
    n_sweeps, n_equilibrate, n_groups, seed : int
        How it was sampled.
    remark : str
        What the model cannot know of this space; empty where it can.
    """

    space: ConfigurationSpace
    calculator: str
    temperatures: Floats
    points: tuple[MonteCarloPoint, ...]
    n_sweeps: int
    n_equilibrate: int
    n_groups: int
    seed: int
    remark: str

    @property
    def n_sites(self) -> int:
        """Sites of the supercell, those that are not substituted and vacant ones included."""
        return len(self.space.supercell_structure)

    def to_frame(self) -> pd.DataFrame:
        """A row for each point and temperature, per supercell: values and standard errors."""
        import pandas as pd

        return pd.DataFrame([row for point in self.points for row in self._rows(point)])

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "cell": self.space.supercell_matrix.tolist(),
            "composition": composition_text(self.space) if self.points[0].potentials is None else None,
            "sites": self.n_sites,
            "calculator": self.calculator,
            "sweeps": self.n_sweeps,
            "equilibration_sweeps": self.n_equilibrate,
            "groups": self.n_groups,
            "seed": self.seed,
            "remark": self.remark,
            "points": [
                {
                    "chemical_potentials_eV": point.potentials,
                    "averages": [{name: or_null(value) for name, value in row.items()} for row in self._rows(point)],
                    "replicas_K": [or_null(float(t)) if t < 1e100 else None for t in point.rungs],
                    "heat_capacity_peak_K": or_null(point.peak[0]),
                    "heat_capacity_peak_error_K": or_null(point.peak[1]),
                    "exchanged": point.exchanged.tolist(),
                    "lowest_eV": point.lowest_enthalpy,
                }
                for point in self.points
            ],
        }

    def tables(self) -> tuple[Table, ...]:
        """Averages per site at each temperature."""
        scale = 1000.0 / self.n_sites
        shown = self._shown()
        columns = ("T, K", "U, meV/site", "C, k_B/site", "S, k_B/site", "F, meV/site", *(name for _, name in shown))
        tables = []
        for point in self.points:
            rows = []
            for kelvin, value, error in zip(self.temperatures, point.values, point.errors, strict=True):
                per_kelvin = 1.0 / (BOLTZMANN * self.n_sites)
                cells = [(4, scale, 3), (2, per_kelvin, 4), (3, per_kelvin, 4), (0, scale, 3)]
                rows.append(
                    (f"{kelvin:g}", *(pm(value[k] * by, error[k] * by, digits) for k, by, digits in cells),
                     *(pm(value[k] * by, error[k] * by, 4) for k, by in self._shares(point, shown)))
                )  # fmt: skip
            tables.append(Table(self._title(point), columns, tuple(rows), "r" * len(columns), self._note(point)))
        return tuple(tables)

    def sentences(self) -> tuple[str, ...]:
        """How the replicas moved, and what the model cannot know."""
        said = []
        for point in self.points:
            swaps, changes = (
                f"{point.accepted[-1, k + 1] / point.accepted[-1, k]:.1%}" if point.accepted[-1, k] else "-"
                for k in (0, 2)
            )
            least = float(point.exchanged.min(initial=1.0))
            said.append(
                f"{self.n_groups} groups of {len(point.rungs)} replicas, {self.n_sweeps:,} sweeps each after "
                f"{self.n_equilibrate:,}; at the lowest temperature {swaps} of the swaps and {changes} of the changes "
                f"were made, and at least {least:.0%} of the exchanges of any two neighbours."
            )
            if np.isfinite(point.peak).all():
                said.append(f"The heat capacity is largest at {pm(*point.peak, 1)} K.")
            if least < POOR_EXCHANGE:
                said.append(
                    "Replicas hardly pass one rung of the ladder: the error bars there are too small. Take more "
                    "sweeps, or a smaller cell."
                )
        return tuple(said) + ((self.remark,) if self.remark else ())

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw U and C, or the composition with chemical potentials, against the temperature."""
        from matganip.plots.monte_carlo import averages

        shown = self._shown()
        lines = []
        for point in self.points:
            if point.potentials is None:
                by = 1.0 / (BOLTZMANN * self.n_sites)
                lines.append(("C", point.values[:, 2] * by, point.errors[:, 2] * by))
                continue
            ((column, share),) = self._shares(point, shown)[:1]
            name = ", ".join(f"{species} {value:g} eV" for species, value in point.potentials.items())
            lines.append((name, point.values[:, column] * share, point.errors[:, column] * share))
        label = "heat capacity, $k_B$ per site" if self.points[0].potentials is None else f"{shown[0][1]}"
        return averages(self.temperatures, lines, label=label, ax=ax)

    def _rows(self, point: MonteCarloPoint) -> list[dict[str, Any]]:
        names = ("F_eV", "H_eV", "C_eV_per_K", "S_eV_per_K", "U_eV",
                 *(f"n_{self.space.species[row][code]}_{row}" for row, code in point.kinds))  # fmt: skip
        rows = []
        for kelvin, value, error in zip(self.temperatures, point.values, point.errors, strict=True):
            row: dict[str, Any] = {f"mu_{name}_eV": mu for name, mu in (point.potentials or {}).items()}
            row["T_K"] = float(kelvin)
            for name, one, off in zip(names, value, error, strict=True):
                row[name], row[f"{name}_error"] = float(one), float(off)
            rows.append(row)
        return rows

    def _shown(self) -> list[tuple[tuple[int, int], str]]:
        """Which kinds stand in the table, and how: those that vary, the parent's own species left out."""
        if self.points[0].potentials is None:
            return []
        several = len(self.space.species) > 1
        return [
            ((row, code), f"x({name})" + (f" on {one.host}" if several else ""))
            for row, one in enumerate(self.space.sublattice_table)
            for code, name in enumerate(self.space.species[row])
            if name != one.host
        ]

    def _shares(self, point: MonteCarloPoint, shown: list[tuple[tuple[int, int], str]]) -> list[tuple[int, float]]:
        """Columns of the values, and one over the number of sites of the sublattice."""
        return [(5 + point.kinds.index(kind), 1.0 / sum(self.space.counts[kind[0]])) for kind, _ in shown]

    def _title(self, point: MonteCarloPoint) -> str:
        if point.potentials is None:
            return f"{composition_text(self.space)}: averages by Monte Carlo"
        what = ", ".join(f"{name} {value:g} eV" for name, value in point.potentials.items())
        return f"{self.n_sites} sites, chemical potential of {what}: averages by Monte Carlo"

    def _note(self, point: MonteCarloPoint) -> str:
        note = (
            f"Energies as {self.calculator} would give them, per site; configurational. ± one standard error, from a "
            "jackknife. The error of the model is not in it."
        )
        return note if point.potentials is None else f"{note} F and C are those of E less chemical potentials."


def pm(value: float, error: float, digits: int) -> str:
    """A number and its standard error; more digits of both where the error is small.

    >>> pm(1.23456, 0.0123, 2), pm(1.23456, 0.0, 2)
    ('1.235 ± 0.012', '1.23 ± 0.00')
    """
    if error > 0:
        digits = max(digits, min(6, 1 - int(np.floor(np.log10(error)))))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
