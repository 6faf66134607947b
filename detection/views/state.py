"""What is known about one picture, as JSON, for people who may look; asked by API clients."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from detection import policy, sampling, screens
from detection.concluded import Heard, heard_by
from detection.models import Analysis, Asset, PolicyVersion, Review
from detection.standing import assess_asset, present_analyses
from detection.views.media import NEVER_KEPT, visible
from detection.vocabulary import AnalysisStatus, Basis, Conclusion


@require_safe
def asset_json(request: HttpRequest, public_id: uuid.UUID) -> JsonResponse:
    """What is known about one picture now, in the words of the API."""
    if not request.user.is_authenticated:
        return _json({"error": _("Sign in first.")}, status=401)
    try:
        asset = visible(request, public_id)
    except Http404:
        return _json({"error": _("There is no such picture for you.")}, status=404)
    return _json(state_of(asset, reader=request.user))


def state_of(asset: Asset, *, reader: Any) -> dict[str, Any]:
    """One picture for API clients, also of a host's own API, as this reader may know it.

    `level`: before any story's own use of it and without conclusions. `reviewState` counts what was concluded on the
    reader's own desk, of several on the one where most is still open; `conclusion` is the newest that they may read.
    """
    rows = present_analyses(asset)
    primary = screens.primary_alias()
    first = next((row for row in rows if row.provider == primary), rows[0] if rows else None)
    assessment = assess_asset(asset, rows)
    rules = PolicyVersion.current().rules
    level, _queued = policy.level_for(assessment, screens.tier_of(asset), rules)
    heard = heard_by(reader, [asset])[asset.pk]
    effect, is_concluded = _most_open(heard, asset, assessment, rules)
    state = policy.review_state(
        assessment,
        status=AnalysisStatus(first.status) if first else None,
        level=effect.level,
        queued=effect.queued,
        has_conclusion=is_concluded,
        was_lowered=effect.was_lowered,
    )
    found = screens.provenance(rows)
    return {
        "assetId": str(asset.public_id),
        "analysisStatus": first.status if first else None,
        "reviewState": state.value,
        "signal": asset.signal,
        "why": asset.why or None,
        "level": level.value,
        "detector": _detector(asset, first) if first else None,
        "detectors": [_detector(asset, row) for row in rows],
        "declared": {**found.declared.as_json(), "sentence": found.says} if found.declared else {},
        "evidence": asset.evidence,
        "conclusion": heard.latest.conclusion if heard.latest else None,
    }


def _most_open(
    heard: Heard, asset: Asset, assessment: policy.Assessment, rules: policy.Rules
) -> tuple[policy.ConclusionEffect, bool]:
    """What people made of a picture on the one of the reader's desks where most is still open, and whether they did."""
    found = [
        (_effect(said, asset, assessment, rules.of_desk(desk), desk), said is not None)
        for desk, said in heard.by_desk.items()
    ]
    return max(found, key=lambda one: (one[0].level.rank, one[0].queued, not one[1]))


def _effect(
    said: Review | None, asset: Asset, assessment: policy.Assessment, rules: policy.Rules, desk: str
) -> policy.ConclusionEffect:
    level, is_queued = policy.level_for(assessment, screens.tier_of(asset), rules)
    return policy.apply_conclusion(
        level,
        is_queued,
        conclusion=Conclusion(said.conclusion) if said else None,
        rules=rules,
        by_desk_editor=said is not None,
        by_holder=said is not None and said.by_holder,
        desk=desk,
    )


def _detector(asset: Asset, row: Analysis) -> dict[str, Any]:
    by_pixels = screens.basis_of(row) is Basis.PIXELS
    overlay = screens.overlay_of(row)
    has_overlay = overlay is not None and overlay.status == "ready"
    return {
        "provider": row.provider,
        "status": row.status,
        "verdict": row.verdict or None,
        "basis": screens.basis_of(row).value,
        "confidence": row.ai_score if by_pixels and not sampling.is_blind(asset) else None,
        "model": row.model,
        "overlayUrl": f"{screens.media_url(asset, 'overlay')}&analysis={row.public_id}" if has_overlay else None,
        "nextAttemptAt": _iso(row.next_attempt_at),
        "completedAt": _iso(row.completed_at),
        "isTest": row.is_test,
    }


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


def _json(body: dict[str, Any], *, status: int = 200) -> JsonResponse:
    response = JsonResponse(body, status=status)
    response.headers["Cache-Control"] = NEVER_KEPT
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
