"""What `phase_diagram` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from matganip.features.averages import BOLTZMANN
from matganip.results.base import Result, or_null
from matganip.results.content import Table
from matganip.results.monte_carlo import POOR_EXCHANGE, pm

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.space import ConfigurationSpace
    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CoexistingPhases:
    """Two phases that coexist.

    Attributes
    ----------
    temperature : float
        Kelvin.
    fractions, errors : (float, float)
        Of the species on its sublattice, in each phase, and their standard errors.
    potential, potential_error : float
        Chemical potential, eV.
    depth : float
        Free energy of the whole cell between the two, kT.
    """

    temperature: float
    fractions: tuple[float, float]
    errors: tuple[float, float]
    potential: float
    potential_error: float
    depth: float


@dataclass(frozen=True, eq=False)
class PhaseDiagram(Result):
    """Free energies of all compositions of a cell at several temperatures, and the phases that coexist.

    Attributes
    ----------
    space : ConfigurationSpace
        The cell.
    counted : (int, int)
        Sublattice and code of the species whose number varies.
    calculator : str
        Whose energies the model learned.
    temperatures : (t,) float64 ndarray
        Kelvin, rising.
    free_energy, free_energy_error : (t, n + 1) float64 ndarray
        F of 0 ... n atoms of the species, eV per supercell, and its standard error.
    energy, heat_capacity : (t, n + 1) float64 ndarray
        U, eV, and C at fixed composition, eV/K, per supercell; nan where no walk has been.
    phases : tuple of CoexistingPhases
        By temperature, then by composition.
    unvisited : tuple of (float, float, float)
        Temperature, and two fractions that would coexist if some walk had been everywhere between them.
    closure : (g, t) float64 ndarray
        How far F of the cell full of the species was from its energy in each group, eV per supercell, before that was
        spread over all compositions.
    exchanged : (r - 1,) float64 ndarray
        Share of the exchanges of replicas that were made.
    n_sweeps, n_groups, seed : int
        How it was sampled.
    remark : str
        What the model cannot know of this cell; empty where it can.
    """

    space: ConfigurationSpace
    counted: tuple[int, int]
    calculator: str
    temperatures: Floats
    free_energy: Floats
    free_energy_error: Floats
    energy: Floats
    heat_capacity: Floats
    phases: tuple[CoexistingPhases, ...]
    unvisited: tuple[tuple[float, float, float], ...]
    closure: Floats
    exchanged: Floats
    n_sweeps: int
    n_groups: int
    seed: int
    remark: str

    @property
    def species(self) -> str:
        """The species whose number varies."""
        return self.space.species[self.counted[0]][self.counted[1]]

    @property
    def fractions(self) -> Floats:
        """Its share of the sublattice, (n + 1,)."""
        n = self.free_energy.shape[1] - 1
        shares: Floats = np.arange(n + 1) / n
        return shares

    @property
    def entropy(self) -> Floats:
        """S (t, n + 1), eV/K per supercell."""
        found: Floats = (self.energy - self.free_energy) / self.temperatures[:, None]
        return found

    def mean_fraction(self, potentials: Floats) -> Floats:
        """The mean fraction (t, m) at chemical potentials (m,), eV."""
        n = np.arange(self.free_energy.shape[1])
        beta = 1.0 / (BOLTZMANN * self.temperatures)
        logs = beta[:, None, None] * (np.asarray(potentials)[None, :, None] * n - self.free_energy[:, None, :])
        weight = np.exp(logs - logsumexp(logs, axis=2, keepdims=True))
        mean: Floats = weight @ n / n[-1]
        return mean

    def to_frame(self) -> pd.DataFrame:
        """A row for each temperature and composition: F with its error, U, S and C, per supercell."""
        import pandas as pd

        t, n = self.free_energy.shape
        columns = {"F_eV": self.free_energy, "F_error_eV": self.free_energy_error, "U_eV": self.energy,
                   "S_eV_per_K": self.entropy, "C_eV_per_K": self.heat_capacity}  # fmt: skip
        return pd.DataFrame(
            {
                "T_K": np.repeat(self.temperatures, n),
                f"n_{self.species}": np.tile(np.arange(n), t),
                f"x_{self.species}": np.tile(self.fractions, t),
                **{name: values.reshape(-1) for name, values in columns.items()},
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "cell": self.space.supercell_matrix.tolist(),
            "species": self.species,
            "sites": int(self.free_energy.shape[1] - 1),
            "calculator": self.calculator,
            "temperatures_K": self.temperatures.tolist(),
            "coexistence": [
                {
                    "T_K": one.temperature,
                    "x": list(one.fractions),
                    "x_error": [or_null(error) for error in one.errors],
                    "mu_eV": one.potential,
                    "mu_error_eV": or_null(one.potential_error),
                    "depth_kT": one.depth,
                }
                for one in self.phases
            ],
            "unvisited": [{"T_K": t, "x": [first, second]} for t, first, second in self.unvisited],
            "free_energy_eV": self.free_energy.tolist(),
            "free_energy_error_eV": self.free_energy_error.tolist(),
            "energy_eV": [[or_null(value) for value in row] for row in self.energy.tolist()],
            "heat_capacity_eV_per_K": [[or_null(value) for value in row] for row in self.heat_capacity.tolist()],
            "closure_eV": self.closure.tolist(),
            "exchanged": self.exchanged.tolist(),
            "sweeps": self.n_sweeps,
            "groups": self.n_groups,
            "seed": self.seed,
            "remark": self.remark,
        }

    def tables(self) -> tuple[Table, ...]:
        """The phases that coexist at each temperature."""
        rows, missed = [], {t for t, _, _ in self.unvisited}
        for t in self.temperatures:
            single = "not all compositions were visited" if t in missed else "one phase at every composition"
            here: list[CoexistingPhases | None] = [one for one in self.phases if one.temperature == t] or [None]
            for one in here:
                rows.append((f"{t:g}", single, "", "", "") if one is None else (
                    f"{t:g}", *(pm(x, error, 3) for x, error in zip(one.fractions, one.errors, strict=True)),
                    pm(one.potential, one.potential_error, 4), f"{one.depth:.1f}",
                ))  # fmt: skip
        x = f"x({self.species})"
        columns = ("T, K", f"{x}, first", f"{x}, second", "mu, eV", "depth, kT")
        note = (
            f"Energies as {self.calculator} would give them. Phases that coexist: their compositions, the chemical "
            "potential, and how far the compositions between are above both, in kT of the whole cell. ± one standard "
            f"error, over {self.n_groups} groups."
        )
        title = f"{self.free_energy.shape[1] - 1} sites for {self.species}: coexisting phases"
        return (Table(title, columns, tuple(rows), "rrrrr", note),)

    def sentences(self) -> tuple[str, ...]:
        """How well it closes, how the replicas moved, what the model cannot know."""
        n, least = self.free_energy.shape[1] - 1, float(self.exchanged.min(initial=1.0))
        worst = float(np.abs(self.closure).max()) * 1000.0 / n
        said = [
            f"{self.n_sweeps:,} sweeps in {self.n_groups} groups. F of the cell full of {self.species}, which is "
            f"known, came out within {worst:.3f} meV a site in every group; at least {least:.0%} of the exchanges of "
            "any two neighbouring temperatures were made.",
        ]
        if least < POOR_EXCHANGE:
            said.append(
                "Replicas hardly pass between two temperatures: take more sweeps, or temperatures that are closer."
            )
        for t, first, second in self.unvisited:
            said.append(
                f"At {t:g} K no phases are told between x = {first:.2f} and {second:.2f}: no walk has been at all "
                "compositions there; take more sweeps, or temperatures that are closer."
            )
        return (*said, *((self.remark,) if self.remark else ()))

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the heat capacity over composition and temperature, and the phases that coexist."""
        from matganip.plots.phase_diagram import phase_diagram

        scale = 1.0 / (BOLTZMANN * (self.free_energy.shape[1] - 1))
        phases = [(one.temperature, *one.fractions, *one.errors) for one in self.phases]
        return phase_diagram(
            self.fractions, self.temperatures, self.heat_capacity * scale, phases, species=self.species, ax=ax
        )
