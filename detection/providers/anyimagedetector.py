"""AnyImageDetector (imagedetector.online): a verdict, a score and a band of confidence, at once.

Easy to get wrong: the band is the vendor's confidence in its word, not a score; a 403 means the plan, not the key.
Everything here comes from a third party's transcript (github.com/api-evangelist/anyimagedetector) of
https://imagedetector.online/docs, not from that page itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from detection.errors import AuthFailed, ImageRefused, ProviderDown, ProviderError, QuotaExceeded, RateLimited
from detection.providers.answers import score, text
from detection.providers.base import Thresholds
from detection.providers.faults import VendorFault
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.results import ScanRequest, ScanResult
from detection.vocabulary import Verdict

FROM_A_TRANSCRIPT = (
    "Built from a third party's transcript of the vendor's documentation, not from the vendor's own page, and not yet "
    "run against the vendor."
)
VERDICTS: Mapping[str, Verdict] = {
    "likely_ai": Verdict.LIKELY_AI,
    "likely_human": Verdict.LIKELY_HUMAN,
    "uncertain": Verdict.UNCERTAIN,
}
BANDS: Mapping[str, tuple[float, float]] = {
    "likely_ai": (0.55, 1.0),
    "likely_human": (0.0, 0.45),
    "uncertain": (0.46, 0.54),
}
"""The scores that the vendor gives each of its words, both ends included, to two decimals as it states them."""


class AnyimagedetectorProvider(HttpProvider):
    """AnyImageDetector. Options: `api_key`, and those of HTTP."""

    label: ClassVar[str] = "AnyImageDetector"
    base_url: ClassVar[str] = "https://imagedetector.online"
    max_bytes: ClassVar[int] = 8 * 1024 * 1024
    usual_rate: ClassVar[str] = "1/s"
    # Where its band "uncertain" begins, and where its "likely AI" becomes "high".
    thresholds: ClassVar[Thresholds] = Thresholds(some=0.46, strong=0.75)
    verdicts: ClassVar[Mapping[str, Verdict]] = VERDICTS
    evidence_note: ClassVar[str] = FROM_A_TRANSCRIPT
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {
        "bad_request": ImageRefused,
        "unauthorized": AuthFailed,
        "insufficient_credits": QuotaExceeded,
        "paid_plan_required": QuotaExceeded,
        "too_many_requests": RateLimited,
        "detection_failed": ProviderDown,
        "unavailable": ProviderDown,
    }

    def send(self, request: ScanRequest) -> Answer:
        """Upload one picture; the answer comes at once."""
        files = {"image": (request.filename, request.content, request.media_type)}
        return self.call("POST", "/v1/image/detect", submits=True, files=files)

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """The vendor's `{error, message}`, of which `error` is the code."""
        return VendorFault(code=text(body, "error"), message=text(body, "message"))

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        """Read an answer. Raises SchemaMismatch."""
        label = payload.get("verdict")
        verdict, value = self.verdict_of(label), score(payload.get("ai_score"), "ai_score")
        warnings: tuple[str, ...] = ()
        if verdict is not Verdict.UNKNOWN and not _is_within(BANDS[str(label)], value):
            verdict, warnings = Verdict.UNCERTAIN, ("label_and_score_disagree",)
        band = text(payload, "confidence")
        return self.finished(
            payload,
            verdict,
            label=label,
            ai_score=value,
            ai_score_kind="model_score",
            confidence_band=band if band in ("low", "medium", "high") else "",
            warnings=warnings,
            reasons=("no_verdict",) if label is None else (),
        )


def _is_within(band: tuple[float, float], value: float) -> bool:
    low, high = band
    return low <= round(value, 2) <= high
