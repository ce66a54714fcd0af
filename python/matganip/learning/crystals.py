"""MATGANIP for crystals of any elements: from their peaks to a property, the tolerance factor for one (MATGANIP.f)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.features.powder.crystal_peaks import CrystalInput, CrystalPeaks, crystal_peaks, graphs
from matganip.files import atomic_path
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.ensemble import Ensemble

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.learning.ensemble import MemberCallback

Floats = NDArray[np.float64]

RECORD, FORMAT, VERSION = "crystals.json", "matganip-crystals", 1

CONFIG = MatganipConfig(
    n_peaks=16,
    conv_channels=(4, 8),
    readout_fit="adam",
    readout_sizes=(128, 128, 128),
    readout_gain=1.0,
    correction_gain=0.1,
    objective="supervised",
    epochs=60,
    batch_size=128,
    learning_rate=3e-3,
    evaluate_every=20,
)
"""What learns tolerance factors best within a minute; docs/matganip-f.md has what else was tried."""


@dataclass(frozen=True, eq=False)
class Innovations:
    """What each peak says that the peaks at lower angles do not say.

    Structure factors of neighbouring families are all but the same number, f_A + f_B +- ..., at slightly different
    angles: what tells one element from the next is a small difference of large numbers, on which networks train badly.
    With the Cholesky factor L of their correlations over the training set, L^-1 x is x_i less what a linear function of
    x_1 ... x_(i-1) foretells, in units of its deviation: one number a peak, still, and in the order of the peaks.

    Parameters
    ----------
    mean, deviation : (p + 1,) float64 ndarray
        Of the first peak's angle and of the amplitudes.
    factor : (p + 1, p + 1) float64 ndarray
        L.
    """

    mean: Floats
    deviation: Floats
    factor: Floats

    CONTRAST = 0.3
    LARGEST = 6.0

    @classmethod
    def fit(cls, peaks: CrystalPeaks) -> Innovations:
        """Measure the peaks of a training set."""
        columns = _columns(peaks)
        mean, deviation = columns.mean(axis=0), columns.std(axis=0)
        deviation = np.where(deviation > 1e-9 * np.abs(columns).max(axis=0), deviation, np.inf)
        scaled = (columns - mean) / deviation
        correlation = scaled.T @ scaled / len(scaled) + 1e-7 * np.eye(scaled.shape[1])
        return cls(mean, deviation, np.linalg.cholesky(correlation))

    def strengths(self, peaks: CrystalPeaks) -> Floats:
        """(n, p): 1 + 0.3 times the innovations, cut at 6 deviations: what stands for the intensity in the graph.

        The 1 keeps their sign visible in a_ij = t_i t_j + I_i I_j, which is blind to that of all I at once.
        """
        scaled = (_columns(peaks) - self.mean) / self.deviation
        found = np.linalg.solve(self.factor, scaled.T).T[:, 1:]
        strengths: Floats = 1.0 + self.CONTRAST * np.clip(found, -self.LARGEST, self.LARGEST)
        return strengths

    def to_dict(self) -> dict[str, Any]:
        """Plain values; an infinite deviation becomes None."""
        deviation = [value if np.isfinite(value) else None for value in self.deviation.tolist()]
        return {"mean": self.mean.tolist(), "deviation": deviation, "factor": self.factor.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Innovations:
        """Undo `to_dict`."""
        deviation = [np.inf if value is None else value for value in values["deviation"]]
        return cls(*(np.array(part, dtype=np.float64) for part in (values["mean"], deviation, values["factor"])))


class CrystalModel:
    """An ensemble of MATGANIP networks that reads any crystals.

    Parameters
    ----------
    config : MatganipConfig, optional
        `CONFIG` by default; its ``n_peaks`` is taken from `made`.
    made : CrystalInput, optional
        Vertices and intensities.
    n_members : int
        Networks, at least 2; their mean predicts.

    Examples
    --------
    >>> import matganip as mg
    >>> cells = [mg.perovskite(f"Cs{b}I3", a=a) for b, a in (("Pb", 6.3), ("Sn", 6.2), ("Ge", 6.0), ("Ca", 6.3))]
    >>> model = CrystalModel(CONFIG.replace(epochs=2), CrystalInput(n_peaks=8))
    >>> model.fit(crystal_peaks(cells, model.made), [0.85, 0.89, 0.98, 0.89])
    >>> model.predict(cells).shape, model.made.name
    ((4,), 'absolute per formula unit')
    """

    def __init__(
        self, config: MatganipConfig | None = None, made: CrystalInput | None = None, n_members: int = 2
    ) -> None:
        self.made = made or CrystalInput()
        self.ensemble = Ensemble((config or CONFIG).replace(n_peaks=self.made.n_peaks), n_members, resample=False)
        self.innovations: Innovations | None = None

    def fit(
        self,
        peaks: CrystalPeaks,
        target: ArrayLike,
        *,
        unit: str = "",
        name: str = "tolerance factor",
        callback: MemberCallback | None = None,
    ) -> None:
        """Train every network.

        Parameters
        ----------
        peaks : CrystalPeaks
            Of n crystals, made as `made` says.
        target : (n,) array
            The property.
        unit, name : str
            Of the property.
        callback : callable, optional
            Called with a member's number and a `Progress`.

        Raises
        ------
        InputError
            If the peaks were made otherwise, or as `Matganip.fit`.
        """
        self._check(peaks)
        self.innovations = Innovations.fit(peaks)
        data = Dataset(self._matrices(peaks), target, unit=unit, names=[name])
        self.ensemble.fit(data, callback=callback)

    def predict(self, crystals: CrystalPeaks | Iterable[Structure | str | os.PathLike[str]]) -> Floats:
        """Predict the property, (n,), of crystals or of their peaks."""
        return self.predict_with_spread(crystals)[0]

    def predict_with_spread(
        self, crystals: CrystalPeaks | Iterable[Structure | str | os.PathLike[str]]
    ) -> tuple[Floats, Floats]:
        """Predict the property, (n,), and by how much the networks differ, (n,).

        Raises
        ------
        InputError
            If the model is not fitted, or a crystal cannot be diffracted.
        """
        peaks = crystals if isinstance(crystals, CrystalPeaks) else crystal_peaks(crystals, self.made)
        self._check(peaks)
        return self.ensemble.predict(self._matrices(peaks))

    @property
    def baseline(self) -> float:
        """The mean baseline: the mean of the training set."""
        return self.ensemble.baseline

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the networks, and ``crystals.json``: how crystals become graphs."""
        if self.innovations is None:
            raise InputError("the model is not fitted yet: call fit, or load one that was saved")
        self.ensemble.save(folder)
        record = {
            "format": FORMAT,
            "version": VERSION,
            "input": self.made.model_dump(mode="json"),
            "innovations": self.innovations.to_dict(),
        }
        with atomic_path(Path(folder) / RECORD) as temporary:
            temporary.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If a file is missing, damaged or of another version.
        """
        path = Path(folder) / RECORD
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if (record.get("format"), record.get("version")) != (FORMAT, VERSION):
                raise InputError(f"{path}: not the record of a crystal model of version {VERSION}")
            made, innovations = CrystalInput.of(record["input"]), Innovations.from_dict(record["innovations"])
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if str(error).startswith(str(path)):
                raise
            raise InputError(f"{path}: damaged: {error}") from error
        ensemble = Ensemble.load(folder, device)
        model = cls(ensemble.config, made, len(ensemble))
        model.ensemble, model.innovations = ensemble, innovations
        return model

    def _matrices(self, peaks: CrystalPeaks) -> NDArray[np.float32]:
        if self.innovations is None:
            raise InputError("the model is not fitted yet: call fit, or load one that was saved")
        return graphs(peaks.two_theta, self.innovations.strengths(peaks))

    def _check(self, peaks: CrystalPeaks) -> None:
        if peaks.made != self.made:
            raise InputError(f"the peaks were made as {peaks.made}, the model reads {self.made}")


def _columns(peaks: CrystalPeaks) -> Floats:
    return np.concatenate([peaks.two_theta[:, :1], peaks.amplitude], axis=1)


def formulas_apart(
    formulas: Sequence[str], train_size: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to train on and to test, no formula in both (`matganip.learning.splits.by_formula`)."""
    from matganip.learning.splits import by_formula

    split = by_formula(Dataset(np.zeros((len(formulas), 4, 4)), np.zeros(len(formulas))), formulas, train_size, seed)
    return split.train_rows, split.test_rows
