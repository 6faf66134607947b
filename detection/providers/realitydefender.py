"""Reality Defender: the picture is put into the vendor's storage without our key, and its answer is asked for later.

Easy to get wrong: an address to upload to may use up one scan of the plan, so its id is kept before the picture leaves
and a lost upload is asked for, not begun anew. A 400 may mean the plan, NOT_APPLICABLE (often: no face) clears nothing,
and a heatmap's link runs out after 15 minutes.
https://docs.realitydefender.com/api-reference/endpoint/presigned, …/endpoint/get_media_detail; SDK 0.1.13 for Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from detection.errors import (
    ConnectFailed,
    ImageRefused,
    ProviderDown,
    ProviderError,
    QuotaExceeded,
    SchemaMismatch,
    UploadLost,
)
from detection.providers.answers import identifier, part, read_json, text
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.faults import VendorFault
from detection.providers.http import HttpProvider
from detection.providers.realitydefender_models import Model, models_of, notes_of, overlay_of, score_of, told_of
from detection.results import Accepted, KeyCheck, ScanRequest, ScanResult
from detection.vocabulary import Verdict
from detection.vocabulary import gettext_noop as _

UNABLE = "UNABLE_TO_EVALUATE"
VERDICTS: Mapping[str, Verdict] = {
    "AUTHENTIC": Verdict.LIKELY_HUMAN,
    "FAKE": Verdict.LIKELY_AI,
    "MANIPULATED": Verdict.LIKELY_AI,  # The SDK's name for FAKE, should it ever be sent.
    "SUSPICIOUS": Verdict.UNCERTAIN,
    "NOT_APPLICABLE": Verdict.NOT_APPLICABLE,
    UNABLE: Verdict.UNKNOWN,
}
IN_PROGRESS = ("ANALYZING", "DOWNLOADING")
REASONS: Mapping[Any, tuple[str, ...]] = {"NOT_APPLICABLE": ("not_applicable",), UNABLE: ("vendor_failed",)}
"""Why there is no score. Both words come without one, and neither says anything of how the picture was made."""
POLL_AFTER = 2.0
"""Seconds, as the vendor's SDK waits."""
_SIDES = frozenset({Verdict.LIKELY_AI, Verdict.LIKELY_HUMAN})


