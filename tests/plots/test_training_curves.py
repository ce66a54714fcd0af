"""A training over the epochs: losses, verdicts and errors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.learning.config import OPTIMA
from matganip.learning.history import Progress, TrainingHistory
from matganip.plots.style import off_screen
from matganip.plots.training_curves import error_curves, loss_curves, training_curves, verdict_curves

LOSS, VERDICT = OPTIMA["minimax"]


def history(*, game=True, validation=True) -> TrainingHistory:
    def value(x):
        return x if game else float("nan")

    records = tuple(
        Progress(
            epoch=epoch,
            epochs=100,
            loss_d=value(LOSS + 0.2 * np.cos(epoch)),
            loss_g=value(0.7 + 0.1 * np.sin(epoch)),
            d_real=value(0.55),
            d_fake=value(0.45),
            train_mae=1.0 / epoch,
            baseline_mae=0.38,
            validation_mae=1.2 / epoch if validation else float("nan"),
            validation_baseline_mae=0.36 if validation else float("nan"),
            unit="meV/atom",
        )
        for epoch in range(5, 101, 5)
    )
    return TrainingHistory(records, best_epoch=100, stopped_early=False, n_rows=40)


def columns(one: TrainingHistory, *names: str) -> list[np.ndarray]:
    return [one.column(name) for name in ("epoch", *names)]


def test_loss_curves_draw_the_optimum_and_enlarge_the_end(ax, lines):
    assert loss_curves(*columns(history(), "loss_d", "loss_g"), optimum=LOSS, title="t", ax=ax) is ax
    drawn = lines(ax)
    assert set(drawn) == {"loss(D)", "loss(G)", "loss(D) = 1.3863: neither wins"}
    assert drawn["loss(D) = 1.3863: neither wins"][0, 1] == pytest.approx(1.3863, abs=1e-4)
    (inset,) = ax.child_axes
    assert inset.get_xlim() == (90.0, 100.0)
    np.testing.assert_allclose(inset.lines[0].get_ydata(), history().column("loss_d")[-3:])
    assert sum(inset.get_ylim()) / 2 == pytest.approx(LOSS)


def test_a_loss_of_g_that_grows_large_does_not_flatten_that_of_d(ax):
    epochs, loss_d = columns(history(), "loss_d")
    loss_curves(epochs, loss_d, np.full(len(epochs), 15.0), optimum=LOSS, ax=ax)
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[1] > 15.0


def test_verdict_curves_draw_one_half(ax, lines):
    verdict_curves(*columns(history(), "d_real", "d_fake"), optimum=VERDICT, ax=ax)
    assert lines(ax)["D = 0.5: it cannot tell"][:, 1].tolist() == [0.5, 0.5]
    assert len(ax.child_axes[0].lines) == 3


def test_the_axis_of_a_game_holds_its_optimum(ax, lines):
    loss_curves(np.arange(1.0, 11), np.ones(10), np.ones(10), optimum=LOSS, ax=ax)
    assert lines(ax)["loss(D) = 1.3863: neither wins"][0, 1] == pytest.approx(1.3862943611, abs=1e-9)
    low, high = ax.get_ylim()
    assert low < 1.0 < 1.3863 < high


def test_a_game_of_other_losses_has_no_such_line(ax, lines):
    loss_curves(*columns(history(), "loss_d", "loss_g"), ax=ax)
    assert set(lines(ax)) == {"loss(D)", "loss(G)"}


def test_a_training_of_one_record_is_drawn(ax):
    whole = dataclasses.replace(history(), records=history().records[:1])
    loss_curves(*columns(whole, "loss_d", "loss_g"), optimum=LOSS, ax=ax)
    assert len(training_curves(whole, (LOSS, VERDICT), axes=off_screen())) == 3


def test_without_a_game_there_is_no_loss_of_d(ax):
    with pytest.raises(InputError, match="no game was played"):
        loss_curves(*columns(history(game=False), "loss_d", "loss_g"), ax=ax)


def test_error_curves_stand_beside_the_mean_baseline(ax, lines):
    error_curves(np.arange(1.0, 11), {"training set": np.linspace(1, 0.1, 10)}, 0.38, ax=ax)
    assert set(lines(ax)["mean baseline"][:, 1]) == {0.38}
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "MAE, meV/atom"


@pytest.mark.parametrize(("validation", "baseline"), [(True, 0.36), (False, 0.38)])
def test_a_training_is_drawn_beside_the_mean_baseline_of_the_set_it_is_judged_on(lines, validation, baseline):
    losses, verdicts, errors = training_curves(history(validation=validation), (LOSS, VERDICT), axes=off_screen())
    assert [ax.get_title(loc="left") for ax in (losses, verdicts, errors)] == ["Losses", "Verdicts of D", "Error of G"]
    assert "D = 0.5: it cannot tell" in lines(verdicts)
    assert lines(errors)["mean baseline"][0, 1] == baseline
    assert ("held-out orbits" in lines(errors)) is validation
    assert errors.get_ylabel() == "MAE, meV/atom"


def test_a_training_without_a_game_shows_its_error_alone(lines):
    (errors,) = training_curves(history(game=False), axes=off_screen())
    assert "training set" in lines(errors)
