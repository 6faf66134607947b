"""A detector is asked about a picture: the row of one analysis, its event and its ring, and whose turn is next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from detection import audit, queue
from detection.conf import settings
from detection.models import Analysis, Asset
from detection.providers import providers
from detection.standing import settle
from detection.vocabulary import Priority


def pixel_aliases() -> list[str]:
    """The configured detectors that look at pixels, in their order."""
    return [alias for alias in providers.aliases() if providers[alias].looks_at_pixels]


def pending(
    asset: Asset,
    alias: str,
    *,
    is_second_opinion: bool = False,
    may_reuse: bool = True,
    priority: Priority = Priority.NEWS,
) -> Analysis:
    """A pending analysis, rung at this moment, that is yet to be inserted."""
    provider = providers[alias]
    now = timezone.now()
    return Analysis(
        asset=asset,
        provider=alias,
        adapter_version=provider.translation,
        configured_model=provider.configured_model,
        basis=provider.basis,
        generation=asset.generation,
        is_second_opinion=is_second_opinion,
        may_reuse=may_reuse,
        priority=priority,
        next_attempt_at=now,
        rung_at=now,
        deadline_at=now + timedelta(seconds=settings.SCAN_DEADLINE),
    )


def asked_for(analysis: Analysis) -> tuple[str, dict[str, Any]]:
    """The event of a pending analysis."""
    facts = {"analysis": analysis.public_id, "provider": analysis.provider, "generation": analysis.generation}
    return "analysis.requested", facts


def request_one(
    asset: Asset,
    alias: str,
    *,
    by: Any = None,
    is_second_opinion: bool = False,
    may_reuse: bool = True,
    priority: Priority = Priority.NEWS,
) -> Analysis | None:
    """Insert one pending analysis, and ring for it unless it is of an archive; None where a live one exists already."""
    analysis = pending(asset, alias, is_second_opinion=is_second_opinion, may_reuse=may_reuse, priority=priority)
    try:
        with transaction.atomic():
            Analysis.objects.insert([analysis])
    except IntegrityError:
        return None
    action, facts = asked_for(analysis)
    audit.record(action, asset=asset, by=by, **facts)
    if priority is not Priority.LATER:
        queue.wake("scan", analysis.pk, asks=alias)
    return analysis


def ask_the_next(analysis: Analysis, *, is_second_opinion: bool) -> None:
    """Ask the first pixel detector that was not asked about this picture yet; where all were, that is that.

    What is asked after one of an archive stands in the archive's line too.
    """
    asset = analysis.asset
    priority = Priority.NEWS if analysis.priority == Priority.NEWS else Priority.LATER
    asked = set(Analysis.objects.filter(asset=asset).present().values_list("provider", flat=True))
    for alias in pixel_aliases():
        if alias not in asked:
            request_one(asset, alias, is_second_opinion=is_second_opinion, priority=priority)
            settle(asset)
            return
