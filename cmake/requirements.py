"""Print the requirements of pyproject.toml, every extra included, one to a word, for pip in the Makefile."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
listed = [
    *project["dependencies"],
    *(r for extra in project["optional-dependencies"].values() for r in extra),
]
print(*sorted({requirement for requirement in listed if not requirement.startswith(project["name"])}))
