"""Print requirements of pyproject.toml, one to a word, for pip in the Makefile.

python cmake/requirements.py demo    # to build and to run
python cmake/requirements.py         # everything but extras of other packages' users, to test too
"""

import sys
import tomllib
from pathlib import Path

document = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
project, build = document["project"], document["build-system"]["requires"]
extras = project["optional-dependencies"]
to_build = [one for one in extras["dev"] if one.startswith(("cmake", "ninja"))]
heavy = {"jobflow", "materials-project", "amcsd"}
chosen = ("learn", "report") if sys.argv[1:] == ["demo"] else [extra for extra in extras if extra not in heavy]
listed = [*project["dependencies"], *build, *to_build, *(one for extra in chosen for one in extras[extra])]
print(*sorted({requirement for requirement in listed if not requirement.startswith(project["name"])}))
