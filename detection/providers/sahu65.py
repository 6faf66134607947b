"""sahu65: an open detector that a newsroom hosts itself. No picture leaves the house, and nothing is billed.

Its package's own word for an AI declaration (`ai_generated_verified`) rests on a text match, not on a validated
signature, and forces its probability to .99: then the score here is that of its pixel model alone, and its reading of
the file stands beside it as evidence. Else the score is `ai_probability`, for its thresholds are cuts of that and not
of the model's raw number beside it: taken for the score, that put photographs it calls real above its cut. Read in the
source of version 1.1.0 (MIT); run against it by `make detector`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from detection.errors import (
    AuthFailed,
    ImageRefused,
    ProviderDown,
    ProviderError,
    RateLimited,
    TooLarge,
    UnsupportedType,
)
from detection.providers.answers import flag, identifier, part, read_json, score, text
from detection.providers.base import Thresholds
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.results import Evidence, KeyCheck, ScanRequest, ScanResult
from detection.vocabulary import Says, Verdict
from detection.vocabulary import gettext_noop as _

DECLARED = "ai_generated_verified"
VERDICTS: Mapping[str, Verdict] = {
    "likely_ai": Verdict.LIKELY_AI,
    "likely_real": Verdict.LIKELY_HUMAN,
    "inconclusive": Verdict.UNCERTAIN,
    DECLARED: Verdict.LIKELY_AI,
}


class Sahu65Provider(HttpProvider):
    """A sahu65 server of one's own. Options: `base_url`, `api_key` where it asks for one, and those of HTTP."""

    label: ClassVar[str] = "sahu65"
    base_url: ClassVar[str] = "http://127.0.0.1:8065"
    needs_key: ClassVar[bool] = False
    max_bytes: ClassVar[int] = 10 * 1024 * 1024
    usual_rate: ClassVar[str] = "30/m"
    thresholds: ClassVar[Thresholds] = Thresholds(some=0.2638, strong=0.8794)
    verdicts: ClassVar[Mapping[str, Verdict]] = VERDICTS
    limits: ClassVar[str] = _(
        "Set to accuse few real photographs: by its makers' figures it misses about two of three AI pictures, so that "
        "no signs found is weak evidence. Not made for documents, screenshots or drawings."
    )
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {
        "invalid_image": ImageRefused,
        "validation_error": ImageRefused,
        "unauthorized": AuthFailed,
        "file_too_large": TooLarge,
        "image_too_large_pixels": TooLarge,
        "unsupported_type": UnsupportedType,
        "rate_limited": RateLimited,
        "model_not_ready": ProviderDown,
        "model_load_failed": ProviderDown,
        "internal_error": ProviderDown,
    }

    def headers(self) -> dict[str, str]:
        """The key where one is set; a server without keys is open."""
        return super().headers() if self.key else {"Accept": "application/json"}

    def send(self, request: ScanRequest) -> Answer:
        """Upload one picture; the answer comes at once."""
        files = {"file": (request.filename, request.content, request.media_type)}
        return self.call("POST", "/deep-guard/detect", submits=True, files=files)

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        """Read an answer. Raises SchemaMismatch."""
        signals = part(payload, "signals")
        label = payload.get("verdict")
        model_score = score(part(signals, "detector").get("probability"), "detector probability")
        calibrated = score(payload.get("ai_probability"), "ai_probability")
        probability, kind = (model_score, "model_score") if label == DECLARED else (calibrated, _kind(payload))
        verdict, warnings, declares = self.verdict_of(label), [], _declares(signals)
        if label == DECLARED:
            # Forced by its reading of the file: the pixels are judged by their own score.
            verdict = self.judged(probability)
        if declares and verdict is not Verdict.LIKELY_AI and verdict is not Verdict.UNKNOWN:
            verdict = Verdict.UNCERTAIN
            warnings.append("signals_conflict")
        if flag(payload, "out_of_domain"):
            warnings.append("out_of_domain")
        return self.finished(
            payload,
            verdict,
            label=label,
            ai_score=probability,
            ai_score_kind=kind,
            confidence_band=band if (band := text(payload, "confidence")) in ("low", "medium", "high") else "",
            model=text(payload, "model_version"),
            provider_reference=identifier(payload.get("request_id"), "request_id"),
            evidence=(_EVIDENCE,) if declares else (),
            warnings=tuple(warnings),
        )

    def check(self) -> KeyCheck:
        """Whether its model is loaded. It has no call that tests a key without a picture."""
        read_json(self.call("GET", "/deep-guard/readyz").content)
        version = text(read_json(self.call("GET", "/deep-guard/version").content), "model_version")
        return KeyCheck(sentence=f"{self.title} is ready (model {self.clean(version) or 'not named'}).")


_EVIDENCE = Evidence(
    kind="c2pa", key="ai_declared", value="by a text match in the file, not validated", says=Says.AI, strength="E"
)


def _kind(payload: Mapping[str, Any]) -> str:
    return "probability" if flag(payload, "calibrated") else "model_score"


def _declares(signals: Mapping[str, Any]) -> bool:
    found = signals.get("c2pa")
    return isinstance(found, Mapping) and flag(found, "ai_declared") is True
