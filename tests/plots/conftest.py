"""Axes to draw into, and what stands in them read back."""

from __future__ import annotations

import numpy as np
import pytest

from matganip.plots.style import canvas, save_figure


@pytest.fixture
def ax(tmp_path):
    """Axes whose figure is written at the end of the test: what cannot be drawn fails it."""
    (axes,) = canvas(6, 5)
    yield axes
    save_figure(axes, tmp_path / "figure.png")


@pytest.fixture
def lines():
    """The lines of Axes by their label, each as (n, 2) points."""

    def read(axes) -> dict[str, np.ndarray]:
        return {line.get_label(): np.column_stack(line.get_data()) for line in axes.lines}

    return read
