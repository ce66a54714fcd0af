from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_graphs import make_graphs

from matganip.errors import InputError
from matganip.learning import kernel
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.gan import Matganip
from matganip.learning.networks import Generator, Graphs
from matganip.learning.scaling import GraphScaler, vertex_strengths


def tensors(*arrays):
    return tuple(torch.from_numpy(np.asarray(array, dtype=np.float64)) for array in arrays)


def obvious(fit, s, y, w, rows, at):
    """Kernel ridge regression on some rows, asked at one."""
    scale, alike = fit.scale.numpy(), []
    for a in s:
        alike.append([])
        for b in s:
            distance = sum((scale[k] * (a[k] - b[k])) ** 2 for k in range(len(scale)))
            product = sum(scale[k] ** 2 * a[k] * b[k] for k in range(len(scale)))
            alike[-1].append(fit.linear * product + fit.near / (1 + distance))
    gram = np.array(alike)
    alpha = np.linalg.solve(gram[np.ix_(rows, rows)] + np.diag(fit.penalty / w[rows]), y[rows])
    return gram[at, rows] @ alpha


@settings(deadline=None, max_examples=25)
@given(st.integers(3, 15), st.integers(1, 2), st.booleans(), st.integers(0, 2**32 - 1))
def test_what_is_left_out_is_as_if_it_had_not_been_there(n, f, curved, seed):
    rng = np.random.default_rng(seed)
    s, w = rng.normal(size=(n, f)), rng.uniform(0.5, 2.0, n)
    y = (s**2 if curved else s).sum(axis=1) + 0.1 * rng.normal(size=n)
    fit = kernel.fit_kernel(*tensors(s, y[:, None], w))
    w = w / w.mean()
    for i in range(n):
        others = np.flatnonzero(np.arange(n) != i)
        assert fit.left_out[i, 0] == pytest.approx(obvious(fit, s, y, w, others, i), rel=1e-3, abs=1e-4)
    u = fit.scale * torch.from_numpy(s)
    found = kernel.predict(u, u, torch.tensor([fit.linear, fit.near]).double(), fit.coefficients)[:, 0]
    everything = [obvious(fit, s, y, w, np.arange(n), i) for i in range(n)]
    assert found.numpy() == pytest.approx(everything, rel=1e-3, abs=1e-4)


def test_a_linear_property_is_taken_as_linear_also_where_it_is_noisy():
    rng = np.random.default_rng(0)
    s = rng.normal(size=(60, 4))
    for noise in (0.0, 0.1):
        y = s @ [1.0, -2.0, 0.5, 0.0] + noise * rng.normal(size=60)
        fit = kernel.fit_kernel(*tensors(s, y[:, None], np.ones(60)))
        assert fit.near == 0
        far = torch.full((1, 4), 30.0, dtype=torch.float64)
        linear = torch.tensor([fit.linear, fit.near], dtype=torch.float64)
        found = kernel.predict(fit.scale * far, fit.scale * torch.from_numpy(s), linear, fit.coefficients)
        assert float(found) == pytest.approx(-15.0, abs=0.1 + 30 * noise)


def test_a_curved_one_is_not_and_a_vertex_without_part_in_it_gets_a_small_scale():
    rng = np.random.default_rng(1)
    s = rng.normal(size=(80, 3))
    y = np.tanh(2 * s[:, 0]) + s[:, 1] ** 2
    fit = kernel.fit_kernel(*tensors(s, (y - y.mean())[:, None], np.ones(80)))
    assert fit.near == 1
    assert fit.scale[2] < 0.7 * fit.scale[:2].min()
    assert float((fit.left_out[:, 0].numpy() + y.mean() - y).std()) < 0.2 * y.std()


def test_several_properties_are_fitted_side_by_side():
    rng = np.random.default_rng(2)
    s = rng.normal(size=(30, 2))
    y = np.stack([s[:, 0] ** 2 - 1, s[:, 1] ** 2 - 1], axis=1)
    fit = kernel.fit_kernel(*tensors(s, y, np.ones(30)))
    assert fit.coefficients.shape == fit.left_out.shape == (30, 2)
    assert float((fit.left_out - torch.from_numpy(y)).abs().mean()) < 0.2


def curved(n, seed=0):
    """Graphs with a property that is not linear in the intensities."""
    data = make_graphs(n, seed=seed)
    x = (data.matrices[:, 0].diagonal(axis1=1, axis2=2) - 0.25) * 20
    return Dataset(data.matrices, np.sin(3 * x[:, 0]) + x[:, 1] ** 2, data.weight, unit="eV")


