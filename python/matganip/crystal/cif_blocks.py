"""The text of a CIF cut into data blocks, names and values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from matganip.errors import InputError

_TOKEN = re.compile(
    r"""^;(?P<text>.*?)^;"""  # a text field: from a semicolon that begins a line to the next one
    r"""|\#[^\n]*"""
    r"""|'(?P<single>[^\n]*?)'(?!\S)|"(?P<double>[^\n]*?)"(?!\S)"""  # a quote inside a word does not close it
    r"""|(?P<bare>\S+)""",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class CifBlock:
    """A data block.

    Attributes
    ----------
    name : str
        Behind ``data_``.
    values : dict
        By name as it is spelt: a text, or a list of texts of a loop.
    loops : list of list of str
        Names that stand in a loop together.
    stray : list of str
        Words that belong to no name.
    """

    name: str
    values: dict[str, str | list[str]] = field(default_factory=dict)
    loops: list[list[str]] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)


def cif_blocks(text: str) -> list[CifBlock]:
    """Cut the text of a CIF into its blocks.

    (S. R. Hall, F. H. Allen, I. D. Brown, Acta Cryst. A47, 655 (1991); the rules of CIF 1.1, forgiving what many files
    do: a loop that is cut short in a category that no structure needs, words between.)

    Parameters
    ----------
    text : str

    Returns
    -------
    list of CifBlock
        In their order; a name that is there already gets ``#2``.

    Raises
    ------
    InputError
        If a loop of the atoms, the cell or the symmetry has a row that is not complete.

    Examples
    --------
    >>> (block,) = cif_blocks("data_x _cell_length_a 4.1(2) loop_ _atom_site_label _atom_site_type_symbol O1 'O2-'")
    >>> block.name, block.values["_cell_length_a"], block.values["_atom_site_type_symbol"]
    ('x', '4.1(2)', ['O2-'])
    """
    blocks: list[CifBlock] = []
    block = CifBlock("")
    name: str | None = None  # waits for its value
    columns: list[str] = []
    rows: list[str] = []
    for word, bare in _words(text):
        key = word.lower() if bare else ""
        keyword = key.startswith(("_", "data_", "loop_"))
        if keyword and name is not None:
            block.values.setdefault(name, "")
            name = None
        if keyword and columns and (rows or not key.startswith("_")):
            _fill(block, columns, rows)
            columns, rows = [], []
        if key.startswith("data_"):
            block = CifBlock(_new(word[5:], blocks))
            blocks.append(block)
        elif key.startswith("loop_"):
            columns, rows = [""], []  # names follow
        elif key.startswith("_") and columns:
            columns = [*filter(None, columns), word]
        elif key.startswith("_"):
            name = word
        elif name is not None:
            block.values[name], name = word, None
        elif any(columns):
            rows.append(word)
        else:
            block.stray.append(word)
    if name is not None:
        block.values.setdefault(name, "")
    _fill(block, columns, rows)
    return blocks


def _words(text: str) -> list[tuple[str, bool]]:
    """Words, and whether they stand bare, without quotes."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "bare":
            found.append((match["bare"], True))
        elif kind is not None:
            found.append((" ".join(line.strip() for line in match[kind].splitlines()).strip(), False))
    return found


def _new(name: str, blocks: list[CifBlock]) -> str:
    number = sum(one.name.partition("#")[0] == name for one in blocks)
    return f"{name}#{number + 1}" if number else name


def _fill(block: CifBlock, columns: list[str], rows: list[str]) -> None:
    """Put a loop into a block."""
    columns = [name for name in columns if name]
    if not columns:
        return
    if len(rows) % len(columns):
        if columns[0].lower().startswith(("_atom", "_cell", "_symmetry", "_space")):
            raise InputError(
                f"the loop of {columns[0]} has {len(columns)} columns and {len(rows)} values, which make no whole rows"
            )
        return  # what no structure needs
    block.loops.append(columns)
    for number, column in enumerate(columns):
        block.values[column] = rows[number :: len(columns)]
