"""`match`: the right arrangement from a simulated pattern, what cannot be told apart, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.batch import concatenate
from matganip.errors import InputError
from matganip.features.measured.misfit import Misfit
from matganip.features.measured.pattern import MeasuredPattern
from matganip.features.measured.phases import average_occupancy, metric_of, phase_peaks
from matganip.features.measured.refinement import fit_phases
from matganip.matching.ranking import rank_orbits
from matganip.matching.simulate import simulate
from matganip.matching.walk import rank_by_annealing
from matganip.progress import no_report

TIN = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
HALIDE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 4}})
FAST = {"two_theta_range": (11, 60), "step": 0.05}
SETTINGS = {"n_background": 5, "shift": "zero"}


@pytest.fixture(scope="module")
def rock_salt():
    """A pattern of 80 % ordered rock salt, and what is said of it."""
    (truth,) = (row for row, n in zip(*_orbits(TIN), strict=True) if n == 2)
    values = {"phase.cell0": 0.006, "zero": 0.04, "phase.order": 0.8}
    pattern = simulate(TIN, truth, values=values, counts=3e4, seed=4, **FAST)
    return truth, mg.match(pattern, TIN, settings=SETTINGS, order="partial")


def _orbits(space):
    batch = concatenate(space.orbits())
    return batch.occupations, batch.multiplicity


def _misfit(space, pattern):
    average = phase_peaks(
        "phase", space.supercell_structure, pattern.radiation, pattern.range, occupancy=average_occupancy(space),
        metric=metric_of(space.parent, space.supercell_matrix),
    )  # fmt: skip
    return Misfit(space, fit_phases(pattern, [average]), "phase")


def test_the_right_arrangement_and_its_order(rock_salt):
    truth, found = rock_salt
    assert (found.best.occupation == truth).all()
    assert found.proved
    assert found.n_orbits == 6
    assert abs(found.order.value - 0.8) < 3 * found.order.error < 0.1
    assert found.order.wrong["Sn"] == pytest.approx((1 - found.order.value) / 2)
    assert found.log_bayes_factor > 20
    assert found.likelihood_ratio > 40
    assert all(peak.superstructure for peak in found.deciding[:3])
    # (1/2 1/2 1/2) of the parent is the first peak of rock-salt order
    assert {tuple(abs(h) for h in peak.hkl) for peak in found.deciding} >= {(0.5, 0.5, 0.5)}
    assert found.detection.smallest_order < 0.8
    assert found.fit.reduced_chi2 == pytest.approx(1, abs=0.15)


def test_a_result_is_json_a_frame_sentences_and_a_figure(rock_salt, tmp_path):
    pytest.importorskip("matplotlib")
    found = rock_salt[1]
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["classes"][0]["sites"].startswith("Sn")
    assert len(found.to_frame()) == len(found.classes)
    text = str(found)
    for words in ("Of all 6 orbits one pattern explains the data", "Long-range order", "superstructure", "Rexp"):
        assert words in text
    found.save_figure(tmp_path / "fit.png")
    assert (tmp_path / "fit.png").stat().st_size > 10_000
    from matganip.report.match import write_match_report

    page = write_match_report(found, tmp_path / "page.html").read_text()
    assert "Of all 6 orbits" in page
    assert "data:image/png" in page


def test_the_ranking_is_that_of_every_orbit_one_by_one():
    occupations, multiplicity = _orbits(HALIDE)
    pattern = simulate(HALIDE, occupations[40], counts=1e4, **FAST)
    misfit = _misfit(HALIDE, pattern)
    ranking = rank_orbits(HALIDE, misfit, size=10, temper=2.0, report=no_report)
    chi2 = np.array([float(misfit.chi2(misfit.coordinates(row[None]))[0]) for row in occupations])
    peaks = misfit.intensities(occupations)
    left = np.ones(len(chi2), dtype=bool)
    for one in ranking.classes:
        first = np.flatnonzero(left)[chi2[left].argmin()]
        same = left & (np.abs(peaks - peaks[first]).max(axis=1) < 1e-6 * peaks.max())
        assert one.chi2 == pytest.approx(chi2[first], abs=1e-6)
        assert (one.n_orbits, one.n_configurations) == (same.sum(), multiplicity[same].sum())
        left &= ~same
    assert ranking.n_orbits == len(chi2)
    mean = np.average(np.exp(-(chi2 - chi2.min()) / 4), weights=multiplicity)
    assert ranking.log_likelihood == pytest.approx(np.log(mean) - chi2.min() / 4)
    one_thread = rank_orbits(HALIDE, misfit, size=10, temper=2.0, report=no_report, num_threads=1)
    assert [one.chi2 for one in one_thread.classes] == [one.chi2 for one in ranking.classes]


def test_annealing_finds_what_enumeration_proves():
    pattern = simulate(HALIDE, _orbits(HALIDE)[0][17], counts=1e4, **FAST)
    misfit = _misfit(HALIDE, pattern)
    best = rank_orbits(HALIDE, misfit, size=1, temper=1.0, report=no_report).classes[0]
    found = rank_by_annealing(HALIDE, misfit, size=3, temper=1.0, seed=1, report=no_report)
    assert found.classes[0].chi2 == pytest.approx(best.chi2, abs=1e-6)
    assert not found.proved


def test_disorder_is_disorder():
    pattern = simulate(TIN, None, counts=3e4, seed=1, **FAST)
    found = mg.match(pattern, TIN, settings=SETTINGS)
    assert found.log_bayes_factor < -20
    assert "for disorder" in str(found)
    assert abs(found.order.value) < 0.2
    assert found.mixture.shares["disordered average"] > 0.9


def test_domains_of_two_arrangements():
    occupations, _ = _orbits(TIN)
    pattern = simulate(TIN, occupations[[0, 5]], [0.3, 0.7], counts=1e5, seed=2, **FAST)
    found = mg.match(pattern, TIN, settings=SETTINGS)
    assert sorted(found.mixture.shares.values()) == pytest.approx([0.3, 0.7], abs=0.02)
    errors = dict(found.mixture.errors)
    assert all(0 < error < 0.02 for error in errors.values())
    assert found.mixture.chi2 < found.mixture.chi2_single


def test_few_counts_tell_nothing_apart():
    pattern = simulate(TIN, _orbits(TIN)[0][1], counts=60, background=0.5, seed=0, **FAST)
    found = mg.match(pattern, TIN, settings=SETTINGS, mixture=False)
    assert len(found.undecided) > 1
    assert "cannot tell the first" in str(found)
    assert found.detection.counts_factor > 1


def test_several_compositions_and_another_phase():
    spaces = [TIN.with_substitutions({"Pb": {"Sn": n}}) for n in (2, 4, 6)]
    pattern = simulate(spaces[0], _orbits(spaces[0])[0][0], counts=3e4, seed=3, **FAST)
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    found = mg.match(pattern, spaces, settings=SETTINGS, others={"salt": salt}, mixture=False)
    assert found.best.space is spaces[0]
    assert found.n_orbits == sum(space.count_orbits() for space in spaces)
    assert found.fit.weight_fractions()["salt"] < 0.03


def test_structures_are_refined_each(tmp_path):
    occupations, _ = _orbits(TIN)
    crystals = [TIN.structure(row) for row in occupations[[0, 3, 5]]]
    crystals[1].to(filename=str(tmp_path / "middle.cif"))
    pattern = simulate(TIN, occupations[3], counts=1e4, **FAST)
    found = mg.match(pattern, [crystals[0], tmp_path / "middle.cif", crystals[2]], settings=SETTINGS)
    assert found.best.name == "middle.cif"
    assert found.disordered is None
    assert found.deciding
    assert "3 structures" in str(found)


def test_more_points_than_the_lines_are_wide_enough_for_are_averaged(monkeypatch):
    truth = _orbits(TIN)[0][5]
    fine = simulate(TIN, truth, counts=2e3, seed=6, two_theta_range=(11, 33), step=0.002)
    every = mg.match(fine, TIN, settings=SETTINGS, mixture=False)
    monkeypatch.setattr("matganip.matching.run.MANY", 500)
    found = mg.match(fine, TIN, settings=SETTINGS, mixture=False)
    assert 500 < len(found.fit.calculated) < len(every.fit.calculated) == len(fine)
    assert "11,000 points were averaged in bins" in found.warnings[0]
    assert (found.best.occupation == truth).all()
    assert found.order.value == pytest.approx(every.order.value, abs=0.3 * every.order.error)
    assert found.order.error == pytest.approx(every.order.error, rel=0.1)


def test_the_energy_given_the_pattern():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    model = mg.train(space, "cspbi3_br/gpaw_mp4_fixed")
    occupations, multiplicity = _orbits(space)
    pattern = simulate(space, occupations[7], counts=3e4, seed=5, **FAST)
    found = mg.match(pattern, space, settings=SETTINGS, model=model, mixture=False)
    energy = model.predict(space).energy * 1000 / space.n_atoms
    misfit = Misfit(space, found.fit, "phase")
    chi2 = misfit.chi2(misfit.coordinates(occupations))
    weight = multiplicity * np.exp(-(chi2 - chi2.min()) / (2 * found.temper))
    mean = np.average(energy, weights=multiplicity)
    assert found.energy.mean == pytest.approx(np.average(energy, weights=weight) - mean, abs=0.02)
    assert found.energy.deviation < found.energy.prior_deviation
    assert found.energy.quantiles[0.05] <= found.energy.quantiles[0.95]
    assert "Energy given the pattern" in str(found)


def test_what_is_refused():
    pattern = simulate(TIN, None, counts=1e4, **FAST)
    with pytest.raises(InputError, match=r"explains \d+% of the intensity.*CuKa12 would explain"):
        mg.match(pattern, TIN, radiation="MoKa12", settings=SETTINGS)
    bare = MeasuredPattern.of(pattern.two_theta, pattern.intensity)
    with pytest.raises(InputError, match="does not say its wavelength"):
        mg.match(bare, TIN)
    flat = MeasuredPattern.of(pattern.two_theta, np.random.default_rng(0).poisson(100, len(pattern)), radiation="CuKa")
    with pytest.raises(InputError, match="no peak rises above the noise"):
        mg.match(flat, TIN, settings=SETTINGS)
    with pytest.raises(InputError, match="nothing to match"):
        mg.match(pattern, [])
    with pytest.raises(InputError, match="spaces or structures"):
        mg.match(pattern, [TIN, TIN.parent])
    with pytest.raises(InputError, match="order must be"):
        mg.match(pattern, TIN, order="some")
    with pytest.raises(InputError, match="top and refined"):
        mg.match(pattern, TIN, top=0)
    with pytest.raises(InputError, match="'phase' is the name"):
        mg.match(pattern, TIN, others={"phase": TIN.parent})
    with pytest.raises(InputError, match="needs a space"):
        mg.match(pattern, [TIN.parent], model="runs/model")
