"""Every size and every training knob of the networks, in one frozen and checked record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from matganip.errors import InputError
from matganip.settings import Settings, complaints

Discriminator = Literal["conditional", "sequence", "single"]
Objective = Literal["minimax", "non_saturating", "least_squares", "wasserstein", "supervised"]
DISCRIMINATORS: tuple[str, ...] = get_args(Discriminator)
OBJECTIVES: tuple[str, ...] = get_args(Objective)
OPTIMA: dict[str, tuple[float, float | None]] = {
    "minimax": (2 * math.log(2), 0.5),
    "non_saturating": (2 * math.log(2), 0.5),
    "least_squares": (0.25, 0.5),
    "wasserstein": (0.0, None),
}
"""loss(D) and D(x) of each game where neither network wins; a critic's scores have no zero."""
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
DEVICES = ("cpu", "cuda", "mps", "auto")


class NetworkSettings(Settings):
    """The networks G and D and how they are trained: the section [model] of a study file.

    The defaults are what won on held-out orbits (``docs/adr/0004-conditional-discriminator.md`` has the numbers).

    Examples
    --------
    >>> NetworkSettings(epochs=30).epochs
    30
    """

    conv_channels: tuple[int, int] = Field(default=(8, 16), description="Channels after Conv1 and Conv2 of G.")
    kernel_size: int = Field(default=3, description="Side of both convolutions' kernels; odd.")
    linear_readout: bool = Field(
        default=True,
        description="Let G read the vertices directly, so that the convolutions learn only what that leaves; "
        "false is the paper's G.",
    )
    readout_fit: Literal["kernel", "linear", "ridge", "adam"] = Field(
        default="kernel",
        description='How that is done: "kernel" ridge regression with a scale for each vertex, or a linear function '
        'where that does as well; a "linear" function, solved, for other cells; "ridge": one of edges too; '
        '"adam": a linear function that is trained.',
    )
    readout_sizes: tuple[int, ...] = Field(
        default=(),
        description="Widths of hidden layers between the vertices and that function, which is then linear no more.",
    )
    readout_gain: float = Field(
        default=28.0,
        description="Factor on a readout that is trained: the larger, the faster it learns.",
    )
    correction_gain: float = Field(default=0.03, description="Factor on what the convolutions add to the readout.")
    discriminator: Discriminator = Field(
        default="conditional",
        description="What D reads: the structure and then its property; the properties of a batch as one "
        "sequence (the paper's); or one property alone.",
    )
    embedding_size: int = Field(default=16, description="Width of what the conditional LSTM reads.")
    lstm_size: int = Field(default=32, description="Width of the LSTM's state.")
    hidden_size: int = Field(default=32, description="Width of the linear layer behind the LSTM.")
    objective: Objective = Field(
        default="non_saturating",
        description="The losses: the paper's; the same game with a G that learns where it loses; scores instead of "
        "probabilities; the earth mover's distance; or no game at all.",
    )
    supervised_weight: float = Field(
        default=3.0,
        description="Weight of the supervised term beside the adversarial one; 0 leaves it out.",
    )
    supervised_loss: Literal["l1", "l2"] = Field(
        default="l1", description="Absolute or squared error, of the standardised property."
    )
    epochs: int = Field(default=100, description="Passes over the training set.")
    batch_size: int = Field(default=512, description="Rows of a step; a set that is not larger is taken whole.")
    learning_rate: float = Field(default=2e-3, description="Adam's, of both networks.")
    betas: tuple[float, float] = Field(
        default=(0.5, 0.99), description="Adam's decay rates of the first and second moment."
    )
    weight_decay: float = Field(default=0.0, description="Decoupled weight decay (AdamW) of G.")
    gradient_clip: float = Field(default=1.0, description="Largest norm of a gradient; 0 leaves it as it is.")
    schedule: Literal["cosine", "constant"] = Field(
        default="cosine", description="Learning rate over the epochs: a half cosine to zero, or constant."
    )
    ema: float = Field(
        default=0.98,
        description="Decay of the moving average of G's weights, which is what predicts; 0 is off.",
    )
    evaluate_every: int = Field(default=5, description="Epochs between two entries of the history.")
    patience: int = Field(
        default=0,
        description="Entries without a better validation error after which training stops; 0 never stops it early.",
    )
    device: Literal["cpu", "cuda", "mps", "auto"] = Field(default="cpu", description="Where to compute.")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Of the networks' arithmetic in training; bfloat16 pays on devices that have it."
    )
    num_threads: int = Field(
        default=1, description="Threads that train; one gives the same bits on any number of cores."
    )

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        for name, value, passed, wanted in self._checks():
            if not passed:
                raise ValueError(f"{name} = {value!r} must be {wanted}")
        return self

    def _checks(self) -> list[tuple[str, object, bool, str]]:
        """(name, value, whether it is in its range, what is wanted) of everything with a range."""
        checks: list[tuple[str, object, bool, str]] = []
        for name, least in _LEAST.items():
            value = getattr(self, name, least)
            checks.append((name, value, value >= least, f"an integer, {least} or more"))
        for name in ("supervised_weight", "weight_decay", "gradient_clip", "readout_gain", "correction_gain"):
            value = getattr(self, name)
            checks.append((name, value, math.isfinite(value) and value >= 0, "a number, 0 or more"))
        sizes, rate = self.readout_sizes, self.learning_rate
        deep = self.linear_readout and self.readout_fit == "adam"
        return [
            *checks,
            ("conv_channels", self.conv_channels, min(self.conv_channels) >= 1, "two integers, 1 or more"),
            (
                "readout_sizes",
                sizes,
                min(sizes, default=1) >= 1 and (not sizes or deep),
                'integers, 1 or more, and none but with linear_readout and readout_fit = "adam"',
            ),
            ("kernel_size", self.kernel_size, self.kernel_size % 2 == 1, "odd"),
            ("learning_rate", rate, math.isfinite(rate) and rate > 0, "a number above 0"),
            ("betas", self.betas, all(0 <= beta < 1 for beta in self.betas), "at least 0 and below 1"),
            ("ema", self.ema, 0 <= self.ema < 1, "at least 0 and below 1"),
        ]


