"""Raw answers: one page for those who may read them, on pictures within their reach, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from detection import registry
from detection.admin.raw_answers import as_text
from detection.models import Analysis, Asset, AuditEvent
from tests.detection.admin import cast
from tests.otherhost.models import Plate

pytestmark = pytest.mark.usefixtures("pixels_only")
SECRET_OF_THE_VENDOR = "zebra-crossing-41"
RAW = {"verdict": "likely_ai", "inner": {"trace": SECRET_OF_THE_VENDOR, "html": "<script>alert(1)</script>"}}


@pytest.fixture
def asset() -> Asset:
    return cast.strong("Dawn over the bay", raw=RAW, provider_reference="req-77")


@pytest.fixture
def avery() -> Any:
    """An auditor, who may read raw answers."""
    return cast.person("avery", "view_audit", "view_raw_payload")


@pytest.fixture
def desk_of_night(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose people look only at pictures called Night, and read raw answers for the whole house."""
    kind = registry.asset_type("otherhost.Plate")
    fields = {name: getattr(kind, name) for name in kind.__dataclass_fields__}
    monkeypatch.setitem(registry._assets, "otherhost.plate", kind.__class__(**{**fields, "scope": only_night}))


def only_night(user: Any, permission: str) -> Any:
    if not user.has_perm(permission):
        return Plate.objects.none()
    is_house = permission == "detection.view_raw_payload"
    return Plate.objects.all() if is_house else Plate.objects.filter(title__startswith="Night")


def address(asset: Asset) -> str:
    row = Analysis.objects.get(asset=asset, provider="first")
    return reverse("admin:detection_analysis_raw", args=[row.public_id])


def test_it_is_shown_as_it_was_kept_with_what_belongs_to_it(client: Any, avery: Any, asset: Asset) -> None:
    client.force_login(avery)
    row = Analysis.objects.get(asset=asset)

    answer = client.get(address(asset))

    page = answer.content.decode()
    assert address(asset) == f"/admin/detection/analysis/{row.public_id}/raw/"
    assert "&quot;trace&quot;: &quot;zebra-crossing-41&quot;" in page
    assert "<script>alert(1)</script>" not in page
    for told in ("req-77", "scripted.1", "first", str(row.public_id), "keys and signed links were removed", "Finished"):
        assert told in page
    assert "no-store" in answer["Cache-Control"]


def test_a_look_at_it_writes_nothing(client: Any, avery: Any, asset: Asset) -> None:
    client.force_login(avery)
    before = AuditEvent.objects.count()
    client.get(address(asset))
    assert AuditEvent.objects.count() == before
    assert client.post(address(asset)).status_code == 405


@pytest.mark.parametrize("permissions", [cast.EDITOR, cast.CHIEF, ("view_audit",)])
def test_who_may_look_but_not_read_it_is_refused_and_that_is_recorded(
    client: Any, asset: Asset, permissions: tuple[str, ...]
) -> None:
    client.force_login(cast.person("someone", *permissions))

    answer = client.get(address(asset))

    assert answer.status_code == 403
    assert "The attempt is recorded." in answer.content.decode()
    assert SECRET_OF_THE_VENDOR not in answer.content.decode()
    [event] = AuditEvent.objects.filter(action="gate.denied", asset=asset)
    assert event.facts["permission"] == "detection.view_raw_payload"


def test_the_permission_alone_opens_no_foreign_desk(client: Any, avery: Any, asset: Asset, desk_of_night: None) -> None:
    own = cast.strong("Night in town", seed=2, raw=RAW)
    client.force_login(avery)

    assert client.get(address(own)).status_code == 200
    assert client.get(address(asset)).status_code == 404
    assert not AuditEvent.objects.filter(action="gate.denied").exists()


def test_the_permission_without_any_reach_is_not_found(client: Any, asset: Asset) -> None:
    client.force_login(cast.person("olu", "view_raw_payload"))
    assert client.get(address(asset)).status_code == 404


def test_nobody_reads_it_without_signing_in(client: Any, asset: Asset) -> None:
    assert client.get(address(asset)).status_code == 302


def test_an_unknown_check_is_not_found(client: Any, avery: Any, asset: Asset) -> None:
    client.force_login(avery)
    url = reverse("admin:detection_analysis_raw", args=["00000000-0000-4000-8000-000000000000"])
    assert client.get(url).status_code == 404


def test_it_goes_on_where_the_picture_is_gone_for_a_reader_of_the_history(
    client: Any, avery: Any, asset: Asset
) -> None:
    asset.picture().delete()
    client.force_login(avery)
    assert SECRET_OF_THE_VENDOR in client.get(address(asset)).content.decode()
    client.force_login(cast.person("reader", "view_audit"))
    assert client.get(address(asset)).status_code == 403
    client.force_login(cast.person("olu", "view_raw_payload"))
    assert client.get(address(asset)).status_code == 404


def test_the_way_there_is_in_the_record_of_the_card_for_those_who_may(
    client: Any, avery: Any, erin: Any, dana: Any, asset: Asset
) -> None:
    review = reverse("admin:detection_asset_review", args=[asset.public_id])
    client.force_login(avery)
    assert f'href="{address(asset)}"' in client.get(review).content.decode()
    for person in (erin, dana, cast.person("reader", "view_audit")):
        client.force_login(person)
        assert "/raw/" not in client.get(review).content.decode()


