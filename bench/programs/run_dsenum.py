"""dsenum (K. Shinohara et al., J. Chem. Phys. 153, 104109, 2020), its decision diagrams."""

import sys
import warnings
from pathlib import Path

import numpy as np
from dsenum import ZddStructureEnumerator
from dsenum.permutation_group import DerivativeStructurePermutation
from pymatgen.core import Lattice, Structure

sys.path.append(str(Path(__file__).parent.parent))
from worker import measure

I_SITES = [[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]
OPTIONS = {"remove_superperiodic": False, "remove_incomplete": False, "verbose": False}


def enumerate_orbits(case):
    """Without making Structures of the colourings, which would cost more than finding them."""
    if case.max_volume:
        fcc = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ni"], [[0, 0, 0]])
        options = {**OPTIONS, "remove_superperiodic": True}
        return sum(_colourings(ZddStructureEnumerator(fcc, v, 2, **options)) for v in range(1, case.max_volume + 1))
    n_cells = int(np.prod(case.supercell))
    lattice = Lattice.cubic(6.289)
    if case.b:
        parent = Structure(lattice, ["Pb", *"III"], [[0.5, 0.5, 0.5], *I_SITES])
        of_b, of_x = list(range(len(case.b))), list(range(len(case.b), len(case.b) + len(case.x)))
        sites = [of_b, of_x, of_x, of_x]
        enumerator = ZddStructureEnumerator(
            parent,
            n_cells,
            len(case.b) + len(case.x),
            composition_constraints=[*case.b, *case.x],
            base_site_constraints=sites,
            **OPTIONS,
        )
    else:
        parent = Structure(lattice, [*"III"], I_SITES)
        enumerator = ZddStructureEnumerator(
            parent, n_cells, len(case.x), composition_constraints=list(case.x), **OPTIONS
        )
    enumerator.list_reduced_HNF = [np.diag(case.supercell)]  # this shape alone, of all with so many cells
    return _colourings(enumerator)


def _colourings(enumerator):
    found = 0
    for hnf in enumerator.list_reduced_HNF:
        permutations = DerivativeStructurePermutation(
            hnf, enumerator.base_structure.frac_coords, enumerator.rotations, enumerator.translations
        )
        found += len(enumerator._generate_coloring_with_hnf(hnf, permutations, None, None))
    return found


warnings.simplefilter("ignore")
measure(enumerate_orbits)
