"""The tables of docs/searching.md and docs/thermodynamics.md: searches whose best is known, and what bars are worth.

matganip train examples/cspbi3_br/train.toml --output runs/model
python bench/search_table.py runs/model
"""

from __future__ import annotations

import sys
import time

import numpy as np

import matganip as mg
from matganip.thermodynamics.estimates import from_sample
from matganip.thermodynamics.sums import CanonicalSums

SPACES = (
    ("12 Br on 24", (2, 2, 2), 12, 16, 30),
    ("9 Br on 36, 2x2x3", (2, 2, 3), 9, 32, 60),
)
SEEDS = 20
KELVIN = (80.0, 120.0, 160.0, 200.0, 300.0, 400.0, 1000.0, 1e5)
REPEATS, DRAWN = 400, 2000


def enumerated(model: mg.Model, space: mg.ConfigurationSpace) -> tuple[np.ndarray, np.ndarray]:
    """Energies, eV per supercell, and multiplicities of all orbits."""
    scorer = model.scorer(space)
    parts = [
        (scorer.predict(scorer.features(batch.occupations)).energy, batch.multiplicity) for batch in space.orbits(4096)
    ]
    energy, multiplicity = (np.concatenate(part) for part in zip(*parts, strict=True))
    return energy, multiplicity


def searches(model: mg.Model, space: mg.ConfigurationSpace, lowest: float, n_chains: int, n_steps: int) -> str:
    """How many seeds find the lowest energy, how many orbits they score, and CPU seconds."""
    found, scored, seconds = 0, [], []
    for seed in range(SEEDS):
        start = time.process_time()
        result = mg.search(model, space, n_chains=n_chains, n_steps=n_steps, seed=seed)
        seconds.append(time.process_time() - start)
        scored.append(result.n_scored)
        found += result.energy[0] <= lowest + 1e-6
    part = 100 * max(scored) / space.count_orbits()
    return (
        f"{found} of {SEEDS} | {min(scored):,} to {max(scored):,} | at most {part:.2g} % | "
        f"{np.median(seconds):.1f} s each"
    )


def coverage(energy: np.ndarray, multiplicity: np.ndarray) -> None:
    """How often exact values lie within the bars of samples."""
    exact = CanonicalSums(KELVIN)
    exact.add(energy, multiplicity)
    wanted, n = exact.result(), int(multiplicity.sum())
    names = ("free_energy", "energy", "entropy", "heat_capacity")
    hits, effective = {name: np.zeros(len(KELVIN)) for name in names}, np.zeros(len(KELVIN))
    for seed in range(REPEATS):
        rows = np.random.default_rng(seed).choice(len(energy), size=DRAWN, p=multiplicity / n)
        found = from_sample(energy[rows], multiplicity[rows], KELVIN, n_configurations=n)
        effective += found.effective / REPEATS
        for name in names:
            hits[name] += np.abs(getattr(found.estimate, name) - getattr(wanted, name)) <= getattr(found.error, name)
    print("T, K", *KELVIN, sep=" | ")
    print("effective", *(f"{n:,.0f}" for n in effective), sep=" | ")
    for name in names:
        print(name, *(f"{100 * count / REPEATS:.1f} %" for count in hits[name]), sep=" | ")


def main() -> None:
    model = mg.load(sys.argv[1])
    for name, cells, n_br, n_chains, n_steps in SPACES:
        space = model.space(cells, {"I": {"Br": n_br}})
        energy, multiplicity = enumerated(model, space)
        print(
            f"| {name} | {len(energy):,} | `--chains {n_chains} --steps {n_steps}` | "
            f"{searches(model, space, float(energy.min()), n_chains, n_steps)} |"
        )
    coverage(energy, multiplicity)


if __name__ == "__main__":
    main()
