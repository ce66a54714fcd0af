"""Cu-Au by effective medium theory: from structures of up to six atoms to ground states and the ordering of Cu3Au.

    python examples/cu_au/run.py

`emt.extxyz` holds all derivative structures of fcc up to eight atoms, relaxed (`make_structures.py`). Those that left
the fcc lattice when they relaxed are left out, and named.
"""

from pathlib import Path

import numpy as np
from ase.io import read

import matganip as mg
from matganip.configurations.mapping import ParentLattice

HERE = Path(__file__).parent

fcc = mg.read_structure(HERE / "Cu.cif").get_primitive_structure()
space = mg.ConfigurationSpace(fcc, (1, 1, 1), {"Cu": {"Au": 0}})
lattice, structures = ParentLattice(space), []
for number, atoms in enumerate(read(HERE / "emt.extxyz", ":")):
    try:
        lattice.map(atoms)
        structures.append(atoms)
    except mg.InputError as error:
        print(f"left out: structure {number}, {atoms.get_chemical_formula()}: {error}")

# Train on the structures of up to six atoms, test on all larger ones.
small, large = [one for one in structures if len(one) <= 6], [one for one in structures if len(one) > 6]
labels = mg.LabelledStructures.of(small, [one.get_potential_energy() for one in small], "EMT", "emt.extxyz")
model = mg.train(space, labels)
n_atoms = np.array([len(one) for one in large])
calculated = np.array([one.get_potential_energy() for one in large]) / n_atoms
error = 1000 * np.abs(model.predict_structures(large).per_atom - calculated).mean()
baseline = 1000 * np.abs(calculated - np.mean([one.get_potential_energy() / len(one) for one in small])).mean()
print(f"{len(small)} structures to train on; MAE of {len(large)} larger ones {error:.2f} meV/atom, mean {baseline:.2f}")

print(mg.ground_states(model, 6))
cell = model.space((6, 6, 6), {"Cu": {"Au": 54}})
print(mg.monte_carlo(model, cell, [100, 200, 300, 400, 600, 800], n_sweeps=200, n_groups=2))
