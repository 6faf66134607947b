"""A language that nobody speaks: every translated string in marks, with accents, and about a third longer.

What a screen shows outside the marks was never given to the translators. It needs no catalogue: the five functions to
which all of Django's translation leads are replaced, so a sentence that is composed too early, or kept in the
language of whoever came first, shows as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.utils import translation

OPEN, CLOSE = "⟦", "⟧"
LETTERS = str.maketrans("aceinouyACEINOUY", "áçéíñóúýÁÇÉÍÑÓÚÝ")
KEPT = re.compile(r"(%\(\w+\)[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]|%%|%[sdrf]|\{\w*\}|<[^>]+>|&\w+;)")
"""What code or HTML looks for in a string."""


def strange(message: str) -> str:
    """The message in that language: vowels are said twice."""
    if not message:
        return message
    parts = KEPT.split(str(message))
    words = "".join(part if at % 2 else _drawn_out(part) for at, part in enumerate(parts))
    return f"{OPEN}{words}{CLOSE}"


def _drawn_out(part: str) -> str:
    return re.sub(r"([aeiouAEIOU])", r"\1\1", part).translate(LETTERS)


@contextmanager
def spoken(language: str = "en") -> Iterator[None]:
    """While inside, everybody speaks it. `language`: whose formats and direction of writing hold, as "ar"."""
    functions = {
        "gettext": strange,
        "ngettext": lambda one, many, number: strange(one if number == 1 else many),
        "pgettext": lambda context, message: strange(message),
        "npgettext": lambda context, one, many, number: strange(one if number == 1 else many),
    }
    with pytest.MonkeyPatch.context() as patch, translation.override(language):
        for name, function in functions.items():
            patch.setattr(translation._trans, name, function)
        yield
