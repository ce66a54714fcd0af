"""What writing would cost is estimated before anything is written; several compositions get a file each."""

from __future__ import annotations

import pytest

import matganip as mg
from matganip.configurations.io.estimate import estimate_output
from matganip.configurations.io.writers import path_of_composition, write


@pytest.mark.parametrize(("name", "fmt"), [("o.parquet", None), ("o.xyz", None), ("o.zip", "cif")])
def test_the_estimate_is_near_what_is_written(space_6of24, tmp_path, name, fmt):
    expected = estimate_output(space_6of24, tmp_path / name, fmt)
    assert list(tmp_path.iterdir()) == []
    assert expected.n_orbits == write(tmp_path / name, space_6of24, space_6of24.orbits(), fmt) == 603
    assert (tmp_path / name).stat().st_size == pytest.approx(expected.size, rel=0.5)
    assert expected.seconds > 0


def test_a_part_of_an_astronomical_space_is_counted_exactly(cspbi3, tmp_path):
    space = mg.ConfigurationSpace(cspbi3, (3, 3, 3), {"I": {"Br": 27}})
    expected = estimate_output(space, tmp_path / "o.parquet", parts=1000)
    assert expected.n_orbits == space.count_orbits() // 1000


def test_a_bad_path_is_refused_before_anything_is_done(space_3of24, tmp_path):
    with pytest.raises(mg.InputError, match="does not follow from the name"):
        estimate_output(space_3of24, tmp_path / "orbits")


def test_writing_tells_how_far_it_is(space_6of24, tmp_path):
    told = []
    write(
        tmp_path / "o.parquet", space_6of24, space_6of24.orbits(batch_size=250), progress=lambda *now: told.append(now)
    )
    assert told == [("orbits", 250, 603, ""), ("orbits", 500, 603, ""), ("orbits", 603, 603, "")]


@pytest.mark.parametrize(
    ("path", "name"),
    [("o.parquet", "o_Br3_I21.parquet"), ("a/o.tar.gz", "o_Br3_I21.tar.gz"), ("folder", "folder_Br3_I21")],
)
def test_several_compositions_have_a_file_each(space_3of24, path, name):
    assert path_of_composition(path, space_3of24).name == name


def test_the_first_orbits_are_those_of_the_stream(space_6of24):
    first = space_6of24.first_orbits(5, shard=(1, 3))
    assert first.occupations.tolist() == next(space_6of24.orbits(shard=(1, 3))).occupations[:5].tolist()
    empty = space_6of24.with_substitutions({"I": {"Br": 0}}).first_orbits(5, shard=(1, 2))
    assert len(empty) in (0, 1)
