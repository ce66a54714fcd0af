"""Small made-up graphs whose property is known."""

from __future__ import annotations

import numpy as np

from matganip.learning.dataset import Dataset


def make_graphs(n, n_peaks=8, seed=0, unit="eV"):
    """Graphs of random peaks, a_ij = t_i t_j + I_i I_j, with a property linear in the intensities."""
    rng = np.random.default_rng(seed)
    two_theta = np.linspace(0.05, 0.5, n_peaks)
    intensity = 0.3 + 0.05 * rng.random((n, n_peaks))
    intensity[:, 2] = 1.0
    matrices = np.outer(two_theta, two_theta) + intensity[:, :, None] * intensity[:, None, :]
    target = -126.8 + intensity @ np.linspace(-1.0, 1.0, n_peaks)
    return Dataset(matrices, target, weight=rng.integers(1, 400, n), unit=unit)
