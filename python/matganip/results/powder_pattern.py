"""The powder pattern of one crystal: its lines, its profile, and the files that other programs read."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.peaks import Pattern
from matganip.features.powder.instrument import Axis, Instrument, on_axis
from matganip.files import atomic_path, write_json
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

AXES: dict[Axis, tuple[str, str]] = {
    "2theta": ("2theta_degrees", "2θ, degrees"),
    "q": ("Q_per_angstrom", "Q, 1/Å"),
    "d": ("d_angstrom", "d, Å"),
}
"""Of each axis the name of its column, and what stands below it in a figure."""

PROFILES = (".xy", ".cif", ".png", ".pdf", ".svg")
"""Files that hold the profile; others hold the lines."""
SUFFIXES = (".xy", ".csv", ".cif", ".json", ".png", ".pdf", ".svg")
SHOWN = 30


@dataclass(frozen=True, eq=False)
class PowderPattern(Result):
    """A calculated pattern.

    Attributes
    ----------
    name : str
        Of the crystal, or of its file.
    formula : str
    pattern : Pattern
        The lines; the strongest is 100.
    instrument : Instrument
    axis : {"2theta", "q", "d"}
        What tables, figures and files have as their first column.
    """

    name: str
    formula: str
    pattern: Pattern
    instrument: Instrument
    axis: Axis = "2theta"

    @cached_property
    def profile(self) -> NDArray[np.float64]:
        """(n_grid,) what is recorded on `instrument.grid`, its highest point 100."""
        counts = self.instrument.profile(self.pattern)
        scaled: NDArray[np.float64] = 100 * counts / counts.max()
        return scaled

    @property
    def wavelength(self) -> float:
        """Of the strongest line, angstrom."""
        return self.instrument.beam.wavelength

    def position(self, two_theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Angles on the axis of the result."""
        return on_axis(two_theta, self.axis, self.wavelength)

    # -- what a result can do --------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Lines with their angles (degrees), spacings (angstrom), Q (1/angstrom), intensities and families."""
        two_theta, pattern = self.pattern.two_theta, self.pattern
        return {
            "name": self.name,
            "formula": self.formula,
            "instrument": self.instrument.model_dump(mode="json"),
            "lines": [
                {
                    "two_theta": float(two_theta[i]),
                    "d": float(pattern.d_spacings[i]),
                    "q": float(2 * np.pi / pattern.d_spacings[i]),
                    "intensity": float(pattern.intensity[i]),
                    "families": [
                        {"hkl": list(one["hkl"]), "multiplicity": one["multiplicity"]} for one in pattern.hkls[i]
                    ],
                }
                for i in range(len(two_theta))
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a line."""
        import pandas as pd

        rows = [
            {
                "two_theta_degrees": line["two_theta"],
                "d_angstrom": line["d"],
                "q_per_angstrom": line["q"],
                "intensity": line["intensity"],
                "hkl": _families(line["families"]),
                "multiplicity": sum(one["multiplicity"] for one in line["families"]),
            }
            for line in self.to_dict()["lines"]
        ]
        return pd.DataFrame(rows)

    def tables(self) -> tuple[Table, ...]:
        """The strongest lines, by angle."""
        frame = self.to_frame()
        strongest = np.sort(np.argsort(-frame["intensity"].to_numpy(), kind="stable")[:SHOWN])
        columns: dict[Axis, tuple[str, list[str]]] = {
            "2theta": ("2θ, °", [f"{value:.4f}" for value in frame["two_theta_degrees"].iloc[strongest]]),
            "d": ("d, Å", [f"{value:.5f}" for value in frame["d_angstrom"].iloc[strongest]]),
            "q": ("Q, 1/Å", [f"{value:.5f}" for value in frame["q_per_angstrom"].iloc[strongest]]),
        }
        first = sorted(columns, key=lambda axis: axis != self.axis)
        rows = tuple(
            (*(columns[axis][1][i] for axis in first), f"{row.intensity:.3f}", str(row.multiplicity), row.hkl)
            for i, row in enumerate(frame.iloc[strongest].itertuples())
        )
        more = f"the {SHOWN} strongest of {len(frame)} lines" if len(frame) > SHOWN else f"{len(frame)} lines"
        title = f"{self.name}: {self.formula}, {self.instrument.radiation}, {more}"
        return (
            Table(title, (*(columns[axis][0] for axis in first), "intensity", "multiplicity", "hkl"), rows, "rrrrrw"),
        )

    def plot(self, ax: Place = None) -> Axes | None:
        """The profile on the axis of the result, with a tick for each line."""
        from matganip.plots.diffraction import powder_profile

        grid = self.instrument.grid
        drawn = grid > 0
        lines = self.position(self.pattern.two_theta + self.instrument.zero)
        return powder_profile(
            self.position(grid[drawn]),
            self.profile[drawn],
            lines,
            label=AXES[self.axis][1],
            title=f"{self.name}, {self.instrument.radiation}",
            ax=ax,
        )

    # -- files -----------------------------------------------------------------------------------------------------

    def write(self, path: str | Path) -> None:
        """Write a file, by its suffix.

        Parameters
        ----------
        path : path-like
            ``.xy``: two columns, the profile. ``.csv``: the lines. ``.cif``: a data block of the powder dictionary,
            with lines and profile. ``.json``: what `to_dict` gives. ``.png``, ``.pdf``, ``.svg``: the figure.

        Raises
        ------
        InputError
            If the suffix is another.
        """
        file = Path(path)
        suffix = file.suffix.lower()
        if suffix not in SUFFIXES:
            raise InputError(f"{file}: a pattern is written to {', '.join(SUFFIXES)}, by the suffix")
        if suffix in (".png", ".pdf", ".svg"):
            self.save_figure(file)
        elif suffix == ".json":
            write_json(file, self.to_dict())
        else:
            text = {".xy": self._xy, ".csv": self._csv, ".cif": self._cif}[suffix]()
            with atomic_path(file) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def _xy(self) -> str:
        grid = self.instrument.grid
        seen = grid > 0 if self.axis == "d" else slice(None)
        rows = zip(self.position(grid[seen]).tolist(), self.profile[seen].tolist(), strict=True)
        head = f"# {self.name} {self.formula}, {self.instrument.radiation}; {AXES[self.axis][0]} intensity\n"
        return head + "".join(f"{x:.6f} {y:.6f}\n" for x, y in rows)

    def _csv(self) -> str:
        text = io.StringIO()
        frame = self.to_frame()
        first = {"2theta": "two_theta_degrees", "q": "q_per_angstrom", "d": "d_angstrom"}[self.axis]
        frame[[first, *(name for name in frame.columns if name != first)]].to_csv(text, index=False)
        return text.getvalue()

    def _cif(self) -> str:
        """A block of the IUCr's powder dictionary (Toby, Int. Tables G, chapter 4.2): a calculated pattern."""
        grid = self.instrument.grid
        probe = "x-ray" if self.instrument.beam.polarized else "neutron"
        head = (
            f"data_{''.join(c if c.isalnum() else '_' for c in Path(self.name).stem)}_powder\n"
            f"_chemical_formula_sum '{self.formula}'\n_diffrn_radiation_probe {probe}\n_pd_calc_method "
            "'matganip: structure factors, Lorentz-polarization, line shape'\n"
            f"_pd_calib_2theta_offset {self.instrument.zero:g}\n"
        )
        waves = (
            "loop_\n_diffrn_radiation_wavelength_id\n_diffrn_radiation_wavelength\n_diffrn_radiation_wavelength_wt\n"
        )
        waves += "".join(
            f"{i} {line:g} {weight:.6f}\n" for i, (line, weight) in enumerate(self.instrument.beam.lines, 1)
        )
        names = ("id", "2theta_centroid", "d_spacing", "intensity", "special_details")
        peaks = "loop_\n" + "".join(f"_pd_peak_{name}\n" for name in names)
        for i, row in enumerate(self.to_dict()["lines"], 1):
            peaks += (
                f"{i} {row['two_theta']:.6f} {row['d']:.6f} {row['intensity']:.6f} '{_families(row['families'])}'\n"
            )
        steps = (
            f"_pd_meas_2theta_range_min {grid[0]:g}\n_pd_meas_2theta_range_max {grid[-1]:g}\n"
            f"_pd_meas_2theta_range_inc {self.instrument.step:g}\n"
        )
        points = "loop_\n_pd_meas_2theta_scan\n_pd_calc_intensity_total\n"
        points += "".join(f"{x:.6f} {y:.6f}\n" for x, y in zip(grid.tolist(), self.profile.tolist(), strict=True))
        return "\n".join((head + steps, waves, peaks, points))


def _families(families: list[dict[str, Any]]) -> str:
    """Families of a line in one text: (1 0 0), (2 -1 0)."""
    return ", ".join("(" + " ".join(map(str, one["hkl"])) + ")" for one in families)
