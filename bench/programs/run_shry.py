"""SHRY (G. I. Prayogo et al., J. Chem. Inf. Model. 62, 2909, 2022)."""

import sys
import warnings
from pathlib import Path

import shry
from pymatgen.core import Lattice, Structure
from shry.core import Substitutor

sys.path.append(str(Path(__file__).parent.parent))
from worker import measure

SPECIES = {"X": ("Br", "I", "Cl"), "B": ("Sn", "Pb")}


def enumerate_orbits(case):
    """Its patterns, without making Structures of them."""
    x = _occupancies("X", case.x)
    b = _occupancies("B", case.b) if case.b else {"Pb": 1.0}
    cell = Structure(
        Lattice.cubic(6.289),
        [{"Cs": 1.0}, b, x, x, x],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
        site_properties={"_atom_site_label": ["A", "B", "X", "X", "X"]},
    )
    cell.make_supercell(case.supercell)
    return sum(1 for _ in Substitutor(cell).make_patterns())


def _occupancies(sublattice, counts):
    return {name: n / sum(counts) for name, n in zip(SPECIES[sublattice], counts, strict=False)}


warnings.simplefilter("ignore")
shry.const.DISABLE_PROGRESSBAR = True
measure(enumerate_orbits)
