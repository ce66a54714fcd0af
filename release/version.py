"""The places that name the version, and the step to the next one.

python release/version.py           # says what each place has; 1 where they differ
python release/version.py 0.2.0     # a release: the version, and what is unreleased in the changelog becomes its own

`pyproject.toml` is the one that counts: the package, the wheels and the site read it from there. The citation file and
the conda recipe repeat it, because their readers know no other file.
"""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = {
    "pyproject.toml": r'^version = "(.+)"$',
    "CITATION.cff": r"^version: (.+)$",
    "release/conda/recipe.yaml": r"^  version: (\d.*)$",
}
UNRELEASED = "## [Unreleased]"


def found() -> dict[str, str]:
    """The version that each place names."""
    return {place: _matches(place, pattern)[1] for place, pattern in PLACES.items()}


def released() -> list[str]:
    """Versions that the changelog has a section of, the newest first."""
    return re.findall(r"^## \[(\d.*?)\]", _text("CHANGELOG.md"), re.MULTILINE)


def step(version: str) -> None:
    """Write a new version into every place, and a heading for it into the changelog."""
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        sys.exit(f"{version}: a version is three numbers, as 0.2.0 or 0.2.0rc1")
    if version in released():
        sys.exit(f"{version}: the changelog has it already")
    for place, pattern in PLACES.items():
        match, text = _matches(place, pattern), _text(place)
        _write(place, text[: match.start(1)] + version + text[match.end(1) :])
    today = datetime.datetime.now(tz=datetime.UTC).date()
    heading = f"{UNRELEASED}\n\n## [{version}] - {today}"
    _write("CHANGELOG.md", _text("CHANGELOG.md").replace(UNRELEASED, heading, 1))


def _matches(place: str, pattern: str) -> re.Match[str]:
    (match,) = re.finditer(pattern, _text(place), re.MULTILINE)
    return match


def _text(place: str) -> str:
    return (ROOT / place).read_text(encoding="utf-8")


def _write(place: str, text: str) -> None:
    (ROOT / place).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        step(sys.argv[1])
    for place, version in found().items():
        print(f"{version}  {place}")
    sys.exit(len(set(found().values())) > 1)
