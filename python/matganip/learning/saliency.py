"""What a prediction rests on: the share that each peak has in it, and what the convolutions see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.learning._torch import torch
from matganip.learning.dataset import as_matrices, check_single
from matganip.learning.networks import Graphs

if TYPE_CHECKING:
    from matganip.features.peaks import Peaks
    from matganip.learning.gan import Matganip
    from matganip.learning.scaling import GraphScaler, Scaler

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Vertices:
    """The vertices of n graphs, in the units of the matrix that is made of them.

    Attributes
    ----------
    position : (p,) float64 ndarray
        t of a_ij = t_i t_j + I_i I_j; 0 where the graph has more vertices than there are peaks.
    intensity : (n, p) float64 ndarray
        I of it.

    Examples
    --------
    >>> Vertices(np.array([0.5, 1.0]), np.array([[1.0, 0.0]])).matrices().tolist()
    [[[1.25, 0.5], [0.5, 1.0]]]
    """

    position: Floats
    intensity: Floats

    @classmethod
    def of(cls, peaks: Peaks, n_peaks: int = 28, scaling: str = "unit") -> Vertices:
        """Take the first peaks, as `matganip.graph_matrix` does with the same arguments.

        Parameters
        ----------
        peaks : Peaks
            Without triplets, or with them as vertices (`Peaks.triplets_as_vertices`).
        n_peaks : int
            Vertices of the graph.
        scaling : {"unit", "paper"}
            Of the graph matrix.

        Returns
        -------
        Vertices
        """
        unit = scaling == "unit"
        shown = min(n_peaks, peaks.intensity.shape[1])
        position, intensity = np.zeros(n_peaks), np.zeros((len(peaks), n_peaks))
        position[:shown] = peaks.position[:shown] / (peaks.full_scale if unit else 1.0)
        intensity[:, :shown] = peaks.intensity[:, :shown] / (100.0 if unit else 1.0)
        return cls(position, intensity)

    def matrices(self) -> NDArray[np.float32]:
        """Give the graph matrices, (n, p, p)."""
        products = self.intensity[:, :, np.newaxis] * self.intensity[:, np.newaxis, :]
        matrices: NDArray[np.float32] = (np.outer(self.position, self.position) + products).astype(np.float32)
        return matrices


@dataclass(frozen=True, eq=False)
class Saliency:
    """How much each peak moves each prediction away from that of the mean pattern.

    Attributes
    ----------
    contribution : (n, p) float64 ndarray
        In `unit`. A row sums to its prediction less that of the mean pattern, but for the error of the integral.
    weight : (n,) float64 ndarray
        Multiplicities.
    baseline : float
        The prediction for the mean pattern, in `unit`.
    unit : str
        That of the model.
    """

    contribution: Floats
    weight: Floats
    baseline: float
    unit: str

    @property
    def importance(self) -> Floats:
        """(p,): mean absolute contribution of each peak over the set, in `unit`."""
        mean: Floats = np.average(np.abs(self.contribution), axis=0, weights=self.weight)
        return mean

    @property
    def share(self) -> Floats:
        """(p,): `importance` as parts of a whole, which sum to 1; zeros where nothing contributes."""
        total = float(self.importance.sum())
        return self.importance / total if total > 0 else np.zeros_like(self.importance)

    def scaled(self, factor: float, unit: str) -> Saliency:
        """Give the same in another unit, as `Metrics.scaled` does."""
        return Saliency(self.contribution * factor, self.weight, self.baseline * factor, unit)


def saliency(
    model: Matganip, vertices: Vertices, weight: ArrayLike | None = None, *, steps: int = 16, batch_size: int = 512
) -> Saliency:
    r"""Integrate gradient times input over the peaks of a set of graphs.

    .. math:: c_k = (I_k - \bar I_k) \int_0^1 \frac{\partial G}{\partial I_k}
              \bigl(\bar I + \alpha (I - \bar I)\bigr) d\alpha

    (integrated gradients: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017, equation 1)
    with the mean pattern of the set as the point where nothing is said. The gradient goes through the graph matrix: an
    edge between a peak that varies and one that does not is put down to the one that varies.

    Parameters
    ----------
    model : Matganip
        A fitted one, of one channel.
    vertices : Vertices
        The set, with the peaks that the model was trained on.
    weight : (n,) array, optional
        Multiplicities. Ones by default.
    steps : int
        Points of the integral (the midpoint rule: exact as long as G is quadratic along the way).
    batch_size : int
        Graphs at a time, which bounds the memory.

    Returns
    -------
    Saliency

    Raises
    ------
    InputError
        If the model is not fitted, has other peaks or several channels, or `weight` has another length.

    Examples
    --------
    >>> import matganip as mg
    >>> from matganip.learning.dataset import Dataset
    >>> vertices = Vertices(np.linspace(0.1, 0.5, 8), np.random.default_rng(0).random((40, 8)))
    >>> model = mg.Matganip(mg.MatganipConfig(n_peaks=8, epochs=30))
    >>> _ = model.fit(Dataset(vertices.matrices(), vertices.intensity[:, 2]))
    >>> int(saliency(model, vertices).importance.argmax())
    2
    """
    _check(model, vertices)
    n = len(vertices.intensity)
    weights = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    if weights.shape != (n,):
        raise InputError(f"weight must have one value for each of the {n} graphs; its shape is {weights.shape}")
    mean = np.average(vertices.intensity, axis=0, weights=weights)
    distance = vertices.intensity - mean
    gradient = np.zeros_like(distance)
    for start in range(0, n, batch_size):
        rows = slice(start, start + batch_size)
        for step in range(steps):
            point = mean + (step + 0.5) / steps * distance[rows]
            gradient[rows] += _gradient(model, vertices.position, point) / steps
    baseline = float(model.predict(Vertices(vertices.position, mean[np.newaxis]).matrices())[0])
    return Saliency(distance * gradient, weights, baseline, model.unit)


def feature_maps(model: Matganip, matrices: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What G's convolutions make of graphs: their outputs after ReLU, before they are pooled.

    Parameters
    ----------
    model : Matganip
        A fitted one.
    matrices : (n, p, p) or (n, c, p, p) array
        Graph matrices as those trained on.

    Returns
    -------
    conv1 : (n, first, p, p) float32 ndarray
    conv2 : (n, second, p // 2, p // 2) float32 ndarray

    Raises
    ------
    InputError
        If the model is not fitted, or the matrices do not have its peaks and channels.
    """
    stacked = as_matrices(matrices)
    model._check_fitted()
    model._check(stacked)
    seen: dict[str, NDArray[np.float32]] = {}
    generator = model.generator

    def keep(name: str, output: torch.Tensor) -> None:
        seen[name] = torch.relu(output).contiguous().cpu().numpy()

    hooks = [
        generator.conv1.register_forward_hook(lambda _module, _inputs, output: keep("conv1", output)),
        generator.conv2.register_forward_hook(lambda _module, _inputs, output: keep("conv2", output)),
    ]
    try:
        with torch.inference_mode():
            generator(Graphs.of(stacked, model._inputs, model._device))
    finally:
        for hook in hooks:
            hook.remove()
    return seen["conv1"], seen["conv2"]


