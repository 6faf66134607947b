"""The generic detector profile: any detector that speaks the wire contract of the integration guide.

Upload to `/v1/analyze-file` or, with the option `mode="url"`, a link to `/v1/analyze`; an answer at once (200) or
later (202, then polled or called back). Its confidence is in the verdict it gives, so it is turned into an AI score by
a table; a word that the table doesn't have is `unknown`, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from detection.errors import AnalysisLost, ImageRefused, ProviderError, ProviderMisconfigured, SchemaMismatch
from detection.providers.answers import identifier, items, link, moment, read_json, redact, retry_after, share, text
from detection.providers.events import CalledBack
from detection.providers.outbound import Answer
from detection.results import EXTENSIONS, Accepted, Generator, KeyCheck, Overlay, ScanRequest, ScanResult
from detection.vocabulary import Verdict

VERDICTS: Mapping[str, Verdict] = {
    "likely_ai_generated": Verdict.LIKELY_AI,
    "likely_ai": Verdict.LIKELY_AI,
    "partly_ai_generated": Verdict.PARTIAL_AI,
    "likely_human": Verdict.LIKELY_HUMAN,
    "uncertain": Verdict.UNCERTAIN,
}
POLL_AFTER = 5.0
"""Seconds until an accepted analysis is first asked for, where the detector names no time."""


class GenericProvider(CalledBack):
    """A detector of the generic profile. Options: `base_url`, `api_key`, `mode` (upload, url), and those of HTTP."""

    label: ClassVar[str] = "AI image detector"
    media_types: ClassVar[frozenset[str]] = frozenset(EXTENSIONS) - {"image/avif"}
    verdicts: ClassVar[Mapping[str, Verdict]] = VERDICTS
    polls: ClassVar[bool] = True
    finds_by_reference: ClassVar[bool] = True
    is_idempotent: ClassVar[bool] = True
    gives_overlay: ClassVar[bool] = True

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        mode = self.given.choice("mode", "upload", ("upload", "url"))
        # The class says what the profile can do; this alias does one of the two.
        vars(self).update(takes_upload=mode == "upload", takes_url=mode == "url")

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Beside those of HTTP: `mode`."""
        return super().known_options() | {"mode"}

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        """Send one picture, or its link. Raises ProviderError; AmbiguousTimeout where it may have been taken."""
        fields = {"reference": request.reference}
        if self.calls_back and request.callback_url:
            fields["callback_url"] = request.callback_url
        headers = {"Idempotency-Key": request.idempotency_key} if request.idempotency_key else {}
        if self.takes_url:
            if not request.url:
                raise ProviderMisconfigured(f"{self.title} takes links only, and this picture was given without one.")
            body = {"image_url": request.url, **fields}
            answer = self.call("POST", "/v1/analyze", submits=True, json=body, headers=headers)
        else:
            files = {"file": (request.filename, request.content, request.media_type)}
            answer = self.call("POST", "/v1/analyze-file", submits=True, files=files, data=fields, headers=headers)
        return self._read(answer, reference=request.reference)

    def fetch(self, provider_reference: str) -> ScanResult | Accepted:
        """Ask for the state of an analysis by the detector's id. Raises ProviderError."""
        answer = self.call("GET", f"/v1/analyses/{quote(provider_reference, safe='')}")
        return self._read(answer, provider_reference=provider_reference)

    def find(self, reference: str) -> ScanResult | Accepted | None:
        """The newest analysis that carries our reference; None: there is none. Raises ProviderError."""
        answer = self.call("GET", "/v1/analyses", params={"reference": reference})
        found = read_json(answer.content).get("analyses")
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise SchemaMismatch("The detector's look-up by reference gave no list of analyses.")
        ours = [entry for entry in found if entry.get("reference") in (None, reference)]
        return self.understood(ours[0]) if ours else None

    def check(self) -> KeyCheck:
        """Ask whether the key is good. Raises AuthFailed where it isn't, ProviderError for the rest."""
        account = read_json(self.call("GET", "/v1/account").content).get("account")
        named = f" (account {self.clean(account)})" if isinstance(account, str) and account else ""
        return KeyCheck(sentence=f"{self.title} accepts the key{named}.")

    def parse(self, payload: Mapping[str, Any]) -> ScanResult | Accepted:
        """Read an analysis, or an event about one; also one that was stored earlier.

        Raises SchemaMismatch where it isn't the documented shape. For an analysis that failed, AnalysisLost where
        the detector calls that passing, ImageRefused where it doesn't, ProviderError where it doesn't say.
        """
        analysis = analysis_of(payload)
        reference, status = identifier(_id_of(analysis)), analysis.get("status")
        if status in ("queued", "processing"):
            raw = redact(analysis, secrets=self.secrets)
            return Accepted(provider_reference=reference, poll_after=POLL_AFTER, raw=raw)
        if status == "failed":
            raise self._failed(analysis, reference)
        if status != "complete":
            raise SchemaMismatch("The detector's analysis has no status that is documented.", request_id=reference)
        return self._result(analysis, reference)

    def _read(self, answer: Answer, *, reference: str = "", provider_reference: str = "") -> ScanResult | Accepted:
        payload = read_json(answer.content)
        analysis = analysis_of(payload)
        is_other = reference and analysis.get("reference") not in (None, reference)
        if is_other or (provider_reference and _id_of(analysis) != provider_reference):
            raise self.about_another(self.kept(payload))
        found = self.understood(payload)
        return (
            replace(found, poll_after=retry_after(answer.headers) or POLL_AFTER)
            if isinstance(found, Accepted)
            else found
        )

    def _result(self, analysis: Mapping[str, Any], reference: str) -> ScanResult:
        label = analysis.get("verdict")
        verdict = self.verdict_of(label)
        score, kind = _score(analysis, verdict)
        return self.finished(
            analysis,
            verdict,
            label=label,
            ai_score=score,
            ai_score_kind=kind,
            model=text(analysis, "model"),
            provider_reference=reference,
            generators=_generators(analysis.get("generators")),
            overlay=_overlay(analysis.get("overlay")),
            reasons=("no_verdict",) if label is None else (),
        )

    def _failed(self, analysis: Mapping[str, Any], reference: str) -> ProviderError:
        fault = self.read_fault(analysis)
        kinds: dict[bool | None, type[ProviderError]] = {True: AnalysisLost, False: ImageRefused, None: ProviderError}
        said = self.clean(fault.message) or "the analysis failed, without a reason"
        return kinds[fault.retryable](
            f"{self.title}: {said}", provider_code=self.clean(fault.code), request_id=self.clean(reference)
        )


