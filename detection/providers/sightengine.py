"""Sightengine, model `genai`: one number for the whole frame, at once.

Easy to get wrong: the credentials are form fields, never a header and never a part of the address (the vendor's GET
examples put the secret into the query, where every proxy logs it); a body that says "failure" is an error under any
HTTP status; and wrong credentials come as an `argument_error` with code 1, not as a `credentials_error`.
https://sightengine.com/docs/ai-generated-image-detection
https://sightengine.com/docs/api-error-codes-and-responses
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from detection.errors import AuthFailed, ImageRefused, ProviderDown, ProviderError, QuotaExceeded, SchemaMismatch
from detection.providers.answers import identifier, part, read_json, score, text
from detection.providers.base import FROM_DOCUMENTATION, Thresholds
from detection.providers.faults import VendorFault
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.results import Generator, ScanRequest, ScanResult
from detection.vocabulary import gettext_noop as _

GENERATOR_FLOOR = 0.1
"""From which share on a generator is named: the vendor gives a number to each that it knows, most of them near 0."""


class SightengineProvider(HttpProvider):
    """Sightengine. Options: `api_key` as `user:secret`, and those of HTTP."""

    label: ClassVar[str] = "Sightengine"
    base_url: ClassVar[str] = "https://api.sightengine.com"
    key_parts: ClassVar[tuple[str, ...]] = ("api_user", "api_secret")
    # The vendor gives neither a label nor a cut; these are ours.
    thresholds: ClassVar[Thresholds] = Thresholds(some=0.5, strong=0.9)
    evidence_note: ClassVar[str] = FROM_DOCUMENTATION
    limits: ClassVar[str] = _(
        "Judges the whole frame with one number: a real photograph with one generated part may show few signs. "
        "Screenshots and small or recompressed files are known weak spots."
    )
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {
        "argument_error:1": AuthFailed,
        "credentials_error": AuthFailed,
        "media_error": ImageRefused,
        "plan_error": QuotaExceeded,
        "usage_limit": QuotaExceeded,
        "api_error": ProviderDown,
        "unknown_error": ProviderDown,
        # About how it was asked, not about the picture: the next one would fail alike, so a person looks.
        "argument_error": ProviderError,
        "request_error": ProviderError,
        "callback_error": ProviderError,
    }

    def headers(self) -> dict[str, str]:
        """No key: it goes into the form."""
        return {"Accept": "application/json"}

    def send(self, request: ScanRequest) -> Answer:
        """Upload one picture; the answer comes at once, and its body says whether it is one."""
        user, secret = self.credentials
        fields = {"models": "genai", "api_user": user, "api_secret": secret}
        files = {"media": (request.filename, request.content, request.media_type)}
        answer = self.call("POST", "/1.0/check.json", submits=True, data=fields, files=files)
        if read_json(answer.content).get("status") == "failure":
            raise self.error_for(answer, submits=True)
        return answer

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """The vendor's `{"request": {id}, "error": {type, code, message}}`; a code is a type, or `type:number`."""
        error = found if isinstance(found := body.get("error"), Mapping) else {}
        request = found if isinstance(found := body.get("request"), Mapping) else {}
        kind, number, message = text(error, "type"), error.get("code"), text(error, "message")
        exact = f"{kind}:{number}"
        # The number is what the vendor's support asks for.
        said = f"{message} ({exact})" if kind and isinstance(number, int) else message
        code = exact if exact in self.codes else kind
        return VendorFault(code=code, message=said, request_id=text(request, "id"))

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        """Read an answer. Raises SchemaMismatch, also for an animation, whose numbers stand elsewhere, one a frame."""
        if payload.get("status") != "success":
            raise SchemaMismatch(f"{self.title} answered without saying that it succeeded. A person has to look.")
        found = part(payload, "type")
        probability = score(found.get("ai_generated"), "ai_generated")
        return self.finished(
            payload,
            self.judged(probability),
            ai_score=probability,
            # Called a probability by the vendor, who says nothing of a calibration.
            ai_score_kind="model_score",
            provider_reference=identifier(part(payload, "request").get("id"), "request id"),
            generators=_generators(found.get("ai_generators")),
        )


def _generators(given: Any) -> tuple[Generator, ...]:
    """The likeliest first. Seen in a third party's client, not in the vendor's documentation: optional and open."""
    if not isinstance(given, Mapping):
        return ()
    found = [Generator(name=str(name), score=score(value, "ai_generators")) for name, value in given.items()]
    likely = [one for one in found if one.score is not None and one.score >= GENERATOR_FLOOR]
    return tuple(sorted(likely, key=lambda one: -(one.score or 0)))