def _check(model: Matganip, vertices: Vertices) -> None:
    model._check_fitted()
    check_single(model.names)
    n_peaks, channels = model.config.n_peaks, model.config.channels
    if channels != 1:
        raise InputError(f"the saliency of peaks is for graphs of one channel, the model has {channels}")
    if vertices.intensity.ndim != 2 or vertices.intensity.shape[1] != n_peaks or len(vertices.position) != n_peaks:
        found = vertices.intensity.shape
        raise InputError(f"the model has {n_peaks} peaks, the intensities given have shape {found}")
    if not len(vertices.intensity):
        raise InputError("there is no graph to ask about")


def _gradient(model: Matganip, position: Floats, intensity: Floats) -> Floats:
    """dG/dI at (n, p) intensities, in the unit of the property for each unit of intensity."""
    peaks = torch.from_numpy(intensity).requires_grad_(True)  # (n, p) float64
    graphs = _standardised(torch.from_numpy(position), peaks, model._inputs, model._device)
    (gradient,) = torch.autograd.grad(model.generator(graphs).sum(), peaks)
    found: Floats = gradient.numpy() * model._outputs.scale[0]
    return found


def _standardised(position: torch.Tensor, intensity: torch.Tensor, scaler: GraphScaler, device: torch.device) -> Graphs:
    """`Graphs.of`, differentiable with respect to the intensities."""
    matrices = torch.outer(position, position) + intensity[:, :, None] * intensity[:, None, :]  # (n, p, p)
    matrices = matrices[:, None]  # (n, 1, p, p)
    strengths = matrices.sum(dim=-1)  # (n, 1, p)
    if scaler.positions:
        t = torch.tensor(scaler.positions, dtype=torch.float64)
        strengths = (strengths - t * t.sum()) / (strengths.sum(dim=-1, keepdim=True) - t.sum() ** 2).sqrt()
    scaled = _scaled(matrices, scaler.matrices), _scaled(strengths, scaler.strengths)
    return Graphs(*(part.to(torch.float32).to(device) for part in scaled))


def _scaled(values: torch.Tensor, scaler: Scaler) -> torch.Tensor:
    """`Scaler.transform`, differentiable."""
    return (values - torch.from_numpy(scaler.mean)) * torch.from_numpy(1.0 / scaler.scale)
