"""`detection_doctor --journey` walks a picture of its own through, and the doctor tells the age of keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from detection import doctor, keys, registry
from detection.doctor import detectors as probes
from detection.doctor import journey
from detection.doctor.findings import State
from detection.models import Analysis, Asset, AuditEvent, Override, Passage, Sweep, WebhookDelivery
from detection.testing.draining import drain
from tests.conftest import Clock
from tests.detection import calling
from tests.otherhost.models import Plate

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_host(host: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The one model with pictures is the small host's."""
    from detection import registry

    host(plate={})
    mine = [one for one in registry.asset_types() if one.model_class is Plate]
    monkeypatch.setattr(registry, "asset_types", lambda: iter(mine))


def test_a_picture_is_walked_through_and_taken_away(scripted: Callable[..., Any]) -> None:
    found = list(journey.walk(pause=drain))
    assert [one.state for one in found] == [State.OK] * 6, found
    assert "A worker read it" in found[1].what
    assert "a story with it would be at" in found[2].what
    assert scripted("first").calls == scripted("second").calls == []
    assert not Plate.objects.exists()
    assert Asset.objects.get().detached_at is not None
    assert set(Analysis.objects.values_list("status", flat=True)) == {"complete", "skipped"}


def test_its_gate_refuses_and_lets_go_and_nothing_of_that_stands(scripted: Callable[..., Any]) -> None:
    people = get_user_model().objects.count()
    found = [one.what for one in journey.walk(pause=drain)]
    assert "the gate refused to publish it (hold)" in found[3]
    assert "After an override it let it go" in found[4]
    assert not Override.objects.exists()
    assert not Passage.objects.exists()
    assert not Analysis.objects.exclude(verdict__in=["", "unknown"]).exists()
    assert get_user_model().objects.count() == people
    assert not AuditEvent.objects.filter(action__startswith="gate.").exists()
    event = AuditEvent.objects.get(action="doctor.walked")
    assert (event.facts["refused"], event.facts["passed"], event.facts["level"]) == (True, True, "hold")
    assert event.asset == Asset.objects.get()
    with pytest.raises(registry.NotRegistered):
        registry.publishable_type(Asset)


def test_in_shadow_mode_it_says_that_nothing_is_refused(
    scripted: Callable[..., Any], configure: Callable[..., None]
) -> None:
    configure(MODE="shadow")
    found = list(journey.walk(pause=drain))
    assert found[3].state is State.WARN
    assert "shadow mode" in found[3].what


def test_without_a_worker_it_says_so_and_leaves_nothing(scripted: Callable[..., Any]) -> None:
    found = list(journey.walk(pause=lambda: None, within=0))
    assert [one.state for one in found] == [State.OK, State.BROKEN, State.OK]
    assert "No worker" in found[1].what
    assert not Plate.objects.exists()


def test_a_host_whose_pictures_need_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def needs_more(self: Plate, *args: Any, **kwargs: Any) -> None:
        raise ValueError("A desk is needed.")

    monkeypatch.setattr(Plate, "save", needs_more)
    [found] = journey.walk(pause=drain)
    assert found.state is State.WARN
    assert "A desk is needed" in found.what


@pytest.mark.usefixtures("pixels_only")
def test_it_needs_the_embedded_reader_and_is_only_done_when_asked() -> None:
    [found] = journey.walk(pause=drain)
    assert found.state is State.WARN
    assert "journey" not in [probe.name for probe, _found in doctor.examine(probes=())]
    assert "journey" in [probe.name for probe, _found in doctor.examine(probes=(), journey=True)]


def test_keys_grow_old_and_young_again(settings: Any, clock: Clock) -> None:
    settings.DETECTION_PROVIDERS = calling.generic(webhook_secrets=[calling.SECRET, calling.OTHER])
    keys.note(clock.now())
    assert "sk" not in str(Sweep.objects.get(name="key:vendor").found)
    clock.move(days=400)
    keys.note(clock.now())
    told = [(one.state, one.what) for one in probes.keys_are_young()]
    assert told[0] == (State.WARN, "The key of vendor has been the same for 400 days.")
    assert "older secret for 7 days" in told[1][1]
    WebhookDelivery.objects.create(
        provider="vendor", event_id="e", body_sha256="0", slot=1, received_at=timezone.now(), state="applied"
    )
    settings.DETECTION_PROVIDERS = calling.generic(api_key="another", webhook_secrets=[calling.SECRET, calling.OTHER])
    keys.note(clock.now())
    [found] = probes.keys_are_young()
    assert (found.state, found.what) == (State.OK, "The key of vendor has been the same for 0 days.")
