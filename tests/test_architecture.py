"""House rules that import-linter cannot see: it knows no compiled module."""

from __future__ import annotations

import ast
from pathlib import Path

import matganip

PACKAGE = Path(matganip.__file__).parent


def _imports_core(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import) and any(alias.name == "matganip._core" for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and (
            node.module == "matganip._core"
            or (node.module == "matganip" and any(alias.name == "_core" for alias in node.names))
        ):
            return True
    return False


def test_only_rooms_with_kernels_call_the_compiled_core():
    callers = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py") if _imports_core(path)}
    assert callers == {"configurations", "features", "learning"}


def test_files_are_read_in_one_sitting():
    long = {str(p.relative_to(PACKAGE)): n for p in PACKAGE.rglob("*.py") if (n := p.read_text().count("\n")) > 500}
    assert long == {}
