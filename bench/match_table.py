"""Tables of `match`: ``python bench/match_table.py`` writes docs/benchmarks-match.md; parts that are done are kept.

``--part roundtrip`` (or partial, large, exhaustive, measured, gsas) makes one part alone and prints it;
``--work FOLDER`` is where rows are kept. Scans of others, which stay outside the repository, are read from
``--data``, and left out without it. Set OPENBLAS_NUM_THREADS=1: matrices are small, and threads that wait cost CPU
time.
"""

from __future__ import annotations

import argparse
import json
import resource
from itertools import pairwise
from pathlib import Path

import numpy as np
from match_gsas import gsas_rows, kept_rows
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.features.measured.misfit import Misfit
from matganip.features.measured.phases import average_occupancy, metric_of, occupancy_of, phase_peaks
from matganip.features.measured.refinement import RefinementSettings, fit_phases
from matganip.matching.ranking import rank_orbits
from matganip.matching.run import match
from matganip.matching.simulate import simulate
from matganip.progress import no_report

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks-match.md"
WHAT = (
    "Random orbits; cells strained by up to 0.5 %, zero shifts up to 0.05 degrees, B of 0.5 to 1.5, background, "
    "Poisson noise, 10^5 counts at the top of the strongest peak, Cu K-alpha doublet, 10 to 75 degrees, steps of 0.04."
)
RANGE, STEP = (10.0, 75.0), 0.04
FERRITE = (
    "Published: 0.02(2) after 500 C to 0.19(2) after 950 C and above, quenched (H. St. C. O'Neill, Eur. J. Mineral. 4, "
    "571 (1992))."
)
CHROMITE = (
    "Published: no inversion within two standard deviations (H. St. C. O'Neill and W. A. Dollase, Phys. Chem. Miner. "
    "20, 541 (1994))."
)
TITANATE = "Published of Fe(1+x)Ti(2-x)O5: the sites are neither random nor perfectly ordered."
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
    settings = RefinementSettings(shift="zero")
    begun = cpu()
    found = match(pattern, space, settings=settings, refined=2, mixture=False, order="partial" if partial else "whole")
    misfit = Misfit(space, found.fit, "phase")
    patterns = misfit.intensities(np.stack([truth, *(one.occupation for one in found.undecided)]))
    same = [misfit.distance(patterns[0], other) < 0.02 for other in patterns[1:]]
    pull = None if found.order is None else (found.order.value - order) / found.order.error
    return {
        "first": bool(same[0]), "among": bool(any(same)), "undecided": len(same),
        "nearest": _nearest(space, misfit, patterns[0]),
        "pull": pull, "order": order,
        "chi2": found.fit.reduced_chi2, "cell": found.fit.cell(found.fit.model.phases[0])[0][0], "cpu": cpu() - begun,
    }  # fmt: skip


def _nearest(space, misfit, pattern):
    """Standard deviations from a pattern to that of the nearest other class."""
    apart = np.array([misfit.distance(pattern, one) for one in misfit.intensities(next(space.orbits()).occupations)])
    return float(apart[apart > 0.02].min())


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


def telling_table(rows):
    """How often "cannot tell" was said, by how far the nearest other class lies from the true one."""
    lines = [
        "| nearest other class, standard deviations | patterns | \"cannot tell\" said | right class first | "
        "right class in the answer |", "|---|---|---|---|---|",
    ]  # fmt: skip
    edges = [0, 1, 2, 3, 4, 6, 10, np.inf]
    for low, high in pairwise(edges):
        some = [row for row in rows if low <= row["nearest"] < high]
        if some:
            lines.append(
                f"| {f'{low} to {high}' if np.isfinite(high) else f'over {low}'} | {len(some)} | "
                f"{np.mean([r['undecided'] > 1 for r in some]):.0%} | {np.mean([r['first'] for r in some]):.0%} | "
                f"{np.mean([r['among'] for r in some]):.0%} |"
            )
    return lines


