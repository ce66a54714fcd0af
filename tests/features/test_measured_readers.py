"""Files of measured patterns: what is read, and what a user is told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matganip as mg
from matganip.errors import InputError, MissingExtraError
from matganip.features.measured.pattern import MeasuredPattern, two_theta_of
from matganip.features.measured.readers import read_pattern

ANGLES = np.round(np.arange(10, 12, 0.02), 4)
COUNTS = np.arange(len(ANGLES)) + 100.0


def written(folder, name, text):
    path = folder / name
    path.write_text(text)
    return path


def rows(*columns, separator=" "):
    return "\n".join(separator.join(f"{value:.6g}" for value in row) for row in zip(*columns, strict=True)) + "\n"


@pytest.mark.parametrize(
    ("name", "head", "separator"),
    [("a.xy", "# a comment\n", " "), ("a.dat", "scan 3\n2theta counts\n", "\t"), ("a.csv", "2theta,I\n", ",")],
)
def test_columns_of_text(tmp_path, name, head, separator):
    pattern = read_pattern(written(tmp_path, name, head + rows(ANGLES, COUNTS, separator=separator)))
    np.testing.assert_allclose(pattern.two_theta, ANGLES, atol=1e-9)
    np.testing.assert_array_equal(pattern.intensity, COUNTS)
    np.testing.assert_allclose(pattern.sigma, np.sqrt(COUNTS))
    assert pattern.radiation is None


def test_three_columns_have_deviations_and_falling_angles_are_turned(tmp_path):
    text = rows(ANGLES[::-1], COUNTS[::-1], np.full(len(COUNTS), 3.0))
    pattern = read_pattern(written(tmp_path, "a.xye", text), radiation="CuKa12")
    assert pattern.two_theta[0] == 10
    assert set(pattern.sigma) == {3.0}
    assert len(pattern.radiation.lines) == 2


@pytest.mark.parametrize("unit", ["q", "d"])
def test_other_units_need_the_wavelength(tmp_path, unit):
    sine = np.sin(np.radians(ANGLES / 2))
    position = 4 * math.pi * sine / 1.54056 if unit == "q" else 1.54056 / (2 * sine)
    text = "\n".join(f"{x:.9f} {y}" for x, y in zip(position, COUNTS, strict=True))
    path = written(tmp_path, "a.xy", text)
    np.testing.assert_allclose(read_pattern(path, radiation=1.54056, unit=unit).two_theta, ANGLES, atol=1e-4)
    with pytest.raises(InputError, match=f"over {unit} needs the wavelength"):
        read_pattern(path, unit=unit)
    with pytest.raises(InputError, match="2theta, q or d"):
        two_theta_of([1.0], "tof", 1.0)


def test_gsas_forms(tmp_path):
    n = len(COUNTS)

    def bank(form, per_point):
        return f"title\nBANK 1 {n} {n} CONST 1000 2.0 0 0 {form}\n".replace("  ", " ") + "\n".join(per_point) + "\n"

    std = read_pattern(written(tmp_path, "a.gsas", bank("STD", ["".join(f"{c:8.0f}" for c in COUNTS)])))
    np.testing.assert_allclose(std.two_theta, ANGLES)
    np.testing.assert_array_equal(std.intensity, COUNTS)
    two = read_pattern(written(tmp_path, "b.raw", bank("STD", ["".join(f" 4{c:6.0f}" for c in COUNTS)])))
    np.testing.assert_allclose(two.sigma, np.sqrt(COUNTS) / 2)  # the mean of four detectors
    esd = read_pattern(written(tmp_path, "c.gda", bank("ESD", [f"{c:8.1f}{5.0:8.1f}" for c in COUNTS])))
    assert set(esd.sigma) == {5.0}
    lines = [f"{100 * a:.3f} {c:.1f} 7.0" for a, c in zip(ANGLES, COUNTS, strict=True)]
    fxye = read_pattern(written(tmp_path, "d.fxye", bank("FXYE", lines)))
    np.testing.assert_allclose(fxye.two_theta, ANGLES)
    assert set(fxye.sigma) == {7.0}


def test_cif_with_a_pattern(tmp_path):
    head = "data_scan\n_diffrn_radiation_wavelength 1.2\nloop_\n_pd_meas_2theta_scan\n_pd_meas_intensity_total\n"
    body = "\n".join(f"{a} {c:.1f}(25)" for a, c in zip(ANGLES, COUNTS, strict=True))
    pattern = read_pattern(written(tmp_path, "a.cif", head + body))
    assert pattern.radiation.wavelength == 1.2
    np.testing.assert_allclose(pattern.sigma, 2.5)
    ranged = "data_x\n_pd_meas_2theta_range_min 10\n_pd_meas_2theta_range_max 11.98\nloop_\n_pd_meas_counts_total\n"
    counted = read_pattern(written(tmp_path, "b.cif", ranged + "\n".join(f"{c:.0f}" for c in COUNTS)))
    np.testing.assert_allclose(counted.two_theta, ANGLES)
    with pytest.raises(InputError, match=r"c.cif: no block has one of"):
        read_pattern(written(tmp_path, "c.cif", "data_x\n_cell_length_a 3\n"))


XRDML = """<?xml version="1.0"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><xrdMeasurement measurementType="Scan">
<usedWavelength intended="K-Alpha 1"><kAlpha1 unit="Angstrom">1.5405980</kAlpha1>
<kAlpha2 unit="Angstrom">1.5444260</kAlpha2><kBeta unit="Angstrom">1.3922500</kBeta>
<ratioKAlpha2KAlpha1>0.5000</ratioKAlpha2KAlpha1></usedWavelength>
<scan appendNumber="0" mode="Continuous" scanAxis="Gonio" status="Completed"><dataPoints>
<positions axis="2Theta" unit="deg"><startPosition>10.0</startPosition><endPosition>11.98</endPosition></positions>
<positions axis="Omega" unit="deg"><startPosition>5.0</startPosition><endPosition>5.99</endPosition></positions>
<commonCountingTime unit="seconds">1.0</commonCountingTime><intensities unit="counts">{}</intensities>
</dataPoints></scan></xrdMeasurement></xrdMeasurements>
"""


def test_panalytical_says_its_doublet(tmp_path):
    pytest.importorskip("fairmat_readers_xrd")
    text = XRDML.format(" ".join(f"{c:.0f}" for c in COUNTS))
    pattern = read_pattern(written(tmp_path, "a.xrdml", text))
    np.testing.assert_allclose(pattern.two_theta, ANGLES, atol=1e-6)
    np.testing.assert_array_equal(pattern.intensity, COUNTS)
    assert pattern.radiation.lines == ((1.540598, pytest.approx(2 / 3)), (1.544426, pytest.approx(1 / 3)))
    with pytest.raises(InputError, match=r"b.xrdml: cannot be read as .xrdml"):
        read_pattern(written(tmp_path, "b.xrdml", text[:700]))


def test_an_instruments_file_without_the_reader_says_which_extra(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "fairmat_readers_xrd", None)
    with pytest.raises(MissingExtraError, match=r"matganip\[instruments\]"):
        read_pattern(written(tmp_path, "a.xrdml", "<a/>"))


GOOD = rows(ANGLES, COUNTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bad.xy: is empty"),
        ("# nothing\n", "bad.xy: no line has two numbers"),
        (GOOD + "12.1 x\n", "bad.xy, line 101: '12.1 x' is not 2 numbers"),
        (GOOD + "11.0 5\n", "bad.xy, line 101: the angles must rise"),
        (GOOD + "12.0 -5\n", "bad.xy, line 101: the intensity is negative"),
        (GOOD + "12.0 nan\n", "bad.xy, line 101: angle and intensity must be finite"),
        (GOOD + "190 5\n", "bad.xy, line 101: an angle 2theta must lie between 0 and 180"),
        ("10 1\n10.1 2\n", "bad.xy: 2 points are no pattern"),
        (rows(ANGLES, 0 * COUNTS), "bad.xy: all intensities are 0"),
        (rows(ANGLES, COUNTS, 0 * COUNTS), "bad.xy, line 1: a standard deviation must be positive"),
        ("BANK 1 9 1 CONST 1000 2 0 0 STD\n      12      13\n", "bad.xy: ends after 2 of 9 points"),
        ("BANK 1 9 1 SLOG 1000 2 0 0 STD\n", "bad.xy, line 1: bins of type SLOG"),
        ("BANK 1 9 1 CONST 1000 2 0 0 STD\n      1x\n", "bad.xy, line 2: '1x' is not a record of STD"),
        ("BANK one\n", "bad.xy, line 1: not BANK number"),
        ("\0\0", "bad.xy: is no text file"),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        read_pattern(written(tmp_path, "bad.xy", text))


def test_a_missing_file():
    with pytest.raises(InputError, match="cannot be read"):
        read_pattern("nowhere.xy")


def test_a_million_points(tmp_path):
    angles = np.linspace(10, 120, 10**6)
    path = tmp_path / "long.xy"
    path.write_text("\n".join(f"{angle:.6f} 7" for angle in angles.tolist()))
    assert len(read_pattern(path)) == 10**6


def test_parts_of_a_pattern():
    pattern = MeasuredPattern.of(ANGLES, COUNTS, radiation="CuKa")
    assert pattern.within(10.5, 11.5).range == (10.5, 11.5)
    assert len(pattern.without(10.5, 11.49)) == 50
    with pytest.raises(InputError, match="0 points between 20"):
        pattern.within(20, 30)
    assert pattern.with_radiation(0.7).radiation.wavelength == 0.7


@given(st.text(max_size=300))
@settings(max_examples=50, deadline=None)
def test_any_text_is_a_pattern_or_an_input_error(text):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.xy"
        path.write_text(text, encoding="utf-8", errors="replace")
        with pytest.raises(InputError):
            read_pattern(path)


def test_the_public_names():
    assert mg.read_pattern is read_pattern


def test_decimal_commas_where_something_else_keeps_the_columns_apart(tmp_path):
    path = tmp_path / "scan.csv"
    for between in (";", "\t", " "):
        path.write_text(
            "2theta;I\n" + "".join(f"{10 + 0.5 * i:.1f}{between}{7 + i}\n".replace(".", ",") for i in range(30))
        )
        pattern = read_pattern(path)
        assert pattern.two_theta[:3].tolist() == [10.0, 10.5, 11.0]
        assert pattern.intensity[:2].tolist() == [7.0, 8.0]
