from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import oracle_derivatives as oracle
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.errors import InputError

KNOWN = json.loads((Path(__file__).parent / "orbit_counts.json").read_text())["superlattices"]

FCC = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ni"], [[0, 0, 0]])
FCC_CONVENTIONAL = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4), ["Ni"], [[0, 0, 0]])
SC = Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]])
HCP = Structure(Lattice.hexagonal(3.21, 5.21), ["Mg", "Mg"], [[1 / 3, 2 / 3, 1 / 4], [2 / 3, 1 / 3, 3 / 4]])
ROCK_SALT = Structure(FCC.lattice, ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
ZINC_BLENDE = Structure(FCC.lattice, ["Ga", "As"], [[0, 0, 0], [0.25, 0.25, 0.25]])
NI_AL = {"Ni": ["Ni", "Al"]}


def _counts(parent, species, max_volume, **options):
    found = Counter()
    for batch in mg.derivative_structures(parent, species, max_volume, **options):
        found[batch.superlattice.volume] += len(batch)
    return [found[volume] for volume in range(1, max_volume + 1)]


# -- published and independent counts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parent", "species", "options"),
    [
        ("fcc_binary_label_exchange_removed", FCC, NI_AL, {"exchange_labels": True}),
        ("fcc_binary_full", FCC, NI_AL, {}),
        ("sc_binary_full", SC, {"Po": ["Po", "Bi"]}, {}),
    ],
)
def test_counts_are_the_published_ones(name, parent, species, options):
    volumes = KNOWN[name]["volumes"]
    assert _counts(parent, species, volumes[-1], **options)[volumes[0] - 1 :] == KNOWN[name]["counts"]


@pytest.mark.parametrize(
    ("parent", "species", "exchange_labels", "counts"),
    [  # dsenum 0.4.4
        (HCP, {"Mg": ["Mg", "Al"]}, False, [3, 10, 50, 270, 651]),
        (HCP, {"Mg": ["Mg", "Al"]}, True, [2, 7, 30, 163, 366]),
        (HCP, {"Mg": ["Mg", "Al", "Zn"]}, False, [6, 51, 450]),
        (HCP, {"Mg": ["Mg", "Al", "Zn"]}, True, [2, 14, 102]),
        (SC, {"Po": ["Po", "Bi", "Pb"]}, False, [3, 9, 21, 126, 165, 1027]),
        (SC, {"Po": ["Po", "Bi", "Pb"]}, True, [1, 3, 6, 33, 37, 234]),
    ],
)
def test_counts_are_those_of_another_program(parent, species, exchange_labels, counts):
    assert _counts(parent, species, len(counts), exchange_labels=exchange_labels) == counts


@pytest.mark.parametrize("superperiodic", [False, True])
@pytest.mark.parametrize(
    ("parent", "species", "n_species", "max_volume"),
    [
        (FCC, NI_AL, [2], 5),
        (FCC, {"Ni": ["Ni", "Al", "vac"]}, [3], 4),
        (HCP, {"Mg": ["Mg", "Zn"]}, [2, 2], 3),
        (ROCK_SALT, {"Mg": ["Mg", "Ca"], "O": ["O", "S"]}, [2, 2], 3),
        (ZINC_BLENDE, {"As": ["P", "As", "Sb"], "Ga": ["Ga", "In"]}, [2, 3], 2),
        (ZINC_BLENDE, {"As": ["As", "Sb"]}, [1, 2], 4),
    ],
    ids=["fcc", "fcc ternary", "hcp", "rock salt", "zinc blende", "one sublattice"],
)
def test_counts_are_those_of_brute_force(parent, species, n_species, max_volume, superperiodic):
    expected = [oracle.count_derivatives(parent, n_species, v, superperiodic) for v in range(1, max_volume + 1)]
    assert _counts(parent, species, max_volume, superperiodic=superperiodic) == expected


@pytest.mark.parametrize(("n_labels", "volume", "number"), [(2, 5, 14), (3, 3, 3), (3, 4, 13), (4, 4, 7)])
def test_labels_all_used_and_interchangeable_are_counted_without_listing(n_labels, volume, number):
    """fcc: 3, 13, 23, 130, 197, 1267 ternaries (volumes 3 to 8) and 7, 9, 110, 211 quaternaries by the same count."""
    species = {"Ni": ["Ni", "Al", "Cu", "Fe"][:n_labels]}
    assert oracle.count_by_burnside(FCC, n_labels, volume) == number
    options = {"exchange_labels": True, "all_species": True}
    assert _counts(FCC, species, volume, **options)[volume - 1] == number


@pytest.mark.parametrize("superperiodic", [False, True])
@pytest.mark.parametrize(
    ("parent", "n_species", "max_volume"), [(FCC, [2], 5), (FCC, [3], 4), (HCP, [2, 2], 3)], ids=["2", "3", "hcp"]
)
def test_interchangeable_labels_are_those_of_brute_force(parent, n_species, max_volume, superperiodic):
    species = {parent[0].species_string: ["Cu", "Au", "Pd"][: n_species[0]]}
    options = {"superperiodic": superperiodic, "exchange_labels": True}
    expected = [oracle.count_derivatives(parent, n_species, v, **options) for v in range(1, max_volume + 1)]
    assert _counts(parent, species, max_volume, **options) == expected


