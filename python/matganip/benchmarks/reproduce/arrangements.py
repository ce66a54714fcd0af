"""Energies of the arrangements of one composition: held-out orbits, and the paper's random split."""

from __future__ import annotations

from matganip.benchmarks.reproduce import methods
from matganip.benchmarks.reproduce.benchmark import ERRORS, Benchmark, Column, Measured
from matganip.benchmarks.reproduce.labelled_orbits import Kind, labelled_orbits

_READS = {
    "powder": "the first 28 powder peaks, the paper's input",
    "resolved": "the first 28 resolved peaks: pair information",
    "triplets": "the Patterson function up to 9 Å with triplets, 30 vertices",
}


def held_out(kind: Kind) -> Benchmark:
    """6 Br on 24 sites, split 80:20 by orbit."""

    def measure(method: str, seed: int) -> Measured:
        orbits = labelled_orbits("cspbi3_br/chgnet_X6of24", 6, kind)
        return methods.METHODS[method].measure(orbits, "orbit", seed)

    return Benchmark(
        kind,
        f"6 Br of 24, {kind}, held-out orbits",
        f"Input: {_READS[kind]}. Labels: CHGNet 0.3.0, 603 orbits. Split: 80:20 by orbit, 482 trained on, 121 tested; "
        "orbits of the test that were seen in training: none. Pair counts, the cluster expansion and matganip.train "
        "without settings read the arrangements themselves, not this input.",
        tuple(methods.METHODS),
        ERRORS,
        measure,
        methods.settings_of,
    )


def paper_split(name: str, table: str, calculator: str) -> Benchmark:
    """3 Br on 24 sites, the 2,024 arrangements split at random."""

    def measure(method: str, seed: int) -> Measured:
        orbits = labelled_orbits(table, 3, "resolved")
        found = methods.METHODS[method].measure(orbits, "random", seed)
        seen = {"seen_percent": 100 * orbits.split("random", seed).leaked_fraction}
        return Measured(found.numbers | seen, found.model)

    return Benchmark(
        name,
        f"3 Br of 24, the paper's protocol, {calculator}",
        f"Input: {_READS['resolved']}. Labels: {calculator}. Split: the 2,024 arrangements 80:20 at random, as in the "
        "paper. They are 19 orbits: nearly every tested arrangement is a symmetry copy of one that was trained on, so "
        "that this measures memory.",
        tuple(one for one in methods.METHODS if one not in (methods.CLUSTERS, methods.PAIR_COUNTS)),
        (*ERRORS[:-1], Column("seen_percent", "orbits seen, %", 1), ERRORS[-1]),
        measure,
        methods.settings_of,
    )
