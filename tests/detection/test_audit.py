"""The history: one event for a change, personal values apart, a chain that shows what was tampered with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.utils import timezone

from detection import audit, standing
from detection.audit import chain as chain_of
from detection.errors import ImageRefused, ProviderDown
from detection.models import Analysis, AuditEvent, AuditPersonal, AuditSeal, PolicyVersion, append_only
from detection.models.assets import Asset
from detection.testing import images
from detection.testing.draining import drain
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture
def asset(plate: Callable[..., Any]) -> Asset:
    return asset_of(plate("Harbour"))


def tamper(sql: str, *values: Any) -> None:
    """As the database's owner would."""
    append_only.drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql, values)


@pytest.fixture
def chain(asset: Asset) -> list[AuditSeal]:
    for number in range(4):
        audit.record("asset.detached", asset=asset, number=number, at=timezone.now())
    audit.seal()
    return list(AuditSeal.objects.all())


def test_an_action_nobody_registered_is_refused_before_anything_is_written() -> None:
    with pytest.raises(ValueError, match="'coffee.made' is no registered action"):
        audit.record("coffee.made")
    with pytest.raises(ValueError, match="no registered action"):
        audit.record_all([("coffee.made", {})], asset=Asset())
    assert not AuditEvent.objects.exists()


def test_a_host_registers_actions_of_its_own_with_personal_facts(asset: Asset) -> None:
    audit.register("coffee.made", "Coffee made", personal=["drinker"])
    try:
        event = audit.record("coffee.made", asset=asset, drinker="Sam", cups=2)
        entry = audit.entry_of(event)
    finally:
        audit.ACTIONS.pop("coffee.made")
    assert event.facts == {"cups": 2}
    assert (entry.label, entry.facts) == ("Coffee made", {"cups": 2, "drinker": "Sam"})


def test_an_event_carries_commitments_and_never_the_personal_value(asset: Asset, erin: Any) -> None:
    """G08."""
    event = audit.record(
        "review.concluded", asset=asset, by=erin, note="I know the photographer.", conclusion="accepted"
    )
    assert set(event.commitments) == {"actor", "note"}
    assert "photographer" not in str(AuditEvent.objects.filter(pk=event.pk).values())
    assert "Erin" not in str(AuditEvent.objects.filter(pk=event.pk).values())
    for kept in AuditPersonal.objects.filter(event=event):
        digest = hashlib.sha256(f"{kept.salt}{kept.value}".encode()).hexdigest()
        assert event.commitments[kept.name] == digest


def test_equal_values_have_different_commitments(asset: Asset, erin: Any) -> None:
    one, other = (audit.record("asset.detached", asset=asset, by=erin) for _ in range(2))
    assert one.commitments["actor"] != other.commitments["actor"]


def test_an_empty_note_is_not_kept(asset: Asset) -> None:
    event = audit.record("review.concluded", asset=asset, note="", personal={"address": ""})
    assert event.commitments == {}
    assert not event.personal.exists()


def test_further_personal_values_may_be_given(asset: Asset) -> None:
    event = audit.record("asset.seen", asset=asset, personal={"address": "10.0.0.1"})
    assert event.personal.get().value == "10.0.0.1"


def test_several_events_are_added_in_order_with_their_people(asset: Asset, erin: Any) -> None:
    before = AuditEvent.objects.count()
    audit.record_all(
        [("asset.seen", {"file": "a"}), ("analysis.requested", {"provider": "first"})], asset=asset, by=erin
    )
    added = list(AuditEvent.objects.order_by("pk"))[before:]
    assert [event.action for event in added] == ["asset.seen", "analysis.requested"]
    assert [event.personal.get().value for event in added] == ["Erin Example"] * 2


def test_facts_are_plain_values_whatever_was_given(asset: Asset) -> None:
    moment = datetime(2031, 5, 4, 3, 2, 1, tzinfo=timezone.get_default_timezone())
    event = audit.record("asset.seen", asset=asset, at=moment, id=asset.public_id)
    assert event.facts == {"at": "2031-05-04T03:02:01Z", "id": str(asset.public_id)}


@pytest.mark.parametrize(("names", "shown"), [(("Erin", "Example"), "Erin Example"), (("", ""), "erin")])
def test_a_person_is_called_by_the_full_name_else_the_user_name(names: tuple[str, str], shown: str) -> None:
    user = get_user_model()(username="erin", first_name=names[0], last_name=names[1])
    assert audit.name_of(user) == shown
    assert audit.name_of(None) == ""


