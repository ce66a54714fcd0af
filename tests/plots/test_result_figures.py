"""Results draw themselves: into Axes, into a file, into a notebook."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.plots.style import off_screen
from matganip.results.arrangements import Arrangements
from matganip.results.labelling import LabelledComposition, LabellingResult, Tally
from matganip.results.learning_curves import LearningCurves
from matganip.results.thermo import PatternResult

SPACE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})


def labelling() -> LabellingResult:
    labelled = mg.read_labels("cspbi3_br/chgnet_X3of24").join(SPACE)
    return LabellingResult("CHGNet", "static", "0", (LabelledComposition("Cs8 Pb8 Br3 I21", Tally(19, 19), labelled),))


def mean_patterns() -> PatternResult:
    intensity = np.array([[100, 20, 3.0], [100, 25, 5.0]])
    return PatternResult(
        np.array([10.0, 20.0, 30.0]), np.array([9.0, 5.0, 3.0]), (100.0, 300.0), intensity, np.zeros((2, 3))
    )


def learning_curves() -> LearningCurves:
    one = np.array([0.6])
    return LearningCurves(np.array([4, 8]), {"random": np.array([[0.4, 0.2]])}, one / 30, one, (0,), 15, 4, "CHGNet")


@pytest.mark.parametrize(
    ("result", "label"),
    [
        (lambda: Arrangements(next(SPACE.orbits()), 19), ""),
        (labelling, "above the lowest, meV/atom"),
        (mean_patterns, "2θ, degrees"),
        (learning_curves, "labels, of 15 orbits"),
    ],
)
def test_a_result_draws_itself(result, label, tmp_path):
    made = result()
    assert made.plot(off_screen()).get_xlabel() == label
    made.save_figure(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert '<img src="data:image/png;base64,' in made._repr_html_()


def test_patterns_of_temperatures_say_that_the_temperature_changes_them():
    names = [text.get_text() for text in mean_patterns().plot(off_screen()).get_legend().get_texts()]
    assert names == ["the same at every temperature", "depends on the temperature"]


def test_without_labels_there_is_no_figure(tmp_path):
    empty = LabellingResult("CHGNet", "static", "0", (LabelledComposition("Cs8", Tally(1, 0), None),))
    assert empty.plot(off_screen()) is None
    empty.save_figure(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
