"""Energies of the arrangements of many formulas: one table across chemistry."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.crystal.lattice_constants import lattice_constant
from matganip.crystal.perovskites import identify_perovskite
from matganip.errors import InputError

Floats = NDArray[np.float64]
IonKey = tuple[str, int]

ARRANGEMENTS = {"C4v": 6, "C3v": 8, "C2": 24, "Cs": 24, "D2h": 6, "Td": 2}
"""Of four B and four B' on the eight B sites of 2x2x2 cells: point group of the cluster of B, and its multiplicity.

C4v is layered, D2h columnar, Td rock salt."""

_ENERGY = re.compile(r"energy_(?P<name>\w+?)_eV_per_atom")
_LARGEST = 1e4
"""eV/atom beyond which a number is no energy of an atom in a crystal."""


@dataclass(frozen=True)
class DoublePerovskite:
    """A host of two species on its B sites, half and half.

    Attributes
    ----------
    formula : str
    a, b1, b2, x : (str, int)
        Element and charge on each site; b1 and b2 have no order.
    edge : float
        Of the cubic, or pseudocubic, cell of one ABX3, angstrom.
    """

    formula: str
    a: IonKey
    b1: IonKey
    b2: IonKey
    x: IonKey
    edge: float

    @classmethod
    def of(cls, formula: str, charges: Mapping[str, int] | None = None, edge: float | None = None) -> Self:
        """Read a formula.

        Parameters
        ----------
        formula : str
            ``"Cs2AgBiBr6"``, in any order.
        charges : mapping of str to int, optional
            Charges that are known, ``{"Cu": 1}``; others are the likeliest neutral ones.
        edge : float, optional
            Angstrom; by default `matganip.lattice_constant`, Ubic's relation.

        Raises
        ------
        InputError
            If it is no perovskite with one element on A, one on X and two on B, half and half.

        Examples
        --------
        >>> host = DoublePerovskite.of("Cs2AgBiBr6")
        >>> host.a, host.b1, host.b2, host.x, round(host.edge, 3)
        (('Cs', 1), ('Ag', 1), ('Bi', 3), ('Br', -1), 5.789)
        """
        found = identify_perovskite(formula, charges)
        shares = sorted(float(ion.amount) for ion in found.b)
        if len(found.a) != 1 or len(found.x) != 1 or shares != [0.5, 0.5] or found.b_vacancies:
            raise InputError(
                f"{formula}: no double perovskite A2BB'X6, which has one element on A, one on X and two on B, half and "
                "half"
            )
        a, b1, b2, x = ((ion.species, ion.charge) for ion in (*found.a, *found.b, *found.x))
        return cls(formula, a, b1, b2, x, lattice_constant(found) if edge is None else float(edge))


@dataclass(frozen=True, eq=False)
class LabelledFormulas:
    """Energies of the arrangements of many formulas, by one calculator.

    Attributes
    ----------
    name, calculator : str
        Where they come from, and what computed them.
    hosts : tuple of n DoublePerovskite
    energy : (n, 6) float64 ndarray
        eV/atom, in the order of `ARRANGEMENTS`; nan where there is none.
    """

    name: str
    calculator: str
    hosts: tuple[DoublePerovskite, ...]
    energy: Floats

    def __post_init__(self) -> None:
        if self.energy.shape != (len(self.hosts), len(ARRANGEMENTS)):
            raise InputError(
                f"{self.name}: energies must be ({len(self.hosts)}, {len(ARRANGEMENTS)}), not {self.energy.shape}"
            )

    def __len__(self) -> int:
        return len(self.hosts)

    @property
    def formulas(self) -> tuple[str, ...]:
        """The formulas, as they were written."""
        return tuple(host.formula for host in self.hosts)

    def select(self, rows: slice | ArrayLike) -> LabelledFormulas:
        """Some of the formulas: a slice, their numbers, or a mask."""
        kept = np.arange(len(self))[rows if isinstance(rows, slice) else np.asarray(rows)]
        return LabelledFormulas(self.name, self.calculator, tuple(self.hosts[k] for k in kept), self.energy[kept])

    def holding(self, elements: Iterable[str]) -> NDArray[np.bool_]:
        """Which formulas, (n,), hold one of the elements on any site."""
        wanted = set(elements)
        return np.array([bool(wanted & {one[0] for one in (h.a, h.b1, h.b2, h.x)}) for h in self.hosts], dtype=bool)


def read_formulas(path: str | os.PathLike[str], calculator: str | None = None) -> LabelledFormulas:
    """Read a table of formulas and the energies of their arrangements.

    Parameters
    ----------
    path : path-like
        A ``.csv`` file with a column ``formula`` and either a column ``energy_<arrangement>_eV_per_atom`` for each
        arrangement, or one row an arrangement, in the columns ``arrangement`` and ``energy_eV_per_atom``. Arrangements
        are those of `ARRANGEMENTS`. Columns ``a_site``, ``b1``, ``charge_b1``, ``b2``, ``charge_b2``, ``x_site``,
        ``charge_a`` and ``cubic_edge_A`` may say which ion is where and how large the cell is; without them
        `DoublePerovskite.of` does.
    calculator : str, optional
        What computed the energies; the name of the file by default.

    Returns
    -------
    LabelledFormulas

    Raises
    ------
    InputError
        Names the file, and the line that does not read.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file, strict=True)
            columns = list(lines.fieldnames or [])
            rows = [(lines.line_num, row) for row in lines]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no table of comma-separated values: {error}") from error
    if "formula" not in columns:
        raise InputError(f"{path}: has no column formula; it has {', '.join(columns) or 'none'}")
    wide = {column: found["name"] for column in columns if (found := _ENERGY.fullmatch(column))}
    if not wide and not {"arrangement", "energy_eV_per_atom"} <= set(columns):
        raise InputError(
            f"{path}: has no energies: columns energy_C4v_eV_per_atom ..., or arrangement and energy_eV_per_atom"
        )
    for name in wide.values():
        _place(name, str(path))
    hosts: dict[str, DoublePerovskite] = {}
    energies: dict[str, Floats] = {}
    for number, row in rows:
        where = f"{path}, line {number}"
        host = _host(row, where)
        known = energies.setdefault(host.formula, np.full(len(ARRANGEMENTS), np.nan))
        if wide and host.formula in hosts:
            raise InputError(f"{where}: {host.formula} stands in the table twice")
        if hosts.setdefault(host.formula, host) != host:
            raise InputError(f"{where}: {host.formula} has other ions or another edge than in an earlier line")
        given = (
            {name: row[column] for column, name in wide.items()}
            if wide
            else {row["arrangement"]: row["energy_eV_per_atom"]}
        )
        for name, text in given.items():
            place = _place(name, where)
            if text is not None and text.strip():
                if not np.isnan(known[place]):
                    raise InputError(f"{where}: {host.formula} has two energies of {name}")
                known[place] = _number(text, f"energy of {name}", where, _LARGEST)
    if not hosts:
        raise InputError(f"{path}: holds no formula")
    return LabelledFormulas(
        str(path), calculator or path.stem, tuple(hosts.values()), np.array([energies[name] for name in hosts])
    )


