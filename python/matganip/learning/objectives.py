"""What D and G minimise, one small class for each way of playing the game.

Real properties are x_r, generated ones x_f = G(structure). The losses take D's logit l, with D =
sigmoid(l), since

    log D = -softplus(-l),    log(1 - D) = -softplus(l)

are exact where D itself rounds to 0 or 1. Every mean is weighted by multiplicity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from matganip.learning._torch import functional, torch

OPTIMUM = 2 * math.log(2)
"""loss(D) = 1.3863 where D(x_r) = D(x_f) = 1/2: neither wins, the paper's mark of convergence."""


def weighted_mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of values, (n, 1) or (n, k), with weights, (n, 1), that have mean 1 over the training set.

    Dividing by n and not by the batch's own weight keeps the gradient of a minibatch unbiased.
    """
    return (weight * values).mean()


Critic = Callable[[torch.Tensor], torch.Tensor]
"""D's logits, (n, 1), of one property, (n, k), for each structure of a batch."""


class Game(Protocol):
    """The losses of D and G, scalar tensors, from D's logits, (n, 1), of real and generated properties."""

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Give F(D)."""
        ...

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Give F(G)."""
        ...

    def penalty(self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        """Give what is added to F(D) for the way D depends on properties, real and generated ones, (n, k) each."""
        ...

    def verdict(self, logit: torch.Tensor) -> torch.Tensor:
        """Give D(x) from its last layer's output: the probability that x is real, or the score that D keeps."""
        ...


class _NoPenalty:
    """A game that does not mind how steep D is."""

    def penalty(
        self,
        critic: Critic,  # noqa: ARG002
        real: torch.Tensor,
        fake: torch.Tensor,  # noqa: ARG002
        draw: torch.Generator,  # noqa: ARG002
    ) -> torch.Tensor:
        """Nothing."""
        return real.new_zeros(())


class Minimax(_NoPenalty):
    """The paper's losses (equations 2 and 3), those of Goodfellow et al. (2014)."""

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(D) = -(log D(x_r) + log(1 - D(x_f)))."""
        return weighted_mean(functional.softplus(-real) + functional.softplus(fake), weight)

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(G) = log(1 - D(x_f)): flat where D is sure, so that a G far behind learns nothing."""
        return weighted_mean(-functional.softplus(fake), weight)

    def verdict(self, logit: torch.Tensor) -> torch.Tensor:
        """The sigmoid: a probability."""
        return torch.sigmoid(logit)


class NonSaturating(Minimax):
    """The same game with a loss of G that is steep where G loses (Goodfellow et al. 2014, section 3)."""

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(G) = -log D(x_f)."""
        return weighted_mean(functional.softplus(-fake), weight)


class LeastSquares(_NoPenalty):
    """Scores instead of probabilities, 1 for real and 0 for generated (Mao et al. 2017, equation 9)."""

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(D) = ((D(x_r) - 1)^2 + D(x_f)^2) / 2."""
        return weighted_mean(((real - 1).square() + fake.square()) / 2, weight)

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(G) = (D(x_f) - 1)^2 / 2."""
        return weighted_mean((fake - 1).square() / 2, weight)

    def verdict(self, logit: torch.Tensor) -> torch.Tensor:
        """The score itself."""
        return logit


class Wasserstein:
    """The earth mover's distance, with a gradient penalty (Gulrajani et al. 2017, equation 3): the paper's next step.

    Parameters
    ----------
    slope_weight : float
        Of the penalty; theirs.
    """

    def __init__(self, slope_weight: float = 10.0) -> None:
        self.slope_weight = slope_weight

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(D) = D(x_f) - D(x_r), to which the penalty is added."""
        return weighted_mean(fake - real, weight)

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(G) = -D(x_f)."""
        return weighted_mean(-fake, weight)

    def penalty(self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        """How far the slope of D is from 1 between real and generated properties: 10 (|dD/dx| - 1)^2."""
        share = torch.rand((len(real), 1), generator=draw, dtype=torch.float64).to(real)  # (n, 1)
        between = (share * real + (1 - share) * fake).detach().requires_grad_()  # (n, k)
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)  # (n, k)
        distance: torch.Tensor = self.slope_weight * (slope.norm(dim=1) - 1).square().mean()
        return distance

    def verdict(self, logit: torch.Tensor) -> torch.Tensor:
        """The score itself."""
        return logit


class SupervisedTerm:
    """What ties G to its label directly: the mean absolute ("l1") or squared ("l2") error.

    It stands beside a game with a weight, or alone.

    Parameters
    ----------
    kind : {"l1", "l2"}
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, fake: torch.Tensor, real: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Give the error of generated properties, (n, k), against the real ones, a mean over their components."""
        error = fake - real  # (n, k)
        return weighted_mean(error.abs() if self.kind == "l1" else error.square(), weight)


def game(objective: str) -> Game | None:
    """Give the game of that name; "supervised" plays none."""
    games: dict[str, Game] = {
        "minimax": Minimax(),
        "non_saturating": NonSaturating(),
        "least_squares": LeastSquares(),
        "wasserstein": Wasserstein(),
    }
    return games.get(objective)
