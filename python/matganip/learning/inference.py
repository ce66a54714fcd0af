"""A trained generator as the compiled kernel takes it: standardisation, convolutions, linear readout in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.learning._torch import torch
from matganip.learning.networks import Generator, Graphs
from matganip.learning.readouts import LinearReadout
from matganip.learning.scaling import GraphScaler, vertex_strengths

Floats = NDArray[np.float64]

_ROWS = 1024


def predict_standardised(
    generator: Generator, scaler: GraphScaler, matrices: NDArray[np.float32], num_threads: int
) -> Floats:
    """Standardised properties, (n, k), of matrices (n, c, p, p) as they come, each row by itself, on the CPU."""
    scaled: Floats = compiled(generator, scaler).predict(matrices, num_threads=num_threads)
    if _is_folded(generator, scaler) or (generator.readout is None and generator.solved is None):
        return scaled
    edges = isinstance(generator.solved, LinearReadout) and generator.solved.reads_edges
    with torch.inference_mode():
        for start in range(0, len(matrices), _ROWS):
            block = matrices[start : start + _ROWS]
            if edges:
                graphs = Graphs.of(block, scaler, torch.device("cpu"))
            else:
                strengths = scaler.strengths.transform(vertex_strengths(block, scaler.positions))
                graphs = Graphs(torch.zeros((len(block), 0)), torch.from_numpy(strengths))
            scaled[start : start + _ROWS] += generator.read(graphs).double().numpy()
    return scaled


def _is_folded(generator: Generator, scaler: GraphScaler) -> bool:
    """Whether the readout is a linear function of the matrix, which the kernel computes with the rest."""
    linear = isinstance(generator.solved, LinearReadout) or (generator.readout is not None and not generator.hidden)
    return linear and not scaler.positions


def compiled(generator: Generator, scaler: GraphScaler) -> _core.ConvolutionalNetwork:
    """Give the kernel that predicts what a generator predicts of standardised matrices, from matrices as they come.

    Parameters
    ----------
    generator : Generator
        Trained; on any device.
    scaler : GraphScaler
        Its standardisation.

    Returns
    -------
    _core.ConvolutionalNetwork
        ``predict(matrices)`` gives (n, k) float64, standardised properties of (n, c, p, p) float32; without the readout
        where that is not linear in the matrix.

    Notes
    -----
    Vertices are sums of the matrix's rows, so that the readout of vertices and edges is one linear function of the
    matrix. It is summed in float64: a column that hardly varies has a large coefficient. Edges are standardised in
    float32 as in training, with the same rounded means and scales.
    """
    shape = scaler.matrices.mean.shape  # (c, p, p)
    mean, scale = scaler.matrices.mean.astype(np.float32), (1.0 / scaler.matrices.scale).astype(np.float32)
    alone = generator.readout is None and generator.solved is None
    gain = np.full(len(generator.linear.bias), 1.0 if alone else generator.correction_gain)  # (k,)
    if generator.solved is not None:
        gain = gain * _numbers(generator.remainder)
    head = gain[:, None] * _numbers(generator.linear.weight)  # (k, p/4 * p/4 * m2)
    bias = gain * _numbers(generator.linear.bias)  # (k,)
    readout = np.zeros((len(bias), *shape))
    if _is_folded(generator, scaler):
        weight = _folded_weight(generator)  # (k, c * p [+ c * p * p])
        n_vertices = shape[0] * shape[1]
        vertices = weight[:, :n_vertices].reshape(-1, *shape[:2]) / scaler.strengths.scale  # (k, c, p)
        readout += vertices[..., None]
        bias = bias - (vertices * scaler.strengths.mean).sum(axis=(1, 2))
        if weight.shape[1] > n_vertices:
            edges = weight[:, n_vertices:].reshape(-1, *shape) * scale.astype(np.float64)
            readout += edges
            bias = bias - (edges * mean.astype(np.float64)).sum(axis=(1, 2, 3))
    side = shape[1] // 2 // 2
    return _core.ConvolutionalNetwork(
        mean=mean,
        scale=scale,
        conv1_weight=_single(generator.conv1.weight),
        conv1_bias=_single(generator.conv1.bias),
        conv2_weight=_single(generator.conv2.weight),
        conv2_bias=_single(generator.conv2.bias),
        head_weight=np.ascontiguousarray(head.reshape(len(bias), side, side, -1)),
        readout=readout,
        bias=bias,
    )


def _folded_weight(generator: Generator) -> Floats:
    if isinstance(generator.solved, LinearReadout):
        return _numbers(generator.solved.weight)
    if generator.readout is None:
        raise ValueError("this generator has no linear readout")
    return generator.readout_gain * _numbers(generator.readout.weight)


def _numbers(tensor: object) -> Floats:
    return _array(tensor).astype(np.float64)


def _single(tensor: object) -> NDArray[np.float32]:
    return np.ascontiguousarray(_array(tensor), dtype=np.float32)


def _array(tensor: object) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy()  # type: ignore[attr-defined]
    return array
