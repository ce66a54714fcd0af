"""`ground_states`: the lowest energies over all cell shapes, and their convex hull."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.derivatives import derivative_structures
from matganip.errors import InputError
from matganip.learning.interactions import any_composition, lattice_gas
from matganip.learning.model import Model
from matganip.progress import ProgressOption, reporting
from matganip.results.ground_states import GroundStates

Floats = NDArray[np.float64]


def ground_states(
    model: Model | str | os.PathLike[str],
    max_cells: int = 6,
    *,
    num_threads: int | None = None,
    progress: ProgressOption = None,
) -> GroundStates:
    """Work out the energy of every derivative structure of the parent, and which are on the convex hull.

    Parameters
    ----------
    model : Model or path-like
        A model that is linear in the clusters of its parent, or its folder; one species varies.
    max_cells : int
        Largest number of primitive cells of a structure.
    num_threads : int, optional
        None or 0 is all cores.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    GroundStates

    Raises
    ------
    InputError
        If the model is no sum over clusters, or several species vary.

    Examples
    --------
    ``mg.ground_states(model, 8).plot()``
    """
    asked = Model.of(model)
    if max_cells < 1:
        raise InputError(f"max_cells = {max_cells}: at least 1")
    own = any_composition(asked)
    several = [one for one in own.sublattice_table if len(one.species) > 1]
    if len(several) != 1 or len(several[0].species) != 2:
        raise InputError("ground states: of one sublattice with two species; this model has more")
    host = several[0].host
    (other,) = set(several[0].species) - {host}
    energy, number, sites, batches = [], [], [], []
    rows: list[int] = []
    with reporting(progress) as report:
        for cells in range(1, max_cells + 1):
            report("cells", cells, max_cells, "")
            for batch in derivative_structures(
                own.parent, {several[0].parent_sites: [host, other]}, cells, cells, num_threads=num_threads,
                symprec=own.symprec,
            ):  # fmt: skip
                gas = lattice_gas(asked, batch.space)
                found = gas.energy(batch.occupations, num_threads)
                code = batch.space.species[0].index(other) if other in batch.space.species[0] else -1
                n_all, n_own = len(batch.space.supercell_structure), batch.space.n_sites
                energy.append(found / n_all)
                number.append((batch.occupations == code).sum(axis=1) / n_own)
                sites.append(np.full(len(found), n_all))
                batches += [batch] * len(found)
                rows += range(len(found))
    each, x = np.concatenate(energy), np.concatenate(number)
    mixing = each - (1 - x) * each[x == 0].min() - x * each[x == 1].min()
    hull = _hull(x, mixing)
    return GroundStates(
        host, other, asked.calculator, x, each, mixing, np.concatenate(sites), hull,
        tuple(batches[row].space.structure(batches[row].occupations[rows[row]]) for row in hull), asked.remark(own),
    )  # fmt: skip


def _hull(x: Floats, mixing: Floats) -> tuple[int, ...]:
    """Rows on the lower convex hull, by composition: of each composition the first of the lowest."""
    levels = np.unique(x.round(9))
    lowest = [
        int(np.flatnonzero(np.abs(x - level) < 1e-8)[mixing[np.abs(x - level) < 1e-8].argmin()]) for level in levels
    ]
    kept: list[int] = []
    for row in lowest:
        while len(kept) > 1:
            a, b = kept[-2], kept[-1]
            if (mixing[b] - mixing[a]) * (x[row] - x[a]) < (mixing[row] - mixing[a]) * (x[b] - x[a]) - 1e-12:
                break
            kept.pop()
        kept.append(row)
    return tuple(kept)
