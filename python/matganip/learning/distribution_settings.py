"""How a distribution is learned: the section [distribution] of a study file."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from matganip.settings import Settings

Family = Literal["mixture", "quantiles", "gaussian", "constant", "energy_score", "non_saturating", "wasserstein"]
FAMILIES: tuple[str, ...] = get_args(Family)
GAMES = ("non_saturating", "wasserstein")
WITH_NOISE = ("energy_score", *GAMES)
"""Families that are a generator G(x, z), with noise z."""

Positive = Annotated[int, Field(ge=1)]


class DistributionSettings(Settings):
    """What is learned of the energies that the columns leave open, beside the mean that a solved readout knows.

    Examples
    --------
    >>> DistributionSettings(family="non_saturating").members
    3
    """

    family: Family = Field(
        default="mixture",
        description='A "mixture" density; "quantiles"; a "gaussian" whose width depends on the columns, or is '
        '"constant"; or a generator with noise, trained on the "energy_score", or in a game with D: "non_saturating", '
        'with a gradient penalty on real data, or "wasserstein", with one between real and generated data.',
    )
    fill_in: Annotated[int, Field(ge=0)] = Field(
        default=4000,
        description="Arrangements of the space, at most, whose energies the complete columns tell after the labels and "
        "which are trained on, where the columns asked for are coarser; 0 trains on labels alone.",
    )
    convolutions: bool = Field(
        default=False, description="Let the network read the graph matrix too, by Conv1 and Conv2 of the paper's G."
    )
    hidden: tuple[Positive, ...] = Field(default=(128, 128), description="Widths of the layers of the network.")
    components: Positive = Field(default=8, description="Gaussians of a mixture.")
    noise: Positive = Field(default=8, description="Numbers in z.")
    draws: Annotated[int, Field(ge=2)] = Field(default=4, description="Of z for each row and step.")
    members: Positive = Field(default=3, description="Networks, whose distributions are averaged.")
    steps: Positive = Field(default=1500, description="Of Adam, at most; held-out rows choose how many.")
    batch_size: Positive = Field(default=1024, description="Rows of a step.")
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Adam's; 0.003 in a game and 0.005 otherwise where nothing is said."
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(default=1e-4, description="Decoupled weight decay (AdamW).")
    score_weight: Annotated[float, Field(ge=0)] = Field(
        default=3.0,
        description="Of the energy score beside a game, where it stands for the L1 term; 0 is the game alone.",
    )
    slope_weight: Annotated[float, Field(ge=0)] = Field(
        default=5.0, description="Of the penalty on the slope of D in a game."
    )
    blur: Annotated[float, Field(ge=0)] = Field(
        default=0.25,
        description="Standard deviation of noise on what D reads, in that of the property: D judges no finer.",
    )

    @property
    def rate(self) -> float:
        """Adam's learning rate at first; it falls to nothing."""
        return self.learning_rate or (3e-3 if self.family in GAMES else 5e-3)

    @model_validator(mode="after")
    def _fits(self) -> DistributionSettings:
        if not self.hidden:
            raise ValueError("hidden: at least one layer")
        return self
