"""What a detector's answer becomes: a result with what is kept of it, and a fault's words fit to be shown.

A vendor's module reads the shape; what every answer has alike is decided here, once, and first of all that nothing that
is kept, raised or shown holds a key. Subclassed by `http`; asked by the adapters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from detection.errors import SchemaMismatch
from detection.providers.answers import read_json, redact, redact_rest
from detection.providers.base import Provider
from detection.providers.faults import VendorFault
from detection.providers.outbound import Answer
from detection.results import Accepted, Evidence, Generator, ScanResult
from detection.vocabulary import Verdict

MAX_MESSAGE = 200
"""Characters of a vendor's message that are passed on."""
MAX_KEPT = 200_000
"""Characters of an answer that are kept; a longer one is kept without its lists."""
MAX_EVIDENCE, MAX_GENERATORS = 50, 20
"""Entries of one answer that are shown; a vendor's list may have any length."""


class TellingProvider(Provider):
    """A detector whose answers are JSON. Subclasses give `secrets`, a vendor its table, `parse` and `read_fault`."""

    verdicts: ClassVar[Mapping[str, Verdict]] = {}
    """The vendor's words and what they mean; one that is not here is `unknown`, and said to be new."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never stand in a message or a stored answer."""
        return ()

    def read(self, answer: Answer) -> ScanResult | Accepted:
        """A whole answer, read by the vendor's `parse`. Raises SchemaMismatch, with what was kept of it, for any
        shape that isn't the documented one; other ProviderErrors as the vendor's table says."""
        return self.understood(read_json(answer.content))

    def understood(self, payload: Mapping[str, Any]) -> ScanResult | Accepted:
        """One analysis out of an answer, or an event, read as strictly; raises the same."""
        try:
            return self.parse(payload)
        except SchemaMismatch as error:
            error.raw = self.kept(payload)
            raise
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            drift = SchemaMismatch(f"{self.title} answered in a shape that is not documented. A person has to look.")
            drift.raw = self.kept(payload)
            raise drift from error

    def finished(self, payload: Mapping[str, Any], verdict: Verdict, *, label: Any = None, **fields: Any) -> ScanResult:
        """A result with what every vendor's has: its own word, the redacted answer, and that the word is new.

        Of `evidence` and `generators` as many as are shown, in words without secrets.
        """
        is_drift = label is not None and verdict is Verdict.UNKNOWN and label not in self.verdicts
        warnings = (*fields.pop("warnings", ()), *(("schema_drift",) if is_drift else ()))
        said = "" if label is None else self.clean(str(label))
        model = self.clean(str(fields.pop("model", "")))
        fields |= self._listed(tuple(fields.pop("evidence", ())), fields.pop("generators", ()))
        raw = self.kept(payload)
        return ScanResult(verdict=verdict, raw_verdict=said, model=model, warnings=warnings, raw=raw, **fields)

    def _listed(self, evidence: tuple[Evidence, ...], generators: Iterable[Generator]) -> dict[str, Any]:
        likely = sorted(generators, key=lambda one: -1.0 if one.score is None else one.score, reverse=True)
        more = len(likely) - MAX_GENERATORS
        # Where something is left out, the entry that says so takes the last place.
        shown = evidence[: MAX_EVIDENCE - 1] if more > 0 or len(evidence) > MAX_EVIDENCE else evidence
        left = [(len(evidence) - len(shown), "entries"), (more, "generators")]
        said = " and ".join(f"{number} more {what}" for number, what in left if number > 0)
        told = [
            replace(one, key=self._plain(one.key), value=self._plain(one.value), where=self._plain(one.where))
            for one in shown
        ]
        if said:
            told.append(Evidence(kind="note", key="left_out", value=f"{said} were left out"))
        named = [replace(one, name=self._plain(one.name)) for one in likely[:MAX_GENERATORS]]
        return {"evidence": tuple(told), "generators": tuple(named)}

    def _plain(self, text: str) -> str:
        """Words that were cut when they were made of a vendor's, without what must not be shown."""
        return redact_rest(redact(text, secrets=self.secrets), secrets=self.secrets)

    def about_another(self, raw: Mapping[str, Any]) -> SchemaMismatch:
        """The error for an answer, here as it is kept, about another picture than the one that was sent."""
        error = SchemaMismatch(f"{self.title} answered about another picture than the one that was sent.")
        error.raw = raw
        return error

    def verdict_of(self, label: Any) -> Verdict:
        """The vendor's word by its table; what the table doesn't have is `unknown`, never a guess."""
        return self.verdicts.get(label, Verdict.UNKNOWN) if isinstance(label, str) else Verdict.UNKNOWN

    def kept(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What is kept of an answer: without secrets, and without its lists where it is very long."""
        raw: dict[str, Any] = redact(payload, secrets=self.secrets)
        return raw if len(json.dumps(raw)) <= MAX_KEPT else _without_lists(raw)

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """A vendor's error body. This reads `{"error": {code, message, retryable}}` and the usual flat spellings."""
        error = body.get("error")
        nested: Mapping[str, Any] = error if isinstance(error, Mapping) else {**body, "message": error or ""}
        message = nested.get("message") or body.get("message") or body.get("detail") or ""
        flag = nested.get("retryable")
        return VendorFault(
            code=str(nested.get("code") or ""),
            message=message if isinstance(message, str) else "",
            retryable=flag if isinstance(flag, bool) else None,
            request_id=str(body.get("request_id") or ""),
        )

    def clean(self, text: str) -> str:
        """A vendor's words, fit to be shown: one line, at most `MAX_MESSAGE` characters, without keys or queries."""
        words = "".join(c if c.isprintable() else " " for c in redact(text, secrets=self.secrets))
        return words if len(words) <= MAX_MESSAGE else words[: MAX_MESSAGE - 1] + "…"


def _without_lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_lists(item) for key, item in value.items()}
    return f"[a list of {len(value)}, not kept]" if isinstance(value, list) else value
