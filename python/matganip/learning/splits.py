"""Which rows train and which test: by orbit, composition, formula or element, or as the paper did."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.composition import Composition

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
    return _by_key(dataset, dataset.group, train_size, seed, "orbits", "by orbit")


def by_composition(dataset: Dataset, composition: ArrayLike, train_size: float = 0.8, seed: int = 0) -> Split:
    """Split so that no composition is in both parts: the model is asked about a dopant content that it never met.

    Parameters
    ----------
    dataset : Dataset
    composition : (n, s) array
        How much of each of s species a row holds, in any supercell: rows in one proportion are one composition.
    train_size : float or int
        Part of the compositions to train on, between 0 and 1; or, as an integer, their number.
    seed : int
        Of the draw. Compositions are drawn uniformly, however many rows they have.

    Returns
    -------
    Split
        Rows in the order of `dataset`.

    Raises
    ------
    InputError
        If a row holds nothing or a negative amount, or one of the parts would be empty.

    Examples
    --------
    >>> data = Dataset(np.zeros((4, 4, 4)), target=np.arange(4))
    >>> split = by_composition(data, [[3, 21], [3, 21], [6, 42], [6, 18]], train_size=1, seed=1)
    >>> sorted([len(split.train), len(split.test)])
    [1, 3]
    """
    amounts = np.asarray(composition, dtype=np.float64)
    if amounts.ndim != 2 or len(amounts) != len(dataset):
        raise InputError(f"composition must have one row for each of {len(dataset)}; its shape is {amounts.shape}")
    total = amounts.sum(axis=1)
    if not (np.isfinite(amounts).all() and (amounts >= 0).all() and (total > 0).all()):
        raise InputError("composition: every row must hold amounts of 0 or more, and something")
    proportions = [tuple(row) for row in np.round(amounts / total[:, np.newaxis], 9).tolist()]
    return _by_key(dataset, proportions, train_size, seed, "compositions", "by composition")


def by_formula(dataset: Dataset, formulas: Sequence[str], train_size: float = 0.8, seed: int = 0) -> Split:
    """Split so that no chemical formula is in both parts: polymorphs, cells and arrangements of one stay together.

    Parameters
    ----------
    dataset : Dataset
    formulas : sequence of n str
        Of each row; the order of elements, brackets and common factors make no difference.
    train_size : float or int
        Part of the formulas to train on, between 0 and 1; or, as an integer, their number.
    seed : int
        Of the draw.

    Returns
    -------
    Split
        Rows in the order of `dataset`.

    Raises
    ------
    InputError
        If a formula cannot be read, or one of the parts would be empty.

    Examples
    --------
    >>> data = Dataset(np.zeros((3, 4, 4)), target=np.arange(3))
    >>> split = by_formula(data, ["CsPbI3", "Pb8Cs8I24", "CsSnI3"], train_size=1)
    >>> sorted([len(split.train), len(split.test)])
    [1, 2]
    """
    _one_each("formulas", formulas, dataset)
    reduced = {formula: _reduced(formula, row) for row, formula in reversed(list(enumerate(formulas)))}
    return _by_key(dataset, [reduced[one] for one in formulas], train_size, seed, "formulas", "by formula")


def by_element(
    dataset: Dataset,
    elements: Sequence[Collection[str]],
    train_size: float = 0.8,
    seed: int = 0,
    held_out: Collection[str] | None = None,
) -> Split:
    """Split so that some elements are in no training row: the model is asked about an element that it never met.

    Parameters
    ----------
    dataset : Dataset
    elements : sequence of n sets of str
        Of each row.
    train_size : float
        Part of the rows to train on, about: whole elements are held out, one after the other in random order, as long
        as that brings the part nearer.
    seed : int
        Of the draw.
    held_out : collection of str, optional
        The elements themselves, in place of a draw.

    Returns
    -------
    Split
        The test rows are those that hold one of these elements; ``kind`` names them.

    Raises
    ------
    InputError
        If one of the parts would be empty: elements that every row holds cannot be held out.

    Examples
    --------
    >>> data = Dataset(np.zeros((3, 4, 4)), target=np.arange(3))
    >>> split = by_element(data, [{"Cs", "Pb"}, {"Cs", "Sn"}, {"Rb", "Sn"}], held_out=["Rb"])
    >>> split.test_rows.tolist(), split.kind
    ([2], 'by element (Rb held out)')
    """
    _one_each("elements", elements, dataset)
    if not 0 < train_size < 1:
        raise InputError(f"train_size = {train_size:g} must be between 0 and 1 for a split by element")
    sets = [frozenset(one) for one in elements]
    wanted = (1.0 - train_size) * len(dataset)
    chosen = _drawn_elements(sets, wanted, seed) if held_out is None else sorted(held_out)
    to_test = np.array([not one.isdisjoint(chosen) for one in sets])
    if not 0 < to_test.sum() < len(dataset):
        if not chosen:
            raise InputError("no element can be held out: all rows hold the same ones; split by orbit or composition")
        named = ", ".join(chosen)
        raise InputError(
            f"holding out {named} leaves one part empty: {int(to_test.sum())} of {len(dataset)} rows hold it"
        )
    return _split(dataset, ~to_test, f"by element ({', '.join(chosen)} held out)")


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


def _by_key(
    dataset: Dataset, keys: Sequence[Hashable] | NDArray[np.int64], train_size: float, seed: int, what: str, kind: str
) -> Split:
    """Draw keys; the rows of one key stay together."""
    number = np.unique(keys, return_inverse=True)[1] if isinstance(keys, np.ndarray) else _numbered(keys)
    distinct = np.unique(number)
    n_train = _number_to_train_on(train_size, len(distinct), what)
    drawn = np.random.default_rng(seed).permutation(distinct)[:n_train]
    return _split(dataset, np.isin(number, drawn), kind)


def _numbered(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)


def _drawn_elements(sets: Sequence[frozenset[str]], wanted: float, seed: int) -> list[str]:
    """Elements to hold out so that about so many rows are tested."""
    everywhere = frozenset.intersection(*sets)
    candidates = sorted(frozenset.union(*sets) - everywhere)
    tested = np.zeros(len(sets), dtype=bool)
    chosen: list[str] = []
    for element in np.random.default_rng(seed).permutation(candidates).tolist():
        more = tested | np.array([element in one for one in sets])
        nearer = abs(more.sum() - wanted) < abs(tested.sum() - wanted)
        if more.sum() < len(sets) and (nearer or not chosen):
            tested, chosen = more, [*chosen, element]
    return sorted(chosen)


def _one_each(name: str, values: Sequence[object], dataset: Dataset) -> None:
    if len(values) != len(dataset):
        raise InputError(f"{name}: {len(values)} are given for {len(dataset)} rows")


def _reduced(formula: str, row: int) -> str:
    try:
        return str(Composition(formula).reduced_composition.get_integer_formula_and_factor()[0])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"row {row}: {formula!r} cannot be read as a chemical formula") from error


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
