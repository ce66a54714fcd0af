"""The figures of a study, each a file: which results go into which picture, and the words below it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.configurations.codec import sites_text
from matganip.configurations.composition import VACANCY
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.learning.representation import representation
from matganip.plots.arrangements import configurations, dopants_of
from matganip.plots.diffraction import depends_on_arrangement, graph_matrix_image, patterns
from matganip.plots.energies import energy_histogram, parity_panels
from matganip.plots.style import canvas, off_screen, save_figure
from matganip.report.model_figures import draw_curves
from matganip.results.content import Picture
from matganip.results.evaluation import parity_of
from matganip.results.ranking import short
from matganip.results.study import SPLITS

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.features.settings import DiffractionSettings
    from matganip.results.study import StudyResult


def draw_study_figures(result: StudyResult, diffraction: DiffractionSettings, folder: Path) -> dict[str, Picture]:
    """Draw every figure into a folder and return them by name."""
    orbits = next(result.labels[0].space.orbits(batch_size=MOST_ORBITS))
    drawn = {
        "patterns": draw_patterns(orbits, diffraction, folder / "patterns.png"),
        "graph": draw_graph(orbits, diffraction, folder / "graph.png"),
        "parity": draw_parity(result, folder / "parity.png"),
        "ranking": draw_ranking(result, folder / "ranking.png"),
        "winners": draw_winners(result, folder / "winners.png"),
    }
    history = result.model.training.history if result.model.training else None
    if history is not None:
        drawn["training"] = draw_curves(result.model, history, folder / "training.png")
    return drawn


MOST_ORBITS = 4096
"""Orbits whose patterns are looked at for a picture of four of them."""


def draw_patterns(orbits: ConfigurationBatch, diffraction: DiffractionSettings, path: Path) -> Picture:
    """Stick patterns of a few orbits, spread over the enumeration."""
    powder = LatticeDiffraction(orbits.space, diffraction.radiation, diffraction.two_theta_range)
    peaks = powder.peaks(orbits.occupations)
    rows = np.unique(np.linspace(0, len(orbits) - 1, 4).round().astype(int))
    names = [f"orbit {row}\n{sites_text(orbits.space, orbits.occupations[row])}" for row in rows]
    varying = depends_on_arrangement(peaks.intensity)
    drawn = patterns(
        peaks.two_theta, peaks.intensity[rows], names, varying=varying, title="Powder patterns", ax=off_screen()
    )
    save_figure(drawn, path)
    return Picture(
        path,
        f"Powder patterns of {len(rows)} of {orbits.space.count_orbits():,} orbits ({diffraction.radiation}), heights "
        "on a cube-root scale. Only the red lines tell arrangements apart; the strong ones are the parent's.",
    )


def draw_graph(orbits: ConfigurationBatch, diffraction: DiffractionSettings, path: Path) -> Picture:
    """The graph matrix of the first orbit, and how that of another differs."""
    represent = representation(diffraction, orbits.space)
    matrices, position = represent(orbits.occupations[[0, -1]]), np.array(represent.vertex_positions)
    n_peaks, shown = represent.n_peaks, len(position)  # more vertices than peaks are padded with zeros
    patterson = represent.columns.distance is not None
    unit, order = (" Å", "pairs of sites, then triplets") if patterson else ("°", "by angle")
    first, last = (matrices[row, :shown, :shown] for row in (0, -1))
    panels = canvas(10, 4.4, 2)
    graph_matrix_image(first, position, unit=unit, title="Graph matrix of orbit 0", ax=panels[0])
    title = f"Orbit {len(orbits) - 1} less orbit 0"
    graph_matrix_image(last - first, position, difference=True, unit=unit, title=title, ax=panels[1])
    save_figure(panels, path)
    return Picture(
        path,
        f"The graph: a_ij = t_i t_j + I_i I_j over {n_peaks} vertices, {order}. Left, "
        "one arrangement; right, all that distinguishes another from it.",
    )


def draw_parity(result: StudyResult, path: Path) -> Picture:
    """Predicted against calculated for every split, each with its mean baseline."""
    shown = result.assessments
    parts = [parity_of(part, f"{SPLITS[part.name]}\n{short(calculator)}") for part, calculator in shown]
    save_figure(parity_panels(parts, axes=off_screen()), path)
    return Picture(
        path,
        "Predicted against calculated energies, in meV/atom from the mean; the area of a dot grows with "
        "its orbit's multiplicity. Dashed: what the mean baseline predicts. "
        + " ".join(f"{SPLITS[part.name].capitalize()}: {calculator}." for part, calculator in shown),
    )


def draw_ranking(result: StudyResult, path: Path) -> Picture:
    """The ranking over the arrangements, and their histogram."""
    ranking = result.ranking
    panels = canvas(10, 4.2, 2, width_ratios=(2.1, 1))
    ranking.plot(panels[0])
    title = f"{ranking.multiplicity.sum():,} arrangements"
    energy_histogram(ranking.relative, ranking.multiplicity, title=title, ax=panels[1])
    save_figure(panels, path)
    return Picture(
        path,
        f"Left: the prediction for every arrangement in order, with the {ranking.calculator} labels as dots (hollow: "
        "trained on). Right: how many arrangements lie at which predicted energy.",
    )


def draw_winners(result: StudyResult, path: Path) -> Picture:
    """The four lowest arrangements."""
    ranking = result.ranking
    shown = min(4, len(ranking))
    dopants, vacant = dopants_of(ranking.space), any(VACANCY in names for names in ranking.space.species)
    drawn = [f"In colour: {', '.join(dopants)}"] * bool(dopants) + [
        "vacancies are dashed rings" if dopants else "Vacancies are dashed rings"
    ] * vacant
    titles = [f"{place + 1}.  +{ranking.relative[place]:.3f} meV/atom" for place in range(shown)]
    save_figure(configurations(ranking.space, ranking.occupations[:shown], titles, axes=off_screen()), path)
    return Picture(
        path,
        f"The {shown} lowest predictions of the screen ({short(ranking.calculator)}). "
        f"{'; '.join(drawn)}; the host is pale, its shortest bonds are sticks. "
        "An atom on a face of the cell is drawn on the opposite face as well.",
    )
