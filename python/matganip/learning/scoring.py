"""What models say of arrangements, those with the same graph once: occupations to properties, block by block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.representation import GraphRepresentation

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.peaks import Peaks

Floats = NDArray[np.float64]

DECIMALS = 7
"""Of an energy in eV per supercell: a float32 network says no more."""
FEATURE_DECIMALS = 8
"""Of an intensity, 0 to 100, in a graph: float32 holds fewer, and rounding errors are a thousandth of it."""
_ROWS = 4096


class Predictor(Protocol):
    """A network, several, or a function of the columns themselves: it predicts eV/atom or eV/site."""

    @property
    def reads_features(self) -> bool:
        """Whether it reads the columns (n, p) themselves; a network reads the matrices (n, p, p) made of them."""
        ...

    @property
    def per_site(self) -> bool:
        """Whether it predicts energies per site of the supercell, vacant ones included, instead of per atom."""
        ...

    @property
    def baseline(self) -> float:
        """The mean of the training set, eV/atom."""
        ...

    def predict(self, inputs: Any) -> Any:
        """Predict (n,) energies of features or matrices; where it knows how sure it is, with their deviations."""
        ...


def ask(predictor: Predictor, represent: GraphRepresentation, features: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation (n,), eV/atom or eV/site, of the columns (n, p); nan where it gives no deviation."""
    predicted = predictor.predict(features if predictor.reads_features else represent.matrices(features, 1))
    if isinstance(predicted, tuple):
        return predicted
    return predicted, np.full(len(features), np.nan)


@dataclass(frozen=True)
class GraphScorer:
    """One property of the arrangements of a space: peaks, graph, network.

    Parameters
    ----------
    represent : GraphRepresentation
        From occupations to graphs.
    model : Predictor
        Predicts eV/atom.

    Notes
    -----
    Intensities are rounded before the graph is made of them. Arrangements with the same graph, which diffraction
    does not tell apart, are then equal to the last bit and get the same prediction: one is computed.
    """

    represent: GraphRepresentation
    model: Predictor

    @property
    def space(self) -> ConfigurationSpace:
        """The space of the arrangements."""
        return self.represent.diffraction.space

    @cached_property
    def n_atoms(self) -> int:
        """Atoms in the supercell, vacancies left out."""
        return self.space.n_atoms

    def features(self, occupations: NDArray[np.uint8]) -> Floats:
        """Intensities (n, p) of the graphs' vertices, triplets behind peaks, of occupations (n, n_sites) uint8."""
        return self.represent.features(occupations, 1)

    def predict(self, features: Floats) -> Scores:
        """Predict a block of `features`, rows with the same graph once.

        Parameters
        ----------
        features : (n, p) float64 ndarray

        Returns
        -------
        Scores

        Raises
        ------
        InputError
            If a prediction is not finite.
        """
        units, first, of_row = classes(features)
        energy = np.empty(len(first))
        deviation = np.full(len(first), np.nan)
        for start in range(0, len(first), _ROWS):
            part = slice(start, start + _ROWS)
            energy[part], deviation[part] = self._predict(units[first[part]] / 10.0**FEATURE_DECIMALS)
        return Scores(energy[of_row], deviation[of_row], len(first))

    def peaks(self, intensity: Floats) -> Peaks:
        """The vertices of the graphs, from `features`."""
        return replace(self.represent.vertices, intensity=intensity)

    def matrices(self, intensity: Floats) -> NDArray[np.float32]:
        """Graph matrices (n, p, p), from `features`."""
        return self.represent.matrices(intensity, 1)

    def _predict(self, intensity: Floats) -> tuple[Floats, Floats]:
        """Energies and deviations (n,), in eV per supercell, of rounded intensities (n, p)."""
        mean, deviation = ask(self.model, self.represent, intensity)
        if not np.isfinite(mean).all():
            raise InputError(f"the model predicts {mean[~np.isfinite(mean)][0]} for an arrangement: it diverged")
        scale = float(len(self.space.supercell_structure) if self.model.per_site else self.n_atoms)
        return np.round(mean * scale, DECIMALS) + 0.0, np.round(deviation * scale, DECIMALS)


@dataclass(frozen=True)
class Panel:
    """Models that were trained each by itself, on the same kind of graph: their mean predicts, their spread warns.

    Parameters
    ----------
    members : tuple of Predictor
        At least two.
    """

    members: tuple[Predictor, ...]

    @property
    def baseline(self) -> float:
        """The mean of the members' own."""
        return float(np.mean([member.baseline for member in self.members]))

    @property
    def reads_features(self) -> bool:
        """What the members read, which is the same for all."""
        return self.members[0].reads_features

    @property
    def per_site(self) -> bool:
        """What the members predict, which is the same for all."""
        return self.members[0].per_site

    def predict(self, inputs: Any) -> tuple[Floats, Floats]:
        """Mean and sample standard deviation (n,) over the members, of what they read."""
        said = [member.predict(inputs) for member in self.members]
        every = np.array([one[0] if isinstance(one, tuple) else one for one in said])
        return every.mean(axis=0), every.std(axis=0, ddof=1)


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model says of a block.

    Attributes
    ----------
    energy, deviation : (n,) float64 ndarray
        eV per supercell; nan deviations where there is one model.
    n_computed : int
        Different graphs among the rows.
    """

    energy: Floats
    deviation: Floats
    n_computed: int


def classes(features: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find equal rows, after rounding.

    Parameters
    ----------
    features : (n, p) float64 ndarray

    Returns
    -------
    units : (n, p) int64 ndarray
        The features in units of the last decimal that is kept.
    first : (c,) int64 ndarray
        A row of each class.
    of_row : (n,) int64 ndarray
        The class of each row.

    Notes
    -----
    Rows are compared by a 64-bit hash. Should two different rows ever have the same, the later one is made a class of
    its own: what is found is exact.

    Examples
    --------
    >>> units, first, of_row = classes(np.array([[1.0, 2.0], [3.0, 0.0], [1.0, 2.0 + 1e-12]]))
    >>> len(first), bool(of_row[0] == of_row[2]), bool(of_row[0] == of_row[1])
    (2, True, False)
    """
    units = np.rint(features * 10.0**FEATURE_DECIMALS).astype(np.int64)
    hashes = _hash(units)
    _, first, of_row = np.unique(hashes, return_index=True, return_inverse=True)
    differs = np.flatnonzero((units != units[first[of_row]]).any(axis=1))
    of_row[differs] = len(first) + np.arange(len(differs))
    return units, np.concatenate([first, differs]), of_row


def _hash(units: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A 64-bit number for each row, (n,): multiply and shift, with wrap-around (Dietzfelbinger et al., 1997)."""
    odd = np.random.default_rng(0).integers(0, 2**63, units.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    mixed = units.view(np.uint64) * odd
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    total: NDArray[np.uint64] = mixed.sum(axis=1, dtype=np.uint64)
    return total
