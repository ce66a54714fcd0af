"""What the Parquet files say is what the arrays said, and equal content is equal bytes."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import matganip as mg
from matganip.configurations.io.parquet import arrangement_columns
from matganip.configurations.io.writers import write as write_orbits
from matganip.errors import InputError

PARENT = mg.perovskite("CsPbI3", a=6.289)
SPACE = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 3}})
ORBITS = next(iter(SPACE.orbits()))


def test_orbits_are_written_in_order_whatever_the_batches(tmp_path):
    assert write_orbits(tmp_path / "orbits.parquet", SPACE, SPACE.orbits(batch_size=5)) == 19
    rows = pq.read_table(tmp_path / "orbits.parquet").to_pydict()
    assert rows["orbit"] == list(range(19))
    assert rows["multiplicity"] == ORBITS.multiplicity.tolist()
    for text, sites, occupation in zip(rows["occupation"], rows["Br_on_I"], ORBITS.occupations, strict=True):
        assert [int(code) for code in text] == occupation.tolist()
        assert sites == np.flatnonzero(occupation == 0).tolist()


def test_the_metadata_says_what_codes_and_sites_mean(tmp_path):
    write_orbits(tmp_path / "orbits.parquet", SPACE, SPACE.orbits())
    about = pq.read_schema(tmp_path / "orbits.parquet").metadata
    assert about[b"space"].decode() == SPACE.key
    assert json.loads(about[b"species"]) == [["Br", "I"]]
    atoms = json.loads(about[b"atoms_of_sites"])
    assert {SPACE.supercell_structure[atom].specie.symbol for atom in atoms} == {"I"}


def test_a_space_that_is_read_again_is_described_by_the_same_bytes():
    parent = PARENT.copy(site_properties={"B_iso": [1.0] * len(PARENT)})
    for site, label in zip(parent, ("Cs0", "Pb1", "I2", "I2", "I3"), strict=True):
        site.label = label
    space = mg.ConfigurationSpace(parent, (2, 2, 1), {"I2": {"Br": 3}})
    written = space.metadata()
    assert mg.ConfigurationSpace.from_dict(space.to_dict()).metadata() == written
    assert mg.ConfigurationSpace.from_metadata(written).metadata() == written


def test_two_sublattices_with_a_vacancy_keep_apart_what_sits_where():
    space = mg.ConfigurationSpace(PARENT, (2, 2, 1), {"I": {"Br": 2, "vac": 1}, "Pb": {"Sn": 2}})
    batch = next(iter(space.orbits(batch_size=50)))
    columns = arrangement_columns(space, batch.occupations)
    assert set(columns) == {"occupation", "Br_on_I", "vac_on_I", "Sn_on_Pb"}
    for name, sites in columns.items():
        if name != "occupation":
            species, host = name.split("_on_")
            for row, taken in zip(batch.occupations, sites.to_pylist(), strict=True):
                named = [space.species[s][code] for s, code in zip(space.sublattices, row, strict=True)]
                assert [named[site] for site in taken] == [species] * len(taken)
                elements = {space.supercell_structure[int(space.site_indices[i])].specie.symbol for i in taken}
                assert elements == {host}


def test_an_enumeration_that_fails_leaves_no_file(tmp_path):
    def broken():
        yield ORBITS
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_orbits(tmp_path / "orbits.parquet", SPACE, broken())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_orbits(tmp_path / "nowhere" / "orbits.parquet", SPACE, SPACE.orbits())