def is_table_of_formulas(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a ``.csv`` whose header names a formula and the energies of arrangements."""
    path = Path(path)
    if path.suffix != ".csv" or not path.is_file():
        return False
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        columns = file.readline().strip().split(",")
    return "formula" in columns and ("arrangement" in columns or any(_ENERGY.fullmatch(name) for name in columns))


def _place(name: str, where: str) -> int:
    if name not in ARRANGEMENTS:
        raise InputError(f"{where}: arrangement {name!r} is none of {', '.join(ARRANGEMENTS)}")
    return list(ARRANGEMENTS).index(name)


def _number(text: str, what: str, where: str, largest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > largest:
        raise InputError(f"{where}: {what} must be a number, not {text!r}")
    return value


def _host(row: dict[str, Any], where: str) -> DoublePerovskite:
    """The host of a row: as its columns have it, the rest as its formula says."""
    formula = (row.get("formula") or "").strip()

    def told(column: str) -> str:
        return (row.get(column) or "").strip()

    if not formula:
        raise InputError(f"{where}: has no formula")
    edge = _number(told("cubic_edge_A"), "cubic_edge_A", where, 100.0) if told("cubic_edge_A") else None
    if edge is not None and edge <= 0:
        raise InputError(f"{where}: cubic_edge_A must be positive, not {edge:g}")
    charges = {
        told(site): _charge(told(column), column, where)
        for site, column in (("a_site", "charge_a"), ("b1", "charge_b1"), ("b2", "charge_b2"))
        if told(site) and told(column)
    }
    try:
        if not all(told(one) for one in ("a_site", "b1", "b2", "x_site", "charge_b1", "charge_b2")) or edge is None:
            return DoublePerovskite.of(formula, charges, edge)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    b1, b2 = (told("b1"), charges[told("b1")]), (told("b2"), charges[told("b2")])
    x = -2 if told("x_site") in ("O", "S", "Se", "Te") else -1
    a = charges.get(told("a_site"), 0) if told("charge_a") else -(6 * x + b1[1] + b2[1]) // 2
    return DoublePerovskite(formula, (told("a_site"), a), b1, b2, (told("x_site"), x), edge)


def _charge(text: str, column: str, where: str) -> int:
    value = _number(text, column, where, 9)
    if value != round(value):
        raise InputError(f"{where}: {column} must be a whole number, not {text!r}")
    return round(value)
