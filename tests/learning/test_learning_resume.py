from __future__ import annotations

import json

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.gan import Matganip
from matganip.learning.history import JsonLines
from matganip.learning.splits import by_orbit


class KilledError(Exception):
    pass


def killed_after(epoch):
    def callback(progress):
        if progress.epoch >= epoch:
            raise KilledError

    return callback


def weights(model):
    networks = [model.generator] + ([] if model.discriminator is None else [model.discriminator])
    return [value.numpy().tobytes() for network in networks for value in network.state_dict().values()]


@pytest.mark.parametrize("objective", ["non_saturating", "wasserstein", "supervised"])
def test_a_training_stopped_twice_equals_one_never_stopped(graphs, tmp_path, objective):
    config = MatganipConfig(
        n_peaks=graphs.n_peaks, objective=objective, epochs=30, evaluate_every=3, batch_size=4, patience=5
    )
    parts = by_orbit(graphs, 0.7, seed=1)
    whole = Matganip(config)
    whole.fit(parts.train, parts.test)
    state = tmp_path / "state.safetensors"
    for epoch in (6, 15):
        with pytest.raises(KilledError):
            Matganip(config).fit(parts.train, parts.test, killed_after(epoch), state=state)
    resumed = Matganip(config)
    resumed.fit(parts.train, parts.test, state=state)
    assert weights(resumed) == weights(whole)
    assert resumed.history.to_dict() == whole.history.to_dict()
    assert resumed.predict(graphs.matrices).tobytes() == whole.predict(graphs.matrices).tobytes()


def test_a_state_of_another_training_is_refused(graphs, tmp_path):
    state = tmp_path / "state.safetensors"
    config = MatganipConfig(n_peaks=graphs.n_peaks, epochs=5)
    Matganip(config).fit(graphs, state=state)
    with pytest.raises(InputError, match="of a training on other data or with another config"):
        Matganip(MatganipConfig(n_peaks=graphs.n_peaks, epochs=6)).fit(graphs, state=state)
    with pytest.raises(InputError, match="of a training on other data"):
        Matganip(config).fit(graphs.subset(np.arange(8)), state=state)
    state.write_bytes(state.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"state.safetensors: damaged \(.*\); remove it"):
        Matganip(config).fit(graphs, state=state)


def test_json_lines_hold_every_record(graphs, tmp_path):
    log = tmp_path / "log.jsonl"
    history = Matganip(MatganipConfig(n_peaks=graphs.n_peaks, epochs=15)).fit(graphs, callback=JsonLines(log))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == history.column("epoch").tolist() == [5, 10, 15]
    assert lines[-1]["validation_mae"] is None
    assert lines[-1]["train_mae"] == history.last.train_mae
    JsonLines(log, append=True)(history.last)
    assert len(log.read_text().splitlines()) == 4


def test_bfloat16_trains_to_nearly_the_same(graphs):
    exact, short = (
        Matganip(MatganipConfig(n_peaks=graphs.n_peaks, epochs=60, precision=precision))
        for precision in ("float32", "bfloat16")
    )
    for model in (exact, short):
        model.fit(graphs)
    constant = exact.history.last.baseline_mae
    assert short.history.last.train_mae < 0.5 * constant
    assert weights(short) != weights(exact)
    assert short.predict(graphs.matrices).dtype == np.float64
