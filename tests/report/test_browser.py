"""The report and the page of `matganip view` in a real browser, without a network; skipped where there is none."""

from __future__ import annotations

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

import matganip as mg
from matganip.report.screen import write_screen_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

MODEL = (15, 118, 110)
SIZES = {"a desktop": (1280, 900), "a phone": (420, 800)}
# WebGL in software: a machine that runs tests has no graphics card.
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=os.geteuid() != 0, timeout=120_000
        )
        yield launched
        launched.close()


@pytest.fixture(params=SIZES)
def tab(browser, request):
    """An empty page of one size; at the end nothing was asked of a network and no script failed."""
    width, height = SIZES[request.param]
    opened = browser.new_page(viewport={"width": width, "height": height})
    opened.set_default_timeout(120_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.on("request", lambda asked: faults.append(asked.url) if not _own(asked.url) else None)
    yield opened
    opened.close()
    assert faults == []


def _own(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:"))


@pytest.fixture(scope="module")
def report(model_3of24, space_3of24, tmp_path_factory):
    screened = mg.screen(model_3of24, space_3of24, top=2)
    return write_screen_report(screened, tmp_path_factory.mktemp("page") / "report.html").as_uri()


def picture(element) -> np.ndarray:
    """What a person sees of an element, (height, width, 3)."""
    element.scroll_into_view_if_needed()
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(int)


def drawn(element, color: tuple[int, int, int] = (180, 19, 79), n_pixels: int = 60) -> np.ndarray:
    """The picture of an element once so many of its points have a colour, by default that of the first dopant."""
    for _ in range(100):
        seen = picture(element)
        if (np.abs(seen - color).max(axis=2) < 25).sum() > n_pixels:
            return seen
        element.page.wait_for_timeout(300)
    raise AssertionError("the panel stays blank")


def changed(element, before) -> None:
    """Wait until an element looks different."""
    for _ in range(100):
        if np.abs(picture(element) - before).max() > 100:
            return
        element.page.wait_for_timeout(300)
    raise AssertionError("nothing moved")


def until(tab, holds) -> None:
    """Wait for what the page shows once the server has answered."""
    for _ in range(100):
        if holds():
            return
        tab.wait_for_timeout(100)
    raise AssertionError("the page does not show what was asked for")


def fits(tab) -> bool:
    """Whether the page is no wider than the window."""
    return tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_report_opens_and_its_structures_rotate(tab, report):
    tab.goto(report)
    assert fits(tab)
    assert tab.locator(".scene").count() == 2
    drawn(tab.locator(".scene").last)
    place = tab.locator(".scene").first
    before = drawn(place)
    box = place.bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 190, box["y"] + 130, steps=5)
    tab.mouse.up()
    changed(place, before)
    before = picture(place)
    place.focus()
    place.press("ArrowRight")
    place.press("ArrowRight")
    changed(place, before)
    assert tab.locator(".scene:focus").count() == 1


def test_the_report_prints_with_its_structures(browser, report):
    tab = browser.new_page()
    tab.set_default_timeout(120_000)
    tab.goto(report)
    assert tab.locator(".scene canvas").count() == 0  # none was in sight yet
    assert tab.pdf().startswith(b"%PDF")
    tab.emulate_media(media="print")
    assert not tab.locator("nav").is_visible()
    tab.locator(".scene canvas").first.wait_for()
    for place in tab.locator(".scene").all():
        drawn(place)
    tab.close()


def test_a_screen_is_explored(tab, screened):
    with mg.view(screened) as page:
        tab.goto(page.url)
        lines = tab.locator("#rows tr")
        lines.nth(18).wait_for()
        drawn(tab.locator("#scatter"))  # the ring around the chosen row
        drawn(tab.locator("#pattern"), MODEL, 20)
        before = drawn(tab.locator("#structure"))
        assert fits(tab)
        lines.first.focus()
        lines.first.press("ArrowDown")
        changed(tab.locator("#structure"), before)
        until(tab, lambda: tab.locator("#name").inner_text().startswith("Rank 2,"))
        tab.get_by_role("button", name="multiplicity").click()
        tab.locator("th[aria-sort=ascending]", has_text="multiplicity").wait_for()
        column, ordered = tab.locator("#rows tr td:nth-child(5)"), sorted(screened.winners.multiplicity.tolist())
        until(tab, lambda: [int(text) for text in column.all_inner_texts()] == ordered)
        tab.get_by_label("rank to").fill("4")
        tab.get_by_label("rank to").press("Enter")
        tab.get_by_text("4 pass the filters.").wait_for()
        until(tab, lambda: lines.count() == 4)
        with tab.expect_download() as kept:
            tab.get_by_text("Download CIF").click()
        assert kept.value.suggested_filename == "rank_000002.cif"
