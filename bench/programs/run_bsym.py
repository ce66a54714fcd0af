"""bsym (B. J. Morgan, J. Open Source Softw. 2, 370, 2017)."""

import sys
import warnings
from pathlib import Path

from bsym.interface.pymatgen import configuration_space_from_structure, unique_structure_substitutions
from pymatgen.core import Lattice, Structure

sys.path.append(str(Path(__file__).parent.parent))
from worker import measure


def enumerate_orbits(case):
    """Its configurations, without making Structures of them; two sublattices one after the other."""
    cell = Structure(
        Lattice.cubic(6.289),
        ["Cs", "Pb", *"III"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
    )
    cell.make_supercell(case.supercell)
    cells = [cell]
    if case.b:
        cells = unique_structure_substitutions(cell, "Pb", dict(zip(("Sn", "Pb"), case.b, strict=True)))
    return sum(_on_iodine(structure, case.x) for structure in cells)


def _on_iodine(structure, counts):
    space = configuration_space_from_structure(structure, subset=list(structure.indices_from_symbol("I")))
    return len(space.unique_configurations(dict(enumerate(counts))))


warnings.simplefilter("ignore")
measure(enumerate_orbits)
