"""What a file or a caller may give: refused by name, never a crash, a hang or another number in silence."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing

import numpy as np
import pyarrow as pa
import pytest
from ase import Atoms
from ase.db import connect
from pyarrow import parquet

import matganip as mg
from matganip import _core
from matganip.array_files import read_arrays
from matganip.features.lattice.correlations import CorrelationClusters, CorrelationMatch
from matganip.features.lattice.lattice_gas import Interactions, LatticeGas
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.features.lattice.swaps import LatticeSwaps, seeded_generators
from matganip.labels.database import LabelDatabase
from matganip.labels.dft import vasp_output
from matganip.labels.dft.run import OutputError
from matganip.labels.exchange import export_labels, import_labels

LABELS = "cspbi3_br/chgnet_X3of24"


@pytest.fixture(scope="module")
def space():
    return mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})


@pytest.fixture(scope="module")
def model(space):
    return mg.train(space, LABELS)


def _permutations(**changed):
    rows = np.tile(np.arange(24, dtype=np.uint16), (2, 1))
    rows[1] = rows[1][::-1]
    for where, value in changed.items():
        rows[1 if where == "last" else slice(None)] = value
    return rows


@pytest.mark.parametrize(
    ("permutations", "message"),
    [
        (np.full((48, 24), 24, np.uint16), "row 0 is not a permutation of 0..23"),
        (_permutations(last=60_000), "row 1 is not a permutation"),
        (_permutations(last=3), "row 1 is not a permutation"),
        (_permutations()[1:], "row 0 is not the identity"),
        (np.zeros((0, 24), np.uint16), "has no element"),
    ],
)
def test_permutations_are_checked(permutations, message):
    rows = np.array([[0] * 3 + [1] * 21], dtype=np.uint8)
    with pytest.raises(ValueError, match=message):
        _core.canonical_form(permutations, [[3, 21]], rows)
    with pytest.raises(ValueError, match=message):
        _core.OrbitEnumerator(permutations, [[3, 21]])


def test_rows_of_another_composition_have_no_representative():
    rows = np.array([[0] * 3 + [1] * 21, [0] * 4 + [1] * 20], dtype=np.uint8)
    with pytest.raises(ValueError, match="row 1 has another composition on sublattice 0"):
        _core.canonical_form(_permutations(), [[3, 21]], rows)
    with pytest.raises(ValueError, match="do not add up to the 24 sites"):
        _core.canonical_form(_permutations(), [[3, 20]], rows)
    enumerator = _core.OrbitEnumerator(_permutations(), [[3, 21]])
    with pytest.raises(ValueError, match="has 25 columns, the space 24 sites"):
        enumerator.fill(np.zeros((4, 25), np.uint8), np.zeros(4, np.int64))


@pytest.mark.parametrize(("name", "value"), [("num_threads", 10**6), ("num_threads", -1)])
def test_the_number_of_threads_is_bounded(name, value):
    rows = np.array([[0] * 3 + [1] * 21], dtype=np.uint8)
    with pytest.raises(ValueError, match="num_threads must be 0"):
        _core.canonical_form(_permutations(), [[3, 21]], rows, **{name: value})


def test_the_number_of_shards_is_bounded():
    with pytest.raises(ValueError, match="n_shards must be at most 1000000"):
        _core.OrbitEnumerator(_permutations(), [[3, 21]], n_shards=10**10)


def test_walks_need_patterns_and_random_numbers(space):
    with pytest.raises(ValueError, match="patterns: one is None"):
        _core.LatticeSwaps([None], sublattices=np.zeros(24, np.int32))
    swaps = LatticeSwaps(mg.LatticeDiffraction(space, resolution="resolved"))
    start = space.sample_configurations(2).occupations
    generators = seeded_generators(0, 2)
    generators[1] = 0
    with pytest.raises(mg.InputError, match="a state is all zeros"):
        swaps.walk(start, generators, np.ones(2), np.zeros(swaps.n_sums), n_swaps=10)


def test_every_walk_needs_random_numbers(space):
    zeros = np.zeros((2, 4), np.uint64)
    start = space.sample_configurations(2).occupations
    clusters = SharedClusters.of(space, 4.5, 4.5)
    gas = LatticeGas(space, Interactions(clusters, np.zeros(len(clusters.size)), 0.0))
    with pytest.raises(mg.InputError, match="a state is all zeros"):
        gas.walk(start, zeros, np.ones(2), n_records=1, n_trials=10)
    with pytest.raises(ValueError, match="a state is all zeros"):
        CorrelationMatch(space, CorrelationClusters.of(space, 5.0, None)).anneal(start, zeros, n_swaps=10)


@pytest.mark.parametrize("name", ["card.json", "solved.json", "solved.safetensors"])
def test_an_edited_model_is_refused_until_the_edit_is_accepted(model, space, tmp_path, name):
    model.save(tmp_path)
    path = tmp_path / name
    if path.suffix == ".json":
        path.write_text(path.read_text().replace("0", "1", 1))
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(mg.InputError, match=rf"{name}: was changed after it was written.*remove .*checksums.json"):
        mg.load(tmp_path)


def test_other_files_in_its_folder_are_no_part_of_a_model(model, space, tmp_path):
    (tmp_path / "notes.json").write_text("{}")
    model.save(tmp_path)
    (tmp_path / "notes.json").write_text("[]")
    assert np.array_equal(mg.load(tmp_path).predict(space).energy, model.predict(space).energy)


def test_a_hand_edited_card_is_read_where_its_checksums_are_removed(model, space, tmp_path):
    model.save(tmp_path)
    card = tmp_path / "card.json"
    card.write_text(card.read_text().replace(model.calculator, "edited by hand"))
    (tmp_path / "checksums.json").unlink()
    edited = mg.load(tmp_path)
    assert edited.calculator == "edited by hand"
    assert np.array_equal(edited.predict(space).energy, model.predict(space).energy)


@pytest.mark.parametrize(
    ("value", "message"), [(2.0**63, "no such place"), (float("nan"), "no such place"), ("x", "damaged")]
)
def test_a_card_whose_atoms_stand_nowhere_is_refused(model, tmp_path, value, message):
    model.save(tmp_path)
    (tmp_path / "checksums.json").unlink()
    card = json.loads((tmp_path / "card.json").read_text())
    card["parent"]["sites"][0]["abc"][0] = value
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(mg.InputError, match=message):
        mg.load(tmp_path)


@pytest.mark.parametrize("name", ["result.json", "winners.parquet"])
def test_an_edited_screen_is_refused(model, space, tmp_path, name):
    mg.screen(model, space, folder=tmp_path / "screen", top=3, workers=1)
    path = tmp_path / "screen" / name
    data = path.read_bytes()
    changed = data.replace(b'"orbits": 19', b'"orbits": 18') if path.suffix == ".json" else data[:-9] + data[-8:]
    assert changed != data
    path.write_bytes(changed)
    with pytest.raises(mg.InputError, match=name):
        mg.read_screen(tmp_path / "screen")


def test_edited_settings_of_a_database_are_refused(space, tmp_path):
    import_labels(tmp_path / "labels.db", space, LABELS)
    with closing(sqlite3.connect(tmp_path / "labels.db")) as connection:
        (n,) = connection.execute("SELECT COUNT(*) FROM systems WHERE calculator_parameters = '{}'").fetchone()
        assert n == 19
        connection.execute("""UPDATE systems SET calculator_parameters = '{"cutoff": 300}' WHERE id = 7""")
        connection.commit()
    with pytest.raises(mg.InputError, match="were edited"):
        LabelDatabase(tmp_path / "labels.db").sets()
    with pytest.raises(mg.InputError, match="were edited"):
        export_labels(tmp_path / "labels.db", [space], tmp_path / "labels.csv")


def test_damaged_settings_of_a_table_name_the_row(space, tmp_path):
    import_labels(tmp_path / "labels.db", space, LABELS)
    export_labels(tmp_path / "labels.db", [space], tmp_path / "labels.csv")
    lines = (tmp_path / "labels.csv").read_text().splitlines()
    column = lines[0].replace('"', "").split(",").index("settings")
    assert "{}" in lines[3], column
    lines[3] = lines[3].replace("{}", "{]")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    with pytest.raises(mg.InputError, match="row 2, settings: damaged"):
        import_labels(tmp_path / "new.db", space, tmp_path / "labels.csv")


@pytest.mark.parametrize("name", ["OUTCAR.gz", "vasprun.xml.gz"])
def test_an_output_that_swells_is_not_read_whole(tmp_path, monkeypatch, name):
    monkeypatch.setattr(vasp_output, "LARGEST", 1 << 20)
    with gzip.open(tmp_path / name, "wb") as file:
        file.write(bytes(1 << 22))
    with pytest.raises(OutputError, match="more than 1 MiB"):
        vasp_output.read_vasp(tmp_path)


def test_arrays_that_swell_are_not_read(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as file:
        file.writestr("about.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    np.savez_compressed(tmp_path / "small.npz", about=np.zeros(1 << 20, np.uint8))
    for name, message in (("huge", "Unable to allocate"), ("small", "it is compressed")):
        with pytest.raises(mg.InputError, match=f"no checkpoint of a search, or damaged: {message}"):
            read_arrays(tmp_path / f"{name}.npz", "a search")


def test_a_checkpoint_of_a_search_has_the_name_that_was_given(model, space, tmp_path):
    file = tmp_path / "best.search"
    first = mg.search(model, space, checkpoint=file, n_steps=1)
    assert [path.name for path in tmp_path.iterdir()] == ["best.search"]
    again = mg.search(model, space, checkpoint=file, resume=True, n_steps=2)
    assert again.n_scored >= first.n_scored > 0


@pytest.mark.parametrize(
    ("cell", "told"),
    [((2, 2**31, 2), "more than 100,000 parent cells"), ((50, 50, 50), "more than 100,000 parent cells")],
)
def test_a_supercell_that_nothing_can_hold(cell, told):
    with pytest.raises(mg.InputError, match=told):
        mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), cell, {"I": {"Br": 3}})


def test_a_cell_that_is_flat():
    from pymatgen.core import Structure

    flat = Structure([[1e5, 0, 0], [1e5, 1e-3, 0], [0, 0, 4]], ["Cu"], [[0, 0, 0]])
    with pytest.raises(mg.InputError, match="in one plane"):
        mg.ConfigurationSpace(flat, (1, 1, 1), {"Cu": {"Au": 1}})


def test_extended_xyz_with_a_billion_columns(tmp_path):
    path = tmp_path / "frames.extxyz"
    path.write_text('1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:1000000000 energy=1\nCu 0 0 0\n')
    with pytest.raises(mg.InputError, match=r"line 2: 1000000000 columns"):
        mg.read_structures(path)


def test_a_stored_parent_has_one_species_on_each_site():
    from matganip.crystal.limits import stored_parent

    record = mg.perovskite("CsPbI3", a=6.289).as_dict()
    record["sites"][1]["label"] = {"a": 1}
    with pytest.raises(mg.InputError, match=r"site 1 of the parent holds 'Pb', label \{'a': 1\}"):
        stored_parent(record)
    record = mg.perovskite("CsPbI3", a=6.289).as_dict() | {"charge": ["1"]}
    with pytest.raises(mg.InputError, match="charge of the parent is no number"):
        stored_parent(record)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"supercell": [[2, 0, 0], [0, 2, 0], [0, 0, 1]]}, "row 0: occupation must be 12 digits"),
        ({"supercell": [[2, 0, 0], [0, 2, 0], [0, 0, -(2**63)]]}, "more than 100,000 parent cells"),
        ({"trained_on": ["0" * 24, "2" + "0" * 23]}, "a species that the sublattice has not"),
        ({"species": [["Br", "I"], ["Pb", "Sn"]]}, "species of 2 sublattices, substitutions on 1"),
    ],
)
def test_a_card_without_checksums_speaks_of_one_space(model, tmp_path, change, told):
    model.save(tmp_path)
    (tmp_path / "checksums.json").unlink()
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(card | change))
    with pytest.raises(mg.InputError, match=f"card.json: damaged: .*{told}"):
        mg.load(tmp_path)


@pytest.fixture(scope="module")
def labels(space, tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.db"
    import_labels(path, space, LABELS)
    return path


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("key_value_pairs = json_set(key_value_pairs, '$.n_steps', NULL)", "row 6: damaged"),
        ("key_value_pairs = json_set(key_value_pairs, '$.multiplicity', 7)", "a multiplicity is not that of its orbit"),
        ("key_value_pairs = json_set(key_value_pairs, '$.orbit', 12)", "a label's orbit is no text"),
        ("calculator = NULL", "a label's space, calculator or hash is no text"),
        ("energy = 1e300", "no finite energy"),
        ("energy = 'x'", "an energy: damaged"),
    ],
)
def test_an_edited_database_is_refused(space, labels, tmp_path, edit, told):
    database = LabelDatabase(shutil.copy(labels, tmp_path))
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute(f"UPDATE systems SET {edit}").rowcount == 19  # noqa: S608
        connection.commit()
    with pytest.raises(mg.InputError, match=rf"labels.db: .*{told}"):
        database.labelled(space)
        export_labels(database, [space], tmp_path / "labels.csv")


def test_a_parquet_table_has_texts(space, tmp_path):
    table = pa.table({"calculator": ["x"], "energy_eV": [-1.0], "occupation": ["0" * 24]})
    parquet.write_table(table, tmp_path / "labels.parquet", compression="none", use_dictionary=False)
    data = (tmp_path / "labels.parquet").read_bytes()
    (tmp_path / "labels.parquet").write_bytes(data.replace(b"0" * 24, b"0" * 23 + b"\xd9"))
    with pytest.raises(mg.InputError, match="does not read as a table: .*UTF8"):
        mg.read_labels(tmp_path / "labels.parquet")


def test_an_energy_that_is_no_number_is_named(tmp_path):
    path = tmp_path / "frames.extxyz"
    path.write_text('1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 energy=-1.05.0\nCu 0 0 0\n')
    with pytest.raises(mg.InputError, match=r"structure 0 has no number as energy: '-1.05.0'"):
        mg.read_structures(path)


def test_arrays_that_are_none_are_refused_behind_a_right_checksum(model, tmp_path):
    model.save(tmp_path)
    (tmp_path / "checksums.json").unlink()
    data = b"\xff" * 7 + b"\x7f" + (tmp_path / "solved.safetensors").read_bytes()[8:]
    (tmp_path / "solved.safetensors").write_bytes(data)
    record = json.loads((tmp_path / "solved.json").read_text())
    record["arrays_sha256"] = hashlib.sha256(data).hexdigest()
    (tmp_path / "solved.json").write_text(json.dumps(record))
    with pytest.raises(mg.InputError, match="solved.json: damaged: .*header"):
        mg.load(tmp_path)


@pytest.mark.parametrize(
    ("permutations", "told"), [([[1, 1]], "row 0 is not a permutation"), ([[0, 1], [0, 60_000]], "row 1 is not")]
)
def test_a_search_for_the_lowest_orbits_needs_a_group(permutations, told):
    tables = {
        **{name: np.zeros(2, np.int32) for name in ("sublattice", "first_state", "kind", "kind_sublattice", "count")},
        **{name: np.zeros((0, 3), np.int32) for name in ("triplets", "exclusions")},
        **{name: np.zeros((1, 1)) for name in ("pair", "shift")},
        **{name: np.zeros(1) for name in ("field", "coupling", "cubic")},
    }
    with pytest.raises(ValueError, match=told):
        _core.LowestOrbits(
            permutations=np.array(permutations, np.uint16), **tables,
            constant=0.0, stiffness=0.0, top=1, window=-1.0, slack=0.0,
        )  # fmt: skip


def test_an_edited_database_of_structures_is_refused(tmp_path):
    with connect(tmp_path / "foreign.db") as database:
        database.write(Atoms("Cu"), formation=-1.0)
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("UPDATE systems SET initial_magmoms = ?", (np.zeros(2).tobytes(),))
        connection.commit()
    with pytest.raises(mg.InputError, match="foreign.db: cannot be read as an ASE database: .*wrong length"):
        mg.read_structures(tmp_path / "foreign.db", energy="formation")
