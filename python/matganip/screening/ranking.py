"""Every orbit of a space in the order of what a model predicts for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.lattice.diffraction import LatticeDiffraction
    from matganip.features.peaks import Peaks

Floats = NDArray[np.float64]
Represent = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
Predict = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True)
class GraphRepresentation:
    """From occupations to the matrices that a network reads: peaks, then the graph of the first ones.

    Parameters
    ----------
    diffraction : LatticeDiffraction
        The diffractometer of one space.
    n_peaks : int
        Vertices of the graph.
    scaling : str
        Of the graph matrix, ``"unit"`` or ``"paper"``.

    Triplets, where the diffractometer makes them, are vertices after the peaks.
    """

    diffraction: LatticeDiffraction
    n_peaks: int
    scaling: Any = "unit"

    @property
    def columns(self) -> Peaks:
        """The peaks of one arrangement, for what all have in common: where they stand."""
        return self.peaks(np.zeros((1, self.diffraction.space.n_sites), dtype=np.uint8))

    @property
    def positions(self) -> tuple[float, ...]:
        """Position t_i of each vertex as the matrices hold it, 0 where there is none."""
        from matganip.learning.saliency import Vertices

        return tuple(Vertices.of(self.columns, self.n_peaks, self.scaling).position.tolist())

    def peaks(self, occupations: NDArray[np.uint8]) -> Peaks:
        """The vertices, and the peaks beyond them, of occupations (n, n_sites) uint8."""
        found = self.diffraction.peaks(occupations)
        return found if found.triplets is None else found.triplets_as_vertices()

    def __call__(self, occupations: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Matrices (n, n_peaks, n_peaks) float32 of occupations (n, n_sites) uint8."""
        from matganip.features.graph.matrix import graph_matrix

        return graph_matrix(self.peaks(occupations), n_peaks=self.n_peaks, scaling=self.scaling)


@dataclass(frozen=True)
class Ranking:
    """Orbits in the order of their predicted energy, lowest first; ties in the order of enumeration.

    Parameters
    ----------
    space : ConfigurationSpace
        Whose orbits these are.
    orbit : (n,) int64 ndarray
        Place of each orbit in the order of enumeration.
    occupations : (n, n_sites) uint8 ndarray
        The orbit's representative.
    multiplicity : (n,) int64 ndarray
        Size of the orbit.
    prediction : (n,) float64 ndarray
        In eV per supercell, ascending.
    """

    space: ConfigurationSpace
    orbit: NDArray[np.int64]
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    prediction: Floats

    def __len__(self) -> int:
        return len(self.orbit)

    @property
    def relative(self) -> Floats:
        """Prediction above the lowest one, in meV/atom."""
        above: Floats = (self.prediction - self.prediction[:1]) * (1000.0 / self.space.n_atoms)
        return above


def rank(
    space: ConfigurationSpace,
    represent: Represent,
    predict: Predict,
    *,
    batch_size: int = 4096,
    decimals: int = 7,
    progress: Callable[[int], None] | None = None,
) -> Ranking:
    """Predict every orbit of a space, in batches, and sort.

    Parameters
    ----------
    space : ConfigurationSpace
        The space to screen.
    represent : callable
        Occupations (n, n_sites) uint8 to matrices (n, ...) float32; `GraphRepresentation` is one.
    predict : callable
        Matrices to (n,) float64 energies in eV per supercell; `Matganip.predict` is one.
    batch_size : int
        Orbits at a time: the matrices of so many are held at once.
    decimals : int
        Predictions are rounded to so many decimals of an eV. A float32 network says no more, and two
        arrangements with the same peaks must tie, wherever in a batch they stood.
    progress : callable, optional
        Called with the number of orbits done after each batch.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueError
        If a prediction is not finite.
    """
    parts = []
    done = 0
    for batch in space.orbits(batch_size=batch_size):
        energy = np.round(predict(represent(batch.occupations)), decimals)
        if not np.isfinite(energy).all():
            raise ValueError(f"the model predicts {energy[~np.isfinite(energy)][0]} for an orbit: it diverged")
        parts.append((batch.occupations, batch.multiplicity, energy))
        done += len(batch)
        if progress is not None:
            progress(done)
    occupations, multiplicity, prediction = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(prediction, kind="stable")
    return Ranking(space, order, occupations[order], multiplicity[order], prediction[order])


def locate(occupations: NDArray[np.uint8], among: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find rows among others.

    Parameters
    ----------
    occupations : (m, n_sites) uint8 ndarray
        Canonical representatives to look for.
    among : (n, n_sites) uint8 ndarray
        Distinct rows, in any order.

    Returns
    -------
    (m,) int64 ndarray
        Where each row stands in `among`, -1 where it does not.

    Examples
    --------
    >>> rows = np.array([[0, 1], [1, 0], [1, 1]], dtype=np.uint8)
    >>> locate(rows[[2, 0]], rows), locate(rows[[1]], rows[[0]])
    (array([2, 0]), array([-1]))
    """
    wanted, known = _as_bytes(occupations), _as_bytes(among)
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    found: NDArray[np.int64] = order[place]
    return np.where(known[found] == wanted, found, -1)


def _as_bytes(occupations: NDArray[np.uint8]) -> NDArray[np.void]:
    """Each row as one value that sorts and compares as its bytes do."""
    rows = np.ascontiguousarray(occupations)
    return rows.view(f"V{rows.shape[1]}").ravel()
