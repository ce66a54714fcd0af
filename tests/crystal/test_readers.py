"""Real structures in: what is taken, what is skipped, and why."""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

import matganip as mg
from matganip.crystal.datasets import reading


def calcite():
    return Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.988, 17.061), ["Ca", "C", "O"], [[0, 0, 0], [0, 0, 0.25], [0.2578, 0, 0.25]]
    )


def hexagonal():
    return Structure.from_spacegroup(
        "P6_3/mmc",
        Lattice.hexagonal(7.17, 5.94),
        ["Cs", "Ni", "Cl"],
        [[1 / 3, 2 / 3, 0.75], [0, 0, 0], [0.156, 0.312, 0.25]],
    )


def half_rubidium():
    crystal = mg.perovskite("CsPbBr3", a=5.87)
    crystal[0] = {"Cs": 0.5, "Rb": 0.5}
    return crystal


def hydride():
    return mg.perovskite("SrLiF3", a=3.83).replace_species({"F": "H"})


def exchanged():
    crystal = mg.perovskite("SrZrO3", a=4.1)
    crystal[0], crystal[1] = "Zr", "Sr"
    return crystal


STRUCTURES = {
    "a titanate": lambda: mg.perovskite("SrTiO3", a=3.905),
    "b the same, larger cell": lambda: mg.perovskite("SrTiO3", a=3.91) * (2, 1, 1),
    "c double": lambda: mg.double_perovskite("Cs2AgBiBr6", a=11.25),
    "d calcite": calcite,
    "e hexagonal": hexagonal,
    "f disordered": half_rubidium,
    "g hydride": hydride,
    "h salt": lambda: Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0, 0]]),
    "i exchanged": exchanged,
}
EXPECTED = {
    "b the same, larger cell": reading.DUPLICATE,
    "d calcite": reading.CONTRADICTION,
    "e hexagonal": reading.FRAMEWORK,
    "f disordered": reading.DISORDERED,
    "g hydride": reading.HYDROGEN,
    "h salt": reading.COMPOSITION,
    "i exchanged": reading.CONTRADICTION,
}


