"""Pages of the whole URL configuration in a real browser without a server: printed by Django's client, then opened.

So one test sees every page, in every width and scheme, for the price of a few seconds and no process but the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders

from newsroom.models import Desk, Photo, Story
from tests.browser.conftest import CHROMIUM, QUIET
from tests.newsroom.conftest import _house, dana, erin, held, news, scripted, sports, story, upload  # noqa: F401
from tests.newsroom.printing import Page, pictures
from tests.newsroom.sweeping import House, build

HERE = "http://newsroom.test/"
STILL = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("*, *::before, *::after { transition: none !important; animation: none !important; }");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
"""Nothing is on its way from one colour to another while it is looked at."""


@dataclass
class Shelf:
    """A browser's tab in which printed pages are opened, with their own headers; beyond them it reaches nothing."""

    tab: Any
    pictures: dict[str, tuple[str, bytes]]
    troubles: list[str] = field(default_factory=list)
    page: Page | None = None

    def open(self, page: Page) -> Any:
        """Show it; returns Playwright's page."""
        self.page = page
        self.tab.goto(HERE, wait_until="load")
        self.tab.evaluate(STILL)
        return self.tab

    def answer(self, route: Any) -> None:
        """What a server would answer."""
        path = unquote(urlsplit(route.request.url).path)
        static = finders.find(path.removeprefix("/static/")) if path.startswith("/static/") else None
        known = self.pictures.get(route.request.url.removeprefix(HERE.rstrip("/")))
        if path == "/" and self.page:
            kept = {"content-security-policy", "content-language"}
            headers = {name: value for name, value in self.page.headers.items() if name.lower() in kept}
            route.fulfill(body=self.page.html, headers={**headers, "content-type": "text/html; charset=utf-8"})
        elif static:
            route.fulfill(path=static)
        elif known:
            route.fulfill(body=known[1], content_type=known[0])
        else:
            route.fulfill(status=204)


@pytest.fixture
def everything(story: Story, held: Photo, erin: User, dana: User, sports: Desk) -> House:  # noqa: F811
    """The cast at their desks, and one of everything."""
    return build(story, held, erin, dana, sports)


@pytest.fixture
def shelf() -> Callable[..., Any]:
    """Open a browser for these pages: `with shelf(house, pages) as opened`."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; it comes with [dev]")
    if CHROMIUM is None:
        pytest.skip("chromium is not here")

    @contextmanager
    def opened(house: House, pages: list[Page], **more: Any) -> Iterator[Shelf]:
        known = pictures(house, pages)
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **more})
            made = Shelf(context.new_page(), known)
            made.tab.on("pageerror", lambda error: made.troubles.append(str(error)))
            context.route("**/*", made.answer)
            yield made
            browser.close()

    return opened
