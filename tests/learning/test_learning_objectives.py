from __future__ import annotations

import math

import pytest
import torch

from matganip.learning.objectives import (
    OPTIMUM,
    LeastSquares,
    Minimax,
    NonSaturating,
    SupervisedTerm,
    Wasserstein,
    game,
)


def logit(*probabilities):
    return torch.tensor([[math.log(p / (1 - p))] for p in probabilities], dtype=torch.float64)


# D(x_r) = 0.8, 0.6 and D(x_f) = 0.3, 0.1 with weights 1.5, 0.5
REAL, FAKE = logit(0.8, 0.6), logit(0.3, 0.1)
WEIGHT = torch.tensor([[1.5], [0.5]], dtype=torch.float64)


def mean(first, second):
    return (1.5 * first + 0.5 * second) / 2


@pytest.mark.parametrize("play", [Minimax(), NonSaturating()])
def test_loss_of_d_is_equation_2(play):
    by_hand = mean(-(math.log(0.8) + math.log(1 - 0.3)), -(math.log(0.6) + math.log(1 - 0.1)))
    assert play.discriminator_loss(REAL, FAKE, WEIGHT).item() == pytest.approx(by_hand, rel=1e-12)


def test_loss_of_g_is_equation_3():
    by_hand = mean(math.log(1 - 0.3), math.log(1 - 0.1))
    assert Minimax().generator_loss(FAKE, WEIGHT).item() == pytest.approx(by_hand, rel=1e-12)


def test_the_non_saturating_loss_of_g():
    by_hand = mean(-math.log(0.3), -math.log(0.1))
    assert NonSaturating().generator_loss(FAKE, WEIGHT).item() == pytest.approx(by_hand, rel=1e-12)


def test_the_supervised_terms():
    fake, real = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [1.5]])
    weight = WEIGHT.float()
    assert SupervisedTerm("l1")(fake, real, weight).item() == pytest.approx(mean(2.0, 0.5))
    assert SupervisedTerm("l2")(fake, real, weight).item() == pytest.approx(mean(4.0, 0.25))


def test_the_least_squares_losses():
    real, fake = torch.tensor([[0.7], [1.2]]), torch.tensor([[0.4], [-0.1]])
    weight = WEIGHT.float()
    by_hand = mean((0.3**2 + 0.4**2) / 2, (0.2**2 + 0.1**2) / 2)
    assert LeastSquares().discriminator_loss(real, fake, weight).item() == pytest.approx(by_hand, rel=1e-6)
    by_hand = mean(0.6**2 / 2, 1.1**2 / 2)
    assert LeastSquares().generator_loss(fake, weight).item() == pytest.approx(by_hand, rel=1e-6)
    assert LeastSquares().penalty(lambda x: x, real, fake, torch.Generator()).item() == 0
    assert torch.equal(LeastSquares().verdict(fake), fake)


def test_the_losses_of_the_earth_movers_distance():
    real, fake = torch.tensor([[3.0], [1.0]]), torch.tensor([[2.5], [-1.0]])
    weight = WEIGHT.float()
    play = Wasserstein()
    assert play.discriminator_loss(real, fake, weight).item() == pytest.approx(mean(-0.5, -2.0))
    assert play.generator_loss(fake, weight).item() == pytest.approx(mean(-2.5, 1.0))
    assert torch.equal(play.verdict(fake), fake)


def test_the_penalty_is_that_of_a_slope_other_than_one():
    real, fake = torch.tensor([[3.0], [1.0]]), torch.tensor([[2.0], [2.0]])
    draw = torch.Generator().manual_seed(0)
    assert Wasserstein().penalty(lambda x: -x, real, fake, draw).item() == 0
    assert Wasserstein().penalty(lambda x: 3 * x, real, fake, draw).item() == pytest.approx(10 * 2.0**2)
    assert Wasserstein(1.0).penalty(lambda x: 0 * x, real, fake, draw).item() == pytest.approx(1.0)
    # On x^2 the slope is that at a point drawn between both: 2 x - 1 with x from 2 to 3, and from 1 to 2.
    value = Wasserstein(1.0).penalty(torch.square, real, fake, draw).item()
    assert (3.0**2 + 1.0**2) / 2 < value < (5.0**2 + 3.0**2) / 2


def test_the_penalty_has_a_gradient_for_d():
    weight = torch.tensor([[0.3]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)

    def penalty(slope):
        return Wasserstein().penalty(lambda y: torch.tanh(y @ slope), x, x + 1, torch.Generator().manual_seed(1))

    assert torch.autograd.gradcheck(penalty, (weight,))


@pytest.mark.parametrize("play", [Minimax(), NonSaturating(), LeastSquares(), Wasserstein()])
def test_losses_have_the_gradients_of_their_values(play):
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: play.discriminator_loss(a, b, WEIGHT), (real, fake))
    assert torch.autograd.gradcheck(lambda b: play.generator_loss(b, WEIGHT), (fake,))


def test_a_blind_d_has_the_loss_of_the_optimum():
    zero = torch.zeros(3, 1)
    assert pytest.approx(1.3863, abs=5e-5) == OPTIMUM
    assert Minimax().discriminator_loss(zero, zero, torch.ones(3, 1)).item() == pytest.approx(OPTIMUM)


def test_only_the_non_saturating_loss_pulls_a_g_that_loses():
    # D is sure that this is generated: D(x_f) = 1e-9
    pulls = []
    for play in (Minimax(), NonSaturating()):
        fake = torch.full((1, 1), -20.7, requires_grad=True)
        play.generator_loss(fake, torch.ones(1, 1)).backward()
        pulls.append(abs(fake.grad.item()))
    assert pulls[0] < 1e-8
    assert pulls[1] == pytest.approx(1.0)


def test_losses_stay_finite_where_the_probability_rounds_to_0_or_1():
    sure = torch.tensor([[-300.0], [300.0]])
    for play in (Minimax(), NonSaturating()):
        assert torch.isfinite(play.discriminator_loss(sure, sure, torch.ones(2, 1)))
        assert torch.isfinite(play.generator_loss(sure, torch.ones(2, 1)))


def test_games_by_name():
    assert type(game("minimax")) is Minimax
    assert type(game("non_saturating")) is NonSaturating
    assert type(game("least_squares")) is LeastSquares
    assert type(game("wasserstein")) is Wasserstein
    assert game("supervised") is None
