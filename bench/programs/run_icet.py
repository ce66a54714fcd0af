"""icet (M. Angqvist et al., Adv. Theory Simul. 2, 1900015, 2019)."""

import sys
import warnings
from pathlib import Path

from ase import Atoms
from icet.tools import enumerate_structures

sys.path.append(str(Path(__file__).parent.parent))
from worker import measure


def enumerate_orbits(case):
    """A supercell of its own is given as a parent whose cells of size one are asked for."""
    if case.max_volume:
        fcc = Atoms("Ni", cell=[[0, 2, 2], [2, 0, 2], [2, 2, 0]], pbc=True)
        sizes = range(1, case.max_volume + 1)
        return sum(1 for _ in enumerate_structures(fcc, sizes, ["Ni", "Al"], niggli_reduce=False))
    positions = [[0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    cell = Atoms("PbI3", scaled_positions=positions, cell=[6.289] * 3, pbc=True) * case.supercell
    symbols = {"Pb": ["Pb", "Sn"] if case.b else ["Pb"], "I": ["I", "Br", "Cl"][: len(case.x)]}
    wanted = {**dict(zip(symbols["I"], case.x, strict=True)), **dict(zip(symbols["Pb"], case.b, strict=False))}
    exactly = {name: ((n - 0.25) / len(cell), (n + 0.25) / len(cell)) for name, n in wanted.items()}
    allowed = [symbols[atom.symbol] for atom in cell]
    return sum(
        1 for _ in enumerate_structures(cell, [1], allowed, concentration_restrictions=exactly, niggli_reduce=False)
    )


warnings.simplefilter("ignore")
measure(enumerate_orbits)
