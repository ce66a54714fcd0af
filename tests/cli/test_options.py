"""Every option acts, or is refused by name, on every kind of crystal: none is silent."""

from __future__ import annotations

from pathlib import Path

import pytest
from option_cells import COMMAND, COMMANDS, rows, table

PAGE = Path(__file__).parents[2] / "docs" / "options.md"
ELSEWHERE = {
    "suggest": "calculator setting relax database strategy number budget replay seeds figure cutoff pairs-only "
    "candidates seed workers output json",
    "dft write": "output code relax encut kpoints kpoint-density incar potcar setting pseudo custodian database number "
    "seed overwrite json",
}
"""Options of commands that are in the table for how they read a crystal."""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.filterwarnings("ignore")
def test_every_cell_is_what_the_page_says(command: str) -> None:
    made = table(command)
    assert "SILENT" not in made
    assert made in PAGE.read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_table(command: str) -> None:
    found = COMMAND
    for word in command.split():
        found = found.commands[word]
    options = {name for one in found.params for name in one.opts if name.startswith("--")}
    options -= {f"--{name}" for name in ELSEWHERE.get(command, "").split()} | {"--help"}
    assert options == {row.option.split(",")[0].split(" ")[0] for row in rows() if row.command == command}
