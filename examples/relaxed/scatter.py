"""The error of a model of relaxed energies beside the scatter between starts, which no model of one start can beat.

    python examples/relaxed/scatter.py                                       # of the shipped tables
    python examples/relaxed/scatter.py examples/relaxed/cspbi3_br.toml       # of what `matganip label` wrote of a file

Half of the orbits train the model, on the lowest energy of each.
"""

import sys
from pathlib import Path

import matganip as mg
from matganip.labels.starts import of_several_starts
from matganip.workflows.labelling import read_label_study

HERE = Path(__file__).parent
SHIPPED = {"cspbi3_br.toml": "cspbi3_br/chgnet_relaxed_X6of24", "srtio3.toml": "srtio3/chgnet_relaxed_V4of24"}

given = [Path(name) for name in sys.argv[1:]]
for file in given or [HERE / name for name in SHIPPED]:
    study = read_label_study(file)
    (space,) = study.spaces(file.parent)
    tables = [f"{SHIPPED[file.name]}_start{start}" for start in (0, 1)] if not given else study.database
    starts = of_several_starts(tables, space)
    spread = 1000 * starts.spread
    print(f"{study.name}: {len(starts.lowest)} orbits, {starts.energy.shape[1]} starts")
    print(
        f"scatter {1000 * starts.scatter:.3f} meV/atom; the highest start of an orbit is {spread.mean():.3f} above "
        f"the lowest on average, {spread.max():.3f} at most"
    )
    print(mg.train(space, starts.lowest, train_size=0.5).training)
