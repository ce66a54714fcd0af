"""Which labelled orbits train, which choose the epoch and which test, by any kind of split."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.composition import VACANCY
from matganip.errors import InputError
from matganip.learning import splits
from matganip.learning.splits import Split

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.labelled import Labelled
    from matganip.learning.dataset import Dataset

SPLITS = ("orbit", "composition", "formula", "element", "random")


@dataclass(frozen=True, eq=False)
class Parts:
    """A labelled set taken apart.

    Attributes
    ----------
    kind : str
        How, in words.
    leaked : int
        Tested arrangements of which the model was trained on a symmetry copy.
    rows : dict of str to (m,) int64 ndarray
        Of "train", "validation" and "test", those that there are: rows of the labelled set.
    multiplicity : dict of str to (m,) int64 ndarray
        How many arrangements of each row's orbit are in the part: all, but for the random split.
    """

    kind: str
    leaked: int
    rows: dict[str, NDArray[np.int64]]
    multiplicity: dict[str, NDArray[np.int64]]

    def labelled(self, name: str, every: Labelled) -> Labelled:
        """The labels of one part."""
        return every[self.rows[name]].weighted(self.multiplicity[name])

    def dataset(self, name: str, every: Dataset) -> Dataset:
        """The data of one part."""
        return every.subset(self.rows[name], weight=self.multiplicity[name])


def split_parts(
    data: Dataset,
    space: ConfigurationSpace,
    occupations: NDArray[np.uint8],
    by: str,
    *,
    train_size: float | int | None,
    validation: float,
    seed: int,
) -> Parts:
    """Take a labelled set apart.

    Parameters
    ----------
    data : Dataset
        One row for an orbit.
    space : ConfigurationSpace
        Whose sites and species `occupations` speak of; rows may have other compositions than its own.
    occupations : (n, n_sites) uint8 ndarray
        Of the rows.
    by : {"orbit", "composition", "formula", "element", "random"}
        What is not to be in both parts; "random" deals arrangements out as the paper did.
    train_size : float, int or None
        Share or number of orbits (compositions ...) to train on; None and 1.0 leave nothing to test.
    validation : float
        Part of the training orbits that chooses the epoch.
    seed : int
        Of the draws.

    Returns
    -------
    Parts

    Raises
    ------
    InputError
        If the split is unknown or a part would be empty.
    """
    if by not in SPLITS:
        raise InputError(f"split {by!r}: must be one of {', '.join(SPLITS)}")
    every = np.arange(len(data))
    rows, weights = {"train": every}, {"train": data.weight}
    kind, leaked = "no test", 0
    if train_size is not None and not (isinstance(train_size, float) and train_size == 1.0):
        outer = _split(data, space, occupations, by, train_size, seed)
        rows = {"train": outer.train_rows, "test": outer.test_rows}
        weights = {"train": outer.train.weight, "test": outer.test.weight}
        kind, leaked = outer.kind, int(outer.leaked)
    if validation > 0.0:
        inner = splits.by_orbit(data.subset(rows["train"], weight=weights["train"]), 1.0 - validation, seed=seed + 1)
        parts = {"train": inner.train_rows, "validation": inner.test_rows}
        test = {name: part for name, part in rows.items() if name != "train"}
        test_weights = {name: part for name, part in weights.items() if name != "train"}
        weights = {name: weights["train"][part] for name, part in parts.items()} | test_weights
        rows = {name: rows["train"][part] for name, part in parts.items()} | test
    counts = {name: np.rint(part).astype(np.int64) for name, part in weights.items()}
    return Parts(kind, leaked, rows, counts)


def _split(
    data: Dataset,
    space: ConfigurationSpace,
    occupations: NDArray[np.uint8],
    by: str,
    train_size: float | int,
    seed: int,
) -> Split:
    if by == "random":
        return splits.random_rows(data, train_size, seed)
    if by == "orbit":
        return splits.by_orbit(data, train_size, seed)
    counts = [_counts(space, row) for row in occupations]
    if by == "element":
        return splits.by_element(data, [set(row) for row in counts], train_size, seed)
    if by == "formula":
        formulas = ["".join(f"{name}{number}" for name, number in sorted(row.items())) for row in counts]
        return splits.by_formula(data, formulas, train_size, seed)
    columns = [
        (occupations[:, space.sublattices == sublattice] == code).sum(axis=1)
        for sublattice, names in enumerate(space.species)
        for code in range(len(names))
    ]
    return splits.by_composition(data, np.stack(columns, axis=1), train_size, seed)


def _counts(space: ConfigurationSpace, occupation: NDArray[np.uint8]) -> Counter[str]:
    """Atoms of each element of an arrangement."""
    symbols = [site.specie.symbol for site in space.supercell_structure]
    for site, sublattice, code in zip(space.site_indices, space.sublattices, occupation, strict=True):
        symbols[site] = space.species[sublattice][code]
    return Counter(symbol for symbol in symbols if symbol != VACANCY)
