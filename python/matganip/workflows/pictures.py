"""The figures of a study, each a file: which results go into which picture, and the words below it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.configurations.summary import sites_text
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.learning.config import OPTIMA
from matganip.plots import energies
from matganip.plots.arrangement import arrangement
from matganip.plots.diffraction import depends_on_arrangement, graph_matrix_image, patterns
from matganip.plots.style import figure
from matganip.results.content import Picture
from matganip.workflows.provenance import evaluated
from matganip.workflows.story import SPLITS, level_name, short

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
    with figure(path, 10, 4.6) as ax:
        patterns(peaks.two_theta, peaks.intensity[rows], names, varying=varying, title="Powder patterns", ax=ax)
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
    with figure(path, 10, 4.4, ncols=2) as (left, right):
        graph_matrix_image(first, position, unit=unit, title="Graph matrix of orbit 0", ax=left)
        title = f"Orbit {len(found.matrices) - 1} less orbit 0"
        graph_matrix_image(last - first, position, difference=True, unit=unit, title=title, ax=right)
    return Picture(
        path,
        f"What the network reads: a_ij = t_i t_j + I_i I_j over {n_peaks} vertices, {order}. Left, "
        "one arrangement; right, all that distinguishes another from it.",
    )


def draw_parity(outcome: Outcome, path: Path) -> Picture:
    """Predicted against calculated for every split, each with the line of its constant."""
    shown = evaluated(outcome)
    with figure(path, 4.1 * len(shown), 4.3, ncols=len(shown), squeeze=False) as axes:
        for ax, one in zip(axes[0], shown, strict=True):
            text = (
                f"MAE {one.metrics.mae:.3f} (constant {one.metrics.constant_mae:.3f})\n"
                f"Spearman {one.metrics.spearman:.2f}   R² {one.metrics.r2:.2f}"
            )
            title = f"{SPLITS[one.protocol]}\n{short(one.calculator)}"
            energies.parity(
                one.calculated, one.predicted, one.multiplicity, one.constant, title=title, text=text, ax=ax
            )
    return Picture(
        path,
        "Predicted against calculated energies, in meV/atom from the mean; the area of a dot grows with "
        "its orbit's multiplicity. The dashed line is what the constant predicts. "
        + " ".join(f"{SPLITS[one.protocol].capitalize()}: {one.calculator}." for one in shown),
    )


def draw_ranking(outcome: Outcome, path: Path) -> Picture:
    """The ranking over the arrangements, and their histogram."""
    screened, ranking = outcome.screened, outcome.screened.ranking
    calculator = screened.calculator
    above = (screened.label - ranking.prediction[0]) * (1000.0 / ranking.space.n_atoms)
    with figure(path, 10, 4.2, ncols=2, width_ratios=(2.1, 1)) as (left, right):
        energies.ranked(
            ranking.relative,
            ranking.multiplicity,
            above,
            screened.trained,
            top=screened.top,
            title=f"{len(ranking):,} orbits, ranked",
            ax=left,
        )
        energies.energy_histogram(
            ranking.relative,
            ranking.multiplicity,
            label="above the lowest, meV/atom",
            title=f"{ranking.multiplicity.sum():,} arrangements",
            ax=right,
        )
    return Picture(
        path,
        f"Left: the prediction for every arrangement in order, with the {calculator} labels as dots (hollow: "
        "trained on). Right: how many arrangements lie at which predicted energy.",
    )


def draw_winners(outcome: Outcome, path: Path) -> Picture:
    """The four lowest arrangements."""
    ranking = outcome.screened.ranking
    dopants = tuple(dict.fromkeys(name for species in ranking.space.species for name in species[:-1] if name != "vac"))
    shown = min(4, len(ranking))
    with figure(path, 2.6 * shown, 3.0, ncols=shown, squeeze=False) as axes:
        for place, ax in enumerate(axes[0]):
            structure = ranking.space.structure(ranking.occupations[place])
            title = f"{place + 1}.  +{ranking.relative[place]:.3f} meV/atom"
            arrangement(structure, dopants, title=title, ax=ax)
    return Picture(
        path,
        f"The {shown} lowest predictions of the screen ({short(outcome.screened.calculator)}). In colour: "
        f"{', '.join(dopants)}; the host is pale, its shortest bonds are sticks. An atom on a face of the cell is "
        "drawn on the opposite face as well.",
    )


def draw_training(outcome: Outcome, path: Path) -> Picture:
    """The adversarial game and the error, epoch by epoch, of the model that ranks."""
    trained = outcome.trained
    history = trained.history.scaled(1000.0 / outcome.screened.ranking.space.n_atoms, "meV/atom")
    epochs = history.column("epoch").astype(int).tolist()
    playing = bool(np.isfinite(history.column("loss_d")).any())
    with figure(path, 12 if playing else 5, 3.7, ncols=3 if playing else 1, squeeze=False) as axes:
        if playing:
            loss = {"loss(D)": history.column("loss_d")}
            loss_level, verdict_level = OPTIMA[trained.model.config.objective]
            optimum = (loss_level, level_name(loss_level))
            energies.adversarial_balance(epochs, loss, optimum, title="Loss of D", ax=axes[0, 0])
            balance = None if verdict_level is None else (verdict_level, "½")
            verdicts = {"D(x_r), real": history.column("d_real"), "D(x_f), generated": history.column("d_fake")}
            energies.adversarial_balance(epochs, verdicts, balance, title="Verdict of D", ax=axes[0, 1])
        errors = {"training set": history.column("train_mae")}
        constant = history.last.constant_mae
        energies.learning_curve(epochs, errors, constant, title="Error of G", ax=axes[0, -1])
    return Picture(
        path,
        f"The training of the model that ranks: {len(trained.rows)} orbits, {trained.calculator} labels. "
        "Where D can no longer tell real from generated energies, its loss and its verdict reach the dashed lines. The "
        "error of G is the one on its training set, beside the constant's; that on unseen orbits is above.",
    )
