"""Winston AI, image detection: fetches the picture by a link of ours and answers at once.

Easy to get wrong: `score` (0–100) is the human score by the API reference and an AI score by the vendor's own MCP
server, so only `ai_probability` is read, and the others only tell whether the numbers agree. A 403 is about the link,
which the vendor could not read, not about our key. The answer repeats EXIF and other metadata of the picture, which
may hold a place; none of it is kept.
https://docs.gowinston.ai/api-reference/openapi.json
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, ClassVar
from urllib.parse import urlsplit

from detection.errors import FetchFailed, ProviderError, ProviderMisconfigured
from detection.providers.answers import flag, score, share, text
from detection.providers.base import FROM_DOCUMENTATION, Thresholds
from detection.providers.faults import VendorFault
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.results import Accepted, Evidence, ScanRequest, ScanResult
from detection.vocabulary import Says, Verdict

PRIVATE = frozenset({"exif", "metadata", "c2pa"})
"""Blocks of the answer that repeat what stands in the file, wherever they stand."""
NOT_KEPT = "[not kept]"
TOLERANCE = 0.02
"""By how much numbers that mean the same may differ, for rounding."""
TOKEN_LENGTH = 12
"""Characters from which on a word in our link may be what makes it unguessable."""
_link: ContextVar[tuple[str, ...]] = ContextVar("winston_link", default=())
"""Our link and its parts, while the call runs that hands it over."""


class WinstonProvider(HttpProvider):
    """Winston AI. Options: `api_key`, `model` for the vendor's `version`, and those of HTTP."""

    label: ClassVar[str] = "Winston AI"
    adapter_version: ClassVar[str] = "2"
    base_url: ClassVar[str] = "https://api.gowinston.ai"
    min_side: ClassVar[int] = 256
    takes_upload: ClassVar[bool] = False
    takes_url: ClassVar[bool] = True
    # The vendor gives neither a label nor a cut; these are ours.
    thresholds: ClassVar[Thresholds] = Thresholds(some=0.5, strong=0.9)
    evidence_note: ClassVar[str] = FROM_DOCUMENTATION
    statuses: ClassVar[Mapping[int, type[ProviderError]]] = {403: FetchFailed}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, and for the time of a call the link: whoever has it sees the picture."""
        return (*super().secrets, *_link.get())

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        """Send one picture's link. Raises ProviderError; AmbiguousTimeout where it may have been taken."""
        if not request.url:
            raise ProviderMisconfigured(f"{self.title} takes links only, and this picture was given without one.")
        before = _link.set(_parts(request.url))
        try:
            return super().submit(request)
        finally:
            _link.reset(before)

    def send(self, request: ScanRequest) -> Answer:
        """Hand the link over; the picture is fetched while we wait."""
        version = {"version": self.configured_model} if self.configured_model else {}
        return self.call("POST", "/v2/image-detection", submits=True, json={"url": request.url, **version})

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """The vendor's `{error, description}`."""
        return VendorFault(code=text(body, "error"), message=text(body, "description"))

    def kept(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The answer without what it repeats of the file."""
        return super().kept(_without_private(payload))

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        """Read an answer. Raises SchemaMismatch."""
        probability = score(payload.get("ai_probability"), "ai_probability")
        verdict, warnings = self.judged(probability), []
        human_score = share(payload.get("score"), "score", most=100)
        human = share(payload.get("human_probability"), "human_probability")
        is_reversed = human_score is not None and not _is_near(human_score, 1 - probability)
        # Reversed, it is the AI score of the vendor's other page; as neither, no number here can be trusted.
        is_torn = (is_reversed and not _is_near(human_score or 0.0, probability)) or (
            human is not None and not _is_near(human, 1 - probability)
        )
        if is_reversed or is_torn:
            warnings.append("scale_suspect")
        evidence = self._evidence(payload)
        if verdict is Verdict.LIKELY_HUMAN and any(one.says is Says.AI for one in evidence):
            warnings.append("signals_conflict")
        return self.finished(
            payload,
            Verdict.UNCERTAIN if is_torn or "signals_conflict" in warnings else verdict,
            ai_score=probability,
            ai_score_kind="model_score",
            model=text(payload, "version"),
            evidence=evidence,
            warnings=tuple(warnings),
        )

    def _evidence(self, payload: Mapping[str, Any]) -> tuple[Evidence, ...]:
        """The vendor's own reading of a watermark and of Content Credentials."""
        found = []
        issuers = _issuers(payload.get("ai_watermark_issuers"))
        if flag(payload, "ai_watermark_detected") or issuers:
            value = self.clean(", ".join(issuers)) or "issuer not named"
            found.append(Evidence(kind="watermark", key="ai_watermark", value=value, says=Says.AI, strength="E"))
        if payload.get("c2pa"):
            # What stands in it is not documented; the house reads the file's Content Credentials itself.
            value = "present by the vendor's reading"
            found.append(Evidence(kind="c2pa", key="c2pa", value=value, strength="E"))
        return tuple(found)


def _parts(link: str) -> tuple[str, ...]:
    """The link, its path, its query, and of the path each word long enough to be a token; whole before part."""
    link = link.rstrip("/")
    parts = urlsplit(link)
    words = (word for word in parts.path.split("/") if len(word) >= TOKEN_LENGTH)
    return tuple(part for part in (link, parts.path.rstrip("/"), parts.query, *words) if part)


def _is_near(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE


def _issuers(given: Any) -> list[str]:
    """Names. The vendor documents a list in one place and an object in another."""
    if isinstance(given, Mapping):
        # That the object's keys are the names is inferred.
        return [str(name) for name, value in given.items() if value]
    return [name for name in given if isinstance(name, str) and name] if isinstance(given, list) else []


def _without_private(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_private(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: NOT_KEPT if item and name.lower() in PRIVATE else _without_private(item) for name, item in value.items()
    }
