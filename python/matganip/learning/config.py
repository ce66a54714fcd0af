"""Every size and every training knob of the networks, in one frozen and checked record."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from matganip.errors import InputError

DISCRIMINATORS = ("conditional", "sequence", "single")
OBJECTIVES = ("minimax", "non_saturating", "least_squares", "wasserstein", "supervised")
OPTIMA: dict[str, tuple[float, float | None]] = {
    "minimax": (2 * math.log(2), 0.5),
    "non_saturating": (2 * math.log(2), 0.5),
    "least_squares": (0.25, 0.5),
    "wasserstein": (0.0, None),
}
"""loss(D) and D(x) of each game where neither network wins; a critic's scores have no zero."""
READOUT_FITS = ("kernel", "linear", "ridge", "adam")
PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("cosine", "constant")
SUPERVISED_LOSSES = ("l1", "l2")
DEVICES = ("cpu", "cuda", "mps", "auto")


@dataclass(frozen=True)
class MatganipConfig:
    """Sizes and training of MATGANIP.

    The defaults are what won on held-out orbits (``docs/adr/0004-conditional-discriminator.md`` has the
    numbers); `published` gives the paper's.

    Parameters
    ----------
    n_peaks : int
        Peaks, the vertices of the graph: matrices are ``n_peaks`` by ``n_peaks``. At least 4.
    channels : int
        Graph matrices stacked for one structure.
    positions : tuple of float
        Position t_i of each vertex as it stands in the matrices. With it the readout reads the intensities themselves
        instead of the vertex strengths, which are linear in them within one composition only: for training on several
        compositions or for asking about other cells (`matganip.learning.scaling.vertex_strengths`).
    n_properties : int
        Components of the property: a vector of so many is predicted.
    conv_channels : (int, int)
        Channels after Conv1 and Conv2 of the generator.
    kernel_size : int
        Side of both convolutions' kernels; odd.
    linear_readout : bool
        Predict by a readout of the vertex strengths sum_j a_ij, which the convolutions correct; the correction
        starts at zero. False is the paper's generator.
    readout_fit : {"kernel", "linear", "ridge", "adam"}
        What the readout is and how it is found. "kernel": kernel ridge regression with a scale for each vertex, or the
        linear function where that is not clearly worse (`matganip.learning.kernel`). "linear": ridge regression on
        the vertices. "ridge": on vertices and edges; edges hold the products of intensities, so that it is quadratic in
        them. These are solved in closed form, and the networks train and judge what the solution leaves of rows that
        are left out of it. "adam": a linear function of the vertices, trained beside the convolutions.
    readout_sizes : tuple of int
        Widths of hidden layers (each Linear, ReLU) between the vertex strengths and a readout that Adam trains, which
        is then linear no more: for crystals of many elements. None by default; only with "adam".
    readout_gain, correction_gain : float
        Factors of a readout that Adam trains, and of the correction: what learns first, and what it leaves.
    discriminator : {"conditional", "sequence", "single"}
        What D reads: the structure and then its property; the properties of a whole batch as one sequence
        (the paper's); or one property alone.
    embedding_size, lstm_size, hidden_size : int
        Width of what the conditional LSTM reads, of its state, and of the linear layer behind it.
    objective : {"minimax", "non_saturating", "least_squares", "wasserstein", "supervised"}
        See `matganip.learning.objectives`. Trained on 150 and tested on 121 other orbits of 6 Br on 24 sites,
        the default and supervision alone, which takes half the time, are level at 0.011 meV/atom; either game
        without the supervised term reaches 0.013, the published form nothing. The constant has 0.385.
    supervised_weight : float
        Weight of the supervised term beside the adversarial one; 0 leaves it out. The supervised
        objective has nothing else and takes it with weight 1 where this is 0.
    supervised_loss : {"l1", "l2"}
        Absolute or squared error, of the standardised property.
    epochs : int
        Passes over the training set. Each batch gives an odd and an even step (`matganip.learning.training`).
    batch_size : int
        Rows of a step; a set that is not larger is taken whole.
    learning_rate : float
        Adam's, of both networks.
    betas : (float, float)
        Adam's decay rates of the first and second moment.
    weight_decay : float
        Decoupled weight decay (AdamW) of the generator.
    gradient_clip : float
        Largest norm of a gradient; 0 leaves it as it is.
    schedule : {"cosine", "constant"}
        Learning rate over the epochs: falling to zero as a half cosine, or constant.
    ema : float
        Decay of the exponential moving average of the generator's weights, which is what predicts; 0 is off.
    evaluate_every : int
        Epochs between two entries of the history (and two calls of the callback).
    patience : int
        Entries without a better validation error after which training stops; 0 never stops it early.
    seed : int
        Of the initial weights and of the order of the batches.
    device : {"cpu", "cuda", "mps", "auto"}
        Where to compute.
    precision : {"float32", "bfloat16"}
        Of the networks' arithmetic while they train; weights, losses and predictions are float32. bfloat16 pays on
        devices that have it in hardware.
    num_threads : int
        Threads that train; 0 leaves torch's own number. One thread gives the same bits on any number of
        cores.

    Raises
    ------
    InputError
        If a value is out of its range; the message names it.

    Examples
    --------
    >>> MatganipConfig(epochs=100).epochs
    100
    >>> MatganipConfig.published().learning_rate
    0.01
    """

    n_peaks: int = 28
    channels: int = 1
    positions: tuple[float, ...] = ()
    n_properties: int = 1
    conv_channels: tuple[int, int] = (8, 16)
    kernel_size: int = 3
    linear_readout: bool = True
    readout_fit: str = "kernel"
    readout_sizes: tuple[int, ...] = ()
    readout_gain: float = 28.0
    correction_gain: float = 0.03
    discriminator: str = "conditional"
    embedding_size: int = 16
    lstm_size: int = 32
    hidden_size: int = 32
    objective: str = "non_saturating"
    supervised_weight: float = 3.0
    supervised_loss: str = "l1"
    epochs: int = 100
    batch_size: int = 512
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.5, 0.99)
    weight_decay: float = 0.0
    gradient_clip: float = 1.0
    schedule: str = "cosine"
    ema: float = 0.98
    evaluate_every: int = 5
    patience: int = 0
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"
    num_threads: int = 1

    def __post_init__(self) -> None:
        for name in ("conv_channels", "betas"):
            value = getattr(self, name)
            _check(name, value, isinstance(value, list | tuple) and len(value) == 2, "two numbers")
            object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "positions", tuple(self.positions))
        for name, least in _LEAST.items():
            value = getattr(self, name)
            _check(name, value, _is_int(value) and value >= least, f"an integer, {least} or more")
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            _check(name, value, value in choices, "one of " + ", ".join(choices))
        for name in ("supervised_weight", "weight_decay", "gradient_clip", "readout_gain", "correction_gain"):
            value = getattr(self, name)
            _check(name, value, _is_number(value) and value >= 0, "a number, 0 or more")
        self._check_the_rest()

    def _check_the_rest(self) -> None:
        _check("linear_readout", self.linear_readout, isinstance(self.linear_readout, bool), "true or false")
        _check(
            "conv_channels",
            self.conv_channels,
            all(_is_int(c) and c >= 1 for c in self.conv_channels),
            "two integers, 1 or more",
        )
        _check(
            "positions",
            self.positions,
            not self.positions
            or (self.channels == 1 and len(self.positions) == self.n_peaks and all(map(_is_number, self.positions))),
            f"nothing, or {self.n_peaks} numbers, one for each vertex of the one channel",
        )
        _check(
            "readout_sizes",
            self.readout_sizes,
            isinstance(self.readout_sizes, list | tuple)
            and all(_is_int(size) and size >= 1 for size in self.readout_sizes)
            and (not self.readout_sizes or (self.linear_readout and self.readout_fit == "adam")),
            'integers, 1 or more, and none but with linear_readout and readout_fit = "adam"',
        )
        object.__setattr__(self, "readout_sizes", tuple(self.readout_sizes))
        _check("kernel_size", self.kernel_size, self.kernel_size % 2 == 1, "odd")
        _check(
            "learning_rate",
            self.learning_rate,
            _is_number(self.learning_rate) and self.learning_rate > 0,
            "a number above 0",
        )
        for name, values in (("betas", self.betas), ("ema", (self.ema,))):
            _check(
                name,
                getattr(self, name),
                all(_is_number(v) and 0 <= v < 1 for v in values),
                "at least 0 and below 1",
            )

    @classmethod
    def published(cls, **changes: Any) -> MatganipConfig:
        """Give the paper's networks and losses: no condition, no supervised term, Adam at 0.01.

        Parameters
        ----------
        **changes
            Fields that differ.

        Returns
        -------
        MatganipConfig
        """
        paper = cls(
            conv_channels=(16, 32),
            linear_readout=False,
            discriminator="sequence",
            objective="minimax",
            supervised_weight=0.0,
            learning_rate=0.01,
            betas=(0.9, 0.999),
            gradient_clip=0.0,
            schedule="constant",
            ema=0.0,
        )
        return replace(paper, **changes)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MatganipConfig:
        """Build a config from a mapping, refusing keys that do not exist.

        Parameters
        ----------
        values : mapping
            Field names to values, as from TOML or JSON (lists for tuples).

        Returns
        -------
        MatganipConfig

        Raises
        ------
        InputError
            If a key is unknown (the nearest known one is named) or a value is out of its range.
        """
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                nearest = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
                raise InputError(f"model: unknown key {key!r}; did you mean {nearest!r}?")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


_LEAST = {
    "n_peaks": 4,
    "channels": 1,
    "n_properties": 1,
    "kernel_size": 1,
    "embedding_size": 1,
    "lstm_size": 1,
    "hidden_size": 1,
    "epochs": 1,
    "batch_size": 1,
    "evaluate_every": 1,
    "patience": 0,
    "seed": 0,
    "num_threads": 0,
}
_CHOICES = {
    "discriminator": DISCRIMINATORS,
    "objective": OBJECTIVES,
    "supervised_loss": SUPERVISED_LOSSES,
    "readout_fit": READOUT_FITS,
    "precision": PRECISIONS,
    "schedule": SCHEDULES,
    "device": DEVICES,
}


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check(name: str, value: object, passed: bool, wanted: str) -> None:
    if not passed:
        raise InputError(f"model: {name} = {value!r} must be {wanted}")
