"""The comparison of original and highlights, in a real browser: by keys, buttons and wheel, and at 320 px."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Seen
from tests.browser.test_review_page import INLINE
from tests.stories.test_journey import Draft

pytestmark = [pytest.mark.browser, pytest.mark.processes]
PLACED = """() => [...document.querySelectorAll('.d-sheet')].map(one => getComputedStyle(one).transform)"""
LINE = "() => getComputedStyle(document.querySelector('canvas.d-overlay')).clipPath"
SMALL = """() => [...document.querySelectorAll('.d-page button, .d-page input[type=range], .d-page select')]
    .map(one => [one.innerText || one.id, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([name]) => name)"""

MOVING = """() => [...document.querySelectorAll('.d-page *')]
    .filter(one => parseFloat(getComputedStyle(one).transitionDuration)).map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture
def opened(enter: Callable[..., Seen], held: Callable[[str], Draft]) -> Callable[..., Seen]:
    def at(width: int = 1280, **more: Any) -> Seen:
        seen = enter("erin", width=width, **more)
        seen.page.goto(held("compared").review)
        seen.page.locator("detection-viewer[data-palette]").wait_for()
        return seen

    return at


def test_the_highlights_are_compared_in_three_ways_by_keys_that_stand_on_the_buttons(
    opened: Callable[..., Seen],
) -> None:
    """E2, E4, E5."""
    seen = opened()
    page, marks = seen.page, seen.page.locator("canvas.d-overlay")
    assert marks.is_visible()
    assert marks.get_attribute("aria-label").count("% of the picture") == 1, "its places are told in words"
    page.keyboard.press("o")
    assert not marks.is_visible()
    assert page.locator("[data-act=overlay]").get_attribute("aria-pressed") == "false"
    assert page.locator("[data-status]").inner_text() == "Highlights hidden"
    page.keyboard.down("b")
    assert marks.is_visible(), "as long as the key is held"
    page.keyboard.up("b")
    assert not marks.is_visible()
    page.keyboard.press("o")

    page.keyboard.press("2")
    assert not page.get_by_text("Download", exact=True).is_visible(), "one picture, with a line"
    assert "50%" in page.evaluate(LINE)
    page.keyboard.press("]")
    assert "60%" in page.evaluate(LINE)
    assert (
        page.locator("input[data-range]").get_attribute("aria-valuetext")
        == "Highlights from 60 percent of the width on"
    )
    page.get_by_role("button", name="Full").click()
    assert "100%" in page.evaluate(LINE)

    page.keyboard.press("3")
    page.locator("input[data-range]").press("Home")
    assert page.evaluate("() => getComputedStyle(document.querySelector('canvas.d-overlay')).opacity") == "0"
    page.select_option("select[data-palette]", "own")
    assert page.locator("img.d-overlay").is_visible()
    page.reload()
    assert page.locator("detection-viewer[data-mode=opacity][data-palette=own]").count(), "it is as one left it"
    assert page.evaluate(INLINE) == []
    assert seen.troubles == []


def test_both_panes_show_the_same_place_however_they_are_moved(opened: Callable[..., Seen]) -> None:
    """E3."""
    page = opened().page
    at_first = page.evaluate(PLACED)
    page.get_by_role("button", name="Larger").click()
    placed = [at_first, page.evaluate(PLACED)]
    page.get_by_role("button", name="To the left").click()
    placed.append(page.evaluate(PLACED))
    page.locator(".d-compare").focus()
    page.keyboard.press("ArrowDown")
    placed.append(page.evaluate(PLACED))
    page.locator(".d-stage").first.hover()
    page.mouse.wheel(0, -120)
    placed.append(page.evaluate(PLACED))
    page.mouse.down()
    page.mouse.move(400, 500)
    page.mouse.up()
    placed.append(page.evaluate(PLACED))
    assert all(len(both) == 2 and both[0] == both[1] for both in placed)
    assert len({both[0] for both in placed}) == len(placed), "each of them moved it"
    page.keyboard.press("0")
    assert page.evaluate(PLACED) == at_first


def test_a_key_does_nothing_in_a_field_with_a_modifier_or_where_keys_are_off(opened: Callable[..., Seen]) -> None:
    """WCAG 2.1.4."""
    page = opened().page
    marks = page.locator("canvas.d-overlay")
    page.locator("input[value=accepted]").check()
    page.locator("#decision textarea").press("o")
    page.locator("h1").click()
    page.keyboard.press("Alt+o")
    page.evaluate("document.documentElement.dataset.keys = 'off'")
    page.keyboard.press("o")
    assert marks.is_visible()
    assert page.locator("#decision textarea").input_value() == "o"


def test_at_400_percent_everything_is_there_in_one_column_and_large_enough_to_hit(opened: Callable[..., Seen]) -> None:
    """WCAG 1.4.10 and 2.5.8: a screen of 1280 pixels at 400 % is 320 wide."""
    page = opened(320, reduced_motion="reduce").page
    page.get_by_role("button", name="Larger").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(SMALL) == []
    assert page.evaluate(MOVING) == []
