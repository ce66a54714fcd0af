"""Standardisation: over the training set, what the networks read and write has mean 0 and deviation 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.dataset import Dataset

_ROUNDING = 4 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardises each element of an array by itself.

    The peaks of all arrangements of one crystal differ by little: an element a_ij varies by parts in a
    thousand of its value, and by very different amounts. Without this step the convolutions see one and
    the same picture.

    Parameters
    ----------
    mean, scale : float64 ndarray
        Weighted mean and standard deviation of each element over the training set. Where an element
        varies by no more than float32 rounds it, its scale is infinite and it is passed on as 0.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, values: NDArray[np.floating], weight: NDArray[np.float64]) -> Scaler:
        """Measure means and standard deviations.

        Parameters
        ----------
        values : (n, ...) ndarray
        weight : (n,) float64 ndarray
            Multiplicities.

        Returns
        -------
        Scaler
        """
        share = weight / weight.sum()
        mean = np.einsum("n,n...->...", share, values, dtype=np.float64)
        square = np.zeros_like(mean)
        for part, value in zip(share, values, strict=True):
            square += part * (value - mean) ** 2
        scale = np.sqrt(square)
        constant = scale <= _ROUNDING * np.abs(values).max(axis=0)
        return cls(mean, np.where(constant, np.inf, scale))

    @property
    def rounding(self) -> NDArray[np.float64]:
        """What float32 rounds each standardised element by, at most: half a unit in the last place of the mean."""
        half: NDArray[np.float64] = float(np.finfo(np.float32).epsneg) * np.abs(self.mean) / self.scale
        return half

    def transform(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardise (n, ...) values; gives float32."""
        scaled: NDArray[np.floating] = values - self.mean.astype(values.dtype)
        scaled *= (1.0 / self.scale).astype(values.dtype)
        return scaled.astype(np.float32, copy=False)


def vertex_strengths(matrices: NDArray[np.float32], positions: tuple[float, ...] = ()) -> NDArray[np.float64]:
    """Sum the weights of each vertex's edges, its *strength* in the language of weighted graphs.

    With a_ij = t_i t_j + I_i I_j it is t_i sum(t) + I_i sum(I), where sum(I) hardly varies between
    arrangements of one composition: all but linear in the peak's intensity, which is linear in pair counts, where the
    matrix is quadratic. 28 numbers that hold what 784 do. Between compositions sum(I) does vary; there the positions
    t_i turn strengths into the intensities themselves, since all edges together weigh sum(t)^2 + sum(I)^2.

    Parameters
    ----------
    matrices : (n, c, p, p) float32 ndarray
    positions : tuple of float
        t_i of each vertex as the matrices have them, or nothing.

    Returns
    -------
    (n, c, p) float64 ndarray
    """
    strengths: NDArray[np.float64] = matrices.sum(axis=-1, dtype=np.float64)
    if not positions:
        return strengths
    t = np.array(positions)
    total = np.sqrt(np.maximum(strengths.sum(axis=-1, keepdims=True) - t.sum() ** 2, np.finfo(np.float32).tiny))
    intensities: NDArray[np.float64] = (strengths - t * t.sum()) / total
    return intensities


@dataclass(frozen=True, eq=False)
class GraphScaler:
    """Standardises graphs, their matrices and the strengths of their vertices.

    Parameters
    ----------
    matrices : Scaler
        Of shape (c, p, p).
    strengths : Scaler
        Of shape (c, p).
    positions : tuple of float
        See `vertex_strengths`.
    """

    matrices: Scaler
    strengths: Scaler
    positions: tuple[float, ...] = ()

    @classmethod
    def fit(cls, dataset: Dataset, positions: tuple[float, ...] = ()) -> GraphScaler:
        """Measure a training set."""
        return cls(
            Scaler.fit(dataset.matrices, dataset.weight),
            Scaler.fit(vertex_strengths(dataset.matrices, positions), dataset.weight),
            positions,
        )


@dataclass(frozen=True, eq=False)
class TargetScaler:
    """Standardises each property by itself.

    Parameters
    ----------
    mean : (k,) float64 ndarray
        Weighted means over the training set, in the properties' units: the constant prediction.
    scale : (k,) float64 ndarray
        Weighted standard deviations.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, dataset: Dataset) -> TargetScaler:
        """Measure mean and standard deviation, weighted by multiplicity.

        Parameters
        ----------
        dataset : Dataset
            The training set.

        Returns
        -------
        TargetScaler

        Raises
        ------
        InputError
            If all targets of a property are equal: the constant is then exact, and there is nothing to learn.
        """
        mean, weight = dataset.baselines, dataset.weight
        scale = np.atleast_1d(np.sqrt(np.average((dataset.target - mean) ** 2, axis=0, weights=weight)))
        for number in np.flatnonzero(scale <= 4 * np.finfo(np.float64).eps * np.abs(mean)):
            called = "targets" if len(mean) == 1 else f"targets of {dataset.names[number]}"
            raise InputError(
                f"all {len(dataset)} {called} of the training set are {mean[number]:g} {dataset.units[number]}".rstrip()
                + ": there is nothing to learn"
            )
        return cls(mean, scale)

    def transform(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardise targets (n,) or (n, k): (target - mean) / scale."""
        return (target - self.mean) / self.scale

    def inverse(self, scaled: NDArray[np.floating]) -> NDArray[np.float64]:
        """Undo `transform`, in float64; the shape stays."""
        return scaled.astype(np.float64) * self.scale + self.mean
