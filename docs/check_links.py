"""Check that every link of the built site leads somewhere, and that its pages load nothing from a network.

`python docs/check_links.py build/site`
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """The anchors of a page, and what it refers to: (tag, attribute, address)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors = {""}
        self.references: list[tuple[str, str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchors and references of a tag."""
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")
            elif name in {"href", "src"} and value is not None:
                self.references.append((tag, name, value))


def faults(root: Path) -> list[str]:
    """What is wrong with the links of the pages under a folder, one line each."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for tag, attribute, address in page.references:
            parts = urlsplit(address)
            where = f"{path.relative_to(root.resolve())}: {address}"
            if parts.scheme == "data" or (parts.scheme and (tag, attribute) not in LOADS):
                continue
            if parts.scheme or parts.netloc:
                found.append(f"{where} is loaded from a network")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                found.append(f"{where} does not exist")
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{where} has no such anchor")
    return found


def main(root: Path) -> int:
    """Print the faults; the exit status says whether there were any."""
    found = faults(root)
    print(*found, sep="\n" if found else "")
    if not found:
        print(f"{root}: every link of {len(list(root.rglob('*.html')))} pages leads somewhere")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
