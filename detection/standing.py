"""What the house at present thinks of a picture: recomputed from the facts after every change to them.

The one writer of an Asset's standing. Called inside the transaction that changed the facts; the announcement to
listeners is rung, not sent, because signals sent on commit die with their process.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from detection import audit, queue, sampling, waiting
from detection.conf import settings
from detection.models import Analysis, Asset, PolicyVersion, Review
from detection.policy import Assessment, Finding, Situation, assess, evidence_digest, standing_conclusion
from detection.providers import providers
from detection.results import Declared
from detection.vocabulary import LIVE, RATIONED, AnalysisStatus, Basis, Signal, Verdict, Why


def finding_of(analysis: Analysis) -> Finding:
    """One analysis row as the value that policy reads."""
    provider = providers.get(analysis.provider)
    basis = analysis.basis or (provider.basis if provider else Basis.PIXELS)
    extra = {"thresholds": provider.thresholds} if provider else {}
    return Finding(
        alias=analysis.provider,
        title=provider.title if provider else analysis.provider,
        status=AnalysisStatus(analysis.status),
        verdict=Verdict(analysis.verdict) if analysis.verdict else None,
        basis=Basis(basis),
        ai_score=analysis.ai_score,
        ai_pixel_share=analysis.ai_pixel_share,
        model=analysis.model or analysis.configured_model,
        is_test=analysis.is_test,
        why=Why(analysis.why) if analysis.why else None,
        has_failed_try=analysis.error_class not in ("", RATIONED) and analysis.status in LIVE,
        next_attempt_at=analysis.next_attempt_at,
        is_second_opinion=analysis.is_second_opinion,
        error_sentence=analysis.error_sentence,
        **extra,
    )


def present_analyses(asset: Asset) -> list[Analysis]:
    """The analyses that count: of the present generation, the newest of each detector."""
    newest: dict[str, Analysis] = {}
    for analysis in Analysis.objects.filter(asset=asset).present().order_by("pk"):
        newest[analysis.provider] = analysis
    return list(newest.values())


def evidence_of(asset: Asset, analyses: list[Analysis]) -> str:
    """The digest over what people judge: sha256 of (file, alias, model, verdict, basis, status), sorted.

    All live statuses are one word here: a retry in the background must not undo what a person has just decided.
    """
    # A file that could not be read has no fingerprint; its name keeps it apart from the next unreadable one.
    file = (asset.sha256 if asset.is_read else "") or asset.file_name
    return evidence_digest(
        (file, row.provider, row.model, row.verdict, row.basis, "unfinished" if row.is_live else row.status)
        for row in analyses
        if not row.is_test
    )


def situation_of(asset: Asset, analyses: list[Analysis]) -> Situation:
    """Everything policy needs to know about one picture."""
    declared = next((Declared.from_json(row.declared) for row in analyses if row.declared), None)
    findings = tuple(finding_of(row) for row in analyses)
    why_not: Why | None = None
    if not findings:
        why_not = Why.BEFORE_INSTALL if asset.before_install else Why.PROTECTED if asset.kept_inside else Why.QUEUED
    return Situation(
        findings=findings,
        declared=declared,
        pixel_detector_due=any(finding.basis is Basis.PIXELS for finding in findings),
        why_not=why_not,
        is_withheld=asset.kept_inside and any(providers[alias].looks_at_pixels for alias in providers.aliases()),
    )


def assess_asset(asset: Asset, analyses: list[Analysis] | None = None) -> Assessment:
    """The assessment of one picture under the policy in force; nothing is stored."""
    rows = present_analyses(asset) if analyses is None else analyses
    return assess(situation_of(asset, rows), PolicyVersion.current().rules)


def latest_review(asset: Asset, evidence: str) -> Review | None:
    """The conclusion that stands on this very evidence, if any; a reversed one does not stand."""
    return standing_review(Review.objects.filter(asset=asset, evidence=evidence))


def standing_review(reviews: Iterable[Review]) -> Review | None:
    """Which of these conclusions on one evidence stands; a reversal takes back just the one that it names."""
    rows = sorted(reviews, key=lambda row: row.pk)
    taken_back = {row.reverses_id for row in rows if row.reverses_id}
    return standing_conclusion(row for row in rows if row.conclusion and row.pk not in taken_back)


def _standing(asset: Asset, rows: list[Analysis], version: PolicyVersion) -> dict[str, Any]:
    found = assess(situation_of(asset, rows), version.rules)
    evidence = evidence_of(asset, rows)
    sample = sampling.drawn(asset, found.signal.value, evidence, percent=sampling.share(version.rules))
    return {
        "signal": found.signal.value,
        "row": str(found.row),
        "why": (found.why or Why.QUEUED).value if found.signal in _WITH_WHY else "",
        "evidence": evidence,
        "conclusion": "",
        "policy_number": version.number,
        "standing": {
            "notes": list(found.notes),
            "second_strong": found.is_second_strong,
            "detail": found.detail,
            "score": found.lead.ai_score if found.lead else None,
            "detector": found.lead.title if found.lead else "",
            "next_attempt_at": found.next_attempt_at.isoformat() if found.next_attempt_at else "",
            **({"sample": sample} if sample else {}),
        },
    }


def begin(asset: Asset, analyses: list[Analysis], version: PolicyVersion) -> None:
    """Set the first standing of a picture on its row, before both are inserted; nobody waits to hear of it yet."""
    for name, value in _standing(asset, analyses, version).items():
        setattr(asset, name, value)
    asset.standing_at = timezone.now()
    asset.standing_version = asset.announced_version = 1


def settle(asset: Asset, *, now: datetime | None = None) -> Asset:
    """Recompute signal, evidence and conclusion, and store, record and announce them where they changed.

    Must run inside the transaction that changed the facts. Writes the asset's row first, so that a publication
    that is being judged at this moment waits, or is waited for.
    """
    Asset.objects.lock([asset.pk])
    asset.refresh_from_db()
    version = PolicyVersion.current()
    rows = present_analyses(asset)
    after = _standing(asset, rows, version)
    review = latest_review(asset, after["evidence"])
    after["conclusion"] = review.conclusion if review else ""
    if all(getattr(asset, name) == value for name, value in after.items()):
        waiting.reckon(asset, is_locked=True)
        return asset
    before = {"signal": asset.signal, "conclusion": asset.conclusion}
    is_news = asset.standing_version == 0 or any(
        getattr(asset, name) != after[name] for name in ("signal", "row", "why", "evidence", "conclusion")
    )
    changes: dict[str, Any] = {**after, "standing_at": now or timezone.now()}
    if is_news:
        changes["standing_version"] = F("standing_version") + 1
    Asset.objects.filter(pk=asset.pk).update(**changes)
    asset.refresh_from_db()
    waiting.reckon(asset, is_locked=True)
    if is_news:
        if (before["signal"], before["conclusion"]) != (after["signal"], after["conclusion"]):
            audit.record(
                "asset.standing_changed",
                asset=asset,
                before=before,
                after={name: after[name] for name in ("signal", "why", "conclusion", "evidence")},
                policy=version.number,
                mode=settings.MODE,
            )
        sampling.note(asset)
        queue.wake("announce", asset.pk)
    return asset


def announce_again(asset: Asset) -> None:
    """Let listeners look at a picture anew, though its standing is the same: what people decided about it changed."""
    Asset.objects.filter(pk=asset.pk).update(standing_version=F("standing_version") + 1)
    queue.wake("announce", asset.pk)


_WITH_WHY = (Signal.NOT_CHECKED, Signal.COULD_NOT_CHECK)
