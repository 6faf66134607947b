"""May this go out, and if not, who can clear it: each level, what people do about it, and what brings it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection import gate, registry, reviewing, scanning, signals
from detection.errors import EvidenceChanged, NotPermitted, NotRegistered, Refused
from detection.models import Acknowledgement, Analysis, Asset, AuditEvent, Override, PolicyVersion, Review
from detection.policy import DEFAULT
from detection.results import Declared
from detection.testing import images
from detection.testing.draining import drain
from detection.vocabulary import Conclusion, Level, PlacedUse, Says
from tests.conftest import Clock, asset_of, mark_read, person
from tests.otherhost.models import Article, Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
NOTE = "The photographer sent the raw files."
WHY = {"reason_code": "original_seen", "note": NOTE}
STRONG = {"verdict": "likely_ai", "ai_score": 0.97}
HUMAN = {"verdict": "likely_human", "ai_score": 0.02}
LABEL = {"reader_label": "Made with AI"}
Looked = Callable[..., Asset]


@pytest.fixture(autouse=True)
def _tiers(host: Callable[..., None]) -> None:
    """A title such as "ugc: crowd" gives the source."""
    host(
        plate={"source_tier": lambda one: one.title.partition(":")[0]}, article={"is_draft": lambda one: not one.is_out}
    )


@pytest.fixture
def held(looked_at: Looked) -> Asset:
    return looked_at("ugc: crowd", **STRONG)


@pytest.fixture
def doubted(looked_at: Looked) -> Asset:
    return looked_at("staff: crowd", **STRONG)


@pytest.fixture
def declared(looked_at: Looked) -> Asset:
    return looked_at("staff: landing", **HUMAN, declared=Declared(says=Says.AI, sentence="The file says so."))


def count() -> tuple[int, ...]:
    kept = (AuditEvent, Acknowledgement, Override, Review)
    return tuple(one.objects.count() for one in kept)


def level(story: Article, **of: Any) -> Level:
    return gate.report(story, **of).level


# The report.

LEVELS = [
    ("staff", HUMAN, "none_found", Level.CLEAR),
    ("ugc", HUMAN, "none_found", Level.ACKNOWLEDGE),
    ("staff", {"verdict": "likely_ai", "ai_score": 0.7}, "some", Level.NOTICE),
    ("freelance", {"verdict": "likely_ai", "ai_score": 0.7}, "some", Level.ACKNOWLEDGE),
    ("staff", STRONG, "strong", Level.ACKNOWLEDGE),
    ("freelance", STRONG, "strong", Level.HOLD),
    ("", STRONG, "strong", Level.HOLD),
]


@pytest.mark.parametrize(("tier", "answer", "signal", "expected"), LEVELS)
def test_the_level_follows_signal_and_source(
    looked_at: Looked, article: Callable[..., Article], tier: str, answer: dict[str, Any], signal: str, expected: Level
) -> None:
    report = gate.report(article(looked_at(f"{tier}: crowd", **answer)))
    [line] = report.lines
    assert (line.signal, line.level, report.level) == (signal, expected, expected)
    assert report.refuses == expected.refuses
    assert line.sentence.endswith((".", "%)")) or line.sentence
    assert line.word
    assert line.level_sentence.endswith(".")


def test_the_worst_line_decides_and_each_has_its_next_click(
    looked_at: Looked, article: Callable[..., Article], erin: Any, dana: Any
) -> None:
    """F01."""
    story = article(
        looked_at("staff: good", seed=1, **HUMAN),
        looked_at("staff: doubtful", seed=2, **STRONG),
        looked_at("ugc: bad", seed=3, **STRONG),
    )
    seen = {line.label: line for line in gate.report(story, user=erin).lines}
    assert level(story) is Level.HOLD
    assert seen["staff: good"].actions == ("look",)
    assert seen["staff: doubtful"].actions == ("look", "acknowledge", "replace")
    assert seen["ugc: bad"].actions == ("look", "send_to_chief", "replace")
    assert seen["ugc: bad"].who_can_clear == ("Dana Example",)
    assert seen["staff: doubtful"].who_can_clear == ()
    chief = {line.label: line for line in gate.report(story, user=dana).lines}
    assert chief["ugc: bad"].actions == ("look", "clear", "override", "replace")
    assert gate.report(story).sentence == "2 of 3 pictures need a look before publishing."


def test_a_refusal_as_json_says_what_who_and_how(held: Asset, article: Callable[..., Article], dana: Any) -> None:
    found = gate.report(article(held), user=dana).as_json()
    assert found["level"] == "hold"
    assert found["who_can_clear"] == ["Dana Example"]
    assert found["actions"] == ["clear", "look", "override", "replace"]
    [reason] = found["reasons"]
    assert reason["asset"] == str(held.public_id)
    assert (reason["signal"], reason["level"], reason["evidence"]) == ("strong", "hold", held.evidence)
    assert reason["sentence"]


def test_a_story_without_pictures_goes_out(db: None) -> None:
    report = gate.report(Article.objects.create(title="Words"))
    assert (report.level, report.refuses) == (Level.CLEAR, False)
    assert report.sentence == "No picture asks for anything before publishing."


def test_a_placed_picture_that_was_never_seen_is_not_checked(article: Callable[..., Article], plate: Any) -> None:
    """F02."""
    picture = plate("ugc: old")
    story = Article.objects.create(title="x")
    story.plates.add(picture)
    Analysis.objects.all().delete()
    Asset.objects.all()._raw_delete("default")
    [line] = gate.report(story).lines
    assert (line.asset, line.signal, line.level) == (None, "not_checked", Level.ACKNOWLEDGE)
    assert line.actions == ()
    assert gate.report(story).as_json()["reasons"][0]["asset"] is None


def test_an_unregistered_model_is_refused_by_name(erin: Any) -> None:
    with pytest.raises(NotRegistered, match="register_publishable"):
        gate.report(erin)


def test_shadow_mode_shows_everything_and_refuses_nothing(
    held: Asset, article: Callable[..., Article], configure: Callable[..., None]
) -> None:
    configure(MODE="shadow")
    story = article(held)
    report = gate.report(story)
    assert (report.level, report.refuses) == (Level.HOLD, False)
    assert report.sentence.endswith("Shadow mode: nothing is refused.")
    with transaction.atomic():
        assert gate.authorise(story, by=None).is_allowed
    assert AuditEvent.objects.filter(action="gate.passed").get().facts["mode"] == "shadow"


def test_a_picture_that_is_out_already_does_not_stop_a_correction(
    held: Asset, host: Callable[..., None], article: Callable[..., Article]
) -> None:
    story = article(held)
    host(
        plate={"source_tier": lambda one: "ugc"},
        article={"assets": lambda one: [registry.Placed(picture=p, is_live=True) for p in one.plates.all()]},
    )
    report = gate.report(story)
    assert (report.level, report.refuses, report.open_lines) == (Level.CLEAR, False, ())
    assert report.lines[0].level is Level.HOLD


def test_a_host_may_add_reasons_of_its_own(
    looked_at: Looked, host: Callable[..., None], article: Callable[..., Article]
) -> None:
    story = article(looked_at("staff: x", **HUMAN))
    reason = registry.Reason("complaint", "A reader complained.", Level.ACKNOWLEDGE)
    host(plate={"source_tier": lambda one: "staff"}, article={"reasons": lambda one: [reason]})
    report = gate.report(story)
    assert (report.level, report.reasons) == (Level.ACKNOWLEDGE, (reason,))


def test_a_second_strong_detector_raises_one_step(
    doubted: Asset, scripted: Callable[..., Any], article: Callable[..., Article], erin: Any
) -> None:
    story = article(doubted)
    assert level(story) is Level.ACKNOWLEDGE
    scripted("second").will_return(**STRONG)
    scanning.ask_second_opinion(doubted, by=erin)
    drain()
    assert level(story) is Level.HOLD


def test_a_report_asks_as_often_for_twelve_pictures_as_for_one(
    looked_at: Looked, article: Callable[..., Article], erin: Any, dana: Any
) -> None:
    assets = [looked_at("ugc: x", seed=seed, **STRONG) for seed in range(12)]
    small, large = article(assets[0]), article(*assets)
    counts = []
    for story in (small, large):
        gate.report(story, user=erin)
        with CaptureQueriesContext(connection) as captured:
            gate.report(story, user=erin)
        counts.append(len(captured))
    assert counts[0] == counts[1]


# Authorise.


@pytest.mark.usefixtures("committed_db")
def test_asking_outside_a_transaction_is_a_mistake() -> None:
    with pytest.raises(transaction.TransactionManagementError, match=r"transaction\.atomic"):
        gate.authorise(Article.objects.create(title="x"), by=None)


def test_a_refusal_is_an_answer_and_stands_in_the_history(
    held: Asset,
    article: Callable[..., Article],
    erin: Any,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    """F01, F02."""
    story, heard = article(held), []

    def listen(sender: Any, **told: Any) -> None:
        heard.append(told)

    signals.publication_refused.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
            decision = gate.authorise(story, by=erin)
    finally:
        signals.publication_refused.disconnect(listen)
    assert not decision.is_allowed
    event = AuditEvent.objects.get(action="gate.refused")
    assert (event.subject_key, event.actor_id) == (str(story.pk), erin.pk)
    assert event.facts["pictures"][0]["evidence"] == held.evidence
    assert event.facts["policy"] == 1
    assert [(told["subject"], told["by"]) for told in heard] == [(story, erin)]


def test_the_answer_goes_back_with_the_publishing_transaction(held: Asset, article: Callable[..., Article]) -> None:
    with transaction.atomic():
        gate.authorise(article(held), by=None)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.filter(action__startswith="gate.").exists()


def test_a_pass_is_recorded_with_what_it_rested_on(doubted: Asset, article: Callable[..., Article], erin: Any) -> None:
    """F03."""
    story = article(doubted)
    gate.acknowledge(story, doubted, by=erin, evidence=doubted.evidence, reason_code="original_seen")
    with transaction.atomic():
        assert gate.authorise(story, by=erin).is_allowed
    [picture] = AuditEvent.objects.get(action="gate.passed").facts["pictures"]
    assert (picture["level"], picture["base_level"], picture["cleared_by"]) == ("clear", "acknowledge", True)


def test_authorise_writes_the_rows_of_the_storys_pictures_first(held: Asset, article: Callable[..., Article]) -> None:
    """F07: a verdict that lands now waits for it, or it for the verdict."""
    before = Asset.objects.get(pk=held.pk).touched
    with transaction.atomic():
        gate.authorise(article(held), by=None)
    assert Asset.objects.get(pk=held.pk).touched == before + 1


# Acknowledge.


def test_an_acknowledgement_lets_one_story_go_on_one_evidence(
    doubted: Asset, article: Callable[..., Article], erin: Any
) -> None:
    story, other = article(doubted), article(doubted, title="Another")
    made = gate.acknowledge(
        story, doubted, by=erin, evidence=doubted.evidence, reason_code="original_seen", note=" Seen. "
    )
    assert (made.note, made.author_label, made.signal) == ("Seen.", "Erin Example", "strong")
    [line] = gate.report(story).lines
    assert line.level is Level.CLEAR
    assert line.cleared_by.startswith("Acknowledged for this story by Erin Example")
    assert level(other) is Level.ACKNOWLEDGE
    assert str(made) == "The cup: acknowledged by Erin Example"
    Analysis.objects.update(model="v2")
    assert level(story) is Level.ACKNOWLEDGE


def test_a_hold_is_not_acknowledged_away(held: Asset, article: Callable[..., Article], erin: Any, dana: Any) -> None:
    before = count()
    for person_ in (erin, dana):
        with pytest.raises(Refused, match="nothing to acknowledge here"):
            gate.acknowledge(article(held), held, by=person_, evidence=held.evidence, reason_code="original_seen")
    assert count() == before


def test_what_changed_since_the_page_was_opened_records_nothing(
    held: Asset, doubted: Asset, article: Callable[..., Article], dana: Any
) -> None:
    """F07."""
    story, before = article(held, doubted), count()
    for act in (
        lambda: gate.acknowledge(story, doubted, by=dana, evidence="0" * 64, reason_code="original_seen"),
        lambda: gate.override(story, held, by=dana, evidence="0" * 64, **WHY),
        lambda: reviewing.decide(held, Conclusion.ACCEPTED, by=dana, evidence="0" * 64, subject=story, **WHY),
        lambda: reviewing.ask_source(held, by=dana, evidence=""),
    ):
        with pytest.raises(EvidenceChanged):
            act()
    assert count() == before


@pytest.mark.parametrize("act", ["acknowledge", "override"])
def test_an_attempt_without_permission_is_refused_and_recorded(
    held: Asset, article: Callable[..., Article], sam: Any, act: str
) -> None:
    """F04, F08."""
    with pytest.raises(NotPermitted):
        getattr(gate, act)(article(held), held, by=sam, evidence=held.evidence, **WHY)
    event = AuditEvent.objects.get(action="gate.denied")
    assert event.actor_id == sam.pk
    assert (Acknowledgement.objects.count(), Override.objects.count()) == (0, 0)


def test_a_picture_that_left_the_story_is_not_decided_about_in_it(
    held: Asset, article: Callable[..., Article], dana: Any, plate: Any
) -> None:
    story = article(asset_of(plate("staff: other", seed=8)))
    with pytest.raises(Refused, match="not part of this story"):
        gate.override(story, held, by=dana, evidence=held.evidence, **WHY)


# Override.


@pytest.fixture
def overridden(held: Asset, article: Callable[..., Article], dana: Any) -> tuple[Article, Override]:
    story = article(held)
    return story, gate.override(story, held, by=dana, evidence=held.evidence, **WHY)


def test_an_override_lets_the_story_go_and_says_who_why_and_until_when(
    overridden: tuple[Article, Override],
    held: Asset,
    dana: Any,
) -> None:
    """F03."""
    story, made = overridden
    [line] = gate.report(story).lines
    assert line.level is Level.CLEAR
    assert "Dana Example" in line.cleared_by
    event = AuditEvent.objects.get(action="gate.override_granted")
    assert event.actor_id == dana.pk
    assert event.facts["evidence"] == held.evidence
    assert event.facts["reason"] == "original_seen"
    assert event.personal.get(name="note").value == NOTE
    assert str(made) == "The cup: overridden by Dana Example"


def test_an_override_is_told_to_listeners(
    held: Asset, article: Callable[..., Article], dana: Any, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    heard = []

    def listen(sender: Any, override: Override, **told: Any) -> None:
        heard.append(override)

    signals.override_granted.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            made = gate.override(article(held), held, by=dana, evidence=held.evidence, **WHY)
    finally:
        signals.override_granted.disconnect(listen)
    assert heard == [made]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"reason_code": "", "note": NOTE}, "Choose a reason"),
        ({"reason_code": "because", "note": NOTE}, "Choose a reason"),
        ({"reason_code": "original_seen", "note": ""}, "at least 15 characters"),
        ({"reason_code": "original_seen", "note": " " * 40}, "at least 15 characters"),
        ({"reason_code": "original_seen", "note": "too short"}, "at least 15 characters"),
        ({**WHY, "scope": "world"}, "this story or the whole desk"),
        ({**WHY, "ends_at": timezone.now() - timedelta(hours=1)}, "already passed"),
    ],
)
def test_an_override_with_words_missing_says_which_and_records_nothing(
    held: Asset, article: Callable[..., Article], dana: Any, words: dict[str, Any], said: str
) -> None:
    """F04."""
    before = count()
    with pytest.raises(Refused, match=said):
        gate.override(article(held), held, by=dana, evidence=held.evidence, **words)
    assert count() == before


def test_an_override_ends_by_itself(overridden: tuple[Article, Override], clock: Clock) -> None:
    """F06."""
    story, made = overridden
    assert made.ends_at - timezone.now() <= timedelta(hours=24)
    clock.move(hours=23, minutes=59)
    assert level(story) is Level.CLEAR
    clock.move(minutes=2)
    assert level(story) is Level.HOLD


def test_an_override_reaches_past_publication_and_never_over_seven_days(
    held: Asset, article: Callable[..., Article], host: Callable[..., None], dana: Any
) -> None:
    due = timezone.now() + timedelta(days=2)
    host(plate={"source_tier": lambda one: "ugc"}, article={"publish_at": lambda one: due})
    made = gate.override(article(held), held, by=dana, evidence=held.evidence, **WHY)
    assert made.ends_at == due + timedelta(hours=2)
    far = gate.override(
        article(held), held, by=dana, evidence=held.evidence, ends_at=timezone.now() + timedelta(days=90), **WHY
    )
    assert timedelta(days=6, hours=23) < far.ends_at - timezone.now() <= timedelta(days=7)


def test_a_changed_file_brings_the_hold_back(
    overridden: tuple[Article, Override], held: Asset, scripted: Callable[..., Any]
) -> None:
    """F05."""
    story, _made = overridden
    picture, content = held.picture(), images.photo_like(9, size=(64, 48))
    picture.picture = ContentFile(content, name="other.jpg")
    picture.save()
    mark_read(picture, content)
    assert level(story) is Level.ACKNOWLEDGE
    scripted().will_return(**STRONG)
    drain()
    assert level(story) is Level.HOLD


def test_worse_evidence_brings_the_hold_back(
    overridden: tuple[Article, Override], held: Asset, scripted: Callable[..., Any], erin: Any
) -> None:
    """F05."""
    story, _made = overridden
    scripted("second").will_return(**STRONG)
    scanning.ask_second_opinion(held, by=erin)
    assert level(story) is Level.HOLD
    drain()
    assert level(story) is Level.HOLD


def test_an_override_is_revoked_by_whoever_could_give_it_and_with_a_reason(
    overridden: tuple[Article, Override], erin: Any, dana: Any
) -> None:
    story, made = overridden
    with pytest.raises(NotPermitted):
        gate.revoke(made, by=erin, reason="No.")
    with pytest.raises(Refused, match="Say why"):
        gate.revoke(made, by=dana, reason="  ")
    assert level(story) is Level.CLEAR
    gate.revoke(made, by=dana, reason="The source took it back.")
    gate.revoke(made, by=dana, reason="Twice.")
    assert level(story) is Level.HOLD
    made.refresh_from_db()
    assert (made.revoked_by_label, made.revoked_reason) == ("Dana Example", "The source took it back.")
    assert AuditEvent.objects.filter(action="gate.override_revoked").count() == 1


def test_an_override_of_a_story_that_is_gone_is_revoked_by_nobody(
    overridden: tuple[Article, Override], dana: Any
) -> None:
    story, made = overridden
    story.delete()
    with pytest.raises(NotPermitted):
        gate.revoke(made, by=dana, reason="The story is gone.")


def test_an_override_for_one_story_leaves_the_others(
    overridden: tuple[Article, Override], held: Asset, article: Callable[..., Article]
) -> None:
    assert level(article(held, title="Another")) is Level.HOLD


def desks(host: Callable[..., None]) -> None:
    host(
        plate={"source_tier": lambda one: "ugc"},
        article={"desk": lambda one: one.title.partition(":")[0]},
    )


def test_an_override_for_the_desk_covers_its_stories_with_the_same_file_alone(
    held: Asset,
    host: Callable[..., None],
    article: Callable[..., Article],
    looked_at: Looked,
    plate: Any,
    dana: Any,
) -> None:
    desks(host)
    given_on = article(held, title="news: one")
    gate.override(given_on, held, by=dana, evidence=held.evidence, scope="desk", **WHY)
    copy = plate("ugc: the same bytes")
    drain()
    other = looked_at("ugc: other bytes", seed=7, **STRONG)
    assert level(article(held, title="news: two")) is Level.CLEAR
    assert level(article(asset_of(copy), title="news: three")) is Level.CLEAR
    assert level(article(held, title="sport: one")) is Level.HOLD
    assert level(article(other, title="news: four")) is Level.HOLD


def test_an_override_for_an_unreadable_picture_covers_no_other_unreadable_one(
    host: Callable[..., None], article: Callable[..., Article], plate: Any, dana: Any
) -> None:
    desks(host)
    broken = []
    for title in ("ugc: a", "ugc: b"):
        picture = plate(title, content=images.zero_bytes(), is_read=False)
        drain()
        broken.append(asset_of(picture))
    story = article(*broken, title="news: one")
    gate.override(story, broken[0], by=dana, evidence=broken[0].evidence, scope="desk", **WHY)
    assert [line.level for line in sorted(gate.report(story).lines, key=lambda line: line.label)] == [
        Level.CLEAR,
        Level.ACKNOWLEDGE,
    ]


def policy(**document: Any) -> None:
    PolicyVersion.current()
    PolicyVersion.objects.update(document={**DEFAULT, **document})


def test_with_four_eyes_the_uploader_cannot_override(
    held: Asset, host: Callable[..., None], article: Callable[..., Article], dana: Any
) -> None:
    """F04."""
    policy(four_eyes=True)
    host(plate={"source_tier": lambda one: "ugc", "uploader": lambda one: dana})
    other = person("rosa", "override_hold", "review_analysis")
    story = article(held)
    [line] = gate.report(story, user=dana).lines
    assert (line.actions, line.who_can_clear) == (("look", "send_to_chief", "replace"), ("Rosa Example",))
    with pytest.raises(NotPermitted, match="Ask another desk chief"):
        gate.override(story, held, by=dana, evidence=held.evidence, **WHY)
    assert AuditEvent.objects.get(action="gate.denied").facts["four_eyes"] == "uploaded"
    assert gate.override(story, held, by=other, evidence=held.evidence, **WHY)


@pytest.mark.parametrize(
    ("conclusion", "is_part"),
    [
        (Conclusion.CONFIRMED_AI_GENERATED, True),
        (Conclusion.CANNOT_DETERMINE, True),
        (Conclusion.WAITING_FOR_SOURCE, False),
    ],
)
def test_with_four_eyes_whoever_concluded_cannot_override_as_well(
    conclusion: Conclusion,
    is_part: bool,
    held: Asset,
    host: Callable[..., None],
    article: Callable[..., Article],
    dana: Any,
) -> None:
    """F04. A conclusion that was taken back is no part, and asking the source decides nothing."""
    host(plate={"source_tier": lambda one: "ugc"})
    story = article(held)
    said = reviewing.decide(held, conclusion, by=dana, evidence=held.evidence)
    policy(four_eyes=True)
    words = {**WHY, "reader_label": "Made with AI"}
    if is_part:
        with pytest.raises(NotPermitted, match="whoever concluded about a picture"):
            gate.override(story, held, by=dana, evidence=held.evidence, **words)
        reviewing.undo(said, by=dana)
    assert gate.override(story, held, by=dana, evidence=held.evidence, **words)


def test_a_stop_is_passed_by_nobody_here(held: Asset, article: Callable[..., Article], dana: Any) -> None:
    levels = {**DEFAULT["levels"], "strong": {**DEFAULT["levels"]["strong"], "ugc": "stop"}}
    policy(levels=levels)
    story = article(held)
    [line] = gate.report(story, user=dana).lines
    assert (line.level, line.actions, line.who_can_clear) == (Level.STOP, ("look", "replace"), ())
    with pytest.raises(Refused, match="policy stops this picture"):
        gate.override(story, held, by=dana, evidence=held.evidence, **WHY)
    dana.user_permissions.add(Permission.objects.get(codename="break_glass"))
    reviewing.decide(held, Conclusion.ACCEPTED, by=dana, evidence=held.evidence, subject=story, **WHY)
    assert level(story) is Level.STOP


def test_where_ai_is_declared_the_readers_label_is_asked_for(
    declared: Asset, article: Callable[..., Article], dana: Any
) -> None:
    story = article(declared)
    [line] = gate.report(story).lines
    assert (line.level, line.needs_label) == (Level.HOLD, True)
    for words in ({}, {"reader_label": "  "}, {"no_label_reason": " "}):
        with pytest.raises(Refused, match="the label for readers"):
            gate.override(story, declared, by=dana, evidence=declared.evidence, **WHY, **words)
    with pytest.raises(Refused, match="the label for readers"):
        reviewing.decide(declared, Conclusion.ACCEPTED, by=dana, evidence=declared.evidence, subject=story, **WHY)
    both = {**LABEL, "no_label_reason": "The caption says it."}
    with pytest.raises(Refused, match="not both"):
        gate.override(story, declared, by=dana, evidence=declared.evidence, **WHY, **both)
    with pytest.raises(Refused, match="not both"):
        reviewing.decide(
            declared, Conclusion.ACCEPTED, by=dana, evidence=declared.evidence, subject=story, **WHY, **both
        )
    made = gate.override(story, declared, by=dana, evidence=declared.evidence, **WHY, **LABEL)
    assert made.reader_label == "Made with AI"
    assert gate.override(
        story, declared, by=dana, evidence=declared.evidence, **WHY, no_label_reason="The caption says it."
    )


# Handing it to a chief.


def test_an_editor_hands_a_hold_to_the_chief_once_and_the_line_says_so(
    held: Asset, article: Callable[..., Article], erin: Any
) -> None:
    story = article(held)
    for _time in range(2):
        gate.send_to_chief(story, held, by=erin, evidence=held.evidence, note="Please look before six.")
    [line] = gate.report(story, user=erin).lines
    assert line.level is Level.HOLD
    assert line.sent is not None
    assert (line.sent.by, line.sent.note) == ("Erin Example", "Please look before six.")
    assert line.actions == ("look", "replace")
    assert AuditEvent.objects.filter(action="gate.sent_to_chief").count() == 1
    assert list(gate.sent_keys(Article)) == [{"subject_key": str(story.pk)}]
    Analysis.objects.update(model="v2")
    assert gate.report(story, user=erin).lines[0].sent is None


def test_what_needs_no_chief_is_not_handed_over(
    doubted: Asset, article: Callable[..., Article], erin: Any, sam: Any
) -> None:
    story = article(doubted)
    with pytest.raises(Refused, match="nothing for the desk chief"):
        gate.send_to_chief(story, doubted, by=erin, evidence=doubted.evidence)
    with pytest.raises(EvidenceChanged):
        gate.send_to_chief(story, doubted, by=erin, evidence="")
    with pytest.raises(NotPermitted):
        gate.send_to_chief(story, doubted, by=sam, evidence=doubted.evidence)
    assert not AuditEvent.objects.filter(action="gate.sent_to_chief").exists()


ATTEMPTS: dict[str, Callable[[Article, Asset, Any], Any]] = {
    "acknowledge": lambda story, asset, by: gate.acknowledge(
        story, asset, by=by, evidence=asset.evidence, reason_code="original_seen"
    ),
    "override": lambda story, asset, by: gate.override(story, asset, by=by, evidence=asset.evidence, **WHY),
    "revoke": lambda story, asset, by: gate.revoke(Override.objects.get(), by=by, reason="No."),
    "send": lambda story, asset, by: gate.send_to_chief(story, asset, by=by, evidence=asset.evidence),
    "claim": lambda story, asset, by: reviewing.claim(asset, by=by),
    "decide": lambda story, asset, by: reviewing.decide(asset, Conclusion.ACCEPTED, by=by, evidence=asset.evidence),
    "decide for a story": lambda story, asset, by: reviewing.decide(
        asset, Conclusion.ACCEPTED, by=by, evidence=asset.evidence, subject=story
    ),
    "undo": lambda story, asset, by: reviewing.undo(Review.objects.get(), by=by),
    "second opinion": lambda story, asset, by: scanning.ask_second_opinion(asset, by=by),
    "release": lambda story, asset, by: scanning.release_outside(asset, by=by, reason=NOTE),
    "redrive": lambda story, asset, by: scanning.redrive(asset.analyses.get(), by=by),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_whatever_a_stranger_tries_is_refused_recorded_and_changes_nothing(
    held: Asset, article: Callable[..., Article], dana: Any, sam: Any, attempt: str
) -> None:
    """F04, F08: ASVS 16.3.2."""
    story = article(held)
    gate.override(story, held, by=dana, evidence=held.evidence, **WHY)
    reviewing.decide(held, Conclusion.ACCEPTED, by=dana, evidence=held.evidence)
    before = count()
    with pytest.raises(NotPermitted):
        ATTEMPTS[attempt](story, held, sam)
    after = count()
    assert (after[0] - before[0], after[1:]) == (1, before[1:])
    event = AuditEvent.objects.order_by("-pk").first()
    assert event is not None
    assert (event.action, event.actor_id, event.asset_id) == ("gate.denied", sam.pk, held.pk)
    assert event.facts["permission"].startswith("detection.")


# Conclusions, in the story.


def conclude(asset: Asset, conclusion: Conclusion, story: Article, *, by: Any, **words: Any) -> Review:
    asset.refresh_from_db()
    return reviewing.decide(asset, conclusion, by=by, evidence=asset.evidence, subject=story, **{**WHY, **words})


@pytest.mark.parametrize(
    ("conclusion", "after"),
    [
        (Conclusion.ACCEPTED, Level.CLEAR),
        (Conclusion.CANNOT_DETERMINE, Level.NOTICE),
        (Conclusion.WAITING_FOR_SOURCE, Level.ACKNOWLEDGE),
        (Conclusion.CONFIRMED_AI_GENERATED, Level.HOLD),
        (Conclusion.CONFIRMED_AI_ALTERED, Level.HOLD),
    ],
)
def test_an_editors_conclusion_is_the_acknowledgement_too(
    doubted: Asset, article: Callable[..., Article], erin: Any, conclusion: Conclusion, after: Level
) -> None:
    story = article(doubted)
    conclude(doubted, conclusion, story, by=erin)
    [line] = gate.report(story).lines
    assert (line.level, line.conclusion) == (after, conclusion)
    assert bool(line.cleared_by) == (after.rank < Level.ACKNOWLEDGE.rank)


@pytest.mark.parametrize("conclusion", [Conclusion.ACCEPTED, Conclusion.CANNOT_DETERMINE])
def test_a_hold_yields_to_a_chief_and_not_to_an_editor(
    held: Asset, article: Callable[..., Article], erin: Any, dana: Any, conclusion: Conclusion
) -> None:
    story = article(held)
    conclude(held, conclusion, story, by=erin)
    assert level(story) is Level.HOLD
    conclude(held, conclusion, story, by=dana)
    assert level(story).rank < Level.ACKNOWLEDGE.rank


def test_waiting_for_the_source_raises_and_never_lowers(
    looked_at: Looked, held: Asset, article: Callable[..., Article], dana: Any
) -> None:
    calm = looked_at("staff: calm", seed=5, **HUMAN)
    for asset, after in ((calm, Level.ACKNOWLEDGE), (held, Level.HOLD)):
        story = article(asset)
        reviewing.ask_source(asset, by=dana, evidence=asset.evidence, subject=story, note="Called her.")
        assert level(story) is after


def test_a_picture_confirmed_as_ai_goes_out_labelled_as_what_it_is(
    doubted: Asset, host: Callable[..., None], article: Callable[..., Article], erin: Any
) -> None:
    story = article(doubted)
    conclude(doubted, Conclusion.CONFIRMED_AI_GENERATED, story, by=erin)

    def placed(use: PlacedUse, label: str) -> Level:
        def pictures(one: Article) -> list[registry.Placed]:
            return [registry.Placed(picture=p, use=use, reader_label=label) for p in one.plates.all()]

        host(plate={"source_tier": lambda one: "staff"}, article={"assets": pictures})
        return level(story)

    assert placed(PlacedUse.PHOTOGRAPH, "Made with AI") is Level.HOLD
    assert placed(PlacedUse.ILLUSTRATION, "") is Level.HOLD
    assert placed(PlacedUse.ILLUSTRATION, "Made with AI") is Level.ACKNOWLEDGE
    assert placed(PlacedUse.SUBJECT, "Made with AI") is Level.ACKNOWLEDGE


def test_on_another_desk_a_conclusion_is_a_hint_without_effect(
    doubted: Asset, host: Callable[..., None], article: Callable[..., Article], erin: Any
) -> None:
    story, foreign = article(doubted, title="news: one"), article(doubted, title="sport: one")
    host(plate={"source_tier": lambda one: "staff"}, article={"desk": lambda one: one.title.partition(":")[0]})
    conclude(doubted, Conclusion.ACCEPTED, story, by=erin)
    assert level(story) is Level.CLEAR
    assert level(foreign) is Level.ACKNOWLEDGE


@pytest.mark.parametrize(("what", "act"), [("held", "override"), ("doubted", "acknowledge")])
def test_a_later_finding_that_it_is_ai_outdoes_what_let_it_go_before(
    what: str, act: str, request: pytest.FixtureRequest, article: Callable[..., Article], erin: Any, dana: Any
) -> None:
    asset = request.getfixturevalue(what)
    story = article(asset)
    getattr(gate, act)(story, asset, by=dana, evidence=asset.evidence, **WHY)
    assert level(story) is Level.CLEAR
    conclude(asset, Conclusion.CONFIRMED_AI_GENERATED, story, by=erin)
    assert level(story) is Level.HOLD
    assert gate.report(story).lines[0].needs_label


def test_agreeing_with_a_chief_does_not_bring_the_hold_back(
    held: Asset, article: Callable[..., Article], erin: Any, dana: Any
) -> None:
    story = article(held)
    gate.override(story, held, by=dana, evidence=held.evidence, **WHY)
    conclude(held, Conclusion.ACCEPTED, story, by=erin)
    assert level(story) is Level.CLEAR


@pytest.mark.parametrize("word", [Conclusion.ACCEPTED, Conclusion.CANNOT_DETERMINE, Conclusion.WAITING_FOR_SOURCE])
def test_only_a_chief_takes_back_what_a_chief_confirmed(
    word: Conclusion, doubted: Asset, article: Callable[..., Article], erin: Any, dana: Any
) -> None:
    story = article(doubted)
    conclude(doubted, Conclusion.CONFIRMED_AI_GENERATED, story, by=dana)
    reviewed = conclude(doubted, word, story, by=erin)
    assert level(story) is Level.HOLD
    reviewing.undo(reviewed, by=erin)
    assert level(story) is Level.HOLD
    assert Asset.objects.get(pk=doubted.pk).conclusion == Conclusion.CONFIRMED_AI_GENERATED
    conclude(doubted, Conclusion.ACCEPTED, story, by=dana, **WHY)
    assert level(story) is Level.CLEAR


def test_clearing_what_a_person_confirmed_asks_for_a_reason(
    doubted: Asset, article: Callable[..., Article], dana: Any
) -> None:
    """F04."""
    story = article(doubted)
    conclude(doubted, Conclusion.CONFIRMED_AI_GENERATED, story, by=dana)
    before = count()
    with pytest.raises(Refused):
        conclude(doubted, Conclusion.ACCEPTED, story, by=dana, reason_code="", note="")
    assert count() == before


def test_a_new_look_at_the_same_file_does_not_open_a_hold_meanwhile(
    held: Asset, article: Callable[..., Article], host: Callable[..., None], erin: Any
) -> None:
    host(plate={"source_tier": lambda one: "staff"})
    story = article(held)
    conclude(held, Conclusion.CONFIRMED_AI_GENERATED, story, by=erin)
    scanning.request_scan(held.picture(), by=erin, force=True)
    line = gate.report(story).lines[0]
    assert (line.signal, line.level) == ("not_checked", Level.HOLD)
    scanning.request_scan(held.picture(), by=erin, force=True)
    assert level(story) is Level.HOLD, "asked twice, it is still the same file"


def test_a_file_that_nobody_was_told_of_is_not_judged_by_the_old_ones_evidence(
    looked_at: Looked, article: Callable[..., Article], erin: Any
) -> None:
    """F05: a host that wrote the file's name past every signal."""
    asset = looked_at(verdict="likely_human", ai_score=0.04)
    story = article(asset)
    Plate.objects.filter(pk=asset.picture().pk).update(picture="plates/another.jpg")
    line = gate.report(story).lines[0]
    assert (line.signal, line.evidence) == ("not_checked", "")
    with pytest.raises((Refused, EvidenceChanged)):
        gate.acknowledge(story, asset, by=erin, evidence="", reason_code="original_seen")


