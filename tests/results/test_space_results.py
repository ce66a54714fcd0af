"""Results on spaces: tables, frames and JSON of counts, arrangements, distinguishability and tolerance factors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import matganip as mg
from matganip.configurations.io.estimate import OutputEstimate
from matganip.crystal.tolerance_factors import tolerance_factors_of
from matganip.learning.distinguish import distinguish
from matganip.results.arrangements import Arrangements, DryRun, Sample
from matganip.results.counts import Counts
from matganip.results.tolerance_factors import ToleranceTable


def _results(space):
    factors = tolerance_factors_of(["CsPbI3", "Cs2SnI6"])
    return {
        "counts": Counts.of([space, space.with_substitutions({"I": {"Br": 2}})], "CsPbI3", all_compositions=True),
        "arrangements": Arrangements(space.first_orbits(4), 19, Path("orbits.parquet")),
        "sample": Sample(space.sample_orbits(3, seed=5), 19, None, 3, 5),
        "dry run": DryRun(Path("orbits.parquet"), OutputEstimate(19, 4000.0, 2.0)),
        "distinguished": distinguish(space, "cspbi3_br/gpaw_mp2"),
        "tolerance": ToleranceTable(factors),
    }


@pytest.fixture(scope="module")
def results(space_3of24):
    return _results(space_3of24)


@pytest.mark.parametrize("name", ["counts", "arrangements", "sample", "dry run", "distinguished", "tolerance"])
def test_a_result_is_json_a_frame_text_and_html(results, name):
    result = results[name]
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == json.loads(json.dumps(result.to_dict()))
    assert len(result.to_frame()) > 0
    assert str(result)
    assert result._repr_html_().startswith("<")


def test_counts_are_exact_python_integers_in_a_frame(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (3, 3, 3), {"I": {"Br": 27, "Cl": 27}})
    frame = Counts.of([space]).to_frame()
    assert frame["orbits"][0] == 3464649986810534376568350785049204


def test_what_is_shown_says_how_many_there_are(results):
    assert "4 of 19 orbits" in str(results["arrangements"])
    assert "19 orbits are in orbits.parquet" in str(results["arrangements"])
    assert "3 orbits drawn from 19 orbits with seed 5" in str(results["sample"])
    assert "19 orbits, about 4.0 kB in about 2 s; nothing was written" in str(results["dry run"])
    assert "half of the B sites are empty" in str(results["tolerance"])


def test_the_floor_stands_beside_the_mean_baseline(results):
    found = results["distinguished"]
    (table,) = found.tables()
    assert table.rows[-1][0] == "(mean baseline)"
    assert found.to_dict()["constant_mae"] == found.found.baseline_mae
    with pytest.warns(DeprecationWarning, match="constant_mae is called baseline_mae now"):
        assert found.found.constant_mae == found.found.baseline_mae


def test_all_orbits_a_sample_or_the_labelled_ones_are_looked_at(space_6of24):
    told = []
    whole = distinguish(space_6of24, progress=lambda *now: told.append(now))
    assert whole.found.n_orbits == 603
    assert told == [("orbits", 603, 603, "")]
    drawn = distinguish(space_6of24, sample=50, seed=2)
    assert 30 < drawn.found.n_orbits <= 50
    with pytest.raises(mg.InputError, match="leave one out"):
        distinguish(space_6of24, "cspbi3_br/chgnet_X6of24", sample=3)


def test_errors_per_atom_count_atoms(tmp_path):
    space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 4}})
    batch = space.first_orbits(6)
    lines = [f"toy,{text},{-100 - k}" for k, text in enumerate(["".join(map(str, row)) for row in batch.occupations])]
    (tmp_path / "labels.csv").write_text("\n".join(["calculator,occupation,energy_eV", *lines]) + "\n")
    found = distinguish(space, tmp_path / "labels.csv").found
    energy = [(-100 - k) * 1000 / 36 for k in range(6)]
    mean = sum(e * m for e, m in zip(energy, batch.multiplicity, strict=True)) / batch.multiplicity.sum()
    errors = [abs(e - mean) * m for e, m in zip(energy, batch.multiplicity, strict=True)]
    assert found.baseline_mae == pytest.approx(sum(errors) / batch.multiplicity.sum())
