"""The same model wherever it computes: on a CPU always, on a GPU where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from learning_graphs import make_graphs

from matganip.learning.config import OBJECTIVES, MatganipConfig
from matganip.learning.ensemble import Ensemble
from matganip.learning.gan import Matganip

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SMALL = {"n_peaks": 8, "conv_channels": (4, 4), "lstm_size": 8, "hidden_size": 8, "batch_size": 8, "epochs": 40}


@pytest.mark.parametrize("discriminator", ["conditional", "sequence"])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("device", DEVICES)
def test_every_game_is_played_on_every_device(device, objective, discriminator):
    """On a GPU with a gradient penalty too, which cuDNN's LSTM does not have."""
    model = Matganip(MatganipConfig(**SMALL, device=device, objective=objective, discriminator=discriminator))
    data = make_graphs(24)
    model.fit(data)
    assert model.evaluate(data).skill > 0.5


@pytest.mark.parametrize("changes", [{}, {"readout_fit": "ridge"}, {"readout_fit": "adam"}, {"linear_readout": False}])
@pytest.mark.parametrize("device", DEVICES)
def test_a_model_of_every_device_predicts_the_same_on_every_device(device, changes, tmp_path):
    data = make_graphs(24)
    model = Matganip(MatganipConfig(**SMALL, device=device, **changes))
    model.fit(data)
    model.save(tmp_path)
    expected = model.predict(data.matrices)
    assert np.ptp(expected) > 0
    for other in DEVICES:
        again = Matganip.load(tmp_path, device=other)
        np.testing.assert_allclose(again.predict(data.matrices), expected, rtol=0, atol=1e-5 * np.ptp(expected))
        assert again.evaluate(data).mae == pytest.approx(model.evaluate(data).mae, abs=1e-5 * np.ptp(expected))


@pytest.mark.parametrize("device", DEVICES)
def test_an_ensemble_on_every_device(device, tmp_path):
    data = make_graphs(24)
    ensemble = Ensemble(MatganipConfig(**SMALL, device=device), n_members=2)
    ensemble.fit(data)
    ensemble.save(tmp_path)
    mean, deviation = ensemble.predict(data.matrices)
    assert deviation.max() > 0
    again, _ = Ensemble.load(tmp_path).predict(data.matrices)
    np.testing.assert_allclose(again, mean, rtol=0, atol=1e-5 * np.ptp(mean))
