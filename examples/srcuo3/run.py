"""Oxygen vacancies in SrCuO3: from a CIF and labels in cells of one to four formula units to the best arrangements.

    python examples/srcuo3/run.py

`chgnet.extxyz` is made by `make_structures.py`: CHGNet single points on the ideal lattice.
"""

from pathlib import Path

import matganip as mg

HERE = Path(__file__).parent

parent = mg.read_structure(HERE / "SrCuO3.cif")
labels = mg.read_structures(HERE / "chgnet.extxyz")
space = mg.ConfigurationSpace(parent, (1, 1, 1), {"O": {"vac": 0}})
model = mg.train(space, labels, train_size=0.8)
print(model.training)

# The ranking of every arrangement of a cell that no label has: SrCuO2.5 in 2x2x1.
cell = model.space((2, 2, 1), {"O": {"vac": 2}})
print(model.predict(cell, keep=5))

# And at a temperature, in a cell of 81 oxygen sites.
print(mg.monte_carlo(model, model.space((3, 3, 3), {"O": {"vac": 14}}), [600, 900, 1200], n_sweeps=200, n_groups=2))
