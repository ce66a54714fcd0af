"""The table of docs/monte_carlo.md: averages and sweeps per CPU second beside icet's mchammer, on one model.

The labels are structures of a binary fcc alloy, for instance those of Ag-Pd that icet's tutorial uses:

    python bench/monte_carlo_table.py reference_data.db --energy mixing_energy --per-atom

icet's parameters are those that give the energies of our model exactly (same clusters: what is left over is printed).
Both walk by single Metropolis chains of the same cell; ± is the standard error of the means of twenty blocks.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from icet import ClusterExpansion, ClusterSpace
from mchammer.calculators import ClusterExpansionCalculator
from mchammer.ensembles import CanonicalEnsemble, SemiGrandCanonicalEnsemble
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg
from matganip.features.averages import BOLTZMANN
from matganip.features.lattice.lattice_gas import LatticeGas
from matganip.features.lattice.swaps import seeded_generators
from matganip.learning.interactions import any_composition, lattice_gas
from matganip.sampling.monte_carlo import structure_of

warnings.simplefilter("ignore")
BLOCKS = 20


def expansion(model: mg.Model, gas: LatticeGas) -> tuple[ClusterExpansion, float]:
    """The same energies, eV per site, as a cluster expansion of icet, and the largest difference, meV per site."""
    space, settings = gas.space, model.card.diffraction
    primitive = AseAtomsAdaptor.get_atoms(model.card.parent, msonable=False)
    cutoffs = [settings.cutoff + 1e-4] + ([settings.longest_triplet + 1e-4] if settings.triplets else [])
    clusters = ClusterSpace(primitive, cutoffs=cutoffs, chemical_symbols=[sorted(space.species[0])] * len(primitive))
    random = np.random.default_rng(0)
    rows = (random.random((4 * len(clusters), space.n_sites)) < random.random((4 * len(clusters), 1))).astype(np.uint8)
    vectors = np.array([clusters.get_cluster_vector(atoms_of(space, row)) for row in rows])
    energy = gas.energy(rows) / space.n_sites
    parameters = np.linalg.lstsq(vectors, energy, rcond=None)[0]
    return ClusterExpansion(clusters, parameters), 1000 * float(np.abs(vectors @ parameters - energy).max())


def atoms_of(space: mg.ConfigurationSpace, row: np.ndarray):
    """An arrangement of any composition as ASE has it."""
    return AseAtomsAdaptor.get_atoms(structure_of(space, row), msonable=False)


def blocks(values: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error."""
    means = values[: len(values) // BLOCKS * BLOCKS].reshape(BLOCKS, -1).mean(axis=1)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(BLOCKS))


def by_icet(found: ClusterExpansion, atoms, kelvin: float, potentials: dict | None, sweeps: int, seed: int):
    """Energies, eV per site, numbers of the second species by site, and CPU seconds of a sweep."""
    calculator, n = ClusterExpansionCalculator(atoms, found, scaling=len(atoms)), len(atoms)
    arguments = {"temperature": kelvin, "random_seed": seed, "ensemble_data_write_interval": n}
    if potentials is None:
        ensemble = CanonicalEnsemble(atoms, calculator, **arguments)
    else:
        ensemble = SemiGrandCanonicalEnsemble(atoms, calculator, chemical_potentials=potentials, **arguments)
    started = time.process_time()
    ensemble.run(sweeps * n)
    seconds = (time.process_time() - started) / sweeps
    data = ensemble.data_container.data
    names = [name for name in data.columns if name.endswith("_count")]
    count = data[names[-1]].to_numpy()[1:] / n if names else np.zeros(sweeps)
    kept = sweeps // 5
    return data["potential"].to_numpy()[1:][kept:] / n, count[kept:], seconds, names


def by_us(gas: LatticeGas, row: np.ndarray, kelvin: float, potentials: dict | None, sweeps: int, seed: int):
    """The same by our kernel, on one thread."""
    field = None if potentials is None else gas.field(potentials)[None]
    n = gas.space.n_sites
    started = time.process_time()
    walked = gas.walk(
        row[None], seeded_generators(seed, 1), np.array([1 / (BOLTZMANN * kelvin)]), n_records=sweeps, n_trials=n,
        changes=0.0 if potentials is None else 1.0, field=field, num_threads=1,
    )  # fmt: skip
    seconds = (time.process_time() - started) / sweeps
    return walked.energy[0, sweeps // 5 :] / n, walked.counts[0, sweeps // 5 :, 0] / n, seconds


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels")
    parser.add_argument("--energy")
    parser.add_argument("--per-atom", action="store_true")
    parser.add_argument("--sweeps", type=int, default=1000, help="of icet; ours are twenty times as many")
    parser.add_argument("--kelvin", type=float, nargs="+", default=[300.0, 600.0, 1200.0])
    parser.add_argument("--share", type=float, default=0.5, help="of the second species, by name, where atoms swap")
    parser.add_argument("--swaps-only", action="store_true")
    asked = parser.parse_args()
    labels = mg.read_structures(asked.labels, energy=asked.energy, per_atom=asked.per_atom)
    host, other = sorted({symbol for atoms in labels.structures for symbol in atoms.symbols})
    pure = next(atoms for atoms in labels.structures if set(atoms.symbols) == {host})
    fcc = AseAtomsAdaptor.get_structure(pure).get_primitive_structure()
    model = mg.train(mg.ConfigurationSpace(fcc, (1, 1, 1), {host: {other: 0}}), labels)
    print(next(choice.name for choice in model.training.choices if choice.taken))
    gas = lattice_gas(model, any_composition(model, (6, 6, 6)))
    found, off = expansion(model, gas)
    print(f"icet has the same energies within {off:.1e} meV a site")
    row = np.zeros(gas.space.n_sites, dtype=np.uint8)
    code = gas.space.species[0].index(other)
    row[:] = 1 - code
    row[np.random.default_rng(1).permutation(len(row))[: round(asked.share * len(row))]] = code
    pure_energies = gas.energy(np.array([np.full(len(row), 1 - code), np.full(len(row), code)], dtype=np.uint8))
    middle = float(np.diff(pure_energies)[0]) / len(row)
    print("| 216 sites | U icet, meV/site | U matganip | x icet | x matganip | difference, standard errors |")
    print("|---|---|---|---|---|---|")
    free = [{host: 0.0, other: middle}, {host: 0.0, other: middle + 0.05}]
    for potentials in (None, *([] if asked.swaps_only else free)):
        for kelvin in asked.kelvin:
            energy, count, _, names = by_icet(found, atoms_of(gas.space, row), kelvin, potentials, asked.sweeps, 1)
            ours, counts, _ = by_us(gas, row, kelvin, potentials, 20 * asked.sweeps, 1)
            (theirs, error), (mean, own) = blocks(1000 * energy), blocks(1000 * ours)
            difference = (theirs - mean) / np.hypot(error, own)
            what = "swaps" if potentials is None else f"mu = {potentials[other]:.3f} eV"
            if potentials is None:
                shares = f"{asked.share:g} | {asked.share:g}"
            else:
                named = names[-1].split("_")[0]
                (x, dx), (y, dy) = blocks(count), blocks(counts[:, gas.space.species[0].index(named)])
                shares = f"{x:.4f} ± {dx:.4f} | {y:.4f} ± {dy:.4f}"
            print(f"| {what}, {kelvin:g} K | {theirs:.3f} ± {error:.3f} | {mean:.3f} ± {own:.3f} | {shares} | "
                  f"{difference:+.1f} |", flush=True)  # fmt: skip
    if asked.swaps_only:
        return
    print("| sweeps per CPU second | icet | matganip | ratio |\n|---|---|---|---|")
    for cell, sweeps in (((6, 6, 6), 100), ((10, 10, 10), 20)):
        gas = lattice_gas(model, any_composition(model, cell))
        row = np.zeros(gas.space.n_sites, dtype=np.uint8)
        row[np.random.default_rng(1).permutation(len(row))[: len(row) // 2]] = 1
        for what, potentials in (("swaps", None), ("changes", {host: 0.0, other: middle})):
            theirs = by_icet(found, atoms_of(gas.space, row), 600.0, potentials, sweeps, 2)[2]
            ours = by_us(gas, row, 600.0, potentials, 20 * sweeps, 2)[2]
            print(
                f"| {len(row)} sites, {what}, 600 K | {1 / theirs:.1f} | {1 / ours:.1f} | {theirs / ours:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