def pages(asset: Asset) -> list[str]:
    row = Analysis.objects.get(asset=asset)
    lists = [reverse(f"admin:detection_{name}_changelist") for name in ("asset", "queue", "analysis", "auditevent")]
    return [
        *lists,
        reverse("admin:detection_asset_review", args=[asset.public_id]),
        reverse("admin:detection_analysis_change", args=[row.pk]),
        reverse("detection:asset_json", args=[asset.public_id]),
        f"{lists[2]}?q={SECRET_OF_THE_VENDOR}",
    ]


@pytest.mark.parametrize("who", ["editor", "chief", "superuser"])
def test_nowhere_else_is_it_shown(client: Any, asset: Asset, who: str) -> None:
    people: dict[str, Callable[[], Any]] = {
        "editor": lambda: cast.person("erin", *cast.EDITOR),
        "chief": lambda: cast.person("dana", *cast.CHIEF),
        "superuser": lambda: get_user_model().objects.create_superuser("root", password="x"),
    }
    client.force_login(people[who]())

    for page in pages(asset):
        answer = client.get(page)
        shown = answer.content.decode().replace(f"q={SECRET_OF_THE_VENDOR}", "")
        shown = shown.replace(f'value="{SECRET_OF_THE_VENDOR}"', "")
        assert SECRET_OF_THE_VENDOR not in shown, page


@pytest.mark.parametrize("lookup", ["raw__icontains", "raw__inner__trace__startswith", "raw__isnull", "lease_token"])
def test_no_list_answers_questions_about_it(client: Any, erin: Any, asset: Asset, lookup: str) -> None:
    client.force_login(erin)
    listed = reverse("admin:detection_analysis_changelist")

    assert client.get(f"{listed}?{lookup}=zebra").status_code == 400
    assert client.get(f"{listed}?raw_verdict=likely_ai").status_code == 200, "the vendor's word is no secret"


@pytest.mark.parametrize("name", ["sent", "gaveup"])
def test_nor_do_the_other_lists_of_checks(client: Any, asset: Asset, name: str) -> None:
    """What left the house, and what gave up, are lists of the same rows."""
    Analysis.objects.update(calls=1)
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    listed = reverse(f"admin:detection_{name}_changelist")
    assert client.get(f"{listed}?raw__icontains=zebra").status_code == 400
    assert client.get(f"{listed}?lease_token__isnull=1").status_code == 400
    for row in Analysis.objects.all():
        page = client.get(reverse(f"admin:detection_{name}_change", args=[row.pk])).content.decode()
        assert SECRET_OF_THE_VENDOR not in page
        assert "ease token" not in page


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "came without a body, or the time for which raw answers are kept is over"),
        ({"status": "pending_scan"}, "There is no answer yet."),
        ({"status": "dead"}, "No answer came that could be kept."),
        ({"status": "rejected"}, "No answer came that could be kept."),
    ],
)
def test_where_nothing_is_kept_it_says_why(
    client: Any, avery: Any, asset: Asset, facts: dict[str, str], told: str
) -> None:
    Analysis.objects.update(raw=None, **facts)
    client.force_login(avery)
    page = client.get(address(asset)).content.decode()
    assert told in page
    assert "<pre" not in page


def test_an_empty_answer_that_was_kept_is_shown(client: Any, avery: Any, asset: Asset) -> None:
    Analysis.objects.update(raw={})
    client.force_login(avery)
    assert "{}</pre>" in client.get(address(asset)).content.decode()


def test_an_embedded_detector_has_none_and_says_so(
    client: Any, avery: Any, asset: Asset, detectors: Callable[..., None]
) -> None:
    Analysis.objects.update(raw=None)
    detectors(first={"embedded": True})
    client.force_login(avery)
    assert "This detector runs here and reads the file itself" in client.get(address(asset)).content.decode()


def test_an_answer_that_was_used_again_leads_to_the_one_it_was_taken_from(
    client: Any, avery: Any, asset: Asset
) -> None:
    twin = cast.plate("Night in town", seed=1)
    assert Analysis.objects.get(asset=twin).raw is None
    client.force_login(avery)
    page = client.get(address(twin)).content.decode()
    assert "an earlier answer about the same file was taken" in page
    assert f'href="{address(asset)}"' in page


def test_it_does_not_lead_to_a_picture_out_of_reach(client: Any, avery: Any, asset: Asset, desk_of_night: None) -> None:
    twin = cast.plate("Night in town", seed=1)
    client.force_login(avery)
    page = client.get(address(twin)).content.decode()
    assert "an earlier answer about the same file was taken" in page
    assert address(asset) not in page


def test_what_nobody_can_see_stands_as_its_escape() -> None:
    told = {"a": "left\u202eright \U000e0041", "b": "zwei Wörter 猫"}

    text = as_text(told)

    assert "left\\u202eright \\udb40\\udc41" in text
    assert "zwei Wörter 猫" in text
    assert json.loads(text) == told, "still the same JSON"
