"""Many perovskites as columns; structures are made or read on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.crystal.perovskites import Perovskite
from matganip.crystal.tolerance_factors import bartel_probability, bartel_tau, octahedral_factor, tolerance_factor

if TYPE_CHECKING:
    import pyarrow as pa
    from pymatgen.core.structure import Structure

SITES = ("a", "b", "x")
_COLUMNS = (
    "lattice_constant",
    "radii",
    "charges",
    "effective",
    "crystal",
    "octahedral",
    "tau",
    "probability",
)


@dataclass(frozen=True)
class Skipped:
    """What a reader left out: its name, the kind of reason and the reason in words.

    Examples
    --------
    >>> print(Skipped("KCl.cif", "no ABX3", "it has 3 cations to 3 Cl, not 2"))
    KCl.cif: no ABX3: it has 3 cations to 3 Cl, not 2
    """

    name: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.kind}: {self.detail}" if self.detail else f"{self.name}: {self.kind}"


@dataclass(frozen=True, eq=False)
class PerovskiteTable:
    """Perovskites, one a row, and what was skipped.

    Attributes
    ----------
    names : tuple of str
        Where a row came from: a formula, a file, a database's identifier.
    perovskites : tuple of Perovskite
        Ions on A, B and X of each.
    lattice_constant : (n,) float64
        Cubic, or pseudocubic, cell edge of one ABX3 in angstrom: the cube root of the volume of a formula unit.
    radii : (n, 3) float64
        Mean effective radii of A (XII), B (VI) and X (VI), in angstrom.
    charges : (n, 3) float64
        Mean charges of A, B and X.
    effective, crystal : (n,) float64
        Tolerance factor in both conventions.
    octahedral, tau, probability : (n,) float64
        mu = r_B / r_X (effective radii), Bartel's tau and its probability.
    skipped : tuple of Skipped
        What was left out and why.
    """

    names: tuple[str, ...]
    perovskites: tuple[Perovskite, ...]
    lattice_constant: NDArray[np.float64]
    radii: NDArray[np.float64]
    charges: NDArray[np.float64]
    effective: NDArray[np.float64]
    crystal: NDArray[np.float64]
    octahedral: NDArray[np.float64]
    tau: NDArray[np.float64]
    probability: NDArray[np.float64]
    skipped: tuple[Skipped, ...]
    _structure: Callable[[int], Structure]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def formulas(self) -> tuple[str, ...]:
        """Formula of each row as A, B, X: ``"SrTiO3"``."""
        return tuple(found.ordered_formula for found in self.perovskites)

    def species(self, site: str) -> tuple[str, ...]:
        """Element on ``"a"``, ``"b"`` or ``"x"`` of each row; several are joined by a slash."""
        return tuple("/".join(dict.fromkeys(ion.species for ion in found.ions(site))) for found in self.perovskites)

    def structure(self, index: int) -> Structure:
        """The crystal of one row."""
        return self._structure(range(len(self))[index])

    def structures(self) -> Iterator[Structure]:
        """The crystals of all rows, one at a time."""
        return (self._structure(index) for index in range(len(self)))

    def select(self, rows: ArrayLike) -> PerovskiteTable:
        """Some of the rows, by a boolean mask (n,) or by indices; ``skipped`` stays as it is.

        Examples
        --------
        >>> import matganip as mg
        >>> oxides = mg.datasets.abx3(anions=("O",))
        >>> ideal = oxides.select(abs(oxides.effective - 1) < 0.01)
        >>> bool((abs(ideal.effective - 1) < 0.01).all()), ideal.structure(0).composition.num_atoms
        (True, 5.0)
        """
        indices = np.arange(len(self))[np.asarray(rows)]
        return replace(
            self,
            names=tuple(self.names[i] for i in indices),
            perovskites=tuple(self.perovskites[i] for i in indices),
            **{name: getattr(self, name)[indices] for name in _COLUMNS},
            _structure=lambda row: self._structure(int(indices[row])),
        )

    def reasons(self) -> dict[str, int]:
        """How many were skipped for each kind of reason, the most frequent first."""
        return dict(Counter(entry.kind for entry in self.skipped).most_common())

    def to_arrow(self) -> pa.Table:
        """The columns as an Arrow table, for Parquet, pandas, DuckDB or polars."""
        import pyarrow as pa

        columns: dict[str, object] = {"name": self.names, "formula": self.formulas}
        columns |= {site: self.species(site) for site in SITES}
        for column, site in enumerate(SITES):
            columns[f"charge_{site}"] = self.charges[:, column]
            columns[f"radius_{site}"] = self.radii[:, column]
        columns |= {
            "lattice_constant": self.lattice_constant,
            "tolerance_effective": self.effective,
            "tolerance_crystal": self.crystal,
            "octahedral": self.octahedral,
            "tau": self.tau,
            "probability": self.probability,
        }
        return pa.table(columns)


def make_table(
    names: Sequence[str],
    perovskites: Sequence[Perovskite],
    lattice_constants: Sequence[float],
    skipped: Sequence[Skipped],
    structure: Callable[[int], Structure],
) -> PerovskiteTable:
    """Fill the columns of a table from its perovskites."""
    n = len(perovskites)
    tau = np.array([bartel_tau(found) for found in perovskites], dtype=np.float64)
    return PerovskiteTable(
        tuple(names),
        tuple(perovskites),
        np.array(lattice_constants, dtype=np.float64),
        np.array(
            [[found.mean_radius(site, 12 if site == "a" else 6) for site in SITES] for found in perovskites],
            dtype=np.float64,
        ).reshape(n, 3),
        np.array([[found.mean_charge(site) for site in SITES] for found in perovskites], dtype=np.float64).reshape(
            n, 3
        ),
        np.array([tolerance_factor(found) for found in perovskites], dtype=np.float64),
        np.array([tolerance_factor(found, "crystal") for found in perovskites], dtype=np.float64),
        np.array([octahedral_factor(found) for found in perovskites], dtype=np.float64),
        tau,
        np.array([bartel_probability(value) for value in tau], dtype=np.float64),
        tuple(skipped),
        structure,
    )