def trips(work, n):
    """Both tables of the round trips."""
    rows = roundtrip(work, n)
    return [*trip_table(rows), "", *telling_table(rows)]


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
    """Every orbit of 6 Br on 24 sites refined by itself: is the best class the one that `match` names?"""
    file = work / "exhaustive.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    space = spaces()["CsPbI3, 6 Br of 24"]
    orbits = next(space.orbits())
    settings = RefinementSettings(shift="zero", n_background=6, displacements="overall")
    for seed in range(len(rows), 4):
        counts = (1e5, 1e4, 2e3, 5e2)[seed]
        truth = space.sample_orbits(1, seed=seed).occupations[0]
        pattern = simulate(space, truth, two_theta_range=RANGE, step=STEP, counts=counts, seed=seed)
        found = match(pattern, space, settings=settings, mixture=False)
        metric = metric_of(space.parent, space.supercell_matrix, space.symprec)
        each = []
        for occupation in orbits.occupations:
            phase = phase_peaks(
                "phase", space.supercell_structure, pattern.radiation, pattern.range, metric=metric,
                occupancy=occupancy_of(space, occupation),
            )  # fmt: skip
            each.append(fit_phases(pattern, [phase], settings, start=found.disordered.values).chi2)
        best = orbits.occupations[int(np.argmin(each))]
        misfit = Misfit(space, found.fit, "phase")
        one, other = misfit.intensities(np.stack([found.best.occupation, best]))
        row = {
            "counts": counts, "match": found.fit.chi2, "exhaustive": min(each), "undecided": len(found.undecided),
            "same": bool(misfit.distance(one, other) < 0.02),
            "second": float(np.sort(each)[found.best.n_orbits] - min(each)),
        }  # fmt: skip
        rows.append(row)
        with file.open("a") as out:
            out.write(json.dumps(rows[-1]) + "\n")
    lines = [
        f"Each of the {len(orbits)} orbits of 6 Br on 24 sites refined by itself, all parameters free, against "
        "`match`, which refines five classes.", "",
        "| counts | chi squared of `match` | least of all refinements | the same class | next class above it | "
        "classes in the answer |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    return lines + [
        f"| {row['counts']:,.0f} | {row['match']:.3f} | {row['exhaustive']:.3f} | {'yes' if row['same'] else 'no'} | "
        f"{row['second']:.3f} | {row['undecided']} |"
        for row in rows
    ]


def _crystals():
    """Structures of the literature: spinels, pseudobrookite, zincite, rutile, anglesite."""
    make = Structure.from_spacegroup
    ferrite, chromite = (
        make(
            "Fd-3m:2", Lattice.cubic(a), ["Zn", metal, "O"], [[0.125] * 3, [0.5] * 3, [u] * 3]
        ).get_primitive_structure()
        for metal, a, u in (("Fe", 8.44, 0.2604), ("Cr", 8.327, 0.2616))
    )
    titanate = make(
        "Cmcm", Lattice.orthorhombic(3.735, 9.79, 9.98), ["Fe", "Fe", "O", "O", "O"],
        [[0, 0.1902, 0.25], [0, 0.1344, 0.564], [0, 0.764, 0.25], [0, 0.048, 0.112], [0, 0.312, 0.07]],
    ).get_primitive_structure()  # fmt: skip
    zincite = make("P6_3mc", Lattice.hexagonal(3.25, 5.207), ["Zn", "O"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.382]])
    rutile = make("P4_2/mnm", Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [[0, 0, 0], [0.3053, 0.3053, 0]])
    anglesite = make(
        "Pnma", Lattice.orthorhombic(8.4798, 5.3983, 6.9587), ["Pb", "S", "O", "O", "O"],
        [[0.1882, 0.25, 0.1672], [0.0642, 0.25, 0.6837], [0.9081, 0.25, 0.5954], [0.1939, 0.25, 0.5432],
         [0.082, 0.0273, 0.8087]],
    )  # fmt: skip
    return ferrite, chromite, titanate, zincite, rutile, anglesite


def measured(work, data):
    """Scans of others against what is known of the compounds."""
    file = work / "measured.json"
    if not file.exists():
        if data is None:
            return ["(Made where `--data` names a folder with the scans.)"]
        file.write_text(json.dumps(_of_scans(data)))
    return json.loads(file.read_text())


