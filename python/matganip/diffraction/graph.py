"""The graph matrix: peaks as vertices, and products of peaks as edges."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.diffraction.peaks import Peaks
from matganip.errors import InputError

Scaling = Literal["unit", "paper"]


def graph_matrix(
    peaks: Peaks,
    n_peaks: int = 28,
    *,
    out: Any = None,
    scaling: Scaling = "unit",
    num_threads: int | None = None,
) -> NDArray[np.float32]:
    r"""Graph matrices of the first peaks by angle.

    .. math:: a_{ij} = \theta^*_i \theta^*_j + I_i I_j, \qquad \theta^* = 2\theta

    (Hu, Li, Gao, "MATGANIP", section 2, where 28 peaks are taken.)

    Parameters
    ----------
    peaks : Peaks
        Of n arrangements.
    n_peaks : int
        Vertices p of the graph. Where there are fewer peaks, the rows and columns beyond them hold zeros.
    out : numpy.ndarray or torch.Tensor, optional
        (n, p, p) float32, C-contiguous, in the memory of the CPU: the matrices are written into it. Anything
        that hands out its memory by DLPack will do; nothing is copied.
    scaling : {"unit", "paper"}
        "unit" takes the angle in units of 180 degrees and the intensity in units of 100, so that both lie
        between 0 and 1; "paper" takes degrees, and intensities as they are in `peaks`.
    num_threads : int, optional
        Threads to use; None or 0 is all cores. The result is the same bytes for any number.

    Returns
    -------
    numpy.ndarray
        (n, p, p) float32; the memory of `out` where it is given.

    Raises
    ------
    InputError
        If the scaling is unknown, `n_peaks` is not positive, or `out` has another shape or dtype, is not
        contiguous, is read-only, or gives no access to its memory.

    Examples
    --------
    >>> peaks = Peaks(np.array([90.0]), np.array([[100.0]]), np.array([1.0]), [[]])
    >>> graph_matrix(peaks, n_peaks=2).tolist()
    [[[1.25, 0.0], [0.0, 0.0]]]
    """
    if scaling not in get_args(Scaling):
        raise InputError(f"scaling must be 'unit' or 'paper', not {scaling!r}")
    if n_peaks < 1:
        raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
    try:
        return _core.graph_matrices(
            peaks.two_theta,
            peaks.intensity,
            n_vertices=n_peaks,
            angle_scale=1 / 180 if scaling == "unit" else 1.0,
            intensity_scale=1 / 100 if scaling == "unit" else 1.0,
            out=None if out is None else _as_array(out),
            num_threads=num_threads or 0,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def _as_array(out: Any) -> NDArray[Any]:
    """The memory of `out` as an array, never a copy of it."""
    if isinstance(out, np.ndarray):
        return out
    try:
        shared: NDArray[Any] = np.from_dlpack(out)
    except (AttributeError, TypeError, BufferError, RuntimeError) as error:
        raise InputError(f"out must be a NumPy array or give its CPU memory by DLPack: {error}") from error
    return shared
