"""The figures of one training, each a file: curves, errors, parity, saliency and feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.learning.config import OPTIMA
from matganip.learning.representation import vertex_names
from matganip.learning.saliency import Vertices, feature_maps, saliency
from matganip.plots import energies
from matganip.plots.errors import error_boxes
from matganip.plots.interpretation import feature_map_grid, saliency_bars, saliency_map
from matganip.plots.style import figure
from matganip.plots.training_curves import error_curves, loss_curves, verdict_curves
from matganip.results.content import Picture

if TYPE_CHECKING:
    from matganip.learning.evaluation import Assessed
    from matganip.learning.gan import Matganip
    from matganip.screening.ranking import GraphRepresentation
    from matganip.workflows.train import Training

MOST_GRAPHS = 2000
"""Arrangements that the saliency is integrated over at most, evenly drawn: it costs sixteen gradients for each."""


def draw_training_figures(made: Training, folder: Path) -> dict[str, Picture]:
    """Draw every figure of a training into a folder and return them by name."""
    return {
        "training": draw_curves(made, folder / "training.png"),
        "errors": draw_errors(made.parts, made.card.calculator, folder / "errors.png"),
        "parity": draw_parity(made.parts, made.card.calculator, folder / "parity.png"),
        "saliency": draw_saliency(made.model, made.labels.represent, made.parts, folder / "saliency.png"),
        "feature_maps": draw_feature_maps(made.model, made.labels.represent, made.parts, folder / "feature_maps.png"),
    }


def draw_curves(made: Training, path: Path) -> Picture:
    """Losses, verdicts and errors over the epochs (MATGANIP, figures 4a and 6a)."""
    history = made.model.history.scaled(1000.0, "meV/atom")
    playing = bool(np.isfinite(history.column("loss_d")).any())
    loss_level, verdict_level = OPTIMA[made.model.config.objective] if playing else (None, None)
    with figure(path, 12.5 if playing else 5, 3.9, ncols=3 if playing else 1, squeeze=False) as axes:
        if playing:
            loss_curves(history, optimum=loss_level, title="Losses", ax=axes[0, 0])
            verdict_curves(history, optimum=verdict_level, title="Verdicts of D", ax=axes[0, 1])
        error_curves(history, title="Error of G", ax=axes[0, -1])
    told = (
        f"Where D can no longer tell real from generated energies, its loss is {loss_level:.4f}"
        + ("" if verdict_level is None else f" and its verdict {verdict_level:g}")
        + "; the insets enlarge the last tenth of the epochs. "
        if playing
        else ""
    )
    return Picture(path, f"{told}Errors of G beside the constant's ({made.card.calculator} labels).")


def draw_errors(parts: Sequence[Assessed], calculator: str, path: Path) -> Picture:
    """Box plots of absolute errors and error rates (MATGANIP, figures 4b, 4c, 6b and 6c)."""
    names = [f"{one.name}\n{len(one.error):,} orbits" for one in parts]
    judged = parts[-1]
    with figure(path, 4.4 + 2.0 * len(parts), 4.2, ncols=2) as (left, right):
        error_boxes(
            [(name, one.error, one.multiplicity) for name, one in zip(names, parts, strict=True)],
            constant=judged.metrics.constant_mae,
            title="Absolute error",
            ax=left,
        )
        error_boxes(
            [(name, one.error_rate, one.multiplicity) for name, one in zip(names, parts, strict=True)],
            constant=judged.metrics.constant_maer,
            quantity="error rate, % of the total energy",
            title="Error rate",
            ax=right,
        )
    return Picture(
        path,
        "Errors of each orbit, weighted by multiplicity, on a logarithmic scale: quartiles, median, whiskers of 1.5 "
        "times the distance of the quartiles, the mean as a cross, outliers as dots. Dashed: the mean error of a "
        f"constant on the {judged.name} set ({calculator} labels).",
    )


def draw_parity(parts: Sequence[Assessed], calculator: str, path: Path) -> Picture:
    """Predicted against calculated for each part, with the constant's line."""
    origin = float(np.average(parts[0].calculated, weights=parts[0].multiplicity))
    with figure(path, 4.3 * len(parts), 4.3, ncols=len(parts), squeeze=False) as axes:
        for ax, one in zip(axes[0], parts, strict=True):
            text = (
                f"MAE {one.metrics.mae:.4f} (constant {one.metrics.constant_mae:.3f})\n"
                f"Spearman {one.metrics.spearman:.3f}   R² {one.metrics.r2:.4f}"
            )
            energies.parity(
                one.calculated - origin,
                one.predicted - origin,
                one.multiplicity,
                one.constant - origin,
                title=f"{one.name}, {len(one.error):,} orbits",
                text=text,
                ax=ax,
            )
    return Picture(
        path,
        f"Predicted against calculated energies ({calculator}), in meV/atom from the mean; the area of a dot grows "
        "with its orbit's multiplicity. Dashed: what the constant predicts.",
    )


def draw_saliency(model: Matganip, represent: GraphRepresentation, parts: Sequence[Assessed], path: Path) -> Picture:
    """Which peaks the predictions rest on, over all arrangements of all parts."""
    occupations = np.concatenate([one.occupations for one in parts])
    weight = np.concatenate([one.multiplicity for one in parts])
    predicted = np.concatenate([one.predicted for one in parts])
    rows = np.unique(np.linspace(0, len(weight) - 1, min(MOST_GRAPHS, len(weight))).round().astype(int))
    vertices = Vertices.of(represent.peaks(occupations[rows]), represent.n_peaks, represent.scaling)
    found = saliency(model, vertices, weight[rows]).scaled(1000.0, "meV/atom")
    names = vertex_names(represent)
    with figure(path, 12.5, 5.2, ncols=2, width_ratios=(1, 1.75)) as (left, right):
        saliency_bars(found, names, title="What the predictions rest on", ax=left)
        saliency_map(found, predicted[rows], names, title="Arrangement by arrangement", ax=right)
    return Picture(
        path,
        "What each peak adds to the prediction, against that for the mean pattern: gradient times input, integrated. "
        "Left: mean size over the set and its share. Right: every arrangement a line, which sums to its prediction.",
    )


def draw_feature_maps(
    model: Matganip, represent: GraphRepresentation, parts: Sequence[Assessed], path: Path
) -> Picture:
    """The graph of the arrangement of lowest predicted energy, and what Conv1 and Conv2 make of it."""
    best = min(parts, key=lambda one: float(one.predicted.min()))
    row = int(best.predicted.argmin())
    matrices = represent(best.occupations[row : row + 1])
    first, second = feature_maps(model, matrices)
    with figure(path, 11.5, 3.5, nrows=2) as (top, bottom):
        feature_map_grid(first[0], title="Conv1, after ReLU", ax=top)
        feature_map_grid(second[0], title="Conv2, after ReLU", n_columns=8, most=8, ax=bottom)
    return Picture(
        path,
        "What the convolutions see in the graph of the arrangement of lowest predicted energy: rows and columns are "
        "its peaks, in order (behind Conv1, pairs of them). Maps that vary most come first.",
    )
