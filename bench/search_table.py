"""The tables of docs/search.md and docs/thermodynamics.md: searches whose best is known, and what bars are worth.

matganip train examples/cspbi3_br/train.toml --output runs/model
python bench/search_table.py runs/model
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from matganip.sampling.search import Search, SearchSettings
from matganip.thermodynamics.estimates import from_sample
from matganip.thermodynamics.sums import CanonicalSums
from matganip.workflows.predict import Predictor

SPACES = (
    ("12 Br on 24", (2, 2, 2), 12, SearchSettings(n_chains=16), 30),
    ("9 Br on 36, 2x2x3", (2, 2, 3), 9, SearchSettings(n_chains=32), 60),
)
SEEDS = 20
KELVIN = (80.0, 120.0, 160.0, 200.0, 300.0, 400.0, 1000.0, 1e5)
REPEATS, DRAWN = 400, 2000


def enumerated(asked: Predictor) -> tuple[np.ndarray, np.ndarray]:
    """Energies, eV per supercell, and multiplicities of all orbits."""
    parts = [(found.per_atom, found.batch.multiplicity) for found in asked.stream(asked.space.orbits(4096))]
    per_atom, multiplicity = (np.concatenate(part) for part in zip(*parts, strict=True))
    return np.round(per_atom * asked.space.n_atoms, 7), multiplicity


def searches(asked: Predictor, lowest: float, settings: SearchSettings, n_steps: int) -> str:
    """How many seeds find the lowest energy, how many orbits they score, and CPU seconds."""
    atoms, found, scored, seconds = asked.space.n_atoms, 0, [], []
    for seed in range(SEEDS):
        start = time.process_time()
        search = Search(
            asked.represent.diffraction,
            lambda rows: asked.predict(rows) * atoms,
            SearchSettings(n_chains=settings.n_chains, seed=seed),
        )
        for _ in search.run(n_steps):
            pass
        seconds.append(time.process_time() - start)
        scored.append(search.scored.n_scored)
        found += search.scored.best[0].energy <= lowest + 1e-6
    part = 100 * max(scored) / asked.space.count_orbits()
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
    for name, cells, n_br, settings, n_steps in SPACES:
        asked = Predictor.load(Path(sys.argv[1]), supercell=cells, substitutions={"I": {"Br": n_br}})
        energy, multiplicity = enumerated(asked)
        print(
            f"| {name} | {len(energy):,} | `--chains {settings.n_chains} --steps {n_steps}` | "
            f"{searches(asked, float(energy.min()), settings, n_steps)} |"
        )
    coverage(energy, multiplicity)


if __name__ == "__main__":
    main()
