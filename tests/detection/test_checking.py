"""Tests of a detector: asked for by a person, done by a worker, and harmless however the rings come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from detection import checking, errors, queue, sweeping, switches, tasks
from detection.errors import NotPermitted, ProviderError, ProviderMisconfigured, Refused
from detection.models import Analysis, Asset, AuditEvent, ProviderCheck, ProviderSwitch
from detection.providers.http import HttpProvider
from detection.providers.scripted import ScriptedProvider
from detection.results import Accepted, KeyCheck, ScanResult
from detection.testing import images
from detection.testing.draining import drain
from detection.vocabulary import Verdict
from tests.conftest import Clock, asset_of, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
Scripted = Callable[..., ScriptedProvider]
SOON, LATE = timedelta(seconds=31), timedelta(minutes=10, seconds=1)


@pytest.fixture
def olu(db: None) -> Any:
    """Operates."""
    return person("olu", "operate_provider")


@pytest.fixture
def says(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """What the first detector answers to a test of its key; gives back the list of times it was asked."""

    def change(answer: KeyCheck | Exception) -> list[int]:
        asked: list[int] = []

        def check() -> KeyCheck:
            asked.append(1)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(scripted(), "check", check)
        return asked

    return change


def events(action: str) -> list[dict[str, Any]]:
    """The facts of each such event, without the id by which a test's lines in the log are found."""
    found = AuditEvent.objects.filter(action=action).order_by("pk").values_list("facts", flat=True)
    return [{name: value for name, value in facts.items() if name != "correlation"} for facts in found]


def test_a_test_is_asked_for_here_and_done_by_a_worker(olu: Any, says: Callable[..., list[int]]) -> None:
    asked = says(KeyCheck(sentence="The key is good.", remaining=41.5, unit="credits"))
    made = checking.request("first", by=olu)
    assert (made.ok, made.done_at, made.asked_by_label, asked) == (None, None, "Olu Example", [])
    assert events("provider.test_requested") == [{"provider": "first"}]
    assert AuditEvent.objects.get(action="provider.test_requested").actor == olu

    assert drain() == 1
    made.refresh_from_db()
    assert (made.ok, made.sentence, made.error_class) == (True, "The key is good.", "")
    assert (made.remaining, made.unit) == (41.5, "credits")
    assert made.milliseconds is not None
    assert made.done_at is not None
    [facts] = events("provider.tested")
    assert facts == {"provider": "first", "ok": True, "error": "", "milliseconds": made.milliseconds}


@pytest.mark.parametrize("who", ["sam", "dana"])
def test_whoever_may_not_operate_detectors_is_refused_and_the_attempt_is_recorded(
    who: str, request: pytest.FixtureRequest
) -> None:
    somebody = request.getfixturevalue(who)
    with pytest.raises(NotPermitted, match="Only operators"):
        checking.request("first", by=somebody)
    assert not ProviderCheck.objects.exists()
    assert not OrmQ.objects.exists()
    denied = AuditEvent.objects.get(action="gate.denied")
    assert (denied.actor, denied.facts) == (somebody, {"permission": "detection.operate_provider"})


@pytest.mark.parametrize("alias", ["nobody", "*", "x" * 200])
def test_an_alias_that_is_not_configured_is_refused(alias: str) -> None:
    with pytest.raises(Refused, match="No detector is called"):
        checking.request(alias, by=None)
    assert not ProviderCheck.objects.exists()


def test_a_second_click_joins_the_test_that_is_open(olu: Any) -> None:
    first = checking.request("first", by=olu)
    assert checking.request("first", by=None) == first
    assert checking.request("second", by=None) != first
    assert drain() == 2
    assert checking.request("first", by=olu) != first


def test_a_ring_that_comes_twice_or_late_changes_nothing(olu: Any, says: Callable[..., list[int]]) -> None:
    asked = says(KeyCheck(sentence="Good."))
    made = checking.request("first", by=olu)
    tasks.check(made.pk)
    done = ProviderCheck.objects.values().get()
    tasks.check(made.pk)
    tasks.check(4711)
    assert ProviderCheck.objects.values().get() == done
    assert (len(asked), len(events("provider.tested"))) == (1, 1)


