"""Every decision is possible without scripts, and few interactions lie between a story's warning and a decision."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Seen
from tests.stories.house import House
from tests.stories.test_journey import CLEARS, Draft

pytestmark = [pytest.mark.browser, pytest.mark.processes]


def test_every_decision_is_possible_without_scripts(
    enter: Callable[..., Seen], held: Callable[[str], Draft], house: House
) -> None:
    """E9: both pictures, each conclusion, taking one back, what one knows, sending it up, letting the story go."""
    draft = held("plain")
    acts = ("review.concluded", "review.noted", "gate.sent_to_chief", "gate.override_granted")
    before = {action: len(draft.events(action)) for action in acts}  # what other tests did in this newsroom
    erin, dana = (enter(name, java_script_enabled=False).page for name in ("erin", "dana"))
    erin.goto(draft.review)
    assert erin.get_by_role("img", name="Areas highlighted by").is_visible()
    assert not erin.locator("[data-tools]").first.is_visible(), "no button that does nothing"
    erin.get_by_label("A word for the desk chief").fill("A reader asks.")
    erin.get_by_role("button", name="Send to the desk chief").click()
    assert "Sent to the desk chief" in erin.content()

    def conclude(page: Any, value: str, **words: str) -> None:
        page.goto(draft.review)
        page.locator(f"input[name=conclusion][value={value}]").check()
        for name, word in words.items():
            page.locator(f"#decision [name={name}]").fill(word)
        page.get_by_role("button", name="Record my conclusion").click()
        assert "You can undo it for ten minutes." in page.content()

    conclude(erin, "waiting_for_source")
    erin.get_by_label("What the source answered").fill("The raw file came by post.")
    erin.get_by_role("checkbox", name="Original file seen").check()
    erin.get_by_role("button", name="Write it down").click()
    assert "The source has answered." in erin.content()
    conclude(erin, "cannot_determine", note="Two detectors, two answers.")
    erin.get_by_role("button", name="Undo my decision").click()
    assert "Taken back." in erin.content()
    for value in ("confirmed_ai_altered", "confirmed_ai_generated"):
        conclude(dana, value, reader_label="Image altered with AI.")
    dana.goto(draft.review)
    dana.locator("input[name=conclusion][value=accepted]").check()
    dana.locator("#decision [name=reason_code]").select_option("original_seen")
    dana.locator("#decision [name=note]").fill(CLEARS)
    dana.get_by_role("button", name="Record my conclusion").click()
    dana.get_by_role("button", name="Undo my decision").click()
    dana.get_by_text("Override for this story").click()
    dana.locator("#gate [name=reason_code]").last.select_option("other")
    dana.locator("#gate [name=note]").last.fill(CLEARS)
    if dana.locator("#gate [name=reader_label]").count():
        dana.locator("#gate [name=reader_label]").fill("Image altered with AI.")
    dana.get_by_role("button", name="Let this story go").click()

    made = {action: draft.events(action)[before[action] :] for action in acts}
    concluded = [event["facts"] for event in made["review.concluded"]]
    for value in (
        "waiting_for_source",
        "cannot_determine",
        "confirmed_ai_altered",
        "confirmed_ai_generated",
        "accepted",
    ):
        assert sum(f'"conclusion": "{value}"' in facts for facts in concluded) == 1
    assert [len(made[action]) for action in acts[1:]] == [2, 1, 1]


class Hand:
    """A person's hand, whose interactions are counted: a click, a choice or a typed text is one."""

    def __init__(self, page: Any) -> None:
        self.page, self.count, self.began = page, 0, time.monotonic()

    def click(self, locator: Any) -> None:
        self.count += 1
        locator.click()

    def choose(self, locator: Any, value: str) -> None:
        self.count += 1
        locator.select_option(value)

    def type(self, locator: Any, text: str) -> None:
        self.count += 1
        locator.press_sequentially(text)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


@pytest.mark.parametrize("name", ["erin", "dana"])
def test_the_way_from_a_storys_warning_to_a_decision_is_short(
    enter: Callable[..., Seen], held: Callable[[str], Draft], name: str
) -> None:
    """At most two interactions to the evidence and five to a recorded decision, a chief's reason and note included."""
    draft = held(f"counted-{name}")
    page = enter(name).page
    page.goto(draft.change)
    hand = Hand(page)
    hand.click(page.locator(".d-notice-next a").first)
    page.locator("canvas.d-overlay").wait_for()
    assert page.get_by_text("Strong signs of AI generation").first.is_visible()
    evidence, evidence_after = hand.count, hand.seconds

    before = len(draft.events("review.concluded"))
    hand.click(page.locator(".d-choice", has=page.locator("input[value=accepted]")))
    if name == "dana":
        hand.choose(page.locator("#decision [name=reason_code]"), "original_seen")
        hand.type(page.locator("#decision [name=note]"), CLEARS)
    with page.expect_navigation():
        hand.click(page.get_by_role("button", name="Record my conclusion"))
    assert len(draft.events("review.concluded")) == before + 1
    print(  # noqa: T201, the counts are what this is for
        f"{name}: evidence after {evidence} interactions and {evidence_after:.1f} s, "
        f"decision after {hand.count} interactions and {hand.seconds:.1f} s"
    )
    assert evidence <= 2
    assert hand.count <= 5


def test_a_form_that_came_back_leads_to_what_is_missing(
    enter: Callable[..., Seen], held: Callable[[str], Draft]
) -> None:
    page = enter("dana").page
    page.goto(held("measured").review + "#look")
    page.locator("input[value=accepted]").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Record my conclusion").click()
    page.wait_for_function("document.activeElement.name === 'reason_code'")
    assert page.get_by_text("This clears a hold: choose a reason.").first.is_visible()
