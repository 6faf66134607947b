"""Every setting in one typed place: name, default, meaning. Read from `settings.DETECTION` at the moment of use.

An unknown key is refused, so that a typing error can't switch a protection off unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from detection.vocabulary import SourceTier


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


def _address(value: Any) -> bool:
    try:
        parts = urlsplit(value)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    has_more = "@" in parts.netloc or bool(parts.query or parts.fragment)
    return not value or (is_one and not has_more and not re.search(r"\s", value))


_YEAR = 31_536_000
_A_YEAR = f"1 to {_YEAR}, the seconds of a year"


_DAYS = "0, or 1 to 3650"


def _days(value: Any) -> bool:
    return bool(0 <= value <= 3650)


def _seconds(value: Any) -> bool:
    return bool(0 < value <= _YEAR)


def listed(value: str) -> list[str]:
    """The words of a comma list, in order and without blanks."""
    return [word.strip() for word in value.split(",") if word.strip()]


_TIERS = [tier.value for tier in SourceTier]

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
    "RETRY_BASE": Setting(2, int, "Seconds of the first back-off, before jitter.", _seconds, _A_YEAR),
    "RETRY_CAP": Setting(900, int, "Longest back-off in seconds, before jitter.", _seconds, _A_YEAR),
    "SCAN_DEADLINE": Setting(86_400, int, "Seconds after which a scan gives up on a vendor.", _seconds, _A_YEAR),
    "CALLBACK_DEADLINE": Setting(600, int, "Seconds an accepted scan waits before it is polled.", _seconds, _A_YEAR),
    "WEBHOOK_TOLERANCE": Setting(
        300,
        int,
        "Seconds by which an event's signed moment may be off.",
        lambda value: 30 <= value <= 600,
        "30 to 600",
    ),
    "WEBHOOK_BODIES": Setting(30 * 86_400, int, "Seconds the bodies of events are kept.", _seconds, _A_YEAR),
    "LEASE": Setting(
        30,
        int,
        "Seconds a claim outlives its worker; a worker that lives renews it.",
        lambda value: 3 <= value <= 3600,
        "3 to 3600",
    ),
    "SWEEP": Setting(60, int, "Seconds between two full sweeps.", _positive, "over 0"),
    "WATCHDOG": Setting(
        20,
        int,
        "Seconds that work may wait while no task runs, before the cluster is renewed.",
        lambda value: 5 <= value <= 3600,
        "5 to 3600",
    ),
    "SEND_TIERS": Setting(
        "",
        str,
        "Source tiers, as a comma list, whose pictures are sent to detectors; empty: all.",
        lambda value: set(listed(value)) <= set(_TIERS),
        f"a comma list of {', '.join(_TIERS)}",
    ),
    "SEND_DESKS": Setting("", str, "Desks, as a comma list, whose pictures are sent to detectors; empty: all."),
    "PAUSED": Setting(
        "",
        str,
        "Detectors that are not asked while this stands: `*` for all, or a comma list of aliases.",
        lambda value: not value or re.fullmatch(r"\*|[a-z][a-z0-9_]*( *, *[a-z][a-z0-9_]*)*", value) is not None,
        "* for all detectors, or a comma list of aliases",
    ),
    "SEND_METADATA": Setting(
        "stripped",
        str,
        "`stripped`: detectors get pictures without place, time, device and names; or `original`: files as they are.",
        lambda value: value in ("stripped", "original"),
        "stripped or original",
    ),
    "PUBLIC_BASE_URL": Setting(
        "",
        str,
        "How detectors that fetch pictures reach this site; begins with https.",
        _address,
        "an address such as https://news.example, without user name, query or fragment",
    ),
    "TRUSTED_PROXIES": Setting(
        0,
        int,
        "How many proxies in front are ours; 0: forwarded addresses are not believed.",
        lambda value: 0 <= value <= 16,
        "0 to 16",
    ),
    "SAMPLE": Setting(
        0,
        int,
        "Of a hundred pictures without signs, how many a person judges before seeing what the detector said.",
        lambda value: 0 <= value <= 100,
        "0 to 100",
    ),
    "READER_LANGUAGE": Setting(
        "",
        str,
        "Language in which a label for readers is offered, such as `de` or `pt-br`; empty: the site's LANGUAGE_CODE.",
        lambda value: bool(re.fullmatch(r"([a-z]{2,3}(-[a-z0-9]{2,8})*)?", value)),
        "a language code in small letters, such as de or pt-br",
    ),
    "KEEP_HISTORY": Setting(
        0,
        int,
        "Days after which events are removed from the history; 0: never. Their seals stay.",
        lambda value: value == 0 or value >= 30,
        "0, or 30 days or more",
    ),
    "KEEP_ANSWERS": Setting(30, int, "Days for which raw answers of detectors are kept; 0: for ever.", _days, _DAYS),
    "KEEP_OVERLAYS": Setting(180, int, "Days for which overlays are kept; 0: for ever.", _days, _DAYS),
    "ALLOW_LOOPBACK": Setting(
        False, bool, "Detectors on loopback over http and any port. `check --deploy` refuses it."
    ),
}


_PEM = "-----BEGIN CERTIFICATE-----"


def contradictions(
    configured: Mapping[str, Any], *, called: Callable[[str], str] = "DETECTION['{}']".format, reads_files: bool = True
) -> Iterator[str]:
    """Sentences about values that are right each by itself and senseless together, or that name nothing.

    `called`: how a key's name is written for whoever has to change it. `reads_files`: look whether what the paths
    name is there. A value of the wrong type is for `Settings` to refuse.
    """
    values = {name: configured.get(name, setting.default) for name, setting in SETTINGS.items()}
    for shorter, longer, slack in (("RETRY_BASE", "RETRY_CAP", 0), ("CALLBACK_DEADLINE", "SCAN_DEADLINE", -1)):
        if values[shorter] > values[longer] + slack:
            said = f"{called(shorter)} is {values[shorter]} seconds, {called(longer)} only {values[longer]}"
            yield f"{said}. Make the first one smaller."
    folder, bundle = values["TRUST_LISTS"], values["CA_BUNDLE"]
    if not reads_files:
        return
    if folder and not Path(folder).is_dir():
        yield f"{called('TRUST_LISTS')} names {folder}, which is not a folder. Name one that holds *.pem files."
    elif folder and not _holds_certificate(Path(folder).glob("*.pem")):
        yield f"{called('TRUST_LISTS')} names {folder}, where no *.pem file holds a certificate. Put the anchors there."
    if bundle and not _holds_certificate([Path(bundle)]):
        yield f"{called('CA_BUNDLE')} names {bundle}, which is no PEM file of certificates. Correct the path."


def _holds_certificate(files: Iterable[Path]) -> bool:
    for file in files:
        try:
            if _PEM in file.read_text(encoding="utf-8", errors="replace"):
                return True
        except OSError:
            continue
    return False


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