def test_of_two_workers_one_stores_its_answer(
    scripted: Scripted, says: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checking.request("first", by=None)

    def other_is_faster() -> KeyCheck:
        says(KeyCheck(sentence="The other's."))
        checking.run(made.pk)
        raise errors.AuthFailed("Mine.")

    monkeypatch.setattr(scripted(), "check", other_is_faster)
    checking.run(made.pk)
    assert ProviderCheck.objects.get().sentence == "The other's."
    assert len(events("provider.tested")) == 1
    assert not switches.is_paused("first")


@pytest.mark.parametrize(
    ("error", "word", "pauses"),
    [
        (errors.AuthFailed("The key was refused."), "auth", True),
        (errors.QuotaExceeded("The plan is used up."), "quota", True),
        (errors.RedirectReceived("It points elsewhere."), "redirect", True),
        (errors.ProviderDown("It answered 503."), "provider_down", False),
        (errors.RateLimited("Wait."), "rate_limited", False),
        (errors.SchemaMismatch("HTML."), "schema", False),
        (ProviderMisconfigured("['api_key'] is empty."), "misconfigured", False),
    ],
)
def test_a_failure_is_its_sentence_and_pauses_only_what_every_call_would_meet(
    says: Callable[..., Any], error: Exception, word: str, pauses: bool
) -> None:
    says(error)
    for _again in range(switches.FAULTS_TO_OPEN):
        checking.request("first", by=None)
        drain()
    made = ProviderCheck.objects.newest().get()
    assert (made.ok, made.sentence, made.error_class) == (False, str(error), word)
    assert events("provider.tested")[0] | {"milliseconds": 0} == {
        "provider": "first",
        "ok": False,
        "error": word,
        "milliseconds": 0,
    }
    assert switches.is_paused("first") is pauses
    assert ProviderSwitch.objects.filter(is_paused=True, reason=str(error)).exists() is pauses


def test_a_test_that_succeeds_resumes_nothing(says: Callable[..., Any], olu: Any) -> None:
    says(KeyCheck(sentence="Good."))
    switches.pause("first", by=olu, reason="The bill.")
    checking.request("first", by=olu)
    drain()
    assert ProviderCheck.objects.get().ok
    assert switches.waits_for_a_person("first")
    assert checking.pause_reason("first") == "The bill."
    assert checking.pause_reason("second") is None


def test_a_detector_that_is_gone_meanwhile_is_a_sentence(settings: Any) -> None:
    made = checking.request("second", by=None)
    settings.DETECTION_PROVIDERS = {"first": settings.DETECTION_PROVIDERS["first"]}
    checking.run(made.pk)
    made.refresh_from_db()
    assert (made.ok, made.sentence) == (False, "The detector second is not configured any more.")
    assert made.error_class == "misconfigured"


class Quiet(HttpProvider):
    """A vendor behind HTTP that has no call which tests a key."""

    base_url = "https://quiet.example"


def test_a_key_that_is_missing_is_told_even_where_no_call_would_test_it(settings: Any) -> None:
    settings.DETECTION_PROVIDERS = {"quiet": {"BACKEND": f"{__name__}.Quiet", "OPTIONS": {}}}
    found = checking.ask("quiet")
    assert (found.ok, found.error_class) == (False, "misconfigured")
    assert "['api_key'] is empty" in found.sentence


def test_a_fault_in_an_adapter_ends_the_test_and_is_logged(says: Callable[..., Any], logged: list[Any]) -> None:
    says(KeyError("account"))
    made = checking.request("first", by=None)
    tasks.check(made.pk)
    made.refresh_from_db()
    assert (made.ok, made.error_class) == (False, "house")
    assert "worker's log" in made.sentence
    assert "The task check failed for row" in logged[0].getMessage()


def test_an_answer_that_cannot_be_stored_ends_the_test_too(says: Callable[..., Any], logged: list[Any]) -> None:
    says(KeyCheck(sentence="Good.", remaining=10**400))
    made = checking.request("first", by=None)
    tasks.check(made.pk)
    made.refresh_from_db()
    assert (made.ok, made.error_class, made.remaining) == (False, "house", None)
    assert "The task check failed for row" in logged[0].getMessage()


def test_words_of_a_vendor_are_kept_as_one_plain_line(says: Callable[..., Any]) -> None:
    says(KeyCheck(sentence="Good\x00\u202e.", remaining=1, unit="credits\n" * 20))
    checking.request("first", by=None)
    drain()
    made = ProviderCheck.objects.get()
    assert made.sentence == "Good  ."
    assert len(made.unit) == 50
    assert made.unit.isprintable()


def test_the_last_twenty_of_an_alias_are_kept() -> None:
    for _again in range(checking.KEEP + 3):
        checking.request("first", by=None)
        checking.request("second", by=None)
        drain()
    kept = ProviderCheck.objects.filter(alias="first")
    assert kept.count() == checking.KEEP
    assert {check.alias: check.pk for check in ProviderCheck.objects.newest()} == {
        "first": kept.latest("pk").pk,
        "second": ProviderCheck.objects.filter(alias="second").latest("pk").pk,
    }
    assert str(kept.latest("pk")) == "first: ok"


# Rings that are lost.


def test_a_test_whose_ring_was_lost_is_rung_for_again(clock: Clock) -> None:
    made = checking.request("first", by=None)
    queue.take_all()
    now = made.rung_at
    assert queue.ring_due(now + timedelta(seconds=29)) == 0
    assert queue.ring_due(now + SOON) == 1
    assert [(task.__name__, pk) for task, (pk,) in queue.take_all()] == [("check", made.pk)]
    assert queue.ring_due(now + SOON) == 0
    assert queue.ring_due(now + 2 * SOON) == 1
    drain()
    assert queue.ring_due(now + 4 * SOON) == 0


def test_a_test_that_no_worker_took_ends_with_a_sentence() -> None:
    made = checking.request("first", by=None)
    queue.take_all()
    assert sweeping.sweep(made.asked_at + LATE - timedelta(seconds=2))["untaken"] == 0
    assert sweeping.sweep(made.asked_at + LATE)["untaken"] == 1
    made.refresh_from_db()
    assert (made.ok, made.milliseconds) == (False, None)
    assert made.sentence == "No worker took it. Is detection_worker running?"
    assert sweeping.sweep(made.asked_at + LATE)["untaken"] == 0
    assert not ProviderCheck.objects.untaken_since(made.asked_at + LATE).exists()
    assert not checking.give_up(made)
    assert len(events("provider.tested")) == 1
    assert sweeping.sweep(timezone.now())["rung"] == 0


# One picture, by command.


@pytest.fixture
def picture() -> checking.Picture:
    return checking.picture_of(images.photo_like(5, size=(300, 200)), filename="a.jpg")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only the test's own waits move; gives back what was slept."""
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(checking, "time", clock)
    return slept


def test_a_picture_is_sent_once_and_never_becomes_an_analysis(picture: checking.Picture, scripted: Scripted) -> None:
    scripted().will_return(verdict="likely_ai", ai_score=0.93, model="m-2", warnings=("schema_drift",))
    found = checking.try_picture("first", picture)
    assert found.ok
    assert found.sentence == (
        "Likely AI-generated, estimate 93 of 99, model m-2, request first-1. Warnings: schema_drift."
    )
    [sent] = scripted().calls
    assert (sent.content, sent.media_type, sent.width) == (picture.content, "image/jpeg", 300)
    assert sent.filename == f"{sent.reference}.jpg"
    assert (Analysis.objects.count(), Asset.objects.count(), ProviderCheck.objects.count()) == (0, 0, 0)
    [facts] = events("provider.tested")
    assert facts["picture"] == picture.asset.sha256
    assert facts["ok"] is True

    checking.try_picture("first", picture)
    assert scripted().calls[1].reference != sent.reference


def test_a_picture_that_is_tried_counts_against_the_day_s_budget(
    picture: checking.Picture, detectors: Callable[..., None], scripted: Scripted
) -> None:
    detectors(first={"daily_budget": 1})
    checking.try_picture("first", picture)
    found = checking.try_picture("first", picture)
    assert (found.ok, found.sentence) == (False, "Today's budget of 1 picture is used up. Going on at 00:00.")
    assert len(scripted().calls) == 1


def test_a_score_that_is_absent_is_not_named(picture: checking.Picture, scripted: Scripted) -> None:
    scripted().will_return(verdict="unknown")
    assert (
        checking.try_picture("first", picture).sentence == "Answer not understood, model scripted-1, request first-1."
    )


def test_a_picture_too_large_for_the_detector_is_sent_smaller_and_that_is_said(
    picture: checking.Picture, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripted(), "max_side", 100, raising=False)
    said = checking.try_picture("first", picture).sentence
    assert scripted().calls[0].width == 100
    assert said.endswith("Sent as a rendition: JPG, 100 × 67 pixels.")
    monkeypatch.setattr(scripted(), "min_side", 5000, raising=False)
    found = checking.try_picture("first", picture)
    assert not found.ok
    assert "needs at least 5000 pixels" in found.sentence
    assert len(scripted().calls) == 1


def test_an_answer_that_comes_later_is_asked_for(
    picture: checking.Picture, scripted: Scripted, hurried: list[float]
) -> None:
    scripted().will_accept(
        "job-1", then=[errors.ProviderDown("503."), errors.NotFound(), ScanResult(verdict=Verdict.UNCERTAIN)]
    )
    found = checking.try_picture("first", picture)
    assert found.sentence == "Inconclusive, model scripted-1, request job-1."
    assert hurried == [0.5, 0.5, 0.5]
    assert found.milliseconds == 1500


def test_an_answer_is_waited_for_no_longer_than_a_minute(
    picture: checking.Picture, scripted: Scripted, hurried: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = scripted().will_accept("job-1")
    monkeypatch.setattr(provider, "fetch", lambda reference: Accepted(provider_reference=reference, poll_after=25.0))
    found = checking.try_picture("first", picture)
    assert not found.ok
    assert found.sentence == "It took the picture (request job-1) and had no answer after 60 seconds."
    assert hurried == [0.5, 25.0, 25.0, 9.5]


@pytest.mark.parametrize("error", [errors.AuthFailed("Refused."), errors.SchemaMismatch("HTML.")])
def test_what_cannot_get_better_is_not_waited_for(
    picture: checking.Picture, scripted: Scripted, hurried: list[float], error: ProviderError
) -> None:
    scripted().will_accept("job-1", then=[error])
    found = checking.try_picture("first", picture)
    assert (found.ok, found.error_class, hurried) == (False, error.error_class, [0.5])
    assert events("provider.tested")[0]["error"] == error.error_class


def test_a_detector_that_calls_back_alone_is_not_waited_for(
    picture: checking.Picture, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted().will_accept("job-1")
    monkeypatch.setattr(scripted(), "polls", False, raising=False)
    found = checking.try_picture("first", picture)
    assert found.ok
    assert "answers by calling back" in found.sentence


@pytest.mark.parametrize("polls", [True, False])
def test_an_id_that_opens_the_result_is_printed_nowhere(
    picture: checking.Picture, scripted: Scripted, hurried: list[float], monkeypatch: pytest.MonkeyPatch, polls: bool
) -> None:
    monkeypatch.setattr(scripted(), "reference_is_secret", True, raising=False)
    monkeypatch.setattr(scripted(), "polls", polls, raising=False)
    scripted().will_return(verdict="likely_ai", provider_reference="opens-it").will_accept("opens-it-too")
    answered, accepted = checking.try_picture("first", picture), checking.try_picture("first", picture)
    assert answered.sentence == "Likely AI-generated, model scripted-1."
    assert accepted.sentence.startswith("It took the picture and ")
    assert "opens-it" not in repr((answered, accepted))


def test_a_key_refused_in_a_shell_pauses_nothing(picture: checking.Picture, scripted: Scripted) -> None:
    """The shell may hold another key than the workers."""
    scripted().will_fail(errors.AuthFailed("Refused."))
    found = checking.try_picture("first", picture)
    assert (found.ok, found.error_class) == (False, "auth")
    assert not switches.is_paused("first")


def test_what_may_not_be_sent_is_not_sent(
    picture: checking.Picture, scripted: Scripted, plate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    switches.pause("*", reason="Election night.")
    paused = checking.try_picture("first", picture)
    switches.resume("*")

    kept = asset_of(plate(content=picture.content))
    Asset.objects.filter(pk=kept.pk).update(sha256=picture.asset.sha256, kept_inside=True)
    inside = checking.try_picture("first", picture)
    Asset.objects.update(kept_inside=False)

    monkeypatch.setattr(scripted(), "takes_upload", False, raising=False)
    by_link = checking.try_picture("first", picture)

    assert paused.sentence == "It is paused, so nothing was sent: Election night."
    assert "kept inside" in inside.sentence
    assert "takes links to pictures only" in by_link.sentence
    assert [one.ok for one in (paused, inside, by_link)] == [False, False, False]
    assert scripted().calls == []
    assert events("provider.tested") == []


def test_the_embedded_detector_reads_even_what_is_kept_inside_and_while_all_are_paused(
    configure: Callable[..., None], picture: checking.Picture
) -> None:
    configure(PROVENANCE=True)
    switches.pause("*", reason="Election night.")
    found = checking.try_picture("provenance", picture)
    assert found.ok
    assert found.sentence.startswith("The file declares no AI use")
