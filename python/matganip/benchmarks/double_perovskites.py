"""Figure 5 of the paper: predicted factor and energy of double perovskites, arrangement by arrangement."""

from __future__ import annotations

import csv
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.io.ase import AseAtomsAdaptor

from matganip.configurations.perovskite_spaces import perovskite_space
from matganip.configurations.point_groups import cluster_point_groups
from matganip.crystal.tolerance_factors import Convention, tolerance_factor
from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.formulas import ARRANGEMENTS
from matganip.plots.heat_map import pearson, split_heat_map
from matganip.progress import ProgressOption, Report, reporting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

    from matganip.learning.crystals import CrystalModel
    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ArrangementMap:
    """n formulas by m arrangements of their B sites.

    Attributes
    ----------
    formulas : tuple of n str
    arrangements : tuple of m str
        Point groups of the cluster of one kind of B atoms, as the paper names them.
    multiplicity : (m,) int64 ndarray
        How many of the 70 ways to place four and four atoms each stands for.
    factor, spread : (n, m) float64 ndarray
        Predicted tolerance factor, and by how much the networks differ.
    radii : (n,) float64 ndarray
        The tolerance factor of the formula from its radii: one number for all arrangements.
    energy : (n, m) float64 ndarray
        eV/atom; nan where there is none.
    calculator : str
        Whose; empty without one.
    """

    formulas: tuple[str, ...]
    arrangements: tuple[str, ...]
    multiplicity: NDArray[np.int64]
    factor: Floats
    spread: Floats
    radii: Floats
    energy: Floats
    calculator: str

    @property
    def above_lowest(self) -> Floats:
        """(n, m): energies above the lowest of each formula, in meV/atom."""
        above: Floats = (self.energy - self.energy.min(axis=1, keepdims=True)) * 1000.0
        return above

    @property
    def pearson_of_rows(self) -> Floats:
        """(n,): correlation of energy and factor over the arrangements of each formula."""
        return np.array([pearson(e, f) for e, f in zip(self.above_lowest, self.factor, strict=True)])

    @property
    def pearson_of_columns(self) -> Floats:
        """(m,): the same over the formulas in each arrangement."""
        return np.array([pearson(e, f) for e, f in zip(self.above_lowest.T, self.factor.T, strict=True)])

    @property
    def deviations(self) -> tuple[float, float]:
        """Standard deviation of the predicted factor between the arrangements of a formula, and between formulas."""
        return float(self.factor.std(axis=1).mean()), float(self.factor.mean(axis=1).std())

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""

        def plain(values: Floats) -> list[Any]:
            return [float(value) if np.isfinite(value) else None for value in values.tolist()]

        within, between = self.deviations
        return {
            "calculator": self.calculator,
            "arrangements": dict(zip(self.arrangements, self.multiplicity.tolist(), strict=True)),
            "pearson_of_rows": dict(zip(self.formulas, plain(self.pearson_of_rows), strict=True)),
            "pearson_of_columns": dict(zip(self.arrangements, plain(self.pearson_of_columns), strict=True)),
            "factor_from_radii": dict(zip(self.formulas, self.radii.tolist(), strict=True)),
            "factor_predicted": dict(zip(self.formulas, self.factor.mean(axis=1).tolist(), strict=True)),
            "deviation_between_arrangements": within,
            "deviation_between_formulas": between,
            "mean_absolute_error": float(np.abs(self.factor - self.radii[:, np.newaxis]).mean()),
            "constant_error": float(np.abs(self.radii - self.radii.mean()).mean()),
        }

    def write(self, path: Path) -> None:
        """Write every formula and arrangement with its factor and energy, as CSV."""
        with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(
                ("formula", "arrangement", "multiplicity", "factor", "spread", "factor_from_radii",
                 "energy_eV_per_atom", "calculator")
            )  # fmt: skip
            for i, formula in enumerate(self.formulas):
                for j, name in enumerate(self.arrangements):
                    energy = self.energy[i, j]
                    lines.writerow(
                        (formula, name, int(self.multiplicity[j]), repr(float(self.factor[i, j])),
                         repr(float(self.spread[i, j])), repr(float(self.radii[i])),
                         repr(float(energy)) if np.isfinite(energy) else "", self.calculator)
                    )  # fmt: skip

    def plot(self, ax: Place = None) -> Axes:
        """Draw the map of split squares (MATGANIP, figure 5).

        Upper left: energy; lower right: predicted factor. r is Pearson's correlation along a row or column. Radii give
        one factor for all arrangements of a formula: what varies along a row comes from the network.
        """
        return split_heat_map(
            self.above_lowest,
            self.factor,
            self.formulas,
            self.arrangements,
            upper_label=f"energy above the row's lowest, meV/atom ({self.calculator or 'none'})",
            lower_label="tolerance factor that the network predicts",
            ax=ax,
        )


