"""Proofs of the lowest arrangements: CPU time, nodes and gaps, beside HiGHS on the same energy.

    python bench/certify_table.py                   # all cases, 60 s of CPU time each
    python bench/certify_table.py --seconds 1200 20/81 27/81
    python bench/certify_table.py --highs           # besides, the pairs of 3 and 4 Br of 24 as a mixed-integer program

CPU seconds are those of all threads together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

import matganip as mg
from matganip.features.lattice.cluster_classes import cluster_classes
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.learning.lowest import LowestOrbits
from matganip.learning.site_interactions import SiteInteractions

PEROVSKITE = mg.perovskite("CsPbI3", a=6.289)


def perovskite(cell: tuple[int, int, int], **substitutions: dict[str, int]) -> mg.ConfigurationSpace:
    """A supercell of CsPbI3."""
    return mg.ConfigurationSpace(PEROVSKITE, cell, substitutions)


def of_labels(space: mg.ConfigurationSpace, labelled: list[mg.ConfigurationSpace], table: str) -> SiteInteractions:
    """The energy of a linear model on shipped CHGNet labels."""
    return SiteInteractions.of(mg.train(labelled if len(labelled) > 1 else labelled[0], table, linear=True), space)


def of_pairs(space: mg.ConfigurationSpace) -> SiteInteractions:
    """A model of pairs that means the same in every supercell: Patterson columns of 6 Br of 24."""
    labelled = perovskite((2, 2, 2), I={"Br": 6})
    model = mg.train(labelled, "cspbi3_br/chgnet_X6of24", diffraction={"cutoff": 9.0})
    return SiteInteractions.of(model, space)


def layered_oxide() -> SiteInteractions:
    """Li(Ni,Mn,Co)O2 with half of Li gone, 48 sites: *random* pair couplings that fall with distance as exp(-r / 3 A).

    No model of a real material: it shows what three species and vacancies cost.
    """
    from pymatgen.core import Lattice, Structure

    parent = Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.87, 14.2), ["Li", "Ni", "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.24]]
    )
    space = mg.ConfigurationSpace(parent, (4, 2, 1), {"Ni": {"Mn": 8, "Co": 8}, "Li": {"vac": 12}})
    classes = cluster_classes(space, 2, 6.0)
    columns = LatticeDiffraction(space, domain="clusters", order=2, cutoff=6.0)
    weight = np.random.default_rng(0).normal(size=len(classes)) * np.exp(-classes.distance / 3.0) * (classes.order > 1)
    size = classes.size / 100.0 * 0.1
    return SiteInteractions.from_function(
        lambda rows: (columns.peaks(rows).intensity * (weight * size)).sum(axis=1), space
    )


def _large(n: int) -> Callable[[], SiteInteractions]:
    return lambda: of_labels(
        perovskite((3, 3, 3), I={"Br": n}),
        [perovskite((3, 3, 3), I={"Br": k}) for k in (4, 9, 14, 20)],
        "cspbi3_br_3x3x3/chgnet_X4_9_14_20of81",
    )


CASES: dict[str, tuple[Callable[[], SiteInteractions], int]] = {
    "18/36": (
        lambda: of_labels(
            perovskite((2, 2, 3), I={"Br": 18}),
            [perovskite((2, 2, 3), I={"Br": 18})],
            "examples/screening/x18of36/labels.csv",
        ),
        100,
    ),
    "8/8/8": (
        lambda: of_labels(
            perovskite((2, 2, 2), I={"Br": 8, "Cl": 8}),
            [perovskite((2, 2, 2), I={"Br": 8, "Cl": 8})],
            "examples/screening/x8_8of24/labels.csv",
        ),
        100,
    ),
    "4/8 x 12/24": (
        lambda: of_labels(
            perovskite((2, 2, 2), I={"Br": 12}, Pb={"Sn": 4}),
            [perovskite((2, 2, 2), I={"Br": 12}, Pb={"Sn": 4})],
            "examples/screening/x12of24_b4of8/labels.csv",
        ),
        100,
    ),
    **{f"{n}/24 pairs": (lambda n=n: of_pairs(perovskite((2, 2, 2), I={"Br": n})), 1) for n in range(1, 24)},
    "9/36 pairs": (lambda: of_pairs(perovskite((2, 2, 3), I={"Br": 9})), 1),
    "18/36 pairs": (lambda: of_pairs(perovskite((2, 2, 3), I={"Br": 18})), 1),
    "12/48 pairs": (lambda: of_pairs(perovskite((2, 2, 4), I={"Br": 12})), 1),
    "24/48 pairs": (lambda: of_pairs(perovskite((2, 2, 4), I={"Br": 24})), 1),
    "14/81 pairs": (lambda: of_pairs(perovskite((3, 3, 3), I={"Br": 14})), 1),
    "Li(Ni,Mn,Co)O2": (layered_oxide, 1),
    **{f"{n}/81": (_large(n), 1) for n in (4, 9, 14, 20, 27)},
}


def proved(energy: SiteInteractions, top: int, seconds: float) -> str:
    """One line: proved or the gap, nodes and CPU time, the setting-up included."""
    start = time.process_time()
    search = LowestOrbits(energy, top=top)
    while search.advance() and time.process_time() - start < seconds:
        pass
    spent, found, per_atom = time.process_time() - start, search.found(), 1000.0 / energy.space.n_atoms
    lowest = f"{found.energy[0]:.6f} eV" if len(found.energy) else "nothing found"
    if search.n_open == 0:
        return f"proved, {lowest}, {search.n_visited:,} nodes, {spent:.2f} s"
    gap = (found.energy[0] - search.lower_bound) * per_atom if len(found.energy) else np.inf
    return f"gap {gap:.4f} meV/atom, {lowest}, {search.n_visited:,} nodes, {spent:.1f} s"


def by_highs(energy: SiteInteractions, seconds: float) -> str:
    """The same pairs as a mixed-integer program: y_st <= x_s, x_t and y_st >= x_s + x_t - 1, by HiGHS in SciPy."""
    n = energy.n_states
    s, t = np.triu_indices(n, 1)
    s, t = s[energy.pair[s, t] != 0], t[energy.pair[s, t] != 0]
    m = len(s)
    cost = np.concatenate([energy.field, energy.pair[s, t]])
    row = np.arange(m)

    def block(one: NDArray[np.float64], two: NDArray[np.float64], of_y: float) -> coo_array:
        values = np.concatenate([one, two, np.full(m, of_y)])
        return coo_array((values, (np.tile(row, 3), np.concatenate([s, t, n + row]))), shape=(m, n + m))

    ones, none = np.ones(m), np.zeros(m)
    total = np.concatenate([np.ones(n), np.zeros(m)])[None]
    count = energy.space.counts[0][int(energy.code[0])]
    constraints = [
        LinearConstraint(total, count, count),
        LinearConstraint(block(-ones, none, 1.0).tocsr(), -np.inf, 0.0),
        LinearConstraint(block(none, -ones, 1.0).tocsr(), -np.inf, 0.0),
        LinearConstraint(block(ones, ones, -1.0).tocsr(), -np.inf, 1.0),
    ]
    start = time.process_time()
    found = milp(
        cost, constraints=constraints, bounds=Bounds(0, 1), integrality=np.concatenate([np.ones(n), np.zeros(m)]),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )  # fmt: skip
    spent = time.process_time() - start
    if found.status == 0:
        return f"proved, {found.fun + energy.constant:.6f} eV, {spent:.1f} s"
    return f"not proved in {spent:.1f} s of CPU time"


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=[], help="of these: " + ", ".join(CASES))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--highs", action="store_true")
    given = parser.parse_args()
    for name in given.cases or CASES:
        make, top = CASES[name]
        try:
            energy = make()
        except mg.InputError as error:  # the default call took a bent function: mg.certify fits a sum to it
            print(f"{name}: {error}", flush=True)
            continue
        kind = "pairs" if not len(energy.coupling) else "pairs and triplets"
        print(f"{name} ({kind}, lowest {top}): {proved(energy, top, given.seconds)}", flush=True)
        if given.highs and kind == "pairs" and len(energy.space.counts) == 1:
            print(f"{name} by HiGHS: {by_highs(energy, given.seconds)}", flush=True)


if __name__ == "__main__":
    main()
