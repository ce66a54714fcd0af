from __future__ import annotations

import pytest
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg

POSCAR = """CsPbI3
1.0
6.289 0 0
0 6.289 0
0 0 6.289
{elements}1 1 3
direct
0 0 0
0.5 0.5 0.5
0 0.5 0.5
0.5 0 0.5
0.5 0.5 0
"""


def _same(first, second):
    return first.matches(second, anonymous=False) and len(first) == len(second)


def test_reads_structures_atoms_and_files(tmp_path, cspbi3):
    cif = tmp_path / "CsPbI3.cif"
    cspbi3.to(filename=str(cif))
    poscar = tmp_path / "POSCAR"
    poscar.write_text(POSCAR.format(elements="Cs Pb I\n"))
    sources = [cspbi3, AseAtomsAdaptor.get_atoms(cspbi3, msonable=False), cif, str(cif), poscar]
    for source in sources:
        assert _same(mg.read_structure(source), cspbi3)


@pytest.mark.parametrize("name", ["POSCAR", "CONTCAR_1", "perovskite.vasp"])
def test_a_poscar_without_element_line_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text(POSCAR.format(elements=""))
    with pytest.raises(mg.InputError, match="no line of element symbols") as caught:
        mg.read_structure(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.cif", "data_x\n_cell_length_a nonsense\n", "does not parse"),
        ("empty.cif", "", "does not parse"),
        ("POSCAR", "one line", "does not parse"),
        ("strange.xyz123", "1 2 3", "does not parse"),
        ("binary.cif", "\x00\x01\x02", "does not parse"),
    ],
)
def test_what_does_not_parse_is_named_in_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(mg.InputError, match=message) as caught:
        mg.read_structure(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(mg.InputError, match=r"nowhere.cif: cannot be read: No such file"):
        mg.read_structure(tmp_path / "nowhere.cif")
    with pytest.raises(mg.InputError, match="is a folder"):
        mg.read_structure(tmp_path)
    with pytest.raises(mg.InputError, match="got int"):
        mg.read_structure(3)


def test_perovskite_puts_a_b_and_x_where_they_belong(cspbi3):
    assert [site.specie.symbol for site in cspbi3] == ["Cs", "Pb", "I", "I", "I"]
    assert cspbi3.get_space_group_info()[0] == "Pm-3m"
    # Lead has the higher charge: it is B however the formula is written.
    assert mg.perovskite("PbCsI3", a=6.289) == cspbi3


@pytest.mark.parametrize("formula", ["CsPbI2", "NaCl", "CsPbICl2", "??"])
def test_what_is_no_perovskite_is_refused(formula):
    with pytest.raises(mg.InputError, match="formula"):
        mg.perovskite(formula, a=6)


@pytest.mark.parametrize("a", [0, -1, float("nan")])
def test_a_senseless_lattice_constant_is_refused(a):
    with pytest.raises(mg.InputError, match="positive"):
        mg.perovskite("CsPbI3", a=a)
