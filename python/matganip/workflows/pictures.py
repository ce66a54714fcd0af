"""The figures of a study, each a file: which results go into which picture, and the words below it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.configurations.codec import sites_text
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.learning.config import OPTIMA
from matganip.plots.arrangements import configurations, dopants_of
from matganip.plots.diffraction import depends_on_arrangement, graph_matrix_image, patterns
from matganip.plots.energies import Parity, energy_histogram, metrics_text, parity_panels, ranked
from matganip.plots.style import canvas, off_screen, save_figure
from matganip.plots.training_curves import training_curves
from matganip.results.content import Picture
from matganip.workflows.provenance import evaluated
from matganip.workflows.story import SPLITS, short

if TYPE_CHECKING:
    from matganip.workflows.job import Outcome


def draw_all(outcome: Outcome, folder: Path) -> dict[str, Picture]:
    """Draw every figure into a folder and return them by name."""
    return {
        "patterns": draw_patterns(outcome, folder / "patterns.png"),
        "graph": draw_graph(outcome, folder / "graph.png"),
        "parity": draw_parity(outcome, folder / "parity.png"),
        "training": draw_training(outcome, folder / "training.png"),
        "ranking": draw_ranking(outcome, folder / "ranking.png"),
        "winners": draw_winners(outcome, folder / "winners.png"),
    }


def draw_patterns(outcome: Outcome, path: Path) -> Picture:
    """Stick patterns of a few orbits, spread over the enumeration."""
    orbits, section = outcome.enumerated, outcome.prepared.study.diffraction
    powder = LatticeDiffraction(orbits.space, section.radiation, section.two_theta_range)
    peaks = powder.peaks(orbits.occupations)
    rows = np.unique(np.linspace(0, len(orbits.occupations) - 1, 4).round().astype(int))
    names = [f"orbit {row}\n{sites_text(orbits.space, orbits.occupations[row])}" for row in rows]
    varying = depends_on_arrangement(peaks.intensity)
    drawn = patterns(
        peaks.two_theta, peaks.intensity[rows], names, varying=varying, title="Powder patterns", ax=off_screen()
    )
    save_figure(drawn, path)
    return Picture(
        path,
        f"Powder patterns of {len(rows)} of the {len(orbits.occupations)} orbits ({section.radiation}), heights on "
        "a cube-root scale. Only the red lines tell arrangements apart; the strong ones are the parent's.",
    )


def draw_graph(outcome: Outcome, path: Path) -> Picture:
    """The graph matrix of the first orbit, and how the last one's differs."""
    found = outcome.diffracted
    n_peaks = found.matrices.shape[-1]
    position = found.peaks.position[:n_peaks]
    unit, order = ("°", "by angle") if found.peaks.distance is None else (" Å", "pairs of sites, then triplets")
    shown = len(position)  # a graph of more vertices than there are peaks is padded with zeros
    first, last = (found.matrices[row, :shown, :shown] for row in (0, -1))
    panels = canvas(10, 4.4, 2)
    graph_matrix_image(first, position, unit=unit, title="Graph matrix of orbit 0", ax=panels[0])
    title = f"Orbit {len(found.matrices) - 1} less orbit 0"
    graph_matrix_image(last - first, position, difference=True, unit=unit, title=title, ax=panels[1])
    save_figure(panels, path)
    return Picture(
        path,
        f"What the network reads: a_ij = t_i t_j + I_i I_j over {n_peaks} vertices, {order}. Left, "
        "one arrangement; right, all that distinguishes another from it.",
    )


def draw_parity(outcome: Outcome, path: Path) -> Picture:
    """Predicted against calculated for every split, each with its mean baseline."""
    shown = evaluated(outcome)
    parts = [
        Parity(
            one.calculated,
            one.predicted,
            one.multiplicity,
            one.baseline,
            f"{SPLITS[one.protocol]}\n{short(one.calculator)}",
            metrics_text(one.metrics.mae, one.metrics.baseline_mae, one.metrics.spearman, one.metrics.r2),
        )
        for one in shown
    ]
    save_figure(parity_panels(parts, axes=off_screen()), path)
    return Picture(
        path,
        "Predicted against calculated energies, in meV/atom from the mean; the area of a dot grows with "
        "its orbit's multiplicity. Dashed: what the mean baseline predicts. "
        + " ".join(f"{SPLITS[one.protocol].capitalize()}: {one.calculator}." for one in shown),
    )


def draw_ranking(outcome: Outcome, path: Path) -> Picture:
    """The ranking over the arrangements, and their histogram."""
    screened, ranking = outcome.screened, outcome.screened.ranking
    calculator = screened.calculator
    above = (screened.label - ranking.prediction[0]) * (1000.0 / ranking.space.n_atoms)
    panels = canvas(10, 4.2, 2, width_ratios=(2.1, 1))
    ranked(
        ranking.relative,
        ranking.multiplicity,
        above,
        screened.trained,
        top=screened.top,
        title=f"{len(ranking):,} orbits, ranked",
        ax=panels[0],
    )
    title = f"{ranking.multiplicity.sum():,} arrangements"
    energy_histogram(ranking.relative, ranking.multiplicity, title=title, ax=panels[1])
    save_figure(panels, path)
    return Picture(
        path,
        f"Left: the prediction for every arrangement in order, with the {calculator} labels as dots (hollow: "
        "trained on). Right: how many arrangements lie at which predicted energy.",
    )


def draw_winners(outcome: Outcome, path: Path) -> Picture:
    """The four lowest arrangements."""
    ranking = outcome.screened.ranking
    shown = min(4, len(ranking))
    titles = [f"{place + 1}.  +{ranking.relative[place]:.3f} meV/atom" for place in range(shown)]
    drawn = configurations(ranking.space, ranking.occupations[:shown], titles, axes=off_screen())
    save_figure(drawn, path)
    return Picture(
        path,
        f"The {shown} lowest predictions of the screen ({short(outcome.screened.calculator)}). In colour: "
        f"{', '.join(dopants_of(ranking.space))}; the host is pale, its shortest bonds are sticks. "
        "An atom on a face of the cell is drawn on the opposite face as well.",
    )


def draw_training(outcome: Outcome, path: Path) -> Picture:
    """The adversarial game and the error, epoch by epoch, of the model that ranks."""
    trained = outcome.trained
    history = trained.history.scaled(1000.0 / outcome.screened.ranking.space.n_atoms, "meV/atom")
    save_figure(training_curves(history, OPTIMA[trained.model.config.objective], axes=off_screen()), path)
    return Picture(
        path,
        f"The training of the model that ranks: {len(trained.rows)} orbits, {trained.calculator} labels. "
        "Where D can no longer tell real from generated energies, its loss and its verdict reach the dashed lines. The "
        "error of G is the one on its training set, beside that of the mean baseline; that on unseen orbits is above.",
    )
