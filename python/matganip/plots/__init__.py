"""Figures: functions that take arrays and draw into Axes.

Each takes ``ax=None`` (figures of several panels: ``axes=None``), draws into a new figure by default, and returns what
it has drawn into. `save_figure` writes it to a file.
"""

from matganip.plots.arrangements import arrangement, configuration, configurations
from matganip.plots.diffraction import graph_matrix_image, patterns, profiles
from matganip.plots.energies import energy_histogram, parity, parity_panels, ranked, winners
from matganip.plots.errors import error_boxes
from matganip.plots.graph import vertex_pattern, vertex_ring
from matganip.plots.heat_map import split_heat_map
from matganip.plots.interpretation import feature_map_grid, saliency_bars, saliency_map
from matganip.plots.learning_curves import learning_curve
from matganip.plots.method_errors import method_errors
from matganip.plots.search_curves import search_curve
from matganip.plots.style import save_figure
from matganip.plots.thermodynamics import density_of_states, entropy, free_energy, mixing_curve
from matganip.plots.training_curves import error_curves, loss_curves, training_curves, verdict_curves

__all__ = [
    "arrangement",
    "configuration",
    "configurations",
    "density_of_states",
    "energy_histogram",
    "entropy",
    "error_boxes",
    "error_curves",
    "feature_map_grid",
    "free_energy",
    "graph_matrix_image",
    "learning_curve",
    "loss_curves",
    "method_errors",
    "mixing_curve",
    "parity",
    "parity_panels",
    "patterns",
    "profiles",
    "ranked",
    "saliency_bars",
    "saliency_map",
    "save_figure",
    "search_curve",
    "split_heat_map",
    "training_curves",
    "verdict_curves",
    "vertex_pattern",
    "vertex_ring",
    "winners",
]
