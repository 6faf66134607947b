"""The list of checks that gave up: what a row tells, trying one or many again, and who may not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from detection import errors, scanning
from detection.models import Analysis, Asset, AuditEvent
from detection.testing.draining import drain
from tests.conftest import asset_of
from tests.detection.admin import cast
from tests.otherhost.models import Plate

pytestmark = pytest.mark.usefixtures("pixels_only")
LIST = "admin:detection_gaveup_changelist"
ONE = "admin:detection_redrive"


@pytest.fixture
def olu() -> Any:
    """Operates."""
    return cast.person("olu", "redrive", "operate_provider")


@pytest.fixture
def dead(plate: Callable[..., Plate]) -> Callable[..., Analysis]:
    """A check that gave up."""

    def make(seed: int = 1, **facts: Any) -> Analysis:
        row = asset_of(plate(f"Photo {seed}", seed=seed)).analyses.get()
        told = {"attempts": 6, "calls": 4, "error_class": "house", "error_sentence": "It stopped. Trying again."}
        Analysis.objects.filter(pk=row.pk).update(
            **{
                "status": "dead",
                "why": "failed",
                "completed_at": timezone.now(),
                "next_attempt_at": None,
                **told,
                **facts,
            }
        )
        row.refresh_from_db()
        return row

    return make


def ticked(*rows: Analysis) -> dict[str, Any]:
    return {"action": "redrive", "_selected_action": [row.pk for row in rows]}


def messages_of(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def test_a_row_tells_picture_detector_reason_tries_and_when_its_story_goes_out(
    client: Any, olu: Any, erin: Any, dead: Callable[..., Analysis]
) -> None:
    at = timezone.now() + timedelta(minutes=10)
    row = dead(wanted_by=at)
    client.force_login(olu)
    page = client.get(reverse(LIST)).content.decode()
    assert "Photo 1" in page
    assert "Scripted detector" in page
    assert "It stopped." in page
    assert "Trying again" not in page
    assert "6 tries, sent 4 times" in page
    assert timezone.localtime(at).strftime("%H:%M") in page
    review = reverse("admin:detection_asset_review", args=[row.asset.public_id])
    assert review not in page  # an operator looks after checks, not at pictures
    client.force_login(erin)
    page = client.get(reverse(LIST)).content.decode()
    assert f"{review}#history-title" in page
    assert reverse(ONE, args=[row.public_id]) not in page


def test_what_a_detector_refused_or_what_counts_no_more_is_not_listed(
    client: Any, olu: Any, dead: Callable[..., Analysis]
) -> None:
    listed, rejected, older, gone = (dead(seed) for seed in range(4))
    Analysis.objects.filter(pk=rejected.pk).update(status="rejected")
    Asset.objects.filter(pk=older.asset_id).update(generation=2)
    gone.asset.picture().delete()
    client.force_login(olu)
    assert [row.pk for row in client.get(reverse(LIST)).context["cl"].result_list] == [listed.pk]


def test_what_is_wanted_first_comes_first(client: Any, olu: Any, dead: Callable[..., Analysis]) -> None:
    now = timezone.now()
    calm, later = dead(1), dead(2, wanted_by=now + timedelta(hours=2))
    soon = dead(3, wanted_by=now + timedelta(minutes=5))
    client.force_login(olu)
    found = client.get(reverse(LIST)).context["cl"].result_list
    assert [row.pk for row in found] == [soon.pk, later.pk, calm.pk]


def test_one_is_tried_again(client: Any, olu: Any, dead: Callable[..., Analysis]) -> None:
    row, other = dead(1), dead(2)
    client.force_login(olu)
    assert reverse(ONE, args=[row.public_id]) in client.get(reverse(LIST)).content.decode()
    answer = client.post(reverse(ONE, args=[row.public_id]), follow=True)
    assert "1 check is started again." in messages_of(answer)
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.status, other.status) == ("pending_scan", "dead")
    assert AuditEvent.objects.filter(action="analysis.redriven", actor_id=olu.pk).count() == 1
    drain()
    row.refresh_from_db()
    assert row.status == "complete"


def test_many_are_tried_again_and_each_that_is_not_is_named_with_its_reason(
    client: Any, olu: Any, dead: Callable[..., Analysis]
) -> None:
    fine, twin = dead(1), dead(2)
    beside = Analysis.objects.get(pk=twin.pk)
    beside.pk, beside.public_id, beside.status = None, uuid.uuid4(), "pending_scan"
    beside.save()
    client.force_login(olu)
    answer = client.post(reverse(LIST), ticked(fine, twin), follow=True)
    said = messages_of(answer)
    assert "1 check is started again." in said
    assert "1 was not started:" in said
    assert "Photo 2, Scripted detector: A newer check of this picture by the same detector is under way." in said


def test_the_list_of_all_checks_tells_the_same(client: Any, dead: Callable[..., Analysis]) -> None:
    row, done = dead(1), dead(2)
    Analysis.objects.filter(pk=done.pk).update(status="complete", verdict="likely_human")
    client.force_login(cast.person("olu", "redrive", "view_audit"))
    answer = client.post(reverse("admin:detection_analysis_changelist"), ticked(row, done), follow=True)
    assert "Photo 2, Scripted detector: It did not give up." in messages_of(answer)


@pytest.mark.parametrize("who", ["sam", "erin"])
@pytest.mark.parametrize("door", ["many", "one", "all checks"])
def test_without_the_permission_every_door_is_shut_and_the_attempt_recorded(
    client: Any, sam: Any, erin: Any, dead: Callable[..., Analysis], who: str, door: str
) -> None:
    row, user = dead(), {"sam": sam, "erin": erin}[who]
    client.force_login(user)
    url, data = {
        "many": (reverse(LIST), ticked(row)),
        "one": (reverse(ONE, args=[row.public_id]), {}),
        "all checks": (reverse("admin:detection_analysis_changelist"), ticked(row)),
    }[door]
    answer = client.post(url, data)
    assert answer.status_code == 403
    row.refresh_from_db()
    assert (row.status, row.redrives) == ("dead", 0)
    denied = AuditEvent.objects.get(action="gate.denied")
    assert (denied.actor_id, denied.facts["permission"]) == (user.pk, "detection.redrive")


def test_a_stranger_is_refused_the_list(client: Any, sam: Any, dead: Callable[..., Analysis]) -> None:
    dead()
    client.force_login(sam)
    assert client.get(reverse(LIST)).status_code == 403


def test_a_get_tries_nothing_again(client: Any, olu: Any, dead: Callable[..., Analysis]) -> None:
    row = dead()
    client.force_login(olu)
    assert client.get(reverse(ONE, args=[row.public_id])).status_code == 405
    assert client.post(reverse(ONE, args=[uuid.UUID(int=7)])).status_code == 404


def test_a_hundred_rows_ask_no_more_queries_than_ten(
    client: Any, olu: Any, dead: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detection.admin.gave_up.GaveUpAdmin.list_per_page", 100)
    client.force_login(olu)

    def asked(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            found = client.get(reverse(LIST)).context["cl"].result_list
        assert len(found) == count
        return len(captured)

    for seed in range(10):
        dead(seed)
    client.get(reverse(LIST))
    few = asked(10)
    for seed in range(10, 100):
        dead(seed)
    assert asked(100) == few
    assert few <= 14, "two of them count what waits: here for the line on top, and for the queue in the head"


def test_a_check_that_gave_up_sends_its_picture_to_a_person(
    client: Any, erin: Any, plate: Callable[..., Plate], scripted: Callable[..., Any], host: Callable[..., None]
) -> None:
    """Also where the source is trusted, and the policy's table asks for nobody."""
    host(plate={"source_tier": lambda one: "staff"})
    scripted().will_fail(errors.SchemaMismatch("HTML."))
    asset = asset_of(plate())
    queue = reverse("admin:detection_queue_changelist")
    client.force_login(erin)
    assert client.get(queue).context["rows"] == []
    drain()
    asset.refresh_from_db()
    assert (asset.signal, asset.why) == ("could_not_check", "failed")
    assert [row.place.asset_id for row in client.get(queue).context["rows"]] == [asset.pk]
    client.post(
        reverse("admin:detection_asset_review", args=[asset.public_id]),
        {"action": "decide", "conclusion": "accepted", "evidence": asset.evidence},
    )
    assert client.get(queue).context["rows"] == []


