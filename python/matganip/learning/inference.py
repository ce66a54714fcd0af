"""A trained generator as the compiled kernels take it: standardisation, convolutions and readout in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.learning._torch import torch
from matganip.learning.networks import Generator, Graphs
from matganip.learning.readouts import KernelReadout, LinearReadout
from matganip.learning.scaling import GraphScaler, vertex_strengths

Floats = NDArray[np.float64]

BLOCK = 4096
"""Rows whose vertices are read at a time where the readout is no linear function of the matrix."""


class CompiledGenerator:
    """Predicts what a generator predicts of standardised matrices, from matrices as they come.

    Parameters
    ----------
    generator : Generator
        Trained; on any device.
    scaler : GraphScaler
        Its standardisation.

    Notes
    -----
    Vertices are sums of the matrix's rows, so that a linear readout of vertices and edges is one linear function of
    the matrix, which the kernel sums in float64: a column that hardly varies has a large coefficient. A readout that
    is not linear in the matrix is added: a fitted kernel, and a linear function of the intensities
    (`GraphScaler.positions`), by a kernel of its own, hidden layers as in training. Edges are standardised in float32
    as there, with the same rounded means and scales.
    """

    def __init__(self, generator: Generator, scaler: GraphScaler) -> None:
        self._generator, self._scaler = generator, scaler
        linear = _linear(generator, scaler)
        self._folded = linear is not None
        self._network = _network(generator, scaler, linear)
        self._kernel = None if self._folded else _kernel(generator.solved)

    def predict(self, matrices: NDArray[np.float32], *, num_threads: int = 0) -> Floats:
        """Give standardised properties, (n, k), of matrices (n, c, p, p), row by row the same in any company."""
        found = self._network.predict(matrices, num_threads=num_threads)
        if not self._folded:
            for start in range(0, len(matrices), BLOCK):
                part = slice(start, start + BLOCK)
                found[part] += self._read(matrices[part], num_threads)
        return found

    def _read(self, matrices: NDArray[np.float32], num_threads: int) -> Floats:
        if self._kernel is None:
            with torch.inference_mode():
                graphs = Graphs.of(matrices, self._scaler, self._generator.remainder.device)
                return self._generator.read(graphs).cpu().double().numpy()
        strengths = self._scaler.strengths.transform(vertex_strengths(matrices, self._scaler.positions))
        rows = strengths.reshape(len(matrices), -1).astype(np.float64)
        if isinstance(self._generator.solved, KernelReadout):
            rows *= _numbers(self._generator.solved.scale)
        return self._kernel.predict(rows, num_threads=num_threads)


def compiled(generator: Generator, scaler: GraphScaler) -> CompiledGenerator:
    """Compile a trained generator; see `CompiledGenerator`."""
    return CompiledGenerator(generator, scaler)


def _linear(generator: Generator, scaler: GraphScaler) -> tuple[Floats, Floats] | None:
    """A readout as a linear function of the matrix, (k, c, p, p), and a bias, (k,); None where it is another one."""
    shape = scaler.matrices.mean.shape  # (c, p, p)
    readout, bias = np.zeros((len(generator.linear.bias), *shape)), np.zeros(len(generator.linear.bias))
    if generator.solved is None and generator.readout is None:
        return readout, bias
    if scaler.positions or isinstance(generator.solved, KernelReadout) or len(generator.hidden):
        return None
    if generator.solved is not None:
        weight = _numbers(generator.solved.weight)  # (k, c * p [+ c * p * p])
    else:
        weight = generator.readout_gain * _numbers(generator.readout.weight)  # type: ignore[union-attr]
    n_vertices = shape[0] * shape[1]
    vertices = weight[:, :n_vertices].reshape(-1, *shape[:2]) / scaler.strengths.scale  # (k, c, p)
    readout += vertices[..., None]
    bias -= (vertices * scaler.strengths.mean).sum(axis=(1, 2))
    if weight.shape[1] > n_vertices:
        mean, scale = _standard(scaler)
        edges = weight[:, n_vertices:].reshape(-1, *shape) * scale.astype(np.float64)
        readout += edges
        bias -= (edges * mean.astype(np.float64)).sum(axis=(1, 2, 3))
    return readout, bias


def _network(
    generator: Generator, scaler: GraphScaler, linear: tuple[Floats, Floats] | None
) -> _core.ConvolutionalNetwork:
    """The convolutions, and the readout where it is linear."""
    mean, scale = _standard(scaler)
    k, side = len(generator.linear.bias), mean.shape[1] // 2 // 2
    plain = generator.solved is None and generator.readout is None
    gain = np.ones(k) if plain else generator.correction_gain * _numbers(generator.remainder)  # (k,)
    head = gain[:, None] * _numbers(generator.linear.weight)  # (k, p/4 * p/4 * m2)
    readout, bias = linear if linear is not None else (np.zeros((k, *mean.shape)), np.zeros(k))
    return _core.ConvolutionalNetwork(
        mean=mean,
        scale=scale,
        conv1_weight=_single(generator.conv1.weight),
        conv1_bias=_single(generator.conv1.bias),
        conv2_weight=_single(generator.conv2.weight),
        conv2_bias=_single(generator.conv2.bias),
        head_weight=np.ascontiguousarray(head.reshape(k, side, side, -1)),
        readout=readout,
        bias=bias + gain * _numbers(generator.linear.bias),
    )


def _kernel(readout: KernelReadout | LinearReadout | None) -> _core.RationalKernel | None:
    """A solved function of the vertices alone; None where the readout is another one."""
    if readout is None or (isinstance(readout, LinearReadout) and readout.reads_edges):
        return None
    if isinstance(readout, LinearReadout):
        slope = _numbers(readout.weight)  # (k, c * p)
        k, f = slope.shape
        return _core.RationalKernel(slope=slope, centres=np.zeros((0, f)), coefficients=np.zeros((0, k)), near=0.0)
    linear, near = _numbers(readout.linear).tolist()
    centres, coefficients = _numbers(readout.centres), _numbers(readout.coefficients)
    return _core.RationalKernel(
        slope=np.ascontiguousarray(linear * (coefficients.T @ centres)),
        centres=centres,
        coefficients=coefficients,
        near=near,
    )


def _standard(scaler: GraphScaler) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return scaler.matrices.mean.astype(np.float32), (1.0 / scaler.matrices.scale).astype(np.float32)


def _numbers(tensor: object) -> Floats:
    array: Floats = tensor.detach().cpu().numpy().astype(np.float64)  # type: ignore[attr-defined]
    return np.ascontiguousarray(array)


def _single(tensor: object) -> NDArray[np.float32]:
    return _numbers(tensor).astype(np.float32)