@pytest.fixture
def folder(tmp_path):
    for name, make in STRUCTURES.items():
        make().to(filename=str(tmp_path / f"{name}.cif"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "z broken.cif").write_text("data_broken\n_cell_length_a 5\n")
    (tmp_path / "notes.txt").write_text("no crystal")
    return tmp_path


def test_a_folder_is_read_by_the_rules(folder):
    table = mg.datasets.abx3_from_folder(folder)
    assert table.names == ("a titanate.cif", "c double.cif")
    assert table.formulas == ("SrTiO3", "Cs2AgBiBr6")
    np.testing.assert_allclose(table.lattice_constant, [3.905, 5.625])
    np.testing.assert_allclose(table.effective, [mg.tolerance_factor(f) for f in table.formulas])
    assert table.structure(1).composition.reduced_formula == "Cs2AgBiBr6"
    skipped = {entry.name: entry.kind for entry in table.skipped}
    assert skipped == {f"{name}.cif": kind for name, kind in EXPECTED.items()} | {
        "sub/z broken.cif": reading.UNREADABLE
    }
    details = {entry.name: entry.detail for entry in table.skipped}
    assert "share a face" in details["e hexagonal.cif"]
    assert details["b the same, larger cell.cif"] == "SrTiO3 in space group 221 as in a titanate.cif"
    assert details["d calcite.cif"] == "CCaO3: C on A"
    assert details["i exchanged.cif"] == "ZrSrO3: radii 0.72 on A and 1.18 on B"
    assert "sub/z broken.cif: does not parse" in details["sub/z broken.cif"].replace(str(folder) + "/", "")
    assert table.reasons()[reading.CONTRADICTION] == 2


def test_disorder_is_read_on_request(folder):
    table = mg.datasets.abx3_from_folder(folder, disordered=True)
    assert "f disordered.cif" in table.names
    row = table.names.index("f disordered.cif")
    assert table.radii[row, 0] == pytest.approx((1.88 + 1.72) / 2)
    assert not table.structure(row).is_ordered


def test_a_folder_without_crystals_is_named(tmp_path):
    with pytest.raises(mg.InputError, match=r"holds no file \*\.cif"):
        mg.datasets.abx3_from_folder(tmp_path)
    with pytest.raises(mg.InputError, match="nowhere: is not a folder"):
        mg.datasets.abx3_from_folder(tmp_path / "nowhere")


def test_the_materials_project_is_asked_once_and_read_by_the_same_rules():
    asked = []

    def search(**keywords):
        asked.append(keywords)
        return [
            SimpleNamespace(material_id=f"mp-{i}", formula_pretty=make().composition.reduced_formula, structure=make())
            for i, make in enumerate(STRUCTURES.values(), start=1)
        ]

    client = SimpleNamespace(materials=SimpleNamespace(summary=SimpleNamespace(search=search)))
    table = mg.datasets.abx3_from_materials_project(client=client, energy_above_hull=0.05)
    assert asked == [
        {
            "formula": ["ABC3"],
            "energy_above_hull": (0.0, 0.05),
            "fields": ["material_id", "formula_pretty", "structure"],
        }
    ]
    assert table.names == ("mp-1", "mp-3")
    assert [entry.kind for entry in table.skipped] == list(EXPECTED.values())


def test_a_refused_key_is_one_line():
    def search(**keywords):
        raise RuntimeError("REST query returned with error status code 401\nInvalid API key")

    client = SimpleNamespace(materials=SimpleNamespace(summary=SimpleNamespace(search=search)))
    with pytest.raises(mg.InputError, match=r"^Materials Project: REST query returned with error status code 401$"):
        mg.datasets.abx3_from_materials_project(client=client)


def _pack(values):
    return base64.b64encode((4e6 * np.array(values)).round().astype("<i4").tobytes()).decode()


@pytest.fixture
def amcsd(tmp_path):
    """A database of the layout of larixite's, with the structures above."""
    path = tmp_path / "amcsd.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE spacegroups (id INTEGER PRIMARY KEY, symmetry_xyz TEXT);
            CREATE TABLE minerals (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE publications (id INTEGER PRIMARY KEY, journalname TEXT, year INTEGER);
            CREATE TABLE cif (id INTEGER PRIMARY KEY, mineral_id, spacegroup_id, publication_id, formula TEXT,
                a TEXT, b TEXT, c TEXT, alpha TEXT, beta TEXT, gamma TEXT,
                atoms_sites TEXT, atoms_x TEXT, atoms_y TEXT, atoms_z TEXT, atoms_occupancy TEXT);
            INSERT INTO publications VALUES (1, 'American Mineralogist', 2002);
            INSERT INTO minerals VALUES (1, '<missing>'), (2, 'Tausonite');
            """
        )
        for number, (name, make) in enumerate(STRUCTURES.items(), start=1):
            _insert(connection, number, make(), mineral=2 if name.startswith("a") else 1)
    connection.close()
    return path


def _insert(connection, number, crystal, mineral):
    """All atoms, and identity, as AMCSD has many an entry; the first entry has its asymmetric unit and operations."""
    operations = ["x,y,z"]
    if mineral == 2:
        symmetry = SpacegroupAnalyzer(crystal)
        operations = [operation.as_xyz_str() for operation in symmetry.get_symmetry_operations()]
        equivalent = symmetry.get_symmetry_dataset().equivalent_atoms
        crystal = Structure.from_sites([crystal[i] for i in np.unique(equivalent)])
    rows = [
        (f"{specie.symbol}{i}", *site.frac_coords % 1, float(share))
        for i, site in enumerate(crystal, start=1)
        for specie, share in site.species.items()
    ]
    labels, x, y, z, shares = zip(*rows, strict=True)
    connection.execute("INSERT INTO spacegroups VALUES (?, ?)", (number, json.dumps(operations)))
    connection.execute(
        f"INSERT INTO cif VALUES ({', '.join('?' * 16)})",  # noqa: S608 - question marks only
        (
            number, mineral, number, 1, crystal.composition.formula if mineral == 1 else "Sr Ti O3",
            *map(str, crystal.lattice.parameters), json.dumps(labels), _pack(x), _pack(y), _pack(z),
            "0" if set(shares) == {1.0} else _pack(shares),
        ),
    )  # fmt: skip


def test_the_amcsd_is_read_by_the_same_rules(amcsd):
    table = mg.datasets.abx3_from_amcsd(amcsd)
    assert table.names == (
        "AMCSD 0000001 Tausonite, American Mineralogist (2002)",
        "AMCSD 0000003, American Mineralogist (2002)",
    )
    np.testing.assert_allclose(table.lattice_constant, [3.905, 5.625])
    assert len(table.structure(0)) == 5
    assert [entry.kind for entry in table.skipped] == list(EXPECTED.values())
    assert len(mg.datasets.abx3_from_amcsd(amcsd, disordered=True)) == 3


def test_an_entry_of_the_amcsd_that_does_not_read_is_skipped(amcsd):
    with sqlite3.connect(amcsd) as connection:
        connection.execute("UPDATE cif SET atoms_x = 'AAAA' WHERE id = 1")
    connection.close()
    table = mg.datasets.abx3_from_amcsd(amcsd)
    assert table.skipped[0].kind == reading.UNREADABLE
    assert table.names[0].startswith("AMCSD 0000002")  # no longer a duplicate


def test_what_is_no_amcsd_is_named(tmp_path):
    with pytest.raises(mg.InputError, match=r"nothing\.db: is not a file"):
        mg.datasets.abx3_from_amcsd(tmp_path / "nothing.db")
    (tmp_path / "text.db").write_text("this is not a database, only a text of more than a hundred characters " * 3)
    with pytest.raises(mg.InputError, match=r"text\.db: is not an AMCSD database of larixite: file is not a database"):
        mg.datasets.abx3_from_amcsd(tmp_path / "text.db")


class Hidden:
    """A finder that stands for an environment without mp-api."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mp_api":
            raise ModuleNotFoundError(f"No module named {name!r}", name="mp_api")


def test_without_the_extras_their_names_are_told(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(mg.MissingExtraError, match=r"larixite .* 'matganip\[amcsd\]'"):
        mg.datasets.abx3_from_amcsd()
    monkeypatch.setattr(sys, "meta_path", [Hidden(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "mp_api", raising=False)
    monkeypatch.delitem(sys.modules, "mp_api.client", raising=False)
    with pytest.raises(mg.MissingExtraError, match=r"mp_api.* 'matganip\[materials-project\]'"):
        mg.datasets.abx3_from_materials_project("key")
