"""What each step of a study finds: plain data, without a word of how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.peaks import Peaks
    from matganip.labels.labelled import Labelled
    from matganip.learning.dataset import Dataset
    from matganip.learning.gan import Matganip
    from matganip.learning.history import TrainingHistory
    from matganip.learning.metrics import Metrics, TopK
    from matganip.screening.ranking import Ranking

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """How large a space is: raw, and up to symmetry (Burnside, without enumerating)."""

    name: str
    space: ConfigurationSpace
    n_orbits: int


@dataclass(frozen=True)
class Enumerated:
    """One arrangement of each orbit of the evaluated space, in the order of enumeration."""

    space: ConfigurationSpace
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]


@dataclass(frozen=True)
class Diffracted:
    """What the orbits look like.

    Parameters
    ----------
    peaks : Peaks
        Of every orbit, all peaks in the range.
    matrices : (n, n_peaks, n_peaks) float32 ndarray
        The graphs.
    n_distinct : int
        How many of the n peak lists, cut to the vertices of the graph, differ (by more than 1e-6 of 100).
    """

    peaks: Peaks
    matrices: NDArray[np.float32]
    n_distinct: int


@dataclass(frozen=True)
class Joined:
    """Labels on orbits, and what the best constant would be wrong by.

    Parameters
    ----------
    role : str
        Which part of the study they are for, "evaluate" or "screen".
    table : str
        Name of the table.
    labelled : Labelled
        Energies of orbits.
    n_orbits : int
        How many orbits the space has.
    deviation, baseline_mae, spread : float
        Standard deviation, mean absolute deviation from the mean, and range of the energies, in meV/atom, the
        first two weighted by multiplicity.
    """

    role: str
    table: str
    labelled: Labelled
    n_orbits: int
    deviation: float
    baseline_mae: float
    spread: float


@dataclass(frozen=True)
class Evaluated:
    """A model's predictions where it was asked, beside the truth and the constant.

    Parameters
    ----------
    protocol : str
        How it was split: "random-80-20", "leave-one-orbit-out" or "screen".
    calculator : str
        Whose energies were learned.
    calculated, predicted, constant : (n,) float64 ndarray
        In meV/atom above the labelled orbits' weighted mean; the constant is the mean of what was trained on.
    multiplicity : (n,) int64 ndarray
        How many arrangements each row of the test stands for.
    n_train, n_test, n_leaked : int
        Arrangements trained on and tested on, and how many of the tested ones have their orbit among the
        trained ones.
    orbits_train, orbits_test : int
        The same in orbits.
    metrics : Metrics
        The errors, with the constant's.
    """

    protocol: str
    calculator: str
    calculated: Floats
    predicted: Floats
    constant: Floats
    multiplicity: NDArray[np.int64]
    n_train: int
    n_test: int
    n_leaked: int
    orbits_train: int
    orbits_test: int
    metrics: Metrics


@dataclass(frozen=True)
class Trained:
    """The model that ranks, how it was trained, on what, and which of the labelled orbits that was."""

    model: Matganip
    history: TrainingHistory
    data: Dataset
    rows: NDArray[np.int64]
    calculator: str
    seconds: float


@dataclass(frozen=True)
class Screened:
    """The ranking of the screened space, with the labels that there are.

    Parameters
    ----------
    ranking : Ranking
        All orbits.
    label : (n,) float64 ndarray
        In eV per supercell, nan where there is none.
    trained : (n,) bool ndarray
        Whether the ranking model learned from it.
    calculator : str
        Whose labels these are.
    top : int
        How many of the lowest the study asks for.
    lowest : TopK, optional
        How many of the `top` lowest unseen labels are among the `top` lowest predictions of unseen orbits,
        and how many would be by chance; None where every label was trained on.
    check : Evaluated, optional
        The errors on the unseen labels.
    """

    ranking: Ranking
    label: Floats
    trained: NDArray[np.bool_]
    calculator: str
    top: int
    lowest: TopK | None
    check: Evaluated | None
