"""A detector that says what it is told: for tests of a host's own pages, and for demonstrations without a vendor.

    scripted = detection.providers.providers["scripted"]
    scripted.will_return(verdict="likely_ai", ai_score=0.93)
    scripted.will_fail(RateLimited(retry_after=5))
    scripted.will_accept("job-1", then=[ScanResult(verdict=Verdict.UNCERTAIN)])

Answers are used in the order they were queued; after them the default. Each alias has its own queue, and a changed
setting (`override_settings`) starts a clean one. Configured as
`{"BACKEND": "detection.providers.scripted.ScriptedProvider", "OPTIONS": {"default": {"verdict": "uncertain"}}}`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from detection.errors import NotFound, ProviderError, ProviderMisconfigured
from detection.providers.base import Provider, Thresholds
from detection.results import Accepted, KeyCheck, Overlay, ScanRequest, ScanResult
from detection.vocabulary import Basis, Verdict
from detection.vocabulary import gettext_noop as _

Answer = ScanResult | Accepted | ProviderError
MODEL = "scripted-1"


@dataclass(slots=True)
class _Taken:
    """An analysis that was accepted: what it will say, one after another; the last one stays."""

    reference: str
    ours: str
    then: deque[ScanResult | ProviderError]


class ScriptedProvider(Provider):
    """Plays a detector. OPTIONS: `default` (keywords of `will_return`), `embedded`, `pixels`, `finds`, `thresholds`.

    `embedded`: runs here and sends nothing. `pixels` (on by default): judges pixels, else declarations.
    `finds` (on by default): can look an analysis up by our reference. Nothing it says is about the picture.
    """

    label: ClassVar[str] = _("Scripted detector")
    looks_at: ClassVar[str] = _("nothing; it says what it is told")
    limits: ClassVar[str] = _("It does not look at the picture. Never use it for real decisions.")
    media_types: ClassVar[frozenset[str]] = frozenset(
        {"image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "image/avif"}
    )
    gives_overlay: ClassVar[bool] = True
    polls: ClassVar[bool] = True
    is_idempotent: ClassVar[bool] = True
    finds_by_reference: ClassVar[bool] = True

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.calls: list[ScanRequest] = []
        """Every request that was submitted, in order."""
        self._queue: deque[tuple[Answer, tuple[ScanResult | ProviderError, ...]]] = deque()
        self._taken: list[_Taken] = []
        try:
            self._default = _result(**self.options.get("default", {"verdict": Verdict.UNCERTAIN}))
            cuts = self.options.get("thresholds")
            own = {"thresholds": Thresholds(**cuts)} if cuts else {}
        except (TypeError, ValueError) as error:
            raise ProviderMisconfigured(f"DETECTION_PROVIDERS[{alias!r}]['OPTIONS'] is wrong: {error}.") from error
        vars(self).update(
            own,
            is_embedded=bool(self.options.get("embedded", False)),
            basis=Basis.PIXELS if self.options.get("pixels", True) else Basis.DECLARATION,
            finds_by_reference=bool(self.options.get("finds", True)),
        )

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Beside the usual: what to answer by default and which kind of detector to play."""
        return super().known_options() | {"default", "embedded", "pixels", "finds", "thresholds"}

    def will_return(self, verdict: Verdict | str = Verdict.UNCERTAIN, **result: Any) -> ScriptedProvider:
        """Queue an answer. `result`: fields of ScanResult; `overlay` may be bytes. Raises ValueError, TypeError."""
        self._queue.append((_result(verdict=verdict, **result), ()))
        return self

    def will_fail(self, error: ProviderError) -> ScriptedProvider:
        """Queue a failure: `submit` raises this error."""
        self._queue.append((error, ()))
        return self

    def will_accept(self, reference: str, then: Iterable[ScanResult | ProviderError] = ()) -> ScriptedProvider:
        """Queue an acceptance under the vendor id `reference`; each `fetch` gives the next of `then`, the last stays.

        With an empty `then` the analysis never ends.
        """
        self._queue.append((Accepted(provider_reference=reference, poll_after=0.0), tuple(then)))
        return self

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        """The next queued answer, else the default. Raises the queued ProviderError."""
        self.calls.append(request)
        answer, then = self._queue.popleft() if self._queue else (self._default, ())
        if isinstance(answer, ProviderError):
            raise answer
        if isinstance(answer, Accepted):
            self._taken.append(_Taken(answer.provider_reference, request.reference, deque(then)))
            return answer
        answer = replace(
            answer,
            basis=self.basis,
            model=answer.model or self.configured_model or MODEL,
            provider_reference=answer.provider_reference or f"{self.alias}-{len(self.calls)}",
        )
        self._taken.append(_Taken(answer.provider_reference, request.reference, deque([answer])))
        return answer

    def fetch(self, provider_reference: str) -> ScanResult | Accepted:
        """What an accepted analysis says now. Raises NotFound, or the scripted error."""
        for taken in self._taken:
            if taken.reference == provider_reference:
                return self._now(taken)
        raise NotFound(f"{self.title} knows no analysis {provider_reference!r}.")

    def find(self, reference: str) -> ScanResult | Accepted | None:
        """The newest analysis submitted under our reference."""
        for taken in reversed(self._taken):
            if taken.ours == reference:
                return self._now(taken)
        return None

    def check(self) -> KeyCheck:
        """Always good."""
        return KeyCheck(sentence=f"{self.title} answers what it is told.")

    def _now(self, taken: _Taken) -> ScanResult | Accepted:
        if not taken.then:
            return Accepted(provider_reference=taken.reference, poll_after=0.0)
        said = taken.then.popleft() if len(taken.then) > 1 else taken.then[0]
        if isinstance(said, ProviderError):
            raise said
        return replace(
            said,
            basis=self.basis,
            model=said.model or MODEL,
            provider_reference=said.provider_reference or taken.reference,
        )


def _result(
    *, verdict: Verdict | str = Verdict.UNCERTAIN, overlay: bytes | Overlay | None = None, **rest: Any
) -> ScanResult:
    unknown = set(rest) - {field.name for field in fields(ScanResult)}
    if unknown:
        raise TypeError(f"a result has no {', '.join(sorted(unknown))}")
    if rest.get("ai_score") is not None:
        rest.setdefault("ai_score_kind", "model_score")
    painted = Overlay(content=overlay) if isinstance(overlay, bytes) else overlay
    return ScanResult(
        verdict=Verdict(verdict), raw_verdict=rest.pop("raw_verdict", str(verdict)), overlay=painted, **rest
    )
