"""`matganip match` on simulated patterns."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app
from matganip.matching.simulate import simulate

SPACE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})


@pytest.fixture
def files(tmp_path):
    pattern = simulate(SPACE, next(SPACE.orbits()).occupations[5], two_theta_range=(11, 50), step=0.05, counts=2e4)
    np.savetxt(tmp_path / "scan.xy", np.column_stack([pattern.two_theta, pattern.intensity]), fmt="%.3f %.0f")
    SPACE.parent.to(filename=str(tmp_path / "parent.cif"))
    return tmp_path


def run(folder, *arguments):
    return CliRunner().invoke(app, ["match", str(folder / "scan.xy"), str(folder / "parent.cif"), *arguments])


def test_the_answer_its_figure_page_and_structure(files):
    more = ["-s", "2,2,2", "-x", "Pb:Sn=4", "--radiation", "CuKa12", "--background", "5", "--refined", "1"]
    written = [str(files / name) for name in ("fit.png", "best.cif", "page.html")]
    result = run(files, *more, "--figure", written[0], "--cif", written[1], "--report", written[2])
    assert result.exit_code == 0, result.output
    assert "one pattern explains the data" in " ".join(result.output.split())
    assert mg.read_structure(written[1]).composition["Sn"] == 4
    assert (files / "page.html").stat().st_size > 20_000
    document = json.loads(run(files, *more, "--json").stdout)
    assert document["classes"][0]["orbits"] == 1
    assert document["fit"]["reduced_chi2"] < 1.3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "--substitute is needed"),
        (("-s", "2,2,2", "-x", "Pb:Sn=4"), "does not say its wavelength"),
        (("-s", "2,2,2", "-x", "Pb:Sn=4", "--exclude", "1"), "--exclude 1: not of the form"),
        (("-x", "Pb:Sn=1", "--radiation", "CuKa", "--other", "a.cif"), "write NAME=FILE"),
        (("-x", "Pb:Sn=1", "--radiation", "CuKa", "--march", "1"), "--march 1: not three integers"),
        (("-x", "Pb:Sn=1", "--radiation", "CuKa", "--shift", "left"), "shift"),
        (("-x", "Pb:Sn=1", "--radiation", "CuKx"), "radiation 'CuKx' is unknown"),
        (("-x", "Pb:Sn=1", "--radiation", "CuKa", "--two-theta", "1,2"), "0 points between"),
    ],
)
def test_what_is_wrong_is_one_line(files, more, message):
    result = run(files, *more)
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("matganip: error:")
    assert message in line
