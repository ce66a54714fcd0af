"""Print the requirements of pyproject.toml, one to a word, for pip in the Makefile: every extra that tests import.

The clients of data services bring dozens of packages of their own, and stubs stand for them in tests.
"""

import tomllib
from pathlib import Path

DATA_SERVICES = {"materials-project", "amcsd"}

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
listed = [
    *project["dependencies"],
    *(r for name, extra in project["optional-dependencies"].items() if name not in DATA_SERVICES for r in extra),
]
print(*sorted({requirement for requirement in listed if not requirement.startswith(project["name"])}))
