"""axe-core finds nothing on the review page: in light and dark, on a desk and in a hand, with everything opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Seen
from tests.stories.test_journey import Draft

pytestmark = [pytest.mark.browser, pytest.mark.processes]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true; })"


def violations(page: Any) -> list[str]:
    """What axe-core finds: the rule, and where."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with [dev]").Axe()
    found = axe.run(page, options=RULES).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} ({node['failureSummary'][:300]})"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_review_page(
    enter: Callable[..., Seen], held: Callable[[str], Draft], scheme: str, width: int
) -> None:
    seen = enter("dana", width=width, color_scheme=scheme)
    seen.page.goto(held("measured").review)
    seen.page.locator("detection-viewer[data-palette]").wait_for()
    seen.page.locator("input[value=waiting_for_source]").check()
    seen.page.get_by_role("button", name="Larger").click()
    seen.page.evaluate(OPEN)
    assert violations(seen.page) == []
