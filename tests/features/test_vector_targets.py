"""What each vector target computes, through the package: forced, and the same numbers but for rounding."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import matganip as mg
from matganip import _core
from matganip.versions import vector_targets, versions

TARGETS = vector_targets()


@pytest.fixture
def use_target():
    before = mg.vector_target()
    yield _core.use_vector_target
    _core.use_vector_target(before)


def run(target: str) -> subprocess.CompletedProcess[str]:
    code = "import matganip; print(matganip.vector_target())"
    environment = {**os.environ, "MATGANIP_TARGET": target}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_the_environment_forces_a_target():
    assert run(TARGETS[-1]).stdout.strip() == TARGETS[-1]
    assert run("").stdout.strip() == TARGETS[0]


def test_an_unknown_target_is_refused_by_name():
    done = run("avx")
    assert done.returncode != 0
    assert f"vector target avx does not run here; these do: {', '.join(TARGETS)}" in done.stderr


def test_versions_name_the_target(use_target):
    for target in TARGETS:
        use_target(target)
        assert versions()["vectors"] == mg.vector_target() == target


@pytest.fixture(scope="module")
def space():
    return mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6, "Cl": 4}})


def results(space, threads: int) -> dict[str, np.ndarray]:
    """What kernels make of the same arrangements."""
    rows = space.sample_orbits(101, seed=1).occupations
    found = {"orbits": next(space.orbits()).occupations[:1000]}
    lattice = mg.LatticeDiffraction(space, order=3, resolution="resolved", vertices=6)
    found["lattice"] = lattice.peaks(rows, threads).intensity
    found["matrices"] = mg.LatticeDiffraction(space).graph_matrices(rows, num_threads=threads)
    rng = np.random.default_rng(0)
    crystals = [crystal.perturb(0.01, seed=3) for crystal in space.sample_orbits(3, seed=0).structures()]
    for crystal in crystals[1:]:
        crystal.add_site_property("U11_cif", rng.uniform(0.01, 0.02, len(crystal)))
        for name in ("U22_cif", "U33_cif", "U23_cif", "U13_cif", "U12_cif"):
            crystal.add_site_property(name, np.full(len(crystal), 0.012 if name[1] == name[2] else 0.001))
    powder = mg.PowderDiffraction("CuKa", merge="pymatgen")
    found["powder"] = np.concatenate([one.intensity for one in powder.patterns(crystals, num_threads=threads)])
    found["angles"] = np.concatenate([one.two_theta for one in powder.patterns(crystals, num_threads=threads)])
    kernel = _core.RationalKernel(
        slope=rng.normal(size=(1, 9)), centres=rng.normal(size=(37, 9)), coefficients=rng.normal(size=(37, 1)), near=0.3
    )
    found["readout"] = kernel.predict(rng.normal(size=(101, 9)), num_threads=threads)
    return found


def test_targets_agree_but_for_rounding(space, use_target):
    def made(target: str) -> dict[str, np.ndarray]:
        use_target(target)
        return results(space, 1)

    expected = made(TARGETS[-1])
    for target in TARGETS[:-1]:
        for name, values in made(target).items():
            ulp = np.finfo(values.dtype).eps if values.dtype.kind == "f" else 0.0
            # Units in the last place of the largest value; angles are rounded by libm where pymatgen's are.
            tolerance = {"orbits": 0, "angles": 0, "matrices": 4}.get(name, 256) * ulp * np.abs(values).max()
            assert values.shape == expected[name].shape
            assert np.abs(values - expected[name]).max() <= tolerance, (target, name)


@pytest.mark.parametrize("target", TARGETS)
def test_threads_do_not_change_a_byte_of_any_target(space, use_target, target):
    use_target(target)
    one, three = results(space, 1), results(space, 3)
    assert all(one[name].tobytes() == three[name].tobytes() for name in one)
