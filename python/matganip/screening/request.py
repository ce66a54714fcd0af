"""What a screen is asked to do: by which models, of which space, for what, and how it is cut into shards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from matganip.errors import InputError
from matganip.screening.selection import Kind, Selection
from matganip.screening.shard import ScreenSettings

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.model import Model

    PathLike = str | os.PathLike[str]
    ModelOrFolder = Model | PathLike

TEMPERATURES = (300.0, 600.0, 1000.0)
BIN_WIDTH = 0.002
ORBITS_OF_A_SHARD = 200_000
CASCADE_FROM = 2_000_000
"""Orbits from which a screen has two stages by default."""
OUT_OF_REACH = 10**13
"""Orbits: 2000 cores at half a million a second enumerate them in three hours."""


@dataclass(frozen=True)
class Request:
    """A screen as it is asked for, checked; all but `part` and `command` is the same for all parts of a screen.

    Parameters
    ----------
    models : tuple of Model
        Of the first property; several are asked together.
    second : Model or None
        Of a second property, for a Pareto front.
    space : ConfigurationSpace
    settings : ScreenSettings
    cascade : bool
        Whether a distilled surrogate screens and the model re-scores.
    surrogate : pathlib.Path or None
        Folder of a surrogate to take instead of distilling one.
    seed : int
        Of the sample that a surrogate is fitted to.
    part : (int, int)
        ``(k, n)``: do only the shards with number % n == k.
    command : tuple of str
        For the record.
    shards_given : bool
        Whether the number of shards was asked for; a screen is resumed with its own otherwise.
    """

    models: tuple[Model, ...]
    second: Model | None
    space: ConfigurationSpace
    settings: ScreenSettings
    cascade: bool
    surrogate: Path | None = None
    seed: int = 0
    part: tuple[int, int] = (0, 1)
    command: tuple[str, ...] = ()
    shards_given: bool = True

    @classmethod
    def of(
        cls,
        model: ModelOrFolder | Sequence[ModelOrFolder],
        space: ConfigurationSpace | None = None,
        *,
        top: int = 100,
        select: Kind = "lowest",
        target: float | None = None,
        second: ModelOrFolder | None = None,
        temperatures: Sequence[float] = TEMPERATURES,
        bin_width: float = BIN_WIDTH,
        n_shards: int | None = None,
        keep: str = "best",
        cascade: bool | None = None,
        surrogate: PathLike | None = None,
        seed: int = 0,
        part: tuple[int, int] = (0, 1),
        command: Sequence[str] = (),
    ) -> Request:
        """Check the arguments of `screen`, and read the models.

        Raises
        ------
        InputError
            If a folder holds no model, a model does not fit the space, several of one property do not belong
            together, or something else makes no sense.
        """
        from matganip.learning.model import Model

        given = [model] if isinstance(model, Model | str | os.PathLike) else list(model)
        if not given:
            raise InputError("no model to screen with")
        models = tuple(Model.of(one) for one in given)
        _check_together(models, given)
        space = models[0].space() if space is None else space
        for one in models:
            one.check(space)
        selection = Selection("pareto" if second is not None else select, top, target)
        orbits = _reachable(space)
        shards = n_shards or max(16, -(-orbits // ORBITS_OF_A_SHARD))
        k, n = part
        if not 0 <= k < n <= shards:
            raise InputError(f"--shard {k}/{n}: the screen has {shards} shards, of which no such part can be made")
        if selection.n_properties != (1 if second is None else 2):
            raise InputError(
                "a Pareto front needs the model of a second property, and nothing else does: --pareto MODEL"
            )
        if second is not None and cascade:
            raise InputError("--cascade: a surrogate stands in for one property; a Pareto front has two")
        fast = models[0].predictor.reads_features
        if fast and cascade:
            raise InputError("--cascade: this model reads the columns itself, which a surrogate does no faster")
        one_stage = fast or second is not None or orbits < CASCADE_FROM
        two_stages = not one_stage if cascade is None else cascade
        return cls(
            models=models,
            second=None if second is None else Model.of(second),
            space=space,
            settings=ScreenSettings(selection, shards, tuple(temperatures), bin_width, keep),
            cascade=two_stages,
            surrogate=None if surrogate is None else Path(surrogate),
            seed=seed,
            part=(k, n),
            command=tuple(command),
            shards_given=n_shards is not None,
        )

    def with_shards(self, n_shards: int) -> Request:
        """The same, cut into another number of shards."""
        return replace(self, settings=replace(self.settings, n_shards=n_shards))


def _check_together(models: Sequence[Model], given: Sequence[object]) -> None:
    """Refuse models of one property whose mean means nothing."""
    names = [str(one) if isinstance(one, str | os.PathLike) else f"model {k}" for k, one in enumerate(given)]
    first = models[0].card
    for model, name in zip(models[1:], names[1:], strict=True):
        card = model.card
        same_input = model.predictor.reads_features == models[0].predictor.reads_features
        if not same_input or (card.diffraction, card.positions) != (first.diffraction, first.positions):
            raise InputError(
                f"{name}: reads other graphs than {names[0]}; models that are asked together read the same"
            )
        if card.calculator != first.calculator:
            raise InputError(
                f"{name}: learned energies of {card.calculator}, {names[0]} those of {first.calculator}; their mean "
                "would mean nothing"
            )


def _reachable(space: ConfigurationSpace) -> int:
    """The number of orbits; refuse a space that is too large to enumerate."""
    orbits = space.count_orbits()
    if orbits > OUT_OF_REACH:
        raise InputError(
            f"{space!r} has about 10^{len(str(orbits)) - 1} orbits, which no machine enumerates; draw a uniform "
            "sample of it (`matganip predict --number`) or search it (`matganip search`)"
        )
    return orbits
