"""Every page of the URL configuration as a browser gets it, but without a server: the sweep's addresses.

Who may see a page is read in `expected_routes.txt`, so a new address is printed as soon as it is written down there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from detection.models import Override
from detection.testing.images import photo_like
from newsroom import second_factor

from .sweeping import PEOPLE, House, expected, routes, undone

FIRST = ("dana", "otto", "avery", "rosa", "erin", "nobody")
"""Whoever of them may see a page shows it."""
BY_ROLE = ("newsroom:start", "admin:newsroom_story_change", "admin:detection_asset_review", "admin:index")
"""Pages that are another page for each of them."""
PROBLEMS = ("400", "403", "404", "409", "503")
FETCHED = re.compile(r'(?:src|href)="(/(?:detection/media/|renditions/|admin/jsi18n/)[^"]*)"')
CHANGES = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|\d\d:\d\d(:\d\d)?')


@dataclass(frozen=True)
class Page:
    """One page, and as whom and how it was got."""

    name: str
    status: int
    headers: dict[str, str] = field(repr=False)
    html: str = field(repr=False)


def printed(house: House, *, only: Callable[[str], bool] = lambda key: True) -> Iterator[Page]:
    """All pages; `only` chooses by the key of an address."""
    highlights(house)
    seen: set[str] = set()
    for who, method, key in _asked():
        if only(key):
            answer, _changed = house.ask(who, method, routes()[key])
            yield from _kept(answer, f"{method} {key} as {who}", seen)
    for name, get in EXTRAS.items():
        if only(name):
            with undone():
                yield from _kept(get(house), name, seen)


def pictures(house: House, pages: list[Page]) -> dict[str, tuple[str, bytes]]:
    """By address: the type and the bytes of every picture, and of the admin's own words, that these pages fetch."""
    found = {unescape(address) for page in pages for address in FETCHED.findall(page.html)}
    answers = {address: house.clients["dana"].get(address) for address in sorted(found)}
    got = {
        address: (answer["Content-Type"], b"".join(answer) if answer.streaming else answer.content)
        for address, answer in answers.items()
        if answer.status_code == 200
    }
    for answer in answers.values():
        answer.close()
    return got


def highlights(house: House) -> None:
    """Give the sweep's overlay row the picture that it names."""
    if not default_storage.exists("detection/overlays/x.png"):
        default_storage.save("detection/overlays/x.png", ContentFile(photo_like(9, size=(320, 240), format="PNG")))


def _asked() -> Iterator[tuple[str, str, str]]:
    """Who asks for what: for each address somebody who may see it, and one each of the pages for what went wrong."""
    problems: set[str] = set()
    for key in routes():
        if key.startswith("api:") and key != "api:api-root":
            continue
        for method, answers in expected()[key].items():
            told = dict(zip(PEOPLE, answers, strict=True))
            able = [who for who in FIRST if told[who] == "200"]
            for who in able if key in BY_ROLE and method == "GET" else able[:1]:
                yield who, method, key
            for who in FIRST:
                if told[who] in PROBLEMS and (told[who] not in problems or told[who] == "400"):
                    problems.add(told[who])
                    yield who, method, key
                    break


def _kept(answer: Any, name: str, seen: set[str]) -> Iterator[Page]:
    is_html = answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming
    html = answer.content.decode() if is_html else ""
    answer.close()
    body = CHANGES.sub("", html)
    if "<html" in html and body not in seen:
        seen.add(body)
        yield Page(f"{name}: {answer.status_code}", answer.status_code, dict(answer.headers), html)


def _refused(house: House) -> Any:
    """A story that is held, as its chief tries to publish it."""
    Override.objects.update(revoked_at=timezone.now())
    return house.clients["dana"].post(reverse("admin:newsroom_story_move", args=[house.things["pk"], "publish"]))


def _waiting(house: House, query: str = "", data: dict[str, Any] | None = None) -> Any:
    Override.objects.update(revoked_at=timezone.now())
    client = house.clients["dana"]
    if data is None:
        return client.get(reverse("admin:detection_queue_changelist") + query)
    return client.post(reverse("admin:detection_queue_bulk"), data)


def _place(house: House) -> str:
    found = re.search(r'name="place" value="([^"]+)"', _waiting(house).content.decode())
    return found[1] if found else ""


def _chosen(house: House) -> Any:
    return _waiting(house, data={"place": [_place(house)]})


def _recorded(house: House) -> Any:
    words = {"conclusion": "cannot_determine", "reason_code": "original_seen", "note": "Seen the original file."}
    return _waiting(house, data={"place": [_place(house)], "step": "do", **words})


def _together(house: House) -> Any:
    Override.objects.update(revoked_at=timezone.now())
    subject = {"subject": house.things["subject"]}
    return house.clients["dana"].get(reverse("admin:detection_gate_together"), subject)


def _review(house: House) -> Any:
    """The review page as the editor reaches it from a story that is held."""
    Override.objects.update(revoked_at=timezone.now())
    review = reverse("admin:detection_asset_review", args=[house.things["public_id"]])
    return house.clients["dana"].get(f"{review}?for={house.things['subject']}")


def _story(house: House) -> Any:
    Override.objects.update(revoked_at=timezone.now())
    return house.clients["erin"].get(reverse("admin:newsroom_story_change", args=[house.things["pk"]]))


def _policy(house: House) -> Any:
    address = reverse("admin:detection_policyversion_edit")
    client = house.clients["rosa"]
    page = client.get(address).content.decode()
    fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    fields.pop("activate", None)
    return client.post(address, {**fields, "level.none_found.staff": "hold"})


def _code(house: House) -> Any:
    """Whoever gave the password and owes a code."""
    TOTPDevice.objects.create(user_id=house.things["id"], confirmed=True, name="app")
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = house.clients["dana"].cookies["sessionid"].value
    session = client.session
    session[second_factor.STATE] = second_factor.OWED
    session.save()
    return client.get(reverse("second_factor:code"))


def _broken(house: House) -> Any:
    from newsroom import problems

    answer = house.clients["nobody"].get(reverse("newsroom:start"))
    request = answer.wsgi_request
    request.META["HTTP_ACCEPT"] = "text/html"
    return problems.went_wrong(request)


EXTRAS: dict[str, Callable[[House], Any]] = {
    "a story that may not go out": _refused,
    "a held story as its editor opens it": _story,
    "the evidence of a held picture": _review,
    "acknowledging together": _together,
    "the queue with something in it": _waiting,
    "the queue, narrowed": lambda house: _waiting(house, "?tier=ugc&state=live"),
    "deciding about several": _chosen,
    "several, decided": _recorded,
    "the policy, previewed": _policy,
    "the second factor's code": _code,
    "an error that nobody foresaw": _broken,
}
"""Pages that an address alone does not lead to."""
