"""Which measurement tells arrangements apart: against patterns drawn and fitted one by one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app
from matganip.configurations.batch import concatenate
from matganip.configurations.codec import sites_text
from matganip.features.measured.model import PatternModel
from matganip.features.measured.pattern import MeasuredPattern, radiation_of
from matganip.features.measured.phases import average_occupancy, metric_of, occupancy_of, phase_peaks
from matganip.matching.design import design, edges
from matganip.matching.simulate import LABORATORY, level

TIN = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
FAST = {"two_theta_range": (10, 60), "step": 0.05}


def _expected(space, row, radiation, counts):
    """Counts of an arrangement at the scale of the average, and the grid."""
    grid = np.round(np.arange(10, 60, 0.05), 6)
    flat = MeasuredPattern.of(grid, np.ones(len(grid)), radiation=radiation)
    drawn = []
    for occupancy in (None, row):
        phase = phase_peaks(
            "phase", space.supercell_structure, radiation_of(radiation), flat.range,
            occupancy=average_occupancy(space) if occupancy is None else occupancy_of(space, occupancy),
            metric=metric_of(space.parent, space.supercell_matrix, space.symprec),
        )  # fmt: skip
        model = PatternModel(flat, [phase], n_background=8)
        drawn.append(model.evaluate({**model.start(), **LABORATORY, "phase.scale": 1.0})[0])
    average, own = drawn
    return counts * own / average.max(), counts * (level(grid, 0.02) + average / average.max()), model.background


def test_distances_are_those_of_patterns_fitted_to_each_other():
    rows = concatenate(TIN.orbits()).occupations[[0, 3]]
    found = design(TIN, rows, radiations=["CuKa12"], counts=2e4, **FAST)
    (one, average, background), (other, _, _) = (_expected(TIN, row, "CuKa12", 2e4) for row in rows)
    weight = 1 / np.sqrt(np.maximum(average, 1))
    target = (average - 2e4 * level(np.round(np.arange(10, 60, 0.05), 6), 0.02)) * weight

    def fitted(columns, y):
        free = columns * weight[:, None]
        return y - free @ np.linalg.lstsq(free, y, rcond=None)[0], np.linalg.lstsq(free, y, rcond=None)[0]

    # the scale at which the first explains the measurement, and what the second cannot take of it
    scale = fitted(np.column_stack([background, one]), target)[1][-1]
    left, _ = fitted(np.column_stack([background, other]), scale * one * weight)
    assert found.best.nearest == pytest.approx(np.linalg.norm(left), rel=1e-6)


def test_four_times_the_counts_are_twice_the_distance():
    short, long = (design(TIN, radiations=["CuKa12"], counts=n, **FAST).best for n in (1e4, 4e4))
    assert long.nearest == pytest.approx(2 * short.nearest, rel=1e-2)
    assert long.counts_for_nearest == pytest.approx(short.counts_for_nearest, rel=1e-2)
    low, high = short.window
    assert 10 <= low < short.strongest < high <= 60


def test_radiations_that_see_no_contrast_tell_nothing_apart():
    fcc = Structure(Lattice([[0, 1.8, 1.8], [1.8, 0, 1.8], [1.8, 1.8, 0]]), ["Fe"], [[0, 0, 0]])
    space = mg.ConfigurationSpace(fcc, (2, 2, 2), {"Fe": {"Co": 4}})
    found = design(space, step=0.05)
    by_name = {one.name: one for one in found.measurements}
    assert set(edges(space)) == {"Co K edge", "Fe K edge"} <= set(by_name)
    # 26 and 27 electrons: neutrons, and X-rays just below an edge, see what a copper or molybdenum tube does not
    assert found.best.name == "neutron 1.54"
    assert by_name["Fe K edge"].nearest > 2 * by_name["MoKa12"].nearest


def test_orbits_with_one_powder_pattern_are_counted_apart():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    found = design(space, radiations=["CuKa12"], step=0.05)
    peaks = mg.LatticeDiffraction(space, two_theta_range=(5, 118)).peaks(next(space.orbits()).occupations).intensity
    _, members = np.unique(np.round(peaks, 6), axis=0, return_counts=True)
    assert (found.n_arrangements, found.n_pairs) == (19, 171)
    assert found.n_alike == (members * (members - 1) // 2).sum() > 0
    assert "no counting time tells them apart" in str(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"counts": 0}, "counts and step must be positive"),
        ({"between": [[0] * 8]}, "two arrangements at least"),
        ({"two_theta_range": (60, 10)}, "two rising angles"),
        ({"radiations": ["XyKa"]}, "XyKa"),
        ({"radiations": [0.05]}, "too short"),
        ({"radiations": []}, "none is given"),
    ],
)
def test_what_cannot_be_planned_is_refused(options, message):
    with pytest.raises(mg.InputError, match=message):
        design(TIN, **options)


def test_the_command_plans(tmp_path):
    cif = tmp_path / "CsPbI3.cif"
    mg.perovskite("CsPbI3", a=6.289).to(str(cif))
    base = ["distinguish", str(cif), "-s", "2,2,2", "-x", "Pb:Sn=4", "--design"]
    between = [word for row in next(TIN.orbits()).occupations[:2] for word in ("--between", sites_text(TIN, row))]
    done = CliRunner().invoke(app, [*base, *between, "--radiation", "CuKa12", "--counts", "1e3", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["pairs"], told["measurements"][0]["name"]) == (1, "CuKa12")
    for extra, message in (
        (["--triplets"], "--triplets: not with --design"),
        (["--sample", "4", *between], "--sample and --between"),
    ):
        refused = CliRunner().invoke(app, [*base, *extra])
        assert refused.exit_code == 2
        assert message in refused.stderr
    for extra in (["--counts", "1e3"], ["--radiation", "CuKa", "--radiation", "MoKa"]):
        assert CliRunner().invoke(app, [*base[:-1], *extra]).exit_code == 2
