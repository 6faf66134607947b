"""In a language a third longer, and in one written from right to left, no page scrolls sideways and all is mirrored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import pseudo
from tests.browser.test_accessibility import OPEN
from tests.newsroom.printing import printed
from tests.newsroom.sweeping import House

from .test_axe import is_ours

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
WIDTHS = {"en": [390], "ar": [1280, 390]}
"""By the language whose direction holds."""
WIDE = """() => {
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide <= 0) { return ''; }
    const own = '.d-scroll, .d-wide, .n-api-table, .inline-group, pre, .results, .d-visually-hidden';
    const inside = one => one.closest(own);
    const out = [...document.querySelectorAll('body *')].filter(one => {
        const box = one.getBoundingClientRect();
        return box.width && (box.right > innerWidth + 1 || box.left < -1) && !inside(one);
    });
    return `${wide} px: ${out.slice(-3).map(one => one.outerHTML.slice(0, 120)).join(' | ')}`;
}"""


@pytest.mark.parametrize("language", WIDTHS)
def test_nothing_scrolls_sideways_in_a_longer_language(
    language: str, everything: House, shelf: Callable[..., Any]
) -> None:
    with pseudo.spoken(language):
        pages = list(printed(everything, only=is_ours))
    wrong = []
    with shelf(everything, pages) as opened:
        for page in pages:
            tab = opened.open(page)
            tab.evaluate(OPEN)
            assert tab.evaluate("document.dir || document.documentElement.dir || 'ltr'") == (
                "rtl" if language == "ar" else "ltr"
            ), page.name
            for width in WIDTHS[language]:
                tab.set_viewport_size({"width": width, "height": 900})
                if wide := tab.evaluate(WIDE):
                    wrong.append(f"{page.name} at {width}: {wide}")
    print(f"{len(pages)} pages")  # noqa: T201, how many is what this is for
    assert not wrong, "\n".join(wrong)
