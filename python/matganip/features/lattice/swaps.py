"""Walks through the arrangements of a space by swaps, on an energy that is linear in what its diffraction sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.configurations.exclusions import group_exchanges
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.features.lattice.diffraction import LatticeDiffraction

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Walked:
    """Where chains are after a walk.

    Attributes
    ----------
    occupations : (n, n_sites) uint8 ndarray
        Where each chain is.
    generators : (n, 4) uint64 ndarray
        Where its random numbers are.
    energy : (n,) float64 ndarray
        Of `occupations`.
    lowest : (n, n_sites) uint8 ndarray
        The arrangement of lowest energy that the chain was at, its start included.
    lowest_energy : (n,) float64 ndarray
    accepted : (n,) int64 ndarray
        How many of the swaps tried were made.
    """

    occupations: NDArray[np.uint8]
    generators: NDArray[np.uint64]
    energy: Floats
    lowest: NDArray[np.uint8]
    lowest_energy: Floats
    accepted: NDArray[np.int64]


class LatticeSwaps:
    r"""Metropolis walks by swaps of two sites of one sublattice, within the exclusions of the space.

    Peaks and Patterson columns, pairs and triplets, are linear in a few sums over products of an arrangement's
    amplitudes (`PatternForm`). A swap changes the amplitudes of two sites only, so that the sums follow at a cost that
    is far below that of peaks from the beginning, and with them any energy
    :math:`E = \sum_s c_s \, \mathrm{sum}_s`.

    Parameters
    ----------
    diffraction : LatticeDiffraction
        Of the space to walk in, in either domain and resolution.

    Attributes
    ----------
    n_sums : int
        Sums of an arrangement, those of pairs before those of triplets.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> swaps = LatticeSwaps(mg.LatticeDiffraction(space, resolution="resolved"))
    >>> start = space.sample_configurations(3).occupations
    >>> downhill = np.linspace(-1, 1, swaps.n_sums)
    >>> walked = swaps.walk(start, seeded_generators(0, 3), np.full(3, 50.0), downhill, n_swaps=100)
    >>> bool((walked.lowest_energy <= swaps.sums(start) @ downhill).all())
    True
    """

    def __init__(self, diffraction: LatticeDiffraction) -> None:
        self.space = diffraction.space
        self._patterns = diffraction.kernels
        exchanges = group_exchanges(self.space.exclusions, self.space.group) if len(self.space.exclusions) else []
        self._kernel = _core.LatticeSwaps(
            self._patterns,
            sublattices=np.ascontiguousarray(self.space.sublattices, dtype=np.int32),
            exclusions=self.space.exclusions,
            exchange_offsets=np.cumsum([0, *map(len, exchanges)], dtype=np.int64) if exchanges else None,
            exchanges=np.concatenate(exchanges).astype(np.int32) if exchanges else None,
        )
        self.n_sums: int = sum(pattern.n_sums for pattern in self._patterns)

    def sums(self, occupations: NDArray[np.uint8], num_threads: int | None = None) -> Floats:
        """Sums of arrangements.

        Parameters
        ----------
        occupations : (n, n_sites) uint8 ndarray
        num_threads : int, optional
            None or 0 is all cores. The result is the same bytes for any number.

        Returns
        -------
        (n, n_sums) float64 ndarray

        Raises
        ------
        InputError
            If `occupations` does not fit the space.
        """
        try:
            return np.hstack([one.sums(occupations, num_threads=num_threads or 0) for one in self._patterns])
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error

    def walk(
        self,
        occupations: NDArray[np.uint8],
        generators: NDArray[np.uint64],
        beta: Floats,
        coefficients: Floats,
        n_swaps: int,
        num_threads: int | None = None,
    ) -> Walked:
        """Try swaps in each chain, and make them as Metropolis has it.

        Parameters
        ----------
        occupations : (n, n_sites) uint8 ndarray
            Where each chain starts.
        generators : (n, 4) uint64 ndarray
            Its random numbers; see `seeded_generators`.
        beta : (n,) float64 ndarray
            Its inverse temperature, in units of 1 / energy.
        coefficients : (n_sums,) float64 ndarray
            The energy for each unit of a sum.
        n_swaps : int
            How many to try.
        num_threads : int, optional
            None or 0 is all cores. The result is the same bytes for any number.

        Returns
        -------
        Walked

        Raises
        ------
        InputError
            If an array does not fit the space or the others.
        """
        try:
            found = self._kernel.walk(
                occupations,
                generators=generators,
                beta=beta,
                coefficients=coefficients,
                n_swaps=n_swaps,
                num_threads=num_threads or 0,
            )
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error
        return Walked(**found)


def seeded_generators(seed: int, n: int) -> NDArray[np.uint64]:
    """Random numbers, (n, 4) uint64, for n chains: states of xoshiro256++, none of which depends on n.

    Parameters
    ----------
    seed : int
        Same seed, same walks.
    n : int

    Returns
    -------
    (n, 4) uint64 ndarray
    """
    states = [np.random.SeedSequence((seed, chain)).generate_state(4, np.uint64) for chain in range(n)]
    return np.array(states, dtype=np.uint64).reshape(n, 4)
