"""Bars in a notebook, and what a notebook shows of spaces, batches and labels."""

from __future__ import annotations

import sys
import types
from html.parser import HTMLParser

import pytest

import matganip as mg
from matganip.progress import Bar, NotebookBar, in_notebook, reporting


@pytest.fixture
def notebook(monkeypatch):
    """IPython as a kernel has it, as far as a bar needs it; what was shown last in each place."""
    places: list[str] = []

    class Handle:
        def __init__(self, html):
            self.number = len(places)
            places.append(html)

        def update(self, html):
            places[self.number] = html

    shell = type("ZMQInteractiveShell", (), {})()
    display = types.SimpleNamespace(HTML=lambda html: html, display=lambda html, display_id: Handle(html))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell, display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return places


def test_a_bar_in_a_notebook_goes_on_in_its_place_and_is_removed(notebook):
    with reporting(True) as report:
        assert isinstance(report, NotebookBar)
        report("train", 1, 4, "loss < 1")
        report("train", 4, 4)
        assert len(notebook) == 1
        assert 'value="100.0"' in notebook[0]
        report("screen", 1, 2, "a < b")
        assert "a &lt; b" in notebook[0]
        assert "1 of 2" in notebook[0]
    assert notebook == [""]


def test_a_bar_that_is_called_often_is_drawn_now_and_then(notebook):
    with NotebookBar() as bar:
        bar("screen", 1, 10**30)
        first = notebook[0]
        for done in range(2, 1000):
            bar("screen", done, 10**30)
        assert notebook[0] == first or "of 1,000,000" in notebook[0]


def test_a_terminal_has_the_other_bar():
    assert not in_notebook()
    with reporting(True) as report:
        assert isinstance(report, Bar)


def test_nothing_is_shown_where_nothing_was_reported(notebook):
    with reporting(True):
        pass
    assert notebook == []


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f" {data}"


@pytest.fixture
def oxide():
    return mg.ConfigurationSpace(
        mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 3, "F": 3}, "Ti": {"Nb": 2}}
    )


def test_a_space_shows_what_it_is(oxide):
    shown = Tags(oxide._repr_html_())
    assert shown.open == []
    for words in ("SrTiO3", "8 cells, 37 atoms", f"{oxide.n_configurations:,}", "vac", "Nb"):
        assert words in shown.text


def test_a_space_with_exclusions_is_not_counted_for_its_picture():
    space = mg.ConfigurationSpace(
        mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 2}}, min_distance={("Br", "Br"): 5.0}
    )
    assert "exclude each other" in space._repr_html_()


def test_a_batch_shows_its_first_rows(oxide):
    batch = oxide.sample_orbits(12, seed=0)
    shown = Tags(batch._repr_html_())
    assert shown.open == []
    assert "12 arrangements of" in shown.text
    assert shown.text.count("vac ") >= 10
    assert Tags(batch[:0]._repr_html_()).open == []


def test_a_series_and_labels_show_what_they_are():
    series = mg.CompositionSeries(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": range(1, 4)}})
    assert "2,024" in Tags(series._repr_html_()).text
    assert "GPAW" in Tags(mg.read_labels("cspbi3_br/gpaw_mp4_fixed")._repr_html_()).text
