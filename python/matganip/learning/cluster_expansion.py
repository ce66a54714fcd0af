"""Cluster vectors by icet: what a cluster expansion, the field's own linear model, reads of an arrangement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.composition import VACANCY
from matganip.errors import InputError, require

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


def cluster_vectors(
    space: ConfigurationSpace, occupations: NDArray[np.uint8], cutoffs: tuple[float, ...] = (9.0, 9.0)
) -> NDArray[np.float64]:
    """Correlation functions of arrangements in the cluster space of their parent.

    By icet (Angqvist et al., Adv. Theory Simul. 2, 1900015 (2019)).

    Parameters
    ----------
    space : ConfigurationSpace
    occupations : (n, n_sites) uint8 ndarray
    cutoffs : tuple of float
        Longest distance, in angstrom, within pairs, triplets, and so on.

    Returns
    -------
    (n, f) float64 ndarray
        Per primitive cell: its columns mean the same in every supercell of one parent.

    Raises
    ------
    MissingExtraError
        If icet is not installed.
    InputError
        If a cut-off is no positive number.
    """
    if not cutoffs or not all(np.isfinite(cutoff) and cutoff > 0 for cutoff in cutoffs):
        raise InputError(f"cutoffs must be positive distances in angstrom, not {cutoffs}")
    require("icet", "icet")
    from ase import Atoms
    from icet import ClusterSpace
    from pymatgen.io.ase import AseAtomsAdaptor

    parent = AseAtomsAdaptor.get_atoms(space.parent, msonable=False)
    symbols = [[str(symbol)] for symbol in parent.symbols]
    for sublattice, species in zip(space.sublattice_table, space.species, strict=True):
        for site in sublattice.parent_sites:
            symbols[site] = sorted("X" if name == VACANCY else name for name in species)  # ASE's for no atom
    clusters = ClusterSpace(parent, cutoffs=list(cutoffs), chemical_symbols=symbols)
    numbers = ConfigurationBatch(space, occupations, np.ones(len(occupations), dtype=np.int64)).atomic_numbers()
    frame = space.supercell_structure
    arrangements = (
        Atoms(row, scaled_positions=frame.frac_coords, cell=frame.lattice.matrix, pbc=True) for row in numbers
    )
    vectors = np.array([clusters.get_cluster_vector(atoms) for atoms in arrangements], dtype=np.float64)
    return vectors.reshape(len(occupations), len(clusters))
