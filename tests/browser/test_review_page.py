"""The way from a held story to a decision, in a real browser: by keyboard alone, and on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import FOCUSED, Seen
from tests.stories.test_journey import CLEARS, Draft

pytestmark = [pytest.mark.browser, pytest.mark.processes]
INLINE = """() => [...document.querySelectorAll('*')].filter(one =>
    (one.tagName === 'SCRIPT' && !one.src && !/json/.test(one.type)) || one.tagName === 'STYLE'
    || one.getAttributeNames().some(name => name === 'style' || name.startsWith('on'))
).map(one => one.outerHTML.slice(0, 80))"""


def test_at_390_pixels_nothing_scrolls_sideways(enter: Callable[..., Seen], held: Callable[[str], Draft]) -> None:
    draft, seen = held("launch"), enter("erin", width=390)
    lists = ("/admin/newsroom/photo/", "/admin/newsroom/story/", "/admin/detection/queue/", "/admin/detection/asset/")
    for address in ("/", "/check/", draft.change, draft.review, *lists):
        seen.page.goto(address)
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{address} is {width} pixels wide"
    assert seen.troubles == []


def test_from_the_held_story_to_a_decision_with_the_keyboard_alone(
    enter: Callable[..., Seen], held: Callable[[str], Draft]
) -> None:
    draft, seen = held("launch"), enter("dana")
    page = seen.page
    page.goto(draft.change)

    seen.tab_to("Look and decide")
    seen.follow()

    assert draft.review.partition("?")[0] in page.url, "one click from the warning to the evidence"
    assert page.get_by_text("Strong signs of AI generation").first.is_visible()
    assert page.locator("canvas.d-overlay").is_visible()
    assert page.evaluate(INLINE) == [], "nothing that a strict content policy would refuse"

    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["name"] == "To your decision", "the first stop on the way, after the evidence"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.value") == "accepted"
    seen.tab_to("Choose a reason")
    page.keyboard.type("Original")
    seen.tab_to("note")
    page.keyboard.type(CLEARS)
    seen.tab_to("Record my conclusion")
    seen.follow()

    assert page.get_by_text("No objection to using it (Dana").first.is_visible()
    [event] = draft.events("review.concluded")
    assert '"reason": "original_seen"' in event["facts"]
    page.goto(draft.change)
    assert "needs a look" not in page.content(), "cleared, it goes out"
    assert seen.troubles == []
