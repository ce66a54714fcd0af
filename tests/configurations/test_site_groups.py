"""Split sites in cells of any size: groups of sites counted like polynomials, against the transfer matrix."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations import colourings, site_groups
from matganip.configurations.exclusions import obeys
from matganip.configurations.site_groups import SiteGroups, TooEntangledError

LEAD = Structure.from_spacegroup("P4mm", Lattice.tetragonal(4.0, 4.1), [{"Pb": 0.25}], [[0.024, 0.024, 0]])
MIXED = Structure(
    Lattice.hexagonal(4, 5),
    [{"Li": 1 / 3}] * 3 + [{"Na": 0.5}] * 2 + [{"Fe": 0.5, "Mn": 0.5}],
    [[0.05, 0.1, 0], [0.9, 0.95, 0], [0.05, 0.95, 0], [0.5, 0.5, 0.22], [0.5, 0.5, 0.3], [1 / 3, 2 / 3, 0.5]],
)


@pytest.mark.parametrize(
    ("parent", "cells"), [(LEAD, (2, 2, 1)), (LEAD, (3, 1, 1)), (MIXED, (2, 1, 1)), (MIXED, (4, 1, 1))]
)
def test_counts_and_draws_are_those_of_the_transfer_matrix(parent, cells) -> None:
    space = mg.ConfigurationSpace(parent, cells, occupancy_tolerance=None)
    groups = SiteGroups(space.counts, space.exclusions)
    assert groups.count() == space.n_configurations > 1
    rows = groups.draw(400, np.random.default_rng(2))
    assert (space.checked_occupations(rows) == rows).all()
    seen = np.unique(rows, axis=0, return_counts=True)[1]
    n = space.n_configurations
    if n < 100:
        assert len(seen) == n
        assert ((seen - 400 / n) ** 2 / (400 / n)).sum() < n + 4 * np.sqrt(2 * n)


def test_a_cell_of_thousands_of_split_sites_is_drawn_from(monkeypatch) -> None:
    monkeypatch.setattr(colourings, "MOST_STATES", 1000)
    space = mg.ConfigurationSpace(LEAD, (5, 5, 5))
    assert not space.countable
    assert space.n_configurations == 4**125  # one of four positions in each cell
    drawn = space.sample_configurations(2, seed=1, canonical=False)
    assert obeys(drawn.occupations, space.exclusions).all()
    assert not (drawn.occupations[0] == drawn.occupations[1]).all()


def test_a_large_group_is_left_to_others(monkeypatch) -> None:
    distances = {"min_distance": {"Br-Br": 5.0}}
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 4}}, **distances)
    assert SiteGroups(space.counts, space.exclusions).count() == space.n_configurations == 714
    monkeypatch.setattr(site_groups, "MOST_LOCAL", 100)
    with pytest.raises(TooEntangledError):
        SiteGroups(space.counts, space.exclusions)
