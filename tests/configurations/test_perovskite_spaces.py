"""Arrangements of mixed perovskites from formulas alone."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg

# The MATGANIP paper: 70 ways to place 4 + 4 atoms on 8 B sites, 6 up to symmetry, and their point groups.
PAPER = {"Td": 2, "C3v": 8, "C4v": 6, "D2h": 6, "Cs": 24, "C2": 24}


def test_the_papers_double_perovskites_have_six_arrangements():
    space = mg.perovskite_space("Cs2AgBiBr6")
    batch = next(space.orbits())
    assert space.n_configurations == batch.multiplicity.sum() == 70
    assert len(batch) == 6
    rock_salt = mg.double_perovskite("Cs2AgBiBr6")
    matches = [structure.matches(rock_salt) for structure in batch.structures()]
    assert sum(matches) == 1
    assert batch.multiplicity[np.flatnonzero(matches)[0]] == 2
    assert (
        dict(zip(batch.cluster_point_groups().schoenflies.tolist(), batch.multiplicity.tolist(), strict=True)) == PAPER
    )
    # All B sites are alike before: the other formulas of figure 5 have the same six.
    for formula in ("Cs2SnTiI6", "Cs2InBiBr6", "Cs2TlSbBr6"):
        np.testing.assert_array_equal(next(mg.perovskite_space(formula).orbits()).occupations, batch.occupations)


def test_mixed_anions_and_cations():
    halides = mg.perovskite_space("CsPb(I0.875Br0.125)3", a=6.289)
    assert (halides.n_configurations, halides.count_orbits()) == (2024, 19)
    by_hand = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    np.testing.assert_array_equal(next(halides.orbits()).occupations, next(by_hand.orbits()).occupations)
    both = mg.perovskite_space("Cs0.5Rb0.5Pb0.5Sn0.5I3", (1, 1, 2))
    assert both.n_configurations == 2 * 2
    vacancies = mg.perovskite_space("Cs2SnI6")
    assert (vacancies.n_configurations, vacancies.count_orbits()) == (70, 6)
    assert {str(s.composition.formula) for s in next(vacancies.orbits()).structures()} == {"Cs8 Sn4 I24"}
    split = mg.perovskite_space("Sr3WO6")  # Sr on A stays
    assert split.n_configurations == 70
    matrix = mg.perovskite_space("Cs2AgBiBr6", [[1, 1, 0], [1, 0, 1], [0, 1, 1]])
    assert matrix.count_orbits() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CsPbI3",), "no site is mixed"),
        (("CsPb(I0.9Br0.1)3",), "21.6 I on the 24 X sites .* needs a multiple of 10 cells, and there are 8"),
        (("Cs2AgBiBr6", (1, 1, 1)), "0.5 Ag on the 1 B sites"),
        (("MAPb0.5Sn0.5I3",), "MA is a molecule"),
        (("Cs2AgBiBr6", (2, 2, 2), -5.0), "must be positive"),
    ],
)
def test_what_has_no_arrangements_is_named(arguments, message):
    with pytest.raises(mg.InputError, match=message):
        mg.perovskite_space(*arguments)