class RealitydefenderProvider(HttpProvider):
    """Reality Defender. Options: `api_key`, and those of HTTP."""

    label: ClassVar[str] = "Reality Defender"
    adapter_version: ClassVar[str] = "2"
    base_url: ClassVar[str] = "https://api.prd.realitydefender.xyz"
    # Inferred from the documented link's parameters: the storage is Amazon's, in a bucket that is not named.
    hosts: ClassVar[tuple[str, ...]] = (".amazonaws.com",)
    polls: ClassVar[bool] = True
    gives_overlay: ClassVar[bool] = True
    renews_overlay: ClassVar[bool] = True
    verdicts: ClassVar[Mapping[str, Verdict]] = VERDICTS
    limits: ClassVar[str] = _(
        "Often does not apply to pictures without a face. Small or recompressed files are weak spots."
    )
    evidence_note: ClassVar[str] = FROM_DOCUMENTATION
    # The SDK reads the other two in a 400. What the code for a bad file is called is inferred.
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {
        "invalid-file": ImageRefused,
        "free-tier-not-allowed": QuotaExceeded,
        "upload-limit-reached": QuotaExceeded,
    }

    def headers(self) -> dict[str, str]:
        """The key, in the vendor's own header."""
        return {"X-API-KEY": self.key, "Accept": "application/json"}

    def submit(self, request: ScanRequest) -> Accepted:
        """Ask for an address, keep its id, and put the picture there. Raises ProviderError; AmbiguousTimeout where
        the picture may have arrived, AnalysisLost where it was refused, UploadLost where the storage failed."""
        # JSON as documented; the SDK sends a form. Nothing finds an id that never reached us: another address is asked
        # for then, which may cost a scan of the plan.
        ticket = read_json(self.call("POST", "/api/files/aws-presigned", json={"fileName": request.filename}).content)
        reference, address = identifier(ticket.get("requestId"), "requestId"), part(ticket, "response").get("signedUrl")
        if not isinstance(address, str) or not address:
            raise SchemaMismatch(f"{self.title} gave no address to put the picture at. A person has to look.")
        request.note_reference(reference)
        try:
            self.hand_over(address, request.content, headers={"Content-Type": request.media_type})
        except (ConnectFailed, ProviderDown) as error:
            raise UploadLost(str(error), http_status=error.http_status) from None
        return Accepted(provider_reference=reference, poll_after=POLL_AFTER)

    def fetch(self, provider_reference: str) -> ScanResult | Accepted:
        """Ask by the vendor's id. Raises ProviderError; NotFound for a while after the upload, until it is ready."""
        found = self.read(self.call("GET", f"/api/media/users/{quote(provider_reference, safe='')}"))
        if found.provider_reference != provider_reference:
            raise self.about_another(found.raw)
        return found

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """The vendor's `{code, errno, response}`, of which `response` is the message where something went wrong."""
        fault = super().read_fault(body)
        return replace(fault, message=fault.message or text(body, "response"))

    def parse(self, payload: Mapping[str, Any]) -> ScanResult | Accepted:
        """Read an analysis. Raises SchemaMismatch."""
        reference, overall = identifier(payload.get("requestId"), "requestId"), payload.get("overallStatus")
        summary = payload.get("resultsSummary")
        # The summary's word is the one that the vendor's SDK reads.
        label = (summary.get("status") if isinstance(summary, Mapping) else None) or overall
        if overall in IN_PROGRESS or label in IN_PROGRESS:
            return Accepted(provider_reference=reference, poll_after=POLL_AFTER, raw=self.kept(payload))
        models, notes = models_of(payload), notes_of(summary)
        accusing = [one for one in models if self.verdict_of(one.status) is Verdict.LIKELY_AI]
        number = None if label in REASONS else score_of(payload)
        verdict, score, warnings = self._weighed(label, overall, number, models)
        if verdict is Verdict.NOT_APPLICABLE and any("face" in one.value.casefold() for one in notes):
            warnings.append("no_face")
        return self.finished(
            payload,
            verdict,
            label=label,
            ai_score=score,
            ai_score_kind="none" if score is None else "model_score",
            model=text(payload, "releaseVersion"),
            provider_reference=reference,
            evidence=(*told_of(models), *notes),
            overlay=overlay_of(payload.get("heatmaps"), accusing, now=datetime.now(UTC)),
            reasons=REASONS.get(label, ()) if label else ("no_verdict",),
            warnings=tuple(warnings),
        )

    def _weighed(
        self, label: Any, overall: Any, score: float | None, models: list[Model]
    ) -> tuple[Verdict, float | None, list[str]]:
        """The verdict, the score, and the warnings about what doesn't go together."""
        verdict, warnings = self.verdict_of(label), []
        told = {self.verdict_of(one.status) for one in models}
        # A word that clears, with no number and no model that says so too, stands alone: it clears nothing.
        is_bare = verdict is Verdict.LIKELY_HUMAN and score is None and Verdict.LIKELY_HUMAN not in told
        if is_bare or len(_SIDES & {verdict, *told}) > 1 or (overall and self.verdict_of(overall) is not verdict):
            warnings.append("signals_conflict")
            verdict = Verdict.UNCERTAIN if verdict is Verdict.LIKELY_HUMAN else verdict
        numbers = [number for number in (score, *(one.score for one in models)) if number is not None]
        if score and max(numbers) <= 0.01 and verdict in (Verdict.LIKELY_AI, Verdict.UNCERTAIN):
            # The SDK's own text is at odds about 0–1 and 0–100. No number here was over 1 though the word says FAKE or
            # SUSPICIOUS: the word stands and the number is left out, for nobody can say which scale it has.
            return verdict, None, [*warnings, "scale_suspect"]
        is_low = score is not None and score < self.thresholds.some
        is_high = score is not None and not is_low
        if (verdict is Verdict.LIKELY_AI and is_low) or (verdict is Verdict.LIKELY_HUMAN and is_high):
            return Verdict.UNCERTAIN, score, [*warnings, "label_and_score_disagree"]
        return verdict, score, warnings

    def check(self) -> KeyCheck:
        """Whether the key is good, by the shortest page of what was scanned before; no call is made for keys alone.
        The path is the SDK's. Raises AuthFailed where it isn't good, ProviderError for the rest."""
        read_json(self.call("GET", "/api/v2/media/users/pages/0", params={"size": "1"}).content)
        return KeyCheck(sentence=f"{self.title} accepts the key. It does not tell what is left of the plan.")
