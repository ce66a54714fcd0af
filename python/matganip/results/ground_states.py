"""What `ground_states` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroundStates(Result):
    """Energies of all derivative structures, and which of them are stable against separation into others.

    Attributes
    ----------
    host, species : str
        The species of the sublattice.
    calculator : str
        Whose energies the model learned.
    fraction : (n,) float64 ndarray
        Of `species` on the sublattice.
    energy, mixing : (n,) float64 ndarray
        eV per site, sites that are not substituted and vacant ones included; `mixing` relative to the pure ends.
    n_sites : (n,) int64 ndarray
        Sites of the cell.
    hull : tuple of int
        Rows on the lower convex hull, by composition.
    structures : tuple of Structure
        Of these.
    remark : str
        What the model cannot know; empty where it can.
    """

    host: str
    species: str
    calculator: str
    fraction: Floats
    energy: Floats
    mixing: Floats
    n_sites: NDArray[np.int64]
    hull: tuple[int, ...]
    structures: tuple[Structure, ...]
    remark: str

    def to_frame(self) -> pd.DataFrame:
        """A row for each structure."""
        import pandas as pd

        on_hull = np.isin(np.arange(len(self.fraction)), self.hull)
        return pd.DataFrame(
            {f"x_{self.species}": self.fraction, "sites": self.n_sites, "energy_eV_per_site": self.energy,
             "mixing_eV_per_site": self.mixing, "on_hull": on_hull}
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "species": self.species,
            "host": self.host,
            "calculator": self.calculator,
            "structures": len(self.fraction),
            "remark": self.remark,
            "hull": [
                {
                    "x": float(self.fraction[row]),
                    "mixing_eV_per_site": float(self.mixing[row]),
                    "sites": int(self.n_sites[row]),
                    "structure": structure.as_dict(),
                }
                for row, structure in zip(self.hull, self.structures, strict=True)
            ],
        }

    def tables(self) -> tuple[Table, ...]:
        """The structures on the hull, and by how much each is below its neighbours there."""
        rows = []
        for k, (row, structure) in enumerate(zip(self.hull, self.structures, strict=True)):
            below = ""
            if 0 < k < len(self.hull) - 1:
                a, b = self.hull[k - 1], self.hull[k + 1]
                share = (self.fraction[row] - self.fraction[a]) / (self.fraction[b] - self.fraction[a])
                line = (1 - share) * self.mixing[a] + share * self.mixing[b]
                below = f"{1000 * (line - self.mixing[row]):.3f}"
            rows.append(
                (structure.composition.reduced_formula, f"{self.fraction[row]:.4f}", f"{1000 * self.mixing[row]:.3f}",
                 below, str(self.n_sites[row]), structure.get_space_group_info()[0])
            )  # fmt: skip
        columns = (
            "formula",
            f"x({self.species})",
            "mixing, meV/site",
            "below the others, meV/site",
            "sites",
            "space group",
        )
        note = (
            f"Energies as {self.calculator} would give them, of {len(self.fraction):,} derivative structures. Below "
            "the others: below the line between its two neighbours on the hull. Larger cells may hold lower ones."
        )
        return (Table("Ground states", columns, tuple(rows), "lrrrrl", note),)

    def sentences(self) -> tuple[str, ...]:
        """What the model cannot know."""
        return (self.remark,) if self.remark else ()

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw mixing energies and the hull."""
        from matganip.plots.phase_diagram import ground_states

        return ground_states(self.fraction, 1000.0 * self.mixing, self.hull, species=self.species, ax=ax)
