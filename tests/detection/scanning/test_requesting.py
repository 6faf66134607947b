"""From a picture to its rows: which detectors are due, what a new file ends, and the verbs of people."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile

from detection import scanning
from detection.errors import NotPermitted, Refused
from detection.models import Analysis, Asset, AuditEvent, PolicyVersion
from detection.policy import DEFAULT
from detection.testing import images
from detection.testing.draining import drain
from detection.vocabulary import Why
from tests.conftest import asset_of, mark_read
from tests.otherhost.models import Plate

pytestmark = pytest.mark.django_db
REASON = "The agency agreed by telephone."


def words(asset: Asset) -> list[tuple[str, int, str]]:
    rows = Analysis.objects.filter(asset=asset).order_by("pk")
    return list(rows.values_list("provider", "generation", "status"))


def actions(asset: Asset) -> list[str]:
    return list(AuditEvent.objects.filter(asset=asset).order_by("pk").values_list("action", flat=True))


def change_file(picture: Plate, seed: int) -> None:
    content = images.photo_like(seed, size=(64, 48))
    picture.picture = ContentFile(content, name="other.jpg")
    picture.save()
    mark_read(picture, content)


@pytest.mark.parametrize("has_uploader", [False, True])
def test_an_upload_asks_the_database_at_most_eight_times_and_reaches_nobody(
    plate: Callable[..., Plate],
    erin: Any,
    host: Callable[..., None],
    statements: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    has_uploader: bool,
) -> None:
    """Design 7, fast: transaction control and the host's own INSERT aside."""
    plate()  # content types and the first policy are there
    if has_uploader:
        host(plate={"uploader": lambda one: erin})

    def no_connection(*args: Any) -> None:
        raise AssertionError("an upload calls nobody")

    monkeypatch.setattr(socket.socket, "connect", no_connection)
    with statements() as sent:
        Plate.objects.create(title="x", picture=ContentFile(images.photo_like(2, size=(64, 48)), name="x.jpg"))
    ours = [sql for sql in sent if "otherhost" not in sql]
    assert len(ours) == (8 if has_uploader else 7), ours


def test_an_upload_makes_a_handle_and_an_analysis_for_each_detector_that_is_due(plate: Callable[..., Plate]) -> None:
    asset = asset_of(plate("Harbour", is_read=False))
    assert words(asset) == [("provenance", 1, "pending_scan"), ("first", 1, "pending_scan")]
    assert (asset.label, asset.signal, asset.why) == ("Harbour", "not_checked", "queued")
    assert actions(asset) == ["asset.seen", "analysis.requested", "analysis.requested"]
    assert asset.evidence
    assert (asset.standing_version, asset.announced_version) == (1, 1)


def test_asking_again_for_the_same_file_changes_nothing(plate: Callable[..., Plate], pixels_only: None) -> None:
    picture = plate()
    before, events = words(asset_of(picture)), AuditEvent.objects.count()
    picture.title = "A new title"
    picture.save()
    scanning.request_scan(picture)
    assert words(asset_of(picture)) == before
    assert AuditEvent.objects.count() == events
    assert asset_of(picture).label == "A new title"


def test_a_new_file_begins_a_generation_and_supersedes_what_is_unfinished(
    plate: Callable[..., Plate], pixels_only: None
) -> None:
    picture = plate()
    before = asset_of(picture)
    change_file(picture, 2)
    after = asset_of(picture)
    assert after.generation == before.generation + 1
    assert words(after) == [("first", 1, "superseded"), ("first", 2, "pending_scan")]
    assert after.sha256 != before.sha256
    assert actions(after)[-3:] == ["asset.file_changed", "analysis.superseded", "analysis.requested"]


def test_a_finished_answer_about_the_old_file_stays_as_history_and_counts_no_more(
    looked_at: Callable[..., Asset], pixels_only: None
) -> None:
    """F05."""
    asset = looked_at(verdict="likely_ai", ai_score=0.95)
    assert asset.signal == "strong"
    change_file(asset.picture(), 2)
    asset.refresh_from_db()
    assert words(asset) == [("first", 1, "complete"), ("first", 2, "pending_scan")]
    assert (asset.signal, asset.why) == ("not_checked", "queued")


