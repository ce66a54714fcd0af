"""A trained generator as the compiled kernel takes it: standardisation, convolutions and readout in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.learning.networks import Generator
from matganip.learning.scaling import GraphScaler, vertex_strengths

Floats = NDArray[np.float64]


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
        ``predict(matrices)`` gives (n, k) float64, standardised properties of (n, c, p, p) float32.

    Notes
    -----
    A readout with hidden layers is not part of it: `deep_readout` adds that.

    Vertices are sums of the matrix's rows, so that the readout of vertices and edges is one linear function of the
    matrix. It is summed in float64: a column that hardly varies has a large coefficient. Edges are standardised in
    float32 as in training, with the same rounded means and scales.
    """
    shape = scaler.matrices.mean.shape  # (c, p, p)
    mean, scale = scaler.matrices.mean.astype(np.float32), (1.0 / scaler.matrices.scale).astype(np.float32)
    gain = 1.0 if generator.readout is None else generator.correction_gain
    head = gain * _numbers(generator.linear.weight)  # (k, p/4 * p/4 * m2)
    bias = gain * _numbers(generator.linear.bias)  # (k,)
    readout = np.zeros((len(bias), *shape))
    if generator.readout is not None and not len(generator.hidden):
        weight = generator.readout_gain * _numbers(generator.readout.weight)  # (k, c * p [+ c * p * p])
        n_vertices = shape[0] * shape[1]
        vertices = weight[:, :n_vertices].reshape(-1, *shape[:2]) / scaler.strengths.scale  # (k, c, p)
        readout += vertices[..., None]
        bias = bias - (vertices * scaler.strengths.mean).sum(axis=(1, 2))
        if generator.reads_edges:
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


def deep_readout(
    generator: Generator, scaler: GraphScaler, matrices: NDArray[np.float32], rows_at_once: int = 256
) -> Floats:
    """What a readout with hidden layers adds to the kernel's predictions: (n, k) float64, each row by itself.

    Parameters
    ----------
    generator : Generator
        With ``readout_sizes``.
    scaler : GraphScaler
    matrices : (n, c, p, p) float32 ndarray
    rows_at_once : int
        Which bounds the memory.
    """
    if generator.readout is None:
        raise ValueError("the generator has no readout")
    hidden = [(_numbers(layer.weight), _numbers(layer.bias)) for layer in generator.hidden]
    last = generator.readout_gain * _numbers(generator.readout.weight)  # (k, width)
    parts = [np.empty((0, len(last)))]
    for start in range(0, len(matrices), rows_at_once):
        strengths = vertex_strengths(matrices[start : start + rows_at_once])
        h: Floats = scaler.strengths.transform(strengths).reshape(len(strengths), -1).astype(np.float64)  # (b, f)
        for weight, bias in hidden:
            h = np.maximum((h[:, np.newaxis] * weight).sum(axis=2) + bias, 0.0)  # (b, width)
        parts.append((h[:, np.newaxis] * last).sum(axis=2))
    return np.concatenate(parts)


def _numbers(tensor: object) -> Floats:
    return _array(tensor).astype(np.float64)


def _single(tensor: object) -> NDArray[np.float32]:
    return np.ascontiguousarray(_array(tensor), dtype=np.float32)


def _array(tensor: object) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy()  # type: ignore[attr-defined]
    return array
