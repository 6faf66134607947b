"""Sample bodies of the vendors: our own files, shaped as the vendor documents, each with where that is known from.

`tests/fixtures/providers/<vendor>/index.json` is a list of

    {"file": "success_ai.json", "http_status": 200, "headers": {}, "sample": "sightengine/success_ai.json",
     "evidence": "documented", "via": "submit", "options": {}, "expect": {"verdict": "likely_ai", "score": 0.93}}

`via`: `submit` (the answer to the submission, through the class's `arrange` and `ask`) or `parse` (read as it is, as
an event would be). `options`: of the provider, for this case. `expect`: what the adapter must make of it; only the
keys that are named are compared: `verdict score kind share band model id label generators warnings reasons evidence
overlay is_test`, or `accepted` (the vendor's id), or `error` (the class's word) with `retryable pauses retry_after
code`. `differs`: why the keys of our body are not those of the sample, where they cannot be; else they must be.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from detection.errors import ProviderError
from detection.results import Accepted, ScanRequest, ScanResult

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "providers"
KEY = "sk-live-0123456789abcdef"
REFERENCE = "0f8fad5b-d9cb-469f-a165-70867728950e"
CONTENT = b"\xff\xd8\xff\xe0 the bytes of a picture"


def a_request(**changes: Any) -> ScanRequest:
    """A picture for a detector; `changes` replace its fields."""
    given = {
        "reference": REFERENCE,
        "filename": f"{REFERENCE}.jpg",
        "media_type": "image/jpeg",
        "content": CONTENT,
        "width": 640,
        "height": 480,
        "idempotency_key": f"{REFERENCE}:0",
        **changes,
    }
    return ScanRequest(sha256=hashlib.sha256(given["content"]).hexdigest(), **given)


@dataclass(frozen=True)
class Sample:
    """One body, and what the adapter must make of it."""

    file: str
    body: Any
    http_status: int
    expect: dict[str, Any]
    evidence: str
    sample: str = ""
    via: str = "submit"
    headers: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    differs: str = ""

    @classmethod
    def made(cls, body: Any) -> Sample:
        """A 200 of a test's own making."""
        return cls(file="", body=body, http_status=200, expect={}, evidence="made up")


def samples_of(vendor: str) -> list[Sample]:
    """All of a vendor's; none for a class without a folder."""
    if not vendor:
        return []
    folder = FOLDER / vendor
    listed = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return [Sample(**one, body=json.loads((folder / one["file"]).read_text(encoding="utf-8"))) for one in listed]


def described(outcome: ScanResult | Accepted | ProviderError, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The outcome in the words of an index, of those keys alone that are `wanted`."""
    return {name: value for name, value in _all_of(outcome).items() if name in wanted}


def _all_of(outcome: ScanResult | Accepted | ProviderError) -> dict[str, Any]:
    if isinstance(outcome, ProviderError):
        return {
            "error": outcome.error_class,
            "retryable": outcome.retryable,
            "pauses": outcome.pauses,
            "retry_after": outcome.retry_after,
            "code": outcome.provider_code,
        }
    if isinstance(outcome, Accepted):
        return {"accepted": outcome.provider_reference}
    return {
        "verdict": outcome.verdict.value,
        "score": outcome.ai_score,
        "kind": outcome.ai_score_kind,
        "share": outcome.ai_pixel_share,
        "band": outcome.confidence_band,
        "model": outcome.model,
        "id": outcome.provider_reference,
        "label": outcome.raw_verdict,
        "generators": [one.name for one in outcome.generators],
        "warnings": list(outcome.warnings),
        "reasons": list(outcome.reasons),
        "evidence": [f"{one.kind}:{one.key}" for one in outcome.evidence],
        "overlay": outcome.overlay.kind if outcome.overlay else None,
        "is_test": outcome.is_test,
    }


def changed(body: Any, path: tuple[str | int, ...], value: Any, *, renamed: bool = False) -> Any:
    """A copy with another value at `path`; `renamed`: with the key gone, and one beside it that nobody knows."""
    made = copy.deepcopy(body)
    at = made
    for step in path[:-1]:
        at = at[step]
    if renamed:
        at["renamed_" + str(path[-1])] = at.pop(path[-1])
    else:
        at[path[-1]] = value
    return made


def damaged(body: Any) -> Iterator[Any]:
    """The body with each part in turn taken away, null, or of another type."""
    for path in _paths(body):
        without = copy.deepcopy(body)
        at = without
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        yield without
        for value in (None, [], {}, "", 7, [None], {"a": 1}):
            yield changed(body, path, value)


def _paths(body: Any, so_far: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps: Any = body if isinstance(body, dict) else range(min(len(body), 3)) if isinstance(body, list) else ()
    for step in steps:
        yield (*so_far, step)
        yield from _paths(body[step], (*so_far, step))


def raw(request: requests.PreparedRequest) -> bytes:
    """The body as bytes."""
    body = request.body
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def fields_of(request: requests.PreparedRequest) -> set[str]:
    """The names of a form's fields, or the keys of a JSON object."""
    kind, content = str(request.headers.get("Content-Type", "")), raw(request)
    if kind.startswith("application/json"):
        return set(json.loads(content))
    if kind.startswith("multipart/"):
        return {found.decode() for found in re.findall(rb'form-data; name="([^"]+)"', content)}
    return {part.partition("=")[0] for part in content.decode(errors="replace").split("&")}
