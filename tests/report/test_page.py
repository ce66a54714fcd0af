"""The report is one file: everything inside, nothing fetched, nothing that a browser would run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from PIL import Image

import matganip as mg
from matganip.report.page import LIMITS, covered, limits, page, provenance, write_page
from matganip.report.viewer import configuration_scene, scene
from matganip.results.content import Picture, Report, Section, Table


@pytest.fixture
def report(tmp_path) -> Report:
    Image.new("RGB", (4, 4), "white").save(tmp_path / "a.png")
    table = Table("Errors", ("split", "MAE"), (("orbit < out", "0.1"),), "lr", note="beside the mean baseline's")
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
    assert "beside the mean baseline&#39;s" in text


def test_the_page_is_written_whole(report, tmp_path):
    write_page(report, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page(report)


def test_a_table_whose_rows_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 columns"):
        Table("t", ("a", "b"), (("1",),))


def test_what_reports_share_is_said_once(report):
    assert covered(134596, 603)[1] == ("603", "distinct by symmetry, all screened")
    closing = limits("One seed.")
    assert closing.paragraphs == ("One seed.", *LIMITS)
    text = page(Report("A", "b", covered(2024, 19), (*report.sections, closing), provenance([], {"numpy": "2.1"}, {})))
    assert "2,024" in text
    assert "What this does not show" in text
    assert "a Python call" in text
    assert "numpy 2.1" in text


def test_vacancies_are_in_the_scene_and_in_its_legend():
    space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 2, "F": 2}})
    html = configuration_scene(space, space.sample_orbits(1, seed=0).occupations[0], "one").html
    assert '"circle-open"' in html
    assert '"name":"vacancy"' in html
    assert '"name":"F"' in html


def test_a_scene_without_vacancies_names_none():
    assert "vacancy" not in scene(mg.perovskite("CsPbI3", a=6.289), ["Pb"]).html
