"""TruthScan, which is also Undetectable.ai's image detector: upload to an address, submit, then ask by an id.

Easy to get wrong: the key stands in the body of `/detect`; the id that `/query` takes needs no key beside it, so it
opens the result to whoever has it and is kept as our reference alone. `done` says nothing of the heatmap, which may
come later. `result` is the AI score; `confidence` seems to be in the label (both inferred). `ocr` and `metadata` repeat
what stands in the picture and its file; neither is kept.
https://truthscan.com/truthscan-ai-image-detection-api-documentation; SDK truthscan-image-detector-client 20260709.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from detection.errors import (
    AmbiguousTimeout,
    AnalysisLost,
    NotFound,
    ProviderDown,
    ProviderError,
    QuotaExceeded,
    SchemaMismatch,
)
from detection.providers.answers import MASK, amount, flag, identifier, link, part, read_json, score
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.faults import VendorFault
from detection.providers.http import HttpProvider
from detection.results import EXTENSIONS, Accepted, Evidence, KeyCheck, Overlay, ScanRequest, ScanResult
from detection.vocabulary import Verdict

CDN = "https://ai-image-detector-prod.nyc3.digitaloceanspaces.com"
"""Where an uploaded picture lies by the vendor's SDK; that it is uploaded to the same host is inferred."""
EDITED = "digitally edited"
VERDICTS: Mapping[str, Verdict] = {
    "ai generated": Verdict.LIKELY_AI,
    "real": Verdict.LIKELY_HUMAN,
    EDITED: Verdict.UNCERTAIN,
    "ai edited": Verdict.PARTIAL_AI,
}
"""The documented families, in small letters and without punctuation; how the vendor spells them is not documented."""
PRIVATE = frozenset({"metadata", "metadata_basic_source", "ocr"})
POLL_AFTER = 2.0
_asked_for: ContextVar[tuple[str, ...]] = ContextVar("truthscan_id", default=())
"""The vendor's id, while it is asked for."""


