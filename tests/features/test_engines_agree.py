"""The two engines, which share no line of the sums, give the same patterns."""

from __future__ import annotations

import diffraction_oracle as oracle
import numpy as np
import pytest

import matganip as mg

SPACES = oracle.spaces()


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(
    ("radiation", "two_theta_range"),
    [
        ("CuKa", (0, 90)),
        ("MoKa1", (5, 40)),
        (1.1, (20, 60)),
        ("neutron 1.54", (0, 90)),
        ("CuKa12", (0, 90)),
        (mg.Radiation.xray("CuKa", form_factors="waasmaier-kirfel", anomalous=True), (0, 90)),
        (mg.Radiation.xray("AgKa12", form_factors="international-tables", anomalous=True), (0, 30)),
    ],
    ids=["CuKa", "MoKa1", "wavelength", "neutrons", "doublet", "dispersion", "doublet with dispersion"],
)
def test_lattice_engine_gives_what_the_general_engine_gives(name: str, radiation, two_theta_range) -> None:
    space = SPACES[name]
    rows = oracle.random_rows(space, 4, seed=11)
    on_lattice = mg.LatticeDiffraction(space, radiation, two_theta_range).peaks(rows)
    structures = [space.structure(row) for row in rows]
    general = mg.PowderDiffraction(radiation).patterns(structures, two_theta_range)
    for i, pattern in enumerate(general):
        # Both leave out what is below a thousandth of a percent; a line just there may fall on either side.
        full = np.zeros(len(on_lattice.two_theta))
        column = np.abs(on_lattice.two_theta[:, None] - pattern.two_theta).argmin(axis=0)
        assert len(set(column)) == len(column)
        np.testing.assert_allclose(on_lattice.two_theta[column], pattern.two_theta, rtol=0, atol=1e-9)
        full[column] = pattern.intensity
        listed = np.isin(np.arange(len(full)), column)
        np.testing.assert_allclose(on_lattice.intensity[i, listed], full[listed], rtol=0, atol=1e-9)
        assert on_lattice.intensity[i, ~listed].max(initial=0) < 1.001e-3
