"""What a solved model of shared clusters says that each cluster costs: its energy in any supercell of the parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from matganip.errors import InputError
from matganip.features.lattice.lattice_gas import Interactions, LatticeGas
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.learning.solved import Solved

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.model import Model


def interactions(model: Model) -> Interactions:
    """Energies of points, pairs and triplets, of a model that is linear in the clusters of its parent.

    Raises
    ------
    InputError
        If it is another kind of model; it says how to train one of this kind.

    Examples
    --------
    ``interactions(mg.train(space, mg.read_structures("labels.db")))``
    """
    solved, settings, space = model.predictor, model.card.diffraction, model.own_space
    if settings.classes != "parent" or not isinstance(solved, Solved):
        raise InputError(
            "Monte Carlo in any cell needs a model of the parent's own clusters; train on structures "
            '(read_structures), or with diffraction = {resolution = "clusters", classes = "parent", cutoff = ...}'
        )
    if solved.kind != "linear":
        raise InputError(
            "this model bends in its columns, so that its energy is no sum over clusters; train on several cells or "
            "compositions (read_structures), where a straight function is solved"
        )
    clusters = SharedClusters.of(space, settings.cutoff or 0.0, settings.longest_triplet)
    slope = solved.prior * solved.slope
    n_sites = len(space.supercell_structure) / _primitive_cells(space)
    return Interactions(
        clusters,
        100.0 * n_sites * slope / clusters.size,
        float(n_sites * (solved.offset - (slope * solved.mean).sum())),
    )


def lattice_gas(model: Model, space: ConfigurationSpace) -> LatticeGas:
    """The arrangements of a supercell, of any composition, with the energies of a model.

    Raises
    ------
    InputError
        If the model is no sum over clusters, or has not met a species.
    """
    model.check(space)
    return LatticeGas(space, interactions(model))


def any_composition(model: Model, supercell: ArrayLike | None = None) -> ConfigurationSpace:
    """A cell of the parent with the model's sublattices and species, for ensembles in which the composition varies.

    Parameters
    ----------
    model : Model
    supercell : three int or (3, 3) array_like of int, optional
        By default that of the space it was trained on.
    """
    none = {host: dict.fromkeys(species, 0) for host, species in model.card.substitutions.items()}
    return model.space(model.card.supercell if supercell is None else supercell, none)


def _primitive_cells(space: ConfigurationSpace) -> int:
    return round(abs(float(np.linalg.det(space.primitive_cell.vectors_of(space.supercell_matrix)))))