class MatganipConfig(NetworkSettings):
    """Networks for graphs of a given size: the settings, and what the data say.

    Parameters
    ----------
    **values
        The fields of `NetworkSettings`, and ``n_peaks``, ``channels``, ``n_properties``, ``positions`` and ``seed``.

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

    n_peaks: int = Field(default=28, description="Vertices of the graph: matrices are n_peaks by n_peaks; at least 4.")
    channels: int = Field(default=1, description="Graph matrices stacked for one structure.")
    n_properties: int = Field(default=1, description="Components of the property that is predicted.")
    positions: tuple[float, ...] = Field(
        default=(),
        description="Position t_i of each vertex as it stands in the matrices. With it the readout reads the "
        "intensities themselves instead of the vertex strengths, which are linear in them within one composition only: "
        "for several compositions or other cells (`matganip.learning.scaling.vertex_strengths`).",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Of the initial weights and of the order of the batches.")

    def __init__(self, **values: Any) -> None:
        given = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise InputError("\n".join(f"model: {line}" for line in complaints(error, type(self)))) from None

    @classmethod
    def of(cls, values: NetworkSettings | Mapping[str, Any] | None = None, **changes: Any) -> Self:
        """Make a config as the constructor does, from a mapping or other settings."""
        given = values.model_dump() if isinstance(values, NetworkSettings) else dict(values or {})
        return cls(**{**given, **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a config from what `to_dict` gave, refusing keys that do not exist."""
        return cls(**values)

    def _checks(self) -> list[tuple[str, object, bool, str]]:
        fits = self.channels == 1 and len(self.positions) == self.n_peaks and all(map(math.isfinite, self.positions))
        wanted = f"nothing, or {self.n_peaks} numbers, one for each vertex of the one channel"
        return [*super()._checks(), ("positions", self.positions, not self.positions or fits, wanted)]

    @classmethod
    def published(cls, **changes: Any) -> Self:
        """Give the paper's networks and losses: no condition, no supervised term, Adam at 0.01.

        Parameters
        ----------
        **changes
            Fields that differ.

        Returns
        -------
        MatganipConfig
        """
        paper: dict[str, Any] = {
            "conv_channels": (16, 32),
            "linear_readout": False,
            "discriminator": "sequence",
            "objective": "minimax",
            "supervised_weight": 0.0,
            "learning_rate": 0.01,
            "betas": (0.9, 0.999),
            "gradient_clip": 0.0,
            "schedule": "constant",
            "ema": 0.0,
        }
        return cls(**{**paper, **changes})

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as plain JSON values."""
        return self.model_dump(mode="json")
