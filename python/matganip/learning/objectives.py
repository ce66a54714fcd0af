"""What D and G minimise, one small class for each way of playing the game.

Real properties are x_r, generated ones x_f = G(structure). The losses take D's logit l, with D =
sigmoid(l), since

    log D = -softplus(-l),    log(1 - D) = -softplus(l)

are exact where D itself rounds to 0 or 1. Every mean is weighted by multiplicity.
"""

from __future__ import annotations

import math
from typing import Protocol

from matganip.learning._torch import functional, torch

OPTIMUM = 2 * math.log(2)
"""loss(D) = 1.3863 where D(x_r) = D(x_f) = 1/2: neither wins, the paper's mark of convergence."""


def weighted_mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of values, (n, 1), with weights, (n, 1), that have mean 1 over the training set.

    Dividing by n and not by the batch's own weight keeps the gradient of a minibatch unbiased.
    """
    return (weight * values).mean()


class Game(Protocol):
    """The losses of D and G, scalar tensors, from D's logits, (n, 1), of real and generated properties."""

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Give F(D)."""
        ...

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Give F(G)."""
        ...


class Minimax:
    """The paper's losses (equations 2 and 3), those of Goodfellow et al. (2014)."""

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(D) = -(log D(x_r) + log(1 - D(x_f)))."""
        return weighted_mean(functional.softplus(-real) + functional.softplus(fake), weight)

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(G) = log(1 - D(x_f)): flat where D is sure, so that a G far behind learns nothing."""
        return weighted_mean(-functional.softplus(fake), weight)


class NonSaturating(Minimax):
    """The same game with a loss of G that is steep where G loses (Goodfellow et al. 2014, section 3)."""

    def generator_loss(self, fake: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """F(G) = -log D(x_f)."""
        return weighted_mean(functional.softplus(-fake), weight)


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
        """Give the error of generated properties, (n, 1), against the real ones."""
        error = fake - real  # (n, 1)
        return weighted_mean(error.abs() if self.kind == "l1" else error.square(), weight)


def game(objective: str) -> Game | None:
    """Give the game of that name, "minimax" or "non_saturating"; "supervised" plays none."""
    games: dict[str, Game] = {"minimax": Minimax(), "non_saturating": NonSaturating()}
    return games.get(objective)
