"""Which rows train and which test: by orbit, or as the paper did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Split:
    """A training and a test set, and what is wrong with them.

    Parameters
    ----------
    train, test : Dataset
        The two parts.
    train_rows, test_rows : (m,) int64 ndarray
        Their rows in the set that was split.
    kind : str
        How it was split, in words for a table.
    leaked : float
        Weight of the test rows whose orbit is also in the training set: for `random_rows` the number of test
        arrangements of which the model has already seen a symmetry-equivalent copy; 0 for a split by orbit.
    """

    train: Dataset
    test: Dataset
    train_rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    kind: str
    leaked: float

    @property
    def leaked_fraction(self) -> float:
        """The leaked part of the test set's weight, 0 to 1."""
        return self.leaked / float(self.test.weight.sum())


def by_orbit(dataset: Dataset, train_size: float = 0.8, seed: int = 0) -> Split:
    """Split so that no orbit is in both parts.

    Parameters
    ----------
    dataset : Dataset
        Its ``group`` says which orbit a row belongs to.
    train_size : float or int
        Part of the orbits to train on, between 0 and 1; or, as an integer, their number.
    seed : int
        Of the draw. Orbits are drawn uniformly, whatever their multiplicity.

    Returns
    -------
    Split
        Rows in the order of `dataset`.

    Raises
    ------
    InputError
        If one of the parts would be empty.

    Examples
    --------
    >>> data = Dataset(np.zeros((5, 4, 4)), target=np.arange(5), group=[0, 0, 1, 2, 3])
    >>> split = by_orbit(data, train_size=2, seed=1)
    >>> len(set(split.train.group)), set(split.train.group) & set(split.test.group), split.leaked
    (2, set(), 0.0)
    """
    orbits = np.unique(dataset.group)
    n_train = _number_to_train_on(train_size, len(orbits), "orbits")
    drawn = np.random.default_rng(seed).permutation(orbits)[:n_train]
    return _split(dataset, np.isin(dataset.group, drawn), "by orbit")


def random_rows(dataset: Dataset, train_size: float = 0.8, seed: int = 0) -> Split:
    """Split raw arrangements at random, as the paper did, and count what leaks.

    Every row stands for ``weight`` arrangements that symmetry makes equal. They are dealt to the two
    parts one by one, without ever being written out: how many of each row's arrangements train follows
    the multivariate hypergeometric distribution. A row usually ends up in both parts, with the weights of
    its arrangements there; that is the leak, and why an error on this split says little.

    Parameters
    ----------
    dataset : Dataset
        With whole numbers as weights.
    train_size : float or int
        Part of the arrangements to train on, between 0 and 1; or, as an integer, their number.
    seed : int
        Of the draw.

    Returns
    -------
    Split
        ``leaked`` says how many test arrangements have their orbit in the training set.

    Raises
    ------
    InputError
        If a weight is not a whole number, or one of the parts would be empty.

    Examples
    --------
    >>> data = Dataset(np.zeros((2, 4, 4)), target=[0.0, 1.0], weight=[16, 4])
    >>> split = random_rows(data, 0.8)
    >>> split.train.weight.sum(), split.test.weight.sum(), split.leaked
    (np.float64(16.0), np.float64(4.0), 4.0)
    """
    counts = np.rint(dataset.weight).astype(np.int64)
    if not np.array_equal(counts, dataset.weight):
        row = int(np.argmax(counts != dataset.weight))
        raise InputError(
            f"row {row}: weight {dataset.weight[row]:g} is not a whole number of arrangements, as a split of "
            "raw arrangements needs; split by orbit"
        )
    n_train = _number_to_train_on(train_size, int(counts.sum()), "arrangements")
    dealt = np.random.default_rng(seed).multivariate_hypergeometric(counts, n_train, method="marginals")
    left = counts - dealt
    train_rows, test_rows = np.flatnonzero(dealt), np.flatnonzero(left)
    seen = np.isin(dataset.group[test_rows], dataset.group[train_rows])
    return Split(
        dataset.subset(train_rows, weight=dealt[train_rows]),
        dataset.subset(test_rows, weight=left[test_rows]),
        train_rows,
        test_rows,
        "random arrangements (orbits leak)",
        float(left[test_rows][seen].sum()),
    )


def leave_one_orbit_out(dataset: Dataset) -> Iterator[Split]:
    """Test on each orbit in turn, training on all others.

    Parameters
    ----------
    dataset : Dataset
        At least two orbits.

    Yields
    ------
    Split
        One for each orbit, in rising order of ``group``.

    Raises
    ------
    InputError
        If there is one orbit only.
    """
    orbits = np.unique(dataset.group)
    if len(orbits) < 2:
        raise InputError("leaving one orbit out needs two orbits or more, and there is one")
    for orbit in orbits:
        yield _split(dataset, dataset.group != orbit, "leave one orbit out")


def _number_to_train_on(train_size: float, n: int, what: str) -> int:
    if isinstance(train_size, int | np.integer):
        n_train = int(train_size)
    elif 0 < train_size < 1:
        n_train = round(train_size * n)
    else:
        raise InputError(f"train_size = {train_size:g} must be between 0 and 1, or a whole number of {what}")
    if not 0 < n_train < n:
        raise InputError(f"train_size = {train_size:g}: {n_train} of {n} {what} to train on leaves one part empty")
    return n_train


def _split(dataset: Dataset, to_train: NDArray[np.bool_], kind: str) -> Split:
    train_rows, test_rows = np.flatnonzero(to_train), np.flatnonzero(~to_train)
    return Split(dataset.subset(train_rows), dataset.subset(test_rows), train_rows, test_rows, kind, 0.0)
