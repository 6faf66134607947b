"""The lists: who sees which rows, what they say, and that facts are never edited there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from detection import registry
from detection.models import Analysis, AuditEvent, Override, PolicyVersion, ProviderSwitch
from detection.vocabulary import AnalysisStatus
from tests.detection.admin import cast
from tests.otherhost.models import Plate

LIST = "admin:detection_asset_changelist"


@pytest.fixture
def desk_of_dawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose editors hold pictures by name only: everybody reaches those called Dawn."""
    kind = registry.asset_type("otherhost.Plate")
    monkeypatch.setitem(registry._assets, "otherhost.plate", kind.__class__(**{**_fields(kind), "scope": _only_dawn}))


def _fields(kind: Any) -> dict[str, Any]:
    return {name: getattr(kind, name) for name in kind.__dataclass_fields__}


def _only_dawn(user: Any, permission: str) -> Any:
    return Plate.objects.filter(title__startswith="Dawn") if user.has_perm(permission) else Plate.objects.none()


def test_the_list_shows_badge_source_and_link(client: Any, erin: Any) -> None:
    asset = cast.strong("Coffee")
    client.force_login(erin)
    page = client.get(reverse(LIST)).content.decode()
    assert "Coffee" in page
    assert "Strong signs of AI generation" in page
    assert reverse("admin:detection_asset_review", args=[asset.public_id]) in page


def test_the_list_holds_only_what_the_reader_reaches(client: Any, erin: Any, desk_of_dawn: None) -> None:
    cast.plate("Dawn over the bay")
    cast.plate("Night in town", seed=2)
    client.force_login(erin)
    page = client.get(reverse(LIST)).content.decode()
    assert "Dawn over the bay" in page
    assert "Night in town" not in page


def test_a_stranger_is_refused_the_list(client: Any, sam: Any) -> None:
    client.force_login(sam)
    assert client.get(reverse(LIST)).status_code == 403


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("signal=strong", ["Coffee"]),
        ("signal=none_found", ["Garden"]),
        ("conclusion=none", ["Coffee", "Garden"]),
        ("conclusion=accepted", []),
        ("kept_inside=0", ["Coffee", "Garden"]),
        ("kept_inside=1", []),
        ("source_tier=undeclared", ["Coffee", "Garden"]),
        ("source_tier=ugc", []),
    ],
)
def test_each_filter_narrows_the_list(client: Any, erin: Any, query: str, shown: list[str]) -> None:
    cast.strong("Coffee")
    cast.plate("Garden", seed=2, verdict="likely_human", ai_score=0.04)
    client.force_login(erin)
    changelist = client.get(f"{reverse(LIST)}?{query}").context["cl"]
    assert sorted(asset.label for asset in changelist.result_list) == shown


def test_a_longer_list_asks_no_more_queries(client: Any, erin: Any) -> None:
    cast.plate("Picture 0", seed=0)
    client.force_login(erin)
    client.get(reverse(LIST))
    with CaptureQueriesContext(connection) as short:
        client.get(reverse(LIST))
    for seed in range(1, 5):
        cast.plate(f"Picture {seed}", seed=seed)
    with CaptureQueriesContext(connection) as long:
        client.get(reverse(LIST))
    assert len(long) == len(short)


@pytest.mark.parametrize("model", ["asset", "analysis", "auditevent", "override", "policyversion"])
def test_nothing_is_added_or_deleted_even_by_a_superuser(client: Any, model: str) -> None:
    root = get_user_model().objects.create_superuser("root", password="x")
    asset = cast.strong()
    client.force_login(root)
    assert client.get(reverse(f"admin:detection_{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:detection_{model}_add")).status_code == 403
    assert client.post(reverse(f"admin:detection_{model}_delete", args=[asset.pk])).status_code in (302, 403)
    assert Analysis.objects.filter(asset=asset).exists()


def test_a_row_leads_to_the_review_page(client: Any, erin: Any) -> None:
    asset = cast.plate()
    client.force_login(erin)
    answer = client.get(reverse("admin:detection_asset_change", args=[asset.pk]))
    assert answer["Location"] == reverse("admin:detection_asset_review", args=[asset.public_id])


