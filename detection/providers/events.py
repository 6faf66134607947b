"""Detectors that call back: who may sign an event, which of our analyses it is about, and how it is read.

Subclassed by the adapters of such vendors; asked by `callbacks`, which knows the rows. Nothing here is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from detection import signing
from detection.conf import listed
from detection.errors import ProviderMisconfigured
from detection.providers.answers import text
from detection.providers.http import HttpProvider
from detection.providers.options import wrong
from detection.providers.outbound import Answer
from detection.results import Accepted, ScanResult
from detection.signing import Scheme, Signed


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event says that it is about: our reference, the vendor's id; "" for what it does not say."""

    reference: str = ""
    vendor_id: str = ""


class CalledBack(HttpProvider):
    """A detector that calls back. Options: `callbacks`, `webhook_secrets` (the newest first), `signing`."""

    calls_back: ClassVar[bool] = True
    signs_events: ClassVar[bool] = True
    """Whether the vendor signs. If not, each picture gets an address of its own, which nobody can guess."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        # The class says what the vendor can do; this alias does it where it is switched on.
        vars(self)["calls_back"] = self.given.switch("callbacks")
        self.scheme = Scheme(self.given.choice("signing", Scheme.STANDARD, tuple(Scheme)))
        given = self.options.get("webhook_secrets") or ()
        self.webhook_secrets = tuple(listed(given) if isinstance(given, str) else map(str, given))
        self._keys: tuple[bytes, ...] = ()
        if self.calls_back and self.signs_events:
            self._keys = tuple(map(self._key_of, self.webhook_secrets))

    def _key_of(self, secret: str) -> bytes:
        try:
            return signing.key_of(self.scheme, secret)
        except ValueError as error:
            raise wrong(self.alias, "webhook_secrets", f"holds one that {error}") from None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never stand in a message or a stored answer: the key, and what events are signed with."""
        return (*super().secrets, *self.webhook_secrets)

    @property
    def can_verify(self) -> bool:
        """Whether this process has what tells a good event from a bad one."""
        return bool(self._keys) or not self.signs_events

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: float, tolerance: float) -> Signed:
        """Whose signature is on this body. `headers`: names in small letters; `now`: seconds since 1970.

        Raises BadSignature; ProviderMisconfigured where there is no secret to try.
        """
        if not self._keys:
            raise ProviderMisconfigured(f"{self.title} has no webhook_secrets, so no event can be believed.")
        return signing.verify(self.scheme, self._keys, headers, body, now=now, tolerance=tolerance)

    def event_of(self, payload: Mapping[str, Any]) -> Subject:
        """What an event is about. This reads `reference` and `request_id` or `id`, under `data` or beside it."""
        data = payload.get("data")
        found = data if isinstance(data, Mapping) else payload
        return Subject(text(found, "reference"), text(found, "request_id") or text(found, "id"))

    def read_event(self, body: bytes) -> ScanResult | Accepted:
        """The result in an event, or that the detector is still at work. Raises ProviderError as `read` does."""
        return self.read(Answer(status=200, headers={}, content=body))
