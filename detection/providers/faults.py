"""What went wrong, from what a vendor answered or the network did: one closed table, the same for everybody.

A vendor's own codes win over the status, its own statuses over the usual ones; what nobody knows is final and for a
person to look at. Asked by `http` only.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import NewConnectionError

from detection.errors import (
    AuthFailed,
    ImageRefused,
    NotFound,
    ProviderDown,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RedirectReceived,
    TooLarge,
    UnsupportedType,
)

STATUSES: Mapping[int, type[ProviderError]] = {
    **dict.fromkeys((400, 422), ImageRefused),
    **dict.fromkeys((401, 403), AuthFailed),
    **dict.fromkeys((408, 425), ProviderDown),
    402: QuotaExceeded,
    404: NotFound,
    413: TooLarge,
    415: UnsupportedType,
    429: RateLimited,
}
"""What a status means, whoever sends it, in answer to a call that hands a picture over; 5xx is `ProviderDown`, 3xx
`RedirectReceived`, an unknown one is final."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorFault:
    """What a vendor's error body says: its code, its message, and whether it calls the fault passing."""

    code: str = ""
    message: str = ""
    retryable: bool | None = None
    request_id: str = ""


def kind_of(status: int, *, submits: bool) -> type[ProviderError]:
    """The class of error that a status stands for; a 404 to a submission means the picture.

    Where no picture was handed over, none can have been refused: the call was wrong, and a person looks.
    """
    if status == 404 and submits:
        return ImageRefused
    if status >= 500:
        return ProviderDown
    if 300 <= status < 400:
        return RedirectReceived
    kind = STATUSES.get(status, ProviderError)
    return ProviderError if issubclass(kind, ImageRefused) and not submits else kind


def precedes_acceptance(error: BaseException) -> bool:
    """Whether the request cannot have reached the vendor, so that sending it again cannot be billed twice."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def is_untrusted_certificate(error: BaseException | None) -> bool:
    """Whether the vendor's certificate was refused: nothing was sent then."""
    while error is not None:
        reason = error.args[0] if error.args else None
        if isinstance(error, ssl.SSLCertVerificationError) or isinstance(reason, ssl.SSLCertVerificationError):
            return True
        # OpenSSL's errors have a `reason` too, which is a word.
        inner = getattr(reason, "reason", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return False
