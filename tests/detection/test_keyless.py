"""A process that was given no detector's key: it uploads, shows and judges as ever, and calls nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from detection import gate, queue, tasks
from detection.models import Analysis, AuditEvent
from detection.providers import providers
from detection.testing.detector import SandboxDetector
from tests.conftest import asset_of, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
GENERIC = "detection.providers.generic.GenericProvider"


@pytest.fixture
def configured(settings: Any) -> Callable[..., None]:
    """The one detector `first`, of the generic profile, with these options."""

    def change(**options: Any) -> None:
        settings.DETECTION_PROVIDERS = {"first": {"BACKEND": GENERIC, "OPTIONS": {"label": "Sandbox", **options}}}

    return change


def test_the_web_process_works_without_a_key_from_the_upload_to_the_answer(
    configured: Callable[..., None], plate: Callable[..., Any], article: Callable[..., Any], client: Any, erin: Any
) -> None:
    with SandboxDetector() as detector:
        detector.will({"verdict": "likely_ai_generated", "confidence": 0.97, "model": "m-1"})
        configured(base_url=detector.url)
        picture = plate()
        [(_task, (pk,))] = queue.take_all()
        assert detector.calls == []

        configured(base_url=detector.url, api_key="worker")
        tasks.scan(pk)
        assert [call.key for call in detector.calls] == ["worker"]
        providers["first"].close()  # type: ignore[attr-defined]

        configured(base_url=detector.url)
        asset = asset_of(picture)
        assert asset.signal == "strong"
        client.force_login(erin)
        page = client.get(reverse("admin:detection_asset_review", args=[asset.public_id]))
        assert page.status_code == 200
        assert "Sandbox" in page.content.decode()
        assert gate.report(article(asset)).level == "acknowledge"
        client.force_login(person("olu", "operate_provider"))
        page = client.get(reverse("admin:detection_providerswitch_changelist"))
        assert "Sandbox" in page.content.decode()
        assert len(detector.calls) == 1


def test_a_worker_without_the_key_claims_and_counts_nothing(
    configured: Callable[..., None], plate: Callable[..., Any], logged: list[Any]
) -> None:
    """Under a bare `qcluster`, which asks no checks; `detection_worker` does not start."""
    configured(base_url="https://detector.example")
    row = asset_of(plate()).analyses.get()
    before = AuditEvent.objects.count()
    tasks.scan(row.pk)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.calls, row.lease_token) == ("pending_scan", 0, 0, None)
    assert AuditEvent.objects.count() == before
    assert "['api_key'] is empty" in str(logged[0].exc_info)

    Analysis.objects.filter(pk=row.pk).update(status="awaiting_callback", provider_reference="an_1")
    tasks.poll(row.pk)
    row.refresh_from_db()
    assert (row.status, row.calls) == ("awaiting_callback", 0)
    assert len(logged) == 2
