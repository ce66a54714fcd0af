"""Which orbits are labelled: all of a space, or a random sample of them."""

from __future__ import annotations

from collections.abc import Iterable

from matganip.configurations.batch import ConfigurationBatch, concatenate
from matganip.configurations.series import CompositionSeries
from matganip.configurations.space import ConfigurationSpace

Labellable = ConfigurationSpace | CompositionSeries | ConfigurationBatch
"""What can be labelled: whole spaces, one or several compositions of them, or certain orbits."""


def chosen_batches(
    what: Labellable | Iterable[Labellable], n: int | None = None, seed: int = 0
) -> tuple[ConfigurationBatch, ...]:
    """The orbits to label, a batch for each composition.

    Parameters
    ----------
    what : ConfigurationSpace, CompositionSeries, ConfigurationBatch, or several of them
        Of batches each orbit is labelled once.
    n, seed
        As for `chosen_orbits`, for each composition.

    Returns
    -------
    tuple of ConfigurationBatch
    """
    if isinstance(what, ConfigurationBatch):
        return (what.distinct(),)
    if isinstance(what, ConfigurationSpace):
        return (chosen_orbits(what, n, seed),)
    several = what.spaces if isinstance(what, CompositionSeries) else what
    return tuple(batch for one in several for batch in chosen_batches(one, n, seed))


def chosen_orbits(space: ConfigurationSpace, n: int | None = None, seed: int = 0) -> ConfigurationBatch:
    """All orbits of a space, or the first distinct ones of a uniform sample of its arrangements.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    n : int, optional
        How many; all by default, and where there are no more.
    seed : int
        Same seed, same orbits.

    Returns
    -------
    ConfigurationBatch

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> len(chosen_orbits(space)), len(chosen_orbits(space, 25))
    (603, 25)
    """
    if n is None or n >= space.count_orbits():
        return concatenate(space.orbits())
    draws = 20 * n
    while len(drawn := space.sample_configurations(draws, seed=seed).distinct()) < n:
        draws *= 4
    return drawn[:n]
