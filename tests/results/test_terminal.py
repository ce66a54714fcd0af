"""Tables on a terminal: whatever its width, no cell is cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from matganip.results.content import Table
from matganip.results.terminal import print_table

ROWS = tuple((f"row {k}", "2,498,640,144", "0.0148", "some words to wrap here", "9.99") for k in range(3))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("align", ["lrrlr", "lrrwr"])
def test_no_cell_is_cut_at_any_width(width: int, align: str):
    file = io.StringIO()
    columns = ("", "number of arrangements", "MAE", "told", "(mean)")
    print_table(Console(file=file, width=width), Table("", columns, ROWS, align))
    text = file.getvalue()
    assert text.count("2,498,640,144") == text.count("0.0148") == text.count("9.99") == 3
    assert "number of arrangements" in text
    assert "(mean)" in text
    for word in ("some", "words", "wrap", "here"):
        assert text.count(word) == 3
