"""Two oxides with vacancies, from a CIF to thermodynamics, every step beside its labels: NMC and SrTiO(3-x).

    python examples/vacancies/run.py

Labels are the shipped CHGNet energies of ideal arrangements. Three fifths of the orbits train one model for all
compositions of this cell, and one of the parent's clusters for any cell. Where every orbit of a composition has a
label, ranking and sums of the labels are exact.
"""

from pathlib import Path

import numpy as np

import matganip as mg
from matganip.thermodynamics.sums import CanonicalSums

HERE, KELVIN = Path(__file__).parent, [600.0, 1200.0]
NMC = {"Ni": {"Mn": 2, "Co": 2}}
# Of each: file, labels, vacant sublattice, numbers of vacancies, other substitutions, where every orbit has a label.
MATERIALS = {
    "Li(Ni,Mn,Co)O2": ("LiNiO2.cif", "linio2/chgnet_V0_4of8", "Li", range(5), NMC, 1),
    "SrTiO(3-x)": ("SrTiO3.cif", "srtio3/chgnet_V1_6of24", "O", range(1, 7), {}, 4),
}

for name, (cif, table, host, vacancies, others, complete) in MATERIALS.items():
    parent = mg.read_structure(HERE / cif)
    spaces = {n: mg.ConfigurationSpace(parent, (2, 2, 2), {**others, host: {"vac": n}}) for n in vacancies}
    known = {n: mg.read_labels(table).join(space) for n, space in spaces.items()}
    batches = {n: mg.ConfigurationBatch(spaces[n], one.occupations, one.multiplicity) for n, one in known.items()}

    # Train and evaluate: the errors of orbits not seen are what later steps are held against. Walks need the parent's
    # own clusters, which mean the same in every cell and are less accurate in this one.
    structures = [structure for batch in batches.values() for structure in batch.structures()]
    energies = np.concatenate([one.energy for one in known.values()])
    nothing = {key: dict.fromkeys(kinds, 0) for key, kinds in {**others, host: {"vac": 0}}.items()}
    sites = mg.ConfigurationSpace(parent, (1, 1, 1), nothing)
    model = mg.train(list(spaces.values()), table, train_size=0.6)
    of_any_cell = mg.train(sites, mg.LabelledStructures.of(structures, energies, "CHGNet"), train_size=0.6)
    for title, one in (("this cell", model), ("any cell", of_any_cell)):
        metrics = one.training["test"].metrics
        print(f"{name}, a model of {title}: orbits not seen: MAE {metrics.mae:.3f}, RMSE {metrics.rmse:.3f} meV/atom, "
              f"mean baseline {metrics.baseline_mae:.3f}")  # fmt: skip

    # Predict: each composition beside its labels.
    for n, batch in batches.items():
        off = 1000 * np.abs(model.predict(batch).per_atom - known[n].per_atom).mean()
        print(f"  predict, {n} vacancies: {len(batch)} labels of {spaces[n].n_atoms} atoms, MAE {off:.3f}")

    # Screen: all orbits of a composition, ranked; every one has a label here.
    space, all_of_it = spaces[complete], known[complete]
    found = mg.screen(model, space, top=5, temperatures=KELVIN)
    energy = {row.tobytes(): e for row, e in zip(all_of_it.occupations, all_of_it.energy, strict=True)}
    above = [1000 * (energy[row.tobytes()] - min(energy.values())) / space.n_atoms for row in found.winners.occupations]
    print(f"  screen, {complete} vacancies: the first five are {', '.join(f'{e:.3f}' for e in above)} meV/atom above "
          "the lowest label")  # fmt: skip

    # Thermodynamics: sums over all orbits, of the model and of the labels, and Monte Carlo in the same cell.
    exact = CanonicalSums(KELVIN)
    exact.add(all_of_it.energy, all_of_it.multiplicity)
    wanted, summed = exact.result(space.n_atoms), mg.thermo(found).functions
    walked = mg.monte_carlo(of_any_cell, space, KELVIN, n_sweeps=400, n_groups=4).points[0].values
    for k, kelvin in enumerate(KELVIN):
        off = [summed.energy[k], walked[k, 1], summed.free_energy[k], walked[k, 0]]
        off -= np.repeat([wanted.energy[k], wanted.free_energy[k]], 2)
        u_sum, u_walk, f_sum, f_walk = off * 1000 / space.n_atoms
        print(f"  {kelvin:g} K, less the labels' own, meV/atom: U {u_sum:+.3f} by sums, {u_walk:+.3f} by Monte Carlo; "
              f"F {f_sum:+.3f} and {f_walk:+.3f}")  # fmt: skip