def analysis_of(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The analysis in an answer or an event: under `data`, or, in the older shape, beside `type`."""
    data = payload.get("data")
    return data if isinstance(data, Mapping) else payload


def _id_of(analysis: Mapping[str, Any]) -> Any:
    return analysis.get("request_id") or analysis.get("id")


def _score(analysis: Mapping[str, Any], verdict: Verdict) -> tuple[float | None, str]:
    """The AI score, higher is more likely AI, and what kind of number it is."""
    score, confidence = (share(analysis.get(name), name) for name in ("ai_score", "confidence"))
    if score is not None:
        return score, "model_score"
    if confidence is not None and verdict is Verdict.LIKELY_AI:
        return confidence, "label_confidence"
    if confidence is not None and verdict is Verdict.LIKELY_HUMAN:
        return round(1 - confidence, 6), "label_confidence"
    return None, "none"


def _generators(listed: Any) -> tuple[Generator, ...]:
    return tuple(
        Generator(name=entry["name"], score=share(entry.get("score"), "generator score"))
        for entry in items(listed)
        if isinstance(entry.get("name"), str) and entry["name"]
    )


def _overlay(given: Any) -> Overlay | None:
    if not isinstance(given, Mapping) or not (url := link(given.get("url"))):
        return None
    width, height = (
        side if isinstance(side, int) and not isinstance(side, bool) and side > 0 else None
        for side in (given.get("width"), given.get("height"))
    )
    return Overlay(url=url, width=width, height=height, expires_at=moment(given.get("expires_at")))
