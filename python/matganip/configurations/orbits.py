"""The orbits of a configuration space as a stream of batches from the compiled enumerator, checked against counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.configurations.batch import ConfigurationBatch
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

CURSOR_FORMAT = 2
"""Raised whenever the order of the stream or the key of the space changes, so that no cursor is ever misread."""


class OrbitStream(Iterator[ConfigurationBatch]):
    """The orbits of a space, batch after batch, in ascending order of their representatives.

    A complete enumeration is compared with the exact counts before its last batch is returned: the number of orbits
    with Burnside's, the sum of the multiplicities with the number of configurations. (Where exclusions leave the space
    uncountable, it is itself the count.)

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
    cursor : mapping or None
        Where to resume: the `cursor` of an earlier stream of the same space and shard.

    Raises
    ------
    InputError
        If the batch size, the shard or the cursor is invalid.
    RuntimeError
        While streaming, if a complete enumeration contradicts the exact counts.
    """

    def __init__(
        self,
        space: ConfigurationSpace,
        batch_size: int = 65536,
        shard: tuple[int, int] = (0, 1),
        num_threads: int | None = None,
        cursor: Mapping[str, Any] | None = None,
    ) -> None:
        part, parts = shard
        if batch_size < 1:
            raise InputError(f"batch_size must be positive, got {batch_size}")
        if not 0 <= part < parts < 2**32:
            raise InputError(f"shard must be (k, n) with 0 <= k < n < 2^32, got {shard}")
        self._space = space
        self._batch_size = batch_size
        self._shard = (int(part), int(parts))
        self._num_threads = num_threads or 0
        self._enumerator = _core.OrbitEnumerator(
            space.group, space.counts, shard=part, n_shards=parts, exclusions=space.exclusions
        )
        self._last: NDArray[np.uint8] | None = None
        self._finished = False
        self.n_orbits = 0
        """Orbits returned so far, those before the cursor included."""
        self.n_configurations = 0
        """Sum of their multiplicities: the exact integer."""
        if cursor is not None:
            self._resume_from(cursor)

    @property
    def total(self) -> int | None:
        """About how many orbits the whole stream has; None where the space is not `countable`."""
        return self._space.count_orbits() // self._shard[1] if self._space.countable else None

    @property
    def cursor(self) -> dict[str, Any]:
        """The position of the stream after the batches returned so far: a small JSON value."""
        return {
            "format": CURSOR_FORMAT,
            "space": self._space.key,
            "shard": list(self._shard),
            "n_orbits": self.n_orbits,
            "n_configurations": str(self.n_configurations),
            "after": None if self._last is None else bytes(self._last).hex(),
        }

    def __next__(self) -> ConfigurationBatch:
        if self._finished:
            raise StopIteration
        occupations = np.empty((self._batch_size, self._space.n_sites), dtype=np.uint8)
        multiplicity = np.empty(self._batch_size, dtype=np.int64)
        filled = self._enumerator.fill(occupations, multiplicity, num_threads=self._num_threads)
        self.n_orbits += filled
        self.n_configurations += int(multiplicity[:filled].sum())
        self._finished = filled < self._batch_size
        if self._finished and self._shard == (0, 1) and self._space.countable:
            self._check_complete()
        if filled == 0:
            raise StopIteration
        self._last = occupations[filled - 1]
        return ConfigurationBatch(self._space, occupations[:filled], multiplicity[:filled])

    def _resume_from(self, cursor: Mapping[str, Any]) -> None:
        try:
            known = (cursor["format"], cursor["space"], tuple(cursor["shard"]))
            self.n_orbits = int(cursor["n_orbits"])
            self.n_configurations = int(cursor["n_configurations"])
            after = None if cursor["after"] is None else np.frombuffer(bytes.fromhex(cursor["after"]), dtype=np.uint8)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise InputError(f"cursor: {cursor!r} is not the cursor of an orbit stream") from error
        for what, found, wanted in zip(
            ("format", "space", "shard"), known, (CURSOR_FORMAT, self._space.key, self._shard), strict=True
        ):
            if found != wanted:
                raise InputError(f"cursor: belongs to another {what} ({found}, this stream has {wanted})")
        if after is None:
            return
        try:
            self._enumerator.resume_after(after)
        except ValueError as error:
            raise InputError(f"cursor: {error}") from error
        self._last = after

    def _check_complete(self) -> None:
        expected = (self._space.count_orbits(), self._space.n_configurations)
        if (self.n_orbits, self.n_configurations) != expected:
            raise RuntimeError(
                f"the enumeration gave {self.n_orbits} orbits of {self.n_configurations} configurations, exact counts "
                f"are {expected[0]} of {expected[1]}; please report this"
            )
