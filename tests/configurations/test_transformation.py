"""The transformation for pymatgen users: against published counts, brute force, and pymatgen's own classes."""

from __future__ import annotations

import itertools
import json
import logging
from collections import Counter, defaultdict

import numpy as np
import pytest
from monty.json import MontyDecoder, MontyEncoder
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.superlattices import hermite_normal_forms

# Some parts of pymatgen are imported by the tests that need them: they take seconds (one imports icet), and every
# worker of pytest imports every file.
FCC = Lattice([[0, 1.85, 1.85], [1.85, 0, 1.85], [1.85, 1.85, 0]])
ALL = 10**9


def alloy(share):
    return Structure(FCC, [{"Cu": 1 - share, "Au": share}], [[0, 0, 0]])


def charged_perovskite():
    """Cs Sn/Pb I3 with tin and lead of different charge: 2x2x2 has the six arrangements."""
    parent = mg.perovskite("CsPbI3", a=6.289)
    parent.add_oxidation_state_by_element({"Cs": 1, "Pb": 2, "I": -1})
    parent.replace(1, {"Sn2+": 0.5, "Pb2+": 0.5})
    parent.replace(0, {"Cs+": 0.5, "Ba2+": 0.5})
    parent.replace(2, {"I-": 0.5, "O2-": 0.5})
    return parent


def ranked(structure, *sizes, number=ALL, **options):
    transformation = mg.EnumerateOrbitsTransformation(*sizes, **{"symm_prec": 0.01, **options})
    return transformation.apply_transformation(structure, return_ranked_list=number)


