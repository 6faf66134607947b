"""No secret in a log: a filter for every handler, by the names that secrets have and by their very values.

`on_every_handler` puts it on all handlers that there are when the app is ready; a host names `RedactionFilter` in its
LOGGING for those it makes later. What a vendor's answer holds is masked before it is kept, by `providers.answers`.
"""

from __future__ import annotations

import base64
import logging
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings as django_settings

from detection import counting

MASK = "[redacted]"
SHORTEST = 8
"""Characters of a value that is masked wherever it stands; shorter ones are ordinary words too."""
_NAME = re.compile(r"API|AUTH|TOKEN|KEY|SECRET|PASS|SIGNATURE|CREDENTIAL", re.IGNORECASE)
"""Names of settings and options whose values are secrets, as Django's own error pages have it."""
_NO_SECRET = re.compile(r"[a-z_][a-z0-9_]*(?:\.[A-Za-z_]\w*)+|[A-Z_]{,30}|[a-z_]{,15}")
"""Dotted paths, and names of headers, cookies and fields, which stand in settings of such names too."""
_NAMED = re.compile(
    r"""(?ix)
    (?P<before>["']? \b (?: [\w.-]* (?: api[-_]?key | authorization | secret | passw(?:or)?d | signature | cookie
        | [-_]token | credential s? ) [\w-]* | token | [-_\w]+ _key ) ["']? \s* (?: = | : ) \s*)
    (?P<value> (?: bearer | basic | token ) \s+ [^\s"',;}\])]+ | "[^"]*" | '[^']*' | [^\s"',;&}\])]+ )
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_USER_OF_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@\"'<>?#]+@")
_SIGNED_QUERY = re.compile(
    r"(?i)(https?://[^\s\"'<>?#]+)\?[^\s\"'<>#]*(?:signature|sig|token|credential|key|expires)=[^\s\"'<>]*"
)
_USUAL = frozenset(vars(logging.makeLogRecord({})))


class Redaction:
    """What is masked: these values, in each form that they may be written in, and what follows a secret's name."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """The text without them; the same text where there was nothing to mask."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        text = _SIGNED_QUERY.sub(rf"\1?{MASK}", text)
        text = _USER_OF_URL.sub(rf"\1{MASK}@", text)
        text = _NAMED.sub(lambda found: found["before"] + MASK, text)
        return _BEARER.sub(rf"\1 {MASK}", text)


def _forms(secret: str) -> Iterator[str]:
    """As it is, as a URL and as JSON has it, and in base64 alone or behind a user's name."""
    yield secret
    yield quote(secret, safe="")
    yield secret.encode("unicode_escape").decode()
    for coded in (base64.b64encode(secret.encode()), base64.urlsafe_b64encode(secret.encode())):
        yield coded.decode().rstrip("=")


def secrets_of(settings: Any) -> set[str]:
    """Every value in Django's settings whose name says that it is a secret, and the passwords in addresses."""
    found: set[str] = set()
    for name in dir(settings):
        if name.isupper() and name not in ("PASSWORD_HASHERS", "AUTHENTICATION_BACKENDS"):
            found.update(_in(name, getattr(settings, name)))
    return {one for one in found if len(one) >= SHORTEST}


def _in(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _in(str(key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _in(name, inner)
    elif isinstance(value, str) and value:
        if "://" in value and "@" in value and (password := urlsplit(value).password):
            yield from (password, unquote(password))
        elif _NAME.search(name) and not _NO_SECRET.fullmatch(value):
            # A key with parts may be told part by part.
            yield from (value, *value.split(":"))


class RedactionFilter(logging.Filter):
    """Masks each record in what it says, in its exception and in its extra values. Drops nothing."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._more = tuple(secrets)
        self._redaction: Redaction | None = None

    @property
    def redaction(self) -> Redaction:
        """Made at the first record: while LOGGING is read, the settings are not there yet."""
        if not django_settings.configured:
            return Redaction(self._more)
        if self._redaction is None:
            self._redaction = Redaction({*self._more, *secrets_of(django_settings)})
        return self._redaction

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record where it holds a secret; True."""
        try:
            if self._mask(record, self.redaction):
                counting.add("newsroom_redactions_total")
        except Exception as error:
            # Rather a line that says little than one that says too much, or a request that fails for its log.
            told = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "nothing raised"
            record.msg = "A line of %s:%s that could not be redacted, for %s; it told of: %s."
            record.args = (record.filename, record.lineno, type(error).__name__, told)
            record.exc_info = record.exc_text = None
            for name in vars(record).keys() - _USUAL:
                delattr(record, name)
        return True

    @staticmethod
    def _mask(record: logging.LogRecord, redact: Redaction) -> bool:
        """Whether there was anything to mask."""
        was_masked = False
        said = record.getMessage()
        if (masked := redact(said)) != said:
            record.msg, record.args, was_masked = masked, (), True
        if record.exc_info and record.exc_info[1] is not None:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            if (masked := redact(told)) != told:
                # Without the exception itself nobody can write out its text, or the variables of its frames.
                record.exc_text, record.exc_info, was_masked = masked, None, True
        elif record.exc_text and (masked := redact(record.exc_text)) != record.exc_text:
            record.exc_text, was_masked = masked, True
        for name, value in vars(record).items():
            if name not in _USUAL and name != "request" and not isinstance(value, int | float | None):
                told = value if isinstance(value, str) else repr(value)
                if (masked := redact(told)) != told or (_NAME.search(name) and isinstance(value, str) and value):
                    setattr(record, name, masked if masked != told else MASK)
                    was_masked = True
        return was_masked


def on_every_handler() -> None:
    """Put the filter on each handler of each logger that there is; twice does no harm. Called when the app is ready."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    shared = RedactionFilter()
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if not any(isinstance(one, RedactionFilter) for one in handler.filters):
                handler.addFilter(shared)
