"""Profiles: areas, widths, and the limits of the line shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import fftconvolve

import matganip as mg
from matganip.features.peaks import Pattern, Peaks
from matganip.features.profiles import PeakShape, profile

KINDS = ["gaussian", "lorentzian", "pseudo-voigt", "thompson-cox-hastings"]


def one_line(two_theta: float, intensity: float) -> Pattern:
    return Pattern(np.array([two_theta]), np.array([intensity]), [[]], np.array([1.0]))


def measured_width(grid: np.ndarray, values: np.ndarray) -> float:
    """Width at half of the largest value, by linear interpolation."""
    half, top = values.max() / 2, int(values.argmax())
    left = np.interp(half, values[: top + 1], grid[: top + 1])
    right = np.interp(-half, -values[top:], grid[top:])
    return float(right - left)


@given(
    kind=st.sampled_from(KINDS),
    angle=st.floats(10, 150),
    intensity=st.floats(0.1, 100),
    u=st.floats(0, 0.05),
    v=st.floats(0, 0.02),
    w=st.floats(0.002, 0.05),
    eta=st.floats(0, 1),
    x=st.floats(0, 0.1),
    y=st.floats(0, 0.1),
)
def test_area_is_the_intensity_and_width_the_one_asked_for(kind, angle, intensity, u, v, w, eta, x, y) -> None:
    shape = PeakShape(kind, u=u, v=v, w=w, eta=eta, x=x, y=y)
    width = float(shape.fwhm([angle])[0])
    far = np.concatenate([-np.geomspace(1e4, 10, 400), np.linspace(-10, 10, 4001)[1:-1], np.geomspace(10, 1e4, 400)])
    grid = angle + far * width
    values = profile(one_line(angle, intensity), grid, shape)
    assert np.trapezoid(values, grid) == pytest.approx(intensity, rel=1e-3)
    assert measured_width(grid, values) == pytest.approx(width, rel=1e-3)
    np.testing.assert_allclose(values, values[::-1], rtol=1e-6, atol=1e-12)


def test_width_is_that_of_caglioti() -> None:
    shape = PeakShape("gaussian", u=0.02, v=-0.01, w=0.01)
    tangent = np.tan(np.radians(40 / 2))
    assert shape.fwhm(40.0) == pytest.approx(np.sqrt(0.02 * tangent**2 - 0.01 * tangent + 0.01), rel=1e-14)


def test_thompson_cox_and_hastings_join_a_gaussian_and_a_lorentzian() -> None:
    grid = np.linspace(38, 42, 801)
    line = one_line(40.0, 7.0)
    tch = "thompson-cox-hastings"
    np.testing.assert_allclose(
        profile(line, grid, PeakShape(tch, w=0.02)), profile(line, grid, PeakShape("gaussian", w=0.02)), rtol=1e-10
    )
    y = 0.1 * np.cos(np.radians(20))
    np.testing.assert_allclose(
        profile(line, grid, PeakShape(tch, w=0.0, y=float(y))),
        profile(line, grid, PeakShape("lorentzian", w=0.01)),
        rtol=1e-4,
    )
    # The pseudo-Voigt stands for the convolution of both, which is computed here.
    wide = np.linspace(-60, 60, 240001)
    gaussian = profile(one_line(0.0, 1.0), wide, PeakShape("gaussian", w=0.04))
    lorentzian = profile(one_line(0.0, 1.0), wide, PeakShape("lorentzian", w=0.01))
    voigt = fftconvolve(gaussian, lorentzian, mode="same") * (wide[1] - wide[0])
    joined = profile(one_line(0.0, 1.0), wide, PeakShape(tch, w=0.04, y=0.1))
    assert np.abs(joined - voigt).max() < 0.02 * voigt.max()


def test_rows_of_a_space_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    two_theta = np.sort(rng.uniform(10, 80, 300))
    peaks = Peaks(two_theta, rng.uniform(0, 100, (3, 300)), 1 / two_theta, [[] for _ in two_theta])
    grid = np.linspace(5, 90, 20001)
    drawn = profile(peaks, grid)
    assert drawn.shape == (3, 20001)
    for row, values in enumerate(drawn):
        single = Pattern(two_theta, peaks.intensity[row], peaks.hkls, peaks.d_spacings)
        np.testing.assert_allclose(profile(single, grid), values, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeakShape("box"), "kind must be one of gaussian, lorentzian"),
        (lambda: PeakShape(u=float("nan")), "u must be a finite number, not nan"),
        (lambda: PeakShape(eta=1.5), "eta, the Lorentzian share, must lie between 0 and 1, not 1.5"),
        (lambda: PeakShape(x=-1.0), "x and y must not be negative"),
        (
            lambda: PeakShape(v=-1.0).fwhm([20.0, 60.0]),
            "u, v, w: the width of a line at 20.000 degrees is not positive",
        ),
        (lambda: profile(one_line(20, 1), [[1.0]]), "two_theta must be one row of finite angles"),
        (
            lambda: profile(Peaks(np.array([np.nan]), np.ones((1, 1)), np.ones(1), [[]]), [1.0]),
            "a Patterson function has no profile",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, message: str) -> None:
    with pytest.raises(mg.InputError, match=message):
        make()
