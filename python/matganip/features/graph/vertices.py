"""Which peaks become the vertices of a graph: by angle, by intensity, by what they tell, or by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.features.averages import MeanPattern
from matganip.features.peaks import Peaks


def most_intense(peaks: Peaks, n_peaks: int, multiplicity: ArrayLike | None = None) -> NDArray[np.int64]:
    """The most intense peaks, by their mean over the rows: what the paper's words suggest.

    They are the parent's own lines, which no arrangement changes, and so are blind to the arrangement: of the 603
    orbits of 6 Br on the 24 anions of 2x2x2 CsPbI3, 28 of them tell 6 classes apart, where the first 28 by angle keep
    all 145. See `matganip.features.distinguishability`.

    Parameters
    ----------
    peaks : Peaks
    n_peaks : int
    multiplicity : (n,) array_like, optional
        Weights of the rows.

    Returns
    -------
    numpy.ndarray
        (min(n_peaks, p),) int64 columns, by angle.

    Raises
    ------
    InputError
        If `n_peaks` is not positive or there is no row.

    Examples
    --------
    >>> peaks = Peaks(np.arange(3.0), np.array([[5.0, 1.0, 9.0]]), np.ones(3), [[]] * 3)
    >>> most_intense(peaks, 2).tolist()
    [0, 2]
    """
    _check(n_peaks, len(peaks))
    weight = None if multiplicity is None else np.asarray(multiplicity, dtype=np.float64)
    return _largest(np.average(peaks.intensity, axis=0, weights=weight), n_peaks)


def most_variable(batches: Iterable[tuple[Peaks, ArrayLike]], n_peaks: int) -> NDArray[np.int64]:
    """The peaks whose intensity varies most over a space.

    Parameters
    ----------
    batches : iterable of (Peaks, multiplicities)
        The rows of the space, in pieces of any size; nothing is kept of them.
    n_peaks : int

    Returns
    -------
    numpy.ndarray
        (min(n_peaks, p),) int64 columns, by angle.

    Raises
    ------
    InputError
        If `n_peaks` is not positive or there is no row.

    Examples
    --------
    >>> peaks = Peaks(np.arange(3.0), np.array([[5.0, 1.0, 9.0], [5.0, 3.0, 8.0]]), np.ones(3), [[]] * 3)
    >>> most_variable([(peaks, [1, 1])], 2).tolist()
    [1, 2]
    """
    mean = MeanPattern()
    for peaks, multiplicity in batches:
        mean.add(peaks, multiplicity)
    _check(n_peaks, mean.n_rows)
    return _largest(mean.standard_deviation[0], n_peaks)


def of_families(peaks: Peaks, families: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """The peaks that hold given reflections.

    Parameters
    ----------
    peaks : Peaks
    families : sequence of hkl
        As ``peaks.hkls`` lists them: each by its largest member, which keeps (1, 0, 0) and (0, 0, 1) of a tetragonal
        cell apart.

    Returns
    -------
    numpy.ndarray
        int64 columns, by angle: every resolved peak of a family.

    Raises
    ------
    InputError
        If a family is in no peak.

    Examples
    --------
    >>> hkls = [[{"hkl": (1, 0, 0), "multiplicity": 6}], [{"hkl": (2, 1, 0), "multiplicity": 24}]]
    >>> of_families(Peaks(np.arange(2.0), np.zeros((0, 2)), np.ones(2), hkls), [(2, 1, 0)]).tolist()
    [1]
    """
    listed = [{family["hkl"] for family in of_peak} for of_peak in peaks.hkls]
    wanted = {tuple(int(index) for index in family) for family in families}
    for family in sorted(wanted):
        if not any(family in of_peak for of_peak in listed):
            raise InputError(f"families: {family} names no peak; peaks.hkls lists the largest member of each family")
    return np.array([i for i, of_peak in enumerate(listed) if of_peak & wanted], dtype=np.int64)


def _largest(values: NDArray[np.float64], n_peaks: int) -> NDArray[np.int64]:
    """Columns of the n largest values in rising order; of equal ones, the first."""
    return np.sort(np.argsort(-values, kind="stable")[:n_peaks]).astype(np.int64)


def _check(n_peaks: int, n_rows: int) -> None:
    if n_peaks < 1:
        raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
    if n_rows == 0:
        raise InputError("there is no arrangement to choose peaks by")