def test_history_is_newest_first_and_asks_twice(
    asset: Asset, erin: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    audit.record("asset.released", asset=asset, by=erin, note="Cleared with the agency.")
    with django_assert_num_queries(2):
        entries = audit.history(asset=asset)
    assert (entries[0].label, entries[0].actor_label) == ("Released: may be sent to detectors", "Erin Example")
    assert entries[0].note == "Cleared with the agency."
    assert entries[-1].action == "asset.seen"
    assert entries[-1].actor_label == "System"
    assert len(audit.history(asset=asset, limit=2)) == 2


def test_history_stands_after_the_person_and_the_picture_are_gone(
    asset: Asset, erin: Any, article: Callable[..., Any]
) -> None:
    """G11."""
    story = article(asset)
    audit.record("gate.acknowledged", asset=asset, subject=story, by=erin, note="Seen it.")
    by_story = audit.history(subject=story)
    asset.picture().delete()
    get_user_model().objects.filter(pk=erin.pk).delete()
    asset.refresh_from_db()
    entry = next(one for one in audit.history(asset=asset) if one.action == "gate.acknowledged")
    assert (entry.actor_label, entry.subject_label) == ("Erin Example", "The cup")
    assert [one.event_id for one in by_story] == [entry.event_id]


def test_an_erased_person_leaves_the_event_and_a_sound_chain(asset: Asset, erin: Any) -> None:
    """G08."""
    audit.record("asset.released", asset=asset, by=erin, note="By Erin herself.")
    audit.seal()
    AuditPersonal.objects.all().delete()
    assert audit.history(asset=asset)[0].actor_label == "A person (name erased)"
    assert audit.history(asset=asset)[0].note == ""
    assert audit.first_broken() is None


def test_an_action_that_is_not_known_any_more_still_renders(asset: Asset) -> None:
    audit.register("old.habit", "Old habit")
    audit.record("old.habit", asset=asset)
    audit.ACTIONS.pop("old.habit")
    assert audit.history(asset=asset)[0].label == "old.habit"


def test_sealing_goes_on_where_it_ended_and_chains_every_event_once(chain: list[AuditSeal], asset: Asset) -> None:
    assert audit.seal() == 0
    audit.record("asset.seen", asset=asset)
    audit.record("asset.seen", asset=asset)
    assert audit.seal(limit=1) == 1
    assert audit.seal() == 1
    seals = list(AuditSeal.objects.all())
    assert [one.seq for one in seals] == list(range(1, len(seals) + 1))
    assert [one.prev for one in seals] == [chain_of.GENESIS, *(one.hash for one in seals[:-1])]
    assert not audit.unsealed().exists()
    assert audit.first_broken() is None
    assert str(seals[0]).startswith("1 ")


def test_a_sealer_that_comes_second_seals_nothing(
    asset: Asset, chain: list[AuditSeal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """G06. The numbers are unique: whoever read the same end of the chain is refused by the database."""
    audit.record("asset.seen", asset=asset)
    late = type("Late", (), {"order_by": lambda self, _: self, "first": lambda self: chain[-2]})()
    real = AuditSeal.objects.order_by
    monkeypatch.setattr(type(AuditSeal.objects), "order_by", lambda self, *names: late)
    assert audit.seal() == 0
    monkeypatch.setattr(type(AuditSeal.objects), "order_by", lambda self, *names: real(*names))
    assert AuditSeal.objects.count() == len(chain)


EDITS = {
    "one fact": ("UPDATE detection_auditevent SET facts = '{\"number\": 9}' WHERE id = %s", "event"),
    "the action": ("UPDATE detection_auditevent SET action = 'asset.seen' WHERE id = %s", "event"),
    "the actor": ("UPDATE detection_auditevent SET actor_id = 1 WHERE id = %s", "event"),
    "the label": ("UPDATE detection_auditevent SET subject_label = 'x' WHERE id = %s", "event"),
    "the hash": ("UPDATE detection_auditseal SET hash = prev WHERE seq = %s", "seal"),
    "the link": ("UPDATE detection_auditseal SET prev = 'x' WHERE seq = %s", "seal"),
    "a deleted seal": ("DELETE FROM detection_auditseal WHERE seq = %s", "seal"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_the_first_link_that_was_tampered_with_is_named(chain: list[AuditSeal], edit: str) -> None:
    """G03."""
    sql, what = EDITS[edit]
    victim = chain[2]
    tamper(sql, victim.event_id if what == "event" else victim.seq)
    assert audit.first_broken() == victim.seq


def test_a_chain_rewritten_from_one_link_on_breaks_there(chain: list[AuditSeal]) -> None:
    """G03."""
    victim = chain[1]
    tamper("UPDATE detection_auditevent SET action = 'asset.seen' WHERE id = %s", victim.event_id)
    victim.event.refresh_from_db()
    digest = chain_of.digest_of(chain_of.canonical(victim.event))
    sql = "UPDATE detection_auditseal SET digest = %s, hash = %s WHERE seq = %s"
    tamper(sql, digest, chain_of.link(victim.prev, digest), victim.seq)
    assert audit.first_broken() == victim.seq + 1


def test_state_and_event_are_both_there_or_neither(asset: Asset) -> None:
    """D07."""
    before = AuditEvent.objects.count()

    def change() -> None:
        with transaction.atomic():
            Asset.objects.filter(pk=asset.pk).update(label="other")
            audit.record("no.such.action", asset=asset)

    with pytest.raises(ValueError, match="registered"):
        change()
    asset.refresh_from_db()
    assert (asset.label, AuditEvent.objects.count()) == ("Harbour", before)


@pytest.mark.django_db
def test_a_busy_minute_leaves_nothing_unsealed(plate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_of, "seal", partial(audit.seal, 2))
    monkeypatch.setattr(chain_of, "BATCH", 2)
    plate()
    plate(seed=2)
    plate(seed=3)
    waiting = audit.unsealed().count()
    assert waiting > 4
    assert audit.seal_all(most=3) == 4
    assert audit.seal_all() == waiting - 4
    assert audit.unsealed().count() == 0
    assert audit.first_broken() is None


def test_two_versions_of_a_model_stand_side_by_side_and_so_do_the_cuts_they_were_judged_by(
    plate: Callable[..., Any], scripted: Callable[..., Any], pixels_only: None
) -> None:
    """E12."""
    for number, model in enumerate(("wild-3.1", "wild-3.2")):
        scripted().will_return(verdict="likely_ai", ai_score=0.95, model=model)
        plate(seed=number)
        drain()
    assets = list(Asset.objects.order_by("pk"))
    for asset, model in zip(assets, ("wild-3.1", "wild-3.2"), strict=True):
        [told] = [one for one in audit.history(asset=asset) if one.action == "analysis.complete"]
        assert told.facts["model"] == asset.analyses.get().model == model
    assert assets[0].evidence != assets[1].evidence
    first = PolicyVersion.current()
    stricter = {**first.document, "thresholds": {"first": {"some": 0.5, "strong": 0.99}}}
    PolicyVersion.objects.create(number=first.number + 1, document=stricter, activated_at=timezone.now())
    changed = standing.settle(assets[1])
    assert (assets[0].signal, assets[0].policy_number) == ("strong", first.number)
    assert (changed.signal, changed.policy_number) == ("some", first.number + 1)
    told = audit.history(asset=assets[1])[0]
    assert (told.facts["policy"], told.facts["before"]["signal"]) == (first.number + 1, "strong")


def test_each_move_of_a_check_has_one_event_and_the_chain_no_gap(
    plate: Callable[..., Any], scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """G01. Whatever becomes of them: an answer, a fault and another try, a refusal, a file that was replaced."""
    moved: list[tuple[int, str]] = []
    advance, claim = Analysis.advance, Analysis.claim

    def noted(self: Analysis, to: Any, **changes: Any) -> bool:
        is_moved = advance(self, to, **changes)
        moved.extend([(self.pk, str(to))] * is_moved)
        return is_moved

    def claimed(self: Analysis, **changes: Any) -> Any:
        token = claim(self, **changes)
        moved.extend([(self.pk, "scanning")] * bool(token))
        return token

    monkeypatch.setattr(Analysis, "advance", noted)
    monkeypatch.setattr(Analysis, "claim", claimed)
    scripted().will_return(verdict="likely_ai", ai_score=0.95)
    plate("Answered")
    drain()
    scripted().will_fail(ProviderDown("It is down."))
    plate("Tried again", seed=2)
    drain()
    scripted().will_fail(ImageRefused("It is too small."))
    plate("Refused", seed=3)
    drain()
    again = plate("Replaced", seed=4)
    again.picture.save("other.jpg", ContentFile(images.photo_like(5, size=(64, 48))))
    told = [
        event.action.removeprefix("analysis.")
        for event in AuditEvent.objects.filter(action__startswith="analysis.").exclude(action="analysis.requested")
    ]
    assert sorted(told) == sorted(to for _pk, to in moved)
    assert {"scanning", "complete", "retry_pending", "superseded"} <= set(told)
    audit.seal_all()
    assert list(AuditSeal.objects.values_list("seq", flat=True)) == list(range(1, AuditEvent.objects.count() + 1))
