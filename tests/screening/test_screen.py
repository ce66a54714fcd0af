"""A screen finds what ranking every orbit finds; the cascade finds what the model finds."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from screens import final, run

import matganip as mg
from matganip.learning.model import Model
from matganip.thermodynamics.sums import CanonicalSums


@pytest.fixture(scope="module")
def ranked(model_folder):
    """Every orbit, lowest first, by the network alone: matrices of all at once, no classes."""
    model = Model.of(model_folder)
    batch = next(iter(model.space().orbits()))
    energy = np.round(model.predictor.predict(model.represent(model.space())(batch.occupations)) * 40, 7)
    order = np.argsort(energy, kind="stable")
    return SimpleNamespace(
        prediction=energy[order], occupations=batch.occupations[order], multiplicity=batch.multiplicity[order]
    )


@pytest.fixture(scope="module")
def screened(model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen") / "whole"
    return run(model_folder, folder), folder


def test_the_winners_are_the_first_of_all(screened, ranked):
    standings, folder = screened
    winners = pq.read_table(folder / "winners.parquet")
    # class keys round intensities, and float32 rounds what is made of them
    np.testing.assert_allclose(winners["prediction_eV"].to_numpy(), ranked.prediction[:20], atol=2e-6)
    assert winners["rank"].to_pylist() == list(range(1, 21))
    assert standings[-1].phase == "done"
    assert standings[-1].n_orbits == standings[-1].of_orbits == 603
    assert standings[-1].n_configurations == 134_596
    table = dict(zip(map(bytes, ranked.occupations), ranked.multiplicity.tolist(), strict=True))
    for row in winners.to_pylist():
        assert table[bytes(map(int, row["occupation"]))] == row["multiplicity"]


def test_sums_and_histogram_are_those_of_all_orbits(screened, ranked):
    result = json.loads((screened[1] / "result.json").read_text())
    sums = CanonicalSums([300.0, 600.0, 1000.0])
    sums.add(ranked.prediction, ranked.multiplicity)
    np.testing.assert_allclose(result["thermodynamics"]["F_eV"], sums.result().free_energy, atol=1e-5)
    assert sum(one[2] for one in result["histogram"]["bins"]) == int(result["configurations"]) == 134_596
    assert sum(one[1] for one in result["histogram"]["bins"]) == result["orbits"] == 603
    assert result["graphs_predicted"] < 603  # what diffraction does not tell apart is predicted once


@pytest.mark.parametrize(("shards", "workers"), [(3, 0), (8, 2)])
def test_winners_do_not_depend_on_shards_nor_anything_on_workers(model_folder, screened, tmp_path, shards, workers):
    run(model_folder, tmp_path / "screen", n_shards=shards, workers=workers)
    found, wanted = (pq.read_table(folder / "winners.parquet") for folder in (tmp_path / "screen", screened[1]))
    for name in wanted.column_names:
        if name.startswith("probability"):  # of sums, whose last digit depends on where they are cut
            np.testing.assert_allclose(found[name].to_numpy(), wanted[name].to_numpy(), rtol=1e-12)
        else:
            assert found[name].equals(wanted[name]), name
    if shards == 8:
        assert final(tmp_path / "screen") == final(screened[1])


@pytest.mark.parametrize("options", [{"select": "lowest"}, {"select": "highest"}, {"select": "nearest"}])
def test_the_cascade_gives_the_same_bytes(model_folder, tmp_path, ranked, options):
    if options["select"] == "nearest":
        options = {**options, "target": float(np.median(ranked.prediction))}
    run(model_folder, tmp_path / "plain", **options)
    run(model_folder, tmp_path / "cascade", cascade=True, **options)
    plain, cascade = ((tmp_path / name / "winners.parquet") for name in ("plain", "cascade"))
    columns = ["rank", "prediction_eV", "multiplicity", "point_group", "occupation"]
    assert pq.read_table(plain, columns=columns).equals(pq.read_table(cascade, columns=columns))
    told = json.loads((tmp_path / "cascade/result.json").read_text())["cascade"]
    assert 20 <= told["rescored"] < told["of"] == 603
    assert told["widest_eV_of_rescored"] <= told["bound_eV"]


def test_a_bound_that_proves_too_narrow_is_widened_and_the_result_is_the_same(model_folder, tmp_path, monkeypatch):
    import matganip.screening.distilled as module

    run(model_folder, tmp_path / "plain", n_shards=16)
    monkeypatch.setattr(module, "MARGIN", 0.02)  # a fiftieth of the error that was found
    run(model_folder, tmp_path / "cascade", n_shards=16, cascade=True)
    told = json.loads((tmp_path / "cascade/result.json").read_text())["cascade"]
    assert told["bound_eV"] > 2 * told["bound_eV_of_sample"]
    columns = ["rank", "prediction_eV", "occupation"]
    plain, cascade = (
        pq.read_table(tmp_path / name / "winners.parquet", columns=columns) for name in ("plain", "cascade")
    )
    assert plain.equals(cascade)


def test_several_models_predict_together(model_folder, other_model, tmp_path):
    run([model_folder, other_model], tmp_path / "both")
    winners = pq.read_table(tmp_path / "both/winners.parquet").to_pylist()
    asked = [Model.of(folder) for folder in (model_folder, other_model)]
    occupations = np.array([list(map(int, row["occupation"])) for row in winners], dtype=np.uint8)
    every = np.array([one.predictor.predict(one.represent(one.space())(occupations)) for one in asked]) * 40
    np.testing.assert_allclose([row["prediction_eV"] for row in winners], every.mean(axis=0), atol=2e-6)
    # The screen rounds intensities, which a steep readout shows in the last digit.
    np.testing.assert_allclose([row["deviation_eV"] for row in winners], every.std(axis=0, ddof=1), atol=1e-5)


def test_a_pareto_front_is_what_none_beats(model_folder, other_model, tmp_path):
    run(model_folder, tmp_path / "front", select="pareto", second=other_model, top=1000)
    run(model_folder, tmp_path / "all", top=603)
    run(other_model, tmp_path / "other", top=603)
    one, two = (
        {
            row["occupation"]: row["prediction_eV"]
            for row in pq.read_table(tmp_path / name / "winners.parquet").to_pylist()
        }
        for name in ("all", "other")
    )
    points = {key: (one[key], two[key]) for key in one}

    def beaten(a):
        return any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in points.values())

    wanted = {key for key, point in points.items() if not beaten(point)}
    found = pq.read_table(tmp_path / "front/winners.parquet")
    assert set(found["occupation"].to_pylist()) == wanted
    assert found["prediction_eV"].to_pylist() == sorted(found["prediction_eV"].to_pylist())


def test_all_rows_are_kept_where_asked_for(model_folder, screened, tmp_path):
    run(model_folder, tmp_path / "all", keep="all")
    table = pq.read_table(sorted((tmp_path / "all").glob("all-*.parquet")))
    assert table.num_rows == 603
    assert sum(table["multiplicity"].to_pylist()) == 134_596
    best = np.sort(table["prediction_eV"].to_numpy())[:20]
    winners = pq.read_table(screened[1] / "winners.parquet")
    assert best.tolist() == winners["prediction_eV"].to_pylist()


def test_parts_merge_to_the_whole(model_folder, screened, tmp_path):
    from matganip.screening.parts import merge_parts

    for k in range(3):
        run(model_folder, tmp_path / f"part-{k}", part=(k, 3))
        assert not (tmp_path / f"part-{k}/result.json").exists()
    found = merge_parts([tmp_path / f"part-{k}" for k in (2, 0, 1)], tmp_path / "whole")
    assert found.n_orbits == 603
    assert final(tmp_path / "whole") == final(screened[1])
    with pytest.raises(mg.InputError, match="in none of the folders"):
        merge_parts([tmp_path / "part-0"], tmp_path / "half")


def test_parts_of_other_screens_are_not_merged(model_folder, other_model, tmp_path):
    from matganip.screening.parts import merge_parts

    run(model_folder, tmp_path / "a", part=(0, 2))
    run(other_model, tmp_path / "b", part=(1, 2))
    with pytest.raises(mg.InputError, match="parts of different screens"):
        merge_parts([tmp_path / "a", tmp_path / "b"], tmp_path / "whole")


@pytest.mark.parametrize("fmt", ["cif", "poscar", "extxyz"])
def test_winners_are_exported_with_what_is_known_of_them(screened, space_6of24, tmp_path, fmt):
    from matganip.screening.reading import read_screen
    from matganip.screening.winners import export_winners

    target = tmp_path / ("winners.xyz" if fmt == "extxyz" else "winners")
    assert export_winners(read_screen(screened[1]), target, fmt, number=3) == 3
    first = pq.read_table(screened[1] / "winners.parquet").to_pylist()[0]
    if fmt == "extxyz":
        from ase.io import read

        frames = read(target, ":")
        assert [one.info["rank"] for one in frames] == [1, 2, 3]
        assert frames[0].info["prediction_eV"] == first["prediction_eV"]
        assert frames[0].info["point_group"] == first["point_group"]
        structures = frames
    else:
        files = sorted(target.iterdir())
        head = files[0].read_text().splitlines()[0]
        for word in ("rank 1", f"prediction_eV {first['prediction_eV']}", f"multiplicity {first['multiplicity']}"):
            assert word in head
        structures = [str(path) for path in files]
    rows = space_6of24.from_structures(structures)
    wanted = pq.read_table(screened[1] / "winners.parquet")["occupation"].to_pylist()[:3]
    assert ["".join(map(str, row)) for row in rows.occupations.tolist()] == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"select": "best"}, "none of"),
        ({"top": 0}, "top"),
        ({"target": 1.0}, "target"),
        ({"select": "nearest"}, "target"),
        ({"select": "pareto"}, "second property"),
        ({"part": (3, 2)}, "--shard 3/2"),
        ({"keep": "some"}, "keep"),
        ({"substitutions": {"I": {"Cl": 3}}}, "never met"),
        ({"supercell": (3, 3, 3), "substitutions": {"I": {"Br": 40}}}, r"about 10\^20 orbits"),
        ({"temperatures": (-1.0,)}, "temperatures"),
        ({"bin_width": 0.0}, "bin_width"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_written(model_folder, tmp_path, options, message):
    with pytest.raises(mg.InputError, match=message):
        run(model_folder, tmp_path / "screen", **options)
    left = [path.name for path in (tmp_path / "screen").glob("*")] if (tmp_path / "screen").exists() else []
    assert not set(left) & {"manifest.jsonl", *"winners.parquet", "result.json"}


def test_selections_and_classes():
    from matganip.learning.scoring import classes
    from matganip.screening.selection import front

    rng = np.random.default_rng(0)
    points = rng.integers(0, 6, (60, 2)).astype(float)
    beaten = [any((q <= p).all() and (q < p).any() for q in points) for p in points]
    assert front(points).tolist() == [not one for one in beaten]
    assert front(np.empty((0, 2))).tolist() == []
    features = rng.integers(0, 3, (500, 4)) / 7.0
    units, first, of_row = classes(features)
    assert (units[first[of_row]] == units).all()
    assert len(first) == len(np.unique(features, axis=0))
