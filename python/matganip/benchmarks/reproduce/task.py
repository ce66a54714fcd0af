"""What a task of the comparison is: some methods, and numbers for each of them and each seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Column:
    """One number of a method.

    Parameters
    ----------
    key : str
        Its name among the numbers that `Task.measure` gives.
    title : str
        What the table calls it, with its unit.
    digits : int
        Behind the decimal point.
    """

    key: str
    title: str
    digits: int = 4


ERRORS = (
    Column("mae", "MAE, meV/atom"),
    Column("constant_mae", "constant's MAE", 3),
    Column("skill", "skill", 3),
    Column("r2", "R²", 3),
    Column("spearman", "Spearman", 3),
    Column("cpu_s", "CPU s", 1),
)
"""Columns of a task that predicts a property; no MAE stands without the constant's."""


class Task(Protocol):
    """One table of the page.

    Attributes
    ----------
    name : str
        For ``--tasks`` and the JSON.
    title, about : str
        Heading, and a paragraph: input, split, what of the test was seen in training.
    methods : tuple of str
        Rows of the table.
    columns : tuple of Column
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def about(self) -> str: ...  # noqa: D102
    @property
    def methods(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def columns(self) -> tuple[Column, ...]: ...  # noqa: D102

    def settings(self, method: str) -> str:
        """All that decides the numbers of a method beside its name and the seed: a result is kept until it changes."""
        ...

    def measure(self, method: str, seed: int) -> dict[str, float]:
        """Train and test once; give a number for each column."""
        ...
