"""Print the requirements of pyproject.toml, all extras but the heavy ones, one to a word, for pip in the Makefile."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
heavy = {"jobflow", "materials-project", "amcsd"}
listed = [
    *project["dependencies"],
    *(r for extra, required in project["optional-dependencies"].items() if extra not in heavy for r in required),
]
print(*sorted({requirement for requirement in listed if not requirement.startswith(project["name"])}))
