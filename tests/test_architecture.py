"""House rules that import-linter cannot see: it knows no compiled module."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from networkx import DiGraph, strongly_connected_components

import matganip

PACKAGE = Path(matganip.__file__).parent
TESTS = Path(__file__).parent


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
    assert callers == {"configurations", "features", "learning", "versions.py"}


def test_files_are_read_in_one_sitting():
    long = {str(p.relative_to(PACKAGE)): n for p in PACKAGE.rglob("*.py") if (n := p.read_text().count("\n")) > 500}
    assert long == {}


def _imports(path):
    """Modules of the package that a module imports when it is imported or when a function of it runs."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in typing_only and str(node.module).startswith("matganip"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield str(node.module)


def test_no_module_imports_itself_through_others():
    """Also not by an import within a function: what needs that stands in the wrong place."""
    names = {".".join(("matganip", *p.relative_to(PACKAGE).with_suffix("").parts)): p for p in PACKAGE.rglob("*.py")}
    graph = {
        name: {other for other in _imports(path) if other in names and other != name}
        for name, path in names.items()
        if path.name != "__init__.py"
    }
    circles = [sorted(part) for part in strongly_connected_components(DiGraph(graph)) if len(part) > 1]
    assert circles == []


def test_a_class_name_stands_for_one_thing():
    """Also a private one: no two classes of the package have the same name."""
    names = Counter(
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    assert {name: n for name, n in names.items() if n > 1} == {}


def test_every_test_that_is_called_slow_exists():
    """A renamed one would run in `make check` again, and nobody would know why it became slow."""
    lines = (TESTS / "slow.txt").read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    names = {}
    for line in lines:
        file, _, test = line.partition("::")
        if file not in names:
            tree = ast.parse((TESTS.parent / file).read_text(encoding="utf-8"))
            kinds = (ast.FunctionDef, ast.ClassDef)
            names[file] = {""} | {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
        assert test.replace("::", ".").rpartition(".")[2] in names[file], line
