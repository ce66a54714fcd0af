r"""Numbers of pairs and triplets of species of an arrangement, as columns of a diffraction-like table.

For each class of clusters of the supercell (`cluster_classes`) a column is the share of its clusters that the
arrangement holds, 0 to 100. The columns of pairs are the species-resolved Patterson function of the supercell under its
own symmetry: partial structure factors in real space. With triplets they span every function of an arrangement that is
a sum over pairs and triplets of sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.features.lattice.cluster_classes import ClusterClasses, States, cluster_classes
from matganip.features.lattice.pattern_form import PatternForm, polynomial_form
from matganip.features.lattice.patterns import LatticePatterns, Vertices, vertex_columns
from matganip.features.peaks import Peaks

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.lattice.shared_clusters import SharedClusters


def cluster_patterns(
    space: ConfigurationSpace, order: int, cutoff: float | None, vertices: Vertices
) -> LatticePatterns:
    """Work out the cluster columns of a space.

    Parameters
    ----------
    space : ConfigurationSpace
    order : {2, 3}
        Pairs, or pairs and triplets; points are always there.
    cutoff : float, optional
        Angstrom, the longest distance; all clusters by default.
    vertices : int, sequence of int or None
        Which columns are kept.

    Returns
    -------
    LatticePatterns

    Raises
    ------
    InputError
        If there are more than five million clusters.
    """
    classes = cluster_classes(space, order, cutoff)
    kept = vertex_columns(vertices, len(classes))
    states = States.of(space)
    factors, columns, values = _products(classes, states, space.n_sites)
    form = polynomial_form(factors, columns, values, len(classes)).columns(kept)
    return indicator_patterns(classes, kept, form, states, float(classes.distance.max(initial=0.0)) or 1.0)


def indicator_patterns(
    classes: ClusterClasses | SharedClusters,
    kept: NDArray[np.int64],
    form: PatternForm,
    states: States,
    full_scale: float,
) -> LatticePatterns:
    """The patterns whose columns are some of the classes, from the form of these in the indicators of the states."""
    nothing = np.full(len(kept), np.nan)
    return LatticePatterns(
        columns=Peaks(
            two_theta=nothing,
            intensity=np.zeros((0, len(kept))),
            d_spacings=nothing,
            hkls=[[] for _ in kept],
            distance=classes.distance[kept],
            orders=classes.order[kept],
            labels=tuple(classes.names[column] for column in kept),
            full_scale=full_scale,
        ),
        intensity=form.compile(states.mode_of_code, np.eye(len(states.mode_of_code))),
        triplets=None,
        scale_to_maximum=False,
        reference_intensity=None,
    )


def _products(
    classes: ClusterClasses, states: States, n_sites: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Products of indicators, their columns and weights; amplitude 0 is the constant 1."""
    widest = max(len(one[0]) if len(one) else 1 for one in classes.members)
    factors, columns, values = [], [], []
    for members, label in zip(classes.members, classes.label, strict=True):
        slots = 1 + states.mode[members] * n_sites + states.site[members]  # (n, k)
        padded = np.zeros((len(members), max(2, widest)), dtype=np.int64)
        padded[:, padded.shape[1] - members.shape[1] :] = np.sort(slots, axis=1)
        factors.append(padded)
        columns.append(label)
        values.append(100.0 / classes.size[label])
    return np.concatenate(factors), np.concatenate(columns), np.concatenate(values)
