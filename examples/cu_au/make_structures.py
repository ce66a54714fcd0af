"""All derivative structures of fcc Cu-Au up to eight atoms, cells and atoms relaxed by EMT: `emt.extxyz`.

ASE's effective medium theory (Jacobsen, Stoltze and Norskov, Surf. Sci. 366, 394 (1996)). A few minutes on one core:

    python examples/cu_au/make_structures.py examples/cu_au/emt.extxyz
"""

import sys

import numpy as np
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.io import write
from ase.optimize import BFGS
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg

fcc = Structure(Lattice([[0, 1.92, 1.92], [1.92, 0, 1.92], [1.92, 1.92, 0]]), ["Cu"], [[0, 0, 0]])
relaxed = []
for batch in mg.derivative_structures(fcc, {"Cu": ["Cu", "Au"]}, max_volume=8):
    for structure in batch.structures():
        atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
        share = atoms.symbols.count("Au") / len(atoms)
        atoms.set_cell(atoms.cell * (3.61 + 0.47 * share) / 3.84, scale_atoms=True)
        atoms.calc = EMT()
        BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.01, steps=300)
        done = atoms.copy()
        done.info.clear()
        done.calc = SinglePointCalculator(done, energy=round(float(atoms.get_potential_energy()), 7))
        done.positions, done.cell = np.round(done.positions, 5), np.round(done.cell, 5)
        relaxed.append(done)
        if len(relaxed) % 50 == 0:
            print(len(relaxed), "structures", flush=True)
write(sys.argv[1], relaxed, format="extxyz", columns=["symbols", "positions"])
