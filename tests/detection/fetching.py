"""A detector that fetches: what it is given, and when, as `running` does it, but one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from detection.models import Analysis
from detection.providers import providers
from detection.providers.scripted import ScriptedProvider
from detection.results import Accepted, ScanRequest, ScanResult
from detection.scanning import handing, reading
from tests.conftest import asset_of

BASE = "https://news.example"


class FetchingProvider(ScriptedProvider):
    """Plays a detector that takes links alone. OPTIONS: `uploads`, `media_types`, `max_bytes`."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        takes_upload = bool(self.options.get("uploads", False))
        vars(self).update(takes_upload=takes_upload, takes_url=not takes_upload)
        vars(self).update({name: self.options[name] for name in ("media_types", "max_bytes") if name in self.options})
        self.when_asked: Callable[[ScanRequest], None] = lambda request: None

    @classmethod
    def known_options(cls) -> frozenset[str]:
        return super().known_options() | {"uploads", "media_types", "max_bytes"}

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        self.when_asked(request)
        return super().submit(request)


class OtherProvider(ScriptedProvider):
    """Another vendor's adapter: it lies in another module."""


def configured(**options: Any) -> dict[str, Any]:
    """`settings.DETECTION_PROVIDERS` with this detector as "first"."""
    return {"first": {"BACKEND": "tests.detection.fetching.FetchingProvider", "OPTIONS": options}}


def row_of(picture: Any) -> Analysis:
    return Analysis.objects.select_related("asset").filter(asset=asset_of(picture), provider="first").latest("pk")


def claimed(picture: Any) -> Analysis:
    """The first detector's row, in the hands of a worker."""
    row, now = row_of(picture), timezone.now()
    assert row.claim(until=now + timedelta(seconds=30), now=now)
    return row_of(picture)


def what_is_sent(row: Analysis) -> reading.Sendable:
    """What the story would send, noted in the row as it notes it."""
    made = reading.sendable(row, providers[row.provider], reading.load(row.asset))
    assert isinstance(made, reading.Sendable)
    assert row.note(sent_sha256=made.request.sha256, as_sent=made.as_sent, file_sha256=row.asset.sha256)
    return made


def handed_out(picture: Any) -> str:
    """The address that the first detector is given for this picture; its row is left `scanning`."""
    row = claimed(picture)
    return handing.link(row, what_is_sent(row))


def token_of(address: str) -> str:
    assert address.startswith(f"{BASE}/detection/handed/")
    return path_of(address).rstrip("/").rpartition("/")[2]


def path_of(address: str) -> str:
    return urlsplit(address).path
