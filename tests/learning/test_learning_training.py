from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from learning_graphs import make_graphs

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.crossvalidation import predict_left_out
from matganip.learning.dataset import Dataset
from matganip.learning.gan import DivergedError, Matganip
from matganip.learning.history import TrainingHistory
from matganip.learning.splits import by_orbit, leave_one_orbit_out

SMALL = {"n_peaks": 8, "conv_channels": (4, 4), "readout_fit": "adam"}  # nothing is solved: the loop has it all to do


@pytest.mark.parametrize("objective", ["supervised", "non_saturating"])
def test_it_overfits_ten_rows(graphs, objective):
    model = Matganip(MatganipConfig(**SMALL, objective=objective, epochs=600, learning_rate=5e-3))
    model.fit(graphs)
    found = model.evaluate(graphs)
    assert found.baseline_mae > 0.02
    assert found.mae < 1e-4


def test_the_conditional_game_learns_without_a_supervised_term():
    split = by_orbit(make_graphs(120), 0.8)
    model = Matganip(MatganipConfig(**SMALL, supervised_weight=0.0, epochs=300))
    history = model.fit(split.train)
    assert model.evaluate(split.test).skill > 0.8
    assert history.last.loss_d == pytest.approx(1.3863, abs=0.1)
    assert history.last.d_fake == pytest.approx(0.5, abs=0.05)


def test_a_d_that_sees_the_property_alone_does_not():
    """Why D is conditional: nothing ties a property to its structure."""
    split = by_orbit(make_graphs(120), 0.8)
    changes = {"discriminator": "single", "supervised_weight": 0.0, "epochs": 300}
    model = Matganip(MatganipConfig(**SMALL, **changes))
    model.fit(split.train)
    assert model.evaluate(split.test).skill < 0.5


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": "supervised"},
        {"batch_size": 4},
        {"discriminator": "sequence", "objective": "minimax"},
        {"linear_readout": False, "ema": 0.0, "schedule": "constant", "gradient_clip": 0.0},
    ],
)
def test_one_seed_gives_the_same_bits_and_another_does_not(graphs, changes):
    def train(seed):
        model = Matganip(MatganipConfig(**SMALL, **changes, epochs=6, seed=seed))
        model.fit(graphs)
        return model

    first, same, other = train(1), train(1), train(2)
    for name, weights in first.generator.state_dict().items():
        assert torch.equal(weights, same.generator.state_dict()[name]), name
    assert first.predict(graphs.matrices).tobytes() == same.predict(graphs.matrices).tobytes()
    assert first.history.to_dict() == same.history.to_dict()
    assert not np.array_equal(first.predict(graphs.matrices), other.predict(graphs.matrices))


def test_training_leaves_torchs_own_state_alone(graphs):
    torch.manual_seed(5)
    expected = torch.rand(3)
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    Matganip(MatganipConfig(**SMALL, epochs=1)).fit(graphs)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_repeated_rows_train_as_their_multiplicity_does(graphs):
    once = graphs.subset(np.arange(10), weight=np.arange(1, 11))
    repeated = graphs.subset(np.repeat(np.arange(10), np.arange(1, 11)), weight=np.ones(55))
    models = [Matganip(MatganipConfig(**SMALL, epochs=20)) for _ in range(2)]
    for model, data in zip(models, (once, repeated), strict=True):
        model.fit(data)
        assert model.history.n_rows == 10
    a, b = (model.predict(graphs.matrices) for model in models)
    np.testing.assert_array_equal(a, b)


