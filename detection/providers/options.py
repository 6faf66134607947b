"""Reading one detector's options: each wrong one is refused with the setting's name, before anything is sent.

Values come from `settings.DETECTION_PROVIDERS`, or from environment variables as text. Asked by `http` and adapters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from detection.conf import settings as detection_settings
from detection.errors import ProviderMisconfigured
from detection.providers.base import Thresholds

MOST_SECONDS = 100
"""Of one call: a task that takes longer than 120 is ended, whatever it is doing."""
_ON, _OFF = (True, "on", "true", "yes", "1"), (False, "off", "false", "no", "0")


def wrong(alias: str, name: str, what: str) -> ProviderMisconfigured:
    """The error that names the option and says what is wrong with it."""
    return ProviderMisconfigured(f"DETECTION_PROVIDERS[{alias!r}]['OPTIONS'][{name!r}] {what}.")


class Options:
    """One alias's options, read by kind. Every reader raises ProviderMisconfigured with the option's name."""

    def __init__(self, alias: str, given: Mapping[str, Any]) -> None:
        self.alias, self._given = alias, given

    def switch(self, name: str, *, default: bool = False) -> bool:
        """`on` or `off`, or a boolean."""
        value = self._given.get(name, default)
        if value not in (*_ON, *_OFF):
            raise wrong(self.alias, name, "must be on or off")
        return value in _ON

    def choice(self, name: str, default: str, known: tuple[str, ...]) -> str:
        """One of the known words."""
        value = self._given.get(name) or default
        if value not in known:
            raise wrong(self.alias, name, f"must be {' or '.join(known)}")
        return str(value)

    def words(self, name: str, default: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
        """Some of the known words, as a list, or as text with + between them."""
        value = self._given.get(name) or default
        found = tuple(part.strip() for part in value.split("+")) if isinstance(value, str) else tuple(value)
        if not found or not set(found) <= set(known):
            raise wrong(self.alias, name, f"must be one or more of {', '.join(known)}, with + between them")
        return found

    def seconds(self, name: str, default: float) -> float:
        """A number over 0 and up to `MOST_SECONDS`, also written as text."""
        value = self._given.get(name, default)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_SECONDS:
            raise wrong(self.alias, name, f"must be a number of seconds over 0, at most {MOST_SECONDS}")
        return float(value)

    def thresholds(self, name: str, default: Thresholds) -> Thresholds:
        """Two cuts: a mapping, or a pair."""
        if name not in self._given:
            return default
        value = self._given[name]
        try:
            some, strong = (value["some"], value["strong"]) if isinstance(value, Mapping) else value
            found = Thresholds(some=float(some), strong=float(strong))
        except (KeyError, TypeError, ValueError):
            raise wrong(self.alias, name, 'must be {"some": 0.5, "strong": 0.9}') from None
        if not 0 < found.some <= found.strong <= 1:
            raise wrong(self.alias, name, "must have 0 < some <= strong <= 1")
        return found

    def key(self, name: str, parts: tuple[str, ...]) -> tuple[str, ...]:
        """The key; a vendor whose credentials have several `parts` gets them from one text, divided by colons.

        Without one, every part is empty: whoever calls refuses that by `check_configuration`.
        """
        value = str(self._given.get(name) or "").strip()
        if not value.isascii() or not value.isprintable():
            raise wrong(self.alias, name, "has characters that no key has")
        if not value:
            return ("",) * len(parts)
        found = tuple(part.strip() for part in value.split(":", len(parts) - 1))
        if len(found) < len(parts) or not all(found):
            raise wrong(self.alias, name, f"must have {len(parts)} parts: {':'.join(parts)}")
        return found

    def address(self, name: str, default: str) -> str:
        """An https address without its last slash; http only on loopback, where that is allowed."""
        value = str(self._given.get(name) or default).rstrip("/")
        try:
            parts = urlsplit(value)
            has_extras = bool(parts.query or parts.fragment or "@" in parts.netloc or parts.port == 0)
        except ValueError:
            raise wrong(self.alias, name, "is not an address") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or has_extras:
            raise wrong(
                self.alias, name, "must look like https://api.example.com, without user name, query or fragment"
            )
        if parts.scheme == "http" and not detection_settings.ALLOW_LOOPBACK:
            raise wrong(
                self.alias, name, "must begin with https; http is for loopback with DETECTION_ALLOW_LOOPBACK=on"
            )
        return value
