"""The pattern model, its fit and the misfit of arrangements, against slow and obvious twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.errors import InputError
from matganip.features.measured.background import snip
from matganip.features.measured.misfit import Misfit
from matganip.features.measured.model import PatternModel
from matganip.features.measured.pattern import MeasuredPattern
from matganip.features.measured.phases import average_occupancy, metric_of, occupancy_of, phase_peaks
from matganip.features.measured.refinement import (
    RefinementSettings,
    explained,
    fit_phases,
    partly_non_negative,
    refine,
)
from matganip.features.profiles import PeakShape
from matganip.matching.simulate import simulate

GRID = np.round(np.arange(15, 60, 0.05), 4)
FLAT = MeasuredPattern.of(GRID, np.full(len(GRID), 100.0), radiation="CuKa12")
HALIDE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 1, 1), {"I": {"Br": 2}})
_SITES = [[0, 0, 0], [0.5, 0.5, 0.4], [0.5, 0, 0.1], [0, 0.5, 0.1]]
TETRAGONAL = Structure(Lattice.tetragonal(3.9, 5.1), ["Ca", "Ti", "O", "O"], _SITES)


def model_of(space, occupation, **more):
    mean, whole = average_occupancy(space), occupancy_of(space, occupation)
    phase = phase_peaks(
        "phase", space.supercell_structure, FLAT.radiation, FLAT.range, occupancy=mean,
        slope={name: whole[name] - mean[name] for name in mean},
        metric=metric_of(space.parent, space.supercell_matrix), **more,
    )  # fmt: skip
    return PatternModel(FLAT, [phase])


def slow_pattern(model, values, structure, occupancies, strain):
    """Every reflection and every spectral line by itself, from the structure factors of a strained cell."""
    radiation, drawn = model.radiation, np.zeros(len(GRID))
    lattice = Lattice(np.array(structure.lattice.matrix) / np.sqrt(1 + strain))
    shape = PeakShape("thompson-cox-hastings", **{name: values[name] for name in "uvwxy"})
    bounds = np.ceil(2 / 1.5 * np.array(lattice.abc)).astype(int)
    for hkl in np.array(np.meshgrid(*(np.arange(-b, b + 1) for b in bounds))).reshape(3, -1).T:
        g = np.linalg.norm(hkl @ lattice.reciprocal_lattice_crystallographic.matrix)
        if not 0 < g < 2 / 1.545:
            continue
        factor = 0j
        for element, columns in occupancies.items():
            factors = radiation.form_factors([element], radiation.wavelength)
            f = factors.at(g * g / 4)[0] + 1j * factors.imaginary[0]
            damping = np.exp(-(values["phase.b"] + values[f"phase.b.{element}"]) * g * g / 4)
            factor += f * damping * (columns * np.exp(2j * np.pi * structure.frac_coords @ hkl)).sum()
        for wavelength, share in radiation.lines:
            theta = np.arcsin(wavelength * g / 2)
            lp = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
            at = np.degrees(2 * theta) + values["zero"] + values["displacement"] * np.cos(theta)
            width, eta = shape.width_and_share(np.array([np.degrees(2 * theta)]))
            x = (GRID - at) / width
            line = eta * 2 / np.pi / (1 + 4 * x**2) + (1 - eta) * 2 * np.sqrt(np.log(2) / np.pi) * np.exp(
                -4 * np.log(2) * x**2
            )
            drawn += np.where(np.abs(x) < 30, share * lp * abs(factor) ** 2 * line / width, 0)
    return values["phase.scale"] * drawn / round(abs(np.linalg.det(HALIDE.supercell_matrix)))


def test_the_pattern_of_a_partly_ordered_arrangement_is_that_of_its_occupancies():
    occupation = next(HALIDE.orbits()).occupations[1]
    model = model_of(HALIDE, occupation)
    changes = {
        "phase.scale": 1e-3, "phase.cell0": 0.004, "zero": 0.03, "displacement": -0.02, "phase.order": 0.6,
        "phase.b": 0.8, "phase.b.I": 0.5, "u": 0.01, "w": 0.004, "x": 0.02, "y": 0.01,
    }  # fmt: skip
    values = {**model.start(), **changes}
    mean, whole = average_occupancy(HALIDE), occupancy_of(HALIDE, occupation)
    partly = {name: mean[name] + 0.6 * (whole[name] - mean[name]) for name in mean}
    slow = slow_pattern(model, values, HALIDE.supercell_structure, partly, 0.004)
    # Reflections below the first and above the last angle add tails, which the twin does not draw that far out.
    np.testing.assert_allclose(model.evaluate(values)[0], slow, atol=2e-3 * slow.max())
    assert slow.max() > 100


def test_derivatives_are_differences():
    model = model_of(HALIDE, next(HALIDE.orbits()).occupations[1], march_hkl=(1, 0, 0))
    values = {**model.start(), "phase.scale": 1e-3, "phase.order": 0.7, "phase.march": 0.9, "u": 0.01, "x": 0.02}
    names = [name for name in model.names if name not in ("u", "v", "w", "x", "y")]
    jacobian = model.evaluate(values, names)[1]
    for column, name in enumerate(names):
        step = 1e-6
        ahead, behind = (model.evaluate({**values, name: values[name] + s * step})[0] for s in (1, -1))
        slow = (ahead - behind) / (2 * step)
        # Those of the lattice leave out what form factors and Lorentz factor change.
        close = 0.02 if ".cell" in name else 1e-3
        assert np.abs(slow - jacobian[:, column]).max() <= close * max(np.abs(slow).max(), 1e-6), name


@pytest.mark.parametrize(
    ("lattice", "n"),
    [(Lattice.cubic(4), 1), (Lattice.hexagonal(3, 5), 2), (Lattice.orthorhombic(3, 4, 5), 3),
     (Lattice.monoclinic(3, 4, 5, 100), 4), (Lattice.from_parameters(3, 4, 5, 80, 95, 100), 6)],
)  # fmt: skip
def test_what_the_symmetry_leaves_free_of_the_cell(lattice, n):
    metric = metric_of(Structure(lattice, ["Cu"], [[0, 0, 0]]))
    assert metric.n_free == n
    np.testing.assert_allclose(metric.cell(np.eye(n)[0]), [*lattice.abc, *lattice.angles], rtol=1e-9)
    hkl = np.array([[1, 2, 3], [0, 1, 0]])
    np.testing.assert_allclose(1 / np.sqrt(metric.of_reflections(hkl)[1][:, 0]), [lattice.d_hkl(h) for h in hkl])


def test_a_fit_finds_cell_shift_widths_and_errors():
    true = {"phase.cell0": 0.008, "phase.cell1": -0.003, "displacement": 0.05, "phase.b": 0.7}
    space = mg.ConfigurationSpace(TETRAGONAL, (1, 1, 1), {"Ca": {"Sr": 0}})
    pattern = simulate(space, None, two_theta_range=(15, 90), step=0.04, counts=2e4, values=true, seed=3)
    fit = fit_phases(
        pattern,
        [phase_peaks("phase", TETRAGONAL, pattern.radiation, pattern.range)],
        RefinementSettings(displacements="overall"),
    )
    assert 0.9 < fit.reduced_chi2 < 1.1
    assert fit.r_wp == pytest.approx(fit.r_exp, rel=0.05)
    assert explained(fit) > 0.98
    for name, value in {**true, "w": 0.003, "y": 0.02}.items():
        assert abs(fit.values[name] - value) < 4 * fit.errors[name], name
    cell, errors = fit.cell(fit.model.phases[0])
    assert cell[0] == cell[1]
    assert 0 < errors[0] < 1e-3
    assert errors[3] == pytest.approx(0, abs=1e-9)
    with pytest.raises(InputError, match="'phase.size' is no parameter"):
        refine(fit.model, fit.values, ["phase.size"])


def test_two_phases_and_their_mass_fractions():
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    parts = [phase_peaks(n, s, FLAT.radiation, FLAT.range) for n, s in (("a", salt), ("b", TETRAGONAL))]
    model = PatternModel(FLAT, parts)
    values = {**model.start(), "a.scale": 2e-2, "b.scale": 5e-2, "background0": 50.0}
    drawn = model.evaluate(values)[0]
    noisy = np.random.default_rng(0).poisson(drawn * 2e4 / drawn.max())
    how = RefinementSettings(n_background=3, displacements="overall")
    fit = fit_phases(MeasuredPattern.of(GRID, noisy, radiation="CuKa12"), parts, how)
    masses = [s * one.volume * one.composition.weight for s, one in ((2e-2, salt), (5e-2, TETRAGONAL))]
    error = fit.errors["a.scale"] / fit.values["a.scale"] + fit.errors["b.scale"] / fit.values["b.scale"]
    assert error < 0.2
    assert fit.weight_fractions()["a"] == pytest.approx(masses[0] / sum(masses), rel=3 * error)
    with pytest.raises(InputError, match="two have the name 'a'"):
        PatternModel(FLAT, [parts[0], parts[0]])


def test_settings_that_are_held_are_held():
    space = mg.ConfigurationSpace(TETRAGONAL, (1, 1, 1), {"Ca": {"Sr": 0}})
    pattern = simulate(space, None, two_theta_range=(15, 60), step=0.05, counts=5e3)
    how = RefinementSettings(
        shape=(0.004, 0.0, 0.003, 0.01, 0.02), cell=False, shift="none", displacements="element", background="snip"
    )
    fit = fit_phases(pattern, [phase_peaks("phase", TETRAGONAL, pattern.radiation, pattern.range)], how)
    assert {name for name in fit.refined if "background" not in name} == {
        "phase.scale", "phase.b.Ca", "phase.b.O", "phase.b.Ti"
    }  # fmt: skip
    assert fit.cell(fit.model.phases[0])[1].max() == 0
    with pytest.raises(InputError, match="background"):
        RefinementSettings(background="spline")


def test_clipping_leaves_the_background():
    rng = np.random.default_rng(1)
    level = 500 * np.exp(-GRID / 40)
    peaks = sum(3000 * np.exp(-(((GRID - at) / 0.15) ** 2)) for at in (20, 21, 37.5))
    assert np.abs(snip(rng.poisson(level + peaks), GRID) / level - 1).mean() < 0.2


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_least_squares_with_some_signs_is_that_of_scipy(seed):
    from scipy.optimize import lsq_linear

    rng = np.random.default_rng(seed)
    columns, target = rng.normal(size=(12, 5)), rng.normal(size=12)
    slow = lsq_linear(columns, target, ([-np.inf] * 2 + [0] * 3, np.inf), tol=1e-14).x
    fast = partly_non_negative(columns, target, 2)
    assert (fast[2:] >= 0).all()
    residuals = [np.linalg.norm(columns @ x - target) for x in (fast, slow)]
    assert residuals[0] <= residuals[1] + 1e-7


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    "space",
    [
        HALIDE,
        mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 1, 1), {"I": {"Br": 2, "vac": 1}, "Pb": {"Sn": 1}}),
        mg.ConfigurationSpace(TETRAGONAL, (2, 2, 1), {"Ca": {"Sr": 1}, "O": {"F": 2}}),
    ],
    ids=["halide", "three species and two sublattices", "tetragonal"],
)
def test_the_misfit_is_that_of_least_squares_for_each_arrangement(space, partial):
    """Background and scale solved anew for the drawn pattern of each."""
    rows = space.sample_configurations(6, seed=1).occupations
    pattern = simulate(space, rows[0], two_theta_range=(12, 50), step=0.05, counts=3e3, seed=2)
    metric = metric_of(space.parent, space.supercell_matrix)

    def peaks(occupancy):
        return phase_peaks(
            "phase", space.supercell_structure, pattern.radiation, pattern.range, metric=metric, occupancy=occupancy,
            march_hkl=(1, 0, 0),
        )  # fmt: skip

    average = peaks(average_occupancy(space))
    fit = fit_phases(pattern, [average], RefinementSettings(n_background=4, march=(1, 0, 0)))
    misfit = Misfit(space, fit, "phase", (1, 0, 0), average if partial else None)
    coordinates = misfit.coordinates(rows)
    chi2, scale = misfit.chi2(coordinates), misfit.scale(coordinates)
    weighted = fit.model.background / pattern.sigma[:, None]
    mean = fit.model.lines(average, fit.values)
    for k, row in enumerate(rows):
        phase = peaks(occupancy_of(space, row))
        lines = fit.model.lines(phase, fit.values)
        columns = [weighted, (lines.draw(lines.strength) / pattern.sigma)[:, None]]
        if partial:
            columns.insert(1, (mean.draw(mean.strength) / pattern.sigma)[:, None])
        solved, residual, *_ = np.linalg.lstsq(np.hstack(columns), pattern.intensity / pattern.sigma, rcond=None)
        if solved[-1] > 0:
            np.testing.assert_allclose(chi2[k], residual[0], rtol=1e-7)
            np.testing.assert_allclose(scale[k], solved[-1], rtol=1e-5)
    assert misfit.rank <= misfit.n_sums + 1
    one, two = misfit.intensities(rows[:2])
    apart = misfit.distance(one, two)
    assert misfit.distance(one, one) < 1e-4
    assert apart >= 0


def test_the_disordered_fit_is_the_misfit_of_its_own_intensities():
    space = HALIDE
    pattern = simulate(space, None, two_theta_range=(12, 60), step=0.05, counts=3e3)
    average = phase_peaks(
        "phase", space.supercell_structure, pattern.radiation, pattern.range, occupancy=average_occupancy(space),
        metric=metric_of(space.parent, space.supercell_matrix),
    )  # fmt: skip
    fit = fit_phases(pattern, [average])
    misfit = Misfit(space, fit, "phase")
    mean = misfit.on_peaks(average)
    best = misfit.total - float(misfit.moments @ mean) ** 2 / float(mean @ misfit.gram @ mean)
    assert best == pytest.approx(fit.chi2, rel=1e-6)


def test_a_pattern_without_wavelength_is_refused():
    bare = MeasuredPattern.of(GRID, np.full(len(GRID), 100.0))
    with pytest.raises(InputError, match="does not say its wavelength"):
        _ = PatternModel(bare, []).radiation


def test_the_background_takes_as_many_polynomials_as_it_needs():
    space = mg.ConfigurationSpace(TETRAGONAL, (1, 1, 1), {"Ca": {"Sr": 0}})
    plain = simulate(space, None, two_theta_range=(15, 90), step=0.04, counts=1e4, background=0.05, seed=1)
    hump = 400 * np.exp(-(((plain.two_theta - 28) / 6) ** 2))
    humped = MeasuredPattern.of(plain.two_theta, np.round(plain.intensity + hump), radiation="CuKa12")
    phase = phase_peaks("phase", TETRAGONAL, plain.radiation, plain.range)
    few, many = (fit_phases(one, [phase]) for one in (plain, humped))
    assert few.model.n_background < many.model.n_background <= 18
    assert many.reduced_chi2 < 1.2
    held = fit_phases(humped, [phase], RefinementSettings(n_background=few.model.n_background))
    assert held.reduced_chi2 > 1.5
    # What it leaves hangs together, and widens the errors.
    assert many.correlation < 1.6 < held.correlation
    assert held.inflation == pytest.approx(held.reduced_chi2 * held.correlation)


def test_elements_that_share_sites_move_together():
    mixed = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(4), [{"Ca": 0.5, "Sr": 0.5}, "Ti", "O"], [[0.5] * 3, [0] * 3, [0.5, 0, 0]]
    )
    phase = phase_peaks("phase", mixed, FLAT.radiation, FLAT.range)
    assert phase.sites == (("Ca", "Sr"), ("O",), ("Ti",))
    model = PatternModel(FLAT, [phase])
    values = {**model.start(), "phase.b.Ca+Sr": 0.25, "phase.b.Sr": 1.0, "phase.b": 0.5}
    np.testing.assert_allclose(phase.displacements(values), [0.75, 0.5, 1.75, 0.5])
    # Of an arrangement of a space, those that share them in some arrangement.
    whole = phase_peaks("phase", TETRAGONAL, FLAT.radiation, FLAT.range, sharing=[{"Ca", "Ti"}, {"Ti", "Sr"}])
    assert whole.sites == (("Ca", "Ti"), ("O",))


def test_means_of_neighbours_are_the_same_pattern():
    x = np.concatenate([10 + 0.002 * np.arange(2003), 20 + 0.002 * np.arange(999)])
    counts = np.random.default_rng(2).poisson(500, len(x)).astype(float)
    fine = MeasuredPattern.of(x, counts, radiation="CuKa12")
    coarse = fine.binned(0.02)
    assert len(coarse) == 201 + 100
    assert coarse.two_theta[:2] == pytest.approx([10.009, 10.029])
    assert coarse.intensity[0] == pytest.approx(counts[:10].mean())
    assert coarse.sigma[200] == pytest.approx(np.sqrt(counts[2000:2003].sum()) / 3)
    assert coarse.two_theta[201] == pytest.approx(20.009)
    assert fine.binned(0.003) is fine