@pytest.mark.parametrize(
    ("parent", "species", "colourings_of_a_cell"),
    [
        (FCC, NI_AL, 2),
        (FCC, {"Ni": ["Ni", "Al", "Cu"]}, 3),
        (HCP, {"Mg": ["Mg", "Zn"]}, 4),
        (ROCK_SALT, {"Mg": ["Mg", "Ca"], "O": ["O", "S", "Se"]}, 6),
    ],
    ids=["fcc", "fcc ternary", "hcp", "rock salt"],
)
def test_all_equivalent_arrangements_together_are_all_periodic_colourings(parent, species, colourings_of_a_cell):
    """Each colouring of a superlattice of index n has exactly one lattice of periods, of an index m that divides n.

    So the c^n colourings of all s(n) superlattices are the sum over m of (colourings with exactly such periods) times
    s(n/m), the number of superlattices within one of index m.
    """
    exact = Counter()
    for batch in mg.derivative_structures(parent, species, 6 if len(parent) == 1 else 4):
        exact[batch.superlattice.volume] += batch.superlattice.multiplicity * int(batch.multiplicity.sum())
    for n in sorted(exact):
        sublattices = {m: len(oracle.sublattices_of_index(n // m)) for m in range(1, n + 1) if n % m == 0}
        assert sum(exact[m] * number for m, number in sublattices.items()) == sublattices[1] * colourings_of_a_cell**n


def test_pymatgen_finds_the_same_structures_up_to_volume_three():
    """Every colouring of every superlattice is, as a crystal, one of those listed, and they all differ."""
    listed = [s for batch in mg.derivative_structures(FCC, NI_AL, 3) for s in batch.structures()]
    matcher = StructureMatcher(scale=False)
    assert len(matcher.group_structures(listed)) == len(listed) == 10
    every = []
    for volume in (1, 2, 3):
        for matrix in oracle.sublattices_of_index(volume):
            supercell = FCC.make_supercell(matrix, in_place=False)
            every += [
                Structure(supercell.lattice, names, supercell.frac_coords)
                for names in itertools.product(["Ni", "Al"], repeat=volume)
            ]
    assert len(every) == 2 + 7 * 4 + 13 * 8
    assert len(matcher.group_structures(every)) == len(listed)


def test_all_structures_up_to_volume_four_differ():
    listed = [s for batch in mg.derivative_structures(FCC, NI_AL, 4) for s in batch.structures()]
    assert len(StructureMatcher(scale=False).group_structures(listed)) == len(listed) == 29


# -- what a batch says ---------------------------------------------------------------------------------------------


def test_batches_come_by_shape_and_composition():
    batches = list(mg.derivative_structures(FCC, NI_AL, 5))
    shapes = mg.superlattices(FCC, 5)
    order = [(b.superlattice.volume, b.superlattice.matrix.tolist(), -_number_of(b, "Ni")) for b in batches]
    assert order == sorted(order)
    assert {str(b.superlattice.matrix) for b in batches} == {str(s.matrix) for s in shapes}
    for batch in batches:
        assert len(batch) > 0
        assert (batch.space.supercell_matrix == batch.superlattice.matrix).all()
        again = batch.space.canonical(batch.occupations)
        assert (again.occupations == batch.occupations).all()
        assert (again.multiplicity == batch.multiplicity).all()


def _number_of(batch, name):
    (species,), (counts,) = batch.space.species, batch.space.counts
    return counts[species.index(name)]


def test_batch_size_and_threads_change_nothing():
    def rows(**options):
        return [
            (b.superlattice.volume, row.tolist(), int(m))
            for b in mg.derivative_structures(FCC, NI_AL, 7, exchange_labels=True, **options)
            for row, m in zip(b.occupations, b.multiplicity, strict=True)
        ]

    assert rows() == rows(batch_size=3, num_threads=1) == rows(batch_size=1, num_threads=2)


def test_min_volume_leaves_out_what_is_smaller():
    assert _counts(FCC, NI_AL, 5, min_volume=4) == [0, 0, 0, 19, 28]


def test_a_fixed_ratio_gives_the_part_with_that_composition():
    expected = Counter()
    for batch in mg.derivative_structures(FCC, NI_AL, 8):
        if 4 * _number_of(batch, "Al") == batch.superlattice.volume:
            expected[batch.superlattice.volume] += len(batch)
    found = _counts(FCC, {"Ni": {"Ni": 3, "Al": 1}}, 8)
    assert found == [expected[v] for v in range(1, 9)]
    assert [v for v, n in enumerate(found, 1) if n] == [4, 8]
    # Among the seven of volume four are L1_2 (Cu3Au, Pm-3m) and D0_22 (TiAl3, I4/mmm).
    numbers = {
        s.get_space_group_info()[1]
        for b in mg.derivative_structures(FCC, {"Ni": {"Ni": 3, "Al": 1}}, 4)
        for s in b.structures()
    }
    assert {221, 139} <= numbers


def test_at_one_half_interchangeable_labels_merge_an_arrangement_with_its_negative():
    half = {"Ni": {"Ni": 1, "Al": 1}}
    full = own_negative = 0
    for batch in mg.derivative_structures(FCC, half, 8, 8):
        negatives = batch.space.canonical(1 - batch.occupations).occupations
        own_negative += int((negatives == batch.occupations).all(axis=1).sum())
        full += len(batch)
    exchanged = sum(len(batch) for batch in mg.derivative_structures(FCC, half, 8, 8, exchange_labels=True))
    assert own_negative < full
    assert 2 * exchanged == full + own_negative  # Burnside's lemma for the exchange


def test_superperiodic_ones_are_what_is_left_out():
    without = _counts(FCC, NI_AL, 6)
    both = _counts(FCC, NI_AL, 6, superperiodic=True)
    assert all(b > w for b, w in zip(both[1:], without[1:], strict=True))
    for batch in mg.derivative_structures(FCC, NI_AL, 6):
        for structure in batch.structures():
            assert len(structure.get_primitive_structure()) == batch.superlattice.volume


def test_vacancies_leave_sites_empty():
    sizes = Counter(
        len(structure)
        for batch in mg.derivative_structures(ROCK_SALT, {"Mg": ["Mg", "vac"]}, 2)
        for structure in batch.structures()
    )
    assert sizes == {2: 1, 1: 1, 3: 2}  # MgO; O alone; two ways to leave out every second Mg


# -- parents that are not primitive --------------------------------------------------------------------------------


def test_a_conventional_cell_gives_what_its_primitive_cell_gives():
    assert _counts(FCC_CONVENTIONAL, NI_AL, 8) == KNOWN["fcc_binary_full"]["counts"][:8]
    assert _counts(HCP * (1, 1, 2), {"Mg": ["Mg", "Al"]}, 3) == [3, 10, 50]


def test_sublattices_named_by_site_decide_what_is_primitive():
    # One corner of the conventional cell: the parent is now simple cubic, with three Ni that stay.
    shapes = list(mg.derivative_structures(FCC_CONVENTIONAL, {(0,): ["Ni", "Al"]}, 5))
    assert len(shapes[0].space.parent) == 4
    assert _counts(FCC_CONVENTIONAL, {(0,): ["Ni", "Al"]}, 5) == KNOWN["sc_binary_full"]["counts"][:5]
    # All four sites by number are the fcc sublattice again, and so are those of a doubled rock-salt cell.
    assert _counts(FCC_CONVENTIONAL, {(0, 1, 2, 3): ["Ni", "Al"]}, 5) == KNOWN["fcc_binary_full"]["counts"][:5]
    doubled = ROCK_SALT * (2, 1, 1)
    magnesium = tuple(i for i, site in enumerate(doubled) if site.species_string == "Mg")
    assert _counts(doubled, {magnesium: ["Mg", "Ca"]}, 5) == KNOWN["fcc_binary_full"]["counts"][:5]


# -- what makes no sense -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("species", "message"),
    [
        ({}, "species: none given"),
        ({"Ni": ["Al"]}, "two species or more"),
        ({"Ni": "AlNi"}, "two species or more"),
        ({"Ni": ["Al", "Al"]}, "given twice"),
        ({"Cu": ["Cu", "Al"]}, "the parent has no Cu"),
        ({"Ni": ["Ni", "Xy"]}, "'Xy' is not an element"),
        ({"Ni": ["Ni", "Al"], (0,): ["Ni", "Al"]}, "two sublattices"),
        ({"Ni": {"Ni": 0, "Al": 0}}, "a ratio is made of whole numbers"),
        ({"Ni": {"Ni": 0.75, "Al": 0.25}}, "a ratio is made of whole numbers"),
        ({"Ni": {"Ni": -1, "Al": 2}}, "a ratio is made of whole numbers"),
    ],
)
def test_species_that_make_no_sense_are_named_at_once(species, message):
    with pytest.raises(InputError, match=message):
        mg.derivative_structures(FCC, species, 2)


def test_options_that_make_no_sense_are_named_at_once():
    with pytest.raises(InputError, match="max_volume"):
        mg.derivative_structures(FCC, NI_AL, 0)
    with pytest.raises(InputError, match="batch_size must be positive"):
        mg.derivative_structures(FCC, NI_AL, 2, batch_size=0)


def test_relabelled_rows_match_a_slow_twin():
    """For three labels in equal numbers, the row given is the first of all relabelled orbits."""
    for batch in mg.derivative_structures(FCC, {"Ni": {"Ni": 1, "Al": 1, "Cu": 1}}, 6, exchange_labels=True):
        for row in batch.occupations:
            smallest = set()
            for labels in itertools.permutations(range(3)):
                relabelled = np.array(labels, dtype=np.uint8)[row]
                smallest.add(tuple(batch.space.canonical(relabelled[np.newaxis]).occupations[0].tolist()))
            assert tuple(row.tolist()) == min(smallest)
