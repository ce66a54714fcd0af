"""A block of configurations: rows of codes with multiplicities, and lazily the structures that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace


@dataclass(frozen=True)
class ConfigurationBatch:
    """Orbits of a configuration space, each by its representative.

    Attributes
    ----------
    space : ConfigurationSpace
        The space that the codes belong to.
    occupations : (n, n_sites) uint8
        Codes into ``space.species``, one column for each of ``space.site_indices``.
    multiplicity : (n,) int64
        Number of configurations in each orbit.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
    >>> batch = next(space.orbits())
    >>> len(batch), int(batch.multiplicity.sum())
    (6, 70)
    >>> next(batch.structures()).composition.reduced_formula
    'Cs2SnPbI6'
    """

    space: ConfigurationSpace = field(repr=False)
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.occupations)

    def structures(self) -> Iterator[Structure]:
        """Make the representatives one by one.

        Yields
        ------
        pymatgen.core.Structure
            The supercell with its sites occupied; vacant sites are left out.
        """
        for row in self.occupations:
            yield self.space.structure(row)

    def atoms(self) -> Iterator[Atoms]:
        """Make the representatives one by one, for ASE.

        Yields
        ------
        ase.Atoms
        """
        from pymatgen.io.ase import AseAtomsAdaptor

        for structure in self.structures():
            yield AseAtomsAdaptor.get_atoms(structure, msonable=False)
