"""What the patterns of a space are once all but the arrangement is worked out: columns, and kernels that fill them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.errors import InputError
from matganip.features.peaks import Peaks

Vertices = int | Sequence[int] | NDArray[np.integer] | None


@dataclass(frozen=True, eq=False)
class LatticePatterns:
    """Columns of a space's patterns, and the kernels that fill them.

    Attributes
    ----------
    columns : Peaks
        Of no arrangement: angles or distances, families, the corners of triplets.
    intensity : matganip._core.LatticePattern
        Its first peaks are the columns; what follows them is only needed for the scale.
    triplets : matganip._core.LatticePattern or None
        None where there are none.
    scale_to_maximum : bool
        Scale each row so that the largest of all its peaks is 100.
    reference_intensity : float or None
        The unscaled intensity that 100 stands for in every row, where there is one.
    """

    columns: Peaks
    intensity: _core.LatticePattern
    triplets: _core.LatticePattern | None
    scale_to_maximum: bool
    reference_intensity: float | None


def vertex_columns(vertices: Vertices, n_peaks: int) -> NDArray[np.int64]:
    """Which of a list of peaks are kept.

    Parameters
    ----------
    vertices : int, sequence of int or None
        The first so many, those of given indices, or all.
    n_peaks : int

    Returns
    -------
    numpy.ndarray
        (n,) int64. As many as there are, where more are asked for.

    Raises
    ------
    InputError
        If `vertices` is no positive number, or holds an index that no peak has, or one twice.

    Examples
    --------
    >>> vertex_columns(3, 5).tolist(), vertex_columns([4, 0], 5).tolist()
    ([0, 1, 2], [4, 0])
    """
    if vertices is None:
        return np.arange(n_peaks)
    if isinstance(vertices, int | np.integer) and not isinstance(vertices, bool):
        if vertices < 1:
            raise InputError(f"vertices must be at least 1, not {vertices}")
        return np.arange(min(int(vertices), n_peaks))
    columns = np.asarray(vertices)
    if columns.ndim != 1 or not len(columns) or not np.issubdtype(columns.dtype, np.integer):
        raise InputError(f"vertices must be a number of peaks or a list of their indices, not {vertices!r}")
    wrong = columns[(columns < 0) | (columns >= n_peaks)]
    if len(wrong):
        raise InputError(f"vertices: {wrong[0]} is no peak; there are {n_peaks}, from 0 on")
    if len(np.unique(columns)) < len(columns):
        raise InputError("vertices: an index stands there twice")
    return columns.astype(np.int64)