def _of_scans(data):
    ferrite, chromite, titanate, zincite, rutile, anglesite = _crystals()
    settings = {"n_background": 12}
    zinc, chrome = (
        match(
            data / file,
            [mg.ConfigurationSpace(host, (1, 1, 1), {"Zn": {metal: k}, metal: {"Zn": k}}) for k in range(3)],
            others={"zincite": zincite}, settings=settings,
        )
        for file, host, metal in (
            ("Fe3O4-3ZnO_1000C.xrdml", ferrite, "Fe"), ("Cr2O3-2ZnO_1100C.xrdml", chromite, "Cr"),
        )
    )  # fmt: skip
    pseudo = mg.ConfigurationSpace(titanate, (1, 1, 1), {"Fe": {"Ti": 2}})
    iron = match(data / "Fe2O3-2TiO2_1000C.xrdml", pseudo, others={"rutile": rutile}, settings=settings)
    pattern = mg.read_pattern(data / "PBSO4.XRA", radiation="CuKa12")
    phase = phase_peaks("PbSO4", anglesite, pattern.radiation, pattern.range)
    rows = []
    for how in (
        RefinementSettings(monochromator=26.6, displacements="none", n_background=4, shift="zero", refine_v=True),
        RefinementSettings(monochromator=26.6, displacements="element", n_background=6),
    ):
        fit = fit_phases(pattern, [phase], how)
        a, b, c = fit.cell(phase)[0][:3]
        rows.append(f"{len(fit.refined)} parameters Rwp {fit.r_wp:.2f} %, a {a:.4f}, b {b:.4f}, c {c:.4f} angstrom")
    return [
        *(
            f"- {name} with ZnO: Rwp {one.fit.r_wp:.2f} % (expected {one.fit.r_exp:.2f}); {one.sentences()[2]} {known}"
            for name, one, known in (("ZnFe2O4", zinc, FERRITE), ("ZnCr2O4", chrome, CHROMITE))
        ),
        f"- Fe2TiO5 with TiO2: Rwp of the average {iron.disordered.r_wp:.2f} % (expected {iron.fit.r_exp:.2f}); "
        f"{' '.join(iron.sentences()[:3])} {TITANATE}",
        f"- PbSO4 (expected {fit.r_exp:.2f} %): {'; '.join(rows)}.",
    ]


def gsas(work, data, folder, python):
    """Rwp of the pattern model beside GSAS-II's."""
    kept = (work / "gsas.jsonl").exists()
    if not kept and (data is None or folder is None):
        return ["(Made where `--data`, `--gsas` and `--gsas-python` say where the scans and GSAS-II are.)"]
    rows = gsas_rows(work, data, folder, python, _crystals()) if folder is not None else kept_rows(work)
    lines = [
        "GSAS-II of 2020 (in gsas-ii-wonder-linux 1.0.1), the same points, weights, wavelengths, sites and parameters: "
        "background, scales, shift, cells, U, W, X, Y and displacements. It begins with the fitted cell.", "",
        "| scan | points | parameters | Rwp, percent | Rwp of GSAS-II | expected |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    return lines + [
        f"| {row['name']} | {row['points']:,} | {row['parameters']} and {row['gsas_parameters']} | {row['r_wp']:.3f} | "
        f"{row['gsas']:.3f} | {row['r_exp']:.3f} |"
        for row in rows
        if "gsas" in row
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["roundtrip", "partial", "large", "exhaustive", "measured", "gsas"])
    parser.add_argument("--work", type=Path, default=Path("build/match"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--gsas", type=Path, help="folder of GSASIIscriptable.py")
    parser.add_argument("--gsas-python", default="python", help="an interpreter that runs it")
    parser.add_argument("--n", type=int, default=100, help="patterns of each space")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    parts = {
        "roundtrip": lambda: trips(asked.work, asked.n),
        "partial": lambda: trip_table(roundtrip(asked.work, asked.n // 5, partial=True)),
        "large": lambda: large(asked.work),
        "exhaustive": lambda: exhaustive(asked.work),
        "measured": lambda: measured(asked.work, asked.data),
        "gsas": lambda: gsas(asked.work, asked.data, asked.gsas, asked.gsas_python),
    }
    if asked.part:
        print("\n".join(parts[asked.part]()))
        return
    sections = {
        "roundtrip": "Round trip, arrangements as they stand",
        "partial": "Round trip, partly ordered (0.5 to 1)",
        "large": "48.6 million orbits",
        "exhaustive": "Against refining everything",
        "measured": "Scans of others",
        "gsas": "Beside GSAS-II",
    }
    text = ["# `match`, measured", "", f"Made by `python bench/match_table.py --n {asked.n}`.", "", WHAT]
    for part, title in sections.items():
        text += ["", f"## {title}", "", *parts[part]()]
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