def test_force_looks_anew_at_the_same_file_and_uses_no_earlier_answer(
    looked_at: Callable[..., Asset], pixels_only: None, scripted: Callable[..., Any]
) -> None:
    asset = looked_at(verdict="likely_human", ai_score=0.02)
    scripted().will_return(verdict="likely_human", ai_score=0.02)
    scanning.request_scan(asset.picture(), force=True)
    asset.refresh_from_db()
    assert (asset.generation, asset.sha256, asset.is_read) == (2, "", False)
    drain()
    assert len(scripted().calls) == 2
    assert words(asset) == [("first", 1, "complete"), ("first", 2, "complete")]


def test_a_picture_that_is_not_due_says_so_and_becomes_due_when_the_host_says(
    host: Callable[..., None], plate: Callable[..., Plate], pixels_only: None
) -> None:
    host(plate={"when": lambda one: one.title == "news"})
    picture = plate("logo")
    asset = asset_of(picture)
    assert words(asset) == [("first", 1, "skipped")]
    assert (asset.signal, asset.why) == ("not_checked", Why.EXEMPT)
    drain()
    scanning.request_scan(picture)
    assert words(asset) == [("first", 1, "skipped")]
    picture.title = "news"
    picture.save()
    assert words(asset) == [("first", 1, "skipped"), ("first", 1, "pending_scan")]
    assert asset_of(picture).why == Why.QUEUED


def test_a_detector_added_to_an_exempt_picture_is_exempt_too(
    host: Callable[..., None], plate: Callable[..., Plate], pixels_only: None, configure: Callable[..., None]
) -> None:
    host(plate={"when": lambda one: False})
    picture = plate()
    configure(PROVENANCE=True)
    scanning.request_scan(picture)
    assert words(asset_of(picture)) == [("first", 1, "skipped"), ("provenance", 1, "skipped")]


def test_the_policy_names_the_primary(plate: Callable[..., Plate], pixels_only: None) -> None:
    version = PolicyVersion.current()
    PolicyVersion.objects.filter(pk=version.pk).update(document={**DEFAULT, "primary": "second"})
    assert words(asset_of(plate())) == [("second", 1, "pending_scan")]


def test_without_any_detector_a_picture_is_still_known(
    plate: Callable[..., Plate], pixels_only: None, settings: Any
) -> None:
    settings.DETECTION_PROVIDERS = {}
    asset = asset_of(plate())
    assert words(asset) == []
    assert (asset.signal, asset.why) == ("not_checked", "queued")


