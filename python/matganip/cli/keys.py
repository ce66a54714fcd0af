"""`matganip keys`: every key of a study file, its type, its default and what it is for."""

from __future__ import annotations

from matganip.cli.console import print_json, show, stdout, tidy
from matganip.cli.spaces import Json


@tidy
def keys(json: Json = False) -> None:
    """List every key that a study file may have."""
    from matganip.report.content import Table
    from matganip.study.reference import reference

    entries = reference()
    if json:
        print_json([vars(entry) for entry in entries])
        return
    rows = tuple((entry.key, entry.type, entry.default, entry.description) for entry in entries)
    show(stdout(), Table("", ("key", "type", "default", "meaning"), rows, "lwww"))
