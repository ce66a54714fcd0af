"""The graph matrix: peaks as vertices, and products of peaks as edges."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.errors import InputError
from matganip.features.peaks import Peaks

logger = logging.getLogger(__name__)

Scaling = Literal["unit", "paper"]

# Arrangements whose channels are made one after the other: some megabytes.
ROWS_PER_BLOCK = 512


def graph_matrix(
    peaks: Peaks | Sequence[Peaks],
    n_peaks: int = 28,
    *,
    out: Any = None,
    scaling: Scaling = "unit",
    triplet_channels: int | None = None,
    num_threads: int | None = None,
) -> NDArray[np.float32]:
    r"""Graph matrices of the first peaks by angle.

    .. math:: a_{ij} = \theta^*_i \theta^*_j + I_i I_j, \qquad \theta^* = 2\theta

    (Hu, Li, Gao, "MATGANIP", section 2, where 28 peaks are taken.)

    Parameters
    ----------
    peaks : Peaks, or sequence of Peaks
        Of n arrangements. Several (powder, resolved, neutron ...) of the same arrangements are stacked as channels.
        Peaks with triplets bring further channels: the c-th of them holds at (i, j) the c-th triplet that connects
        the peaks i and j.
    n_peaks : int
        Vertices p of the graph. Where there are fewer peaks, the rows and columns beyond them hold zeros, which is
        logged as a warning.
    out : numpy.ndarray or torch.Tensor, optional
        float32 of the result's shape, C-contiguous, in the memory of the CPU: the matrices are written into it.
        Anything that hands out its memory by DLPack will do; nothing is copied.
    scaling : {"unit", "paper"}
        "unit" takes the angle in units of 180 degrees (Patterson: the distance in units of the cut-off) and
        intensities and triplets in units of 100, so that angles and intensities lie between 0 and 1; "paper" takes
        degrees, and the rest as it is in `peaks`.
    triplet_channels : int, optional
        How many channels triplets get; those that find no place are left out. None is as many as they need.
    num_threads : int, optional
        Threads to use; None or 0 is all cores. The result is the same bytes for any number.

    Returns
    -------
    numpy.ndarray
        (n, p, p) float32 where there is one channel, a single `Peaks` without triplets; (n, c, p, p) otherwise. The
        memory of `out` where it is given.

    Raises
    ------
    InputError
        If the scaling is unknown, `n_peaks` is not positive, the peaks are not of as many arrangements, or `out` has
        another shape or dtype, is not contiguous, is read-only, or gives no access to its memory.

    Examples
    --------
    >>> peaks = Peaks(np.array([90.0]), np.array([[100.0]]), np.array([1.0]), [[]])
    >>> graph_matrix(peaks, n_peaks=2).tolist()
    [[[1.25, 0.0], [0.0, 0.0]]]
    >>> graph_matrix([peaks, peaks], n_peaks=2).shape
    (1, 2, 2, 2)
    """
    if scaling not in get_args(Scaling):
        raise InputError(f"scaling must be 'unit' or 'paper', not {scaling!r}")
    if n_peaks < 1:
        raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
    if triplet_channels is not None and triplet_channels < 0:
        raise InputError(f"triplet_channels must not be negative, but is {triplet_channels}")
    stack = [peaks] if isinstance(peaks, Peaks) else list(peaks)
    _say_padding(n_peaks, min((len(one.position) for one in stack), default=n_peaks))
    buffer = None if out is None else _as_array(out)
    if isinstance(peaks, Peaks) and peaks.triplets is None:
        return _matrices(peaks, n_peaks, scaling, buffer, num_threads)
    return _stacked(stack, n_peaks, scaling, buffer, triplet_channels, num_threads)


def _matrices(
    peaks: Peaks, n_peaks: int, scaling: Scaling, out: NDArray[Any] | None, num_threads: int | None
) -> NDArray[np.float32]:
    """(n, p, p): the kernel's work."""
    try:
        return _core.graph_matrices(
            peaks.position,
            peaks.intensity,
            n_vertices=n_peaks,
            angle_scale=1 / peaks.full_scale if scaling == "unit" else 1.0,
            intensity_scale=1 / 100 if scaling == "unit" else 1.0,
            out=out,
            num_threads=num_threads or 0,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def _stacked(
    stack: list[Peaks],
    n_peaks: int,
    scaling: Scaling,
    out: NDArray[Any] | None,
    triplet_channels: int | None,
    num_threads: int | None,
) -> NDArray[np.float32]:
    """(n, c, p, p), made block by block of rows, so that what is copied is still in the cache."""
    if len({len(peaks) for peaks in stack}) != 1:
        raise InputError(f"peaks must be of the same arrangements, not of {[len(peaks) for peaks in stack]}")
    edges = [TripletEdges.of(peaks, n_peaks, triplet_channels) for peaks in stack]
    shape = (len(stack[0]), len(stack) + sum(edge.n_channels for edge in edges), n_peaks, n_peaks)
    if out is None:
        out = np.empty(shape, dtype=np.float32)
    check_buffer(out, shape)
    for first in range(0, len(out), ROWS_PER_BLOCK):
        block, channel = out[first : first + ROWS_PER_BLOCK], 0
        rows = slice(first, first + len(block))
        for peaks, edge in zip(stack, edges, strict=True):
            part = replace(peaks, intensity=peaks.intensity[rows])
            block[:, channel] = _matrices(part, n_peaks, scaling, None, num_threads)
            if peaks.triplets is not None:
                values = peaks.triplets[rows] / (100 if scaling == "unit" else 1)
                edge.write(values, block[:, channel + 1 : channel + 1 + edge.n_channels])
            channel += 1 + edge.n_channels
    return out


@dataclass(frozen=True, eq=False)
class TripletEdges:
    """Where triplets stand in the channels of a graph matrix.

    Attributes
    ----------
    triplet, channel, i, j : numpy.ndarray
        (n_entries,) int64: which triplet stands at (i, j), and at (j, i), of which channel.
    n_channels : int
    """

    triplet: NDArray[np.int64]
    channel: NDArray[np.int64]
    i: NDArray[np.int64]
    j: NDArray[np.int64]
    n_channels: int

    @classmethod
    def of(cls, peaks: Peaks, n_peaks: int, most_channels: int | None) -> TripletEdges:
        """Give each triplet a place at each of its edges: the first channel that is free there.

        Parameters
        ----------
        peaks : Peaks
        n_peaks : int
            Vertices of the graph; triplets with a peak beyond them have no place.
        most_channels : int or None

        Returns
        -------
        TripletEdges
        """
        corners = np.zeros((0, 3), dtype=np.int64) if peaks.triplet_vertices is None else peaks.triplet_vertices
        number = np.flatnonzero(corners[:, 2] < n_peaks)
        edges = np.concatenate([np.c_[corners[number][:, two], number] for two in ([0, 1], [0, 2], [1, 2])])
        i, j, triplet = np.unique(edges, axis=0).T  # by edge, then by triplet
        opens = np.concatenate([[True], (np.diff(i) != 0) | (np.diff(j) != 0)])[: len(i)]
        channel = np.arange(len(i)) - np.maximum.accumulate(np.where(opens, np.arange(len(i)), 0))
        needed = int(channel.max(initial=-1)) + 1
        n_channels = needed if most_channels is None or peaks.triplets is None else most_channels
        kept = channel < n_channels
        return cls(triplet[kept], channel[kept], i[kept], j[kept], n_channels)

    def write(self, values: NDArray[np.float64], channels: NDArray[np.float32]) -> None:
        """Write the triplets (n, t) of a block into its channels (n, c, p, p)."""
        channels[:] = 0
        channels[:, self.channel, self.i, self.j] = values[:, self.triplet]
        channels[:, self.channel, self.j, self.i] = values[:, self.triplet]


@cache
def _say_padding(n_peaks: int, n_there: int) -> None:
    """Say it once, not for each of a million batches."""
    if n_there < n_peaks:
        logger.warning("%d peaks are asked for and %d are there: the graph is padded with zeros", n_peaks, n_there)


def check_buffer(out: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse an array that matrices cannot be written into.

    Parameters
    ----------
    out : numpy.ndarray
    shape : tuple of int
        What it must have.

    Raises
    ------
    InputError
        If the shape or the dtype is another, or it is not contiguous or read-only.
    """
    if out.shape != shape or out.dtype != np.float32:
        raise InputError(f"out must be float32 of the shape {shape}, not {out.dtype} of {out.shape}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise InputError("out must be C-contiguous and writeable")


def _as_array(out: Any) -> NDArray[Any]:
    """The memory of `out` as an array, never a copy of it."""
    if isinstance(out, np.ndarray):
        return out
    try:
        shared: NDArray[Any] = np.from_dlpack(out)
    except (AttributeError, TypeError, BufferError, RuntimeError) as error:
        raise InputError(f"out must be a NumPy array or give its CPU memory by DLPack: {error}") from error
    return shared
