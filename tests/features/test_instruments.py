"""Instruments, the pattern of one crystal and its files, and patterns as they are recorded."""

from __future__ import annotations

import json

import gemmi
import numpy as np
import pytest

import matganip as mg
from matganip.errors import ReadingWarning
from matganip.features.powder.instrument import Instrument, read_instrument
from matganip.features.powder.realistic import Realism, broadened, realistic_patterns

CRYSTAL = mg.perovskite("CsPbI3", a=6.289)
GSAS = """#GSAS-II instrument parameter file; do not add/delete items!
Type:PXC
Bank:1.0
Lam1:1.5405
Lam2:1.5443
I(L2)/I(L1):0.5
Zero:0.01
Polariz.:0.7
U:2.0
V:-2.0
W:5.0
X:1.0
Y:2.0
Z:0.0
SH/L:0.002
Azimuth:0.0
"""


def test_instruments_are_read_from_toml_and_gsas(tmp_path) -> None:
    toml = tmp_path / "lab.toml"
    toml.write_text('radiation = "CuKa12"\nmonochromator = 26.6\ntwo_theta = [10, 50.0]\nw = 0.004\n')
    lab = read_instrument(toml)
    assert lab.beam.lines == mg.Radiation.of("CuKa12").lines
    assert lab.two_theta == (10, 50)
    gsas = tmp_path / "lab.instprm"
    gsas.write_text(GSAS)
    with pytest.warns(ReadingWarning, match="SH/L, the asymmetry of lines at low angles, is left out"):
        found = read_instrument(gsas)
    assert found.radiation == "CuKa12"
    assert found.beam.polarization == pytest.approx(3 / 7)
    assert found.w == pytest.approx(5.0 * 8 * np.log(2) / 1e4)
    assert (found.x, found.y, found.zero) == (0.02, 0.01, 0.01)
    for text, message in (
        ("Type:PNT\nLam:1.5\n", "Type PNT"),
        ("Type:PXC\nU:1\n", "no wavelength"),
        ("Lam:1\nZ:2\n", "Z has no counterpart here"),
        ("Lam:one\n", "Lam: 'one' is no number"),
        ("Lam1:1.2\nLam2:1.3\n", "Lam1 1.2 and Lam2 1.3 are the doublet of no anode"),
    ):
        gsas.write_text(text)
        with pytest.raises(mg.InputError, match=f"lab.instprm: {message}"):
            read_instrument(gsas)
    toml.write_text("wawelength = 1.5")
    with pytest.raises(mg.InputError, match=r"lab.toml: unknown key 'wawelength'"):
        read_instrument(toml)
    toml.write_bytes(b"w = 0.004 # \xac")
    with pytest.raises(mg.InputError, match=r"lab.toml: cannot be read: not UTF-8 text"):
        read_instrument(toml)
    with pytest.raises(mg.InputError, match=r"nowhere.toml: no such file"):
        read_instrument(tmp_path / "nowhere.toml")


def test_what_no_instrument_can_do_is_refused() -> None:
    with pytest.raises(mg.InputError, match="ions, anomalous and monochromator are for X-rays"):
        _ = Instrument(radiation="neutron 1.5", monochromator=26.6).beam
    with pytest.raises(mg.InputError, match="two rising angles"):
        _ = Instrument(two_theta=(50.0, 20.0)).grid
    with pytest.raises(mg.InputError, match="make 85,000,001 points"):
        _ = Instrument(step=1e-6).grid


@pytest.mark.parametrize("axis", ["2theta", "q", "d"])
def test_a_pattern_is_written_and_read_back(tmp_path, axis: str) -> None:
    found = mg.pattern(CRYSTAL, {"two_theta": (10, 40), "step": 0.05, "zero": 0.1}, axis=axis)
    paths = [tmp_path / f"pattern{suffix}" for suffix in (".xy", ".csv", ".cif", ".json")]
    for path in paths:
        found.write(path)
    x, y = np.loadtxt(paths[0]).T
    strongest = found.pattern.two_theta[found.pattern.intensity.argmax()] + 0.1
    q = 4 * np.pi * np.sin(np.radians(strongest / 2)) / 1.54184
    assert x[y.argmax()] == pytest.approx({"2theta": strongest, "q": q, "d": 2 * np.pi / q}[axis], abs=0.03)
    first = {"2theta": "two_theta_degrees", "q": "q_per_angstrom", "d": "d_angstrom"}[axis]
    assert paths[1].read_text().startswith(first)
    block = gemmi.cif.read(str(paths[2])).sole_block()
    assert len(block.find_loop("_pd_meas_2theta_scan")) == len(found.instrument.grid) == 601
    intensities = [float(value) for value in block.find_loop("_pd_peak_intensity")]
    np.testing.assert_allclose(intensities, found.pattern.intensity, atol=1e-6)
    lines = json.loads(paths[3].read_text())["lines"]
    assert lines == found.to_dict()["lines"]
    assert lines[0]["families"] == [{"hkl": [1, 0, 0], "multiplicity": 6}]
    assert lines[0]["q"] == pytest.approx(2 * np.pi / 6.289)
    assert "14.0823" in str(found)
    with pytest.raises(mg.InputError, match="a pattern is written to .xy, .csv"):
        found.write(tmp_path / "pattern.txt")


