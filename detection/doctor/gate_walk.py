"""The gate, walked with a test answer about the journey's own picture: it refuses, a chief overrides, it lets pass.

All of it happens in one transaction that is taken back: the answer, the chief who is nobody, the override, and what a
host's own receivers wrote. What stays is one event that says so. The story is the picture itself, published alone: of a
host's own model nobody but the host can make one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import transaction

from detection import audit, gate, registry
from detection.doctor.findings import Finding, broken, ok, warn
from detection.models import Analysis, Asset
from detection.standing import settle
from detection.vocabulary import Basis, Verdict

ACTION = "doctor.walked"


@dataclass(slots=True)
class Walked:
    """What the gate said: at the test answer, and after the override."""

    level: str = ""
    mode: str = ""
    is_refused: bool = False
    passes_after: bool = False


def walk(asset: Asset) -> Iterator[Finding]:
    """Walk the gate with this picture, take everything back, and record that it was done."""
    found = Walked()
    with transaction.atomic():
        _act(asset, found)
        transaction.set_rollback(True)
    audit.record(
        ACTION, asset=asset, level=found.level, mode=found.mode, refused=found.is_refused, passed=found.passes_after
    )
    yield from _told(found)


def _act(asset: Asset, found: Walked) -> None:
    asset = Asset.objects.get(pk=asset.pk)
    rows = Analysis.objects.filter(asset=asset, generation=asset.generation, status="complete")
    rows.update(verdict=Verdict.LIKELY_AI.value, basis=Basis.DECLARATION.value)
    settle(asset)
    asset.refresh_from_db()
    chief = _nobody()
    with _published_alone(asset):
        first = gate.authorise(asset, by=chief)
        found.level, found.mode, found.is_refused = first.report.level.value, first.report.mode, not first.is_allowed
        if first.is_allowed:
            return
        [line] = first.report.open_lines
        gate.override(
            asset,
            asset,
            by=chief,
            evidence=line.evidence,
            reason_code="other",
            note="detection_doctor --journey: a test, taken back at once.",
            no_label_reason="A test of the gate, seen by nobody.",
        )
        found.passes_after = gate.authorise(asset, by=chief).is_allowed


def _nobody() -> Any:
    """An account that exists until the transaction is taken back."""
    model = get_user_model()
    user = model(**{model.USERNAME_FIELD: f"detection-doctor-{uuid4().hex[:12]}"})
    user.save()
    return user


@contextmanager
def _published_alone(asset: Asset) -> Iterator[None]:
    """Within the block, in this process, our handle counts as a story that holds its picture."""
    name = Asset._meta.label
    registry.register_publishable(
        name,
        assets=lambda one: [one.picture()],
        scope=lambda user, permission: Asset.objects.filter(pk=asset.pk),
    )
    try:
        yield
    finally:
        registry.unregister(name)


def _told(found: Walked) -> Iterator[Finding]:
    if not found.is_refused:
        why = "it runs in shadow mode" if found.mode != "enforce" else f"the policy asks for no more than {found.level}"
        fix = "Set MODE to enforce, or look at the policy, if that is not what the desk wants."
        yield warn(f"The gate refused nothing although a test answer said AI: {why}.", fix)
        return
    yield ok(f"With a test answer that says AI the gate refused to publish it ({found.level}).")
    if found.passes_after:
        yield ok("After an override it let it go. Answer, override and publication were tests, and are taken back.")
    else:
        yield broken("After an override the gate still refused.", "Look at the policy: who may override?")
