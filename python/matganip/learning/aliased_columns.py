"""Columns that the cells of a training set cannot tell from nearer ones.

In a small cell a long pair joins the same sites as a shorter one: whatever stands on them, one column is then a linear
function of others, and how an energy is shared among them is anyone's choice. Interactions decay, so the nearer ones
take it all; a larger cell, in which the two are different pairs, would pay for any other choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matganip.configurations.mapping import MappedStructure
    from matganip.learning.shared_columns import SharedColumns

ROWS_PER_COLUMN = 1.5
"""Arrangements drawn for each column."""
_RANK = 1e-8
"""Part of a column that nearer ones leave of it, below which it is rounding."""


def told_apart(shared: SharedColumns, training: Sequence[MappedStructure]) -> NDArray[np.bool_]:
    """Which columns random arrangements in the cells of a training set tell from all nearer ones.

    Parameters
    ----------
    shared : SharedColumns
    training : sequence of MappedStructure
        Their cells count, each as often as it occurs; what stands on their sites does not.

    Returns
    -------
    (p,) bool ndarray
        Columns of one distance: those of fewer sites come first.
    """
    clusters, random = shared.clusters, np.random.default_rng(0)
    order = np.lexsort((clusters.order, np.rint(clusters.distance / 1e-5)))
    n_rows = int(ROWS_PER_COLUMN * len(order)) + 10
    rows = np.linspace(0, len(training) - 1e-9, max(n_rows, len(training))).astype(int)
    table = np.array([shared.of(_shuffled(shared, training[row], random)) for row in rows])[:, order]
    table -= table.mean(axis=0)
    left = np.abs(np.diag(np.linalg.qr(table, mode="r")))
    apart = np.zeros(len(order), dtype=bool)
    apart[order] = left > _RANK * np.linalg.norm(table, axis=0).max()
    return apart


def _shuffled(shared: SharedColumns, cell: MappedStructure, random: np.random.Generator) -> MappedStructure:
    """The same cell with species drawn for every substituted site."""
    species = [
        str(random.choice(shared.allowed[basis])) if basis < shared.n_basis else name
        for basis, name in zip(cell.basis.tolist(), cell.species, strict=True)
    ]
    return replace(cell, species=tuple(species))
