from __future__ import annotations

import json
from math import comb
from pathlib import Path

import numpy as np
import pytest

import matganip as mg
from matganip.configurations import counting
from matganip.configurations.cycles import elements_by_cycle_type, multinomial

KNOWN = json.loads((Path(__file__).parent / "orbit_counts.json").read_text())["counts"]
SINGLE = {name: entry for name, entry in KNOWN.items() if entry.get("comp")}


def _space(parent, name):
    """The space that an entry of the table names: '2x2x2 B 4/8 + X 6/24' and the like."""
    entry = KNOWN[name]
    supercell = tuple(int(n) for n in name.split()[0].split("x"))
    dopants = {"X": ("I", ["Br", "Cl"]), "B": ("Pb", ["Sn", "Ge"])}
    letters = [part for part in name.split() if part in dopants]
    substitutions = {}
    for letter, counts in zip(letters, entry["comp"], strict=True):
        host, names = dopants[letter]
        substitutions[host] = dict(zip(names, counts[:-1], strict=False))
    return mg.ConfigurationSpace(parent, supercell, substitutions)


@pytest.mark.parametrize("name", SINGLE)
def test_burnside_count_is_the_independent_one(cspbi3, name):
    space = _space(cspbi3, name)
    assert space.count_orbits() == KNOWN[name]["orbits"]
    if "raw" in KNOWN[name]:
        assert space.n_configurations == KNOWN[name]["raw"]


@pytest.mark.parametrize("name", [n for n, e in SINGLE.items() if e["orbits"] < 10**6])
def test_enumeration_gives_as_many_orbits_as_burnside(cspbi3, name):
    space = _space(cspbi3, name)
    multiplicity = np.concatenate([batch.multiplicity for batch in space.orbits()])
    assert len(multiplicity) == KNOWN[name]["orbits"]
    assert int(multiplicity.sum()) == space.n_configurations
    if "degeneracy_histogram" in KNOWN[name]:
        sizes, numbers = np.unique(multiplicity, return_counts=True)
        found = dict(zip(map(str, sizes.tolist()), numbers.tolist(), strict=True))
        assert found == KNOWN[name]["degeneracy_histogram"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2x2x2 X 8/8/8", "2x2x3 X 12/36"])
def test_millions_of_orbits_are_all_there(cspbi3, name):
    space = _space(cspbi3, name)
    assert sum(len(batch) for batch in space.orbits()) == KNOWN[name]["orbits"]


def test_the_table_of_all_compositions_agrees_with_each_one(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 6}})
    table = space.count_orbits(all_compositions=True)
    assert sum(table.values()) == KNOWN["2x2x2 X all binary (sum k=0..24)"]["orbits"]
    for k in range(25):
        single = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": k}})
        assert table[((k, 24 - k),)] == single.count_orbits()


def test_the_table_spans_species_and_sublattices(cspbi3):
    ternary = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 8, "Cl": 8}})
    table = ternary.count_orbits(all_compositions=True)
    assert table[((8, 8, 8),)] == 25_361_766
    assert table[((3, 3, 18),)] == table[((3, 18, 3),)] == 9138
    both = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"Pb": {"Sn": 4}, "I": {"Br": 6}})
    table = both.count_orbits(all_compositions=True)
    assert (table[((4, 4), (3, 21))], table[((4, 4), (12, 12))]) == (836, 580_852)
    assert table[((0, 8), (6, 18))] == 603


def test_counts_are_python_integers_of_any_size(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (3, 3, 3), {"I": {"Br": 27, "Cl": 27}})
    assert type(space.count_orbits()) is int
    assert type(space.n_configurations) is int
    assert space.n_configurations == comb(81, 27) * comb(54, 27)


def test_a_set_that_is_no_group_is_noticed():
    swap_and_cycle = np.array([[0, 1, 2], [1, 0, 2], [1, 2, 0]], dtype=np.uint16)
    with pytest.raises(ArithmeticError, match="not a group"):
        counting.count_orbits(elements_by_cycle_type(swap_and_cycle, [3]), [[1, 2]])


def test_multinomial():
    assert multinomial([3, 21]) == 2024
    assert multinomial([0, 0]) == 1
    assert multinomial([2, 2, 2]) == 90