def test_the_networks_are_taught_what_the_readout_leaves_of_rows_that_it_has_not_seen(monkeypatch):
    data = curved(48)
    for most in (1000, 39):
        monkeypatch.setattr(kernel, "MAX_CENTRES", most)
        generator = Generator(MatganipConfig(n_peaks=8))
        scaler = GraphScaler.fit(data)
        graphs = Graphs.of(data.matrices, scaler, torch.device("cpu"))
        y, w = (torch.from_numpy(v[:, None]).float() for v in (data.target - data.baseline, data.weight))
        with torch.no_grad():
            left = generator.solve_readout(graphs, y, w / w.mean(), scaler.strengths.rounding)
            seen = (y - generator(graphs)) / generator.remainder
        assert generator.solved.centres.shape == (min(most, 48), 8)
        assert float((w / w.mean() * left**2).mean()) == pytest.approx(1.0, rel=1e-4)
        assert left.abs().mean() > seen.abs().mean()
        not_drawn = torch.isclose(left, seen, rtol=1e-3, atol=1e-4).sum()
        assert not_drawn == (0 if most == 1000 else 9)


@pytest.mark.parametrize("fit", ["kernel", "linear"])
def test_a_solved_model_is_saved_and_predicts_each_row_by_itself(tmp_path, fit):
    train, test = curved(60), curved(20, seed=1)
    model = Matganip(MatganipConfig(n_peaks=8, readout_fit=fit, epochs=5))
    model.fit(train)
    assert model.evaluate(test).skill > (0.6 if fit == "kernel" else 0.0)
    together = model.predict(test.matrices)
    one_by_one = np.concatenate([model.predict(test.matrices[i : i + 1]) for i in range(len(test))])
    assert together.tobytes() == one_by_one.tobytes()
    model.save(tmp_path)
    assert Matganip.load(tmp_path).predict(test.matrices).tobytes() == together.tobytes()


def test_a_kernel_without_its_centres_is_damaged(tmp_path):
    model = Matganip(MatganipConfig(n_peaks=8, epochs=1, readout_fit="linear"))
    model.fit(curved(12))
    model.save(tmp_path)
    record = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(record.replace('"readout_fit": "linear"', '"readout_fit": "kernel"'))
    with pytest.raises(InputError, match=r"generator\.solved\.centres is missing"):
        Matganip.load(tmp_path)


def test_positions_give_the_intensities_themselves_of_any_composition():
    rng = np.random.default_rng(4)
    t, intensity = np.linspace(0.1, 0.9, 8), rng.uniform(0.2, 1.0, (5, 8))
    matrices = (np.outer(t, t) + intensity[:, :, None] * intensity[:, None, :])[:, None].astype(np.float32)
    assert vertex_strengths(matrices, tuple(t))[:, 0] == pytest.approx(intensity, abs=1e-5)


def test_with_positions_a_linear_readout_is_exact_over_compositions(tmp_path):
    rng = np.random.default_rng(5)
    t = np.linspace(0.1, 0.9, 8)
    intensity = rng.uniform(0.2, 1.0, (40, 8)) * rng.uniform(0.5, 1.0, (40, 1))
    matrices = np.outer(t, t) + intensity[:, :, None] * intensity[:, None, :]
    data = Dataset(matrices, intensity @ np.linspace(-1, 1, 8), unit="eV")
    config = {"n_peaks": 8, "readout_fit": "linear", "epochs": 1, "objective": "supervised", "correction_gain": 0.0}
    errors = []
    for positions in ((), tuple(t.tolist())):
        model = Matganip(MatganipConfig(**config, positions=positions))
        model.fit(data.subset(np.arange(30)))
        errors.append(model.evaluate(data.subset(np.arange(30, 40))).mae)
    assert errors[1] < 1e-4 < errors[0]
    model.save(tmp_path)
    assert Matganip.load(tmp_path).config.positions == tuple(t.tolist())


@pytest.mark.parametrize("changes", [{"positions": (1.0,)}, {"positions": (0.0,) * 28, "channels": 2}])
def test_positions_are_one_for_each_vertex_of_one_channel(changes):
    with pytest.raises(InputError, match="positions"):
        MatganipConfig(**changes)


def test_a_correction_is_left_out_where_it_does_not_help():
    data = make_graphs(200)
    noise = Dataset(data.matrices, data.target + np.random.default_rng(6).normal(size=200), np.ones(200), unit="eV")
    config = {"n_peaks": 8, "objective": "supervised", "readout_fit": "linear"}
    corrected, alone = (
        Matganip(MatganipConfig(**config, epochs=epochs, correction_gain=gain, learning_rate=0.05))
        for epochs, gain in ((40, 30.0), (1, 0.0))
    )
    for model in (corrected, alone):
        model.fit(noise)
    assert corrected.history.best_epoch == 0
    assert corrected.predict(data.matrices).tobytes() == alone.predict(data.matrices).tobytes()
