"""Figures are made in one style, written atomically, and leave matplotlib's settings alone."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from PIL import Image

import matganip.plots as plots
from matganip.errors import InputError
from matganip.plots import style
from matganip.plots.energies import parity
from matganip.plots.style import axes_or_new, canvas, house_style, off_screen, panels_or_new, save_figure

ENERGY = np.arange(5.0)


@pytest.fixture
def drawn():
    return parity(ENERGY, ENERGY + 0.1, ax=off_screen())


def test_a_figure_is_a_png_and_leaves_matplotlibs_settings_alone(tmp_path):
    before = dict(mpl.rcParams)
    axes = canvas(4, 3, 2)
    assert len(axes) == 2
    save_figure(axes, tmp_path / "a.png")
    assert dict(mpl.rcParams) == before
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert image.width == pytest.approx(4 * 170, abs=60)


@pytest.mark.parametrize(("suffix", "head"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_equal_figures_are_equal_bytes(tmp_path, drawn, suffix, head):
    again = parity(ENERGY, ENERGY + 0.1, ax=off_screen())
    for name, ax in (("a", drawn), ("b", again)):
        save_figure(ax, tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    assert (tmp_path / f"a.{suffix}").read_bytes().startswith(head)


def test_a_figure_of_another_format_or_of_no_folder_is_refused(tmp_path, drawn):
    with pytest.raises(InputError, match=r"a\.xyz: a figure is written as \.png, \.pdf or \.svg"):
        save_figure(drawn, tmp_path / "a.xyz")
    with pytest.raises(InputError, match=r"a\.png: cannot be written"):
        save_figure(drawn, tmp_path / "none" / "a.png")


def test_a_figure_that_cannot_be_drawn_leaves_no_file(tmp_path, drawn, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("drawing failed")

    monkeypatch.setattr(drawn, "draw", fail)
    with pytest.raises(RuntimeError, match="drawing failed"):
        save_figure(drawn, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_figure_axes_or_an_array_of_axes_can_be_written(tmp_path):
    axes = canvas(3, 2, 2)
    for number, what in enumerate((axes, axes[0], axes[0].figure)):
        save_figure(what, tmp_path / f"{number}.png")
    first, *others = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert others == [first, first]


def test_a_plot_function_draws_where_it_is_told(drawn):
    (given,) = canvas(3, 3)
    assert parity(ENERGY, ENERGY, ax=given) is given
    assert tuple(drawn.figure.get_size_inches()) == (4.3, 4.3)
    sub = pyplot.figure().subfigures(1, 2)[0]
    assert axes_or_new(sub).figure is sub
    pyplot.close("all")


def test_by_default_it_draws_into_a_new_figure_of_pyplots():
    before = pyplot.get_fignums()
    ax = parity(ENERGY, ENERGY)
    try:
        assert pyplot.gcf() is ax.figure
        assert not ax.spines["top"].get_visible()
        assert ax.xaxis.get_major_ticks()[0].label1.get_fontsize() == 8.5
    finally:
        pyplot.close(ax.figure)
    assert pyplot.get_fignums() == before


def test_an_off_screen_figure_is_none_of_pyplots(drawn):
    assert drawn.figure not in map(pyplot.figure, pyplot.get_fignums())


def test_the_wrong_number_of_panels_is_refused():
    with pytest.raises(InputError, match="this figure has 3 panels, but axes holds 2"):
        panels_or_new(canvas(3, 3, 2), 3, 3, 3)


def test_panels_stand_below_each_other_where_asked():
    top, bottom = canvas(3, 3, 2, nrows=2)
    assert top.get_position().y0 > bottom.get_position().y1 - 1e-9


def test_every_public_plot_function_takes_axes():
    for name in plots.__all__:
        function = getattr(plots, name)
        if inspect.isfunction(function) and not function.__module__.endswith("style"):
            parameters = inspect.signature(function).parameters
            place = parameters.get("ax") or parameters.get("axes")
            assert place is not None, name
            assert place.default is None, name


def test_colours_of_lines_are_told_apart_by_the_colour_blind():
    """No two colours of curves come close for any kind (Machado, Oliveira, Fernandes 2009, severity 1)."""
    kinds = (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    )
    for kind in kinds:
        seen = [np.array(kind) @ to_rgb(color) for color in (style.MODEL, style.LABEL, style.BEST, style.INK)]
        assert min(np.abs(a - b).max() for a, b in itertools.combinations(seen, 2)) > 0.1


def test_figures_name_no_file_of_this_machine(tmp_path, drawn):
    save_figure(drawn, tmp_path / "a.svg")
    assert str(Path.home()) not in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_the_style_restores_what_it_sets_and_nothing_else():
    import matplotlib

    before = dict(matplotlib.rcParams)
    try:
        with pytest.raises(ZeroDivisionError), house_style():
            matplotlib.interactive(True)  # as the backend of a notebook does when it is loaded
            assert matplotlib.rcParams["axes.spines.top"] is False
            1 / 0  # noqa: B018
        assert matplotlib.is_interactive()
    finally:
        matplotlib.interactive(False)
    assert dict(matplotlib.rcParams) == before
