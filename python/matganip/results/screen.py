"""What a screen returns, what a part of one returns, what one would cost, and what checking one finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.codec import occupation_texts
from matganip.results.base import Result
from matganip.results.content import Table
from matganip.results.durations import duration
from matganip.results.ranked_orbits import Floats, RankedOrbits
from matganip.results.thermo import functions_values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.plots.style import Place
    from matganip.thermodynamics.histogram import EnergyHistogram
    from matganip.thermodynamics.sums import CanonicalSums


@dataclass(frozen=True, eq=False)
class ScreenResult(RankedOrbits):
    """Every arrangement of a space, screened by a model.

    Attributes
    ----------
    winners, energy, deviation, point_groups
        See `RankedOrbits`.
    sums : CanonicalSums
        Over all arrangements, at the temperatures of the screen.
    histogram : EnergyHistogram
        The density of states.
    graphs_predicted : int
        Different graphs that the network has seen; arrangements with the same graph are predicted once.
    cascade : dict or None
        How the distilled surrogate did, where there was one; histogram and sums are then of its energies.
    stages : dict of str to float
        CPU seconds of each stage, all workers together.
    header : dict
        What was screened and by what: versions, space, models, settings, as the manifest holds it.
    fingerprint : str
        SHA-256 of all that the result depends on.
    folder : pathlib.Path or None
        Where it was written; None where it was computed in memory.
    """

    sums: CanonicalSums
    histogram: EnergyHistogram
    graphs_predicted: int
    cascade: dict[str, Any] | None
    stages: dict[str, float]
    header: dict[str, Any] = field(repr=False)
    fingerprint: str
    folder: Path | None

    @property
    def n_orbits(self) -> int:
        """Symmetry-distinct arrangements, all screened."""
        return self.sums.n_orbits

    @property
    def n_configurations(self) -> int:
        """All arrangements, exact."""
        return self.sums.n_configurations

    @property
    def selection(self) -> str:
        """What was looked for: lowest, highest, nearest or pareto."""
        return str(self.header["settings"]["selection"]["kind"])

    @property
    def calculator(self) -> str:
        """Whose energies the model predicts."""
        return str(self.header["models"][0]["calculator"])

    @property
    def probability(self) -> Floats:
        """(t, n) float64: probability of the orbit of each winner at each temperature."""
        return self.sums.probability(self.energy[:, 0], self.winners.multiplicity)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values; infinite and unknown numbers are null."""
        return {
            "orbits": self.n_orbits,
            "configurations": str(self.n_configurations),
            "atoms": self.space.n_atoms,
            "selection": self.selection,
            "calculator": self.calculator,
            "winners": self.rows(),
            "thermodynamics": functions_values(self.sums.result()),
            "histogram": self.histogram.to_dict(),
            "graphs_predicted": self.graphs_predicted,
            "cascade": self.cascade,
            "cpu_s": self.stages,
            "fingerprint": self.fingerprint,
            "folder": None if self.folder is None else str(self.folder),
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each winner, best first: the columns of ``winners.parquet``."""
        import pandas as pd

        columns: dict[str, Any] = {"rank": np.arange(1, len(self) + 1)}
        for number in range(self.energy.shape[1]):
            suffix = "" if number == 0 else f"_{number + 1}"
            columns[f"prediction{suffix}_eV"] = self.energy[:, number]
            columns[f"deviation{suffix}_eV"] = self.deviation[:, number]
        return pd.DataFrame(
            {
                **columns,
                "relative_meV_per_atom": self.relative,
                "multiplicity": self.winners.multiplicity,
                "point_group": list(self.point_groups),
                **{
                    f"probability_{t:g}K": share
                    for t, share in zip(self.sums.temperatures.tolist(), self.probability, strict=True)
                },
                "occupation": occupation_texts(self.winners.occupations),
            }
        )

    def tables(self) -> tuple[Table, ...]:
        """The first ten winners, and the CPU time of each stage."""
        return self.winners_table(10), self.stage_table()

    def sentences(self) -> tuple[str, ...]:
        """How the cascade did, and how much was screened."""
        covered = f"{self.n_orbits:,} orbits, {self.n_configurations:,} arrangements, all of them."
        covered += "" if self.folder is None else f" {self.folder}"
        return (self.cascade_sentence(), covered) if self.cascade else (covered,)

    def cascade_sentence(self) -> str:
        """How many arrangements the model re-scored, and how far the surrogate was off."""
        if self.cascade is None:
            return ""
        return (
            f"The model re-scored {self.cascade['rescored']:,} of {self.cascade['of']:,} orbits, all that could win "
            f"within the bound of {self.cascade['bound_eV']:.6f} eV; on these the distilled surrogate was at most "
            f"{self.cascade['widest_eV_of_rescored']:.6f} eV off. Histogram and canonical sums are of the surrogate's "
            "energies."
        )

    @property
    def remark(self) -> str:
        """What the model cannot know of this space; empty where it can."""
        return str(self.header["models"][0].get("remark", ""))

    def winners_table(self, number: int = 20) -> Table:
        """The first winners, with the probability of the orbit at each temperature."""
        at = [f"at {t:g}K" for t in self.sums.temperatures.tolist()]
        shown = min(number, len(self))
        error = self.deviation[:, 0] * (1000.0 / self.space.n_atoms)
        known = bool(np.isfinite(error[:shown]).all()) and not self.remark
        rows = tuple(
            (
                *self._cells(k)[:3],
                *([f"{error[k]:.3f}"] if known else []),
                *self._cells(k)[3:],
                *(f"{share:.2e}" for share in self.probability[:, k].tolist()),
            )
            for k in range(shown)
        )
        return Table(
            f"{self.header['space']['composition']}: the first {shown} of {len(self)} ({self.selection})",
            ("rank", "eV", "above first", *(["±"] if known else []), "multiplicity", "point group", *at),
            rows,
            "rrr" + "r" * known + "rl" + "r" * len(at),
            f"Energies of the supercell as {self.calculator} would give them; above first"
            + (", and ±, the standard deviation of the model," if known else "")
            + f" in meV/atom; at a temperature, the probability of the orbit. {self.closeness()}",
        )

    def closeness(self) -> str:
        """How many of the winners the model's own error cannot tell from the first."""
        error = self.deviation[:, 0] * (1000.0 / self.space.n_atoms)
        if self.remark:  # deviations are then those of an unknown constant
            return f"How far off they are nobody knows. {self.remark}"
        if not np.isfinite(error).all():
            return "The model says nothing of its own error: `matganip evaluate` on labels that it has not seen does."
        near = int((np.abs(self.relative[1:]) <= np.hypot(error[1:], error[0])).sum())
        if not near:
            return "None of the others is as near to the first as the model's error."
        return (
            f"{near} of the other {len(self) - 1} are nearer to the first than the model's error: label them before "
            "you believe their order."
        )

    def stage_table(self) -> Table:
        """CPU time by stage."""
        return stage_table(self.stages, self.n_orbits)

    def plot(self, ax: Place = None) -> Axes:
        """Draw the density of states."""
        from matganip.plots.thermodynamics import density_of_states

        edges = self.histogram.edges * (1000 / self.space.n_atoms)
        return density_of_states(edges, self.histogram.configurations, title="Density of states", ax=ax)

    def plot_winners(self, ax: Place = None) -> Axes:
        """Draw the predictions for the winners by rank, with the standard deviation of an ensemble."""
        from matganip.plots.energies import winners

        spread = self.deviation[:, 0] * (1000.0 / self.space.n_atoms)
        return winners(
            self.relative,
            spread=spread if np.isfinite(spread).all() else None,
            title=f"The first {len(self)} of {self.n_orbits:,} orbits ({self.selection})",
            ax=ax,
        )


@dataclass(frozen=True)
class ScreenPart(Result):
    """A part of a screen, done in a folder of its own, to be merged with the others.

    Attributes
    ----------
    part : (int, int)
        ``(k, n)``: the shards with number % n == k.
    n_shards, n_orbits, n_configurations : int
        Done in this part.
    stages : dict of str to float
        CPU seconds of each stage.
    folder : pathlib.Path
    """

    part: tuple[int, int]
    n_shards: int
    n_orbits: int
    n_configurations: int
    stages: dict[str, float]
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """The part as JSON values."""
        return {
            "part": list(self.part),
            "shards": self.n_shards,
            "orbits": self.n_orbits,
            "configurations": str(self.n_configurations),
            "cpu_s": self.stages,
            "folder": str(self.folder),
        }

    def to_frame(self) -> pd.DataFrame:
        """CPU seconds of each stage."""
        import pandas as pd

        return pd.DataFrame({"stage": list(self.stages), "cpu_s": list(self.stages.values())})

    def tables(self) -> tuple[Table, ...]:
        """CPU time by stage."""
        return (stage_table(self.stages, self.n_orbits),)

    def sentences(self) -> tuple[str, ...]:
        """What is still to be done."""
        k, n = self.part
        return (f"Part {k} of {n}, {self.n_shards} shards, is complete; merge {self.folder} with the others.",)


@dataclass(frozen=True)
class ScreenPlan(Result):
    """What a screen would cost, from the rate of a few of its shards.

    Attributes
    ----------
    orbits, configurations : int
        Exact.
    n_shards : int
    workers : int
        Of the measurement.
    rate : float
        Orbits per second by all of them together, once they were at work.
    core_seconds : float
        CPU time per orbit.
    start_s, start_core_s : float
        From starting a worker to its first block: wall time (of all workers at once) and CPU time of each.
    end_s : float
        Merging the shards and writing the winners, estimated from those measured.
    prepare_s : float
        Before the first shard: distilling a surrogate, where there is one.
    asking_core_s : float
        CPU time of the process that asks: starting, preparing, listening and merging.
    measured : int
        Orbits.
    bytes : int
        Of all files.
    cores : int or None
        Cores to plan for, besides `workers`.
    """

    orbits: int
    configurations: int
    n_shards: int
    workers: int
    rate: float
    core_seconds: float
    start_s: float
    start_core_s: float
    end_s: float
    prepare_s: float
    asking_core_s: float
    measured: int
    bytes: int
    cores: int | None = None

    def shards_for(self, cores: int) -> int:
        """Shards to ask for on so many cores: at least four for each, of at least a thousand orbits."""
        return max(self.n_shards, min(4 * cores, self.orbits // 1000))

    def seconds(self, cores: int) -> float:
        """Wall time in seconds on so many cores like those measured.

        A core does whole shards, which are alike: at the end, on average, it waits half a shard's time for the last.
        """
        shards = self.n_shards if cores == self.workers else self.shards_for(cores)
        of_shard = self.orbits / shards / (self.rate / self.workers)
        even = shards / cores
        rounds = -(-shards // cores) if even < 4 else even + 0.5
        return self.prepare_s + self.start_s + of_shard * rounds + self.end_s * shards / self.n_shards

    def core_hours(self, cores: int) -> float:
        """CPU time in hours."""
        starting = self.start_core_s * min(cores, self.shards_for(cores))
        return (self.orbits * self.core_seconds + starting + self.asking_core_s) / 3600.0

    def _plans(self) -> list[dict[str, Any]]:
        return [
            {"cores": n, "shards": self.shards_for(n), "core_hours": self.core_hours(n), "seconds": self.seconds(n)}
            for n in dict.fromkeys([self.workers, *([self.cores] if self.cores else [])])
        ]

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {
            "orbits": self.orbits,
            "configurations": str(self.configurations),
            "shards": self.n_shards,
            "bytes": self.bytes,
            "measured": {"orbits": self.measured, "workers": self.workers, "orbits_per_s": self.rate},
            "plans": self._plans(),
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each number of cores."""
        import pandas as pd

        return pd.DataFrame(self._plans())

    def tables(self) -> tuple[Table, ...]:
        """Core hours and wall time, here and on so many cores."""
        rows = [
            (
                f"{n:,}" + (" (here)" if here else ""),
                f"{self.n_shards if here else self.shards_for(n):,}",
                f"{self.core_hours(n):.4f}",
                duration(self.seconds(n)),
            )
            for n, here in ((self.workers, True), *(((self.cores, False),) if self.cores else ()))
        ]
        return (
            Table(
                f"{self.orbits:,} orbits of {self.configurations:,} arrangements",
                ("cores", "shards", "core-hours", "wall time"),
                tuple(rows),
                "lrrr",
                f"{self.rate:,.0f} orbits/s by {self.workers} workers, measured on {self.measured:,} orbits; "
                f"about {self.bytes / 1e6:,.1f} MB of files.",
            ),
        )


@dataclass(frozen=True)
class ScreenCheck(Result):
    """What `verify_screen` found.

    Attributes
    ----------
    checks : tuple of (str, bool, str)
        What was checked, whether it is right, and the numbers behind it.
    """

    checks: tuple[tuple[str, bool, str], ...]

    @property
    def good(self) -> bool:
        """Whether all is right."""
        return all(right for _, right, _ in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The checks as JSON values."""
        return {
            "good": self.good,
            "checks": [{"what": what, "right": right, "found": text} for what, right, text in self.checks],
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each check."""
        import pandas as pd

        return pd.DataFrame(self.checks, columns=["what", "right", "found"])

    def tables(self) -> tuple[Table, ...]:
        """The checks."""
        lines = tuple((what, "right" if right else "WRONG", text) for what, right, text in self.checks)
        return (Table("", ("what", "", "found"), lines, "llw", ""),)

    def sentences(self) -> tuple[str, ...]:
        """The verdict."""
        return ("All is right." if self.good else "Not all is right.",)


def stage_table(stages: dict[str, float], n_orbits: int) -> Table:
    """CPU seconds of each stage, their share and the time per orbit."""
    total = sum(stages.values())
    rows = [
        (stage, f"{spent:.2f}", f"{spent / (total or 1.0):.1%}", f"{spent / max(n_orbits, 1) * 1e6:.3f}")
        for stage, spent in stages.items()
    ]
    rows.append(("all", f"{total:.2f}", "", f"{total / max(n_orbits, 1) * 1e6:.3f}"))
    return Table("", ("stage", "CPU, s", "share", "µs an orbit"), tuple(rows), "lrrr", "")
