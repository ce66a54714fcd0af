"""Which peaks become the vertices of a graph: by angle, by intensity, by what they tell, or by name."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.diffraction.averages import MeanPattern
from matganip.diffraction.peaks import Peaks
from matganip.errors import InputError

# Of 1/d^2: above what merging of lines within 1e-5 degrees makes of it.
METRIC_TOL = 1e-5


def most_intense(peaks: Peaks, n_peaks: int, multiplicity: ArrayLike | None = None) -> NDArray[np.int64]:
    """The most intense peaks, by their mean over the rows: what the paper's words suggest.

    They are the parent's own lines, which no arrangement changes, and so are blind to the arrangement: of the 603
    orbits of 6 Br on the 24 anions of 2x2x2 CsPbI3, 28 of them tell 6 classes apart, where the first 28 by angle keep
    all 145. See `matganip.diffraction.distinguishability`.

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
        Indices of the supercell, (h, k, l) or on hexagonal axes also (h, k, i, l). Any member names its family: in a
        cubic cell (1, 0, 0) and (0, 0, -1) are one, in a tetragonal cell they are two.

    Returns
    -------
    numpy.ndarray
        int64 columns, by angle: every resolved peak of a family.

    Raises
    ------
    InputError
        If the peaks are not those of diffraction, a family is not three or four integers, or it is in no peak.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 3), {"I": {"Br": 2}})
    >>> peaks = mg.LatticeDiffraction(space).peaks(space.sample_orbits(1).occupations)
    >>> [peaks.hkls[i][0]["hkl"] for i in range(3)]
    [(0, 0, 1), (1, 0, 0), (1, 0, 1)]
    >>> of_families(peaks, [(0, 1, 0)]).tolist(), of_families(peaks, [(0, 0, -1), (-1, 0, 1)]).tolist()
    ([1], [0, 2])
    """
    if peaks.distance is not None:
        raise InputError("families: a Patterson function has no reflections; choose its columns by their numbers")
    listed = [[_indices(family["hkl"]) for family in of_peak] for of_peak in peaks.hkls]
    four = any(len(family["hkl"]) == 4 for of_peak in peaks.hkls for family in of_peak)
    lengths = _Lengths(np.array([of_peak[0] for of_peak in listed]).reshape(-1, 3), peaks.d_spacings, four)
    kinds = [{_kind(hkl, four) for hkl in of_peak} for of_peak in listed]
    found: set[int] = set()
    for family in families:
        hkl = _indices(family)
        opposite = tuple(-index for index in hkl)
        squared = lengths.squared(hkl)
        own = [
            i
            for i, d in enumerate(peaks.d_spacings)
            if hkl in listed[i]
            or opposite in listed[i]
            or (squared is not None and _kind(hkl, four) in kinds[i] and abs(squared * d * d - 1) < METRIC_TOL)
        ]
        if not own:
            raise InputError(f"families: {tuple(family)} is in no peak; peaks.hkls lists those that there are")
        found.update(own)
    return np.array(sorted(found), dtype=np.int64)


class _Lengths:
    """Lengths of reciprocal vectors, from the peaks alone: 1/d^2 is a quadratic form of hkl."""

    def __init__(self, hkl: NDArray[np.int64], d_spacings: NDArray[np.float64], hexagonal: bool) -> None:
        self._hexagonal = hexagonal
        self._terms = self._of(hkl)
        self._inverse = np.linalg.pinv(self._terms, rcond=1e-10)
        self._form = self._inverse @ (1 / d_spacings**2)

    def _of(self, hkl: NDArray[np.int64]) -> NDArray[np.float64]:
        h, k, l = hkl.T.astype(np.float64)  # noqa: E741
        if self._hexagonal:
            return np.column_stack([h * h + h * k + k * k, l * l])
        return np.column_stack([h * h, k * k, l * l, h * k, h * l, k * l])

    def squared(self, hkl: tuple[int, ...]) -> float | None:
        """1/d^2 of a reflection, or None where the listed peaks do not determine it."""
        terms = self._of(np.array([hkl]))[0]
        if not np.allclose(terms @ self._inverse @ self._terms, terms, rtol=0, atol=1e-6):
            return None
        return float(terms @ self._form)


def _indices(hkl: Sequence[int]) -> tuple[int, ...]:
    """Three indices, of three or of hkil."""
    given = [operator.index(index) for index in hkl if hasattr(index, "__index__")]
    if len(given) != len(hkl) or len(given) not in (3, 4) or (len(given) == 4 and sum(given[:3]) != 0):
        raise InputError(f"families: {tuple(hkl)} is no hkl of three integers, nor hkil with h + k + i = 0")
    return (given[0], given[1], given[-1])


def _kind(hkl: tuple[int, ...], four: bool) -> tuple[int, ...]:
    """What the members of a family share, as pymatgen groups them: the sizes of the indices in any order."""
    h, k, l = hkl  # noqa: E741
    return tuple(sorted(map(abs, (h, k, -h - k, l) if four else hkl)))


def _largest(values: NDArray[np.float64], n_peaks: int) -> NDArray[np.int64]:
    """Columns of the n largest values in rising order; of equal ones, the first."""
    return np.sort(np.argsort(-values, kind="stable")[:n_peaks]).astype(np.int64)


def _check(n_peaks: int, n_rows: int) -> None:
    if n_peaks < 1:
        raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
    if n_rows == 0:
        raise InputError("there is no arrangement to choose peaks by")
