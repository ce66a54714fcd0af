"""`matganip keys`: every key of a study file, its type, its default and what it is for."""

from __future__ import annotations

from matganip.cli.console import print_json, say, stdout, tidy
from matganip.cli.spaces import Json


@tidy
def keys(json: Json = False) -> None:
    """List every key that a study file may have."""
    from rich.text import Text

    from matganip.workflows.reference import reference

    entries = reference()
    if json:
        print_json([vars(entry) for entry in entries])
        return
    console = stdout()
    for entry in entries:
        default = f", default {entry.default}" if entry.default not in ("", "required") else ""
        required = ", required" if entry.default == "required" else ""
        console.print(Text.assemble((entry.key, "bold"), (f"   {entry.type}{default}{required}", "dim")))
        say(console, entry.description, indent="    ")
