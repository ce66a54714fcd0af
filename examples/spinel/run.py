"""Inversion of the spinel MgAl2O4: from a CIF and labels of 14 and 28 atoms to the ranking of a cell of 42.

    python examples/spinel/run.py

`chgnet.extxyz` is made by `make_structures.py`: CHGNet single points on the ideal lattice. Mg and Al exchange between
the tetrahedral and the octahedral sites: two sublattices with the same two species.
"""

from pathlib import Path

import numpy as np

import matganip as mg

HERE, KELVIN = Path(__file__).parent, [300.0, 1000.0, 2000.0]

parent = mg.read_structure(HERE / "MgAl2O4.cif").get_primitive_structure()
labels = mg.read_structures(HERE / "chgnet.extxyz")
sites = mg.ConfigurationSpace(parent, (1, 1, 1), {"Mg": {"Al": 0}, "Al": {"Mg": 0}})
model = mg.train(sites, labels, train_size=0.8)
print(model.training)

# Six Mg and twelve Al in three primitive cells: how many of the Mg are on octahedral sites, and what that costs.
spaces = [model.space((3, 1, 1), {"Mg": {"Al": n}, "Al": {"Mg": n}}) for n in range(7)]
lowest = [model.predict(space, keep=1).energy[0] for space in spaces]
for n, (space, energy) in enumerate(zip(spaces, lowest, strict=True)):
    above = (energy - lowest[0]) / 6
    print(f"inversion {n / 6:.2f}: {space.count_orbits():6,} orbits, the lowest {above:+.4f} eV per formula unit")
print(model.predict(spaces[3], keep=5))

# The inversion at a temperature: every degree by its share of exp(-F/kT).
free = np.array([mg.thermo(model, space, KELVIN).functions.free_energy for space in spaces])
weight = np.exp(-(free - free.min(axis=0)) / (8.617333262e-5 * np.array(KELVIN)))
for kelvin, mean in zip(KELVIN, np.arange(7) / 6 @ weight / weight.sum(axis=0), strict=True):
    print(f"{kelvin:g} K: {mean:.2g} of the tetrahedral sites have Al")
