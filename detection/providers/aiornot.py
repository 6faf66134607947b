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
from detection.providers.answers import amount, identifier, items, part, read_json, score, text
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.faults import VendorFault
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.providers.sockets import Limits
from detection.results import Accepted, Evidence, Generator, KeyCheck, ScanRequest, ScanResult
from detection.vocabulary import Says, Verdict

GENERATED, DEEPFAKE = "ai_generated", "deepfake"
GENERATOR_FLOOR = 0.1
"""From which confidence on a generator is named; each that the vendor knows has one, most of them near 0."""
MAX_REGIONS = 20
WITHOUT_REPORT: Mapping[str, tuple[Verdict, str]] = {
    "rejected": (Verdict.NOT_APPLICABLE, "not_applicable"),
    "errored": (Verdict.UNKNOWN, "vendor_failed"),
}
"""What a report that is null means, by its `processing_status`: never that a person made the picture."""


class AiornotProvider(HttpProvider):
    """AI or Not. Options: `api_key`, `reports` (`ai_generated`, or `ai_generated+deepfake`: billed each), HTTP's."""

    label: ClassVar[str] = "AI or Not"
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
    limits: ClassVar[str] = (
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
        if len(ids) > 1 or str(_meta(found.raw).get("md5") or sent).lower() != sent:
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
        faces = _altered_faces(report.get(DEEPFAKE), _status(payload, DEEPFAKE))
        common: dict[str, Any] = {"provider_reference": identifier(payload.get("id")), "evidence": faces}
        if report.get(GENERATED) is None:
            status = _status(payload, GENERATED)
            if status not in WITHOUT_REPORT:
                raise SchemaMismatch("The detector gave no report and no documented reason. A person has to look.")
            verdict, reason = WITHOUT_REPORT[status]
            return self.finished(payload, verdict, reasons=(reason,), **common)
        generated = part(report, GENERATED)
        ai_score = _confidence(part(generated, "ai").get("confidence"), "confidence of ai")
        label = generated.get("verdict")
        verdict, warnings = self._weighed(self.verdict_of(label), ai_score, faces)
        return self.finished(
            payload,
            verdict,
            label=label,
            ai_score=ai_score,
            ai_score_kind="none" if ai_score is None else "model_score",
            generators=_generators(generated),
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
        is_altered = any(one.kind == "classifier" for one in faces)
        return Verdict.PARTIAL_AI if is_altered and said in (Verdict.LIKELY_HUMAN, Verdict.UNCERTAIN) else said, ()

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


def _meta(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    found = part(payload, "report").get("meta")
    return found if isinstance(found, Mapping) else {}


def _status(payload: Mapping[str, Any], report: str) -> str:
    found = _meta(payload).get("processing_status")
    return text(found, report) if isinstance(found, Mapping) else ""


def _confidence(value: Any, name: str) -> float | None:
    """0–1; None for -1, the one number below 0 that the vendor's client documents: it has none."""
    return None if value == -1 else score(value, name)


def _generators(generated: Mapping[str, Any]) -> tuple[Generator, ...]:
    given = generated.get("generator")
    found = []
    for name, value in (part(generated, "generator") if given is not None else {}).items():
        number = value.get("confidence") if isinstance(value, Mapping) else value
        sure = None if number is None else _confidence(number, "generator confidence")
        if sure is not None and sure >= GENERATOR_FLOOR:
            found.append(Generator(name=name, score=sure))
    return tuple(sorted(found, key=lambda one: (-(one.score or 0.0), one.name)))


def _altered_faces(given: Any, status: str) -> tuple[Evidence, ...]:
    """The deepfake report as evidence: that it found something and where, or that it was asked for and did not come."""
    if given is None:
        if status not in WITHOUT_REPORT:
            return ()
        return (Evidence(kind="note", key=DEEPFAKE, value=f"altered faces were not looked for: {status}"),)
    if not isinstance(given, Mapping) or not isinstance(given.get("is_detected"), bool):
        raise SchemaMismatch("The detector's deepfake report is not as it is documented. A person has to look.")
    if not given["is_detected"]:
        return ()
    sure = _confidence(given.get("confidence"), "deepfake confidence")
    said = "detected" if sure is None else f"detected, confidence {sure:g}"
    boxes = [one for one in items(given.get("rois")) if one.get("is_detected") is not False][:MAX_REGIONS]
    return (
        Evidence(kind="classifier", key=DEEPFAKE, value=said, says=Says.AI_EDITED),
        *(Evidence(kind="region", key="face", value=_place(part(one, "bbox")), says=Says.AI_EDITED) for one in boxes),
    )


def _place(box: Mapping[str, Any]) -> str:
    """A box in words. That its numbers are pixels of the picture as it was sent is inferred: they are whole."""
    sides: list[Any] = [box.get(name) for name in ("x1", "x2", "y1", "y2")]
    are_numbers = all(type(side) in (int, float) for side in sides)
    if not are_numbers or not (0 <= sides[0] < sides[1] and 0 <= sides[2] < sides[3]):
        raise SchemaMismatch("The detector's region is no box. A person has to look.")
    return "x {:g}–{:g}, y {:g}–{:g}".format(*sides)