def test_the_same_file_uploaded_again_is_what_it_was_concluded_to_be(
    doubted: Asset, looked_at: Looked, article: Callable[..., Article], dana: Any
) -> None:
    story = article(doubted)
    conclude(doubted, Conclusion.CONFIRMED_AI_GENERATED, story, by=dana)
    again = looked_at(verdict="likely_ai", ai_score=0.97)
    assert again.evidence == doubted.evidence
    assert level(article(again)) is Level.HOLD


def test_an_override_of_another_desk_does_not_count_after_a_story_moved(
    held: Asset, article: Callable[..., Article], host: Callable[..., None], dana: Any
) -> None:
    story = article(held, title="sport: one")
    freelance = {"source_tier": lambda one: "freelance"}
    host(plate=freelance, article={"desk": lambda one: one.title.partition(":")[0]})
    gate.override(story, held, by=dana, evidence=held.evidence, **WHY)
    assert level(story) is Level.CLEAR
    Article.objects.filter(pk=story.pk).update(title="news: one")
    assert level(Article.objects.get(pk=story.pk)) is Level.HOLD


def test_a_revoked_override_is_heard_of_by_those_who_listen(
    held: Asset, article: Callable[..., Article], dana: Any
) -> None:
    story = article(held)
    given = gate.override(story, held, by=dana, evidence=held.evidence, **WHY)
    drain()
    heard: list[int] = []

    def listen(sender: Any, asset: Asset, version: int, **kwargs: Any) -> None:
        heard.append(asset.pk)

    signals.standing_changed.connect(listen)
    try:
        gate.revoke(given, by=dana, reason="The source took it back.")
        drain()
    finally:
        signals.standing_changed.disconnect(listen)
    assert heard == [held.pk]


