"""Tests that need a program which not everybody has are collected where it is installed; the report's head says so."""

from __future__ import annotations

from importlib.util import find_spec

NEEDS = {"test_chgnet.py": "chgnet", "test_gpaw.py": "gpaw"}

collect_ignore = [file for file, package in NEEDS.items() if not find_spec(package)]


def pytest_report_header() -> list[str]:
    return [
        f"tests/labels/{file}: {'left out, needs' if file in collect_ignore else 'collected, there is'} {package}"
        for file, package in NEEDS.items()
    ]
