"""One newsroom and one browser for the browser tests, and what every test expects of a page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.stories.house import PASSWORD, House
from tests.stories.test_journey import Draft

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
STORIES = ("launch", "compared", "plain", "counted-erin", "counted-dana", "measured")
FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 12));
    return {
        name: (one.innerText || one.name || one.title || '').trim(),
        seen: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' && box.width > 0
            && box.bottom > 0 && box.top < innerHeight && !!top && (one.contains(top) || top.contains(one)),
    };
}"""


@dataclass
class Seen:
    """A browser's page, and what went wrong on it unasked."""

    page: Any
    troubles: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Any) -> None:
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


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), stories=STORIES) as opened:
        yield opened


@pytest.fixture(scope="session")
def held(house: House) -> Callable[[str], Draft]:
    """The story of that name with a picture that holds it; its highlights are there, however busy the machine."""
    made: dict[str, Draft] = {}

    def draft(slug: str) -> Draft:
        if slug not in made:
            made[slug] = Draft(house, slug)
            made[slug].upload(house.person("erin"), seed=7 + STORIES.index(slug))
            house.eventually(lambda: made[slug].has_overlay)
        return made[slug]

    return draft


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Ends with its file: while Playwright's loop runs, Django refuses the process' other tests the database."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; it comes with [dev]")
    if CHROMIUM is None:
        pytest.skip("chromium is not here")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def enter(browser: Any, house: House) -> Iterator[Callable[..., Seen]]:
    """Sign in as somebody, on a screen of that width; further words are those of a browser's context."""
    contexts = []

    def sign_in(name: str, *, width: int = 1280, height: int = 800, **more: Any) -> Seen:
        context = browser.new_context(base_url=house.url, viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.listen()
        seen.page.goto("/admin/login/?next=/")
        seen.page.fill("input[name=username]", name)
        seen.page.fill("input[name=password]", PASSWORD)
        seen.page.press("input[name=password]", "Enter")
        seen.page.wait_for_url(house.url + "/")
        return seen

    yield sign_in
    for context in contexts:
        context.close()
