"""C11, the door: one picture for whoever holds its link, with strict headers, and not a word to anybody else."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.log import AdminEmailHandler

from detection import views
from detection.models import Asset
from detection.testing import images
from tests.conftest import Clock
from tests.detection.fetching import BASE, configured, handed_out, path_of, row_of, token_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
Upload = Callable[..., Any]
CONTENT = images.photo_like(1, size=(64, 48))
STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}


@pytest.fixture(autouse=True)
def _a_detector_that_fetches(settings: Any, configure: Callable[..., None], pixels_only: None) -> None:
    settings.DETECTION_PROVIDERS = configured()
    configure(PUBLIC_BASE_URL=BASE)


@pytest.fixture
def address(plate: Upload) -> str:
    """The path of a link that lives."""
    return path_of(handed_out(plate()))


def both(path: str) -> list[str]:
    """With and without the last slash."""
    assert path.endswith("/")
    return [path, path[:-1]]


def steady(answer: Any) -> dict[str, str]:
    """The headers without the id that each request has of its own."""
    return {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}


def test_gives_the_picture_with_its_type_and_the_strict_headers(client: Client, plate: Upload) -> None:
    """C11, C09."""
    picture = plate()
    for path in both(path_of(handed_out(picture))):
        answer = client.get(path)
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert answer["Content-Type"] == "image/jpeg"
        assert answer["Content-Length"] == str(len(CONTENT))
        assert answer["Content-Disposition"] == f'attachment; filename="{row_of(picture).public_id}.jpg"'
        assert {name: answer[name] for name in STRICT} == STRICT


def test_head_tells_the_same_without_the_picture(client: Client, address: str) -> None:
    for path in both(address):
        whole, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert steady(head) == steady(whole)


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_touches_no_session_and_writes_nothing(client: Client, address: str, erin: Any, is_signed_in: bool) -> None:
    if is_signed_in:
        client.force_login(erin)
    for path, status in ((address, 200), (address[:-1], 200), (f"{address}x", 404)):
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path)
        assert answer.status_code == status
        assert answer.cookies == {}
        assert "Vary" not in answer
        said = [one["sql"] for one in asked]
        assert [one for one in said if not one.startswith("SELECT")] == []
        assert [one for one in said if "django_session" in one or "auth_user" in one] == []


def test_stays_open_where_the_host_wants_everybody_signed_in(settings: Any, client: Client, address: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert [client.get(path).status_code for path in (*both(address), f"{address}x")] == [200, 200, 404]


def _mistyped(path: str) -> str:
    return path[:-10] + "/"


LOST: dict[str, Callable[[str], str]] = {
    "mistyped": _mistyped,
    "with more behind it": lambda path: f"{path}x.jpg",
    "with slashes behind it": lambda path: f"{path}//",
    "with a blank in it": lambda path: path.replace(".", ". "),
    "with a line break in it": lambda path: path.replace(".", ".%0A"),
    "with a NUL in it": lambda path: path.replace(".", ".%00"),
    "none": lambda path: "/detection/handed/",
    "made up": lambda path: "/detection/handed/ä.%ff/",
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_everything_else_gets_one_and_the_same_page(
    client: Client, address: str, clock: Clock, lost: Callable[[str], str]
) -> None:
    """C11: wrong, unknown, dead or withdrawn, nobody can tell one from the other."""
    wrong = client.get(lost(address))
    Asset.objects.update(kept_inside=True)
    withdrawn = client.get(address)
    Asset.objects.update(kept_inside=False)
    clock.move(minutes=15)
    dead = client.get(address)
    assert (wrong.status_code, wrong.content) == (404, b"Not found.\n")
    assert wrong["Content-Type"] == "text/plain; charset=utf-8"
    assert {name: wrong[name] for name in STRICT} == STRICT
    for other in (withdrawn, dead):
        assert (other.status_code, other.content, steady(other)) == (404, wrong.content, steady(wrong))


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
def test_nothing_but_reading(method: str, address: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(address)
    assert answer.status_code == 405


def test_a_storage_that_does_not_answer_asks_to_come_again(settings: Any, client: Client, address: str) -> None:
    shutil.rmtree(settings.MEDIA_ROOT)
    answer = client.get(address)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.content == b"Not available now. Try again.\n"
    assert {name: answer[name] for name in STRICT} == STRICT


class TestNoTokenIsLoggedOrShown:
    """C11: not even of a link that was mistyped, for somebody could mend it."""

    @pytest.fixture
    def written(self, caplog: Any) -> Any:
        caplog.set_level(logging.DEBUG)
        return caplog

    @staticmethod
    def _is_clean(written: Any, path: str) -> None:
        token = path.rstrip("/").rpartition("/")[2]
        payload, signature = token.split(".")
        for record in written.records:
            told = f"{record.getMessage()} {record.__dict__}"
            assert payload[:30] not in told, told
            assert signature[:20] not in told, told

    @pytest.mark.parametrize("lost", [*LOST.values(), lambda path: path], ids=[*LOST, "right"])
    def test_not_by_django_s_own_lines(self, client: Client, address: str, written: Any, lost: Any) -> None:
        path = lost(address)
        answer = client.get(path)
        client.post(path)
        self._is_clean(written, address)
        lines = [one.getMessage() for one in written.records if one.name == "django.request"]
        if answer.status_code == 404 and path != "/detection/handed/":
            assert lines[0] == "Not Found: /detection/handed/[token]"
            assert lines[-1].endswith("/detection/handed/[token]")

    def test_not_where_the_host_s_name_is_wrong(
        self, settings: Any, client: Client, address: str, written: Any
    ) -> None:
        settings.ALLOWED_HOSTS = ["news.example"]
        assert client.get(address, headers={"host": "another.example"}).status_code == 400
        self._is_clean(written, address)
        assert "another.example" in written.text

    def test_not_where_the_storage_fails(self, settings: Any, client: Client, address: str, written: Any) -> None:
        shutil.rmtree(settings.MEDIA_ROOT)
        assert client.get(address).status_code == 503
        self._is_clean(written, address)
        assert "Service Unavailable: /detection/handed/[token]" in written.text

    @pytest.mark.parametrize("debug", [True, False])
    def test_not_where_something_breaks_that_nobody_thought_of(
        self, settings: Any, client: Client, address: str, written: Any, logged: list[logging.LogRecord], debug: bool
    ) -> None:
        """The error page, the log and a mail with the variables of each frame."""
        settings.DEBUG = debug
        settings.DETECTION_PROVIDERS = {"first": {"BACKEND": "nowhere.Detector"}}
        mails: list[str] = []

        class Mailed(AdminEmailHandler):
            def send_mail(self, subject: str, message: str, *args: Any, **more: Any) -> None:
                mails.append(f"{subject} {message} {more['html_message']}")

        settings.ADMINS = [("Ops", "ops@news.example")]
        handler = Mailed(include_html=True)
        names = ("detection", "django.request")
        for name in names:
            logging.getLogger(name).addHandler(handler)
        try:
            answer = client.get(address)
        finally:
            for name in names:
                logging.getLogger(name).removeHandler(handler)
        assert (answer.status_code, answer.content) == (503, b"Not available now. Try again.\n")
        assert [one.getMessage() for one in logged] == ["A picture could not be handed over."]
        self._is_clean(written, address)
        payload, signature = token_of(BASE + address).split(".")
        assert any("nowhere.Detector" in mail for mail in mails)
        if not debug:  # Django hides variables from mails only where DEBUG is off
            assert [mail for mail in mails if payload in mail or signature in mail] == []

    def test_not_by_the_development_server(self, written: Any) -> None:
        logging.getLogger("django.server").warning('"%s" %s %s', "GET /detection/handed/abc.def/ HTTP/1.1", "404", "9")
        assert [one.getMessage() for one in written.records] == ['"GET /detection/handed/[token] HTTP/1.1" 404 9']

    def test_and_other_addresses_are_logged_as_ever(self, client: Client, written: Any) -> None:
        assert client.get("/detection/nowhere/").status_code == 404
        [record] = [one for one in written.records if one.name == "django.request"]
        assert record.getMessage() == "Not Found: /detection/nowhere/"
        assert record.request.path == "/detection/nowhere/"


def test_opens_no_transaction_of_its_own() -> None:
    """`ATOMIC_REQUESTS` would make each fetch a writer on SQLite, where transactions begin IMMEDIATE."""
    assert views.handed._non_atomic_requests == {"default"}  # type: ignore[attr-defined]
