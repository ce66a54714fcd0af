"""Labels of the orbits of one space: what a model is trained and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Rows = slice | NDArray[np.integer] | NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """Labels on the orbits of a space: what a model is trained on.

    Attributes
    ----------
    occupations : (n, n_sites) uint8
        Representatives of the orbits, in the space's codes.
    multiplicity : (n,) int64
        Sizes of the orbits.
    energy : (n,) float64
        Total energies of the supercell in eV.
    calculator : str
        What computed them.
    n_atoms : int or (n,) int64
        Atoms of an arrangement, vacancies left out, for energies per atom; one number for each row where they are of
        several compositions.
    n_elsewhere : int
        Rows of the table that belong to another composition and were left out.
    """

    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    energy: NDArray[np.float64]
    calculator: str
    n_atoms: int | NDArray[np.int64]
    n_elsewhere: int

    def __len__(self) -> int:
        return len(self.energy)

    @property
    def per_atom(self) -> NDArray[np.float64]:
        """(n,): total energies in eV/atom."""
        per_atom: NDArray[np.float64] = self.energy / self.n_atoms
        return per_atom

    def __getitem__(self, rows: Rows) -> Labelled:
        """Some of the rows, in the order asked for."""
        return replace(
            self,
            occupations=self.occupations[rows],
            multiplicity=self.multiplicity[rows],
            energy=self.energy[rows],
            n_atoms=self.n_atoms if isinstance(self.n_atoms, int) else self.n_atoms[rows],
        )

    def weighted(self, multiplicity: NDArray[np.int64]) -> Labelled:
        """The same rows, standing for other numbers of arrangements: a random split takes an orbit apart."""
        return replace(self, multiplicity=multiplicity)


def stacked(parts: Sequence[Labelled], spaces: Sequence[ConfigurationSpace]) -> Labelled:
    """Labels of several compositions in the codes of the first one's space.

    Parameters
    ----------
    parts : sequence of Labelled
    spaces : sequence of ConfigurationSpace
        Of each part: the same species on the same sublattices, in other numbers.

    Returns
    -------
    Labelled

    Raises
    ------
    InputError
        If the sites hold other species, the calculators differ, or a composition comes twice; the message begins with
        the number of the part.
    """
    first, space = parts[0], spaces[0]
    met: set[bytes] = {row.tobytes() for row in first.occupations}
    for number, (part, other) in enumerate(zip(parts[1:], spaces[1:], strict=True)):
        if other.species != space.species or not np.array_equal(other.site_indices, space.site_indices):
            raise InputError(
                f"labels.also[{number}]: its sites hold {other.species}, those of the study {space.species}: the same "
                "species on the same sublattices are needed, in the same order of frequency"
            )
        if part.calculator != first.calculator:
            raise InputError(
                f"labels.also[{number}]: its labels are of {part.calculator}, the study's of {first.calculator}: they "
                "do not compare"
            )
        rows = {row.tobytes() for row in part.occupations}
        if rows & met:
            raise InputError(f"labels.also[{number}]: this composition is labelled already")
        met |= rows
    atoms = [np.broadcast_to(np.asarray(part.n_atoms, dtype=np.int64), len(part)) for part in parts]
    return replace(
        first,
        occupations=np.concatenate([part.occupations for part in parts]),
        multiplicity=np.concatenate([part.multiplicity for part in parts]),
        energy=np.concatenate([part.energy for part in parts]),
        n_atoms=np.concatenate(atoms) if len(parts) > 1 else first.n_atoms,
        n_elsewhere=0 if len(parts) > 1 else first.n_elsewhere,
    )
