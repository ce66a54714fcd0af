"""Relaxed energies of oxides in six orderings, and the order that was measured: a table that others published.

J. Peng et al., arXiv 2305.01806; columns as their data have them. The table is read from where it is, never shipped.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from scipy.stats import rankdata

from matganip.crystal.radii import ionic_radius, known_charges
from matganip.errors import InputError
from matganip.labels.formulas import ARRANGEMENTS, DoublePerovskite, LabelledFormulas

Floats = NDArray[np.float64]

OXYGEN = 1.40
"""Angstrom: Shannon's radius of O2- at VI, in whose units the table has its radii."""


@dataclass(frozen=True, eq=False)
class Oxides:
    """The table.

    Attributes
    ----------
    table : LabelledFormulas
        Energies of orderings 0 to 5, which are the layered, three in between, the columnar and the rock-salt one, in
        the order of `matganip.labels.formulas.ARRANGEMENTS`.
    pairs : tuple of n str
        The two elements on B.
    ordered : (n,) bool ndarray
        Whether experiments report rock-salt order.
    """

    table: LabelledFormulas
    pairs: tuple[str, ...]
    ordered: NDArray[np.bool_]


def read_oxides(path: str | os.PathLike[str]) -> Oxides:
    """Read the table.

    Charges on B are given by their mean and difference: which of the two elements has the higher one is what agrees
    with the difference of radii that is given, and where both do, what chemists know as its common state.

    Raises
    ------
    InputError
        If it cannot be read or is another table.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        hosts = tuple(_host(row) for row in rows)
        energy = np.array([[float(row[f"energy_{k}_eV_per_atom"]) for k in range(len(ARRANGEMENTS))] for row in rows])
        ordered = np.array([row["measured_order"] == "rs" for row in rows])
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: is no table of oxides in six orderings: {error}") from error
    pairs = tuple("-".join(sorted((host.b1[0], host.b2[0]))) for host in hosts)
    return Oxides(LabelledFormulas(str(path), "relaxed DFT", hosts, energy), pairs, ordered)


def _host(row: dict[str, str]) -> DoublePerovskite:
    mean, difference = float(row["B_charge_mean"]), float(row["B_charge_difference"])
    low, high = round(mean - difference / 2), round(mean + difference / 2)
    names = row["B1"], row["B2"]
    told = OXYGEN * float(row["B_radius_difference"])

    def likely(charges: tuple[int, int]) -> float:
        radii = [_radius(*ion) for ion in zip(names, charges, strict=True)]
        common = sum(_commonness(*ion) for ion in zip(names, charges, strict=True))
        return common - 140.0 * abs(abs(radii[0] - radii[1]) - told)

    b1, b2 = max(((low, high), (high, low)), key=likely)
    # The published radii of A are tabulated ones in units of that of oxygen, too.
    r_a, r_b = OXYGEN * float(row["A_radius"]), OXYGEN * float(row["B_radius_mean"])
    edge = 0.06741 + 0.49052 * (r_a + OXYGEN) + 1.29212 * (r_b + OXYGEN)
    formula = f"{row['A']}2{row['B1']}{row['B2']}O6"
    a = (row["A"], round(float(row["A_charge"])))
    return DoublePerovskite(
        formula, a, (names[0], _known(names[0], b1)), (names[1], _known(names[1], b2)), ("O", -2), edge
    )


def _known(element: str, charge: int) -> int:
    """The nearest charge for which there is a radius (Bi4+ of the table is a mean of two)."""
    return min(known_charges(element), key=lambda known: abs(known - charge))


def _radius(element: str, charge: int) -> float:
    return ionic_radius(element, _known(element, charge)).value


def _commonness(element: str, charge: int) -> float:
    known = Element(element)
    lists = (known.common_oxidation_states, known.common_oxidation_states, known.icsd_oxidation_states)
    return sum(float(charge in states) for states in lists) + 0.5 * (charge in known.oxidation_states)


def measured_order(path: str | os.PathLike[str] | None) -> NDArray[np.bool_]:
    """Whether each oxide of the table was measured to be ordered, (n,)."""
    if path is None:
        raise InputError("measured order is in the table of oxides: give --oxides")
    return read_oxides(path).ordered


def order_score(energy: Floats) -> Floats:
    """How far rock salt lies below the disordered crystal, (n,): below the mean over all 70 arrangements."""
    weight = np.array(list(ARRANGEMENTS.values())) / sum(ARRANGEMENTS.values())
    score: Floats = energy @ weight - energy[:, list(ARRANGEMENTS).index("Td")]
    return score


def roc_area(score: Floats, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a positive has the higher score than a negative.

    Examples
    --------
    >>> roc_area(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    ranks, n = rankdata(score), int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))
