"""Everything that can go wrong, drawn once; a class's bases and flags say what its catcher should do.

DetectionError
├── NotRegistered              the host forgot register_asset / register_publishable
├── AlreadyRegistered          two hooks registered one model
├── EvidenceChanged            the page was older than the evidence: show it again, record nothing
├── NotPermitted               this person may not do that here: 403, recorded
├── Refused                    a form's words are missing or too short: say which
├── Rejected                   intake refused the file: the analysis ends `rejected`, the sentence is for an editor
├── BrokerUnavailable          nobody hears a ring just now: the rows wait, the bell rings again
├── SandboxFailed              the child that opens hostile bytes died or ran over
└── ProviderError              a vendor call did not give a result; `retryable` is the whole policy
    ├── ConnectFailed          nothing was accepted yet: safe to send again
    ├── AmbiguousTimeout       sent, no answer: look up by reference before sending again
    ├── ProviderDown           5xx, reset, truncated answer
    ├── RateLimited            429: postpone everybody, it is not an attempt
    ├── QuotaExceeded          money or plan: pause the provider
    ├── AuthFailed             key refused: pause the provider
    ├── ImageRefused           this picture is not for this vendor: final for this input
    │   ├── TooLarge           too many bytes or pixels for it
    │   ├── TooSmall           too few
    │   └── UnsupportedType    not a format it takes
    ├── FetchFailed            the vendor could not fetch our link to the picture: a new link, another try
    ├── AnalysisLost           taken, and given up or forgotten by the vendor: send the picture anew
    │   └── UploadLost         begun, and its storage failed: the same, and a fault of the vendor's
    ├── SchemaMismatch         an answer that isn't the documented one: a person looks
    ├── NotFound               the vendor does not know our reference
    ├── OutboundBlocked        our own guard refused the address
    ├── RedirectReceived       the API's address points elsewhere: pause the provider
    ├── HeldBack               its turn did not come: nothing was sent, the row waits, no try at all
    │   └── PausedMeanwhile    the same, because the detector was paused between the claim and the call
    └── HouseFault             the try failed on our side, e.g. the process that opens pictures
        └── StorageUnavailable the file's storage did not answer: keep trying, it is no attempt

ProviderMisconfigured (ImproperlyConfigured)   deliberately outside: "ignore failures" must not swallow it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured


class DetectionError(Exception):
    """Something in image detection went wrong."""

    def __str__(self) -> str:
        # Not at the top: the sandbox's child needs these classes and no translations, which double its start.
        from django.utils.translation import gettext

        return super().__str__() or gettext((type(self).__doc__ or "").strip().splitlines()[0])


class NotRegistered(DetectionError):
    """This model isn't registered. Call detection.register_asset or register_publishable in detection_hooks.py."""


class AlreadyRegistered(DetectionError):
    """This model is registered already. Remove one of the two calls in your detection_hooks modules."""


class EvidenceChanged(DetectionError):
    """The evidence changed since this page was opened. Nothing was recorded. Look again, then decide."""


class NotPermitted(DetectionError):
    """You don't hold the permission for this here. A desk chief of this story's desk can do it."""


class Refused(DetectionError):
    """Something that must be filled in is missing. Nothing was recorded."""


