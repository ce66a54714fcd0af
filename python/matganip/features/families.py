"""Families of hkl of a pattern, sorted out when someone asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.features.reflections import HklFamily, families_of


class Families(Sequence[list[HklFamily]]):
    """Families of each peak of a pattern, sorted out when they are first asked for.

    Parameters
    ----------
    hkl : numpy.ndarray
        (n, 3) int16, one of each Friedel pair, peak after peak.
    n_members : numpy.ndarray
        (n_peaks,) how many of them each peak holds.
    lattice : numpy.ndarray
        (3, 3) cell vectors in angstrom; families of hexagonal axes are written as hkil.

    Examples
    --------
    >>> families = Families(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.int16), np.array([3]), np.eye(3))
    >>> len(families), families[0]
    (1, [{'hkl': (1, 0, 0), 'multiplicity': 6}])
    """

    def __init__(self, hkl: NDArray[np.int16], n_members: NDArray[np.int64], lattice: NDArray[np.float64]) -> None:
        self._hkl = hkl
        self._n_members = n_members
        self._lattice = lattice

    @cached_property
    def _families(self) -> list[list[HklFamily]]:
        ends = np.concatenate([[0], np.cumsum(self._n_members)])
        return families_of(self._hkl, ends, Lattice(self._lattice).is_hexagonal())

    def __len__(self) -> int:
        return len(self._n_members)

    def __iter__(self) -> Iterator[list[HklFamily]]:
        return iter(self._families)

    @overload
    def __getitem__(self, index: int) -> list[HklFamily]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[HklFamily]]: ...
    def __getitem__(self, index: int | slice) -> list[HklFamily] | list[list[HklFamily]]:
        return self._families[index]

    def __repr__(self) -> str:
        return f"<families of {len(self)} peaks>"