def test_a_desks_override_can_be_revoked_when_its_story_is_gone(
    held: Asset, article: Callable[..., Article], dana: Any
) -> None:
    story = article(held)
    given = gate.override(story, held, by=dana, evidence=held.evidence, scope="desk", **WHY)
    article(held, title="Another")
    story.delete()
    gate.revoke(given, by=dana, reason="The story is gone.")
    assert Override.objects.get(pk=given.pk).revoked_at is not None


def test_a_person_who_left_is_not_named_among_those_who_can_clear(
    held: Asset, article: Callable[..., Article], dana: Any
) -> None:
    """F09."""
    story = article(held)
    dana.is_active = False
    dana.save()
    [line] = gate.report(story, user=dana).lines
    assert line.who_can_clear == ()
    assert line.actions == ("look", "send_to_chief", "replace")


def test_what_is_kept_inside_says_so_beside_what_was_read(held: Asset, article: Callable[..., Article]) -> None:
    Asset.objects.filter(pk=held.pk).update(kept_inside=True)
    assert "Kept inside" in gate.report(article(held)).lines[0].sentence


def test_names_of_plates_and_articles_are_the_hosts_own(held: Asset, article: Callable[..., Article]) -> None:
    [line] = gate.report(article(held)).lines
    assert line.label == "ugc: crowd"
    assert isinstance(line.placed.picture, Plate)


def test_an_overview_says_of_each_story_what_its_report_says_in_as_many_queries_for_ten_as_for_one(
    held: Asset,
    doubted: Asset,
    article: Callable[..., Article],
    dana: Any,
    erin: Any,
    django_assert_max_num_queries: Any,
) -> None:
    stories = [article(held, doubted, title=f"story {number}") for number in range(10)]
    gate.override(stories[3], held, by=dana, evidence=held.evidence, **WHY)
    gate.acknowledge(stories[4], doubted, by=erin, evidence=doubted.evidence, reason_code="original_seen")
    gate.override(stories[5], held, by=dana, evidence=held.evidence, scope="desk", **WHY)
    alone = [[(line.level, line.cleared_by) for line in gate.report(story).lines] for story in stories]
    placed = 10  # the host's own look at each story's pictures
    with django_assert_max_num_queries(placed + 11):
        together = gate.overview(stories)
    assert [[(line.level, line.cleared_by) for line in one.lines] for one in together] == alone
    assert len({str(lines) for lines in alone}) > 2
    assert {line.who_can_clear for one in together for line in one.lines} == {()}
    assert gate.overview([]) == []
