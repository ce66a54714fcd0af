"""What `thermo`, `mixing` and `mean_pattern` return."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.features.averages import BOLTZMANN
from matganip.files import atomic_path
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.plots.style import Place
    from matganip.thermodynamics.estimates import SampledThermodynamics
    from matganip.thermodynamics.histogram import EnergyHistogram
    from matganip.thermodynamics.mixing import Mixing
    from matganip.thermodynamics.sums import Thermodynamics

Floats = NDArray[np.float64]

UNRELIABLE = (
    "* Too few of the rows drawn carry the weight (effective): the sample has not met the arrangements that matter at "
    "this temperature. F is too high there and the error bars are too small. "
)
DRAW_MORE = "Draw more, or take the lowest energy from `matganip search`."
WALK = (
    "No sample that can be drawn of so many arrangements will do: walk among them with `matganip monte-carlo`, which "
    "wants a model that is a sum over clusters of the parent (docs/monte_carlo.md)."
)
DRAWABLE = 10**10
"""Arrangements of a space above which those that matter at low temperature are not met by drawing."""
FUNCTIONS = (("free_energy", "F", "eV"), ("energy", "U", "eV"), ("entropy", "S", "eV_per_K"),
             ("heat_capacity", "C", "eV_per_K"))  # fmt: skip


@dataclass(frozen=True, eq=False)
class ThermoResult(Result):
    """The canonical ensemble of the arrangements of one composition; configurational, at ideal positions.

    Attributes
    ----------
    source : str
        Where the energies come from.
    n_configurations : int
        Arrangements of the whole space, exact.
    n_orbits : int
        Orbits summed over, or rows of the sample.
    functions : Thermodynamics
        F, U, S and C_v per supercell; of a sample, the estimates.
    histogram : EnergyHistogram
        The density of states; of a sample, that of the sample.
    lowest : tuple of (float, int, (t,) ndarray)
        Energy in eV per supercell, multiplicity, and probability at each temperature of the lowest orbits; empty for a
        sample.
    sampled : tuple of SampledThermodynamics
        Estimates from growing parts of the sample, the whole of it last; empty where the space was enumerated.
    remark : str
        What the model cannot know of this space; empty where it can.
    """

    source: str
    n_configurations: int
    n_orbits: int
    functions: Thermodynamics
    histogram: EnergyHistogram
    lowest: tuple[tuple[float, int, Floats], ...] = ()
    sampled: tuple[SampledThermodynamics, ...] = ()
    remark: str = ""

    @property
    def estimate(self) -> SampledThermodynamics | None:
        """The estimates from the whole sample, with error bars; None where the space was enumerated."""
        return self.sampled[-1] if self.sampled else None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values; infinite and unknown numbers are null."""
        functions, sample = self.functions, self.estimate
        return {
            "source": self.source,
            "arrangements": self.n_configurations,
            "orbits" if sample is None else "drawn": self.n_orbits,
            "atoms": functions.n_atoms,
            "lowest_eV": functions.ground,
            **functions_values(functions),
            **({} if sample is None else _columns(sample.error, "_error")),
            **({} if sample is None else {"effective_sample": sample.effective.tolist(),
                                          "reliable": sample.reliable.tolist()}),
            "convergence": [
                {
                    "drawn": one.n,
                    "F_eV": _finite(one.estimate.free_energy),
                    "F_error_eV": _finite(one.error.free_energy),
                }
                for one in self.sampled
            ],
            "winners": [
                {"prediction_eV": energy, "multiplicity": multiplicity, "probability": probability.tolist()}
                for energy, multiplicity, probability in self.lowest
            ],
            "density_of_states": self.histogram.to_dict(),
            "remark": self.remark,
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """A row for each temperature: F, U, S and C_v per supercell, with error bars where they were sampled."""
        import pandas as pd

        functions, sample = self.functions, self.estimate
        columns: dict[str, Any] = {"temperature_K": functions.temperature}
        for name, letter, unit in FUNCTIONS:
            columns[f"{letter}_{unit}"] = getattr(functions, name)
            if sample is not None:
                columns[f"{letter}_error_{unit}"] = getattr(sample.error, name)
        if sample is not None:
            columns |= {"effective_sample": sample.effective, "reliable": sample.reliable}
        return pd.DataFrame(columns)

    def tables(self) -> tuple[Table, ...]:
        """F, U, S and C_v per atom at each temperature."""
        n, ground, sample = self.functions.n_atoms, self.functions.ground, self.estimate
        cells = [
            self._cells("free_energy", n / 1000, ground),
            self._cells("energy", n / 1000, ground),
            self._cells("entropy", BOLTZMANN * n),
            self._cells("heat_capacity", BOLTZMANN * n),
        ]
        kelvin = [f"{t:g}" for t in self.functions.temperature.tolist()]
        columns: tuple[str, ...] = ("T, K", "F, meV/atom", "U, meV/atom", "S, k_B/atom", "C_v, k_B/atom")
        if sample is not None:
            kelvin = [t if sure else f"{t} *" for t, sure in zip(kelvin, sample.reliable.tolist(), strict=True)]
            cells.append([f"{size:,.0f}" for size in sample.effective.tolist()])
            columns += ("effective",)
        what, of = ("orbits", "of the space") if sample is None else ("arrangements drawn", "drawn")
        return (
            Table(
                f"{self.source}: {self.n_orbits:,} {what}, for {self.n_configurations:,} arrangements",
                columns,
                tuple(zip(kelvin, *cells, strict=True)),
                "r" * len(columns),
                f"F and U above the lowest energy {of}, {ground / n:.6f} eV/atom. Configurational, at ideal positions.",
            ),
        )

    def _cells(self, name: str, unit: float, zero: float = 0.0) -> list[str]:
        values = ((getattr(self.functions, name) - zero) / unit).tolist()
        if self.estimate is None:
            return [f"{value:.4f}" for value in values]
        errors = (getattr(self.estimate.error, name) / unit).tolist()
        return [f"{value:.4f} ± {error:.4f}" for value, error in zip(values, errors, strict=True)]

    def sentences(self) -> tuple[str, ...]:
        """What is unreliable, how probable the lowest orbits are, and what the model cannot know."""
        n, ground, kelvin = self.functions.n_atoms, self.functions.ground, self.functions.temperature.tolist()
        said = []
        if self.estimate is not None and not self.estimate.reliable.all():
            said.append(UNRELIABLE + (DRAW_MORE if self.n_configurations <= DRAWABLE else WALK))
        said += [
            f"An orbit of {multiplicity:,} at {(energy - ground) * 1000 / n:.4f} meV/atom: "
            + ", ".join(
                f"{100 * share:.3g} % at {t:g} K"
                for t, share in zip(kelvin, probability.tolist(), strict=True)
                if t in (0, 100, 300, 1000)
            )
            for energy, multiplicity, probability in self.lowest[:3]
        ]
        return (*said, self.remark) if self.remark else tuple(said)

    def plot(self, ax: Place = None) -> Axes:
        """Draw F and U per atom against the temperature."""
        return plot_free_energy(self.functions, self.estimate, ax=ax)

    def save_figure(self, path: str | Path) -> None:
        """Write F, U, S, C_v and the density of states as one PNG, PDF or SVG file."""
        from matganip.plots.style import canvas, save_figure
        from matganip.plots.thermodynamics import density_of_states

        panels, n, sample = canvas(11.0, 3.4, 3), self.functions.n_atoms, self.estimate
        plot_free_energy(self.functions, sample, title="Free energy and energy", ax=panels[0])
        plot_entropy(self.functions, sample, self.n_configurations, title="Entropy and heat capacity", ax=panels[1])
        density_of_states(
            self.histogram.edges * (1000 / n),
            self.histogram.configurations,
            sampled=sample is not None,
            title="Density of states",
            ax=panels[2],
        )
        save_figure(panels, path)


def plot_free_energy(
    functions: Thermodynamics, sample: SampledThermodynamics | None = None, *, title: str = "", ax: Place = None
) -> Axes:
    """Draw U and F, in meV/atom above the lowest energy, with the error bars of a sample."""
    from matganip.plots.thermodynamics import free_energy

    unit, ground = functions.n_atoms / 1000, functions.ground
    return free_energy(
        functions.temperature,
        (functions.energy - ground) / unit,
        (functions.free_energy - ground) / unit,
        errors=None if sample is None else (sample.error.energy / unit, sample.error.free_energy / unit),
        reliable=None if sample is None else sample.reliable,
        title=title,
        ax=ax,
    )


def plot_entropy(
    functions: Thermodynamics,
    sample: SampledThermodynamics | None,
    n_configurations: int,
    *,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw S and C_v, in k_B per atom, with the error bars of a sample and the entropy of equal probabilities."""
    from matganip.plots.thermodynamics import entropy

    unit = BOLTZMANN * functions.n_atoms
    return entropy(
        functions.temperature,
        functions.entropy / unit,
        functions.heat_capacity / unit,
        uniform=log(n_configurations) / functions.n_atoms,
        errors=None if sample is None else (sample.error.entropy / unit, sample.error.heat_capacity / unit),
        reliable=None if sample is None else sample.reliable,
        title=title,
        ax=ax,
    )


@dataclass(frozen=True, eq=False)
class MixingResult(Result):
    """Mixing energies of a series of compositions, per atom of the parent.

    Attributes
    ----------
    species : str
        What varies: ``"Br on I"``.
    lowest : Mixing
        Of the lowest energy at each composition, eV per atom of the parent.
    at_temperatures : tuple of (float, Mixing)
        Kelvin, and the same of the free energy.
    ensembles : tuple of ThermoResult
        One for each composition, in the order of `lowest.fraction`.
    calculator : str
        Whose energies the model predicts.
    remark : str
        What the model cannot know of these compositions.
    """

    species: str
    lowest: Mixing
    at_temperatures: tuple[tuple[float, Mixing], ...]
    ensembles: tuple[ThermoResult, ...]
    calculator: str
    remark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        lowest = self.lowest
        without = [{k: v for k, v in one.to_dict().items() if k != "remark"} for one in self.ensembles]
        return {
            "species": self.species,
            "fraction": lowest.fraction.tolist(),
            "lowest_mixing_eV_per_atom": lowest.mixing.tolist(),
            "above_hull_eV_per_atom": lowest.above_hull.tolist(),
            "on_hull": lowest.on_hull.tolist(),
            "free_energies": [
                {"temperature_K": t, "mixing_eV_per_atom": found.mixing.tolist()} for t, found in self.at_temperatures
            ],
            "ensembles": [
                {"fraction": x, **one} for x, one in zip(lowest.fraction.tolist(), without, strict=True)
            ],
            "remark": self.remark,
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """A row for each composition."""
        import pandas as pd

        return pd.DataFrame(
            {
                "fraction": self.lowest.fraction,
                "lowest_mixing_eV_per_atom": self.lowest.mixing,
                "above_hull_eV_per_atom": self.lowest.above_hull,
                "on_hull": self.lowest.on_hull,
                **{f"F_mixing_{t:g}K_eV_per_atom": found.mixing for t, found in self.at_temperatures},
            }
        )

    def tables(self) -> tuple[Table, ...]:
        """Mixing energies in meV per atom, with the height above the hull."""
        lowest = self.lowest
        rows = tuple(
            (
                f"{x:.4f}",
                f"{1000 * energy:.4f}",
                "yes" if stable else f"{1000 * above:.4f}",
                *(f"{1000 * found.mixing[k]:.4f}" for _, found in self.at_temperatures),
            )
            for k, (x, energy, stable, above) in enumerate(
                zip(lowest.fraction, lowest.mixing, lowest.on_hull, lowest.above_hull, strict=True)
            )
        )
        columns = (self.species, "lowest", "on the hull", *(f"F, {t:g} K" for t, _ in self.at_temperatures))
        note = "Mixing energies of the lowest arrangement and mixing free energies, meV per atom of the parent."
        return (Table(f"{self.calculator}: mixing, {self.species}", columns, rows, "r" * len(columns), note),)

    def sentences(self) -> tuple[str, ...]:
        """Which compositions were sampled, and what the model cannot know."""
        sampled = "Compositions with more orbits than the sample were sampled: their lowest is that of the sample."
        return ((sampled,) if any(one.sampled for one in self.ensembles) else ()) + ((self.remark,) * bool(self.remark))

    def plot(self, ax: Place = None) -> Axes:
        """Draw the mixing energies, their hull, and the mixing free energies."""
        from matganip.plots.thermodynamics import mixing_curve

        return mixing_curve(
            self.lowest.fraction,
            1000 * self.lowest.mixing,
            self.lowest.on_hull,
            species=self.species,
            free={temperature: 1000 * of_f.mixing for temperature, of_f in self.at_temperatures},
            title="Mixing energies",
            ax=ax,
        )


@dataclass(frozen=True, eq=False)
class PatternResult(Result):
    """The powder pattern of an ensemble at each temperature.

    Attributes
    ----------
    two_theta, d_spacing : (p,) float64 ndarray
        Degrees and angstrom.
    temperatures : tuple of float
        Kelvin.
    intensity, deviation : (t, p) float64 ndarray
        Mean intensity, 100 for the largest at each temperature, and its standard deviation over the ensemble.
    """

    two_theta: Floats
    d_spacing: Floats
    temperatures: tuple[float, ...]
    intensity: Floats
    deviation: Floats

    def _named(self) -> dict[str, Floats]:
        columns = {"two_theta": self.two_theta, "d_spacing": self.d_spacing}
        for t, intensity, deviation in zip(self.temperatures, self.intensity, self.deviation, strict=True):
            columns |= {f"intensity_{t:g}K": intensity, f"deviation_{t:g}K": deviation}
        return columns

    def to_dict(self) -> dict[str, Any]:
        """The columns as lists."""
        return {name: values.tolist() for name, values in self._named().items()}

    def to_frame(self) -> pd.DataFrame:
        """A row for each reflection."""
        import pandas as pd

        return pd.DataFrame(self._named())

    def tables(self) -> tuple[Table, ...]:
        """All reflections."""
        named = self._named()
        rows = tuple(tuple(f"{value:.4f}" for value in row) for row in zip(*named.values(), strict=True))
        return (Table("Mean powder pattern of the ensemble", tuple(named), rows, "r" * len(named)),)

    def plot(self, ax: Place = None) -> Axes:
        """Draw the patterns above each other, the reflections that the temperature changes in colour."""
        from matganip.plots.diffraction import patterns

        names = [f"{t:g} K" for t in self.temperatures]
        kinds = ("the same at every temperature", "depends on the temperature")
        return patterns(self.two_theta, self.intensity, names, kinds=kinds, title="Mean powder pattern", ax=ax)

    def write(self, path: str | Path) -> None:
        """Write the columns as CSV, a line for each reflection.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        named = self._named()
        with atomic_path(path) as temporary:
            table, head = np.stack(list(named.values()), axis=1), ",".join(named)
            np.savetxt(temporary, table, fmt="%.6f", delimiter=",", header=head, comments="")


def functions_values(found: Thermodynamics) -> dict[str, list[float | None]]:
    """F, U, S and C_v per supercell at each temperature, as JSON values; what is infinite is null."""
    return {"temperature_K": _finite(found.temperature), **_columns(found, "")}


def _columns(found: Thermodynamics, suffix: str) -> dict[str, list[float | None]]:
    return {f"{letter}{suffix}_{unit}": _finite(getattr(found, name)) for name, letter, unit in FUNCTIONS}


def _finite(values: Floats) -> list[float | None]:
    return [value if isfinite(value) else None for value in values.tolist()]
