"""How a variable becomes a value, and which values are refused; `settings` says which variables there are.

Whatever cannot be read is refused with the name of its variable and what to do, so that a typing error never becomes
a silent default. A secret's value stands in no message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

FALSE = frozenset({"off", "false", "no", "0"})
TRUE = frozenset({"on", "true", "yes", "1"})
MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe(64))'"
"""What to type for a new secret."""
FEW = 8
"""Different characters; a secret with fewer was typed by holding a key down."""
_EXAMPLE = re.compile(
    r"change[-_ ]?me|change[-_ ]?this|replace[-_ ]?(me|this)|django-insecure|placeholder|example"
    r"|your[-_ ]?(api|secret|key|token|password|own)|insert[-_ ]|^(x+|\*+|<.*>)$",
    re.IGNORECASE,
)


class Environment:
    """Variables by name. Every reader strips the value and takes an empty one as not given, but for secrets."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def text(self, name: str, default: str = "") -> str:
        """A plain value."""
        return self._given.get(name, "").strip() or default

    def switch(self, name: str, *, default: bool) -> bool:
        """`on` or `off`. Raises ImproperlyConfigured for any other word: a mistyped switch is no guess."""
        value = self.text(name).lower()
        if value and value not in TRUE | FALSE:
            raise ImproperlyConfigured(f"{name} is {value!r}. Set it to on or off.")
        return value in TRUE if value else default

    def number(self, name: str, default: int, *, low: int | None = None, high: int | None = None) -> int:
        """A whole number, from `low` to `high`. Raises ImproperlyConfigured for anything else."""
        value = self.text(name)
        if value and not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise ImproperlyConfigured(f"{name} is {value[:40]!r}. Set it to a whole number.")
        found = int(value) if value else default
        if (low is not None and found < low) or (high is not None and found > high):
            bounds = f"{low} or more" if high is None else f"{high} or less" if low is None else f"{low} to {high}"
            raise ImproperlyConfigured(f"{name} is {found}. Set it to a number that is {bounds}.")
        return found

    def words(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        """A list, divided by commas."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()] or list(default)

    def choice(self, name: str, default: str, known: Iterable[str], *, fold: Callable[[str], str] = str) -> str:
        """One of the `known` words, `fold`ed first. Raises ImproperlyConfigured, with the nearest, for another."""
        value, words = fold(self.text(name, default)), sorted(known)
        if value not in words:
            raise ImproperlyConfigured(f"{name} is {value!r}. {meant(value, words)}")
        return value

    def address(self, name: str, *, with_path: bool = True) -> str:
        """An http or https address without its last slash. Raises ImproperlyConfigured; it may hold a password."""
        value = self.text(name)
        try:
            parts = urlsplit(value)
            is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_one = False
        has_more = is_one and bool("@" in parts.netloc or parts.query or parts.fragment)
        has_path = is_one and not with_path and parts.path.strip("/")
        if value and (not is_one or has_more or has_path or re.search(r"\s", value)):
            without = "user name, query or fragment" if with_path else "user name, path, query or fragment"
            raise ImproperlyConfigured(f"{name} must look like https://news.example, without {without}.")
        return value.rstrip("/")

    def secret(self, name: str, default: str = "", *, at_least: int = 1, is_shared: bool = False) -> str:
        """A secret from `name`, or from the file that `name`_FILE names.

        `at_least`: characters of one that we make ourselves. `is_shared`: may hold spaces, or the words of an example,
        as an address does. Raises ImproperlyConfigured for one that is empty, too short or a known example.
        """
        path = self.text(f"{name}_FILE")
        source = f"{name}_FILE" if path else name
        if path:
            value = _read(source, path)
        elif name in self._given:
            value = self._given[name]
        else:
            return default
        if not value.strip():
            raise ImproperlyConfigured(f"{source} is empty. Give it a value, or don't set it at all.")
        if not is_shared:
            refuse_weak(source, value.strip(), at_least=at_least)
        return value.strip()

    def unknown(self, prefix: str, known: Iterable[str]) -> list[str]:
        """The variables that begin with `prefix`, have a value, and are not `known`, in order."""
        names = set(known)
        return sorted(
            name
            for name, value in self._given.items()
            if name.startswith(prefix) and value.strip() and not {name, name.removesuffix("_FILE")} & names
        )


def meant(value: str, known: Iterable[str]) -> str:
    """The sentence that says what to write instead of `value`: the nearest known word, or all where there are few."""
    words = sorted(known)
    near = get_close_matches(value, words, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    return f"Set it to one of: {', '.join(words)}." if len(words) <= 12 else "Correct its name, or don't set it."


def refuse_weak(name: str, value: str, *, at_least: int) -> None:
    """Raise ImproperlyConfigured for a secret that can be guessed; `at_least` is a number of characters."""
    if not value.isprintable():
        raise ImproperlyConfigured(f"{name} holds a line break or another control character. Set it to one line.")
    if _EXAMPLE.search(value):
        raise ImproperlyConfigured(f"{name} is an example's value. Make one of your own: {MAKE_ONE}")
    if len(value) < at_least:
        raise ImproperlyConfigured(f"{name} is too short: at least {at_least} characters are needed. Try: {MAKE_ONE}")
    if at_least > FEW and len(set(value)) < FEW:
        raise ImproperlyConfigured(f"{name} repeats a few characters. Make another: {MAKE_ONE}")


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ImproperlyConfigured(f"{name} names {path}, which cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{name} names {path}, which is not text.") from None