def test_whoever_comes_second_finds_the_handle_of_the_first(
    plate: Callable[..., Plate], pixels_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = plate()
    answers = iter([Asset.objects.none(), Asset.objects.of(picture)])
    real = Asset.objects.of
    monkeypatch.setattr(type(Asset.objects), "of", lambda self, one: next(answers, real(one)))
    asset = scanning.request_scan(picture)
    assert asset.pk == Asset.objects.get().pk
    assert Analysis.objects.count() == 1


def test_a_live_analysis_that_another_request_made_is_left_alone(
    plate: Callable[..., Plate], pixels_only: None
) -> None:
    asset = asset_of(plate())
    assert scanning.asking.request_one(asset, "first") is None
    assert words(asset) == [("first", 1, "pending_scan")]


# Kept inside.


def kept(title: str) -> bool:
    return title.startswith("secret")


@pytest.fixture
def guarded(host: Callable[..., None]) -> None:
    host(plate={"keep_inside": lambda one: kept(one.title)})


@pytest.mark.usefixtures("guarded")
def test_a_picture_kept_inside_is_read_here_and_sent_to_nobody(
    plate: Callable[..., Plate], scripted: Callable[..., Any]
) -> None:
    asset = asset_of(plate("secret source", is_read=False))
    drain()
    asset.refresh_from_db()
    assert words(asset) == [("provenance", 1, "complete")]
    assert scripted().calls == []
    assert asset.kept_inside
    assert asset.sha256


@pytest.mark.usefixtures("guarded", "pixels_only")
def test_a_picture_that_is_all_kept_inside_says_protected(plate: Callable[..., Plate]) -> None:
    asset = asset_of(plate("secret source"))
    assert (asset.signal, asset.why) == ("not_checked", Why.PROTECTED)


@pytest.mark.usefixtures("guarded", "pixels_only")
def test_the_same_bytes_uploaded_elsewhere_are_protected_too(
    plate: Callable[..., Plate], scripted: Callable[..., Any]
) -> None:
    plate("secret source")
    asset = asset_of(plate("somebody else's copy"))
    drain()
    asset.refresh_from_db()
    assert words(asset) == [("first", 1, "skipped")]
    assert asset.why == Why.PROTECTED
    assert scripted().calls == []


@pytest.mark.usefixtures("guarded", "pixels_only")
def test_a_picture_that_is_kept_inside_later_is_taken_back_from_the_queue(
    plate: Callable[..., Plate], scripted: Callable[..., Any]
) -> None:
    picture = plate("open")
    picture.title = "secret now"
    picture.save()
    drain()
    assert words(asset_of(picture)) == [("first", 1, "skipped")]
    assert scripted().calls == []


@pytest.mark.usefixtures("guarded", "pixels_only")
def test_a_release_needs_the_permission_and_a_reason(plate: Callable[..., Plate], erin: Any, dana: Any) -> None:
    asset = asset_of(plate("secret source"))
    events = len(actions(asset))
    with pytest.raises(NotPermitted):
        scanning.release_outside(asset, by=erin, reason=REASON)
    with pytest.raises(Refused, match="at least 15 characters"):
        scanning.release_outside(asset, by=dana, reason="   it is fine    ")
    asset.refresh_from_db()
    assert asset.kept_inside
    assert actions(asset)[events:] == ["gate.denied"]


@pytest.mark.usefixtures("guarded", "pixels_only")
def test_a_release_lifts_the_protection_from_the_same_bytes_everywhere(
    plate: Callable[..., Plate], dana: Any, scripted: Callable[..., Any]
) -> None:
    secret, copy = asset_of(plate("secret source")), asset_of(plate("copy"))
    drain()
    scripted().will_return(verdict="likely_human", ai_score=0.02)
    scanning.release_outside(secret, by=dana, reason=REASON)
    drain()
    assert words(secret)[-1] == ("first", 1, "complete")
    assert words(copy)[-1] == ("first", 1, "complete")
    assert len(scripted().calls) == 1
    assert AuditEvent.objects.filter(action="asset.released").count() == 2
    picture = secret.picture()
    picture.save()
    assert not asset_of(picture).kept_inside


@pytest.mark.usefixtures("guarded", "pixels_only")
def test_a_release_was_for_that_file_and_not_for_the_next(plate: Callable[..., Plate], dana: Any) -> None:
    asset = asset_of(plate("secret source"))
    scanning.release_outside(asset, by=dana, reason=REASON)
    change_file(asset.picture(), 2)
    asset.refresh_from_db()
    assert asset.kept_inside
    assert words(asset)[-1] == ("first", 1, "superseded")


@pytest.mark.usefixtures("pixels_only")
def test_a_picture_that_is_gone_is_released_by_nobody(plate: Callable[..., Plate], dana: Any) -> None:
    picture = plate()
    asset = asset_of(picture)
    picture.delete()
    asset.refresh_from_db()
    with pytest.raises(NotPermitted):
        scanning.release_outside(asset, by=dana, reason=REASON)


def of_desk(desk: str) -> Callable[[Any, str], Any]:
    return lambda user, permission: Plate.objects.filter(title__endswith=desk)


@pytest.mark.usefixtures("pixels_only")
def test_a_chief_does_not_release_what_another_desk_keeps_inside(
    host: Callable[..., None], plate: Callable[..., Plate], dana: Any, scripted: Callable[..., Any]
) -> None:
    host(plate={"keep_inside": lambda one: kept(one.title), "scope": of_desk("sport")})
    ours, theirs = asset_of(plate("secret for sport")), asset_of(plate("secret for politics"))
    with pytest.raises(NotPermitted, match="kept inside elsewhere") as refusal:
        scanning.release_outside(ours, by=dana, reason=REASON)
    assert "politics" not in str(refusal.value)
    drain()
    for asset in (ours, theirs):
        asset.refresh_from_db()
        assert (asset.kept_inside, asset.released_at) == (True, None)
    assert actions(ours)[-1] == "gate.denied"
    assert scripted().calls == []


@pytest.mark.usefixtures("pixels_only")
def test_a_copy_that_was_deleted_does_not_bind_the_file_for_ever(
    host: Callable[..., None], plate: Callable[..., Plate], dana: Any
) -> None:
    host(plate={"keep_inside": lambda one: kept(one.title), "scope": of_desk("sport")})
    ours, deleted = asset_of(plate("secret for sport")), plate("secret by mistake")
    deleted.delete()
    scanning.release_outside(ours, by=dana, reason=REASON)
    ours.refresh_from_db()
    assert not ours.kept_inside
    assert not scanning.is_protected(ours)


# A second opinion.


@pytest.mark.usefixtures("pixels_only")
def test_a_second_opinion_is_asked_by_whoever_may(looked_at: Callable[..., Asset], erin: Any, sam: Any) -> None:
    asset = looked_at(verdict="likely_human", ai_score=0.1)
    with pytest.raises(NotPermitted):
        scanning.ask_second_opinion(asset, by=sam)
    made = scanning.ask_second_opinion(asset, by=erin)
    assert [(one.provider, one.is_second_opinion) for one in made] == [("second", True)]
    drain()
    with pytest.raises(Refused, match="has been asked"):
        scanning.ask_second_opinion(asset, by=erin)


@pytest.mark.usefixtures("guarded", "pixels_only")
def test_no_second_opinion_about_a_picture_kept_inside(plate: Callable[..., Plate], erin: Any) -> None:
    with pytest.raises(Refused, match="kept inside"):
        scanning.ask_second_opinion(asset_of(plate("secret")), by=erin)


@pytest.mark.usefixtures("pixels_only")
def test_a_second_opinion_is_about_the_file_of_this_moment(looked_at: Callable[..., Asset], erin: Any) -> None:
    stale = looked_at(verdict="likely_human", ai_score=0.1)
    change_file(stale.picture(), 2)
    [made] = scanning.ask_second_opinion(stale, by=erin)
    assert (made.provider, made.generation) == ("second", 2)


# Redrive and deletion.


@pytest.fixture
def dead(plate: Callable[..., Plate], pixels_only: None) -> Analysis:
    row = asset_of(plate()).analyses.get()
    Analysis.objects.update(status="dead", attempts=6, faults=3, error_class="house", error_sentence="x", why="failed")
    row.refresh_from_db()
    return row


def test_a_redrive_starts_once_more_with_a_deadline_of_its_own(dead: Analysis, dana: Any) -> None:
    before = dead.deadline_at
    assert scanning.redrive(dead, by=dana)
    dead.refresh_from_db()
    assert (dead.status, dead.attempts, dead.faults, dead.redrives) == ("pending_scan", 0, 0, 1)
    assert (dead.error_class, dead.error_sentence, dead.why) == ("", "", "")
    assert dead.deadline_at > before
    assert dead.idempotency_key.endswith(":1")
    assert AuditEvent.objects.filter(action="analysis.redriven", actor_id=dana.pk).count() == 1
    drain()
    dead.refresh_from_db()
    assert dead.status == "complete"


def test_a_redrive_needs_the_permission(dead: Analysis, erin: Any) -> None:
    with pytest.raises(NotPermitted):
        scanning.redrive(dead, by=erin)


def test_what_did_not_give_up_is_not_redriven(dead: Analysis) -> None:
    Analysis.objects.update(status="complete")
    assert not scanning.redrive(dead, by=None)


def test_beside_a_newer_live_check_nothing_is_redriven(dead: Analysis) -> None:
    scanning.asking.request_one(dead.asset, "first")
    assert not scanning.redrive(dead, by=None)


def test_a_check_of_an_older_file_is_not_redriven(dead: Analysis) -> None:
    """It would judge the present file under the old one's number."""
    Asset.objects.update(generation=2)
    assert not scanning.redrive(Analysis.objects.get(pk=dead.pk), by=None)


def test_a_deleted_picture_ends_what_is_live_and_keeps_its_history(
    plate: Callable[..., Plate], pixels_only: None
) -> None:
    picture = plate()
    asset = asset_of(picture)
    picture.delete()
    assert words(asset) == [("first", 1, "superseded")]
    assert actions(asset)[-1] == "asset.detached"
    asset.refresh_from_db()
    events = AuditEvent.objects.count()
    scanning.detach(Plate(pk=picture.pk))
    scanning.detach(Plate(id="12345678123456781234567812345678"))
    assert AuditEvent.objects.count() == events
    drain()


def test_a_picture_that_comes_back_under_its_key_is_looked_at_anew(
    looked_at: Callable[..., Asset], pixels_only: None, scripted: Callable[..., Any]
) -> None:
    asset = looked_at(verdict="likely_human", ai_score=0.02)
    picture = asset.picture()
    key, name = picture.pk, picture.picture.name
    picture.delete()
    scripted().will_return(verdict="likely_ai", ai_score=0.96)
    with picture.picture.storage.open(name, "wb") as opened:
        opened.write(images.photo_like(7, size=(64, 48)))
    Plate.objects.create(pk=key, title="Back", picture=name)
    asset.refresh_from_db()
    assert (asset.detached_at, asset.generation, asset.label) == (None, 2, "Back")
    drain()
    asset.refresh_from_db()
    assert words(asset) == [("first", 1, "complete"), ("first", 2, "complete")]
    assert asset.signal == "strong"
