"""Copyleaks, its AI image detector: it marks pixels, and tells no probability.

https://docs.copyleaks.com/reference/actions/ai-image-detector/check (also …/account/login, …/using-the-apis/api-errors)

Easy to get wrong: `summary.ai` is the share of pixels that are flagged, so .04 means a small part and not "4 % likely";
a token is good for 48 hours, and a dozen logins in a quarter of an hour block the account, so that all processes share
one. `isAiDetected` was only seen in answers, and is no more than a second witness here.

Its asynchronous call is not built: it gives its result by webhook alone, without a signature and in a shape that is
documented nowhere, and nothing can be asked for again. A worker that waits for the plain call loses nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast
from urllib.parse import quote

from detection.errors import (
    AuthFailed,
    FetchFailed,
    ImageRefused,
    ProviderDown,
    ProviderError,
    QuotaExceeded,
    SchemaMismatch,
    TooLarge,
    UnsupportedType,
)
from detection.providers import masks
from detection.providers.answers import amount, identifier, moment, part, read_json, score, text
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.faults import VendorFault
from detection.providers.outbound import Answer
from detection.providers.sockets import Limits
from detection.providers.tokens import LoginProvider, Token, seconds_of_use
from detection.results import Evidence, KeyCheck, ScanRequest, ScanResult
from detection.vocabulary import Verdict
from detection.vocabulary import gettext_noop as _


class CopyleaksProvider(LoginProvider):
    """Options: `base_url`, `api_key` as `email:key`, `model`, and those of HTTP; `login_url` for another address of the
    login; `sandbox` for made-up answers that cost nothing."""

    label: ClassVar[str] = "Copyleaks"
    base_url: ClassVar[str] = "https://api.copyleaks.com"
    key_parts: ClassVar[tuple[str, ...]] = ("email", "key")
    login_base: ClassVar[str] = "https://id.copyleaks.com"
    media_types: ClassVar[frozenset[str]] = frozenset(
        {"image/jpeg", "image/png", "image/webp", "image/heic", "image/heif"}
    )
    max_bytes: ClassVar[int] = 32_000_000 - 1  # "under 32 MB", in the smaller of the two meanings
    max_pixels: ClassVar[int] = masks.MAX_PIXELS  # an older page says 16 million; a refusal then says so
    max_side: ClassVar[int] = 6000
    min_side: ClassVar[int] = 512
    is_idempotent: ClassVar[bool] = True
    gives_overlay: ClassVar[bool] = True
    usual_rate: ClassVar[str] = "60/m"  # 900 in 15 minutes
    limits_of_a_call: ClassVar[Limits] = Limits(read=30.0, total=90.0, max_bytes=16_000_000)
    """About the million runs that `masks` reads: a run takes some 15 bytes, and answers come uncompressed."""
    evidence_note: ClassVar[str] = FROM_DOCUMENTATION
    limits: ClassVar[str] = _(
        "It marks areas and gives no probability; what it marks is an estimate, and a small marked area may be an "
        "ordinary retouch. Screenshots and recompressed files are known weak spots."
    )
    whole: ClassVar[float] = 0.9
    """From this share of flagged pixels on, the whole picture counts as flagged. This and the next two are our cuts."""
    speckle: ClassVar[float] = 0.005
    """Below this share, what is flagged is too little to call it a part."""
    slack: ClassVar[float] = 0.01
    """By so much may the share that is told differ from that of the mask."""
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {
        **dict.fromkeys(("1", "15", "24"), ProviderError),
        **dict.fromkeys(("2", "3", "4"), AuthFailed),
        "5": FetchFailed,
        "6": TooLarge,
        **dict.fromkeys(("7", "8", "14"), ImageRefused),
        **dict.fromkeys(("9", "16"), ProviderDown),
        "10": UnsupportedType,
        **dict.fromkeys(("13", "17"), QuotaExceeded),
    }

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.is_sandbox = self.given.switch("sandbox")

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Beside those of HTTP and of a login: `sandbox`."""
        return super().known_options() | {"sandbox"}

    def log_in(self) -> Token:
        """A token for 48 hours; a sample in the documentation has it end when it begins. Raises ProviderError."""
        credentials = dict(zip(self.key_parts, self.credentials, strict=True))
        body = self.call_login("/v3/account/login/api", json=credentials)
        ends = (moment(body.get(".issued")), moment(body.get(".expires")))
        seconds = seconds_of_use(*ends, now=datetime.now(UTC), at_most=48 * 3600.0)
        return Token(value=body.get("access_token"), seconds=seconds)

    def send(self, request: ScanRequest) -> Answer:
        """Upload one picture under our own reference: sent again, the same file is not scanned a second time."""
        return self.call(
            "POST",
            f"/v1/ai-image-detector/{quote(request.reference.lower(), safe='')}/check",
            submits=True,
            files={"image": (request.filename, request.content, request.media_type)},
            data={
                "filename": request.filename,
                "model": self.configured_model or "ai-image-1-ultra",
                "sandbox": "true" if self.is_sandbox else "false",
            },
        )

    def submit(self, request: ScanRequest) -> ScanResult:
        """Send one picture. Raises ProviderError; AmbiguousTimeout where it may have been taken."""
        answer = self.send(request)
        found = cast(ScanResult, self.read(answer))
        if found.provider_reference != request.reference.lower():
            raise self.about_another(found.raw)
        payload = read_json(answer.content)
        mask = masks.read_mask(payload["result"], payload["imageInfo"]["shape"])
        if not mask.starts:
            return found
        overlay = masks.overlay_for(request, mask)
        # Where it can't be told how the mask lies on the picture, none is shown, and the verdict stands.
        return replace(
            found, overlay=overlay, warnings=(*found.warnings, *(() if overlay else ("mask_shape_mismatch",)))
        )

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        """Read an answer, without painting its mask, which may not have been kept. Raises SchemaMismatch."""
        told = score(part(payload, "summary").get("ai"), "summary.ai")
        about, document = part(payload, "imageInfo"), part(payload, "scannedDocument")
        runs, covered = masks.counts(part(payload, "result"), part(about, "shape"))
        is_said = payload.get("isAiDetected")
        if is_said is not None and not isinstance(is_said, bool):
            raise SchemaMismatch("The detector's isAiDetected is neither true nor false.")
        is_odd = abs(told - covered) > self.slack or (is_said is not None and is_said != bool(runs))
        # What was kept of a sandbox's answer stays a test, whatever is configured by the time it is read again.
        is_test = self.is_sandbox or payload.get("sandbox") is True
        warnings = (*(("signals_conflict",) if is_odd else ()), *(("sandbox_result",) if is_test else ()))
        return self.finished(
            payload,
            Verdict.UNCERTAIN if is_odd else self._verdict(told, is_flagged=bool(runs)),
            ai_pixel_share=told,
            model=text(payload, "model"),
            provider_reference=identifier(document.get("scanId"), "scanId"),
            evidence=tuple(_metadata(about.get("metadata"))),
            warnings=warnings,
            is_test=is_test,
        )

    def kept(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Without the mask's runs, of which counts are kept."""
        mark = {"sandbox": True} if self.is_sandbox else {}
        return super().kept({**payload, "result": masks.without_runs(payload.get("result")), **mark})

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """Its errors, and the other three shapes of its login: fields with lists, a message, a text as `error`."""
        fault, error = super().read_fault(body), body.get("error")
        fields = (f"{name}: {said[0]}" for name, said in body.items() if isinstance(said, list) and said)
        ticket = text(error, "id") if isinstance(error, Mapping) else ""
        said = fault.message or text(body, "Message") or "; ".join(fields)
        return replace(fault, message=said, request_id=ticket or fault.request_id)

    def check(self) -> KeyCheck:
        """Log in where nobody has, and ask for the credits. Their shape is not documented; `Amount` is an inference."""
        left = amount(read_json(self.call("GET", "/v3/scans/credits").content).get("Amount"))
        return KeyCheck(sentence=f"{self.title} accepts the key.", remaining=left, unit="credits")

    def _verdict(self, share: float, *, is_flagged: bool) -> Verdict:
        if not is_flagged:
            return Verdict.LIKELY_HUMAN
        if share < self.speckle:
            return Verdict.UNCERTAIN
        return Verdict.LIKELY_AI if share >= self.whole else Verdict.PARTIAL_AI


def _metadata(given: Any) -> Iterator[Evidence]:
    """Who issued the picture, as the vendor read it in the file."""
    for name in ("issuedBy", "appOrDeviceUsed"):
        if isinstance(given, Mapping) and (value := text(given, name)):
            yield Evidence(kind="note", key=name, value=value, strength="E")
