"""Several models of one kind: their mean predicts, their spread says how sure it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError, damaged
from matganip.files import atomic_path, read_json
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset, check_single
from matganip.learning.gan import Matganip
from matganip.learning.history import Progress, TrainingHistory
from matganip.learning.metrics import Metrics, evaluate

RECORD = "ensemble.json"
FORMAT, VERSION = "matganip-ensemble", 1

MemberCallback = Callable[[int, Progress], object]
"""Called with the number of the member in training and where it stands."""
MOST_MEMBERS = 1_000


class Ensemble:
    """Deep ensemble (Lakshminarayanan et al., NeurIPS 2017) of `Matganip` models.

    Members differ in their first weights, in the order of their batches and, with `resample`, in how much each row
    counts: weights are multiplied by independent exponential draws (the Bayesian bootstrap, Rubin, Ann. Stat. 9, 130
    (1981)). Without it what all members share, such as a solved readout, would add nothing to the spread.

    Parameters
    ----------
    config : MatganipConfig, optional
        Of each member; its seed gives theirs.
    n_members : int
        At least 2.
    resample : bool
        Whether members see reweighted rows.

    Raises
    ------
    InputError
        If there are fewer than two members, or more than 1,000.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = Dataset(rng.random((6, 8, 8)), target=rng.random(6), unit="eV")
    >>> ensemble = Ensemble(MatganipConfig(n_peaks=8, epochs=5), n_members=2)
    >>> histories = ensemble.fit(data)
    >>> mean, deviation = ensemble.predict(data.matrices)
    >>> mean.shape, bool((deviation >= 0).all())
    ((6,), True)
    """

    reads_features = False
    per_site = False

    def __init__(self, config: MatganipConfig | None = None, n_members: int = 5, *, resample: bool = True) -> None:
        if n_members < 2:
            raise InputError(f"ensemble: {n_members} members have no spread; at least 2 are needed")
        if n_members > MOST_MEMBERS:
            raise InputError(f"ensemble: {n_members:,} members are more than {MOST_MEMBERS:,}")
        self.config = config or MatganipConfig()
        self.resample = resample
        seeds = np.random.SeedSequence(self.config.seed).generate_state(n_members)
        self.members = tuple(Matganip(self.config.replace(seed=int(seed))) for seed in seeds)

    def __len__(self) -> int:
        return len(self.members)

    @property
    def unit(self) -> str:
        """Of the property."""
        return self.members[0].unit

    def fit(
        self, dataset: Dataset, validation: Dataset | None = None, callback: MemberCallback | None = None
    ) -> tuple[TrainingHistory, ...]:
        """Train every member afresh; see `Matganip.fit`.

        Parameters
        ----------
        dataset, validation : Dataset
        callback : callable, optional
            Called with a member's number and a `Progress`.

        Returns
        -------
        tuple of TrainingHistory
        """
        histories = []
        for number, member in enumerate(self.members):

            def tell(progress: Progress, number: int = number) -> None:
                if callback is not None:
                    callback(number, progress)

            histories.append(member.fit(self._rows(dataset, member.config.seed), validation, tell))
        return tuple(histories)

    def _rows(self, dataset: Dataset, seed: int) -> Dataset:
        if not self.resample:
            return dataset
        draws = np.random.default_rng(seed).exponential(size=len(dataset))
        return dataset.subset(np.arange(len(dataset)), weight=dataset.weight * np.maximum(draws, 1e-3))

    @property
    def baseline(self) -> float:
        """The mean baseline: the mean of the members' own, in `unit`."""
        return float(np.mean([member.baseline for member in self.members]))

    @property
    def baselines(self) -> NDArray[np.float64]:
        """(k,): the mean baseline of each property."""
        mean: NDArray[np.float64] = np.mean([member.baselines for member in self.members], axis=0)
        return mean

    def predict(self, matrices: ArrayLike, batch_size: int = 1024) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Predict the property and how far the members are apart.

        Parameters
        ----------
        matrices : (n, p, p) or (n, c, p, p) array
        batch_size : int
            How many to compute at a time.

        Returns
        -------
        mean, deviation : (n,) or (n, k) float64 ndarrays
            Mean and sample standard deviation over the members, in `unit`.
        """
        every = np.array([member.predict(matrices, batch_size) for member in self.members])  # (k, n)
        return every.mean(axis=0), every.std(axis=0, ddof=1)

    def evaluate(self, dataset: Dataset) -> Metrics:
        """Measure the errors of the mean on a labelled set; see `Matganip.evaluate`."""
        check_single(self.members[0].names)
        if dataset.unit != self.unit:
            raise InputError(f"the targets are in {dataset.unit or 'no unit'}, the ensemble learned {self.unit}")
        mean, _ = self.predict(dataset.matrices)
        return evaluate(mean, dataset.target, baseline=self.baseline, weight=dataset.weight, unit=dataset.unit)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a folder for each member, and ``ensemble.json`` last."""
        path = Path(folder)
        for number, member in enumerate(self.members):
            member.save(path / f"member-{number}")
        record = {
            "format": FORMAT,
            "version": VERSION,
            "n_members": len(self),
            "resample": self.resample,
            "config": self.config.to_dict(),
        }
        with atomic_path(path / RECORD) as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If a file is missing, damaged or of another version.
        """
        path = Path(folder) / RECORD
        record = read_json(path)
        if not isinstance(record, dict) or (record.get("format"), record.get("version")) != (FORMAT, VERSION):
            raise InputError(f"{path}: not the record of a matganip ensemble of version {VERSION}")
        with damaged(path):
            config = MatganipConfig.from_dict({**record["config"], "device": device})
            made = cls(config, int(record["n_members"]), resample=bool(record["resample"]))
        made.members = tuple(
            Matganip.load(Path(folder) / f"member-{number}", device) for number in range(len(made.members))
        )
        return made
