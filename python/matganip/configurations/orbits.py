"""Streaming the orbits of a configuration space out of the compiled enumerator, in batches that check themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from matganip import _core
from matganip.configurations.batch import ConfigurationBatch
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


def stream_orbits(
    space: ConfigurationSpace, batch_size: int, shard: tuple[int, int], num_threads: int | None
) -> Iterator[ConfigurationBatch]:
    """Yield the orbits of a space in ascending order of their representatives.

    A complete enumeration is compared with the exact counts before the last batch is handed over: the number of
    orbits with Burnside's, the sum of the multiplicities with the number of configurations.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    batch_size : int
        Rows of a batch; the last one may have fewer.
    shard : (int, int)
        ``(k, n)``: part k of n.
    num_threads : int or None
        Threads to use, None for all. The result does not depend on it.

    Yields
    ------
    ConfigurationBatch
        Never empty.

    Raises
    ------
    InputError
        If the batch size or the shard makes no sense.
    OverflowError
        If a multiplicity does not fit 64 bits.
    RuntimeError
        If a complete enumeration contradicts the exact counts.
    """
    part, parts = shard
    if batch_size < 1:
        raise InputError(f"batch_size must be positive, got {batch_size}")
    if parts < 1 or not 0 <= part < parts:
        raise InputError(f"shard must be (k, n) with 0 <= k < n, got {shard}")
    enumerator = _core.OrbitEnumerator(
        space.group, [s.counts for s in space.sublattice_table], shard=part, n_shards=parts
    )
    orbits = configurations = 0
    while True:
        occupations = np.empty((batch_size, space.n_sites), dtype=np.uint8)
        multiplicity = np.empty(batch_size, dtype=np.int64)
        filled = enumerator.fill(occupations, multiplicity, num_threads=num_threads or 0)
        orbits += filled
        configurations += int(multiplicity[:filled].sum())
        if filled < batch_size:
            if parts == 1:
                _check_complete(space, orbits, configurations)
            if filled:
                yield ConfigurationBatch(space, occupations[:filled], multiplicity[:filled])
            return
        yield ConfigurationBatch(space, occupations, multiplicity)


def _check_complete(space: ConfigurationSpace, orbits: int, configurations: int) -> None:
    if (orbits, configurations) != (space.count_orbits(), space.n_configurations):
        raise RuntimeError(
            f"the enumeration gave {orbits} orbits of {configurations} configurations, exact counts are "
            f"{space.count_orbits()} of {space.n_configurations}; please report this"
        )