def arrangement_map(
    model: CrystalModel,
    formulas: Sequence[str],
    calculator: str | None = None,
    *,
    convention: Convention = "effective",
    progress: ProgressOption = None,
) -> ArrangementMap:
    """Predict every arrangement of B sites in 2x2x2 cells, and compute their energies.

    Parameters
    ----------
    model : CrystalModel
    formulas : sequence of str
        ``Cs2AgBiBr6`` ...; each has four and four atoms on eight B sites, 6 arrangements in all.
    calculator : str, optional
        One of `matganip label`; single points on the ideal lattice. None computes no energy.
    convention : {"effective", "crystal"}
        Of the factor from radii.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    ArrangementMap

    Raises
    ------
    InputError, MissingExtraError
        If a formula is no such double perovskite, or the calculator is not installed or fails.
    """
    named: dict[str, dict[str, Structure]] = {}
    sizes: dict[str, int] = {}
    for formula in formulas:
        named[formula], sizes = _arrangements(formula)
    columns = tuple(sorted(sizes, key=lambda name: (sizes[name], name)))
    every = [named[formula][name] for formula in formulas for name in columns]
    shape = (len(formulas), len(columns))
    factor, spread = (part.reshape(shape) for part in model.predict_with_spread(every))
    energy, title = np.full(len(every), np.nan), ""
    if calculator is not None:
        choice = CalculatorChoice(name=calculator)
        with reporting(progress) as report:
            energy, title = _energies(every, choice, report), choice.title
    return ArrangementMap(
        tuple(formulas),
        columns,
        np.array([sizes[name] for name in columns]),
        factor,
        spread,
        np.array([tolerance_factor(formula, convention) for formula in formulas]),
        energy.reshape(shape),
        title,
    )


def _arrangements(formula: str) -> tuple[dict[str, Structure], dict[str, int]]:
    """The six arrangements of a formula on its ideal lattice by point group, and their multiplicities."""
    space = perovskite_space(formula)
    if space.n_configurations != 70 or space.n_sites != 8:
        raise InputError(f"{formula}: {space.n_configurations} arrangements, not the 70 of four and four B atoms")
    batch = next(space.orbits())
    names = cluster_point_groups(space, batch.occupations).schoenflies.tolist()
    if len(set(names)) != len(names):
        raise InputError(f"{formula}: two arrangements have one point group ({', '.join(names)})")
    sizes = dict(zip(names, batch.multiplicity.tolist(), strict=True))
    return dict(zip(names, batch.structures(), strict=True)), sizes


def calculated_energies(formulas: Sequence[str], calculator: str) -> Floats:
    """Single points (n, 6) of formulas on their ideal lattices, eV/atom, in the order of `matganip.labels.formulas`."""
    named = [_arrangements(formula)[0] for formula in formulas]
    every = [one[name] for one in named for name in ARRANGEMENTS]
    if not every:
        return np.zeros((0, len(ARRANGEMENTS)))
    with reporting(None) as report:
        return _energies(every, CalculatorChoice(name=calculator), report).reshape(-1, len(ARRANGEMENTS))


def _energies(structures: Sequence[Structure], choice: CalculatorChoice, report: Report) -> Floats:
    """Energies (n,) of single points, eV/atom."""
    found = np.empty(len(structures))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the calculator for its own authors
        calculator = choice.build(folder)
        for number, structure in enumerate(structures):
            atoms: Any = AseAtomsAdaptor.get_atoms(structure, msonable=False)
            atoms.calc = calculator if choice.reusable else choice.build(folder)
            found[number] = atoms.get_potential_energy() / len(atoms)
            report("double perovskites", number + 1, len(structures), "energies")
    return found