@pytest.mark.parametrize(("volume", "expected"), [(2, 2), (3, 3), (5, 14), (7, 52)])
def test_derivative_structures_of_fcc_are_those_of_hart_and_forcade(volume, expected):
    # At a prime volume nothing is superperiodic, and compositions k and volume - k are the exchanged labels.
    entries = [e for k in range(1, volume // 2 + 1) for e in ranked(alloy(k / volume), 1, volume)]
    assert {entry["num_sites"] for entry in entries} == {volume}
    assert len(entries) == expected


def test_every_arrangement_is_counted_once_in_the_multiplicities():
    of_size = Counter()
    for entry in ranked(alloy(0.5), 1, 4):
        of_size[entry["num_sites"]] += entry["multiplicity"]
    # 7 superlattices of 2 cells with 2 arrangements each; 35 of 4 cells with 6, less those that repeat in 2 cells: a
    # superlattice of index 4 has one intermediate lattice (28 cyclic ones) or three (7 of the Klein kind).
    assert of_size == {2: 14, 4: 35 * 6 - (28 * 1 + 7 * 3) * 2}


MATCHER = StructureMatcher(ltol=0.001, stol=0.01, angle_tol=0.1, primitive_cell=False, scale=False)


def by_brute_force(structure, size):
    """All orderings on all superlattices, grouped by StructureMatcher; those that repeat in a smaller cell left out."""
    groups = defaultdict(list)
    for matrix in hermite_normal_forms(size):
        cell = structure.make_supercell(matrix, in_place=False)
        sublattices = defaultdict(list)
        for i, site in enumerate(cell):
            if not site.is_ordered:
                sublattices[site.species].append(i)
        for ordering in itertools.product(*(arrangements(s, sites) for s, sites in sublattices.items())):
            ordered = cell.copy()
            for site, species in itertools.chain(*ordering):
                ordered.replace(site, species or "X0+")
            ordered.remove_species(["X0+"])
            alike = groups[pair_distances(ordered)]
            if not any(MATCHER.fit(ordered, other) for other in alike):
                alike.append(ordered)
    distinct = itertools.chain(*groups.values())
    return [ordered for ordered in distinct if len(ordered.get_primitive_structure()) == len(ordered)]


def pair_distances(structure):
    """Distances and species of the pairs up to 4.5 angstrom: equal for equal crystals, so that few need matching."""
    first, second, _, distances = structure.get_neighbor_list(4.5)
    names = [site.species_string for site in structure]
    pairs = ((names[i], names[j], round(d, 2)) for i, j, d in zip(first, second, distances, strict=True))
    return frozenset(Counter(pairs).items())


def arrangements(species, sites):
    """All ways to put the species of one sublattice on its sites, as lists of (site, species)."""
    names = [specie for specie, share in species.items() for _ in range(round(share * len(sites)))]
    names += [None] * (len(sites) - len(names))
    for choice in set(itertools.permutations(names)):
        yield list(zip(sites, choice, strict=True))


LAYERED = Structure.from_spacegroup(
    "R-3m", Lattice.hexagonal(2.8, 14.0), [{"Li": 0.5}, "Co", "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.24]]
).get_primitive_structure()
RUTILE = Structure.from_spacegroup(
    "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", {"O": 0.75, "F": 0.25}], [[0, 0, 0], [0.305, 0.305, 0]]
)
WURTZITE = Structure.from_spacegroup(
    "P6_3mc",
    Lattice.hexagonal(3.1123, 4.9871),
    [{"Ga": 0.5, "Al": 0.5}, {"N": 0.5, "P": 0.5}],
    [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.375]],
)


@pytest.mark.parametrize(("structure", "size"), [(alloy(0.5), 4), (LAYERED, 2), (RUTILE, 1), (WURTZITE, 2)])
def test_orderings_equal_brute_force(structure, size):
    found = [entry["structure"] for entry in ranked(structure, size, size)]
    expected = by_brute_force(structure, size)
    assert len(found) == len(expected)
    left = list(expected)
    for ordering in found:
        assert ordering.is_ordered
        (match,) = [i for i, other in enumerate(left) if MATCHER.fit(ordering, other)]
        left.pop(match)


def test_the_cell_as_given_is_ordered_even_if_it_is_not_primitive():
    parent = mg.perovskite("CsPbI3", a=6.289).make_supercell([2, 2, 2], in_place=False)
    for i in range(8, 16):
        parent.replace(i, {"Sn": 0.5, "Pb": 0.5})
    entries = ranked(parent)
    assert sorted(entry["multiplicity"] for entry in entries) == [2, 6, 6, 8, 24, 24]
    assert all(np.allclose(e["structure"].lattice.matrix, parent.lattice.matrix) for e in entries)


def test_the_ranking_is_by_electrostatic_energy_per_site_as_pymatgen_sums_it():
    from pymatgen.analysis.ewald import EwaldSummation

    entries = ranked(charged_perovskite(), 1, 2)
    assert {entry["num_sites"] for entry in entries} == {10}
    for entry in entries:
        expected = EwaldSummation(entry["structure"]).total_energy
        assert entry["energy"] == pytest.approx(expected, abs=1e-6)
    per_site = [entry["energy"] / entry["num_sites"] for entry in entries]
    assert np.diff(per_site).min() > -1e-8
    assert np.ptp(per_site) > 0.1


def test_the_best_ordering_is_that_of_pymatgens_complete_search():
    from pymatgen.transformations.standard_transformations import OrderDisorderedStructureTransformation

    structure = charged_perovskite().make_supercell([1, 1, 2], in_place=False)
    complete = OrderDisorderedStructureTransformation().apply_transformation(structure, return_ranked_list=1)
    entries = ranked(structure)
    assert entries[0]["energy"] == pytest.approx(complete[0]["energy"], abs=1e-5)
    assert ranked(structure, number=False) == entries[0]["structure"]


def test_a_shorter_list_is_the_head_of_the_whole_one():
    for options in ({}, {"sort_criteria": "nsites"}, {"sort_criteria": volume_of_bonds}):
        whole = ranked(charged_perovskite(), 1, 2, **options)
        for number in (1, 3, len(whole), len(whole) + 5):
            assert ranked(charged_perovskite(), 1, 2, number=number, **options) == whole[:number]


def volume_of_bonds(structure):
    """A criterion of a user: returns a structure of its own and an energy."""
    relaxed = structure.copy()
    relaxed.scale_lattice(structure.volume * 1.1)
    tin = [site for site in structure if site.specie.symbol == "Sn"]
    return relaxed, float(sum(site.coords.sum() for site in tin))


def test_a_function_ranks_and_may_change_the_structure():
    entries = ranked(charged_perovskite(), 1, 2, sort_criteria=volume_of_bonds)
    assert len(entries) == len(ranked(charged_perovskite(), 1, 2))
    energies = [entry["energy"] for entry in entries]
    assert np.diff(energies).min() > -1e-6
    assert energies[0] < energies[-1]
    assert entries[0]["structure"].volume == pytest.approx(2 * 6.289**3 * 1.1)


def test_without_oxidation_states_fewer_sites_come_first_and_no_energy_is_given():
    entries = ranked(alloy(0.5), 1, 4)
    assert [entry["num_sites"] for entry in entries] == [2] * 2 + [4] * 5
    assert all("energy" not in entry for entry in entries)


def test_species_of_one_element_with_different_charges_are_ordered_and_properties_are_kept():
    magnetite = Structure(
        Lattice.cubic(4.2),
        [{"Fe2+": 0.5, "Fe3+": 0.25}, "O2-"],
        [[0, 0, 0], [0.5, 0.5, 0.5]],
        site_properties={"magmom": [4.5, 0.0]},
    )
    entries = ranked(magnetite, 4, 4)
    for entry in entries:
        structure = entry["structure"]
        assert Counter(str(site.specie) for site in structure) == {"Fe2+": 2, "Fe3+": 1, "O2-": 4}
        assert [site.properties["magmom"] for site in structure] == [4.5] * 3 + [0.0] * 4
        assert entry["num_sites"] == 7
    assert len({round(entry["energy"], 5) for entry in entries}) > 1


def test_dummy_species_and_neutral_elements_may_be_mixed():
    structure = Structure(Lattice.cubic(4), [{"X2+": 0.5, "Fe": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    entries = ranked(structure, 2, 2)
    assert len(entries) == 3  # doubled along a, along a face's and along the body's diagonal
    assert all({str(s.specie) for s in e["structure"]} == {"X2+", "Fe", "O"} for e in entries)


def test_max_disordered_sites_takes_the_smallest_size_that_can_be_ordered(caplog):
    with caplog.at_level(logging.INFO, "matganip"):
        entries = ranked(alloy(1 / 3), 1, None, max_disordered_sites=7)
    assert {entry["num_sites"] for entry in entries} == {3}
    assert "3 orderings on 3 cells" in caplog.text
    with pytest.raises(mg.InputError, match="max_disordered_sites=1: 2 cells have 2 disordered sites"):
        ranked(alloy(0.5), 2, None, max_disordered_sites=1)


def test_refining_finds_the_conventional_cell():
    skewed = LAYERED.copy()
    entries = ranked(skewed, 1, 2, refine_structure=True)
    assert len(skewed.get_primitive_structure()) == 4
    assert {entry["num_sites"] for entry in entries} == {21}  # 3 formula units, twice: 6 CoO2 and 3 Li


def test_supercells_have_short_vectors():
    for entry in ranked(alloy(1 / 7), 7, 7):
        lengths = entry["structure"].lattice.abc
        assert entry["structure"].lattice.volume == pytest.approx(7 * FCC.volume)
        assert np.prod(lengths) < 3 * 7 * FCC.volume


def test_it_goes_where_pymatgens_one_to_many_transformations_go():
    from pymatgen.alchemy.materials import TransformedStructure
    from pymatgen.alchemy.transmuters import StandardTransmuter

    transformation = mg.EnumerateOrbitsTransformation(1, 2, 0.01)
    assert transformation.is_one_to_many
    assert transformation.inverse is None
    history = TransformedStructure(charged_perovskite(), [])
    alternatives = history.append_transformation(transformation, return_alternatives=3)
    assert len(alternatives) == 2
    assert history.final_structure.is_ordered
    assert history.history[-1]["@class"] == "EnumerateOrbitsTransformation"
    transmuter = StandardTransmuter([TransformedStructure(alloy(0.5))], [transformation], extend_collection=10)
    assert [len(t.final_structure) for t in transmuter.transformed_structures] == [2, 2]


def test_it_takes_the_arguments_of_pymatgens_and_survives_json():
    from pymatgen.transformations.advanced_transformations import EnumerateStructureTransformation

    ours = mg.EnumerateOrbitsTransformation(1, 3, 0.05, True, sort_criteria="nsites", timeout=2.0)
    theirs = EnumerateStructureTransformation(1, 3, 0.05, True, sort_criteria="nsites", timeout=2.0)
    for name in ("min_cell_size", "max_cell_size", "symm_prec", "refine_structure", "sort_criteria", "timeout"):
        assert getattr(ours, name) == getattr(theirs, name)
    again = mg.EnumerateOrbitsTransformation.from_dict(ours.as_dict())
    assert vars(again) == vars(ours)
    decoded = json.loads(json.dumps(ours, cls=MontyEncoder), cls=MontyDecoder)
    assert isinstance(decoded, mg.EnumerateOrbitsTransformation)
    assert vars(decoded) == vars(ours)


def test_an_ordered_structure_is_returned_with_a_warning():
    ordered = mg.perovskite("CsPbI3", a=6.289)
    with pytest.warns(UserWarning, match="is ordered already"):
        assert ranked(ordered, number=False) == ordered
    with pytest.warns(UserWarning, match="is ordered already"):
        (entry,) = ranked(ordered, number=5)
    assert entry["num_sites"] == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_disordered_sites": 4}, "one of max_cell_size and max_disordered_sites"),
        ({"max_cell_size": None}, "one of max_cell_size and max_disordered_sites"),
        ({"min_cell_size": 0}, "1 <= min <= max"),
        ({"min_cell_size": 3, "max_cell_size": 2}, "1 <= min <= max"),
        ({"sort_criteria": "m3gnet"}, "'ewald', 'nsites' or a function is needed, got 'm3gnet'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(mg.InputError, match=message):
        mg.EnumerateOrbitsTransformation(**arguments)


def test_sizes_that_cannot_be_ordered_are_named():
    with pytest.raises(mg.InputError, match=r"no supercell of 1 to 2 cells can be ordered: .* supercells that work"):
        ranked(alloy(1 / 3), 1, 2)
    with pytest.raises(ValueError, match="no supercell of 2 to 2 cells"):  # as pymatgen's raises
        ranked(alloy(1 / 3), 2, 2)


def test_a_timeout_stops_the_enumeration():
    with pytest.raises(TimeoutError, match="longer than 0 minutes"):
        ranked(alloy(0.5), 1, 8, timeout=0)
