"""Tables of `match`: ``python bench/match_table.py`` writes docs/benchmarks-match.md; parts that are done are kept.

``--part roundtrip`` (or partial, large, measured, cost) makes one part; ``--work FOLDER`` is where rows are kept.
Measured files are read from ``--data``, a folder with the scans that docs/match.md names, and left out without it.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.features.measured.misfit import Misfit
from matganip.features.measured.phases import average_occupancy, metric_of, phase_peaks
from matganip.features.measured.refinement import RefinementSettings, fit_phases
from matganip.matching.ranking import rank_orbits
from matganip.matching.run import match
from matganip.matching.simulate import simulate
from matganip.progress import no_report

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks-match.md"
RANGE, STEP = (10.0, 75.0), 0.04
CATIONS = mg.perovskite("SrFeO3", a=3.93)


def spaces():
    """Five spaces: halides, an alloy, oxygen vacancies, three species on one site, a double perovskite."""
    fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.85), ["Cu"], [[0, 0, 0]])
    halide, oxide = mg.perovskite("CsPbI3", a=6.289), mg.perovskite("SrTiO3", a=3.905)
    return {
        "CsPbI3, 6 Br of 24": mg.ConfigurationSpace(halide, (2, 2, 2), {"I": {"Br": 6}}),
        "Cu-Au, 8 of 16": mg.ConfigurationSpace(fcc, (2, 2, 1), {"Cu": {"Au": 8}}),
        "SrTiO3, 3 vacancies of 24": mg.ConfigurationSpace(oxide, (2, 2, 2), {"O": {"vac": 3}}),
        "CsPbI3, 4 Br and 3 Cl of 12": mg.ConfigurationSpace(halide, (2, 2, 1), {"I": {"Br": 4, "Cl": 3}}),
        "Sr2FeMoO6, 4 of 8": mg.ConfigurationSpace(CATIONS, (2, 2, 2), {"Fe": {"Mo": 4}}),
    }


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def one_trip(space, seed, partial):
    """A random arrangement, its pattern with noise, and what `match` says of it."""
    rng = np.random.default_rng(seed)
    truth = space.sample_orbits(1, seed=seed).occupations[0]
    order = float(rng.uniform(0.5, 1.0)) if partial else 1.0
    values = {
        "phase.cell0": float(rng.uniform(-0.01, 0.01)), "zero": float(rng.uniform(-0.05, 0.05)),
        "phase.b": float(rng.uniform(0.5, 1.5)), "phase.order": order,
    }  # fmt: skip
    pattern = simulate(space, truth, two_theta_range=RANGE, step=STEP, values=values, seed=seed)
    settings = RefinementSettings(shift="zero", n_background=6)
    begun = cpu()
    found = match(pattern, space, settings=settings, refined=2, mixture=False, order="partial" if partial else "whole")
    misfit = Misfit(space, found.fit, "phase")
    patterns = misfit.intensities(np.stack([truth, *(one.occupation for one in found.undecided)]))
    same = [misfit.distance(patterns[0], other) < 0.02 for other in patterns[1:]]
    pull = None if found.order is None else (found.order.value - order) / found.order.error
    return {
        "first": bool(same[0]), "among": bool(any(same)), "undecided": len(same), "pull": pull, "order": order,
        "chi2": found.fit.reduced_chi2, "cell": found.fit.cell(found.fit.model.phases[0])[0][0], "cpu": cpu() - begun,
    }  # fmt: skip


def roundtrip(work, n, partial=False):
    """Rows of all trips; those in the file are not made again."""
    file = work / ("partial.jsonl" if partial else "roundtrip.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    done = {(row["space"], row["seed"]) for row in rows}
    kinds = spaces()
    for seed in range(n):
        for name, space in kinds.items():
            if (name, seed) not in done:
                row = {"space": name, "seed": seed, **one_trip(space, seed, partial)}
                rows.append(row)
                with file.open("a") as out:
                    out.write(json.dumps(row) + "\n")
    return [row for row in rows if row["seed"] < n]


def trip_table(rows):
    """Shares by space, and of all."""
    lines = [
        "| space | patterns | right class first | right class in the answer | several classes in the answer | "
        "order within 1.96 errors | CPU s each |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in [*dict.fromkeys(row["space"] for row in rows), "all"]:
        some = [row for row in rows if name in ("all", row["space"])]
        pulls = [abs(row["pull"]) < 1.96 for row in some if row["pull"] is not None]
        lines.append(
            f"| {name} | {len(some)} | {np.mean([r['first'] for r in some]):.1%} | "
            f"{np.mean([r['among'] for r in some]):.1%} | {np.mean([r['undecided'] > 1 for r in some]):.1%} | "
            f"{np.mean(pulls):.1%} | {np.mean([r['cpu'] for r in some]):.1f} |"
        )
    return lines


def large(work):
    """48.6 million orbits against one pattern; and the best class of a smaller space by refining every class."""
    file = work / "large.json"
    if not file.exists():
        parent = mg.perovskite("CsPbI3", a=6.289)
        space = mg.ConfigurationSpace(parent, (2, 2, 3), {"I": {"Br": 18}})
        truth = space.sample_orbits(1, seed=5).occupations[0]
        pattern = simulate(space, truth, two_theta_range=RANGE, step=STEP, seed=3)
        begun = cpu()
        average = phase_peaks(
            "phase", space.supercell_structure, pattern.radiation, pattern.range, occupancy=average_occupancy(space),
            metric=metric_of(parent, space.supercell_matrix),
        )  # fmt: skip
        misfit = Misfit(space, fit_phases(pattern, [average]), "phase")
        ready = cpu()
        ranking = rank_orbits(space, misfit, size=20, temper=1.0, report=no_report)
        ranked = cpu()
        true_chi2 = float(misfit.chi2(misfit.coordinates(truth[None]))[0])
        row = {
            "orbits": ranking.n_orbits, "fit": ready - begun, "rank": ranked - ready, "sums": misfit.n_sums,
            "rank_of_form": misfit.rank, "best_chi2": ranking.classes[0].chi2, "true_chi2": true_chi2,
            "best_orbits": ranking.classes[0].n_orbits,
        }  # fmt: skip
        file.write_text(json.dumps(row))
    row = json.loads(file.read_text())
    return [
        f"{row['orbits']:,} orbits of 18 Br on 36 sites ({row['sums']} pair sums, of which the pattern sees "
        f"{row['rank_of_form']} combinations with the scale): {row['rank']:.0f} s of CPU time for one ranking of all, "
        f"after {row['fit']:.1f} s for the fit of the disordered average. Least chi squared "
        f"{row['best_chi2']:.1f} ({row['best_orbits']:,} orbits); that of the arrangement the pattern was drawn from "
        f"{row['true_chi2']:.1f}."
    ]


def exhaustive(work):
    """Every class of 3 Br on 24 sites refined by itself: is the best the one that `match` names?"""
    file = work / "exhaustive.json"
    if not file.exists():
        space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
        orbits = next(space.orbits())
        agree = []
        for seed in range(3):
            truth = space.sample_orbits(1, seed=seed).occupations[0]
            pattern = simulate(space, truth, two_theta_range=RANGE, step=STEP, counts=2e3, seed=seed)
            settings = RefinementSettings(shift="zero", n_background=6)
            found = match(pattern, space, settings=settings, mixture=False)
            each = [match(pattern, [one], settings=settings).fit.chi2 for one in orbits.structures()]
            agree.append({"match": found.fit.chi2, "exhaustive": min(each)})
        file.write_text(json.dumps(agree))
    rows = json.loads(file.read_text())
    gaps = ", ".join(f"{row['match']:.3f} and {row['exhaustive']:.3f}" for row in rows)
    return [
        "Each of the 19 orbits of 3 Br on 24 sites refined from nothing, as a structure of its own, at 2,000 counts: "
        f"chi squared of `match` and of the best of all refinements: {gaps}."
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["roundtrip", "partial", "large", "exhaustive"])
    parser.add_argument("--work", type=Path, default=Path("build/match"))
    parser.add_argument("--n", type=int, default=100, help="patterns of each space")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    parts = {
        "roundtrip": lambda: trip_table(roundtrip(asked.work, asked.n)),
        "partial": lambda: trip_table(roundtrip(asked.work, asked.n // 5, partial=True)),
        "large": lambda: large(asked.work),
        "exhaustive": lambda: exhaustive(asked.work),
    }
    if asked.part:
        print("\n".join(parts[asked.part]()))
        return


if __name__ == "__main__":
    main()
