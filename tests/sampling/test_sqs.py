"""Special quasirandom structures against icet's correlation functions and against every arrangement."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg
from matganip.errors import InputError
from matganip.features.lattice.correlations import CorrelationClusters, CorrelationMatch

FCC = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Au"], [[0, 0, 0]])


def random_alloy(space):
    """icet's target: a letter for each sublattice, in its order."""
    return {
        letter: {name: n / sum(counts) for name, n in zip(names, counts, strict=True)}
        for letter, names, counts in zip("AB", space.species, space.counts, strict=False)
    }


@pytest.mark.parametrize(
    ("species", "cell"),
    [({"Cu": 4}, (2, 2, 2)), ({"Cu": 2, "Pd": 3}, (2, 2, 2)), ({"Cu": 3, "Pd": 3, "Ni": 3, "Pt": 3}, (3, 3, 2))],
)
def test_correlations_and_scores_are_those_of_icet(species, cell):
    icet = pytest.importorskip("icet")
    from icet.tools.structure_generation import _get_sqs_cluster_vector
    from mchammer.calculators import compare_cluster_vectors

    space = mg.ConfigurationSpace(FCC, cell, {"Au": species})
    match = CorrelationMatch(space, CorrelationClusters.of(space, 5.0, 4.1))
    theirs = icet.ClusterSpace(AseAtomsAdaptor.get_atoms(FCC), [5.0, 4.1], ["Au", *species])
    target = _get_sqs_cluster_vector(theirs, random_alloy(space))
    batch = space.sample_configurations(3, canonical=False)
    n_points = sum(one["order"] < 2 for one in theirs.as_list)
    for row, structure in zip(batch.occupations, batch.structures(), strict=True):
        vector = theirs.get_cluster_vector(AseAtomsAdaptor.get_atoms(structure))
        ours = match.correlations(row[None])[0]
        assert np.allclose(np.sort(np.abs(ours)), np.sort(np.abs(vector[n_points:])), atol=1e-12)
        score = compare_cluster_vectors(vector, target, theirs.as_list, optimality_weight=1.0)
        assert match.scores(row[None])[0] == pytest.approx(score, abs=1e-12)


def test_the_exact_best_is_the_best_of_every_arrangement_of_every_shape():
    space = mg.ConfigurationSpace(FCC, (2, 2, 2), {"Au": {"Cu": 4}})
    found = mg.sqs(space, 4.1, 3.0, any_shape=True, n_shapes=100)
    assert found.exact
    assert found.n_shapes == len([s for s in mg.superlattices(FCC, 8) if s.volume == 8])
    shape = next(s for s in mg.superlattices(FCC, 8, 8) if (s.matrix == found.batch.space.supercell_matrix).all())
    best = np.inf
    for one in mg.superlattices(FCC, 8, 8):
        own = mg.ConfigurationSpace(FCC, one.matrix, {"Au": {"Cu": 4}})
        match = CorrelationMatch(own, CorrelationClusters.of(own, 4.1, 3.0))
        best = min(best, *(float(match.scores(batch.occupations).min()) for batch in own.orbits()))
    assert found.score == pytest.approx(best, abs=1e-9)
    assert len(found.structure) == shape.volume == 8
    annealed = mg.sqs(space, 4.1, 3.0, any_shape=True, n_shapes=100, enumerate_up_to=0, n_swaps=2000, n_chains=8)
    assert not annealed.exact
    assert annealed.score >= best - 1e-9


def test_annealing_finds_the_exact_best_of_one_shape_and_does_not_depend_on_threads():
    space = mg.ConfigurationSpace(FCC, (2, 2, 4), {"Au": {"Cu": 8}})
    exact = mg.sqs(space, 5.0)
    annealed = [mg.sqs(space, 5.0, enumerate_up_to=0, n_swaps=4000, seed=1, num_threads=n) for n in (1, 2)]
    assert exact.exact
    assert annealed[0].score == pytest.approx(exact.score, abs=1e-9)
    assert (annealed[0].batch.occupations == annealed[1].batch.occupations).all()


def test_several_sublattices_and_short_range_order():
    parent = mg.perovskite("CsPbI3", a=6.289)
    space = mg.ConfigurationSpace(parent, (2, 2, 2), {"Pb": {"Sn": 4}, "I": {"Br": 12}})
    found = mg.sqs(space, 6.4, n_swaps=3000, enumerate_up_to=0)
    assert len(found.functions) == len(found.to_frame()) == 5
    ordered = mg.sqs(space, 6.4, objective="short-range-order", n_swaps=3000, enumerate_up_to=0)
    structure = ordered.structure
    assert structure.composition["Br"] == 12
    match = {
        name: (here, random)
        for name, here, random in zip(ordered.functions, ordered.correlations, ordered.target, strict=True)
    }
    unlike = [here / random for name, (here, random) in match.items() if len(set(name.split()[0].split("-"))) > 1]
    assert ordered.score <= sum(abs(1 - share) for share in unlike) + 1e-9
    assert "another seed may find better" in str(ordered)


def test_what_cannot_be_done_is_said():
    space = mg.ConfigurationSpace(FCC, (2, 2, 2), {"Au": {"Cu": 4}})
    with pytest.raises(InputError, match="take a longer distance"):
        mg.sqs(space, 1.0)
    with pytest.raises(InputError, match="objective"):
        mg.sqs(space, 4.0, objective="energy")
    with pytest.raises(InputError, match="short-range order is of pairs"):
        mg.sqs(space, 4.0, 3.0, objective="short-range-order")
    apart = mg.ConfigurationSpace(FCC, (2, 2, 2), {"Au": {"Cu": 2}}, min_distance={"Cu-Cu": 3.5})
    with pytest.raises(InputError, match="distances exclude"):
        mg.sqs(apart, 4.0)
