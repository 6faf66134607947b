"""A detector that calls back: rows that wait for it, events as it would sign them, and a post to our door."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from detection import callbacks, queue, scanning, signing
from detection.models import Analysis, WebhookDelivery, moments
from detection.providers import providers
from detection.providers.events import CalledBack
from detection.results import Accepted
from detection.scanning import calling
from detection.signing import Scheme
from tests.conftest import asset_of

BASE = "https://news.example"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
ADDRESS = "https://detector.example"
JSON = "application/json"


def generic(alias: str = "vendor", **options: Any) -> dict[str, Any]:
    """`settings.DETECTION_PROVIDERS` with one detector of the generic profile that calls back."""
    given = {"base_url": ADDRESS, "api_key": "sk", "callbacks": "on", "webhook_secrets": [SECRET], **options}
    return {alias: {"BACKEND": "detection.providers.generic.GenericProvider", "OPTIONS": given}}


def the(alias: str = "vendor") -> CalledBack:
    provider = providers[alias]
    assert isinstance(provider, CalledBack)
    return provider


def row_of(picture: Any, alias: str = "vendor") -> Analysis:
    return Analysis.objects.select_related("asset").filter(asset=asset_of(picture), provider=alias).latest("pk")


def sending(picture: Any, alias: str = "vendor") -> Analysis:
    """The row in the hands of a worker that is just sending the picture."""
    row, now = row_of(picture, alias), moments.now()
    lease = row.claim(until=now + timedelta(seconds=30), now=now)
    assert lease
    assert row.note(lease=lease, submitted_at=now, attempts=1, calls=1)
    return row


def waiting(picture: Any, vendor_id: str = "an_1", alias: str = "vendor") -> Analysis:
    """The row once the detector has taken the picture."""
    row = sending(picture, alias)
    assert row.lease_token
    assert scanning.accept(row, Accepted(provider_reference=vendor_id), lease=row.lease_token)
    return row_of(picture, alias)


def completed(row: Analysis, *, vendor_id: str = "an_1", **changes: Any) -> dict[str, Any]:
    """The event of the wire contract that brings a verdict."""
    data = {
        "request_id": vendor_id,
        "reference": str(row.public_id),
        "status": "complete",
        "verdict": "likely_ai_generated",
        "confidence": 0.97,
        "model": "m-2026-05-01",
        **changes,
    }
    return {"type": "image.analysis.completed", "timestamp": timezone.now().isoformat(), "data": data}


def body_of(event: Any) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event).encode()


def signed(body: bytes, *, event_id: str = "ev_1", secret: str = SECRET, off: float = 0) -> dict[str, str]:
    """The headers of a sender that knows the secret; `off`: seconds by which its clock is ahead."""
    now = timezone.now().timestamp() + off
    return signing.sign(Scheme.STANDARD, signing.key_of(Scheme.STANDARD, secret), body, event_id=event_id, now=now)


def path_to(alias: str = "vendor", row: Analysis | None = None) -> str:
    """Our door for this detector; with `row`, the address that this row's submission carries."""
    if row is None:
        return f"/detection/webhooks/{alias}/"
    return calling.address(row, the(alias)).removeprefix(BASE)


def post(
    client: Client, body: bytes, headers: dict[str, str], *, path: str = "", kind: str = JSON, **more: Any
) -> HttpResponse:
    answer: HttpResponse = client.post(path or path_to(), data=body, content_type=kind, headers=headers, **more)
    return answer


def deliver(client: Client, event: Any, *, event_id: str = "ev_1", **options: Any) -> int:
    """Post a well signed event; the status."""
    body = body_of(event)
    return post(client, body, signed(body, event_id=event_id), **options).status_code


def ring_and_apply() -> None:
    """What the bell and a worker do, once."""
    queue.ring_due(moments.now())
    for task, arguments in queue.take_all():
        if task.__name__ == "deliver":
            task(*arguments)


def again() -> None:
    """Apply every open delivery now, whenever its time."""
    WebhookDelivery.objects.open().update(next_try_at=moments.now())
    for pk in WebhookDelivery.objects.open().values_list("pk", flat=True):
        callbacks.apply(pk)


def states() -> list[str]:
    return [row.state for row in WebhookDelivery.objects.order_by("pk")]
