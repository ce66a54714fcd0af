"""The compiled kernel against a slow twin in NumPy, and against torch."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from matganip import _core
from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.gan import Matganip
from matganip.learning.inference import compiled
from matganip.learning.networks import Generator, Graphs
from matganip.learning.scaling import GraphScaler, vertex_strengths


def random_tables(rng, *, channels, peaks, first, second, kernel, outputs):
    single = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    return {
        "mean": single(channels, peaks, peaks),
        "scale": single(channels, peaks, peaks),
        "conv1_weight": single(first, channels, kernel, kernel),
        "conv1_bias": single(first),
        "conv2_weight": single(second, first, kernel, kernel),
        "conv2_bias": single(second),
        "head_weight": rng.normal(size=(outputs, peaks // 4, peaks // 4, second)),
        "readout": rng.normal(size=(outputs, channels, peaks, peaks)),
        "bias": rng.normal(size=outputs),
    }


def twin(tables, matrix):
    """One structure, (c, p, p), element by element in float64."""

    def layer(image, weight, bias):
        side, reach = image.shape[1], weight.shape[2] // 2
        padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)))
        out = np.zeros((len(weight), side, side))
        for y in range(side):
            for x in range(side):
                patch = padded[:, y : y + weight.shape[2], x : x + weight.shape[2]]
                out[:, y, x] = (weight * patch).sum(axis=(1, 2, 3)) + bias
        half = side // 2
        pooled = out[:, : 2 * half, : 2 * half].reshape(len(out), half, 2, half, 2).max(axis=(2, 4))
        return np.maximum(pooled, 0.0)

    t = {name: table.astype(np.float64) for name, table in tables.items()}
    image = (matrix.astype(np.float64) - t["mean"]) * t["scale"]
    image = layer(layer(image, t["conv1_weight"], t["conv1_bias"]), t["conv2_weight"], t["conv2_bias"])
    head = np.einsum("kijm,mij->k", t["head_weight"], image)
    return head + np.einsum("kcij,cij->k", t["readout"], matrix) + t["bias"]


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 2, 15, 16, 17, 35]),
    st.integers(1, 3),
    st.integers(4, 13),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([1, 3, 5]),
    st.integers(1, 3),
)
def test_the_kernel_is_its_twin(seed, n, channels, peaks, first, second, kernel, outputs):
    rng = np.random.default_rng(seed)
    sizes = {"channels": channels, "peaks": peaks, "first": first, "second": second, "kernel": kernel}
    tables = random_tables(rng, **sizes, outputs=outputs)
    matrices = rng.normal(size=(n, channels, peaks, peaks)).astype(np.float32)
    found = _core.ConvolutionalNetwork(**tables).predict(matrices, num_threads=1)
    rows = [0, n - 1]
    wanted = np.array([twin(tables, matrices[row]) for row in rows])
    assert np.abs(found[rows] - wanted).max() < 1e-5 * np.abs(wanted).max() + 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"readout_fit": "ridge"},
        {"linear_readout": False, "conv_channels": (3, 5), "kernel_size": 5},
        {"channels": 2, "n_peaks": 9, "readout_fit": "ridge"},
    ],
)
def test_it_says_what_torch_says_in_float64(changes):
    rng = np.random.default_rng(2)
    config = MatganipConfig(**({"n_peaks": 12} | changes))
    base = rng.random((config.channels, config.n_peaks, config.n_peaks))
    base[0, 0] = 0.5  # edges that never vary: their scale is infinite
    varying = rng.normal(size=(40, config.channels, config.n_peaks, config.n_peaks)) * (base != 0.5)
    data = Dataset(base + 1e-3 * varying, rng.random(40))
    generator, scaler = Generator(config), GraphScaler.fit(data)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(1))
    found = compiled(generator, scaler).predict(data.matrices)

    exact = copy.deepcopy(generator).double()
    mean, scale = scaler.matrices.mean.astype(np.float32), (1 / scaler.matrices.scale).astype(np.float32)
    graphs = Graphs(
        torch.from_numpy((data.matrices.astype(float) - mean) * scale),
        torch.from_numpy((vertex_strengths(data.matrices) - scaler.strengths.mean) / scaler.strengths.scale),
    )
    with torch.no_grad():
        wanted = exact(graphs).numpy()
        single = generator(Graphs.of(data.matrices, scaler, torch.device("cpu"))).numpy()
    assert np.abs(found - wanted).max() < 2e-6 * np.abs(wanted).max()
    assert np.abs(found - wanted).max() <= np.abs(single - wanted).max()


def test_a_row_is_predicted_alike_in_any_company_and_by_any_number_of_threads():
    rng = np.random.default_rng(3)
    network = _core.ConvolutionalNetwork(
        **random_tables(rng, channels=1, peaks=28, first=8, second=16, kernel=3, outputs=1)
    )
    matrices = rng.normal(size=(300, 1, 28, 28)).astype(np.float32)
    whole = network.predict(matrices, num_threads=1)
    order = rng.permutation(300)
    assert network.predict(matrices[order], num_threads=3).tobytes() == whole[order].tobytes()
    for row in (0, 15, 16, 299):
        assert network.predict(matrices[row : row + 1]).tobytes() == whole[row : row + 1].tobytes()
    assert network.predict(matrices[:0]).shape == (0, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_spoils_its_row_alone(graphs, value):
    model = Matganip(MatganipConfig(n_peaks=8, epochs=2, objective="supervised"))
    model.fit(graphs)
    network = compiled(model.generator, model._inputs)
    matrices = graphs.matrices.copy()
    matrices[4, 0, 7, 2] = value
    found = network.predict(matrices)
    assert np.isfinite(found[:, 0]).tolist() == [row != 4 for row in range(10)]
    with pytest.raises(InputError, match="row 4: its matrix holds a value that is not finite"):
        model.predict(matrices)


def test_what_does_not_fit_is_refused_by_name():
    tables = random_tables(np.random.default_rng(0), channels=1, peaks=8, first=2, second=2, kernel=3, outputs=1)
    network = _core.ConvolutionalNetwork(**tables)
    with pytest.raises(ValueError, match=r"matrices must be \(n, 1, 8, 8\)"):
        network.predict(np.zeros((2, 1, 9, 9), np.float32))
    with pytest.raises(ValueError, match="matrices must be of dtype float32"):
        network.predict(np.zeros((2, 1, 8, 8)))
    for name, message in (("conv2_weight", "conv2_weight"), ("readout", "readout"), ("scale", "mean and scale")):
        short = tables | {name: np.ascontiguousarray(tables[name][..., :-1])}
        with pytest.raises(ValueError, match=message):
            _core.ConvolutionalNetwork(**short)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 7, 8, 9, 140]),
    st.integers(1, 9),
    st.integers(0, 13),
    st.integers(1, 3),
    st.sampled_from([0.0, 1.0, 0.3]),
)
def test_the_kernel_of_a_readout_is_its_twin(seed, n, features, centres, outputs, near):
    rng = np.random.default_rng(seed)
    slope, at = rng.normal(size=(outputs, features)), rng.normal(size=(centres, features))
    alpha, rows = rng.normal(size=(centres, outputs)), rng.normal(size=(n, features))
    found = _core.RationalKernel(slope=slope, centres=at, coefficients=alpha, near=near).predict(rows, num_threads=1)
    square = ((rows[:, None] - at[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found, rows @ slope.T + near / (1 + square) @ alpha, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    "changes",
    [
        {"readout_fit": "kernel"},
        {"readout_fit": "linear"},
        {"readout_fit": "adam", "readout_sizes": (6, 4)},
        {"readout_fit": "linear", "positions": tuple(np.linspace(0.1, 0.9, 8).tolist())},
        {"readout_fit": "kernel", "n_properties": 2},
    ],
)
def test_a_fitted_model_predicts_what_its_generator_says(changes):
    rng = np.random.default_rng(5)
    intensity = rng.random((40, 8))
    t = np.linspace(0.1, 0.9, 8)
    matrices = (t[:, None] * t + intensity[:, :, None] * intensity[:, None]).astype(np.float32)
    target = np.stack([intensity @ rng.normal(size=8) + 0.1 * intensity[:, 0] ** 2, intensity[:, 1]], axis=1)
    k = changes.get("n_properties", 1)
    names, unit = ["energy", "t"][:k], ["eV", ""][:k]
    data = Dataset(matrices, target[:, 0], unit="eV") if k == 1 else Dataset(matrices, target, unit=unit, names=names)
    model = Matganip(MatganipConfig(n_peaks=8, epochs=5, **changes))
    model.fit(data)
    with torch.inference_mode():
        graphs = Graphs.of(data.matrices, model._inputs, torch.device("cpu"))
        wanted = model._outputs.inverse(model.generator(graphs).double().numpy())
    found = model.predict(matrices).reshape(len(data), k)
    assert np.abs(found - wanted).max() < 2e-5 * np.abs(wanted - wanted.mean(axis=0)).max()
    np.testing.assert_array_equal(model.predict(matrices[3:11]).reshape(-1, k), found[3:11])
