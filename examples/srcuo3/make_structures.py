"""Oxygen vacancies in cubic SrCuO3, cells of one to four formula units, CHGNet single points: `chgnet.extxyz`.

At most two vacancies for each three oxygen sites; every arrangement of one and two formula units, a random sample of
those of three and four. A minute on one core:

    python examples/srcuo3/make_structures.py examples/srcuo3/chgnet.extxyz
"""

import sys

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg
from matganip.labels.calculators import calculator_of

SAMPLED = {3: 70, 4: 110}

parent = mg.perovskite("SrCuO3", a=3.83)
calculator = calculator_of("chgnet", None).build("")
random = np.random.default_rng(0)
done = []
for cells in (1, 2, 3, 4):
    structures = [
        structure
        for batch in mg.derivative_structures(parent, {"O": ["O", "vac"]}, cells, cells)
        for structure in batch.structures()
        if structure.composition["O"] >= cells
    ]
    kept = sorted(random.permutation(len(structures))[: SAMPLED.get(cells, len(structures))])
    print(f"{cells} formula units: {len(kept)} of {len(structures)} arrangements", flush=True)
    for row in kept:
        atoms = AseAtomsAdaptor.get_atoms(structures[row], msonable=False)
        atoms.calc = calculator
        energy = round(float(atoms.get_potential_energy()), 6)
        labelled = atoms.copy()
        labelled.info.clear()
        labelled.calc = SinglePointCalculator(labelled, energy=energy)
        labelled.positions = np.round(labelled.positions, 5)
        done.append(labelled)
write(sys.argv[1], done, format="extxyz", columns=["symbols", "positions"])
