"""Labels of the orbits of one space: what a model is trained and tested on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
    n_atoms : int
        Atoms of an arrangement, vacancies left out, for energies per atom.
    n_elsewhere : int
        Rows of the table that belong to another composition and were left out.
    """

    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    energy: NDArray[np.float64]
    calculator: str
    n_atoms: int
    n_elsewhere: int

    def __len__(self) -> int:
        return len(self.energy)