def test_a_figure_is_drawn(tmp_path) -> None:
    mg.pattern(CRYSTAL, {"two_theta": (10, 40)}, axis="q").write(tmp_path / "pattern.png")
    assert (tmp_path / "pattern.png").read_bytes()[1:4] == b"PNG"


def test_recorded_patterns_are_the_same_in_any_batch() -> None:
    device = Instrument(two_theta=(10.0, 60.0), step=0.05)
    crystals = [CRYSTAL, mg.perovskite("CsPbBr3", a=5.87)]
    one = list(realistic_patterns(crystals, 3, device, seed=4, batch_size=4))
    other = list(realistic_patterns(crystals, 3, device, seed=4, batch_size=1))
    np.testing.assert_array_equal(
        np.concatenate([batch.counts for batch in one]), np.concatenate([batch.counts for batch in other])
    )
    assert np.concatenate([batch.structure for batch in one]).tolist() == [0, 0, 0, 1, 1, 1]
    assert all(batch.counts.min() >= 0 and batch.counts.max() == 1 for batch in one)
    different = next(realistic_patterns(crystals, 3, device, seed=5, batch_size=4))
    assert not np.array_equal(different.counts, one[0].counts)


def test_a_pattern_without_defects_is_the_calculated_one() -> None:
    device = Instrument(two_theta=(10.0, 60.0), step=0.05, shape="thompson-cox-hastings")
    none = Realism(
        strain=0.0, texture=(1.0, 1.0), size=(1e9, 1e9), microstrain=(0.0, 0.0), displacement=0.0, zero=0.0,
        background=(0.0, 0.0), hump=(0.0, 0.0), counts=(1e8, 1e8),
    )  # fmt: skip
    (batch,) = realistic_patterns([CRYSTAL], 1, device, none)
    np.testing.assert_allclose(100 * batch.counts[0], mg.pattern(CRYSTAL, device).profile, atol=0.05)


def test_each_defect_does_what_its_formula_says() -> None:
    device = Instrument(two_theta=(10.0, 60.0), step=0.01, shape="thompson-cox-hastings", w=0.0025)
    none = {
        "strain": 0.0, "texture": (1.0, 1.0), "size": (1e9, 1e9), "microstrain": (0.0, 0.0), "displacement": 0.0,
        "zero": 0.0, "background": (0.0, 0.0), "hump": (0.0, 0.0), "counts": (1e8, 1e8),
    }  # fmt: skip
    (shifted,) = realistic_patterns([CRYSTAL], 1, device, Realism(**{**none, "displacement": 0.4}), seed=3)
    line = mg.pattern(CRYSTAL, device).pattern.two_theta[3]
    expected = line - np.degrees(2 * shifted.parameters["displacement"][0] / 200 * np.cos(np.radians(line / 2)))
    assert shifted.two_theta[shifted.counts[0].argmax()] == pytest.approx(expected, abs=0.01)
    shape = broadened(device.peak_shape, 1.54184, 300.0, 0.002)
    assert shape.y == pytest.approx(np.degrees(0.9 * 1.54184 / 300))
    assert shape.x == pytest.approx(np.degrees(0.008))
    for name, wrong in (("size", (0.0, 1.0)), ("counts", (5.0, 1.0)), ("hump", (-1.0, 0.0))):
        with pytest.raises(mg.InputError, match=f"{name}: a rising range"):
            next(realistic_patterns([CRYSTAL], 1, device, Realism(**{**none, name: wrong})))
    with pytest.raises(mg.InputError, match="number and batch_size must be at least 1"):
        next(realistic_patterns([CRYSTAL], 0))
