"""Where a request came from, counted from our own proxies: a header that anybody may send is not believed.

A person who came by a request carries the address with them (`put_on`), so that every event recorded `by` them can
note it, and no thread has to remember whose request it serves. Counting from the right of `X-Forwarded-For` is the
one safe reading of it: what stands further left was written by the client.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

_ATTRIBUTE = "detection_came_from"
_LONGEST = 2_000
"""Characters of a forwarded header that are looked at, from its end."""
_BRACKETED = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?")
_WITH_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")


def plain(text: str) -> str:
    """An address without port, brackets and zone, in its usual spelling; "" for what is none."""
    text = text.strip()
    found = _BRACKETED.fullmatch(text) or _WITH_PORT.fullmatch(text)
    try:
        return str(ipaddress.ip_address((found[1] if found else text).partition("%")[0]))
    except ValueError:
        return ""


def client(peer: str, forwarded: str, *, trusted: int) -> dict[str, str]:
    """`address`, and `peer` where that is another. `trusted`: how many proxies in front are ours.

    Fewer entries than proxies means that somebody went around one of them: then the socket's own peer is the address.
    """
    socket = plain(peer)
    hops = [hop for hop in forwarded[-_LONGEST:].split(",") if hop.strip()] if trusted else []
    address = plain(hops[-trusted]) if 0 < trusted <= len(hops) else ""
    found = {"address": address or socket}
    if address and address != socket:
        found["peer"] = socket
    return {name: value for name, value in found.items() if value}


def put_on(user: Any, where: Mapping[str, str]) -> Any:
    """Let a person carry where they came from; the person itself."""
    setattr(user, _ATTRIBUTE, dict(where))
    return user


def of(user: Any) -> dict[str, str]:
    """Where this person came from, as personal values of an event; nothing where they came by no request."""
    found = getattr(user, _ATTRIBUTE, None)
    return dict(found) if isinstance(found, dict) else {}
