"""The queue in a real browser: by keys alone, without scripts, and while somebody else decides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Seen
from tests.browser.test_accessibility import OPEN, violations
from tests.stories.house import House
from tests.stories.test_journey import Draft

pytestmark = [pytest.mark.browser, pytest.mark.processes]
QUEUE = "/admin/detection/queue/"
ROW = "document.activeElement?.id ?? ''"
INLINE = """() => [...document.querySelectorAll('*')].filter(one =>
    (one.tagName === 'SCRIPT' && !one.src && !/json/.test(one.type)) || one.tagName === 'STYLE'
    || one.getAttributeNames().some(name => name === 'style' || name.startsWith('on'))
).map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture
def waiting(house: House, held: Callable[[str], Draft]) -> list[Draft]:
    return [held("plain"), held("compared")]


def test_the_queue_is_worked_with_single_keys_that_are_dead_where_one_types(
    enter: Callable[..., Seen], waiting: list[Draft]
) -> None:
    """D7, D8, D9."""
    seen = enter("dana")
    page = seen.page
    page.goto(QUEUE)
    assert page.evaluate(INLINE) == []
    page.keyboard.press("j")
    first = page.evaluate(ROW)
    page.keyboard.press("j")
    second = page.evaluate(ROW)
    assert first.startswith("place-")
    assert second not in ("", first)
    page.keyboard.press("Control+k")
    assert page.evaluate(ROW) == second, "with a modifier it is the browser's"
    page.keyboard.press("?")
    assert page.get_by_role("dialog").get_by_text("The next row").is_visible()
    page.keyboard.press("k")
    page.keyboard.press("Escape")
    assert page.evaluate(ROW) == second, "an open dialog has all keys to itself"

    with page.expect_navigation():
        page.keyboard.press("c")
    page.wait_for_function(f"id => ({ROW}) === id", arg=second)  # back on the same row
    assert page.locator(f"#{second} [data-claim]").inner_text().startswith("You, until")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Picture or story").press_sequentially("jack?")
    assert page.get_by_label("Picture or story").input_value() == "jack?"
    assert page.get_by_role("dialog").count() == 0

    page.goto(f"{QUEUE}#{second}")
    with page.expect_navigation():
        page.keyboard.press("n")
    assert page.locator("input[name=conclusion]:checked").get_attribute("value") == "cannot_determine"

    page.goto(QUEUE)
    page.get_by_role("button", name="Switch them off").click()
    page.keyboard.press("j")
    assert page.evaluate(ROW) == ""
    page.get_by_role("button", name="Switch them on").click()
    assert seen.troubles == []


def test_an_open_list_dims_what_somebody_else_decided_and_does_not_jump(
    enter: Callable[..., Seen], waiting: list[Draft], held: Callable[[str], Draft]
) -> None:
    """D5, D6."""
    dana, other = enter("dana"), enter("dana", width=1100)
    page = dana.page
    page.goto(QUEUE)
    names = page.locator("[data-item] h2").all_inner_texts()
    page.keyboard.press("j")
    row = page.locator(":focus")
    title = row.locator("h2").inner_text()

    other.page.goto(QUEUE)
    other.page.locator("[data-item]").first.locator("a.d-button-primary").click()
    other.page.locator("input[name=conclusion][value=cannot_determine]").check()
    other.page.locator("select[name=reason_code]").first.select_option("original_seen")
    other.page.locator("textarea[name=note]").first.fill("Nobody could reach the photographer in time.")
    other.page.get_by_role("button", name="Record my conclusion").click()
    other.page.get_by_text("Recorded: Cannot be determined").wait_for()

    row.get_by_text("Cannot be determined (Dana").wait_for(timeout=30_000)
    assert row.get_attribute("aria-disabled") == "true"
    assert page.locator("[data-item] h2").all_inner_texts() == names, "it stays in its place"
    assert title in names
    page.goto(QUEUE)
    with page.expect_navigation():
        page.keyboard.press("u")
    assert page.get_by_text("Taken back").is_visible()
    assert page.locator("[data-item] h2").all_inner_texts() == names
    assert dana.troubles == other.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_queue_and_the_pages_around_it(
    enter: Callable[..., Seen], waiting: list[Draft], scheme: str
) -> None:
    page = enter("dana", color_scheme=scheme).page
    for address in ("", "?tier=ugc&state=live", "rules/", "words/"):
        page.goto(QUEUE + address)
        page.evaluate(OPEN)
        assert violations(page) == [], address
    page.goto(QUEUE)
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Decide about the chosen ones together").click()
    page.get_by_role("heading", name="The same conclusion for each").wait_for()
    assert violations(page) == []


def test_without_scripts_everything_can_be_done(enter: Callable[..., Seen], waiting: list[Draft]) -> None:
    seen = enter("dana", java_script_enabled=False)
    page = seen.page
    page.goto(QUEUE)
    count = page.locator("[data-item]").count()
    page.get_by_role("button", name="Claim").first.click()
    assert page.get_by_text("Others now see that you are looking").is_visible()
    page.get_by_role("button", name="Give back").first.click()
    page.get_by_role("link", name="One after another").click()
    page.get_by_label("Cannot be determined").check()
    page.locator("select[name=reason_code]").first.select_option("original_seen")
    page.locator("textarea[name=note]").first.fill("Nobody could reach the photographer in time.")
    page.get_by_role("button", name="Record my conclusion").click()
    assert page.get_by_text("One after another: when you have decided").is_visible() or QUEUE in page.url
    page.goto(QUEUE)
    assert page.locator("[data-item]").count() == count - 1
    page.get_by_role("button", name="Undo").first.click()
    assert page.locator("[data-item]").count() == count
