"""What each detector can take and do, as a table on its page: `python docs/detectors/flags.py` writes all of them anew.

The table stands between two comments in `docs/detectors/<adapter>.md` and is read off the adapter's class, so that it
cannot say anything else than the code does. `tests/test_detector_pages.py` fails where it does. Asked by nobody else.
"""

from __future__ import annotations

import importlib
import pkgutil
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from detection import providers
from detection.providers.base import Provider
from detection.providers.http import HttpProvider
from detection.vocabulary import Basis

FOLDER = Path(__file__).resolve().parent
BEGIN = "<!-- flags: begin, written by docs/detectors/flags.py -->"
END = "<!-- flags: end -->"
OWN_ADDRESS = "https://your-own.example"
"""Stands for `base_url` where the vendor has no address of its own."""


def adapters() -> dict[str, type[Provider]]:
    """The detectors' classes by the name of their module: `foo_bar` holds `FooBarProvider`, with a label of its own."""
    found = {}
    for module in pkgutil.iter_modules(providers.__path__):
        name = "".join(part.capitalize() for part in module.name.split("_")) + "Provider"
        made = getattr(importlib.import_module(f"{providers.__name__}.{module.name}"), name, None)
        if isinstance(made, type) and issubclass(made, Provider) and "label" in vars(made):
            found[module.name] = made
    return found


def block(name: str, kind: type[Provider]) -> str:
    """The marked block of one page."""
    rows = "\n".join(f"| {flag} | {value} |" for flag, value in flags(name, kind))
    return f"{BEGIN}\n\n| flag | value |\n| --- | --- |\n{rows}\n\n{END}"


def renewed(page: str, new: str) -> str:
    """The page with another block in the place of its own. Raises ValueError where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The page needs the two lines {BEGIN} and {END}.")
    return before + new + after


def flags(name: str, kind: type[Provider]) -> Iterator[tuple[str, str]]:
    """Each flag in words, in the order of the table."""
    yield "media types", ", ".join(sorted(one.partition("/")[2].upper() for one in kind.media_types))
    yield "most bytes", f"{_number(kind.max_bytes)} ({kind.max_bytes / 1e6:.1f} MB)"
    yield "least bytes", _number(kind.min_bytes)
    yield "most pixels", _number(kind.max_pixels)
    yield "longest side, pixels", _number(kind.max_side)
    yield "shortest side, pixels", _number(kind.min_side)
    yield "upload", _said(kind.takes_upload)
    yield "link", _said(kind.takes_url)
    yield "calls back", _said(kind.calls_back)
    yield "polls", _said(kind.polls)
    yield "overlay", _said(kind.gives_overlay)
    yield "renews overlay", _said(kind.renews_overlay)
    yield "its id opens the result", _said(kind.reference_is_secret)
    yield "finds by our reference", _said(kind.finds_by_reference)
    yield "idempotent", _said(kind.is_idempotent)
    yield "shares a login", _said(kind.shares_login)
    yield "looks at", "pixels" if kind.basis is Basis.PIXELS else "declarations"
    yield "usual rate", f"`{kind.usual_rate}`" if kind.usual_rate else "none of ours"
    cuts = f"some from {kind.thresholds.some:g}, strong from {kind.thresholds.strong:g}"
    yield "thresholds", cuts if kind.basis is Basis.PIXELS else "none: it gives no score"
    is_http = issubclass(kind, HttpProvider)
    yield "needs a key", _said(is_http and kind.needs_key)
    yield "key parts", f"`{':'.join(kind.key_parts)}`" if is_http else "none"
    yield "hosts", ", ".join(f"`{host}`" for host in _hosts(name, kind)) or "none: it runs here"
    yield "adapter version", f"`{kind.adapter_version}`"


def _hosts(name: str, kind: type[Provider]) -> list[str]:
    """Every host it speaks to where no setting names another; some are known only once a detector is made."""
    if not issubclass(kind, HttpProvider):
        return []
    made = kind(name, {} if kind.base_url.startswith("https:") else {"base_url": OWN_ADDRESS})
    return [urlsplit(kind.base_url).netloc or "base_url", *made.hosts]


def _said(flag: bool) -> str:
    return "yes" if flag else "no"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def main() -> None:
    """Write every page's block anew, and name the adapters that have no page."""
    if not settings.configured:
        settings.configure(SECRET_KEY=secrets.token_hex(32))  # nothing is signed, but a login wants to be able to
    for name, kind in adapters().items():
        path = FOLDER / f"{name}.md"
        if path.is_file():
            page = path.read_text(encoding="utf-8")
            path.write_text(renewed(page, block(name, kind)), encoding="utf-8")
        else:
            sys.stdout.write(f"{name} has no page: write {path.relative_to(FOLDER.parent.parent)}.\n")


if __name__ == "__main__":
    main()
