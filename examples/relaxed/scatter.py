"""The error of a model of relaxed energies beside the scatter between starts, which no model can beat.

    python examples/relaxed/scatter.py examples/relaxed/cspbi3_br.toml

The labels are what `matganip label` wrote of this file from at least two starts. Half of the orbits train the model.
"""

import sys
from pathlib import Path

import matganip as mg
from matganip.labels.starts import of_several_starts
from matganip.workflows.labelling import read_label_study

study = read_label_study(Path(sys.argv[1]))
(space,) = study.spaces(Path(sys.argv[1]).parent)
starts = of_several_starts(study.database, space)
spread = 1000 * starts.spread
print(f"{len(starts.lowest)} orbits, {starts.energy.shape[1]} starts, scatter {1000 * starts.scatter:.3f} meV/atom")
print(f"the highest start of an orbit is {spread.mean():.3f} above the lowest on average, {spread.max():.3f} at most")
print(mg.train(space, starts.lowest, train_size=0.5).training)
