"""What the calls about labels and DFT runs return: JSON values, data frames, and text, each from one place."""

from __future__ import annotations

import json

import pytest
from toy_calculators import Pairs

import matganip as mg
from matganip.labels import dft
from matganip.labels.database import LabelDatabase
from matganip.labels.exchange import export_labels, import_labels
from matganip.labels.joining import find_orbits
from matganip.labels.labelling import estimate_labelling
from matganip.labels.rescue import rescue


@pytest.fixture(scope="module")
def results(tmp_path_factory, cspbi3):
    """One of each, of the 1 + 7 orbits of 1 and 2 Br."""
    folder = tmp_path_factory.mktemp("results")
    series = mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": [1, 2]}})
    path = folder / "labels.db"
    found = {"estimate": estimate_labelling(series, "toy_calculators:Pairs", path, workers=2)}
    found["labelling"] = mg.label(series, Pairs, path)
    found["one"] = mg.label(series.spaces[1], Pairs, path)
    found["contents"] = LabelDatabase(path).contents()
    found["export"] = export_labels(path, None, folder / "labels.parquet")
    found["import"] = import_labels(folder / "again.db", series.spaces, folder / "labels.parquet")
    found["rescue"] = rescue(path, folder / "rescued.db")
    structures = [next(space.orbits()).structures().__next__() for space in series]
    found["joined"] = find_orbits(series.spaces, [*structures, cspbi3])
    found["written"] = dft.write_inputs(folder / "runs", series, dft.DftSettings(encut=400.0))
    found["collected"] = dft.collect(folder / "runs", path)
    return found


EXPECTED = {
    "estimate": "Together: 8 orbits are missing",
    "labelling": "Cs8 Pb8 Br2 I22",
    "one": "Labels are in",
    "contents": "toy_calculators:Pairs",
    "export": "8 labels are in",
    "import": "8 of the 8 rows",
    "rescue": "0 could not be read",
    "joined": "Cs8 Pb8 Br1 I23",
    "written": "POTCARs are licensed",
    "collected": "missing: not run yet",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_result_is_json_a_frame_and_text(results, name):
    result = results[name]
    json.dumps(result.to_dict(), allow_nan=False)
    assert len(result.to_frame()) > 0
    assert EXPECTED[name] in " ".join(str(result).split())
    assert EXPECTED[name].split(":")[0] in result._repr_html_()


def test_numbers_are_those_of_the_orbits(results):
    assert results["estimate"].to_dict()["compositions"][1]["missing"] == 7
    assert [one["labelled_now"] for one in results["labelling"].to_dict()["compositions"]] == [1, 7]
    assert results["one"].to_dict()["labelled_before"] == 7
    assert len(results["labelling"].to_frame()) == 8
    assert [one["n_rows"] for one in results["contents"].sets] == [1, 7]
    assert (results["import"].n_added, results["import"].n_fitting) == (8, 8)
    assert (results["rescue"].n_rescued, results["rescue"].n_lost) == (8, 0)
    joined, (refused,) = results["joined"].joined, results["joined"].refused
    assert [one["composition"] for one in joined] == ["Cs8 Pb8 Br1 I23", "Cs8 Pb8 Br2 I22"]
    assert refused.startswith("structure 2: its cell has")
    assert (results["written"].n_orbits, len(results["written"].folders)) == (8, 8)
    assert results["collected"].count("missing") == 8


def test_dft_has_four_public_names():
    assert sorted(dft.__all__) == ["DftSettings", "JobSettings", "collect", "write_inputs"]
    with pytest.raises(AttributeError, match="no attribute 'wrte'"):
        _ = dft.wrte
