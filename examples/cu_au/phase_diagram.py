"""The phase diagram of Cu-Au on the lattice model of `run.py`, coexistence included, and the hull over all cells.

python examples/cu_au/phase_diagram.py cu_au.png
"""

import sys
from pathlib import Path

import matganip as mg

HERE = Path(__file__).parent

fcc = mg.read_structure(HERE / "Cu.cif").get_primitive_structure()
model = mg.train(mg.ConfigurationSpace(fcc, (1, 1, 1), {"Cu": {"Au": 0}}), mg.read_structures(HERE / "emt.extxyz"))
print(mg.ground_states(model, 6))
found = mg.phase_diagram(model, (6, 6, 6), [300, 350, 400, 450, 500, 600, 700, 800], n_sweeps=4000)
print(found)
found.save_figure(sys.argv[1])
