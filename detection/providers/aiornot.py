"""AI or Not, image reports of its API v2: a word and a confidence for the whole frame, at once.

Easy to get wrong: a report that was refused or failed is null under a 200, which says nothing of the picture; -1 is the
vendor's "no number"; a generator's number stands alone on one page of the documentation and in an object on another;
and asked without `only`, it runs and bills four reports.
https://docs.aiornot.com/api-reference/reports-by-modality/image and the vendor's client, `aiornot` 0.1.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar

from detection.errors import NotFound, ProviderDown, ProviderError, SchemaMismatch
from detection.providers.aiornot_reports import (
    DEEPFAKE,
    GENERATED,
    WITHOUT_REPORT,
    altered_faces,
    confidence,
    generators_of,
    meta_of,
    status_of,
)
from detection.providers.answers import amount, flag, identifier, items, part, read_json, text
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.faults import VendorFault
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.providers.sockets import Limits
from detection.results import Accepted, Evidence, KeyCheck, ScanRequest, ScanResult
from detection.vocabulary import Verdict
from detection.vocabulary import gettext_noop as _

ASKED_FOR = "reports_asked_for"
"""Our own key in what is kept."""


class AiornotProvider(HttpProvider):
    """AI or Not. Options: `api_key`, `reports` (`ai_generated`, or `ai_generated+deepfake`: billed each), HTTP's."""

    label: ClassVar[str] = "AI or Not"
    adapter_version: ClassVar[str] = "2"
    base_url: ClassVar[str] = "https://api.aiornot.com"
    media_types: ClassVar[frozenset[str]] = HttpProvider.media_types | {"image/heic", "image/heif"}
    max_bytes: ClassVar[int] = 50_000_000
    limits_of_a_call: ClassVar[Limits] = Limits(read=60.0, total=90.0)  # its own client waits up to three minutes
    verdicts: ClassVar[Mapping[str, Verdict]] = {
        "ai": Verdict.LIKELY_AI,
        "human": Verdict.LIKELY_HUMAN,
        "unknown": Verdict.UNCERTAIN,
    }
    # The vendor's client tries again after a 409, as after 5xx.
    statuses: ClassVar[Mapping[int, type[ProviderError]]] = {409: ProviderDown}
    evidence_note: ClassVar[str] = FROM_DOCUMENTATION
    limits: ClassVar[str] = _(
        "Judges the whole frame: a real photograph with one generated part may show few signs. Altered faces are "
        "looked for only where the deepfake report is switched on. Small or recompressed files are known weak spots."
    )

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.reports = self.given.words("reports", (GENERATED,), (GENERATED, DEEPFAKE))
        if GENERATED not in self.reports:
            raise self._wrong("reports", f"must have {GENERATED}, for that report gives the verdict")
        self.options.setdefault("model", "+".join(sorted(self.reports)))  # an answer to fewer reports is another one

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Beside those of HTTP: `reports`."""
        return super().known_options() | {"reports"}

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        """Send one picture. Raises ProviderError; SchemaMismatch also where the answer is about another one."""
        found = super().submit(request)
        # That `md5` is of the bytes as they were sent is inferred from its place. What was kept can't be checked again.
        sent = hashlib.md5(request.content, usedforsecurity=False).hexdigest()
        ids = {str(found.raw.get("external_id") or request.reference), request.reference}
        if len(ids) > 1 or str(meta_of(found.raw).get("md5") or sent).lower() != sent:
            raise self.about_another(found.raw)
        return found

    def send(self, request: ScanRequest) -> Answer:
        """Upload one picture; the answer comes at once, with the reports that were asked for."""
        query = {"only": list(dict.fromkeys(self.reports)), "external_id": request.reference}
        files = {"image": (request.filename, request.content, request.media_type)}
        return self.call("POST", "/v2/image/sync", submits=True, params=query, files=files)

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """`{"detail": text}`, or a list of what was wrong with the fields of the request."""
        wrong = items(body.get("detail"))
        if not wrong:
            return super().read_fault(body)
        said = "; ".join(text(one, "msg") for one in wrong[:3])
        return VendorFault(code=text(wrong[0], "type"), message=said)

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        """Read an answer. Raises SchemaMismatch, also for a report that is missing without a documented reason."""
        report = part(payload, "report")
        is_asked = DEEPFAKE in payload.get(ASKED_FOR, self.reports)
        faces = altered_faces(report.get(DEEPFAKE), status_of(payload, DEEPFAKE), is_asked=is_asked)
        common: dict[str, Any] = {"provider_reference": identifier(payload.get("id")), "evidence": faces}
        if report.get(GENERATED) is None:
            status = status_of(payload, GENERATED)
            if status not in WITHOUT_REPORT:
                raise SchemaMismatch("The detector gave no report and no documented reason. A person has to look.")
            verdict, reason = WITHOUT_REPORT[status]
            return self.finished(payload, verdict, reasons=(reason,), **common)
        generated = part(report, GENERATED)
        label, told = generated.get("verdict"), part(generated, "ai")
        ai_score = confidence(told.get("confidence"), "confidence of ai")
        verdict, warnings = self._weighed(self.verdict_of(label), ai_score, faces)
        if flag(told, "is_detected") and verdict is Verdict.LIKELY_HUMAN:
            verdict, warnings = Verdict.UNCERTAIN, ("signals_conflict",)
        return self.finished(
            payload,
            verdict,
            label=label,
            ai_score=ai_score,
            ai_score_kind="none" if ai_score is None else "model_score",
            generators=generators_of(generated),
            reasons=("no_verdict",) if label is None else (),
            warnings=warnings,
            **common,
        )

    def _weighed(
        self, said: Verdict, ai_score: float | None, faces: tuple[Evidence, ...]
    ) -> tuple[Verdict, tuple[str, ...]]:
        """The vendor's word, weighed against its own number and its other report."""
        contrary = {Verdict.LIKELY_AI: Verdict.LIKELY_HUMAN, Verdict.LIKELY_HUMAN: Verdict.LIKELY_AI}
        if ai_score is not None and self.judged(ai_score) is contrary.get(said):
            return Verdict.UNCERTAIN, ("label_and_score_disagree",)
        if any(one.kind == "classifier" for one in faces) and said in (Verdict.LIKELY_HUMAN, Verdict.UNCERTAIN):
            return Verdict.PARTIAL_AI, ()
        # Whoever wants altered faces looked for is not told that there are no signs where nobody looked.
        was_left_out = any(one.kind == "note" for one in faces)
        return Verdict.UNCERTAIN if was_left_out and said is Verdict.LIKELY_HUMAN else said, ()

    def kept(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, with the reports that were asked for: read again later, it is held against these alone."""
        return super().kept({ASKED_FOR: list(self.reports), **payload})

    def check(self) -> KeyCheck:
        """Ask for the account's balance. Raises AuthFailed where the key is refused, ProviderError for the rest.

        The vendor's `/v1/system/live` would say only that it is up, whatever the key.
        """
        try:
            balance = read_json(self.call("GET", "/v2/billing/balance").content)
        except NotFound as error:
            # A key without a billing account is a good one, by the vendor's client; any other 404 says nothing of it.
            if "billing" not in str(error).lower():
                raise
            return KeyCheck(sentence=f"{self.title} accepts the key. It has no billing account yet.")
        # Its names are not documented: what is left is told where one of these is a number.
        told = [amount(balance.get(name)) for name in ("balance", "credits", "remaining")]
        left = next((one for one in told if one is not None), None)
        return KeyCheck(sentence=f"{self.title} accepts the key.", remaining=left)
