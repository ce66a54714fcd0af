"""Special quasirandom structures beside icet's and sqsgenerator's, by their own objectives, at equal CPU time.

    python bench/sqs_table.py [--seeds 20] [--steps 3000] [--iterations 300000] [--only NAME]

For each crystal and seed icet anneals `--steps` swaps and sqsgenerator (if it can be imported) draws `--iterations`
arrangements; `mg.sqs` then gets fewer swaps than fit into the same CPU time, its preparations included. Scores are
icet's own (`compare_cluster_vectors`) and sqsgenerator's own formula (sum over shells of |alpha| / shell of unlike
pairs), which is checked against the objective that it reports.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from icet import ClusterSpace
from icet.input_output.logging_tools import set_log_config
from icet.tools.structure_generation import _get_sqs_cluster_vector, generate_sqs_from_supercells
from mchammer.calculators import compare_cluster_vectors
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg

FCC = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Au"], [[0, 0, 0]])
CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]
"""The conventional cell of fcc in primitive vectors."""
QUINARY = {"Au": {"Cu": 12, "Ni": 12, "Pd": 12, "Pt": 12}}
BROMIDE = mg.perovskite("CsPbI3", a=6.289)
CASES = {
    "fcc, 32 atoms, 16:16": (FCC, 2 * np.array(CUBE), {"Au": {"Cu": 16}}, (6.0, 4.1), 40_000),
    "fcc, 60 atoms, five components": (FCC, (5, 4, 3), QUINARY, (5.0, 3.0), 2500),
    "double perovskite Cs2SnPb(Br,I)6, 40 atoms": (
        BROMIDE, (2, 2, 2), {"Pb": {"Sn": 4}, "I": {"Br": 12}}, (9.0, 6.4), 100_000,
    ),
}  # fmt: skip
"""Parent, supercell, substitutions, longest distances of pairs and within triplets, swaps of each of 4 chains."""
SITES = {
    "fcc, 32 atoms, 16:16": (FCC, 2 * np.array(CUBE), {"Au": {"Cu": 16}}, 3, 2000),
    "fcc, 60 atoms, five components": (FCC, (5, 4, 3), QUINARY, 2, 4000),
    "B sites of a double perovskite, 64": (BROMIDE, (4, 4, 4), {"Pb": {"Sn": 32}}, 3, 4000),
}
"""Parent, supercell, substitutions, shells of neighbours, swaps of each of 4 chains."""


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--steps", type=int, default=3000)
    options.add_argument("--iterations", type=int, default=300_000)
    options.add_argument("--only", default="", help="Part of a crystal's name.")
    given = options.parse_args()
    set_log_config(level="ERROR")
    for name, (parent, cell, substitutions, cutoffs, swaps) in CASES.items():
        if given.only not in name:
            continue
        space = mg.ConfigurationSpace(parent, cell, substitutions)
        rows = [against_icet(space, cutoffs, swaps, seed, given.steps) for seed in range(given.seeds)]
        report(name, "icet", np.array(rows))
    try:
        import sqsgenerator  # noqa: F401
    except ImportError:
        print("sqsgenerator is not installed")
        return
    for name, (parent, cell, substitutions, n_shells, swaps) in SITES.items():
        if given.only not in name:
            continue
        space = mg.ConfigurationSpace(parent, cell, substitutions)
        rows = [against_sqsgenerator(space, n_shells, swaps, seed, given.iterations) for seed in range(given.seeds)]
        report(name, "sqsgenerator", np.array(rows))


def report(name: str, other: str, rows: np.ndarray) -> None:
    """Scores and CPU seconds, theirs and ours: (n, 4)."""
    better = (rows[:, 2] <= rows[:, 0] + 1e-9).sum()
    cheaper = (rows[:, 3] <= rows[:, 1]).sum()
    print(
        f"{name} | {other} {rows[:, 0].mean():.4f} in {rows[:, 1].mean():.2f} s | matganip {rows[:, 2].mean():.4f} in "
        f"{rows[:, 3].mean():.2f} s | at least as good in {better} of {len(rows)}, less CPU in {cheaper}",
        flush=True,
    )


def against_icet(
    space: mg.ConfigurationSpace, cutoffs: tuple[float, float], swaps: int, seed: int, steps: int
) -> tuple[float, float, float, float]:
    """Score and CPU seconds of icet, and ours."""
    begun = time.process_time()
    primitive = AseAtomsAdaptor.get_atoms(space.parent)
    allowed = [[site.specie.symbol] for site in space.parent]
    for one in space.sublattice_table:
        for site in one.parent_sites:
            allowed[site] = list(one.species)
    theirs = ClusterSpace(primitive, list(cutoffs), allowed)
    supercell = AseAtomsAdaptor.get_atoms(space.supercell_structure)
    wanted = {}
    for lattice in theirs.get_sublattices(supercell):
        for one in space.sublattice_table:
            if set(one.species) == set(lattice.chemical_symbols):
                wanted[lattice.symbol] = {s: n / sum(one.counts) for s, n in zip(one.species, one.counts, strict=True)}
    found = generate_sqs_from_supercells(theirs, [supercell], wanted, n_steps=steps, random_seed=seed)
    spent = time.process_time() - begun
    begun = time.process_time()
    ours = mg.sqs(space, *cutoffs, n_chains=4, n_swaps=swaps, seed=seed, enumerate_up_to=0, num_threads=1)
    our_time = time.process_time() - begun
    target = _get_sqs_cluster_vector(theirs, wanted)

    def score(atoms: Atoms) -> float:
        return compare_cluster_vectors(theirs.get_cluster_vector(atoms), target, theirs.as_list, optimality_weight=1.0)

    own = score(AseAtomsAdaptor.get_atoms(ours.structure))
    assert abs(own - ours.score) < 1e-6, (own, ours.score)
    return score(found), spent, own, our_time


def against_sqsgenerator(
    space: mg.ConfigurationSpace, n_shells: int, swaps: int, seed: int, iterations: int
) -> tuple[float, float, float, float]:
    """Score and CPU seconds of sqsgenerator on the substituted sites, and ours."""
    import sqsgenerator

    (one,) = space.sublattice_table
    lattice, sites = space.supercell_structure.lattice, space.supercell_structure.frac_coords[space.site_indices]
    shells = np.unique(lattice.get_all_distances(sites, sites).round(3))[1 : n_shells + 1]
    radii = [0.0, *(shells + 0.05).tolist()]
    unlike = 1.0 - np.eye(len(one.species))
    begun = time.process_time()
    setup = sqsgenerator.parse_config(
        {
            "structure": {
                "lattice": lattice.matrix.tolist(),
                "coords": sites.tolist(),
                "species": [one.host] * len(sites),
            },
            "composition": dict(zip(one.species, one.counts, strict=True)),
            "shell_radii": radii,
            "shell_weights": {k + 1: 1.0 for k in range(n_shells)},
            "pair_weights": [(unlike / (k + 1)).tolist() for k in range(n_shells)],
            "iterations": iterations,
            "seed": seed,
            "thread_config": 1,
        }
    )
    best = sqsgenerator.optimize(setup).best()
    spent = time.process_time() - begun
    begun = time.process_time()
    ours = mg.sqs(
        space, float(shells[-1]) + 0.01, objective="short-range-order", n_chains=4, n_swaps=swaps, seed=seed,
        enumerate_up_to=0, num_threads=1,
    )  # fmt: skip
    our_time = time.process_time() - begun
    shell = np.array(best.structure().shell_matrix(radii))
    check = short_range_order([chemical_symbols[z] for z in best.species], shell, n_shells)
    assert abs(check - best.objective) < 1e-6, (check, best.objective)
    own = short_range_order([space.species[0][code] for code in ours.batch.occupations[0]], shell, n_shells)
    assert abs(own - ours.score) < 1e-6, (own, ours.score)
    return float(best.objective), spent, own, our_time


def short_range_order(names: list[str], shell: np.ndarray, n_shells: int) -> float:
    """Warren-Cowley parameters of unlike pairs, shell s weighted by 1 / s."""
    kinds = sorted(set(names))
    at = np.array([kinds.index(name) for name in names])
    share = np.bincount(at) / len(at)
    total = 0.0
    for number in range(1, n_shells + 1):
        i, j = np.nonzero(shell == number)
        for a in range(len(kinds)):
            for b in range(a + 1, len(kinds)):
                found = ((at[i] == a) & (at[j] == b)).mean()
                total += abs(1 - found / (share[a] * share[b])) / number
    return total


if __name__ == "__main__":
    main()
