"""The report is one file: everything inside, nothing fetched, nothing that a browser would run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from matganip.report.page import page, write_page
from matganip.results.content import Picture, Report, Section, Table


@pytest.fixture
def report(tmp_path) -> Report:
    Image.new("RGB", (4, 4), "white").save(tmp_path / "a.png")
    table = Table("Errors", ("split", "MAE"), (("orbit < out", "0.1"),), "lr", note="beside the constant's")
    section = Section("What it shows", ("A & B",), (table,), (Picture(tmp_path / "a.png", "A picture"),))
    return Report("A study", "of <something>", (("19", "orbits"),), (section,), (("seed", "0"),))


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_self_contained(report):
    reader = Reader()
    reader.feed(page(report))
    assert reader.open == []
    sources = [attributes["src"] for tag, attributes in reader.tags if tag == "img"]
    assert len(sources) == 1
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in reader.tags}
    outside = re.sub(r"data:image/png;base64,[\w+/=]+", "", page(report))
    assert not re.search(r"https?:|//\w|@import|url\(", outside)


def test_text_is_escaped(report):
    assert "of &lt;something&gt;" in page(report)
    assert "orbit &lt; out" in page(report)
    assert "A &amp; B" in page(report)


def test_a_table_keeps_headings_cells_alignment_and_note(report):
    text = page(report)
    assert '<td class="r">0.1</td>' in text
    assert "beside the constant&#39;s" in text


def test_the_page_is_written_whole(report, tmp_path):
    write_page(report, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page(report)


def test_a_table_whose_rows_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 columns"):
        Table("t", ("a", "b"), (("1",),))
