"""Ranking without labels: the ends of an enumeration, a sample and a stream."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest

import matganip as mg
from matganip.configurations.batch import concatenate
from matganip.errors import InputError
from matganip.features.lattice.ewald import EwaldSum

STATES = {"Al": 3.0, "Nb": 5.0}


@pytest.fixture(scope="module")
def space():
    """2 Al, 2 Nb and 2 F in a supercell of SrTiO3."""
    parent = mg.perovskite("SrTiO3", a=3.905)
    return mg.ConfigurationSpace(parent, (2, 2, 1), {"Ti": {"Al": 1, "Nb": 1}, "O": {"F": 2}})


@pytest.fixture(scope="module")
def everything(space):
    batch = concatenate(space.orbits())
    return batch, EwaldSum(space, STATES).energies(batch.occupations)


@pytest.mark.parametrize(("lowest", "highest"), [(5, 0), (0, 4), (3, 2), (1, 1), (10**6, 10**6)])
@pytest.mark.parametrize("batch_size", [1, 7, 10**6])
def test_the_ends_are_those_of_a_sorted_list(space, everything, lowest, highest, batch_size):
    batch, energies = everything
    order = np.lexsort((np.arange(len(batch)), np.round(energies, 8)))
    ranked = mg.rank(space.orbits(batch_size), lowest=lowest, highest=highest, oxidation_states=STATES)
    chosen = np.unique(np.r_[order.argsort()[order[:lowest]], order.argsort()[order[len(order) - highest :]]])
    assert ranked.orbit.tolist() == order[chosen].tolist()
    assert np.array_equal(ranked.batch.occupations, batch.occupations[order[chosen]])
    assert np.allclose(ranked.energy, energies[order[chosen]], atol=1e-9)
    assert ranked.n_lowest == min(lowest, len(batch))
    assert (ranked.n_ranked, ranked.lowest, ranked.highest) == (len(batch), energies.min(), energies.max())
    assert ranked.mean == pytest.approx(energies.mean())


def test_a_space_a_batch_and_a_function_rank_alike(space, everything):
    batch, _ = everything
    of_space = mg.rank(space, lowest=4, oxidation_states=STATES)
    of_batch = mg.rank(batch, lowest=4, oxidation_states=STATES)
    ewald = EwaldSum(space, STATES)
    of_function = mg.rank(batch, lambda rows: ewald.energies(rows.occupations), lowest=4)
    assert of_space.orbit.tolist() == of_batch.orbit.tolist() == of_function.orbit.tolist()
    assert of_space.oxidation_states["Nb"] == 5
    assert of_function.oxidation_states is None
    assert of_space.relative[0] == 0


def test_what_cannot_be_ranked_is_refused(space, everything):
    batch, _ = everything
    for arguments, message in [
        ({"lowest": 0}, "one of them must be positive"),
        ({"by": "chgnet"}, "'ewald' or a function is needed, got 'chgnet'"),
        ({"by": lambda rows: np.zeros(3)}, "must return"),
        ({"by": len, "oxidation_states": {"Ti": 4}}, "act with by='ewald' only"),
        ({"oxidation_states": {"Foo": 4}}, "there is no Foo"),
    ]:
        with pytest.raises(mg.InputError, match=message):
            mg.rank(batch, **arguments)
    with pytest.raises(mg.InputError, match="no arrangement to rank"):
        mg.rank(batch[:0])
    other = mg.ConfigurationSpace(space.parent, (2, 2, 1), {"Ti": {"Al": 1, "Nb": 1}, "O": {"F": 1}})
    with pytest.raises(mg.InputError, match="rank one space at a time"):
        mg.rank([batch, next(other.orbits())])


def test_the_result_says_and_writes_what_it_is(space, everything, tmp_path):
    ranked = mg.rank(space, lowest=3, highest=2, oxidation_states=STATES)
    told = str(ranked)
    for part in ("the 3 lowest of", "the 2 highest of", "Nb +5", "charge +2 e, made up for by a uniform background"):
        assert part in told
    assert ranked.to_frame()["energy_eV"].is_monotonic_increasing
    document = ranked.to_dict()
    assert [one["orbit"] for one in document["ranking"]] == ranked.orbit.tolist()
    table = pq.read_table(ranked.write(tmp_path / "best.parquet").file)
    assert table["ewald_energy_eV"].to_pylist() == ranked.energy.tolist()
    assert table["orbit"].to_pylist() == ranked.orbit.tolist()
    ranked.write(tmp_path / "best", "cif")
    rows = list(csv.DictReader((tmp_path / "best" / "index.csv").read_text().splitlines()))
    assert [float(row["ewald_energy_eV"]) for row in rows] == ranked.energy.tolist()
    structures = [mg.read_structure(tmp_path / "best" / row["file"]) for row in rows]
    assert np.array_equal(space.from_structures(structures).occupations, ranked.batch.occupations)
    assert ranked.plot() is not None


def test_more_orbits_than_can_be_gone_through_are_refused_at_once():
    space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (4, 4, 4), {"Ti": {"Al": 32}})
    for whole in (space, space.orbits(shard=(0, 2))):
        with pytest.raises(InputError, match=r"orbits are too many to rank all of them; rank a sample"):
            mg.rank(whole, lowest=1)
    assert len(mg.rank(space.sample_orbits(3), lowest=1, oxidation_states={"Al": 3}).batch) == 1
