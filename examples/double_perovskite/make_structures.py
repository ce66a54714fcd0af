"""Ag and Bi on the B sites of a cubic Cs2AgBiBr6, cells of two, four and six formula units CsBX3: `chgnet.extxyz`.

Every arrangement with as many Ag as Bi, CHGNet single points on the ideal lattice. Less than a minute on one core:

    python examples/double_perovskite/make_structures.py examples/double_perovskite/chgnet.extxyz
"""

import sys
from pathlib import Path

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg
from matganip.labels.calculators import calculator_of

parent = mg.read_structure(Path(__file__).parent / "CsAgBr3.cif")
calculator = calculator_of("chgnet", None).build("")
done = []
for cells in (2, 4, 6):
    for batch in mg.derivative_structures(parent, {"Ag": ["Ag", "Bi"]}, cells, cells):
        for structure in batch.structures():
            if structure.composition["Ag"] != structure.composition["Bi"]:
                continue
            atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
            atoms.calc = calculator
            energy = round(float(atoms.get_potential_energy()), 6)
            atoms.calc = SinglePointCalculator(atoms, energy=energy)
            atoms.info.clear()
            atoms.positions = np.round(atoms.positions, 5)
            done.append(atoms)
    print(f"{cells} formula units: {len(done)} arrangements so far", flush=True)
write(sys.argv[1], done, format="extxyz", columns=["symbols", "positions"])
