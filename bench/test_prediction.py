"""Predictions beside a plain float32 forward of the same G; `python bench/prediction_table.py` writes the page.

The plain forward is the textbook's: standardised matrices in NCHW, Conv2d -> ReLU -> MaxPool2d twice, Linear, eager, in
batches, on one thread. Times are process CPU seconds, the best of several rounds.
"""

from __future__ import annotations

import copy
import time

import numpy as np
import pytest
import torch
from torch.nn import functional

import matganip as mg
from matganip.learning.networks import Graphs
from matganip.learning.representation import GraphRepresentation
from matganip.learning.scaling import vertex_strengths

ROWS, ROUNDS = 4096, 5
BATCHES = (256, 1024, 4096)
CONFIGS = {
    "default": {},
    "ridge readout": {"readout_fit": "ridge"},
    "published": {"conv_channels": (16, 32), "linear_readout": False},
}


def cpu(action, rounds: int = ROUNDS) -> float:
    """Least process CPU seconds of several calls."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def space_of(n_br: int) -> mg.ConfigurationSpace:
    return mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": n_br}})


@pytest.fixture(scope="module")
def arrangements():
    """Twelve Br on 24 sites: the representation, occupations and matrices."""
    space = space_of(12)
    represent = GraphRepresentation(mg.LatticeDiffraction(space, resolution="resolved", vertices=28), 28)
    occupations = space.sample_orbits(ROWS, seed=0).occupations
    return represent, occupations, represent(occupations)


def trained(represent: GraphRepresentation, **changes) -> mg.Matganip:
    """Trained on the labels of six Br, by the same peaks."""
    rows = mg.read_labels("cspbi3_br/chgnet_X6of24").join(space_of(6))
    energy = rows.energy / rows.n_atoms * 1000
    data = mg.Dataset(represent(rows.occupations), energy, rows.multiplicity, unit="meV/atom")
    model = mg.Matganip(mg.MatganipConfig(epochs=30, objective="supervised", **changes))
    model.fit(data)
    return model


def plain(generator: torch.nn.Module, graphs: Graphs) -> torch.Tensor:
    """G as one writes it down."""
    x = functional.max_pool2d(torch.relu(generator.conv1(graphs.matrices)), 2)
    x = functional.max_pool2d(torch.relu(generator.conv2(x)), 2)
    # The trained weights expect channels last.
    side, weight = x.shape[-1], generator.linear.weight
    head = weight.reshape(1, side, side, -1).permute(0, 3, 1, 2).reshape(1, -1)
    y = functional.linear(x.flatten(1), head, generator.linear.bias)
    if generator.solved is not None:
        return generator.remainder * generator.correction_gain * y + generator.read(graphs)
    return y if generator.readout is None else generator.correction_gain * y + generator.read(graphs)


def standardised(model: mg.Matganip, matrices: np.ndarray, dtype: torch.dtype) -> Graphs:
    """Graphs as in training, rounded to float32 before they are made wider."""
    stacked, scaler = matrices[:, None], model._inputs
    if dtype == torch.float32:
        return Graphs.of(stacked, scaler, torch.device("cpu"))
    mean, scale = scaler.matrices.mean.astype(np.float32), (1 / scaler.matrices.scale).astype(np.float32)
    strengths = (vertex_strengths(stacked) - scaler.strengths.mean) / scaler.strengths.scale
    return Graphs(torch.from_numpy((stacked.astype(float) - mean) * scale), torch.from_numpy(strengths))


@pytest.mark.parametrize("name", CONFIGS)
def test_predictions(benchmark, arrangements, name):
    torch.set_num_threads(1)
    represent, occupations, matrices = arrangements
    model = trained(represent, **CONFIGS[name])
    deviation = float(model._outputs.scale)
    graphs = standardised(model, matrices, torch.float32)

    def forward(size: int) -> torch.Tensor:
        with torch.inference_mode():
            parts = [plain(model.generator, graphs.batch(slice(i, i + size))) for i in range(0, ROWS, size)]
            return torch.cat(parts)

    with torch.inference_mode():
        wide = copy.deepcopy(model.generator).double()
        exact = model._outputs.inverse(plain(wide, standardised(model, matrices, torch.float64))[:, 0].numpy())
    single = model._outputs.inverse(forward(1024)[:, 0].numpy())
    found = model.predict(matrices, num_threads=1)
    errors = {who: float(np.abs(y - exact).max() / deviation) for who, y in (("plain", single), ("ours", found))}
    assert errors["ours"] < 1e-5
    assert np.abs(found - single).max() < 1e-3 * deviation

    times = {size: cpu(lambda size=size: forward(size)) for size in BATCHES}
    ours = cpu(lambda: model.predict(matrices, num_threads=1))
    assert ours < min(times.values()) / 2
    intensity = represent.diffraction.peaks(occupations, 1).intensity
    surrogate = mg.DistilledSurrogate.fit(model, represent, occupations, seed=0)
    said = surrogate.predict(intensity)
    gap = float(np.abs(said - found).max() / deviation)
    stages = {
        "peaks": cpu(lambda: represent.diffraction.peaks(occupations, 1)),
        "matrices": cpu(lambda: represent.diffraction.graph_matrices(occupations, 28, num_threads=1)),
        "surrogate": cpu(lambda: surrogate.predict(intensity)),
    }
    benchmark.pedantic(lambda: model.predict(matrices, num_threads=1), rounds=1)
    benchmark.extra_info.update(
        name=name, rows=ROWS, plain=times, ours=ours, errors=errors, stages=stages, gap=gap,
        spread=float(found.std() / deviation), distinct=len(np.unique(intensity.round(9), axis=0)),
        multiplications=multiplications(model.config),
        surrogate={"largest": surrogate.bound / deviation, "n": surrogate.errors.n,
                 "quantiles": {q: e / deviation for q, e in surrogate.errors.quantiles.items()}},
    )  # fmt: skip


def multiplications(config: mg.MatganipConfig) -> int:
    """Of the convolutions of one structure."""
    first, second = config.conv_channels
    p, taps = config.n_peaks, config.kernel_size**2
    return p * p * config.channels * first * taps + (p // 2) ** 2 * first * second * taps
