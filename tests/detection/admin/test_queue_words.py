"""The pages around the queue: the policy in sentences, and what each word means, one click from where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from detection.models import PolicyVersion
from detection.policy import DEFAULT, ROWS, Rules
from detection.vocabulary import Conclusion, Level, Signal, SourceTier
from detection.wording.glossary_texts import glossary
from detection.wording.rule_texts import rule_sentences, rule_table
from tests.detection.admin import cast

RULES = "/admin/detection/queue/rules/"
WORDS = "/admin/detection/queue/words/"


def test_every_word_of_the_screens_has_its_meaning() -> None:
    found = {entry.anchor: entry for chapter in glossary() for entry in chapter.entries}
    wanted = {"signal": Signal, "level": Level, "conclusion": Conclusion, "tier": SourceTier}
    assert set(found) == {f"{kind}-{term.value}" for kind, terms in wanted.items() for term in terms}  # type: ignore[attr-defined]
    assert all(entry.word and entry.meaning.endswith(".") for entry in found.values())
    told = " ".join(entry.meaning for entry in found.values()).lower()
    assert "fake" not in told
    assert "verified" not in told


def test_the_glossary_is_one_click_from_a_word(client: Any, erin: Any) -> None:
    cast.strong("Coffee")
    client.force_login(erin)
    queue = client.get("/admin/detection/queue/").content.decode()
    assert f'href="{WORDS}#signal-strong"' in queue
    assert f'href="{WORDS}#level-acknowledge"' in queue
    assert 'id="signal-strong"' in client.get(WORDS).content.decode()
    [row] = client.get("/admin/detection/queue/").context["rows"]
    assert f'href="{WORDS}#signal-strong"' in client.get(row.url).content.decode()


def test_the_rules_are_told_in_sentences_and_a_new_version_tells_others(client: Any, erin: Any) -> None:
    client.force_login(erin)
    page = client.get(RULES).content.decode()
    assert "These rules are in force" in page
    assert "from a score of 50 there are some signs, from 90 strong ones" in page
    assert "a note of at least 15 characters" in page
    document = {**DEFAULT, "min_note": 40, "four_eyes": True, "second_opinion_band": None}
    PolicyVersion.objects.create(number=2, document=document, activated_at="2026-11-24T12:00:00Z")
    page = client.get(RULES).content.decode()
    assert "a note of at least 40 characters" in page
    assert "Nobody clears a hold of a picture that they uploaded themselves." in page
    assert "another detector is asked by itself" not in page
    assert "Version 2 of the policy" in page


def test_each_finding_is_told_for_each_source() -> None:
    rules = Rules.parse(DEFAULT)
    table = {rule.word: rule.sentences for rule in rule_table(rules)}
    assert len(table) == len(ROWS)
    assert table["Strong signs of AI generation"] == (
        "Staff, Agency: somebody of the desk looks and says why the story goes on.",
        "Freelance, Sent in by the public, Source not stated: "
        "it is held until somebody who may clear holds has decided.",
    )
    assert table["Declares AI generation"] == ("It is held until somebody who may clear holds has decided.",)
    assert "and a person is asked to look" in table["Detectors disagree"][0]
    plain = {rule.word: rule.sentences for rule in rule_table(rules, has_tiers=False)}
    assert all(len(sentences) == 1 for sentences in plain.values())


@pytest.mark.parametrize(
    ("labelled", "told"),
    [
        ({"default": ["illustration"], "desks": {}}, "may be used as a labelled illustration, after"),
        ({"default": [], "desks": {}}, "not used without clearing its hold"),
        ({"default": ["subject"], "desks": {"news": []}}, "On the desk news: not at all."),
        ({"default": [], "desks": {"arts": ["illustration", "subject"]}}, "On the desk arts: as a labelled"),
    ],
)
def test_the_use_of_pictures_that_ai_made_is_told_by_desk(labelled: dict[str, Any], told: str) -> None:
    rules = Rules.parse({**DEFAULT, "labelled_use": labelled})
    sentences = rule_sentences(rules, mode="shadow", detectors=[])
    assert any(told in sentence for sentence in sentences)
    assert sentences[0].endswith("these rules run in shadow.")


def test_a_stranger_reads_neither(client: Any, sam: Any) -> None:
    client.force_login(sam)
    assert client.get(RULES).status_code == client.get(WORDS).status_code == 403
    client.force_login(cast.person("olu", "operate_provider"))
    assert client.get(RULES).status_code == client.get(WORDS).status_code == 200
