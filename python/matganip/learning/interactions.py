"""What a solved model of shared clusters says that each cluster costs: its energy in any supercell of the parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.features.lattice.lattice_gas import Interactions, LatticeGas
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.learning.representation import representation
from matganip.learning.solved import Solved

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.model import Model

Floats = NDArray[np.float64]

_SAME = 1e-7
"""Part of the range of energies by which two ways to work them out may differ."""


def interactions(model: Model) -> Interactions:
    """Energies of points, pairs and triplets, of a model that is linear in its parent's clusters or Patterson function.

    Raises
    ------
    InputError
        If it is another kind of model; it says how to train one of this kind.

    Examples
    --------
    ``interactions(mg.train(space, mg.read_structures("labels.db")))``
    """
    solved, settings, space = model.predictor, model.card.diffraction, model.own_space
    patterson = settings.cutoff is not None and settings.resolution != "clusters"
    if not (patterson or settings.classes == "parent") or not isinstance(solved, Solved):
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
    constant = float(solved.offset - (slope * solved.mean).sum())
    if patterson:
        slope, added = _in_clusters(model, clusters, slope)
        constant += added
    n_sites = len(space.supercell_structure) / _primitive_cells(space)
    return Interactions(clusters, 100.0 * n_sites * slope / clusters.size, n_sites * constant)


def _in_clusters(model: Model, clusters: SharedClusters, slope: Floats) -> tuple[Floats, float]:
    """A linear function of the Patterson function as one of the shares of clusters, which it is linear in.

    The coefficients, and a constant, are those that agree on random arrangements of a cell in which all clusters within
    the cutoff are different ones.
    """
    settings = model.card.diffraction
    shared = settings.replace(resolution="clusters", classes="parent")
    reach = 2.0 * max(settings.cutoff or 0.0, settings.longest_triplet or 0.0)
    spacings = 1.0 / np.array(model.card.parent.lattice.reciprocal_lattice_crystallographic.abc)
    cell = any_composition(model, np.ceil(reach / spacings + 1e-6).astype(int).tolist())
    random = np.random.default_rng(0)
    n_rows = 2 * len(clusters.size) + 20
    sizes = np.array([len(cell.species[row]) for row in cell.sublattices])
    skewed = random.random((n_rows, cell.n_sites)) ** random.uniform(0.4, 2.5, (n_rows, 1))
    rows = (skewed * sizes).astype(np.uint8)
    shares = representation(shared, cell).features(rows)
    wanted = model.represent(cell).features(rows) @ slope
    matrix = np.column_stack([shares, np.ones(n_rows)])
    found: Floats = np.asarray(np.linalg.lstsq(matrix, wanted, rcond=1e-12)[0], dtype=np.float64)
    off = float(np.abs(matrix @ found - wanted).max())
    if off > _SAME * max(float(np.ptp(wanted)), 1e-12):
        raise InputError(
            "the Patterson function of this model is no sum over the clusters within its cutoff; train with "
            'diffraction = {resolution = "clusters", classes = "parent", cutoff = ...}'
        )
    return found[:-1], float(found[-1])


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