def test_progress_is_told_with_the_constant_beside_each_error(graphs):
    seen = []
    model = Matganip(MatganipConfig(**SMALL, epochs=7, evaluate_every=3))
    history = model.fit(graphs, validation=make_graphs(5, seed=1), callback=seen.append)
    assert [p.epoch for p in seen] == [3, 6, 7]
    assert history.records == tuple(seen)
    for p in seen:
        assert p.unit == "eV"
        assert 0 < p.d_real < 1
        assert 0 < p.d_fake < 1
        assert min(p.loss_d, p.train_mae, p.baseline_mae, p.validation_mae, p.validation_baseline_mae) > 0
    metrics = model.evaluate(graphs)
    assert seen[0].baseline_mae == pytest.approx(metrics.baseline_mae, rel=1e-5)
    best = next(p for p in seen if p.epoch == history.best_epoch)
    assert best.train_mae == pytest.approx(metrics.mae, rel=1e-4)
    np.testing.assert_array_equal(history.column("epoch"), [3, 6, 7])
    assert history.scaled(25, "meV/atom").last.train_mae == history.last.train_mae * 25


def test_without_a_game_there_is_nothing_to_say_of_it(graphs):
    model = Matganip(MatganipConfig(**SMALL, objective="supervised", epochs=1))
    last = model.fit(graphs).last
    assert model.discriminator is None
    assert np.isnan([last.loss_d, last.loss_g, last.d_real, last.d_fake, last.validation_mae]).all()


def test_patience_stops_early_and_keeps_the_best_weights():
    clean, validation = make_graphs(12), make_graphs(40, seed=3)
    noise = np.random.default_rng(0).normal(scale=0.05, size=12)
    train = Dataset(clean.matrices, clean.target + noise, clean.weight, unit="eV")
    config = MatganipConfig(**SMALL, objective="supervised", epochs=400, patience=3)
    model = Matganip(config)
    history = model.fit(train, validation)
    errors = history.column("validation_mae")
    assert history.stopped_early
    assert history.last.epoch < 400
    assert history.best_epoch == history.column("epoch")[np.argmin(errors)]
    assert model.evaluate(validation).mae == pytest.approx(errors.min(), rel=1e-4)


def test_a_history_survives_the_round_trip(graphs):
    history = Matganip(MatganipConfig(**SMALL, objective="supervised", epochs=5)).fit(graphs)
    again = TrainingHistory.from_dict(history.to_dict())
    assert again.to_dict() == history.to_dict()
    assert again.best_epoch == 5


def test_a_diverged_training_stops_and_says_so(graphs):
    config = MatganipConfig.published(**SMALL, learning_rate=1e30, epochs=50, evaluate_every=1)
    with pytest.raises(DivergedError, match="diverged by epoch 1 of 50: .* lower model.learning_rate"):
        Matganip(config).fit(graphs)


def test_a_training_that_learns_nothing_is_reported(graphs, caplog):
    with caplog.at_level(logging.WARNING):
        Matganip(MatganipConfig.published(**SMALL, epochs=2, learning_rate=10.0)).fit(graphs)
    assert "is no better than the mean baseline's" in caplog.text


def test_cross_validation_predicts_each_row_by_a_model_that_never_saw_it(graphs):
    config, done = MatganipConfig(**SMALL, epochs=3), []
    found = predict_left_out(leave_one_orbit_out(graphs), config, done.append)
    assert done == list(range(1, 11))
    np.testing.assert_array_equal(found.rows, np.arange(10))
    np.testing.assert_array_equal(found.target, graphs.target)
    rest = graphs.subset(np.arange(1, 10))
    model = Matganip(config)
    model.fit(rest)
    assert found.baseline[0] == rest.baseline
    assert found.prediction[0] == model.predict(graphs.matrices[:1])[0]
    assert found.metrics.weight == graphs.weight.sum()


def test_cross_validation_needs_a_split():
    with pytest.raises(InputError, match="no split"):
        predict_left_out([])


@pytest.mark.parametrize("objective", ["least_squares", "wasserstein"])
def test_every_game_learns_beside_its_supervised_term(objective):
    config = MatganipConfig(**SMALL, epochs=60, objective=objective)
    data = make_graphs(24)
    model = Matganip(config)
    history = model.fit(data)
    assert history.last.train_mae < 0.5 * history.last.baseline_mae
    again = Matganip(config)
    again.fit(data)
    assert all(
        torch.equal(a, b) for a, b in zip(model.generator.parameters(), again.generator.parameters(), strict=True)
    )
