"""MgAl2O4 with Mg and Al exchanged, cells of one and two primitive cells, CHGNet single points: `chgnet.extxyz`.

Every arrangement of 14 atoms, and a random sample of each degree of inversion of 28. A minute on one core:

    python examples/spinel/make_structures.py examples/spinel/chgnet.extxyz
"""

import sys
from pathlib import Path

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import matganip as mg
from matganip.labels.calculators import calculator_of

parent = mg.read_structure(Path(__file__).parent / "MgAl2O4.cif").get_primitive_structure()
calculator = calculator_of("chgnet", None).build("")
done = []
for cell, exchanged in (((1, 1, 1), 2), ((2, 1, 1), 4)):
    for n in range(exchanged + 1):
        space = mg.ConfigurationSpace(parent, cell, {"Mg": {"Al": n}, "Al": {"Mg": n}})
        batch = space.sample_orbits(16, seed=n) if space.count_orbits() > 16 else next(space.orbits())
        print(f"{cell}, {n} exchanged: {len(batch)} of {space.count_orbits()} orbits", flush=True)
        for atoms in batch.atoms():
            atoms.calc = calculator
            energy = round(float(atoms.get_potential_energy()), 6)
            atoms.calc = SinglePointCalculator(atoms, energy=energy)
            atoms.info.clear()
            atoms.positions = np.round(atoms.positions, 5)
            done.append(atoms)
write(sys.argv[1], done, format="extxyz", columns=["symbols", "positions"])
