"""The main example against pymatgen, and what LatticeDiffraction refuses."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import diffraction_oracle as oracle
import numpy as np
import pytest
from pymatgen.analysis.diffraction.xrd import XRDCalculator
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.space import ConfigurationSpace


def test_all_19_patterns_of_3_of_24_are_those_of_pymatgen(space_3of24: ConfigurationSpace) -> None:
    batch = next(space_3of24.orbits())
    assert len(batch) == 19
    peaks = mg.LatticeDiffraction(space_3of24, "CuKa", (0, 90)).peaks(batch.occupations)
    for i, structure in enumerate(batch.structures()):
        theirs = XRDCalculator("CuKa").get_pattern(structure, scaled=True, two_theta_range=(0, 90))
        ours = peaks.pattern(i)
        assert len(ours.two_theta) == len(theirs.x)
        np.testing.assert_allclose(ours.two_theta, theirs.x, rtol=0, atol=1e-8)
        np.testing.assert_allclose(ours.intensity, theirs.y, rtol=0, atol=1e-6)


def test_unscaled_intensities_are_those_of_pymatgen() -> None:
    space = oracle.spaces()["tetragonal, vacancies"]
    (row,) = oracle.random_rows(space, 1, seed=8)
    ours = mg.LatticeDiffraction(space, scaled=False).peaks(row[None]).pattern(0)
    theirs = XRDCalculator().get_pattern(space.structure(row), scaled=False)
    np.testing.assert_allclose(ours.intensity, theirs.y, rtol=1e-9)


def test_a_column_means_the_same_in_every_arrangement(space_3of24: ConfigurationSpace) -> None:
    rows = next(space_3of24.orbits()).occupations
    diffraction = mg.LatticeDiffraction(space_3of24)
    every, one = diffraction.peaks(rows), diffraction.peaks(rows[5:6])
    assert np.array_equal(every.intensity[5:6], one.intensity)
    assert every.hkls == one.hkls == diffraction.hkls
    assert diffraction.n_peaks == len(every.two_theta) == 112
    assert every.hkls[0] == [{"hkl": (1, 0, 0), "multiplicity": 6}]


def test_weak_and_absent_lines_keep_their_columns(cspbi3: Structure) -> None:
    space = ConfigurationSpace(cspbi3, (2, 1, 1), {"Pb": {"Sn": 2}})
    peaks = mg.LatticeDiffraction(space).peaks(next(space.orbits()).occupations)
    # With Sn on both sites the superlattice reflections of the doubled cell are absent.
    assert peaks.hkls[0] == [{"hkl": (1, 0, 0), "multiplicity": 2}]
    assert peaks.intensity[0, 0] < 1e-9
    assert len(peaks.pattern(0).two_theta) < len(peaks.two_theta)


def test_a_space_with_one_arrangement_has_its_pattern(cspbi3: Structure) -> None:
    for n_br in (0, 3):
        space = ConfigurationSpace(cspbi3, (1, 1, 1), {"I": {"Br": n_br}})
        rows = next(space.orbits()).occupations
        ours = mg.LatticeDiffraction(space).peaks(rows).pattern(0)
        theirs = XRDCalculator().get_pattern(space.structure(rows[0]))
        np.testing.assert_allclose(ours.intensity, theirs.y, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radiation": "CuKalpha"}, r"'CuKalpha' is unknown; nearest: CuKa"),
        ({"radiation": "xyzzy"}, r"'xyzzy' is unknown; nearest: CuKa.*AgKb1"),
        ({"radiation": -1.5}, r"a wavelength must be positive and finite, not -1.5"),
        ({"radiation": float("nan")}, r"must be positive and finite"),
        ({"radiation": True}, r"must be a name or a wavelength"),
        ({"radiation": None}, r"must be a name or a wavelength"),
        ({"radiation": 30.0}, r"more than twice the largest d-spacing, 12.5780 angstrom"),
        ({"two_theta_range": (0, 5)}, r"\(0, 5\) holds no reflection .* the first one of this cell is at 7.03"),
        ({"two_theta_range": (90, 0)}, r"two rising angles between 0 and 180 degrees, not \(90, 0\)"),
        ({"two_theta_range": (0, 181)}, r"two rising angles"),
        ({"two_theta_range": (0, float("nan"))}, r"two rising angles"),
        ({"two_theta_range": (0, 10, 20)}, r"two rising angles"),
        ({"two_theta_range": "0-90"}, r"two rising angles"),
        ({"resolution": "fine"}, r"resolution must be 'powder' or 'resolved', not 'fine'"),
    ],
)
def test_what_makes_no_sense_is_refused(space_3of24: ConfigurationSpace, arguments: dict, message: str) -> None:
    with pytest.raises(mg.InputError, match=message):
        mg.LatticeDiffraction(space_3of24, **arguments)


def test_an_element_without_form_factor_is_named() -> None:
    parent = Structure(Lattice.cubic(4.0), ["Cs", "Lr"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(mg.InputError, match="element 'Lr' has no X-ray form factor"):
        mg.LatticeDiffraction(ConfigurationSpace(parent, (2, 1, 1), {"Cs": {"Rb": 1}}))


def test_occupations_that_do_not_fit_are_refused(space_3of24: ConfigurationSpace) -> None:
    diffraction = mg.LatticeDiffraction(space_3of24)
    good = next(space_3of24.orbits()).occupations
    spoiled = good.copy()
    spoiled[7, 11] = 2
    cases = [
        (spoiled, r"occupations[7, 11] = 2 is not a species code of that site"),
        (good[:, :23].copy(), "occupations has 23 columns, the space 24 sites"),
        (good[0], "occupations must be an array of 2 dimension(s)"),
        (good.astype(np.int64), "occupations must be of dtype uint8"),
        (good[:, ::-1], "occupations must be C-contiguous"),
    ]
    for occupations, message in cases:
        with pytest.raises(mg.InputError, match=re.escape(message)):
            diffraction.peaks(occupations)
    with pytest.raises(mg.InputError, match="occupations"):
        diffraction.peaks(good.tolist())
    for n_peaks in (0, -3):
        with pytest.raises(mg.InputError, match="n_peaks must be at least 1"):
            diffraction.peaks(good, n_peaks=n_peaks)
    with pytest.raises(mg.InputError, match="num_threads"):
        diffraction.peaks(good, num_threads=-1)


def test_a_code_of_another_sublattice_is_refused() -> None:
    space = oracle.spaces()["rutile"]
    (row,) = oracle.random_rows(space, 1, seed=9)
    lengths = [len(species) for species in space.species]
    assert sorted(lengths) == [2, 3]
    column = int(np.flatnonzero(space.sublattices == lengths.index(2))[0])
    row[column] = 2
    with pytest.raises(mg.InputError, match=rf"occupations\[0, {column}\] = 2"):
        mg.LatticeDiffraction(space).peaks(row[None])


def test_out_that_does_not_fit_is_refused(space_3of24: ConfigurationSpace) -> None:
    diffraction = mg.LatticeDiffraction(space_3of24)
    rows = next(space_3of24.orbits()).occupations
    locked = np.empty((19, 112))
    locked.flags.writeable = False
    for out, message in [
        (np.empty((19, 111)), r"out must have the shape (19, 112), got (19, 111)"),
        (np.empty((19, 112), dtype=np.float32), "out must be of dtype float64"),
        (np.empty((112, 19)).T, "out must be C-contiguous"),
        (locked, "out is read-only"),
        ([0.0], "out must be an array"),
    ]:
        with pytest.raises(mg.InputError, match=re.escape(message)):
            diffraction.peaks(rows, out=out)


def test_diffraction_imports_neither_matplotlib_nor_pandas_nor_torch() -> None:
    code = (
        "import sys, matganip as mg; from matganip.configurations.space import ConfigurationSpace as S;"
        "s = S(mg.perovskite('CsPbI3', a=6.289), (2, 1, 1), {'I': {'Br': 2}});"
        "p = mg.LatticeDiffraction(s).peaks(next(s.orbits()).occupations); mg.graph_matrix(p);"
        "print([m for m in ('matplotlib', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_species_on_every_site_needs_no_sums(cspbi3: Structure) -> None:
    space = ConfigurationSpace(cspbi3, (1, 1, 2), {"I": {"I": 6}})
    rows = next(space.orbits()).occupations
    for resolution in ("powder", "resolved"):
        diffraction = mg.LatticeDiffraction(space, resolution=resolution)
        assert diffraction.n_sums == 0
        assert diffraction.peaks(rows).intensity.max() == pytest.approx(100, rel=1e-12)


def test_resolved_peaks_without_a_reflection_of_the_parent_have_no_scale(
    space_3of24: ConfigurationSpace,
) -> None:
    with pytest.raises(mg.InputError, match=r"\(0, 13\) holds no reflection of the parent to scale"):
        mg.LatticeDiffraction(space_3of24, two_theta_range=(0, 13), resolution="resolved")
    unscaled = mg.LatticeDiffraction(space_3of24, two_theta_range=(0, 13), resolution="resolved", scaled=False)
    assert unscaled.reference_intensity is None
    assert unscaled.peaks(next(space_3of24.orbits()).occupations).intensity.max() > 0


def test_an_interrupt_ends_a_long_call(cspbi3: Structure) -> None:
    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    space = ConfigurationSpace(cspbi3, (6, 6, 6), {"I": {"Br": 324}})
    diffraction = mg.LatticeDiffraction(space)
    rows = np.tile(oracle.random_rows(space, 100, seed=10), (1000, 1))  # seconds of work
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            diffraction.peaks(rows, num_threads=1, n_peaks=1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert time.perf_counter() - start < 1.2
