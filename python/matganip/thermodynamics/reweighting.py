r"""Averages at any temperature from samples at several: multistate reweighting.

Samples :math:`H_n`, :math:`N_k` of them at :math:`\beta_k`, have the weights

.. math:: \ln w_n(\beta) = -\beta H_n - \ln \sum_k N_k e^{f_k - \beta_k H_n}, \qquad
          f_k = -\ln \sum_n w_n(\beta_k)

(Ferrenberg and Swendsen, Phys. Rev. Lett. 63, 1195 (1989); Shirts and Chodera, J. Chem. Phys. 129, 124105 (2008), for
samples instead of histograms). At infinite temperature :math:`f` is minus the logarithm of the number of arrangements,
which is known, so that free energies and entropies are absolute.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]
_STEPS, _CONVERGED = 200, 1e-9


@dataclass(frozen=True, eq=False)
class Reweighting:
    r"""Free energies of the sampled temperatures, and what they make of any other.

    Attributes
    ----------
    beta, free : (k,) float64 ndarray
        1/kT, and F/kT: the first that of `log_count`.
    samples : (n,) float64 ndarray
        H of every sample.
    denominator : (n,) float64 ndarray
        :math:`\\ln \\sum_k N_k e^{f_k - \\beta_k H_n}`.
    """

    beta: Floats
    free: Floats
    samples: Floats
    denominator: Floats

    @classmethod
    def of(cls, beta: Floats, samples: Floats, log_count: float, start: Floats | None = None) -> Reweighting:
        """Solve for the free energies by Newton's method, from those that integration over the ladder gives.

        Parameters
        ----------
        beta : (k,) float64 ndarray
            Rising; the first is 0.
        samples : (k, m) float64 ndarray
            H at each, equally many.
        log_count : float
            Logarithm of the number of arrangements.
        start : (k,) float64 ndarray, optional
            Where to start.
        """
        k, m = samples.shape
        mean = samples.mean(axis=1)
        steps = 0.5 * np.diff(beta) * (mean[1:] + mean[:-1])
        free = np.concatenate([[0.0], np.cumsum(steps)]) if start is None else start - start[0]
        every = samples.reshape(-1)
        energy = beta * every[:, None]  # (n, k)
        for _ in range(_STEPS):
            denominator = logsumexp(free - energy, axis=1) + np.log(m)
            weight = m * np.exp(free - energy - denominator[:, None])  # (n, k): rows add up to one
            gradient = weight.sum(axis=0) - m
            hessian = np.diag(weight.sum(axis=0)) - weight.T @ weight
            step = np.zeros(k)
            step[1:] = np.linalg.lstsq(hessian[1:, 1:], gradient[1:], rcond=None)[0] if k > 1 else 0.0
            step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
            free = free - step
            if np.abs(step).max() < _CONVERGED * max(1.0, float(np.abs(free).max())):
                break
        denominator = logsumexp(free - energy, axis=1) + np.log(m)
        return cls(beta, free - log_count, every, denominator)

    def log_weights(self, beta: float) -> tuple[Floats, float]:
        """Logarithms of normalised weights (n,) of the samples at a temperature, and F/kT there."""
        weight = -beta * self.samples - self.denominator
        total = float(logsumexp(weight))
        return weight - total, -total + float(self.free[0])
