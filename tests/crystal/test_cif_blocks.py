"""The text of a CIF cut into blocks, names and values: as pymatgen cuts it, and where that goes wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.io.cif import CifFile

import matganip as mg
from matganip.crystal.cif_blocks import cif_blocks
from matganip.errors import InputError

WORD = st.text("abcXYZ019+-.,()/", min_size=1, max_size=6).filter(lambda word: word[0] not in "+.,-()/")
QUOTED = st.text("abc XYZ0_#;", min_size=1, max_size=8).map(lambda text: f"'x{text}x'")
VALUE = WORD | QUOTED
PAIR = st.tuples(st.just("pair"), VALUE)
LOOP = st.tuples(st.just("loop"), st.integers(1, 3).flatmap(lambda n: st.lists(VALUE, min_size=n, max_size=n * 2).map(
    lambda values: (n, values[: len(values) - len(values) % n]))))  # fmt: skip


@settings(max_examples=40)
@given(st.lists(PAIR | LOOP, min_size=1, max_size=5))
def test_names_and_values_are_pymatgens(items) -> None:
    text = "data_one\n"
    for number, (kind, content) in enumerate(items):
        if kind == "pair":
            text += f"_name_{number} {content} # a remark\n"
        else:
            columns, values = content
            text += "loop_\n" + "".join(f"_loop_{number}_{k}\n" for k in range(columns)) + "\n".join(values) + "\n"
    (block,) = cif_blocks(text)
    assert block.values == CifFile.from_str(text).data["one"].data


def test_what_a_cif_may_hold() -> None:
    text = """# before
DATA_a _text
;two
 lines ;
;
_quoted 'it's' _other "a 'b'" _empty _name.of "#1"
LOOP_ _x _y 1 ; 'data_b'
2
data_a _z 1 loop_ _authors 'O'Neil' Smith 3 _q 1
"""
    first, second = cif_blocks(text)
    assert (first.name, second.name) == ("a", "a#2")
    assert first.values["_text"] == "two lines ;"
    assert (first.values["_quoted"], first.values["_other"]) == ("it's", "a 'b'")
    assert (first.values["_empty"], first.values["_name.of"]) == ("", "#1")
    assert (first.values["_x"], first.values["_y"]) == (["1", "data_b"], [";", "2"])
    assert second.values["_authors"] == ["O'Neil", "Smith", "3"]
    assert second.values["_q"] == "1"
    with pytest.raises(InputError, match="the loop of _atom_site_label has 2 columns and 3 values"):
        cif_blocks("data_x loop_ _atom_site_label _atom_site_fract_x A 0 B")
    assert cif_blocks("data_x loop_ _author _address A B C")[0].values == {}


HEAD = "data_x\n_cell_length_a 4\n_symmetry_cell_setting cubic\n_space_group_name_H-M_alt 'P 1'\nloop_\n"
COLUMNS = "".join(f"_atom_site_{name}\n" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z"))


def test_a_type_symbol_may_hold_several_species(tmp_path) -> None:
    path = tmp_path / "pauling.cif"
    path.write_text(f"{HEAD}{COLUMNS}Nb,Zr '0.8Nb + 0.2Zr' 0 0 0\nO1 O 0.5 0.5 0.5\n")
    first, second = mg.read_structure(path)
    assert {**first.species.as_dict(), **second.species.as_dict()} == {"Nb": 0.8, "Zr": 0.2, "O": 1.0}
