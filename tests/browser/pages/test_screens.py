"""The twelve screens that matter most, kept as pictures for whoever wants to look: `SCREENSHOTS=folder`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.newsroom.printing import printed
from tests.newsroom.sweeping import House

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
SCREENS = {
    "start": "GET newsroom:start as erin",
    "board": "GET newsroom:board as dana",
    "story": "a held story as its editor opens it",
    "refused": "a story that may not go out",
    "evidence": "the evidence of a held picture",
    "together": "acknowledging together",
    "queue": "the queue with something in it",
    "several": "deciding about several",
    "rules": "GET admin:detection_queue_rules as dana",
    "timeline": "GET admin:detection_auditevent_changelist as avery",
    "operations": "GET admin:detection_pipeline_changelist as otto",
    "policy": "the policy, previewed",
}
WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="asked for by SCREENSHOTS=folder")
def test_the_screens_are_kept(everything: House, shelf: Callable[..., Any]) -> None:
    folder = Path(os.environ["SCREENSHOTS"]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    keys = {re.sub(r"^GET | as \w+$", "", name) for name in SCREENS.values()}
    pages = {page.name.rpartition(": ")[0]: page for page in printed(everything, only=keys.__contains__)}
    for way, how in WAYS.items():
        with shelf(everything, list(pages.values()), **how) as opened:
            for screen, name in SCREENS.items():
                opened.open(pages[name]).screenshot(path=folder / f"{screen}-{way}.png", full_page=True)
            assert opened.troubles == [], way
    for screen in SCREENS:
        kept = {(folder / f"{screen}-{way}.png").read_bytes() for way in WAYS}
        assert len(kept) == len(WAYS), f"{screen} looks alike in {' and '.join(WAYS)}"
    print(f"{len(SCREENS) * len(WAYS)} screens in {folder}")  # noqa: T201, where they are
