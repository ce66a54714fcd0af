from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from learning_graphs import make_graphs

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.gan import Matganip

CONFIG = MatganipConfig(n_peaks=8, epochs=40)


@pytest.fixture(scope="module")
def model(graphs):
    fitted = Matganip(CONFIG)
    fitted.fit(graphs)
    return fitted


@pytest.mark.parametrize("batch_size", [1, 3, 7, 63, 1000])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_prediction_depends_on_its_own_row_alone(model, batch_size, threads):
    matrices = make_graphs(64, seed=2).matrices
    expected = model.predict(matrices)
    order = np.random.default_rng(0).permutation(64)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = model.predict(matrices[order], batch_size=batch_size)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found, expected[order])


def test_predictions_are_float64_in_the_targets_unit(model, graphs):
    found = model.predict(graphs.matrices)
    assert found.dtype == np.float64
    assert abs(found.mean() - graphs.target.mean()) < graphs.target.std()
    assert model.predict(np.zeros((0, 8, 8))).shape == (0,)
    np.testing.assert_array_equal(model.predict(graphs.matrices[:, 0]), found)


def test_the_constant_is_the_training_sets_weighted_mean(model, graphs):
    assert model.baseline == graphs.baseline
    assert model.unit == "eV"
    far = Dataset(graphs.matrices, graphs.target + 1.0, unit="eV")
    assert model.evaluate(far).baseline_mae == pytest.approx(1.0 - np.mean(graphs.baseline - graphs.target))


def test_several_channels_learn_together():
    one, two = make_graphs(12), make_graphs(12, seed=4)
    stacked = Dataset(np.concatenate([one.matrices, two.matrices], axis=1), one.target)
    model = Matganip(MatganipConfig(n_peaks=8, channels=2, epochs=100))
    model.fit(stacked)
    assert model.evaluate(stacked).skill > 0.8


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, g: Matganip(MatganipConfig()).fit(g), "have 8 peaks and 1 channels, the model is made for 28"),
        (lambda m, g: m.predict(np.zeros((2, 5, 5))), "have 5 peaks and 1 channels, the model is made for 8 and 1"),
        (lambda m, g: m.predict(np.zeros((2, 2, 8, 8))), "have 8 peaks and 2 channels"),
        (lambda m, g: m.predict(np.stack([g.matrices[0], g.matrices[0] * np.nan])), "row 1: .* not finite"),
        (lambda m, g: m.evaluate(make_graphs(3, unit="meV")), "targets are in meV, the model learns in eV"),
        (lambda m, g: Matganip(CONFIG).fit(g, make_graphs(3, unit="")), "targets are in no unit"),
        (lambda m, g: m.predict(np.zeros(8)), "matrices must have shape"),
        (lambda m, g: Matganip(CONFIG).fit(g, validation=make_graphs(3, n_peaks=6)), "have 6 peaks"),
        (lambda m, g: Matganip(CONFIG).predict(g.matrices), "not fitted yet"),
        (lambda m, g: Matganip(CONFIG).baseline, "not fitted yet"),
        (lambda m, g: Matganip(CONFIG).save("nowhere"), "not fitted yet"),
        (lambda m, g: Matganip(CONFIG).fit(g.subset([0])), "all 1 targets .* nothing to learn"),
    ],
)
def test_what_does_not_fit_is_refused(model, graphs, call, message):
    with pytest.raises(InputError, match=message):
        call(model, graphs)


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device = 'cuda' is not available here; there is: .*cpu"):
        Matganip(MatganipConfig(device="cuda"))


def test_splits_metrics_and_datasets_work_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['safetensors'] = None\n"
        "import numpy as np, matganip as mg\n"
        "from matganip.learning import metrics, scaling, splits\n"
        "split = splits.by_orbit(mg.Dataset(np.zeros((4, 4, 4)), [1., 2., 3., 4.]), 0.5)\n"
        "print(mg.MatganipConfig().n_peaks, len(split.train), metrics.evaluate([1.], [1.], baseline=0.).mae)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["28", "2", "0.0"], done.stderr
