"""A screen is one call that takes and returns objects, the same in memory as in a folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from screens import final

import matganip as mg
from matganip.learning.model import Model
from matganip.results.screen import ScreenPart
from matganip.screening.parts import merge_parts
from matganip.screening.plan import plan_screen
from matganip.screening.reading import read_screen
from matganip.screening.run import Standing, resume_screen, screen_part
from matganip.screening.verify import verify_screen

OPTIONS = {"top": 20, "n_shards": 8, "cascade": False}


@pytest.fixture(scope="module")
def model(model_folder) -> Model:
    return Model.of(model_folder)


@pytest.fixture(scope="module")
def in_folder(model_folder, tmp_path_factory):
    return mg.screen(model_folder, folder=tmp_path_factory.mktemp("result") / "screen", **OPTIONS)


@pytest.fixture(scope="module")
def in_memory(model):
    return mg.screen(model, model.space(), **OPTIONS)


def test_in_memory_and_in_a_folder_are_the_same(in_memory, in_folder):
    assert in_memory.folder is None
    assert in_folder.folder is not None
    assert in_memory.fingerprint == in_folder.fingerprint  # the model and its folder are one thing
    one, other = ({**found.to_dict(), "cpu_s": None, "folder": None} for found in (in_memory, in_folder))
    assert one == other


def test_nothing_stays_on_disk(model, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mg.screen(model, **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_the_frame_is_the_table_of_the_folder(in_folder):
    table, frame = pq.read_table(in_folder.folder / "winners.parquet"), in_folder.to_frame()
    assert len(frame) == len(in_folder) == 20
    for name in frame.columns:
        if name.startswith(("prediction", "relative", "probability")):
            np.testing.assert_array_equal(frame[name], table[name].to_numpy())
        elif name != "deviation_eV":
            assert frame[name].tolist() == table[name].to_pylist(), name
    assert frame["deviation_eV"].isna().all()


def test_it_reads_again_from_its_folder(in_folder):
    again = read_screen(in_folder.folder)
    assert again.to_dict() == in_folder.to_dict()
    assert again.space.key == in_folder.space.key


def test_json_holds_exact_integers_and_no_nan(in_folder):
    written = json.loads(json.dumps(in_folder.to_dict(), allow_nan=False))
    assert (written["orbits"], written["configurations"], written["atoms"]) == (603, "134596", 40)
    assert written["winners"][0]["rank"] == 1
    assert written["winners"][0]["deviation_eV"] is None


def test_it_shows_itself(in_memory):
    text, page = str(in_memory), in_memory._repr_html_()
    for words in ("point group", "enumeration", "603 orbits, 134,596 arrangements, all of them."):
        assert words in text
    assert page.count("<table>") == 2
    assert "data:image/png" in page
    (bars,) = in_memory.plot().patches
    assert np.nansum(bars.get_data().values) == 134_596


def test_a_callback_follows_it(model):
    steps, events = [], []
    mg.screen(model, progress=lambda *now: steps.append(now), follow=events.append, **OPTIONS)
    assert steps[-1][:3] == ("done", 603, 603)
    assert "arrangements/s" in steps[-1][3]
    standings = [one for one in events if isinstance(one, Standing)]
    assert sorted(one.record.shard for one in standings if one.record) == list(range(8))
    assert standings[-1].to_dict()["event"] == "done"


def test_parts_and_their_resumption_return_parts(model, in_folder, tmp_path):
    part = screen_part(model, None, (0, 2), tmp_path / "0", **OPTIONS)
    assert isinstance(part, ScreenPart)
    assert (part.part, part.n_shards) == ((0, 2), 4)
    assert "merge" in part.sentences()[0]
    again = resume_screen(tmp_path / "0")
    assert isinstance(again, ScreenPart)
    assert again.to_dict() == part.to_dict()
    other = screen_part(model, None, (1, 2), tmp_path / "1", **OPTIONS)
    assert part.n_orbits + other.n_orbits == 603
    whole = merge_parts([tmp_path / "0", tmp_path / "1"], tmp_path / "whole")
    assert final(whole.folder) == final(in_folder.folder)
    with pytest.raises(mg.InputError, match="is part 0 of 2 of a screen; merge"):
        read_screen(tmp_path / "0")


def test_a_screen_is_resumed_without_its_model(in_folder, tmp_path):
    folder = Path(shutil.copytree(in_folder.folder, tmp_path / "screen"))
    (folder / "shard-00003.parquet").unlink()
    assert resume_screen(folder).to_dict()["winners"] == in_folder.to_dict()["winners"]
    assert final(folder) == final(in_folder.folder)


def test_a_space_of_another_tolerance_is_stored_with_it(model, tmp_path):
    space = mg.ConfigurationSpace(model.space().parent, (2, 2, 2), {"I": {"Br": 2}}, symprec=0.1)
    mg.screen(model, space, folder=tmp_path / "screen", cascade=False)
    again = read_screen(tmp_path / "screen").space
    assert (again.symprec, again.key) == (0.1, space.key)


def test_a_parent_of_a_file_with_labels_and_displacements_is_stored_as_it_is_read_again(model, tmp_path):
    parent = model.space().parent.copy(site_properties={"B_iso": [1.0] * len(model.space().parent)})
    for number, site in enumerate(parent):
        site.label = f"{site.specie}{number}"
    space = mg.ConfigurationSpace(parent, (2, 2, 2), {"I": {"Br": 2}})
    mg.screen(model, space, folder=tmp_path / "screen", cascade=False)
    assert verify_screen(tmp_path / "screen").good


def test_every_orbit_needs_a_folder(model):
    with pytest.raises(mg.InputError, match="name a folder"):
        mg.screen(model, keep="all")


def test_a_plan_and_a_check_are_results(model, in_folder):
    plan = plan_screen(model, workers=1, cores=2000, n_shards=4, cascade=False)
    assert plan.to_frame()["cores"].tolist() == [1, 2000]
    assert "core-hours" in str(plan)
    check = verify_screen(in_folder.folder, rows=20, shards=1)
    assert check.good
    assert check.to_frame()["right"].all()
    assert str(check).endswith("All is right.")


def test_models_that_do_not_belong_together_are_refused(model, model_folder):
    from dataclasses import replace

    other = Model(model.predictor, replace(model.card, calculator="another"))
    with pytest.raises(mg.InputError, match=f"model 1: learned energies of another, {model_folder} those of"):
        mg.screen([model_folder, other])
    with pytest.raises(mg.InputError, match="no model to screen with"):
        mg.screen([])


def test_the_report_of_a_screen_in_memory_names_its_page(in_memory, tmp_path):
    from matganip.report.screen import write_screen_report

    with pytest.raises(mg.InputError, match="computed in memory"):
        write_screen_report(in_memory)
    page = write_screen_report(in_memory, tmp_path / "page.html")
    assert "134,596" in page.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_winners_closer_than_the_models_error_are_told(in_memory):
    """A network alone says nothing of its error; deviations do, and those of another composition are nobody's."""
    assert "The model says nothing of its own error" in in_memory.winners_table().note
    first = in_memory.relative[1] * in_memory.space.n_atoms / 1000
    known = replace(in_memory, deviation=np.full_like(in_memory.deviation, 1.01 * first / np.sqrt(2)))
    table = known.winners_table()
    assert table.columns[3] == "±"
    assert "1 of the other 19 are nearer to the first than the model's error" in table.note
    header = {**in_memory.header, "models": [{**in_memory.header["models"][0], "remark": "Of another composition."}]}
    other = replace(known, header=header).winners_table()
    assert "±" not in other.columns
    assert other.note.endswith("How far off they are nobody knows. Of another composition.")
