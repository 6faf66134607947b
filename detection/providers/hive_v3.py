"""Hive, V3: the self-serve API, where an account may send 100 pictures a day unless it was given more.

Easy to get wrong: the key is the *secret* of a key pair, not its id; a class calls its number `value`, where V2 says
`score`; and a 429 is the day's allowance, which is no matter of seconds. JSON with base64 and a form are documented
alike; the form is used, for it sends the bytes as they are, a third fewer, and the file's name carries our reference.
https://docs.thehive.ai/docs/ai-generated-and-deepfake-content-detection-playground
https://docs.thehive.ai/docs/frequently-asked-questions-faq
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from detection.errors import ProviderError, QuotaExceeded
from detection.providers.answers import identifier
from detection.providers.hive import HiveModel
from detection.providers.hive_classes import heads_of, named
from detection.providers.outbound import Answer
from detection.results import ScanRequest, ScanResult


class HiveV3Provider(HiveModel):
    """Hive, V3. Options: `api_key` (the secret key), and those of HTTP. It answers at once and never calls back."""

    label: ClassVar[str] = "Hive V3"
    max_bytes: ClassVar[int] = 15_000_000
    """Their base64 stays within 20 MB, the only limit that anybody has named; the form's own is not documented."""
    # The body says "rate limited", but what is used up is the day's allowance: asking again in seconds or minutes
    # wastes hours and gets nothing. So the detector is paused and an operator sees why; it is resumed by a person on
    # the next day, or when the vendor has raised the allowance.
    statuses: ClassVar[Mapping[int, type[ProviderError]]] = {429: QuotaExceeded}

    def send(self, request: ScanRequest) -> Answer:
        """Upload one picture; the answer comes at once."""
        files = {"media": (request.filename, request.content, request.media_type)}
        return self.call("POST", "/api/v3/hive/ai-generated-and-deepfake-content-detection", submits=True, files=files)

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        """Read an answer. Raises SchemaMismatch."""
        reference = identifier(payload.get("task_id"), "task_id")
        model = named(payload, "model", "version")
        return self.result(payload, heads_of(payload, "value"), model=model, reference=reference)