class TruthscanProvider(HttpProvider):
    """TruthScan. Options: `api_key`, `cdn_url` for where the vendor finds what was uploaded, and those of HTTP."""

    label: ClassVar[str] = "TruthScan"
    adapter_version: ClassVar[str] = "2"
    base_url: ClassVar[str] = "https://detect-image.truthscan.com"
    media_types: ClassVar[frozenset[str]] = frozenset(EXTENSIONS)
    min_bytes: ClassVar[int] = 1024
    polls: ClassVar[bool] = True
    reference_is_secret: ClassVar[bool] = True
    gives_overlay: ClassVar[bool] = True
    renews_overlay: ClassVar[bool] = True
    verdicts: ClassVar[Mapping[str, Verdict]] = VERDICTS
    evidence_note: ClassVar[str] = FROM_DOCUMENTATION
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {"credits": QuotaExceeded}

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.cdn = self.given.address("cdn_url", CDN)
        vars(self)["hosts"] = (urlsplit(self.cdn).hostname or "",)

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Beside those of HTTP: `cdn_url`."""
        return super().known_options() | {"cdn_url"}

    def headers(self) -> dict[str, str]:
        """Without the key, which two of the four calls take in a header, one in its body and one not at all."""
        return {"Accept": "application/json"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, and for the time of a call the id: whoever has it sees the result."""
        return (*super().secrets, *_asked_for.get())

    def submit(self, request: ScanRequest) -> Accepted:
        """Upload one picture and submit it. Raises ProviderError; AmbiguousTimeout where it may have been taken.

        The id comes with the last answer alone. Where that is lost, nothing can be looked up; sending anew may be
        billed twice. (An answer before may carry a `document_id`; whether `/query` knows it is not documented.)
        """
        asked, keyed = {"file_name": request.filename, "expiration": "3600"}, {"apikey": self.key}
        ticket = read_json(self.call("GET", "/get-presigned-url", params=asked, headers=keyed).content)
        address, path = ticket.get("presigned_url"), identifier(ticket.get("file_path"), "file_path")
        if not isinstance(address, str) or not address:
            raise SchemaMismatch(f"{self.title} gave no address to put the picture at. A person has to look.")
        headers = {"Content-Type": request.media_type, "x-amz-acl": "private"}
        try:
            self.hand_over(address, request.content, headers=headers)
        except AmbiguousTimeout:
            # Whether it arrived or not, nothing was submitted yet, so nothing is scanned or billed.
            raise ProviderDown(f"{self.title} gave no whole answer to the upload. Trying again.") from None
        body = {
            "key": self.key,
            "url": f"{self.cdn}/{path.lstrip('/')}",
            "document_type": "Image",
            "model": self.configured_model or "generic",
            "generate_preview": False,
            "generate_analysis_details": True,
        }
        taken = read_json(self.call("POST", "/detect", submits=True, json=body).content)
        return Accepted(provider_reference=identifier(taken.get("id")), poll_after=POLL_AFTER)

    def fetch(self, provider_reference: str) -> ScanResult | Accepted:
        """Ask by the vendor's id. Raises ProviderError, which never repeats the id; NotFound where it is unknown."""
        before = _asked_for.set((provider_reference,))
        try:
            answer = self.call("POST", "/query", json={"id": provider_reference})
            # The vendor's SDK takes both for "unknown".
            if answer.content.strip() in (b"null", b""):
                raise NotFound(f"{self.title} does not know this analysis, or not yet.")
            found = self.read(answer)
            if found.provider_reference != provider_reference:
                raise self.about_another(found.raw)
            return found
        finally:
            _asked_for.reset(before)

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """The vendor's `{error}`. It has no codes; that its text names the credits once they are spent is inferred."""
        fault = super().read_fault(body)
        return replace(fault, code="credits") if "credit" in fault.message.casefold() else fault

    def kept(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The answer without what it repeats of the picture's texts and of its file."""
        details = payload.get("result_details")
        if isinstance(details, Mapping):
            told = {name: value for name, value in details.items() if name not in PRIVATE}
            payload = {**payload, "result_details": told}
        return super().kept(payload)

    def parse(self, payload: Mapping[str, Any]) -> ScanResult | Accepted:
        """Read an analysis. Raises SchemaMismatch, or AnalysisLost where it failed."""
        reference, status = identifier(payload.get("id")), payload.get("status")
        if status in ("pending", "analyzing"):
            return Accepted(provider_reference=reference, poll_after=POLL_AFTER, raw=self.kept(payload))
        if status == "failed":
            # It gives no reason. Sending it anew counts as an attempt, so that this ends.
            raise AnalysisLost(f"{self.title} took the picture and gave up on it, without a reason. Sending it anew.")
        if status != "done":
            raise SchemaMismatch(f"{self.title}'s analysis has no status that is documented. A person has to look.")
        details, value = part(payload, "result_details"), score(payload.get("result"), "result", most=100)
        word = _plain(label := details.get("final_result"))
        verdict, warnings = self.verdict_of(word), []
        is_low = value < self.thresholds.some
        if (verdict is Verdict.LIKELY_AI and is_low) or (verdict is Verdict.LIKELY_HUMAN and not is_low):
            verdict = Verdict.UNCERTAIN
            warnings.append("label_and_score_disagree")
        # What makes a file not valid is not documented, so that such an answer clears nothing.
        if flag(details, "is_valid") is False and verdict is Verdict.LIKELY_HUMAN:
            verdict = Verdict.UNCERTAIN
            warnings.append("signals_conflict")
        return self.finished(
            payload,
            verdict,
            label=label,
            ai_score=value,
            ai_score_kind="model_score",
            model=_model(details.get("ml_model")),
            provider_reference="" if reference == MASK else reference,
            evidence=(Evidence(kind="note", key="edited", value=EDITED),) if word == EDITED else (),
            overlay=_overlay(details),
            reasons=("no_verdict",) if label is None else (),
            warnings=tuple(warnings),
        )

    def check(self) -> KeyCheck:
        """Whether the key is good, and the credits that are left. Raises AuthFailed, or ProviderError for the rest."""
        answer = self.call("GET", "/check-user-credits", headers={"apikey": self.key})
        left = amount(read_json(answer.content).get("credits"))
        return KeyCheck(sentence=f"{self.title} accepts the key.", remaining=left, unit="credits")


def _plain(label: Any) -> Any:
    """The label in small letters, its punctuation gone; anything but text as it is."""
    return " ".join(re.sub(r"[\W_]+", " ", label.casefold()).split()) if isinstance(label, str) else label


def _model(listed: Any) -> str:
    """The name in the first of the pairs; what their numbers count is not documented."""
    first = listed[0] if isinstance(listed, list) and listed else None
    return first[0] if isinstance(first, list) and first and isinstance(first[0], str) else ""


def _overlay(details: Mapping[str, Any]) -> Overlay | None:
    """The heatmap's link; without one while it is still being made. How long a link lives is not documented."""
    if url := link(details.get("heatmap_url")):
        return Overlay(url=url)
    return Overlay() if details.get("heatmap_status") == "pending" else None
