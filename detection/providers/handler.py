"""`providers["alias"]`: the configured detectors, built from `settings.DETECTION_PROVIDERS` when first asked for.

The setting is shaped like CACHES: `{alias: {"BACKEND": "dotted.path.ClassName", "OPTIONS": {…}}}`. The embedded
`provenance` detector always stands first unless `DETECTION["PROVENANCE"]` is off. Anybody above this floor may ask.

Reached as `detection.providers.providers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from detection.conf import settings as detection_settings
from detection.errors import ProviderMisconfigured
from detection.providers.base import Provider

PROVENANCE = "provenance"
_ALIAS = re.compile(r"[a-z][a-z0-9_]*")


class Providers(Mapping[str, Provider]):
    """The detectors by alias, in configured order. Each is built once a process, and anew when settings change."""

    def __init__(self) -> None:
        self._built: dict[str, Provider] = {}

    def aliases(self) -> tuple[str, ...]:
        """The configured aliases, in order. Builds none. Raises ProviderMisconfigured for a setting of wrong shape."""
        return tuple(self._configured())

    def __getitem__(self, alias: str) -> Provider:
        """The detector of this alias. Raises KeyError: not configured; ProviderMisconfigured: wrongly."""
        if alias not in self._built:
            entry = self._configured()[alias]
            self.queue_of(alias)
            self._built[alias] = _build(alias, entry)
        return self._built[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(self._configured())

    def __len__(self) -> int:
        return len(self._configured())

    def __contains__(self, alias: object) -> bool:
        return alias in self._configured()

    def queue_of(self, alias: str) -> str:
        """The named queue in which calls for this alias wait; "" is everybody's. Builds no detector.

        Raises ProviderMisconfigured for a name that is none.
        """
        entry = self._configured().get(alias)
        options = entry.get("OPTIONS") if isinstance(entry, Mapping) else None
        name = options.get("queue") or "" if isinstance(options, Mapping) else ""
        if name and not (isinstance(name, str) and _ALIAS.fullmatch(name)):
            where = f"DETECTION_PROVIDERS[{alias!r}]['OPTIONS']['queue']"
            raise ProviderMisconfigured(f"{where} is {name!r}; use small letters, digits and _, a letter first.")
        return name

    def queues(self) -> dict[str, list[str]]:
        """The named queues, each with the aliases whose calls wait in it."""
        found: dict[str, list[str]] = {}
        for alias in self._configured():
            if name := self.queue_of(alias):
                found.setdefault(name, []).append(alias)
        return found

    def reset(self) -> None:
        """Forget what was built, so that changed settings are read."""
        self._built = {}

    def _configured(self) -> dict[str, Mapping[str, Any]]:
        given = getattr(django_settings, "DETECTION_PROVIDERS", {})
        if not isinstance(given, Mapping):
            raise ProviderMisconfigured("DETECTION_PROVIDERS must be a dictionary of aliases, shaped like CACHES.")
        own = {PROVENANCE: _provenance()} if detection_settings.PROVENANCE else {}
        for alias in given:
            if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
                raise ProviderMisconfigured(
                    f"DETECTION_PROVIDERS has the alias {alias!r}; use small letters, digits and _, a letter first."
                )
        return {**own, **given}


def _provenance() -> dict[str, Any]:
    return {
        "BACKEND": "detection.providers.provenance.ProvenanceProvider",
        "OPTIONS": {
            "trust_lists": detection_settings.TRUST_LISTS,
            "max_bytes": detection_settings.MAX_BYTES,
            "max_pixels": detection_settings.MAX_PIXELS,
        },
    }


def _build(alias: str, entry: object) -> Provider:
    where = f"DETECTION_PROVIDERS[{alias!r}]"
    if not isinstance(entry, Mapping) or set(entry) - {"BACKEND", "OPTIONS"}:
        raise ProviderMisconfigured(f"{where} must be a dictionary with the keys BACKEND and OPTIONS.")
    path, options = str(entry.get("BACKEND", "")), entry.get("OPTIONS", {})
    if not isinstance(options, Mapping):
        raise ProviderMisconfigured(f"{where}['OPTIONS'] must be a dictionary.")
    try:
        found = import_string(path)
    except (ImportError, ValueError) as error:
        raise ProviderMisconfigured(f"{where}['BACKEND'] is {path!r}, which cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise ProviderMisconfigured(f"{where}['BACKEND'] is {path!r}, which is not a detection Provider.")
    return found(alias, options)


providers = Providers()


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("DETECTION_PROVIDERS", "DETECTION"):
        providers.reset()


setting_changed.connect(_forget, dispatch_uid="detection.providers")
