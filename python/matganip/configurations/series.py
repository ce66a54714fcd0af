"""Several compositions of one supercell at once: `CompositionSeries`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.charges import charge, is_neutral
from matganip.configurations.charges import oxidation_states as states_of
from matganip.configurations.composition import CountsDoNotFitError
from matganip.configurations.disorder import WHOLE
from matganip.configurations.exclusions import MinDistance
from matganip.configurations.notation import SITE_TOLERANCE, SublatticeKey
from matganip.configurations.notebook import series_html
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

CountChoices = int | Iterable[int]


class CompositionSeries:
    """The configuration spaces of one parent and supercell over a range or list of compositions.

    Parameters
    ----------
    parent : Structure, ase.Atoms or path
        The parent crystal; partial occupancies stay as they are on sublattices that are not given.
    supercell : three int, or (3, 3) array_like of int
        The supercell's vectors in units of the parent's.
    substitutions : mapping
        As for `ConfigurationSpace`, with a range or a list of numbers in place of any number:
        ``{"I": {"Br": range(7)}, "Pb": {"Sn": [0, 4, 8]}}``. All combinations that fit the sites are taken.
    charge_neutral : bool
        Keep only charge-neutral compositions.
    oxidation_states : mapping, optional
        Known states, ``{"Sn": 2}``; the others are guessed, see the attribute `oxidation_states`.
    symprec : float
        Tolerance of the search for the parent's symmetry, in angstrom.
    occupancy_tolerance, site_tolerance, min_distance
        As for `ConfigurationSpace`.

    Raises
    ------
    InputError
        If no composition fits, or an argument is invalid.

    Examples
    --------
    >>> import matganip as mg
    >>> series = mg.CompositionSeries(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": range(4)}})
    >>> [space.count_orbits() for space in series]
    [1, 1, 7, 19]
    >>> series.count_orbits()
    28
    """

    def __init__(
        self,
        parent: Structure | Atoms | str | os.PathLike[str],
        supercell: ArrayLike,
        substitutions: Mapping[SublatticeKey, Mapping[str, CountChoices]],
        *,
        charge_neutral: bool = False,
        oxidation_states: Mapping[str, float] | None = None,
        symprec: float = 0.01,
        occupancy_tolerance: float | None = WHOLE,
        site_tolerance: float = SITE_TOLERANCE,
        min_distance: MinDistance | None = None,
    ) -> None:
        choices = [
            (key, species, _numbers(counts, f"substitutions.{key}.{species}"))
            for key, wanted in substitutions.items()
            for species, counts in wanted.items()
        ]
        self.oxidation_states: dict[str, float] | None = None
        """Oxidation state of each species, where charge neutrality was asked for."""
        if oxidation_states and not charge_neutral:
            raise InputError("oxidation_states: are used with charge_neutral=True only")
        fitting: list[ConfigurationSpace] = []
        reason: InputError | None = None
        for wanted in _compositions(choices):
            try:
                fitting.append(
                    fitting[0].with_substitutions(wanted)  # they share the symmetry, which is found once
                    if fitting
                    else ConfigurationSpace(
                        parent,
                        supercell,
                        wanted,
                        symprec=symprec,
                        occupancy_tolerance=occupancy_tolerance,
                        site_tolerance=site_tolerance,
                        min_distance=min_distance,
                    )
                )
            except CountsDoNotFitError as error:
                reason = error
        self.spaces: tuple[ConfigurationSpace, ...] = tuple(fitting)
        """One space for each composition, in the order of the numbers given."""
        if fitting and charge_neutral:
            states = self.oxidation_states = states_of(fitting[0], oxidation_states)
            self.spaces = tuple(space for space in fitting if is_neutral(space, states))
        if not self.spaces:
            if not fitting and all(len(numbers) == 1 for *_, numbers in choices) and reason is not None:
                raise reason
            charges = _told(charge(space, self.oxidation_states or {}) for space in fitting)
            neutral = f" and is neutral; charges are {charges}" if fitting and charge_neutral else ""
            raise InputError(f"substitutions: none of the compositions asked for fits the sites{neutral}")

    def __iter__(self) -> Iterator[ConfigurationSpace]:
        return iter(self.spaces)

    def __len__(self) -> int:
        return len(self.spaces)

    def _repr_html_(self) -> str:
        return series_html(self)

    @property
    def n_configurations(self) -> int:
        """Number of arrangements over all compositions: the exact integer."""
        return sum(space.n_configurations for space in self.spaces)

    def count_orbits(self) -> int:
        """Count the symmetry-distinct arrangements over all compositions, without enumerating them.

        Returns
        -------
        int
        """
        return sum(space.count_orbits() for space in self.spaces)

    def orbits(self, batch_size: int = 65536, num_threads: int | None = None) -> Iterator[ConfigurationBatch]:
        """Enumerate the orbits, composition by composition; each batch belongs to one of them.

        Parameters
        ----------
        batch_size : int
            Rows of a batch.
        num_threads : int, optional
            Threads to use; all cores by default.

        Yields
        ------
        ConfigurationBatch
        """
        for space in self.spaces:
            yield from space.orbits(batch_size=batch_size, num_threads=num_threads)

    def sample_orbits(self, n: int, seed: int = 0, *, stratified: bool = False) -> list[ConfigurationBatch]:
        """Draw orbits over all compositions.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int
            Same seed, same sample.
        stratified : bool
            Draw equally often from each composition (as evenly as n allows, the remainder from the first ones) instead
            of uniformly over all orbits, almost all of which belong to the middle compositions.

        Returns
        -------
        list of ConfigurationBatch
            One for each composition that was drawn from.
        """
        rng = np.random.default_rng(seed)
        if n < 0:
            raise InputError(f"the number of samples must not be negative, got {n}")
        if stratified:
            numbers = [n // len(self) + (i < n % len(self)) for i in range(len(self))]
        else:
            total = self.count_orbits()
            numbers = rng.multinomial(n, [space.count_orbits() / total for space in self.spaces]).tolist()
        seeds = rng.integers(2**63, size=len(self))
        return [
            space.sample_orbits(number, seed=int(seed))
            for space, number, seed in zip(self.spaces, numbers, seeds, strict=True)
            if number
        ]


def _numbers(counts: CountChoices, label: str) -> list[int]:
    numbers = [counts] if isinstance(counts, int) else list(counts)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise InputError(f"{label}: the number of sites must be a whole number, got {number!r}")
    return [int(number) for number in numbers]


def _compositions(
    choices: list[tuple[SublatticeKey, str, list[int]]],
) -> Iterator[dict[SublatticeKey, dict[str, int]]]:
    """All combinations of the numbers, as `ConfigurationSpace` takes them; of a disordered parent the file's own."""
    for numbers in product(*(numbers for *_, numbers in choices)):
        wanted: dict[SublatticeKey, dict[str, int]] = {}
        for (key, species, _), number in zip(choices, numbers, strict=True):
            wanted.setdefault(key, {})[species] = number
        yield wanted


def _told(charges: Iterable[float]) -> str:
    """Charges of supercells, smallest first."""
    distinct = sorted(set(charges), key=abs)
    return ", ".join(f"{one:+g}" for one in distinct[:5]) + (" ..." if len(distinct) > 5 else "")