def test_the_history_is_for_those_who_may_read_it(client: Any, erin: Any) -> None:
    cast.plate("Harbour")
    client.force_login(erin)
    assert client.get(reverse("admin:detection_auditevent_changelist")).status_code == 403
    client.force_login(cast.person("avery", "view_audit"))
    page = client.get(reverse("admin:detection_auditevent_changelist")).content.decode()
    assert "Answer recorded" in page
    event = AuditEvent.objects.order_by("pk").first()
    assert event is not None
    assert client.get(reverse("admin:detection_auditevent_change", args=[event.pk])).status_code == 200


def test_overrides_say_who_why_and_until_when(client: Any, dana: Any) -> None:
    asset = cast.declared()
    client.force_login(dana)
    client.post(
        reverse("admin:detection_gate_override"),
        {
            "subject": cast.name_of(cast.article(asset)),
            "asset": asset.public_id,
            "evidence": asset.evidence,
            "reason_code": "image_is_the_story",
            "note": "The picture is what we report on.",
            "reader_label": "Made with AI",
        },
    )
    assert Override.objects.exists()
    page = client.get(reverse("admin:detection_override_changelist")).content.decode()
    assert "The image is the story" in page
    assert "Until" in page


def test_a_policy_can_be_read(client: Any, erin: Any) -> None:
    version = PolicyVersion.current()
    client.force_login(erin)
    assert client.get(reverse("admin:detection_policyversion_change", args=[version.pk])).status_code == 200


def test_what_gave_up_is_started_again_by_whoever_may(client: Any) -> None:
    olu = cast.person("olu", "redrive", "view_audit")
    asset = cast.plate()
    Analysis.objects.filter(asset=asset, provider="first").update(status=AnalysisStatus.DEAD)
    rows = list(Analysis.objects.filter(asset=asset).values_list("pk", flat=True))
    client.force_login(olu)
    answer = client.post(
        reverse("admin:detection_analysis_changelist"), {"action": "redrive", "_selected_action": rows}, follow=True
    )
    said = " ".join(str(message) for message in answer.context["messages"])
    assert "1 check is started again." in said
    assert Analysis.objects.get(asset=asset, provider="first").redrives == 1


def test_an_editor_is_not_offered_to_start_analyses_again(client: Any, erin: Any) -> None:
    asset = cast.plate()
    Analysis.objects.filter(asset=asset, provider="first").update(status=AnalysisStatus.DEAD)
    rows = list(Analysis.objects.filter(asset=asset).values_list("pk", flat=True))
    client.force_login(erin)
    client.post(reverse("admin:detection_analysis_changelist"), {"action": "redrive", "_selected_action": rows})
    assert Analysis.objects.get(asset=asset, provider="first").redrives == 0


def test_a_detector_is_paused_with_a_reason_and_resumed(client: Any) -> None:
    olu = cast.person("olu", "operate_provider")
    client.force_login(olu)
    pause = reverse("admin:detection_switch_pause", args=["first"])
    refused = client.post(pause, {"reason": " "})
    assert refused.status_code == 400
    assert "Give a reason" in refused.content.decode()
    client.post(pause, {"reason": "Invoice unpaid."})
    assert ProviderSwitch.objects.get(alias="first").is_paused
    page = client.get(reverse("admin:detection_providerswitch_changelist")).content.decode()
    assert "Invoice unpaid." in page
    client.post(reverse("admin:detection_switch_resume", args=["first"]))
    assert not ProviderSwitch.objects.get(alias="first").is_paused


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_only_operators_switch_detectors(client: Any, dana: Any, verb: str) -> None:
    client.force_login(dana)
    answer = client.post(reverse(f"admin:detection_switch_{verb}", args=["first"]), {"reason": "No."})
    assert answer.status_code == 403
    assert not ProviderSwitch.objects.exists()


def test_an_unknown_detector_has_no_switch(client: Any) -> None:
    client.force_login(cast.person("olu", "operate_provider"))
    assert client.post(reverse("admin:detection_switch_pause", args=["nobody"]), {"reason": "x"}).status_code == 404
