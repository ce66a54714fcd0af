"""The comparisons of docs/chemistry.md on a small table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import matganip as mg
from matganip.benchmarks import chemistry, chemistry_tables
from matganip.benchmarks.ordering_map import FIFTEEN, ROCK_SALT_STAR, ordering_map
from matganip.benchmarks.oxides import order_score, read_oxides, roc_area
from matganip.errors import InputError
from matganip.labels.formulas import DoublePerovskite

SAMPLE = Path(__file__).parents[2] / "examples" / "double_perovskites" / "chgnet_sample.csv"
OXIDES = (
    "A,B1,B2,A_charge,B_charge_difference,B_charge_mean,A_radius,B_radius_difference,B_radius_mean,"
    + ",".join(f"energy_{k}_eV_per_atom" for k in range(6))
    + ",measured_order\n"
    "Ba,Co,Mo,2,4,4.0,1.15,0.1107142857,0.4767857143,-6.63,-6.62,-6.66,-6.67,-6.64,-6.72,rs\n"
    "Ca,Mn,Ir,2,2,4.0,0.957,0.0535714286,0.4339285714,-7.1,-7.2,-7.1,-7.1,-7.2,-7.0,d\n"
)


@pytest.fixture(scope="module")
def sample():
    return mg.read_formulas(SAMPLE)


def test_folds_have_no_group_in_both(sample):
    groups = [host.x[0] for host in sample.hosts] + ["O"]
    seen = []
    for train, test in chemistry.by_folds(groups, 3):
        assert not {groups[k] for k in train} & {groups[k] for k in test}
        seen += test.tolist()
    assert sorted(seen) == list(range(len(groups)))


def test_charges_explain_more_than_nothing(sample):
    flat = chemistry.folds(sample, "mean profile", 0)
    charges = chemistry.folds(sample, "charges, linear", 0)
    assert charges.ratio < 0.8 < flat.ratio
    assert 0 < charges.weighted_ratio < 1
    assert 0 <= charges.lowest <= 1
    assert -1 <= charges.spearman <= 1
    assert charges.pearson > 0.5


def test_an_unseen_element_is_in_no_formula_trained_on(sample, monkeypatch):
    def checked(train, test, seed):
        del seed
        (element, *_) = set.intersection(*({host.b1[0], host.b2[0]} for host in test.hosts))
        assert not train.holding([element]).any()
        return np.zeros(test.energy.shape)

    monkeypatch.setitem(chemistry.METHODS, "checked", checked)
    found = chemistry.elements_unseen(sample, "checked", fewest=6)
    assert found.ratio == 1.0


def test_jobs_are_stored_and_tabled(tmp_path):
    (tmp_path / "oxides.csv").write_text(OXIDES)
    for job in (("formulas", "mean profile", 0), ("formulas", "charges, linear", 0), ("elements", "mean profile", 0)):
        for _ in range(2):
            chemistry_tables.do(job, str(SAMPLE), None, str(tmp_path))
    text = chemistry_tables.tables(chemistry_tables.stored(tmp_path), None)
    assert "**formulas unseen**" in text
    assert "**an element unseen**" in text
    assert text.index("mean profile") < text.index("charges, linear")  # the best stands last
    assert {job[0] for job in chemistry_tables.jobs(True, 2)} == {"elements", "formulas", "labels", "oxides"}


def test_oxides_are_read_with_the_charges_that_their_radii_tell(tmp_path):
    (tmp_path / "oxides.csv").write_text(OXIDES)
    found = read_oxides(tmp_path / "oxides.csv")
    assert [(host.b1, host.b2) for host in found.table.hosts] == [(("Co", 2), ("Mo", 6)), (("Mn", 3), ("Ir", 5))]
    assert found.table.hosts[0].a == ("Ba", 2)
    assert found.pairs == ("Co-Mo", "Ir-Mn")
    assert found.ordered.tolist() == [True, False]
    assert roc_area(order_score(found.table.energy), found.ordered) == 1.0
    for text in ("", "A,B\n1,2\n", OXIDES.replace("4.0", "x")):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises((InputError, ValueError)):
            read_oxides(tmp_path / "bad.csv").table.select([0])
    with pytest.raises(InputError, match="cannot be read"):
        read_oxides(tmp_path / "none.csv")


def test_the_map_holds_its_formulas_out(sample, monkeypatch):
    monkeypatch.setattr("matganip.learning.formula_model.STEPS", 3)
    asked = sample.formulas[:4]
    found = ordering_map(sample, asked)
    told = found.to_dict()
    assert told["trained_on"] == len(sample) - 4
    assert set(told["mae_meV_per_atom"]) == {
        "all arrangements equal", "mean profile", "Madelung: charges", "radii", "X-ray electrons", "model"
    }  # fmt: skip
    assert found.plot().get_title() == ""
    assert len(told["energy"]["rows"]) == 4
    json.dumps(told, allow_nan=False)
    assert "Lowest arrangement" in found.sentences()
    assert len(told["structure_factor"]["columns"]) == 6


def test_the_papers_formulas_are_double_perovskites():
    assert len({DoublePerovskite.of(name) for name in FIFTEEN}) == 15
    space = mg.perovskite_space("Cs2AgBiBr6")
    weights = {"Ag": 1.0, "Bi": -1.0, "Cs": 0.0, "Br": 0.0}
    peaks = mg.LatticeDiffraction(space, weights, resolution="resolved", scaled=False).peaks(
        next(space.orbits()).occupations
    )
    names = next(space.orbits()).cluster_point_groups().schoenflies.tolist()
    star = [k for k, families in enumerate(peaks.hkls) if all(one % 2 for one in families[0]["hkl"])]
    expected = [dict(zip(("C4v", "C3v", "C2", "Cs", "D2h", "Td"), ROCK_SALT_STAR, strict=True))[name] for name in names]
    found = peaks.intensity[:, star[0]]
    assert found / found.max() == pytest.approx(np.array(expected) / 64, abs=1e-9)
