"""Everything that somebody reads was given to the translators: pages, answers of the API, messages, the admin's names.

Asked in a language in which every translated string stands in marks. What stands outside them is data, or is named
below with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User

from newsroom.api.models import Scope
from newsroom.models import Desk, Photo, Story
from tests import pseudo

from .printing import Page, printed
from .sweeping import PEOPLE, SECRET, House, build, expected, routes

pytestmark = pytest.mark.django_db
SPOKEN = ("title", "aria-label", "placeholder", "alt", "aria-description", "aria-valuetext")
"""Attributes whose words somebody hears or sees."""
WRITTEN_BY_SCRIPTS = {"data-inline-formset", "data-prepopulated-fields"}
"""Attributes with a space in them that Django's scripts read, and nobody else."""
SILENT = {"script", "style", "code", "kbd", "pre", "samp", "textarea", "time"}
"""Code, and what people typed."""
VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path", "circle"}
NOT_OURS = {
    "admin:auth_": "Django's own pages, with the names of permissions as the database keeps them",
    "admin:django_q_": "django-q2's own lists",
    "api:api-root": "for programmers: the docstrings of the doors, which openapi.json has too",
}
RECORDS = ("analysis_change", "sent_change", "override_change", "apitoken_change", "policyversion_change")
"""Pages that show a row as it is stored: its columns have names, its codes are those of the API."""
DATA = re.compile(
    rf"{SECRET}.*|(?i:news|sports|night-launch|picture[ _]0(\.jpg)?|sweep|nrd_\w+…?|scripted(-1|\.1)?|provenance)|"
    rf"{'|'.join(PEOPLE)}|{'|'.join(name.title() for name in PEOPLE)}|[0-9a-f]{{6,}}|Seen the original file\.|JPEG|"
    rf"asset\.standing_changed|(?:(?:{'|'.join(Scope)})(?:, )?)+$"
)
"""The cast, their desks, pictures and stories, detectors' aliases, digests, codes of events and of a token's scopes."""
NAMES = {
    *("TinEye", "Google Lens", "Bing Visual Search", "Yandex Images", "Django Q"),
    *("Otherhost", "Articles", "Plates", "True", "False", "Search"),
}
"""Proper names, the models of the tests' other host, and Django's drawings for yes, no, find."""
API_CODES = re.compile(r"[\w.:/+-]+|https?://\S+|/\S*")
"""What programs read: one word, or an address."""


class Reader(HTMLParser):
    """Collects what stands outside the marks."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.outside: list[tuple[str, str]] = []
        self.stack: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            classes = (dict(attrs).get("class") or "").split()
            self.stack.append((tag, tag in SILENT or "readonly" in classes or any(one[1] for one in self.stack)))
        for name, value in attrs:
            is_data = name.startswith("data-") and " " in (value or "") and name not in WRITTEN_BY_SCRIPTS
            if value and tag != "code" and (name in SPOKEN or is_data):
                self.outside.append((f"{tag}@{name}", outside(value)))

    def handle_endtag(self, tag: str) -> None:
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1][1]:
            return
        left, self.depth = _without(data, self.depth)
        self.outside.append((self.stack[-1][0] if self.stack else "", left))


def _without(text: str, depth: int) -> tuple[str, int]:
    left = []
    for letter in text:
        depth += letter == pseudo.OPEN
        if depth == 0:
            left.append(letter)
        depth -= letter == pseudo.CLOSE
    return "".join(left), max(depth, 0)


def outside(text: str) -> str:
    """What of this text stands outside all marks."""
    return _without(text, 0)[0]


def words(text: str) -> list[str]:
    """The words of it that are nobody's data."""
    left = DATA.sub(" ", text.strip()) if text.strip() not in NAMES else ""
    return re.findall(r"[^\W\d_]{2,}[^\n]*", left)


def untranslated(page: Page) -> Iterator[str]:
    """What somebody reads on this page in another language than the rest of it."""
    reader = Reader()
    reader.feed(page.html)
    for where, text in reader.outside:
        for one in words(text):
            yield f"{where}: {one.strip()[:100]}"


@pytest.fixture
def house(story: Story, held: Photo, erin: User, dana: User, sports: Desk) -> House:
    return build(story, held, erin, dana, sports)


def test_whatever_a_page_says_is_translated(house: House) -> None:
    """L4."""
    found: dict[str, str] = {}
    with pseudo.spoken():
        for page in printed(house, only=lambda key: not key.startswith(tuple(NOT_OURS))):
            for one in untranslated(page):
                found.setdefault(one, page.name)
    assert not found, "\n".join(f"{text}  [{name}]" for text, name in sorted(found.items()))


def sentences(answer: Any) -> Iterator[str]:
    """Every value in a JSON answer that is more than one word."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        for one in answer:
            yield from sentences(one)
    elif isinstance(answer, str) and not API_CODES.fullmatch(answer):
        yield answer


def test_whatever_the_api_says_to_people_is_translated(house: House) -> None:
    found: dict[str, str] = {}
    with pseudo.spoken():
        for key, route in routes().items():
            if not key.startswith(("api:", "detection:asset_json")) or "openapi" in key or "api-root" in key:
                continue
            for method in expected()[key]:
                for who in ("nobody", "erin", "dana", "otto"):
                    answer, _changed = house.ask(who, method, route)
                    if "json" in answer.headers.get("Content-Type", ""):
                        told = json.loads(answer.content)
                        for said in sentences(told):
                            for one in words(outside(said)):
                                found.setdefault(one[:120], f"{method} {key} as {who}")
                    answer.close()
    assert not found, "\n".join(f"{text}  [{name}]" for text, name in sorted(found.items()))


def test_every_name_and_choice_in_the_admin_is_translated() -> None:
    with pseudo.spoken():
        said = []
        for name in ("detection", "newsroom"):
            for model in apps.get_app_config(name).get_models():
                if model in admin.site._registry:
                    said += [str(model._meta.verbose_name), str(model._meta.verbose_name_plural)]
                for field in model._meta.local_fields:
                    said += [str(word) for _value, word in field.flatchoices] + [str(field.help_text)]
        left = {one for one in said if words(outside(one))}
    assert not left
