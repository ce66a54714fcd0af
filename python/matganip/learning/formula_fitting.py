r"""Gaussian processes over formulas: their parameters by marginal likelihood, their predictions in closed form.

For targets y of n hosts, with K the kernel and N the variances of noise, the parameters minimise

.. math:: \tfrac12 y^T (K + N)^{-1} y + \tfrac12 \ln \det(K + N) + w \sum (p - p_0)^2,

(Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, equation 5.8, with a weak pull towards where
they began), on a part of the hosts where there are many. No row is held out, and none is needed. The noise of a host
has a part that all have, one in proportion to the difference of the charges on B, and one in proportion to what two
numbers leave of its six energies: a host that they describe badly is believed less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning._torch import torch
from matganip.learning.formula_kernel import Hosts, Parameters, covariance, initial_parameters, variance

Floats = NDArray[np.float64]
Tensor = torch.Tensor
Step = Callable[[int, int], object]

JITTER = 1e-6
PULL = 0.05
STEPS, LEARNING_RATE = 80, 0.08
MOST = 500
"""Hosts that the parameters are fitted to, drawn at random; all of them predict."""
NOISE = ("all", "charge", "misfit")


@dataclass(frozen=True, eq=False)
class Process:
    """A fitted process: its parameters.

    Attributes
    ----------
    components : list of dict of str to tensor
        Of the kernel.
    noise : dict of str to tensor
        Logarithms of deviations: of all hosts, for each unit of difference in charge, and of misfit.
    """

    components: list[Parameters]
    noise: Parameters

    @classmethod
    def initial(cls, seed: int) -> Process:
        """Where the fit begins."""
        begin = {"all": -3.0, "charge": -4.0, "misfit": -1.0}
        return cls(initial_parameters(seed), {key: torch.tensor(v, dtype=torch.float64) for key, v in begin.items()})

    def noise_variance(self, charge: Tensor, misfit: Tensor) -> Tensor:
        """(n,): of hosts with a difference of charges and a misfit."""
        size = {name: torch.exp(2 * value) for name, value in self.noise.items()}
        return size["all"] + size["charge"] * charge**2 + size["misfit"] * misfit**2 + JITTER

    def values(self) -> list[Tensor]:
        """All parameters."""
        return [*(value for one in self.components for value in one.values()), *self.noise.values()]

    def fit(self, hosts: Hosts, rows: Tensor, y: Tensor, noise: tuple[Tensor, Tensor], steps: int, step: Step) -> None:
        """Minimise minus the logarithm of the marginal likelihood by Adam, in place.

        Raises
        ------
        InputError
            If the covariance of the rows is singular to rounding, as where hosts repeat with other energies.
        """
        values = self.values()
        begun = [value.detach().clone() for value in values]
        for value in values:
            value.requires_grad_(True)
        optimizer = torch.optim.Adam(values, lr=LEARNING_RATE)
        for number in range(steps):
            optimizer.zero_grad()
            lower = _cholesky(covariance(hosts, self.components, rows, rows), self.noise_variance(*noise))
            white = torch.linalg.solve_triangular(lower, y[:, None], upper=False)
            loss = 0.5 * (white**2).sum() + torch.log(torch.diagonal(lower)).sum()
            loss = loss + PULL * sum(((now - then) ** 2).sum() for now, then in zip(values, begun, strict=True))
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * (1 - number / steps) + 0.005
            optimizer.step()
            step(number + 1, steps)
        for value in values:
            value.requires_grad_(False)

    def predict(
        self, hosts: Hosts, known: Tensor, y: Tensor, noise: tuple[Tensor, Tensor], asked: Tensor
    ) -> tuple[Floats, Floats]:
        """Posterior means (m, k) and variances (m,) without noise, given targets (n, k) of the known rows."""
        with torch.no_grad():
            lower = _cholesky(covariance(hosts, self.components, known, known), self.noise_variance(*noise))
            across = covariance(hosts, self.components, known, asked)
            white = torch.linalg.solve_triangular(lower, torch.cat([across, y], dim=1), upper=False)
            seen, targets = white[:, : len(asked)], white[:, len(asked) :]
            left = variance(hosts, self.components, asked) - (seen**2).sum(dim=0)
            return (seen.T @ targets).numpy(), left.clamp_min(0.0).numpy()


def fitted(
    hosts: Hosts,
    y: Tensor,
    noise: tuple[Tensor, Tensor],
    *,
    seed: int,
    steps: int = STEPS,
    step: Step = lambda *_: None,
) -> Process:
    """Fit a process to targets (n,) of the first n hosts."""
    drawn = np.random.default_rng(seed).permutation(len(y))[:MOST]
    rows = torch.tensor(np.sort(drawn))
    process = Process.initial(seed)
    process.fit(hosts, rows, y[rows], (noise[0][rows], noise[1][rows]), steps, step)
    return process


def _cholesky(kernel: Tensor, noise: Tensor) -> Tensor:
    lower, info = torch.linalg.cholesky_ex(kernel + torch.diag(noise))
    if info.item():
        raise InputError("these formulas repeat each other with other energies: their covariance is singular")
    found: Tensor = lower
    return found


def as_lists(process: Process) -> dict[str, object]:
    """Parameters as JSON values."""
    return {
        "components": [{name: value.tolist() for name, value in one.items()} for one in process.components],
        "noise": {name: value.item() for name, value in process.noise.items()},
    }


def from_lists(stored: dict[str, object]) -> Process:
    """Undo `as_lists`; what is missing or of another shape raises ValueError or KeyError."""
    blank = Process.initial(0)
    components: Sequence[dict[str, object]] = stored["components"]  # type: ignore[assignment]
    noise: dict[str, object] = stored["noise"]  # type: ignore[assignment]
    return Process(
        [
            {name: _like(one[name], value) for name, value in had.items()}
            for one, had in zip(components, blank.components, strict=True)
        ],
        {name: _like(noise[name], value) for name, value in blank.noise.items()},
    )


def _like(stored: object, blank: Tensor) -> Tensor:
    found = torch.tensor(stored, dtype=torch.float64)
    if found.shape != blank.shape or not bool(torch.isfinite(found).all()):
        raise ValueError("a parameter has another shape, or is not finite")
    return found
