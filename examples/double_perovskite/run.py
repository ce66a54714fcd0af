"""Ag and Bi in Cs2AgBiBr6: from a CIF and labels of small cells to the ranking of the six arrangements of 2x2x2.

    python examples/double_perovskite/run.py

`chgnet.extxyz` is made by `make_structures.py`: CHGNet single points on the ideal lattice. The ranking by Ewald
energies of the ions, which needs no label, stands beside it.
"""

from pathlib import Path

import matganip as mg

HERE = Path(__file__).parent

parent = mg.read_structure(HERE / "CsAgBr3.cif")
labels = mg.read_structures(HERE / "chgnet.extxyz")
model = mg.train(mg.ConfigurationSpace(parent, (1, 1, 1), {"Ag": {"Bi": 0}}), labels, train_size=0.8)
print(model.training)

cell = model.space((2, 2, 2), {"Ag": {"Bi": 4}})
print(model.predict(cell))
print(mg.rank(cell, oxidation_states={"Cs": 1, "Ag": 1, "Bi": 3, "Br": -1}, lowest=6))
larger = model.space((4, 4, 4), {"Ag": {"Bi": 32}})
print(mg.monte_carlo(model, larger, [300, 1000, 2000, 4000], n_sweeps=200, n_groups=2))
