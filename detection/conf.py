"""Every setting in one typed place: name, default, meaning. Read from `settings.DETECTION` at the moment of use.

An unknown key is refused, so that a typing error can't switch a protection off unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of `settings.DETECTION`."""

    default: Any
    kind: type
    meaning: str
    accepts: Callable[[Any], bool] = lambda value: True
    expected: str = ""


def _positive(value: Any) -> bool:
    return bool(value > 0)


SETTINGS: dict[str, Setting] = {
    "MODE": Setting(
        "enforce",
        str,
        "`enforce`, or `shadow`: computes, shows and records everything, refuses nothing.",
        lambda value: value in ("enforce", "shadow"),
        "enforce or shadow",
    ),
    "PROVENANCE": Setting(True, bool, "Whether the embedded `provenance` provider reads what each file declares."),
    "TRUST_LISTS": Setting("", str, "Folder of PEM trust anchors for C2PA signers; empty: signers are not checked."),
    "CA_BUNDLE": Setting("", str, "PEM file of certificate authorities for outbound TLS; empty: the packaged one."),
    "MAX_BYTES": Setting(60 * 1024 * 1024, int, "Largest file that is read, in bytes.", _positive, "over 0"),
    "MAX_PIXELS": Setting(50_000_000, int, "Largest picture whose pixels are decoded.", _positive, "over 0"),
    "MAX_ATTEMPTS": Setting(6, int, "Crashes and refusals after which an analysis gives up.", _positive, "over 0"),
    "RETRY_BASE": Setting(2, int, "Seconds of the first back-off, before jitter.", _positive, "over 0"),
    "RETRY_CAP": Setting(900, int, "Longest back-off in seconds, before jitter.", _positive, "over 0"),
    "SCAN_DEADLINE": Setting(86_400, int, "Seconds after which a scan gives up on a vendor.", _positive, "over 0"),
    "CALLBACK_DEADLINE": Setting(600, int, "Seconds an accepted scan waits before it is polled.", _positive, "over 0"),
    "LEASE": Setting(300, int, "Seconds a worker's claim lasts; longer than the task timeout.", _positive, "over 0"),
    "SWEEP": Setting(60, int, "Seconds between two full sweeps.", _positive, "over 0"),
    "WATCHDOG": Setting(20, int, "Seconds a rung row may wait unclaimed before the cluster is renewed.", _positive, ""),
    "ALLOW_LOOPBACK": Setting(
        False, bool, "Detectors on loopback over http and any port. `check --deploy` refuses it."
    ),
}


class Settings:
    """`conf.settings.NAME`: the configured value, or the default. Raises ImproperlyConfigured with the key's name."""

    def __getattr__(self, name: str) -> Any:
        if name not in SETTINGS:
            raise AttributeError(f"There is no detection setting called {name}.")
        configured: dict[str, Any] = getattr(django_settings, "DETECTION", {})
        unknown = sorted(set(configured) - set(SETTINGS))
        if unknown:
            raise ImproperlyConfigured(
                f"DETECTION has unknown keys: {', '.join(unknown)}. Known: {', '.join(sorted(SETTINGS))}."
            )
        setting = SETTINGS[name]
        value = configured.get(name, setting.default)
        if not isinstance(value, setting.kind) or (isinstance(value, bool) and setting.kind is int):
            raise ImproperlyConfigured(f"DETECTION['{name}'] is {value!r}; it must be {setting.kind.__name__}.")
        if not setting.accepts(value):
            raise ImproperlyConfigured(f"DETECTION['{name}'] is {value!r}; it must be {setting.expected}.")
        return value


settings = Settings()
