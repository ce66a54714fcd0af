"""The figures of a model, each a file: training curves, errors, parity, saliency and feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.errors import InputError
from matganip.learning.config import OPTIMA
from matganip.learning.distribution import Distribution
from matganip.learning.ensemble import Ensemble
from matganip.learning.saliency import Vertices, feature_maps, saliency
from matganip.learning.solved import Solved
from matganip.learning.surrogate import DistilledSurrogate
from matganip.plots.energies import parity_panels
from matganip.plots.errors import error_boxes
from matganip.plots.interpretation import feature_map_grid, saliency_bars, saliency_map
from matganip.plots.style import canvas, off_screen, save_figure
from matganip.plots.training_curves import training_curves
from matganip.results.content import Picture
from matganip.results.evaluation import parity_of

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.gan import Matganip
    from matganip.learning.history import TrainingHistory
    from matganip.learning.model import Model
    from matganip.learning.representation import GraphRepresentation
    from matganip.results.evaluation import Assessed

MOST_GRAPHS = 2000
"""Arrangements that the saliency is integrated over at most, evenly drawn: it costs sixteen gradients for each."""


def draw_model_figures(
    model: Model,
    space: ConfigurationSpace,
    parts: Sequence[Assessed],
    folder: Path,
    history: TrainingHistory | None = None,
) -> dict[str, Picture]:
    """Draw how wrong a model is and what it rests on, each a file, and return the pictures by name.

    Parameters
    ----------
    model : Model
    space : ConfigurationSpace
        Whose arrangements it was asked about.
    parts : sequence of Assessed
        These arrangements.
    folder : pathlib.Path
        Made where it is missing.
    history : TrainingHistory, optional
        Draws the training and its feature maps, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    represent = model.represent(space)
    drawn = {
        "errors": draw_errors(parts, model.calculator, folder / "errors.png"),
        "parity": draw_parity(parts, model.calculator, folder / "parity.png"),
        "saliency": draw_saliency(model, represent, parts, folder / "saliency.png"),
    }
    if history is not None:
        drawn["training"] = draw_curves(model, history, folder / "training.png")
        drawn["feature_maps"] = draw_feature_maps(_network(model), represent, parts, folder / "feature_maps.png")
    return drawn


def _network(model: Model) -> Matganip:
    """The network whose workings are drawn: of an ensemble, the first."""
    if isinstance(model.predictor, DistilledSurrogate | Solved | Distribution):
        raise InputError("this model has no network to draw: it is a function of the columns themselves")
    return model.predictor.members[0] if isinstance(model.predictor, Ensemble) else model.predictor


def draw_curves(model: Model, history: TrainingHistory, path: Path) -> Picture:
    """Losses, verdicts and errors over the epochs (MATGANIP, figures 4a and 6a)."""
    history = history.scaled(1000.0, "meV/atom")
    playing = bool(np.isfinite(history.column("loss_d")).any())
    loss_level, verdict_level = OPTIMA[_network(model).config.objective] if playing else (None, None)
    save_figure(training_curves(history, (loss_level, verdict_level), axes=off_screen()), path)
    told = (
        f"Where D can no longer tell real from generated energies, its loss is {loss_level:.4f}"
        + ("" if verdict_level is None else f" and its verdict {verdict_level:g}")
        + "; the insets enlarge the last tenth of the epochs. "
        if playing
        else ""
    )
    return Picture(path, f"{told}Errors of G beside that of the mean baseline ({model.calculator} labels).")