def test_a_check_that_is_still_tried_asks_nobody(
    client: Any, erin: Any, plate: Callable[..., Plate], scripted: Callable[..., Any]
) -> None:
    scripted().will_fail(errors.ProviderDown("503."))
    plate()
    drain()
    assert Analysis.objects.get().status == "retry_pending"
    client.force_login(erin)
    assert client.get(reverse("admin:detection_queue_changelist")).context["rows"] == []


def test_a_picture_that_was_deleted_or_changed_is_not_started(dead: Callable[..., Analysis], olu: Any) -> None:
    gone, changed, done = dead(1), dead(2), dead(3)
    gone.asset.picture().delete()
    Asset.objects.filter(pk=changed.asset_id).update(generation=2)
    Analysis.objects.filter(pk=done.pk).update(status="complete")
    rows = Analysis.objects.select_related("asset").order_by("pk")
    outcomes = {one.analysis.pk: one.sentence for one in scanning.redrive_each(rows, by=olu)}
    assert outcomes == {
        gone.pk: "The picture was deleted. There is nothing to check.",
        changed.pk: "The picture has another file, or was looked at anew, since then. That look counts.",
        done.pk: "It did not give up.",
    }
    [refused] = scanning.redrive_each([gone], by=cast.person("kim"))
    assert (refused.is_started, refused.sentence) == (False, "You may not start checks again. An operator can do it.")
