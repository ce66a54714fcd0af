"""`matganip thermo`: a small model, its 19 orbits, and what may go wrong."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_study import invoke, refused

from matganip.thermodynamics.histogram import EnergyHistogram
from matganip.thermodynamics.sums import BOLTZMANN, CanonicalSums


def test_thermo_of_a_table_is_the_sum_over_its_rows(predictions, tmp_path) -> None:
    said = json.loads(invoke("thermo", predictions, "-t", "0,300,inf", "--figure", tmp_path / "thermo.png", "--json"))
    table = pq.read_table(predictions)
    energy, multiplicity = table["prediction_eV"].to_numpy(), table["multiplicity"].to_numpy()
    weight = multiplicity * np.exp(-(energy - energy.min()) / (BOLTZMANN * 300))
    assert said["F_eV"][1] == pytest.approx(energy.min() - BOLTZMANN * 300 * np.log(weight.sum()), rel=1e-13)
    assert said["U_eV"][0] == energy.min() == said["lowest_eV"]
    assert said["S_eV_per_K"][2] == pytest.approx(BOLTZMANN * np.log(134596), rel=1e-12)
    assert said["temperature_K"] == [0, 300, None]
    assert said["F_eV"][2] is None
    assert sum(row[2] for row in said["density_of_states"]["bins"]) == 134596
    assert said["winners"][0]["probability"][1] == pytest.approx(weight[energy.argmin()] / weight.sum(), rel=1e-12)
    with Image.open(tmp_path / "thermo.png") as image:
        image.load()


def test_thermo_of_a_model_enumerated_and_sampled(model, predictions, tmp_path) -> None:
    exact = json.loads(invoke("thermo", predictions, "-t", "1000", "--json"))
    whole = json.loads(
        invoke("thermo", model, "-x", "I:Br=6", "-t", 1000, "--pattern", tmp_path / "mean.csv", "--json")
    )
    assert whole["F_eV"] == pytest.approx(exact["F_eV"], rel=1e-12)
    lines = (tmp_path / "mean.csv").read_text().splitlines()
    assert lines[0] == "two_theta,d_spacing,intensity_1000K,deviation_1000K"
    assert max(float(line.split(",")[2]) for line in lines[1:]) == 100
    drawn = json.loads(invoke("thermo", model, "-x", "I:Br=6", "-t", "1,1000", "-N", 2000, "--json"))
    assert drawn["reliable"] == [False, True]
    assert abs(drawn["F_eV"][1] - exact["F_eV"][0]) < 2 * drawn["F_error_eV"][1]
    assert [one["drawn"] for one in drawn["convergence"]] == [100, 200, 400, 800, 1600, 2000]
    assert "has not met" in invoke("thermo", model, "-x", "I:Br=6", "-t", "1,1000", "-N", 2000)


def test_thermo_of_a_ranking(results) -> None:
    _, folder = results
    said = json.loads(invoke("thermo", folder / "ranking.parquet", "-t", 500, "--json"))
    assert (said["arrangements"], said["orbits"], said["atoms"]) == (2024, 19, 40)


def test_thermo_of_a_screen(predictions, tmp_path) -> None:
    """A folder as `matganip screen` leaves it: with all rows, and with its sums alone."""
    table = pq.read_table(predictions)
    sums, histogram = CanonicalSums([300.0]), EnergyHistogram(0.002)
    for part in (sums, histogram):
        part.add(table["prediction_eV"].to_numpy(), table["multiplicity"].to_numpy())
    (tmp_path / "manifest.jsonl").write_text("{}\n")
    missing = refused("thermo", tmp_path)
    assert "not finished" in missing
    (tmp_path / "result.json").write_text(json.dumps({"sums": sums.to_dict(), "histogram": histogram.to_dict()}))
    order = np.argsort(table["prediction_eV"].to_numpy(), kind="stable")
    pq.write_table(table.take(pa.array(order[:20])), tmp_path / "winners.parquet")
    own = json.loads(invoke("thermo", tmp_path, "--json"))
    assert "kept its best rows and sums at 300 K" in refused("thermo", tmp_path, "-t", "400")
    for k in range(2):
        pq.write_table(table.slice(302 * k, 302 if k == 0 else None), tmp_path / f"all-0000{k}.parquet")
    every = json.loads(invoke("thermo", tmp_path, "-t", "300,400", "--json"))
    assert every["F_eV"][0] == pytest.approx(own["F_eV"][0], rel=1e-13)
    assert len(every["F_eV"]) == 2


def test_mixing_energies_of_a_series(model, tmp_path) -> None:
    arguments = ("thermo", model, "-s", "2,1,1", "-x", "I:Br=0-6:2", "-t", "300")
    said = json.loads(invoke(*arguments, "--json", "--figure", tmp_path / "mixing.png"))
    assert said["fraction"] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert said["lowest_mixing_eV_per_atom"][0] == said["lowest_mixing_eV_per_atom"][-1] == 0
    assert said["on_hull"][0]
    assert said["on_hull"][-1]
    assert "trained on" in said["remark"]
    assert "on the hull" in invoke(*arguments)
    with Image.open(tmp_path / "mixing.png") as image:
        image.load()


def test_thermo_refusals(model, predictions, tmp_path) -> None:
    part = tmp_path / "part.parquet"
    pq.write_table(pq.read_table(predictions).slice(0, 100), part)
    shutil.copy(predictions, tmp_path / "broken.parquet")
    (tmp_path / "broken.parquet").write_bytes(predictions.read_bytes()[:500])
    for arguments, message in (
        ((part,), "of the space's 134,596 arrangements; if they are a uniform sample"),
        ((tmp_path / "broken.parquet",), "no Parquet file"),
        ((tmp_path,), "neither a .parquet file"),
        ((predictions, "-x", "I:Br=3"), "already says of which space it is"),
        ((predictions, "-t", "hot"), "'hot' is no temperature"),
        ((predictions, "--sample", "rows"), "a sample is of orbits or of configurations"),
        ((predictions, "--pattern", "mean.csv"), "needs a model"),
        ((model, "-x", "I:Br=6", "-N", 100, "-t", "0"), "a sample says nothing"),
    ):
        assert message in refused("thermo", *arguments)
    assert json.loads(invoke("thermo", part, "--sample", "orbits", "-t", "1000", "--json"))["drawn"] == 100
