"""The page of a screen tells what the folder holds, and turns without a network."""

from __future__ import annotations

import re

import pytest
from screens import run

import matganip as mg
from matganip.report.screen import write_screen_report
from matganip.screening.winners import read_winners


@pytest.fixture(scope="module")
def page(model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "screen"
    run(model_folder, folder, cascade=True)
    return write_screen_report(folder).read_text(encoding="utf-8"), folder


def test_the_page_tells_of_all_and_of_the_winners(page):
    text, folder = page
    assert "134,596" in text
    assert "603" in text
    assert "The model re-scored" in text
    first = read_winners(folder).slice(0, 1).to_pylist()[0]
    assert f"{first['prediction_eV']:.4f}" in text
    assert first["point_group"] in text
    assert "What this does not show" in text


def test_six_winners_turn_offline(page):
    text, _ = page
    outside = text.replace(re.search(r"<script>.*?</script>", text, re.S).group(0), "", 1)
    assert outside.count("Plotly.newPlot(") == 6
    assert not re.search(r"""(src|href)=["']https?:""", outside)
    assert outside.count('"name":"Br"') == 6


def test_a_part_and_an_unfinished_screen_have_no_page(model_folder, tmp_path):
    run(model_folder, tmp_path / "part", part=(0, 2))
    with pytest.raises(mg.InputError, match="part 0 of 2"):
        write_screen_report(tmp_path / "part")
    with pytest.raises(mg.InputError, match="no screen is there"):
        write_screen_report(tmp_path)
