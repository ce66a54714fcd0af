"""A benchmark of the comparison: some methods, and numbers for each of them and each seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matganip.learning.model import Model

Numbers = dict[str, float]
"""One for each column, by its key."""


class Measured(NamedTuple):
    """What one training and its test gave: the numbers, and the model where it is one of matganip's."""

    numbers: Numbers
    model: Model | None = None


@dataclass(frozen=True)
class Column:
    """One number of a method.

    Parameters
    ----------
    key : str
        Its name among the numbers that `Benchmark.measure` returns.
    title : str
        Heading of the column, with the unit.
    digits : int
        Digits after the decimal point.
    """

    key: str
    title: str
    digits: int = 4


ERRORS = (
    Column("mae", "MAE, meV/atom"),
    Column("constant_mae", "mean baseline's MAE", 3),
    Column("skill", "skill", 3),
    Column("r2", "R²", 3),
    Column("spearman", "Spearman", 3),
    Column("cpu_s", "CPU s", 1),
)
"""Columns of a benchmark that predicts a property; no MAE stands without the mean baseline's."""


@dataclass(frozen=True)
class Benchmark:
    """One table of the page.

    Parameters
    ----------
    name : str
        For ``--tasks`` and the JSON.
    title, about : str
        Heading, and a paragraph: input, split, and what of the test set was seen in training.
    methods : tuple of str
        Rows of the table.
    columns : tuple of Column
    measure : callable
        Trains and tests a method once, by its name and a seed.
    settings : callable
        By the name of a method, everything else that decides its numbers, as text: a stored result is used again as
        long as this does not change.
    """

    name: str
    title: str
    about: str
    methods: tuple[str, ...]
    columns: tuple[Column, ...]
    measure: Callable[[str, int], Measured]
    settings: Callable[[str], str] = str
