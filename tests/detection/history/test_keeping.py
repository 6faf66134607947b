"""Retention, erasure and preservation: what goes, what stays, and who is told no."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.core.serializers import serialize
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from detection import audit, reviewing
from detection.errors import NotPermitted, Refused
from detection.history import erasing, preserving, retaining
from detection.history.verifying import verify
from detection.models import Asset, AuditEvent, AuditPersonal, AuditSeal, Override, Preservation, Review, append_only
from detection.sweeping import sweep
from detection.vocabulary import Conclusion
from tests.conftest import person

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def dump() -> str:
    """Everything that the database holds, as a backup would."""
    models = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy]
    return "".join(serialize("json", model._default_manager.all()) for model in models)


@pytest.fixture
def decided(looked_at: Callable[..., Asset], article: Callable[..., Any], dana: Any) -> Asset:
    """Dana, who came from an address of hers, concluded and overrode about one picture."""
    get_user_model().objects.filter(pk=dana.pk).update(email="dana@news.example", last_name="Dresden")
    dana = get_user_model().objects.get(pk=dana.pk)
    dana.detection_came_from = {"address": "192.0.2.44"}
    asset = looked_at(verdict="likely_ai", ai_score=0.95)
    story = article(asset)
    reviewing.decide(
        asset, Conclusion.CANNOT_DETERMINE, by=dana, evidence=asset.evidence, note="Dana Dresden called the agency."
    )
    words = {"reason_code": "original_seen", "note": "Seen by Dana Dresden at the agency."}
    Override.objects.create(
        subject_type=ContentType.objects.get_for_model(story),
        subject_key=story.pk,
        asset=asset,
        evidence=asset.evidence,
        author=dana,
        author_label=audit.name_of(dana),
        ends_at=timezone.now() + timedelta(days=1),
        revoked_by_label=audit.name_of(dana),
        **words,
    )
    user_type = ContentType.objects.get_for_model(dana)
    LogEntry.objects.create(
        user=dana, content_type=user_type, object_id=str(dana.pk), object_repr="dana", action_flag=CHANGE
    )
    return asset


def test_an_erased_person_is_in_no_dump_page_or_export_and_the_skeleton_stays(
    decided: Asset, dana: Any, client: Any, avery: Any, tmp_path: Any
) -> None:
    """G08. Name, address and words go everywhere; what was decided, when and why stays, and the chain verifies."""
    personal = ("Dresden", "dana@news.example", "192.0.2.44", '"dana"')
    assert all(one in dump() for one in personal)
    said = run("audit_erase", "dana", "--reason", "Asked by letter of 4 May.")
    assert "The account is nameless now." in said
    found = dump()
    assert [one for one in personal if one in found] == []
    client.force_login(avery)
    page = client.get(f"/admin/detection/asset/{decided.public_id}/review/").text
    run("audit_export", str(tmp_path / "history.jsonl"))
    exported = (tmp_path / "history.jsonl").read_text()
    assert [one for one in personal if one in page or one in exported] == []
    review = Review.objects.get()
    assert (review.conclusion, review.author_label, review.note) == ("cannot_determine", "", "")
    assert verify().problems == []
    tombstone = AuditEvent.objects.get(action="audit.erased")
    assert tombstone.facts["person"] == str(dana.pk)
    assert tombstone.facts["values"] > 2
    event = AuditEvent.objects.get(action="review.concluded")
    assert (event.actor_id, audit.entry_of(event).actor_label) == (dana.pk, "A person (name erased)")
    assert not get_user_model().objects.get(pk=dana.pk).has_usable_password()


def test_a_person_whose_account_is_gone_is_erased_by_number(asset: Asset, sam: Any) -> None:
    audit.record("asset.released", asset=asset, by=sam)
    number = sam.pk
    sam.delete()
    with pytest.raises(CommandError, match="give its number"):
        run("audit_erase", "sam", "--reason", "Asked.")
    assert "There is no account any more." in run("audit_erase", str(number), "--reason", "Asked.")
    assert "Sam" not in dump()
    assert verify().problems == []


@pytest.mark.parametrize("covering", ["the picture", "everything"])
def test_an_order_to_preserve_stops_erasure_and_says_so_in_the_history(
    decided: Asset, dana: Any, covering: str
) -> None:
    """G10."""
    made = preserving.order(decided if covering == "the picture" else None, reason="Court order 7/26.")
    with pytest.raises(Refused, match="an order preserves what this person did"):
        erasing.erase(dana.pk, reason="Asked.")
    assert AuditEvent.objects.get(action="audit.refused").facts == {"what": "erasure", "person": str(dana.pk)}
    assert "Dana Dresden" in dump()
    preserving.end(made, reason="Lifted.")
    assert erasing.erase(dana.pk, reason="Asked.").account


def old(days: int) -> None:
    """Move everything recorded so far into the past, as if time had gone by; sealed afterwards."""
    append_only.drop(connection)
    QuerySet(AuditEvent).update(at=timezone.now() - timedelta(days=days))
    append_only.install(connection)
    audit.seal_all()


def test_events_past_their_time_go_and_the_chain_says_where(decided: Asset, configure: Callable[..., None]) -> None:
    """G09."""
    run_before = AuditEvent.objects.count()
    old(days=400)
    audit.record("asset.seen", asset=decided)
    configure(KEEP_HISTORY=365, PROVENANCE=False)
    said = run("audit_prune")
    kept = AuditEvent.objects.exclude(action__startswith="access.").exclude(action__startswith="audit.")
    assert [event.action for event in kept] == ["asset.seen"]
    assert f"Events removed: {run_before - AuditEvent.objects.filter(action='access.changed').count()}" in said
    assert not AuditPersonal.objects.filter(name="note").exists()
    assert append_only.missing(connection) == []
    found = verify()
    assert found.problems == []
    assert found.removed > 3
    checkpoint = AuditEvent.objects.get(action="audit.pruned").facts
    assert checkpoint["through"] <= AuditSeal.objects.order_by("-seq")[0].seq
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM detection_auditevent")
    assert retaining.prune(timezone.now()).count == 0


def test_what_is_removed_beyond_the_checkpoint_is_still_tampering(
    decided: Asset, as_owner: Callable[..., None]
) -> None:
    """G09. G03."""
    old(days=400)
    audit.record("asset.seen", asset=decided)
    audit.seal_all()
    retaining.prune(timezone.now(), days=365)
    later = audit.record("asset.detached", asset=decided)
    audit.seal_all()
    as_owner("DELETE FROM detection_auditevent WHERE id = %s", later.pk)
    first = verify().first
    assert first is not None
    assert (first.kind, first.seq) == ("gone", AuditSeal.objects.get(event=later.pk).seq)


def test_an_order_keeps_its_picture_and_one_for_everything_stops_removing(
    decided: Asset, plate: Callable[..., Any]
) -> None:
    """G10."""
    plate("Other", seed=2)
    own = AuditEvent.objects.filter(asset=decided).count()
    old(days=400)
    preserving.order(decided, reason="Court order 7/26.")
    done = retaining.prune(timezone.now(), days=365)
    assert done.count > 0
    assert done.preserved == own
    assert AuditEvent.objects.filter(asset=decided).count() == own + 1
    assert verify().problems == []
    preserving.order(None, reason="Court order 8/26.")
    with pytest.raises(CommandError, match="an order preserves the whole history"):
        run("audit_prune", "--days", "365")
    assert AuditEvent.objects.get(action="audit.refused").facts["what"] == "retention"


def test_only_who_may_erase_gives_orders_and_erases(asset: Asset, avery: Any) -> None:
    eraser = person("rae", "erase_personal")
    for act in (
        lambda by: preserving.order(asset, reason="x", by=by),
        lambda by: erasing.erase(99_999, reason="x", by=by),
        lambda by: retaining.prune(timezone.now(), days=365, by=by),
    ):
        with pytest.raises(NotPermitted):
            act(avery)
        act(eraser)
    assert AuditEvent.objects.filter(action="gate.denied").count() == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["audit_prune"], "KEEP_HISTORY is 0"),
        (["audit_prune", "--days", "3"], "30 days or more"),
        (["audit_erase", "nobody", "--reason", "x"], "no user called nobody"),
        (["audit_erase", "1", "--reason", "x", "--by", "nobody"], "no user called nobody"),
        (["audit_erase", "1", "--reason", " "], "Say who asked for it"),
        (["audit_preserve", "nothing"], "There is no picture nothing"),
        (["audit_preserve", "all"], "Say why this has to be preserved"),
        (["audit_preserve", "--end", "9"], "There is no order 9"),
    ],
)
def test_what_cannot_be_done_is_said(db: None, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_orders_are_given_listed_and_ended_at_the_command_line(asset: Asset) -> None:
    assert "stands" in run("audit_preserve", str(asset.public_id), "--reason", "Court order 7/26.")
    number = str(Preservation.objects.get().pk)
    assert "Harbour" in run("audit_preserve")
    with pytest.raises(CommandError, match="Say why the order ends"):
        run("audit_preserve", "--end", number)
    assert "has ended" in run("audit_preserve", "--end", number, "--reason", "Lifted.")
    with pytest.raises(CommandError, match="ended already"):
        run("audit_preserve", "--end", number, "--reason", "Lifted.")
    assert "Orders that stand: 0." in run("audit_preserve")


def test_the_sweep_removes_what_is_past_its_time_once_a_day(decided: Asset, configure: Callable[..., None]) -> None:
    """G09."""
    configure(KEEP_HISTORY=365, PROVENANCE=False)
    old(days=400)
    now = timezone.now()
    assert sweep(now)["pruned"] > 3
    old(days=500)
    audit.record("asset.seen", asset=decided)
    assert sweep(now + timedelta(hours=23))["pruned"] == 0
    preserving.order(None, reason="Court order 7/26.")
    assert sweep(now + timedelta(hours=25))["pruned"] == 0
    assert AuditEvent.objects.filter(action="audit.refused").count() == 1
    assert sweep(now + timedelta(hours=26))["pruned"] == 0
    assert AuditEvent.objects.filter(action="audit.refused").count() == 1
