"""The way from a held story to a decision, in a real browser: by keyboard alone, and on a narrow screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.stories.house import PASSWORD, House
from tests.stories.test_journey import CLEARS, Draft

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; it comes with [dev]")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not here"),
]
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
INLINE = """() => [...document.querySelectorAll('*')].filter(one =>
    (one.tagName === 'SCRIPT' && !one.src && !/json/.test(one.type)) || one.tagName === 'STYLE'
    || one.getAttributeNames().some(name => name === 'style' || name.startsWith('on'))
).map(one => one.outerHTML.slice(0, 80))"""
FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    return {
        name: (one.innerText || one.name || one.title || '').trim(),
        seen: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' && box.width > 0
            && box.bottom > 0 && box.top < innerHeight,
    };
}"""


@dataclass
class Seen:
    """A browser's page, and what went wrong on it unasked."""

    page: sync_api.Page
    troubles: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: sync_api.Dialog) -> None:
        self.troubles.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def tab_to(self, name: str, *, within: int = 60) -> None:
        """Press Tab until the focus is on what is called so; each stop on the way has to be seen."""
        for _stop in range(within):
            self.page.keyboard.press("Tab")
            focus = self.page.evaluate(FOCUSED)
            assert focus["seen"], f"nobody sees that the focus is on {focus['name']!r}"
            if focus["name"].startswith(name):
                return
        raise AssertionError(f"Tab does not reach {name!r}")

    def follow(self) -> None:
        """Press Enter on what has the focus, and wait for the page that it leads to."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
def draft(house: House) -> Draft:
    made = Draft(house, "launch")
    made.upload(house.person("erin"), seed=7)
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


def enter(browser: sync_api.Browser, house: House, name: str, *, width: int) -> Seen:
    context = browser.new_context(base_url=house.url, viewport={"width": width, "height": 800})
    seen = Seen(context.new_page())
    seen.listen()
    seen.page.goto("/admin/login/?next=/")
    seen.page.fill("input[name=username]", name)
    seen.page.fill("input[name=password]", PASSWORD)
    seen.page.press("input[name=password]", "Enter")
    seen.page.wait_for_url(house.url + "/")
    return seen


def test_at_390_pixels_nothing_scrolls_sideways(browser: sync_api.Browser, house: House, draft: Draft) -> None:
    seen = enter(browser, house, "erin", width=390)
    lists = ("/admin/newsroom/photo/", "/admin/newsroom/story/", "/admin/detection/queue/", "/admin/detection/asset/")
    for address in ("/", "/check/", draft.change, draft.review, *lists):
        seen.page.goto(address)
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{address} is {width} pixels wide"
    assert seen.troubles == []


def test_from_the_held_story_to_a_decision_with_the_keyboard_alone(
    browser: sync_api.Browser, house: House, draft: Draft
) -> None:
    seen = enter(browser, house, "dana", width=1280)
    page = seen.page
    page.goto(draft.change)

    seen.tab_to("Look and decide")
    seen.follow()

    assert draft.review.partition("?")[0] in page.url, "one click from the warning to the evidence"
    assert page.get_by_text("Strong signs of AI generation").first.is_visible()
    assert page.locator(".d-overlay").is_visible()
    assert page.evaluate(INLINE) == [], "nothing that a strict content policy would refuse"

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