def draw_errors(parts: Sequence[Assessed], calculator: str, path: Path) -> Picture:
    """Box plots of absolute errors and error rates (MATGANIP, figures 4b, 4c, 6b and 6c)."""
    names = [f"{one.name}\n{len(one.error):,} orbits" for one in parts]
    judged = parts[-1]
    panels = canvas(4.4 + 2.0 * len(parts), 4.2, 2)
    error_boxes(
        [(name, one.error, one.multiplicity) for name, one in zip(names, parts, strict=True)],
        baseline=judged.metrics.baseline_mae,
        title="Absolute error",
        ax=panels[0],
    )
    error_boxes(
        [(name, one.error_rate, one.multiplicity) for name, one in zip(names, parts, strict=True)],
        baseline=judged.metrics.baseline_maer,
        quantity="error rate, % of the total energy",
        title="Error rate",
        ax=panels[1],
    )
    save_figure(panels, path)
    return Picture(
        path,
        "Errors of each orbit, weighted by multiplicity, on a logarithmic scale: quartiles, median, whiskers of 1.5 "
        "times the distance of the quartiles, the mean as a cross, outliers as dots. Dashed: the error of the "
        f"mean baseline on the {judged.name} set ({calculator} labels).",
    )


def draw_parity(parts: Sequence[Assessed], calculator: str, path: Path) -> Picture:
    """Predicted against calculated for each part, with the mean baseline."""
    origin = float(np.average(parts[0].calculated, weights=parts[0].multiplicity))
    save_figure(parity_panels([parity_of(one, origin=origin) for one in parts], axes=off_screen()), path)
    return Picture(
        path,
        f"Predicted against calculated energies ({calculator}), in meV/atom from the mean; the area of a dot grows "
        "with its orbit's multiplicity. Dashed: what the mean baseline predicts.",
    )


def draw_saliency(model: Model, represent: GraphRepresentation, parts: Sequence[Assessed], path: Path) -> Picture:
    """Which columns the predictions rest on, over all arrangements of all parts."""
    occupations = np.concatenate([one.occupations for one in parts])
    weight = np.concatenate([one.multiplicity for one in parts])
    predicted = np.concatenate([one.predicted for one in parts])
    rows = np.unique(np.linspace(0, len(weight) - 1, min(MOST_GRAPHS, len(weight))).round().astype(int))
    solved = model.predictor.solved if isinstance(model.predictor, Distribution) else model.predictor
    if isinstance(solved, Solved):
        added = 1000.0 * solved.contributions(represent.features(occupations[rows]))
        how = "coefficient times column, of the linear part"
    else:
        vertices = Vertices.of(represent.peaks(occupations[rows]), represent.n_peaks, represent.scaling)
        added = saliency(_network(model), vertices, weight[rows]).scaled(1000.0, "meV/atom").contribution
        how = "gradient times input, integrated"
    importance = np.average(np.abs(added), axis=0, weights=weight[rows])
    names = represent.vertex_names[: added.shape[1]]
    panels = canvas(12.5, 5.2, 2, width_ratios=(1, 1.75))
    saliency_bars(importance, names, title="What the predictions rest on", ax=panels[0])
    saliency_map(added, predicted[rows], names, title="Arrangement by arrangement", ax=panels[1])
    save_figure(panels, path)
    return Picture(
        path,
        f"What each column adds to the prediction, against that for the mean pattern: {how}. Left: mean size over the "
        "set and its share. Right: every arrangement a line, which sums to its prediction.",
    )


def draw_feature_maps(
    model: Matganip, represent: GraphRepresentation, parts: Sequence[Assessed], path: Path
) -> Picture:
    """The graph of the arrangement of lowest predicted energy, and what Conv1 and Conv2 make of it."""
    best = min(parts, key=lambda one: float(one.predicted.min()))
    row = int(best.predicted.argmin())
    matrices = represent(best.occupations[row : row + 1])
    first, second = feature_maps(model, matrices)
    panels = canvas(11.5, 3.5, 2, nrows=2)
    feature_map_grid(first[0], title="Conv1, after ReLU", ax=panels[0])
    feature_map_grid(second[0], title="Conv2, after ReLU", n_columns=8, most=8, ax=panels[1])
    save_figure(panels, path)
    return Picture(
        path,
        "What the convolutions see in the graph of the arrangement of lowest predicted energy: rows and columns are "
        "its peaks, in order (behind Conv1, pairs of them). Maps that vary most come first.",
    )