class Rejected(DetectionError):
    """This file cannot be read. Replace it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class BrokerUnavailable(DetectionError):
    """The broker did not answer. Start it; nothing is lost, for the rows are rung again."""


class SandboxFailed(DetectionError):
    """The process that opens pictures stopped before it answered."""


class ProviderError(DetectionError):
    """A detector did not give a result.

    `retryable`: trying the same picture again later may help. `retry_after`: seconds the vendor asked for, or None.
    `error_class`: the closed word kept on the analysis. `pauses`: every further call would fail alike, so the
    provider is paused. `counts`: whether it uses up one of the analysis's attempts.
    """

    error_class: ClassVar[str] = "unknown"
    retryable: ClassVar[bool] = False
    pauses: ClassVar[bool] = False
    counts: ClassVar[bool] = True
    is_vendor_fault: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float | None = None,
        http_status: int | None = None,
        provider_code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.http_status = http_status
        self.provider_code = provider_code
        self.request_id = request_id


class ConnectFailed(ProviderError):
    """The detector could not be reached. Trying again."""

    error_class = "connect"
    retryable = True
    counts = False
    is_vendor_fault = True


class AmbiguousTimeout(ProviderError):
    """The detector took the picture and did not answer in time. Asking it before sending again."""

    error_class = "timeout"
    retryable = True
    counts = False
    is_vendor_fault = True


class ProviderDown(ProviderError):
    """The detector answered with a fault of its own. Trying again."""

    error_class = "provider_down"
    retryable = True
    counts = False
    is_vendor_fault = True


class RateLimited(ProviderError):
    """The detector asked to wait. Trying again when it said."""

    error_class = "rate_limited"
    retryable = True
    counts = False


class QuotaExceeded(ProviderError):
    """The plan at this detector is used up. An operator has to act; the detector is paused."""

    error_class = "quota"
    retryable = True
    pauses = True
    counts = False


class AuthFailed(ProviderError):
    """The detector refused our key. An operator has to act; the detector is paused."""

    error_class = "auth"
    retryable = True
    pauses = True
    counts = False


class ImageRefused(ProviderError):
    """The detector does not take this picture."""

    error_class = "bad_image"


class TooLarge(ImageRefused):
    """This picture is too large for the detector."""

    error_class = "too_large"


class TooSmall(ImageRefused):
    """This picture is too small for the detector."""

    error_class = "too_small"


class UnsupportedType(ImageRefused):
    """The detector does not take files of this format."""

    error_class = "unsupported_type"


class FetchFailed(ProviderError):
    """The detector could not fetch the picture by its link. Trying again with a new one."""

    error_class = "fetch_failed"
    retryable = True


class AnalysisLost(ProviderError):
    """The detector took the picture and gave up on it. Sending it anew."""

    error_class = "lost"
    retryable = True


class UploadLost(AnalysisLost):
    """The detector's storage did not take the picture. Sending it anew.

    Each try may be billed as one that was begun, so that it uses up an attempt, unlike other outages.
    """

    is_vendor_fault = True


class SchemaMismatch(ProviderError):
    """The detector's answer was not the documented one. A person has to look at this picture."""

    error_class = "schema"
    raw: Mapping[str, Any] | None = None
    """What was kept, redacted, of the answer that could not be read; None where it was no JSON object."""


class NotFound(ProviderError):
    """The detector does not know this analysis."""

    error_class = "not_found"
    retryable = True


class OutboundBlocked(ProviderError):
    """The address is not one this detector may be reached at. Check DETECTION_<ALIAS>_BASE_URL and _ALLOWED_HOSTS."""

    error_class = "blocked"


class RedirectReceived(ProviderError):
    """Redirect received: the detector's address points elsewhere. The key wasn't sent there; the detector is paused."""

    error_class = "redirect"
    retryable = True
    pauses = True
    counts = False


class HeldBack(ProviderError):
    """Waiting for its turn at the detector. Nothing was sent."""

    error_class = "held_back"
    retryable = True
    counts = False

    def __init__(self, message: str = "", *, until: datetime) -> None:
        super().__init__(message)
        self.until = until
        """When to look again."""


class PausedMeanwhile(HeldBack):
    """The detector was paused before the picture was sent. Nothing was sent."""

    error_class = "paused"
    pauses = True


class HouseFault(ProviderError):
    """Something on our side stopped before the picture was sent. Trying again."""

    error_class = "house"
    retryable = True


class StorageUnavailable(HouseFault):
    """The storage that holds this picture did not answer. Trying again."""

    error_class = "storage"
    counts = False


class ProviderMisconfigured(ImproperlyConfigured):
    """A detector's settings are wrong. Never retried, never swallowed: the operator has to change the setting."""


def _with_subclasses(kind: type[ProviderError]) -> Iterator[type[ProviderError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _with_subclasses(below)


ERROR_CLASSES: frozenset[str] = frozenset(kind.error_class for kind in _with_subclasses(ProviderError))
"""Every word that an analysis may keep for what went wrong."""
