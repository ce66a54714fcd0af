"""The lowest and highest arrangements of an enumeration, a stream or a sample, without labels: `Ranked`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text, sites_text
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranked(Result):
    """Orbits by energy: the lowest first, then the highest.

    Attributes
    ----------
    batch : ConfigurationBatch
        The orbits.
    energy : (n,) float64 ndarray
        eV for the supercell, ascending.
    orbit : (n,) int64 ndarray
        Place of each among those that were ranked, in their order: its number in the enumeration of a whole space.
    n_lowest : int
        How many of them are the lowest; the others are the highest.
    n_ranked : int
        How many were ranked.
    by : str
        What the energies are.
    mean, lowest, highest : float
        Of the energies of all that were ranked, each once, in eV for the supercell.
    oxidation_states : dict, optional
        The charges of the species, where the energies are electrostatic.
    charge : float
        Of the supercell, in units of e.
    file : pathlib.Path, optional
        Where they were written.
    shown : int
        How many of the lowest, and of the highest, a table shows.
    """

    batch: ConfigurationBatch
    energy: Floats
    orbit: NDArray[np.int64]
    n_lowest: int
    n_ranked: int
    by: str
    mean: float
    lowest: float
    highest: float
    oxidation_states: Mapping[str, float] | None = None
    charge: float = 0.0
    file: Path | None = None
    shown: int = 20

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def relative(self) -> Floats:
        """(n,): energy above the lowest, meV/atom."""
        above: Floats = (self.energy - self.lowest) * (1000.0 / self.batch.space.n_atoms)
        return above

    @property
    def column(self) -> str:
        """Name of the energies in files: ``ewald_energy_eV``."""
        return f"{'_'.join(self.by.lower().split())}_eV"

    def write(self, path: str | os.PathLike[str], fmt: str | None = None) -> Ranked:
        """Write the orbits with their numbers and energies, as `matganip.configurations.io.writers.open_writer` does.

        Parameters
        ----------
        path : path-like
            Where to.
        fmt : {"parquet", "extxyz", "cif", "poscar"}, optional
            By default that of the path's suffix.

        Returns
        -------
        Ranked
            The same, with the file.
        """
        from matganip.configurations.io.writers import open_writer

        with open_writer(path, self.batch.space, fmt, values=[self.column]) as writer:
            writer.write(self.batch, orbits=self.orbit.tolist(), values={self.column: self.energy})
        return replace(self, file=Path(path))

    def to_dict(self) -> dict[str, Any]:
        """The orbits by rank, and the energies of all, as JSON values."""
        space = self.batch.space
        found: dict[str, Any] = {
            "composition": composition_text(space),
            "key": space.key,
            "by": self.by,
            "ranked": self.n_ranked,
            "mean_eV": self.mean,
            "lowest_eV": self.lowest,
            "highest_eV": self.highest,
            "n_lowest": self.n_lowest,
            "ranking": [
                {
                    "orbit": int(self.orbit[row]),
                    "multiplicity": int(self.batch.multiplicity[row]),
                    "energy_eV": float(self.energy[row]),
                    "relative_meV_per_atom": float(self.relative[row]),
                    "occupation": self.batch.occupations[row].tolist(),
                    "sites": sites_text(space, self.batch.occupations[row]),
                }
                for row in range(len(self))
            ],
        }
        if self.oxidation_states is not None:
            found.update(oxidation_states=dict(self.oxidation_states), charge=self.charge)
        return found if self.file is None else {**found, "file": str(self.file)}

    def to_frame(self) -> pd.DataFrame:
        """A row for each orbit, lowest first."""
        import pandas as pd

        return pd.DataFrame(
            {
                "orbit": self.orbit,
                "multiplicity": self.batch.multiplicity,
                "energy_eV": self.energy,
                "relative_meV_per_atom": self.relative,
                "sites": [sites_text(self.batch.space, row) for row in self.batch.occupations],
            }
        )

    def tables(self) -> tuple[Table, ...]:
        """The lowest orbits, and the highest."""
        parts = (("lowest", range(self.n_lowest)), ("highest", range(self.n_lowest, len(self))))
        return tuple(self._table(name, rows) for name, rows in parts if len(rows))

    def _table(self, name: str, rows: range) -> Table:
        shown = rows[: self.shown] if name == "lowest" else rows[-self.shown :]
        cells = tuple(
            (
                str(self.orbit[row]),
                f"{self.batch.multiplicity[row]:,}",
                f"{self.energy[row]:.6f}",
                f"{self.relative[row]:.3f}",
                sites_text(self.batch.space, self.batch.occupations[row]),
            )
            for row in shown
        )
        columns = ("orbit", "multiplicity", f"{self.by}, eV", "above the lowest, meV/atom", "sites taken")
        title = f"{composition_text(self.batch.space)}: the {len(rows):,} {name} of {self.n_ranked:,} orbits"
        note = f"{len(shown):,} of {len(rows):,} are shown" if len(shown) < len(rows) else ""
        return Table(title, columns, cells, "rrrrl", note)

    def sentences(self) -> tuple[str, ...]:
        """The mean, the charges, and where the orbits are."""
        per_atom = 1000.0 / self.batch.space.n_atoms
        said = [
            f"All {self.n_ranked:,}: the mean is {(self.mean - self.lowest) * per_atom:.3f} meV/atom above the lowest, "
            f"the highest {(self.highest - self.lowest) * per_atom:.3f}."
        ]
        if self.oxidation_states is not None:
            told = ", ".join(f"{name} {state:+g}" for name, state in self.oxidation_states.items() if name != "vac")
            said.append(
                f"Point charges on the unrelaxed lattice ({told}): what electrostatics alone would prefer, no more."
            )
            if abs(self.charge) > 1e-6:
                said.append(
                    f"The supercell has the charge {self.charge:+g} e, made up for by a uniform background: compare "
                    "within this composition only."
                )
        if self.file is not None:
            said.append(f"{len(self):,} orbits are in {self.file}")
        return tuple(said)

    def plot(self, ax: Place = None) -> Axes:
        """Draw the energies in order."""
        from matganip.plots.energies import ranked

        none = np.full(len(self), np.nan)
        return ranked(
            self.relative, self.batch.multiplicity, none, np.zeros(len(self), dtype=bool), top=0,
            title=f"{len(self):,} of {self.n_ranked:,} orbits, by {self.by}", ax=ax,
        )  # fmt: skip
