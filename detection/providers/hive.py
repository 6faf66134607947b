"""Hive, V2: the task API of its enterprise projects; answers at once or, with `callbacks`, by an event.

Easy to get wrong: the header says `token`, not `Bearer`; a 200 may wrap a task that failed, whose code is text ("0" is
good); an event is not signed, so the address that it comes to must not be guessable. Our reference travels in
`metadata`, which comes back in answers and events.
https://docs.thehive.ai/reference/submit-a-task-synchronously
https://docs.thehive.ai/reference/submit-a-task-asynchronously
https://docs.thehive.ai/reference/common-errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from detection.errors import (
    AnalysisLost,
    AuthFailed,
    FetchFailed,
    ImageRefused,
    ProviderError,
    SchemaMismatch,
    UnsupportedType,
)
from detection.providers.answers import identifier, items, part, text
from detection.providers.base import FROM_DOCUMENTATION, Thresholds
from detection.providers.events import CalledBack, Subject
from detection.providers.faults import VendorFault
from detection.providers.hive_classes import Heads, heads_of, named
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer
from detection.results import Accepted, KeyCheck, ScanRequest, ScanResult
from detection.vocabulary import Verdict
from detection.vocabulary import gettext_noop as _

BAD_KEY = "bad_key"
"""Our own word for a refused key, where neither status nor code says so."""
_ABOUT_KEY = re.compile(r"\bunauthori[sz]ed\b|\b(invalid|missing|expired|wrong) (auth\w*|api)[ -](token|key)\b", re.I)
"""What a refused key is called. Inferred: 400, 401 and 403 have all been seen for one, their texts are undocumented."""


class HiveModel(HttpProvider):
    """What both versions share: how the heads are judged, the error codes, and what is not documented."""

    adapter_version: ClassVar[str] = "2"
    base_url: ClassVar[str] = "https://api.thehive.ai"
    # The vendor documents no cuts; .9 is what its integrators say it suggests.
    thresholds: ClassVar[Thresholds] = Thresholds(some=0.5, strong=0.9)
    evidence_note: ClassVar[str] = FROM_DOCUMENTATION
    limits: ClassVar[str] = _(
        "Made to tell whether a whole picture was generated: a real photograph with one generated part may show few "
        "signs, and no place is shown. Its score for altered faces is about faces only."
    )
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {
        "1000": AnalysisLost,
        **dict.fromkeys(map(str, (2000, *range(2100, 2300))), FetchFailed),
        "3100": UnsupportedType,
        **dict.fromkeys(("3200", "3300"), ImageRefused),
        # Of all other 3xxx and 4xxx, timeouts too, the vendor says that sending again is no remedy: they are final.
        **dict.fromkeys(("401", "403", BAD_KEY), AuthFailed),
    }

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """`{"return_code", "message"}`, or a task's `{"status", "error_code", "message"}` (that one is inferred)."""
        fault = super().read_fault(body)
        code = body.get("error_code") or body.get("return_code") or fault.code
        code = str(code) if isinstance(code, int | str) else ""
        if code not in self.codes and _ABOUT_KEY.search(fault.message):
            code = BAD_KEY
        return VendorFault(code=code, message=fault.message, request_id=fault.request_id)

    def check(self) -> KeyCheck:
        """Asks nobody, so it says nothing of the key: the vendor documents no call that tests one without a picture."""
        return KeyCheck(sentence="Hive documents no call that tests a key without a picture; use --image.")

    def result(self, payload: Mapping[str, Any], heads: Heads, *, model: str, reference: str) -> ScanResult:
        """The heads as a result. The vendor gives no word of its own, so this alias's cuts make the verdict.

        1. AI all over, and the source fills in parts: partly AI. 2. Not AI all over, and an altered face: partly AI.
        3. No signs, while the source is a program, or the vendor read a declaration of AI in the file: open, and said
        to conflict.
        """
        verdict = self.judged(heads.ai)
        is_conflict = verdict is Verdict.LIKELY_HUMAN and (heads.declares_ai or heads.names_a_program)
        if heads.names_inpainting if verdict is Verdict.LIKELY_AI else heads.has_altered_face:
            verdict = Verdict.PARTIAL_AI
        elif is_conflict:
            verdict = Verdict.UNCERTAIN
        return self.finished(
            payload,
            verdict,
            ai_score=heads.ai,
            ai_score_kind="model_score",
            generators=heads.generators,
            evidence=heads.evidence,
            warnings=("signals_conflict",) if is_conflict else (),
            model=model,
            provider_reference=reference,
        )


class HiveProvider(CalledBack, HiveModel):
    """Hive, V2. Options: `api_key` of the project, `callbacks` (a task, answered by an event), and those of HTTP.

    A task can't be asked for: the vendor names such a call, and documents no path. Its events are not signed.
    """

    label: ClassVar[str] = "Hive"
    signs_events: ClassVar[bool] = False

    def headers(self) -> dict[str, str]:
        """The project's key, behind the word `token`."""
        return {"Authorization": f"token {self.key}", "Accept": "application/json"}

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        """Send one picture. Raises ProviderError; SchemaMismatch also where the answer is about another one."""
        found = super().submit(request)
        if found.raw.get("metadata") not in (None, "", request.reference):
            said = "about another picture than the one that was sent"
        elif isinstance(found, Accepted) and not self._is_called_back(request):
            said = "that it will call back, which it was not asked to do"
        else:
            return found
        error = SchemaMismatch(f"{self.title} answered {said}. A person has to look.")
        error.raw = found.raw
        raise error

    def send(self, request: ScanRequest) -> Answer:
        """Upload one picture, to be answered at once; as a task where this alias and this picture are called back."""
        files = {"media": (request.filename, request.content, request.media_type)}
        fields, path = {"metadata": request.reference}, "/api/v2/task/sync"
        if self._is_called_back(request):
            fields, path = {**fields, "callback_url": request.callback_url}, "/api/v2/task/async"
        return self.call("POST", path, submits=True, data=fields, files=files)

    def parse(self, payload: Mapping[str, Any]) -> ScanResult | Accepted:
        """Read an answer, an event or an acknowledgement.

        Raises SchemaMismatch, or for a task that failed what the table has for its code; ProviderError for a new one.
        """
        if "status" not in payload and "task_id" in payload:
            return Accepted(provider_reference=identifier(payload["task_id"], "task_id"), raw=self.kept(payload))
        reference, tasks = identifier(payload.get("id")), items(payload.get("status"))
        if len(tasks) != 1:
            raise SchemaMismatch("The detector's answer is not about one task. A person has to look.")
        status = part(tasks[0], "status")
        code = identifier(status.get("code"), "code")
        if code != "0":
            said = self.clean(text(status, "message")) or "the task failed, without a reason"
            kind = self.codes.get(code, ProviderError)
            raise kind(f"{self.title}: {said}", provider_code=self.clean(code), request_id=self.clean(reference))
        response = part(tasks[0], "response")
        model = named(response.get("input"), "model", "model_version")
        return self.result(payload, heads_of(response, "score"), model=model, reference=reference)

    def event_of(self, payload: Mapping[str, Any]) -> Subject:
        """Our reference where the event echoes it (inferred), and the task's id."""
        return Subject(text(payload, "metadata"), text(payload, "id") or text(payload, "task_id"))

    def _is_called_back(self, request: ScanRequest) -> bool:
        return self.calls_back and bool(request.callback_url)
