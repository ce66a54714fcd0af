"""Files hold the arrangements that were written: read back by ASE, pymatgen and pyarrow."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

import ase.io
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.codec import occupations_from_digits
from matganip.configurations.io.parquet import ROW_GROUP, arrangement_columns
from matganip.configurations.io.writers import ARCHIVES, INDEX, open_writer, write

EACH = [
    ("o.parquet", None),
    ("o.xyz", None),
    ("cifs", "cif"),
    ("poscars", "poscar"),
    ("o.zip", "cif"),
    ("o.tgz", "cif"),
]


@pytest.fixture(scope="module")
def space():
    """Two sublattices and a vacancy: 70 orbits, 756 configurations."""
    parent = mg.perovskite("CsPbI3", a=6.289)
    return mg.ConfigurationSpace(parent, (1, 1, 3), {"I": {"Br": 2, "vac": 1}, "Pb": {"Sn": 1}})


@pytest.fixture(scope="module")
def batch(space):
    (batch,) = space.orbits()
    return batch


def assert_same(space, batch, structures, keys, multiplicities):
    assert multiplicities == batch.multiplicity.tolist()
    assert keys == batch.orbit_keys()
    for row, structure in zip(batch.occupations, structures, strict=True):
        assert np.array_equal(space.occupation_of(structure), row)


def test_an_orbit_key_is_the_space_and_the_codes(space, batch):
    for key, row in zip(batch.orbit_keys(), batch.occupations, strict=True):
        of_space, digits = key.split(":")
        assert of_space == space.key
        assert [int(digit) for digit in digits] == row.tolist()


def test_extended_xyz_reads_back_in_ase(space, batch, tmp_path):
    assert write(tmp_path / "orbits.xyz", space, space.orbits(batch_size=7)) == len(batch)
    frames = ase.io.read(tmp_path / "orbits.xyz", index=":")
    assert [frame.info["orbit"] for frame in frames] == list(range(len(batch)))
    keys = [frame.info["orbit_key"] for frame in frames]
    assert_same(space, batch, frames, keys, [frame.info["multiplicity"] for frame in frames])
    assert all(frame.pbc.all() for frame in frames)


@pytest.mark.parametrize("fmt", ["cif", "poscar"])
def test_a_folder_of_structures_reads_back_in_pymatgen_and_ase(space, batch, tmp_path, fmt):
    with open_writer(tmp_path / "orbits", space, fmt) as writer:
        for part in space.orbits(batch_size=7):
            writer.write(part)
    assert writer.n_written == len(batch)
    rows = list(csv.DictReader((tmp_path / "orbits" / INDEX).read_text().splitlines()))
    assert sorted(path.name for path in (tmp_path / "orbits").iterdir()) == sorted([r["file"] for r in rows] + [INDEX])
    assert [int(row["orbit"]) for row in rows] == list(range(len(batch)))
    files = [tmp_path / "orbits" / row["file"] for row in rows]
    multiplicities = [int(row["multiplicity"]) for row in rows]
    keys = [row["orbit_key"] for row in rows]
    assert_same(space, batch, map(mg.read_structure, files), keys, multiplicities)
    assert_same(space, batch, map(ase.io.read, files), keys, multiplicities)


def test_files_are_named_by_number_multiplicity_and_formula_and_say_what_they_are(space, batch, tmp_path):
    assert batch.write(tmp_path / "orbits", "cif") == len(batch)
    text = (tmp_path / "orbits" / f"000003_w{batch.multiplicity[3]}_Cs3Sn1Pb2I6Br2.cif").read_text()
    expected = f"# orbit 3 multiplicity {batch.multiplicity[3]} key {batch.orbit_keys()[3]}"
    assert text.splitlines()[0] == expected
    batch.write(tmp_path / "poscars", "poscar")
    lines = (
        (tmp_path / "poscars" / f"POSCAR_000003_w{batch.multiplicity[3]}_Cs3Sn1Pb2I6Br2.vasp").read_text().splitlines()
    )
    assert lines[0] == expected[2:]
    assert len(lines[5].split()) == 5  # each element in one block, as VASP wants its POTCARs


def test_archives_hold_what_the_folder_holds(space, batch, tmp_path):
    batch.write(tmp_path / "orbits", "cif")
    folder = {f"orbits/{path.name}": path.read_bytes() for path in (tmp_path / "orbits").iterdir()}
    batch.write(tmp_path / "orbits.zip", "cif")
    with zipfile.ZipFile(tmp_path / "orbits.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == folder
    for name in (f"orbits{end}" for end in ARCHIVES if end != ".zip"):
        batch.write(tmp_path / name, "cif")
        with tarfile.open(tmp_path / name) as archive:
            assert {member.name: archive.extractfile(member).read() for member in archive} == folder


def test_parquet_holds_the_orbits_and_what_the_codes_mean(space, batch, tmp_path):
    assert batch.write(tmp_path / "orbits.parquet") == len(batch)
    table = pq.read_table(tmp_path / "orbits.parquet")
    assert table.column_names == ["orbit", "multiplicity", "occupation", "Sn_on_Pb", "vac_on_I", "Br_on_I"]
    assert table["multiplicity"].to_pylist() == batch.multiplicity.tolist()
    assert [[int(c) for c in row] for row in table["occupation"].to_pylist()] == batch.occupations.tolist()
    about = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert about["matganip"] == mg.__version__
    assert json.loads(about["species"]) == [list(species) for species in space.species]
    # The file alone is enough to make the space again.
    again = mg.ConfigurationSpace(
        Structure.from_dict(json.loads(about["parent"])),
        json.loads(about["supercell"]),
        {"I": {"Br": 2, "vac": 1}, "Pb": {"Sn": 1}},
    )
    assert again.key == about["space"] == space.key
    assert mg.ConfigurationSpace.from_metadata(table.schema.metadata).key == space.key


def test_parquet_with_energies_is_a_labelled_table(space, batch, tmp_path):
    path = tmp_path / "labels.parquet"
    batch.write(path)
    energy = np.linspace(-9.0, -8.0, len(batch))
    table = pq.read_table(path).append_column("energy_eV", pa.array(energy))
    pq.write_table(table.append_column("calculator", pa.array(["toy"] * len(batch))), path)
    labelled = mg.read_labels(path).join(space)
    order = np.lexsort(batch.occupations.T[::-1])
    assert np.array_equal(labelled.occupations, batch.occupations[order])
    assert np.array_equal(labelled.energy, energy[order])


def test_parquet_is_the_same_bytes_for_any_batches_and_has_full_row_groups(cspbi3, tmp_path):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 12}, "Pb": {"Sn": 1}})
    assert space.count_orbits() > ROW_GROUP // 2
    contents = set()
    for size in (1000, 30_011, 200_000):
        twice = (batch for _ in range(3) for batch in space.orbits(batch_size=size))
        write(tmp_path / "orbits.parquet", space, twice)
        contents.add((tmp_path / "orbits.parquet").read_bytes())
    assert len(contents) == 1
    file = pq.ParquetFile(tmp_path / "orbits.parquet")
    rows = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    assert sum(rows) == 3 * space.count_orbits()
    assert set(rows[:-1]) == {ROW_GROUP}


def test_two_sublattices_of_one_element_have_columns_of_their_own(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (1, 1, 2), {(2, 3): {"Br": 1}, (4,): {"Br": 1}})
    columns = arrangement_columns(space, next(space.orbits()).occupations)
    assert list(columns) == ["occupation", "Br_on_I_0", "Br_on_I_1"]


@pytest.mark.parametrize(("name", "fmt"), EACH)
def test_equal_arrangements_are_equal_bytes(space, batch, tmp_path, name, fmt):
    contents = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        batch.write(tmp_path / run / name, fmt)
        files = sorted(path for path in (tmp_path / run).rglob("*") if path.is_file())
        contents.append([path.read_bytes() for path in files])
    assert contents[0] == contents[1]


@pytest.mark.parametrize(("name", "fmt"), EACH)
def test_an_interrupted_stream_leaves_nothing(space, tmp_path, name, fmt):
    def interrupted():
        yield from space.orbits(batch_size=20)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / name, space, interrupted(), fmt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "fmt"), EACH)
def test_a_stream_without_orbits_is_a_whole_file(space, tmp_path, name, fmt):
    assert write(tmp_path / name, space, [], fmt) == 0
    path = tmp_path / name
    if name.endswith(".parquet"):
        assert pq.read_table(path).num_rows == 0
        assert pq.read_schema(path).metadata[b"space"].decode() == space.key
    elif name.endswith(".zip"):
        assert zipfile.ZipFile(path).namelist() == [f"o/{INDEX}"]
    elif path.is_dir():
        assert [file.name for file in path.iterdir()] == [INDEX]


def test_numbers_go_on_where_another_stream_stopped(space, batch, tmp_path):
    with open_writer(tmp_path / "rest.xyz", space, first=100) as writer:
        writer.write(batch)
        writer.write(batch)
    numbers = [frame.info["orbit"] for frame in ase.io.read(tmp_path / "rest.xyz", index=":")]
    assert numbers == list(range(100, 100 + 2 * len(batch)))


def test_a_folder_with_something_in_it_is_left_alone(batch, tmp_path):
    (tmp_path / "empty").mkdir()
    assert batch.write(tmp_path / "empty", "cif") == len(batch)
    with pytest.raises(mg.InputError, match="empty: exists already"):
        batch.write(tmp_path / "empty", "cif")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(mg.InputError, match="file: exists already"):
        batch.write(tmp_path / "file", "cif")
    with pytest.raises(mg.InputError, match="cannot be written: No such file"):
        batch.write(tmp_path / "nowhere" / "folder", "cif")
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


@pytest.mark.parametrize(
    ("name", "fmt", "message"),
    [
        ("orbits", None, "does not follow from the name"),
        ("orbits.zip", None, "fmt='cif' or 'poscar'"),
        ("orbits", "xsf", "'xsf' is none of parquet, extxyz, cif, poscar"),
        ("orbits.parquet", "cif", "the name says parquet, fmt says cif"),
        ("orbits.cif", "cif", "are a folder, whose name has no ending such as .cif, or an archive"),
        ("orbits.rar", "poscar", r"are a folder, whose name has no ending such as .rar, or an archive \(.zip, .tar"),
        ("orbits.tar.zst", "cif", "are a folder, whose name has no ending such as .zst"),
        ("orbits.tar.gz", "extxyz", "extxyz is one file, not an archive"),
    ],
)
def test_a_path_and_format_that_do_not_go_together_are_refused(batch, tmp_path, name, fmt, message):
    with pytest.raises(mg.InputError, match=message):
        batch.write(tmp_path / name, fmt)
    assert list(tmp_path.iterdir()) == []


def test_one_parquet_file_holds_one_space(batch, space_3of24, tmp_path):
    with pytest.raises(mg.InputError, match="one Parquet file holds one space"):
        write(tmp_path / "o.parquet", space_3of24, [batch])
    assert list(tmp_path.iterdir()) == []


def test_a_series_of_compositions_goes_into_one_file_of_structures(cspbi3, tmp_path):
    series = mg.CompositionSeries(cspbi3, (1, 1, 2), {"I": {"Br": range(3)}})
    n_written = write(tmp_path / "series.xyz", series.spaces[0], series.orbits())
    frames = ase.io.read(tmp_path / "series.xyz", index=":")
    assert len(frames) == n_written == series.count_orbits()
    keys = [key for batch in series.orbits() for key in batch.orbit_keys()]
    assert [frame.info["orbit_key"] for frame in frames] == keys
    assert len(set(keys)) == len(keys)


def test_atoms_are_the_structures(space, batch):
    for structure, atoms in zip(batch.structures(), batch.atoms(), strict=True):
        assert [site.specie.symbol for site in structure] == atoms.get_chemical_symbols()
        assert np.allclose(structure.frac_coords, atoms.get_scaled_positions(wrap=False))
        assert np.allclose(structure.lattice.matrix, atoms.cell.array)
    text = io.StringIO()
    ase.io.write(text, list(batch.atoms()), format="extxyz")
    assert text.getvalue().count("Lattice=") == len(batch)


def test_a_version_is_no_ending(batch, tmp_path):
    assert batch.write(tmp_path / "run-1.2", "cif") == len(batch)
    assert batch.write(tmp_path / "ORBITS.TAR.GZ", "poscar") == len(batch)


@pytest.mark.parametrize(("name", "fmt"), EACH)
def test_further_numbers_and_numbers_of_orbits_are_written(space, batch, tmp_path, name, fmt):
    energies = np.linspace(-1, 1, len(batch))
    with open_writer(tmp_path / name, space, fmt, values=["e_eV"]) as writer:
        writer.write(batch, orbits=list(range(7, 7 + len(batch))), values={"e_eV": energies})
    path = tmp_path / name
    if fmt in ("cif", "poscar") and path.is_dir():
        rows = list(csv.DictReader((path / INDEX).read_text().splitlines()))
        found = [(int(row["orbit"]), float(row["e_eV"])) for row in rows]
        assert all((path / row["file"]).exists() and row["composition"] in row["file"] for row in rows)
    elif name.endswith(".parquet"):
        table = pq.read_table(path)
        found = list(zip(table["orbit"].to_pylist(), table["e_eV"].to_pylist(), strict=True))
    elif name.endswith(".xyz"):
        found = [(one.info["orbit"], one.info["e_eV"]) for one in ase.io.read(path, index=":")]
    else:
        return
    assert [number for number, _ in found] == list(range(7, 7 + len(batch)))
    assert np.allclose([energy for _, energy in found], energies)


FORMATS_READ_BACK = [("o.parquet", None), ("o.xyz", None), ("o", "cif"), ("o", "poscar"), ("o.zip", "cif")]
ANY_SPECIES = st.lists(st.sampled_from(["vac", "Li", "Mn4+", "K", "Fe3+", "X"]), min_size=1, max_size=2, unique=True)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["Na", "Fe2+", "Fe3+", "Fe"]), st.sampled_from(["Cl", "O2-"]), ANY_SPECIES,
    st.floats(3.5, 6), st.floats(75, 105), st.sampled_from([(2, 1, 1), (1, 3, 1), ((1, 1, 0), (-1, 1, 0), (0, 0, 1))]),
    st.sampled_from(FORMATS_READ_BACK),
)  # fmt: skip
def test_what_is_read_back_is_what_was_written(cation, anion, wanted, a, angle, cells, how):
    assume(cation not in wanted and not {"vac", "X"} <= set(wanted))
    lattice = Lattice.from_parameters(a, a * 1.1, a, 90, angle, 90)
    crystal = Structure(lattice, [cation, anion], [[0.1, 0, 0], [0.5, 0.5, 0.5]])
    space = mg.ConfigurationSpace(crystal, cells, {(0,): dict.fromkeys(wanted, 1)})
    batch = next(space.orbits())
    name, fmt = how
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        batch.write(path, fmt)
        if name.endswith(".zip"):
            shutil.unpack_archive(path, folder)
            path = Path(folder) / "o"
        if name == "o.parquet":
            table = pq.read_table(path)
            assert mg.ConfigurationSpace.from_metadata(table.schema.metadata).key == space.key
            rows = occupations_from_digits(table["occupation"].to_pylist(), space.n_sites)
        elif name == "o.xyz":
            rows = [space.occupation_of(frame) for frame in ase.io.read(path, index=":")]
        else:
            index = list(csv.DictReader((path / INDEX).read_text().splitlines()))
            rows = occupations_from_digits([row["orbit_key"].partition(":")[2] for row in index], space.n_sites)
            structures = [mg.read_structure(path / row["file"]) for row in index]
            if fmt == "poscar" and any(species[-1] in "+-" for species in space.species[0]):
                bare = [space.structure(row).remove_oxidation_states() for row in rows]  # no place for states there
                assert all(one.matches(two) for one, two in zip(structures, bare, strict=True))
            else:
                assert np.array_equal([space.occupation_of(one) for one in structures], rows)
        assert np.array_equal(rows, batch.occupations)
