"""axe-core finds nothing on any page, in light and in dark, with everything opened that can be opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.test_accessibility import OPEN, RULES
from tests.newsroom.printing import printed
from tests.newsroom.sweeping import House

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""All that another scheme can change."""
NOT_OURS = {
    "admin:auth_": "Django's own pages for accounts and groups, whose markup is Django's",
    "admin:django_q_": "django-q2's own lists of its tasks",
    "admin:password_change": "Django's own form",
}
DJANGO = {
    "th.original, .tabular th:empty": "the empty head of Django's inline table, above the names of its rows",
    ".select2-container": "Django's field that completes a person's name, in the settings of desks alone",
    "#searchbar": "Django's search field: its label is a drawing with an alternative text, which one rule overlooks",
}
"""Parts of our pages that are not ours either, by selector, and why each is left out."""
RUN = """([options, left]) => axe.run({exclude: left.map(one => [one])}, {...options, resultTypes: ['violations']})
    .then(found => found.violations.flatMap(rule => rule.nodes.map(one => `${rule.id}: ${one.html.slice(0, 200)}`)))"""


def is_ours(key: str) -> bool:
    return not key.startswith(tuple(NOT_OURS))


def found(tab: Any, options: dict[str, Any]) -> list[str]:
    """What axe-core, which is on the page already, finds: the rule, and where."""
    violations: list[str] = tab.evaluate(RUN, [options, list(DJANGO)])
    return violations


def test_axe_finds_nothing_on_any_page(everything: House, shelf: Callable[..., Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core comes with [dev]")
    pages = list(printed(everything, only=is_ours))
    wrong: dict[str, list[str]] = {}
    with shelf(everything, pages, color_scheme="light") as opened:
        for page in pages:
            tab = opened.open(page)
            tab.evaluate(OPEN)
            tab.evaluate(axe.AXE_SCRIPT)
            violations = found(tab, RULES)
            tab.emulate_media(color_scheme="dark")
            violations += [f"in dark, {one}" for one in found(tab, COLOURS)]
            tab.emulate_media(color_scheme="light")
            for one in violations:
                wrong.setdefault(one, []).append(page.name)
    print(f"{len(pages)} pages, in light and in dark")  # noqa: T201, how many is what this is for
    assert not wrong, "\n".join(f"{one}\n    on {len(names)}: {', '.join(names[:4])}" for one, names in wrong.items())
    assert opened.troubles == []
