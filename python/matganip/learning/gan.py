"""MATGANIP as a user meets it: fit, predict, save, load."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError, damaged, first_line
from matganip.learning import checkpoints
from matganip.learning._torch import torch
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import UNNAMED, Dataset, as_matrices, check_single
from matganip.learning.history import Progress, ProgressCallback, TrainingHistory
from matganip.learning.inference import compiled
from matganip.learning.metrics import Metrics, evaluate
from matganip.learning.networks import Discriminator, Generator, Graphs
from matganip.learning.readouts import KernelReadout
from matganip.learning.resume import StateFile, fingerprint
from matganip.learning.scaling import GraphScaler, Scaler, TargetScaler
from matganip.learning.training import DivergedError, TrainingRows, train

__all__ = ["DivergedError", "Matganip", "MatganipConfig", "Progress", "TrainingHistory"]


class Matganip:
    """The generator, the discriminator and their scalers: a property from a diffraction graph.

    Parameters
    ----------
    config : MatganipConfig, optional
        Sizes and training; the defaults where omitted.

    Attributes
    ----------
    config : MatganipConfig
    generator : Generator
        The network that predicts.
    discriminator : Discriminator or None
        Its opponent; None for the supervised objective.
    history : TrainingHistory
        Of the training behind the weights.
    names, units : tuple of str
        Of each property.
    unit : str
        Of the property; the units of several are joined by commas.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = Dataset(rng.random((6, 8, 8)), target=rng.random(6), unit="eV")
    >>> model = Matganip(MatganipConfig(n_peaks=8, epochs=5))
    >>> history = model.fit(data)
    >>> model.predict(data.matrices).shape, history.last.epoch
    ((6,), 5)
    """

    generator: Generator
    discriminator: Discriminator | None
    history: TrainingHistory
    unit: str
    units: tuple[str, ...]
    names: tuple[str, ...]
    _inputs: GraphScaler
    _outputs: TargetScaler

    reads_features = False
    per_site = False

    def __init__(self, config: MatganipConfig | None = None) -> None:
        self.config = config or MatganipConfig()
        self._device = torch_device(self.config.device)
        self._fitted = False

    def fit(
        self,
        dataset: Dataset,
        validation: Dataset | None = None,
        callback: ProgressCallback | None = None,
        *,
        state: str | os.PathLike[str] | None = None,
    ) -> TrainingHistory:
        """Train afresh.

        Equal rows are joined first, which changes no loss (`Dataset.collapsed`). The same data, config
        and number of threads give the same weights bit for bit on one kind of CPU.

        Parameters
        ----------
        dataset : Dataset
            The training set.
        validation : Dataset, optional
            Decides which epoch's weights are kept, and with ``patience`` when to stop.
        callback : callable, optional
            Called with a `Progress` every ``evaluate_every`` epochs.
        state : path-like, optional
            A file that is kept up to date at each of these. Where it is there already the training goes on from it,
            to the same weights, bit for bit, as one that was never stopped.

        Returns
        -------
        TrainingHistory

        Raises
        ------
        InputError
            If the matrices do not have the config's peaks and channels or the targets not its number of properties, the
            two sets differ in names or units, all
            targets are equal, the training diverges (`DivergedError`), or `state` is damaged or of another
            training.
        """
        config = self.config
        for data in (dataset, validation or dataset):
            self._check(data.matrices)
            self._check_properties(data)
            _check_same(data, dataset.names, dataset.units)
        if config.discriminator != "sequence" or config.objective == "supervised":
            dataset = dataset.collapsed()  # a sequence would be another one without its repeats
        inputs, outputs = GraphScaler.fit(dataset, config.positions), TargetScaler.fit(dataset)
        state_file = None if state is None else StateFile(Path(state), fingerprint(config, dataset, validation))
        with _threads(config.num_threads), _exact_convolutions():
            generator, discriminator = self._networks()
            rows = TrainingRows.of(dataset, inputs, outputs, self._device)
            check = None if validation is None else TrainingRows.of(validation, inputs, outputs, self._device)
            self.generator, self.history = train(
                generator,
                discriminator,
                rows,
                check,
                config,
                callback=callback or _silent,
                unit=dataset.unit if len(dataset.names) == 1 else "standard deviations",
                scale=float(outputs.scale[0]) if len(dataset.names) == 1 else 1.0,
                state_file=state_file,
            )
        self.discriminator = discriminator
        self._inputs, self._outputs = inputs, outputs
        self.unit, self.units, self.names = dataset.unit, dataset.units, dataset.names
        self._fitted = True
        return self.history

    @property
    def baseline(self) -> float:
        """The mean baseline of the one property: the weighted mean of the training targets, in `unit`."""
        self._check_fitted()
        check_single(self.names)
        return float(self._outputs.mean[0])

    @property
    def baselines(self) -> NDArray[np.float64]:
        """(k,): the mean baseline of each property, in its unit."""
        self._check_fitted()
        return self._outputs.mean

    def predict(
        self, matrices: ArrayLike, batch_size: int = 1024, *, num_threads: int | None = None
    ) -> NDArray[np.float64]:
        """Predict the property: on a CPU by the compiled kernel, on other devices by torch.

        Parameters
        ----------
        matrices : (n, p, p) or (n, c, p, p) array
            Graph matrices as those trained on; any n, zero included.
        batch_size : int
            How many a device computes at a time, which bounds the memory.
        num_threads : int, optional
            Of the kernel; None is as many as torch takes, 0 all cores.

        Returns
        -------
        (n,) or (n, k) float64 ndarray
            In `unit`, or each of k properties in its own of `units`. On a CPU a row's prediction does not depend, to
            the last bit, on the other rows, their order, the batch size or the number of threads.

        Raises
        ------
        InputError
            If the model is not fitted, the matrices do not have its peaks and channels, or one holds a value
            that is not finite.
        """
        self._check_fitted()
        stacked = as_matrices(matrices)
        self._check(stacked)
        if self._device.type == "cpu":
            threads = torch.get_num_threads() if num_threads is None else num_threads
            scaled = compiled(self.generator, self._inputs).predict(stacked, num_threads=threads)  # (n, k)
        else:
            scaled = self._predict_on_device(stacked, batch_size)
        _refuse_infinite(scaled)
        predicted = self._outputs.inverse(scaled)
        return predicted[:, 0] if len(self.names) == 1 else predicted

    def _predict_on_device(self, matrices: NDArray[np.float32], batch_size: int) -> NDArray[np.float64]:
        """Standardised properties, (n, k), by torch."""
        parts = [np.empty((0, len(self.names)))]
        with torch.inference_mode(), _exact_convolutions():
            for start in range(0, len(matrices), batch_size):
                graphs = Graphs.of(matrices[start : start + batch_size], self._inputs, self._device)
                parts.append(self.generator(graphs).cpu().double().numpy())  # (b, k)
        return np.concatenate(parts)

    def evaluate(self, dataset: Dataset) -> Metrics:
        """Measure the errors on a labelled set, beside those of the mean baseline.

        Parameters
        ----------
        dataset : Dataset
            Not the one that was trained on.

        Returns
        -------
        Metrics
            In `unit`, weighted by the weights of `dataset`.

        Raises
        ------
        InputError
            If the matrices do not fit the model, the targets are in another unit than it learned, or there are
            several properties: `evaluate_each` is for those.
        """
        self._check_fitted()
        check_single(self.names)
        return self.evaluate_each(dataset)[self.names[0]]

    def evaluate_each(self, dataset: Dataset) -> dict[str, Metrics]:
        """Measure the errors of each property, as `evaluate` does that of one.

        Parameters
        ----------
        dataset : Dataset

        Returns
        -------
        dict of str to Metrics
            By the names of the properties, each in its own unit.

        Raises
        ------
        InputError
            If the matrices do not fit the model, or the targets have other names or units than it learned.
        """
        self._check_fitted()
        _check_same(dataset, self.names, self.units)
        predicted = self.predict(dataset.matrices).reshape(len(dataset), -1)
        target = dataset.target.reshape(len(dataset), -1)
        return {
            name: evaluate(predicted[:, i], target[:, i], baseline=baseline, weight=dataset.weight, unit=self.units[i])
            for i, (name, baseline) in enumerate(zip(self.names, self.baselines.tolist(), strict=True))
        }

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model into a folder: ``model.safetensors`` and ``model.json``.

        Parameters
        ----------
        folder : path-like
            Made where it is missing.

        Raises
        ------
        InputError
            If the model is not fitted or the folder cannot be written to.
        """
        self._check_fitted()
        record = {
            "config": self.config.to_dict(),
            "target": {
                "mean": self._outputs.mean.tolist(),
                "scale": self._outputs.scale.tolist(),
                "units": self.units,
                "names": self.names,
            },
            "history": self.history.to_dict(),
        }
        checkpoints.write(Path(folder), checkpoints.Checkpoint(self._tensors(), record))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights and scalers, the one that ``model.json`` holds."""
        self._check_fitted()
        return hashlib.sha256(checkpoints.serialized(self._tensors())).hexdigest()

    def _tensors(self) -> checkpoints.Tensors:
        """Weights and scalers by name."""
        tensors = {f"generator.{name}": t for name, t in self.generator.state_dict().items()}
        if self.discriminator is not None:
            tensors |= {f"discriminator.{name}": t for name, t in self.discriminator.state_dict().items()}
        for name in ("matrices", "strengths"):
            for part in _PARTS:
                tensors[f"{name}.{part}"] = torch.from_numpy(getattr(getattr(self._inputs, name), part))
        return tensors

    @classmethod
    def load(cls, folder: str | os.PathLike[str], device: str = "cpu") -> Self:
        """Read a model that `save` wrote.

        Parameters
        ----------
        folder : path-like
        device : str
            Where to compute from now on, whatever it was trained on.

        Returns
        -------
        Matganip
            Predicts bit for bit what the saved one did.

        Raises
        ------
        InputError
            If a file is missing, damaged, of another format version, or its tensors do not fit its config.
        """
        path = Path(folder)
        checkpoint = checkpoints.read(path)
        with damaged(path / checkpoints.RECORD):
            config = MatganipConfig.from_dict({**checkpoint.record["config"], "device": device})
            outputs, units, names = _read_target(checkpoint.record["target"], config.n_properties)
            history = TrainingHistory.from_dict(checkpoint.record["history"])
        model = cls(config)
        shape = (config.channels, config.n_peaks, config.n_peaks)
        scalers = [
            Scaler(*(checkpoints.numbers(checkpoint.tensors, f"{name}.{part}", size, path) for part in _PARTS))
            for name, size in (("matrices", shape), ("strengths", shape[:2]))
        ]
        for empty in (True, False):  # sizes alone first: memory is taken for what the file has, once it fits
            model._fill(checkpoint.tensors, path, empty=empty)
        model._inputs, model._outputs = GraphScaler(scalers[0], scalers[1], config.positions), outputs
        model.unit, model.units, model.names = ", ".join(units) if any(units) else "", units, names
        model.history, model._fitted = history, True
        return model

    def _fill(self, tensors: checkpoints.Tensors, path: Path, *, empty: bool) -> None:
        """Make the networks of the config, and take their weights from a checkpoint; or only compare the sizes."""
        try:
            self.generator, self.discriminator = self._networks(empty=empty)
        except (RuntimeError, TypeError) as error:  # torch's, of sizes that are no 64-bit numbers
            raise InputError(f"{path / checkpoints.RECORD}: damaged: {first_line(error)}") from error
        if isinstance(self.generator.solved, KernelReadout):
            self.generator.solved.make_room(checkpoints.length(tensors, "generator.solved.centres", path))
        checkpoints.fill(self.generator, tensors, "generator", path)
        if self.discriminator is not None:
            checkpoints.fill(self.discriminator, tensors, "discriminator", path)

    def _networks(self, *, empty: bool = False) -> tuple[Generator, Discriminator | None]:
        """Networks with the seed's weights, drawn on the CPU and without touching torch's own generator; or empty."""
        with torch.random.fork_rng(devices=[]), torch.device("meta" if empty else "cpu"):
            torch.manual_seed(self.config.seed)
            generator = Generator(self.config)
            discriminator = None if self.config.objective == "supervised" else Discriminator(self.config)
        if empty:
            return generator, discriminator
        return generator.to(self._device), None if discriminator is None else discriminator.to(self._device)

    def _check(self, matrices: NDArray[np.float32]) -> None:
        found, wanted = matrices.shape[1:], (self.config.channels, self.config.n_peaks, self.config.n_peaks)
        if found != wanted:
            raise InputError(
                f"the matrices have {found[1]} peaks and {found[0]} channels, the model is made for "
                f"{wanted[1]} and {wanted[0]}; set model.n_peaks and model.channels, or make other matrices"
            )

    def _check_properties(self, dataset: Dataset) -> None:
        if dataset.n_properties != self.config.n_properties:
            raise InputError(
                f"the targets have {dataset.n_properties} properties, the model is made for "
                f"{self.config.n_properties}; set n_properties = {dataset.n_properties}"
            )

    def _check_fitted(self) -> None:
        if not self._fitted:
            raise InputError("the model is not fitted yet: call fit, or load one that was saved")


def _check_same(dataset: Dataset, names: tuple[str, ...], units: tuple[str, ...]) -> None:
    unnamed = (UNNAMED,) in (dataset.names, names)
    if len(dataset.names) != len(names) or (dataset.names != names and not unnamed):
        raise InputError(f"the targets are {', '.join(dataset.names)}, the model learns {', '.join(names)}")
    for name, found, wanted in zip(names, dataset.units, units, strict=True):
        if found != wanted:
            which = "" if len(names) == 1 else f" of {name}"
            raise InputError(
                f"the targets{which} are in {found or 'no unit'}, the model learns in {wanted or 'no unit'}"
            )


def _read_target(target: dict[str, Any], k: int) -> tuple[TargetScaler, tuple[str, ...], tuple[str, ...]]:
    """Scaler, units and names of k properties; version 1 of the format had one, without a name."""
    if "unit" in target:
        target = {key: [target[key]] for key in ("mean", "scale")} | {"units": [target["unit"]], "names": [UNNAMED]}
    mean, scale = (np.array(target[key], dtype=np.float64) for key in ("mean", "scale"))
    units, names = (tuple(map(str, target[key])) for key in ("units", "names"))
    if not mean.shape == scale.shape == (k,) or not len(units) == len(names) == k:
        raise ValueError(f"its target is not of {k} properties")
    return TargetScaler(mean, scale), units, names


def _refuse_infinite(prediction: NDArray[np.float64]) -> None:
    bad = np.flatnonzero(~np.isfinite(prediction).all(axis=1))
    if len(bad):
        raise InputError(f"row {bad[0]}: its matrix holds a value that is not finite ({len(bad)} such rows)")


_PARTS = ("mean", "scale")


def _silent(progress: Progress) -> None:
    """The callback of a fit that nobody watches."""


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Compute with so many threads (0: as torch has it), and give back the old number."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _exact_convolutions() -> AbstractContextManager[None]:
    """On a GPU: float32 all the way instead of TF32, and the same bits each time."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def torch_device(name: str) -> torch.device:
    """The torch device of a name, "auto" being the best that is there; an `InputError` where there is none such."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available.get(name, False):
        here = ", ".join(kind for kind, there in available.items() if there)
        raise InputError(f"model: device = {name!r} is not available here; there is: {here}")
    return torch.device(name)
