"""The page that compares distributions: what was stored is read again, in tables that say how many seeds they have."""

from __future__ import annotations

import json

import numpy as np
import pytest

from matganip.benchmarks import distributions
from matganip.benchmarks.distributions import LIMIT, main, write_page
from matganip.errors import InputError
from matganip.results.distribution import DistributionScores


def _kept(folder, method, filled, seed, width):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=30)
    scores = DistributionScores.of(
        method, truth, np.ones(30), width * rng.normal(size=(30, 50)), rng.normal(size=50) * 3
    )
    game = np.column_stack([np.arange(5), *np.full((5, 5), 0.5)])
    distributions._store(distributions._file(folder, "orbits", method, filled, seed), scores, game, 2.0)
    return scores


def test_tables_have_mean_error_and_the_number_of_seeds(tmp_path):
    both = [_kept(tmp_path, "mixture", True, seed, 1.0) for seed in (0, 1)]
    _kept(tmp_path, "non_saturating", True, 0, 0.5)
    _kept(tmp_path, LIMIT, True, 0, 1.0)
    text = write_page(tmp_path, ["orbits"], ["mixture", "non_saturating"], 3)
    row = next(line for line in text.splitlines() if line.startswith("| mixture"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1].startswith(f"{np.mean([one.mean_crps for one in both]):.4f} ± ")
    assert cells[-2:] == ["2", "2"]
    assert f"| {LIMIT} |" in text
    assert "labels alone" not in text
    numbers = json.loads((tmp_path / "distributions.json").read_text())["tasks"]
    assert numbers["orbits, with arrangements filled in"]["mixture"]["crps"] == [one.mean_crps for one in both]
    assert {path.name for path in tmp_path.glob("*.png")} == {"orbits-filled.png", "orbits-filled-game.png"}


def test_unknown_tasks_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="thirteen: there are orbits"):
        main(["--tasks", "thirteen", "--output", str(tmp_path)])
