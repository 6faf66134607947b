"""A signed event to a receiver of the house's own, through the same guarded way out as every call to a detector."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from detection.errors import ProviderDown, RedirectReceived
from detection.providers.outbound import guarded_session
from detection.providers.sockets import Limits
from detection.signing import Scheme, key_of, sign

LIMITS = Limits(connect=5.0, read=10.0, total=15.0, max_bytes=64 * 1024)


def post_event(
    url: str,
    body: bytes,
    *,
    secret: str,
    event_id: str,
    now: float,
    allow_loopback: bool = False,
    ca_bundle: str = "",
) -> None:
    """Post JSON to `url`; with a secret, signed as Standard Webhooks has it (https://www.standardwebhooks.com).

    `event_id` stays the same when the same event is sent again. `now`: seconds since 1970. Raises OutboundBlocked,
    RedirectReceived, or ProviderDown for any answer that isn't a 2xx and for whatever the network did.
    """
    headers = {"Content-Type": "application/json"}
    if secret:
        key = key_of(Scheme.STANDARD, secret)
        headers |= sign(Scheme.STANDARD, key, body, event_id=event_id, now=now)
    host = urlsplit(url).hostname or ""
    host = f"[{host}]" if ":" in host else host
    with guarded_session(allowed_hosts=[host], allow_loopback=allow_loopback, ca_bundle=ca_bundle) as session:
        try:
            answer = session.call("POST", url, limits=LIMITS, data=body, headers=headers)
        except requests.RequestException as error:
            raise ProviderDown(f"The receiver could not be reached ({type(error).__name__}).") from error
    if 300 <= answer.status < 400:
        raise RedirectReceived(f"The receiver answered with a redirect ({answer.status}), which is not followed.")
    if not 200 <= answer.status < 300:
        raise ProviderDown(f"The receiver answered {answer.status}.")
