"""H01, H02: no log line holds a secret, whatever it is written in, and every handler sees to it."""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from django.utils.log import AdminEmailHandler

from detection import logs, redaction
from detection.redaction import MASK, Redaction, RedactionFilter, secrets_of

SECRET = "CANARY/9f3b+27c1=e4"
redact = Redaction([SECRET])


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        f"https://h.example/?a={SECRET}",
        json.dumps({"x": SECRET}),
        repr([SECRET]),
        f"a{SECRET}b",
    ],
)
def test_a_value_is_masked_in_each_form(form: str) -> None:
    masked = redact(f"before {form} after")
    assert "CANARY" not in masked
    assert "Q0FOQVJZ" not in masked
    assert (masked[:7], MASK in masked, masked[-5:]) == ("before ", True, "after")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("X-Api-Key: abc", f"X-Api-Key: {MASK}"),
        ("{'X-API-KEY': 'abc', 'a': 1}", f"{{'X-API-KEY': {MASK}, 'a': 1}}"),
        ('{"api_key": "a b c", "n": 2}', f'{{"api_key": {MASK}, "n": 2}}'),
        ("apikey=abc&x=1", f"apikey={MASK}&x=1"),
        ("Authorization: Bearer abc.def", f"Authorization: {MASK}"),
        ("sent Bearer abcdefghij now", f"sent Bearer {MASK} now"),
        ("access_token=abc", f"access_token={MASK}"),
        ("password: hunter2, next", f"password: {MASK}, next"),
        ("Set-Cookie: sessionid=abc", f"Set-Cookie: {MASK}"),
        ("webhook-signature: v1,abc", f"webhook-signature: {MASK},abc"),
        ("postgres://me:pw@db.example/x", f"postgres://{MASK}@db.example/x"),
        ("GET https://b.example/o?X-Amz-Signature=abc&X=1 404", f"GET https://b.example/o?{MASK} 404"),
        ("GET https://b.example/o?page=2", "GET https://b.example/o?page=2"),
        ("No token came with it.", "No token came with it."),
        ("The key is refused.", "The key is refused."),
        ("monkey: banana", "monkey: banana"),
    ],
)
def test_what_stands_behind_a_secrets_name_is_masked(said: str, kept: str) -> None:
    assert redact(said) == kept


def test_short_values_are_ordinary_words() -> None:
    assert Redaction(["sk"])("risk") == "risk"


def test_the_secrets_are_read_off_the_settings() -> None:
    settings = SimpleNamespace(
        SECRET_KEY="k" * 20,
        SECRET_KEY_FALLBACKS=["old-secret-key-1"],
        DATABASES={"default": {"NAME": "newsroom", "PASSWORD": "pass-word-1"}},
        CACHES={"default": {"LOCATION": "redis://:redis%2Fword@h/1", "KEY_PREFIX": "newsroom"}},
        DETECTION_PROVIDERS={"a": {"OPTIONS": {"api_key": "user-one:secret-two", "webhook_secrets": ["whsec_Abc123"]}}},
        AUTH_USER_MODEL="auth.User",
        AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"],
        CSRF_TOKEN_NAME="csrfmiddlewaretoken"[:15],
        METRICS_TOKEN="",
        SITE_NAME="The Example News",
    )
    assert secrets_of(settings) == {
        *("k" * 20, "old-secret-key-1", "pass-word-1", "redis%2Fword", "redis/word", "user-one:secret-two"),
        *("user-one", "secret-two", "whsec_Abc123"),
    }


@pytest.fixture
def logger() -> Iterator[Callable[..., tuple[logging.Logger, io.StringIO]]]:
    """A logger with one handler of its own, which has the filter, and what was written."""
    made = logging.getLogger("redacted")
    made.propagate = False

    def build(formatter: logging.Formatter | None = None) -> tuple[logging.Logger, io.StringIO]:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        handler.addFilter(RedactionFilter([SECRET]))
        made.addHandler(handler)
        return made, stream

    yield build
    for handler in list(made.handlers):
        made.removeHandler(handler)


def fail() -> None:
    key = SECRET
    try:
        raise ValueError(f"refused {key}")
    except ValueError as error:
        raise RuntimeError("wrapped") from error


@pytest.mark.parametrize("formatter", [None, logging.Formatter("%(message)s %(extra)s"), logs.JsonFormatter()])
def test_h02_messages_arguments_exceptions_and_extras_are_masked(logger: Any, formatter: Any) -> None:
    made, stream = logger(formatter)
    extra = {"extra": {"a": SECRET}, "api_key": "short", "number": 5}
    made.error("told %s and %r", SECRET, {"x": SECRET}, extra=extra)
    try:
        fail()
    except RuntimeError:
        made.exception("broke with %s", SECRET, extra=extra)
    written = stream.getvalue()
    assert "CANARY" not in written
    assert "short" not in written
    assert f"told {MASK}" in written
    assert "RuntimeError: wrapped" in written
    assert f"ValueError: refused {MASK}" in written


def test_h02_a_mail_to_admins_holds_no_variable_of_such_a_frame(logger: Any, settings: Any) -> None:
    mails: list[str] = []

    class Mailed(AdminEmailHandler):
        def send_mail(self, subject: str, message: str, *args: Any, **more: Any) -> None:
            mails.append(f"{subject} {message} {more.get('html_message')}")

    settings.ADMINS = [("Ops", "ops@news.example")]
    made, _stream = logger()
    mailed = Mailed(include_html=True)
    mailed.addFilter(RedactionFilter([SECRET]))
    made.addHandler(mailed)
    try:
        fail()
    except RuntimeError:
        made.exception("It broke.")
    assert "It broke." in mails[0]
    assert "CANARY" not in mails[0]


def test_a_clean_record_is_left_as_it_is(logger: Any) -> None:
    made, stream = logger()
    try:
        raise KeyError("story")
    except KeyError:
        made.exception("story %d of %s", 5, "News")
    assert stream.getvalue().startswith("story 5 of News\nTraceback")


def test_of_a_record_that_cannot_be_masked_only_its_place_is_told() -> None:
    class Odd:
        def __str__(self) -> str:
            raise ValueError(SECRET)

    try:
        raise KeyError(SECRET)
    except KeyError:
        exc_info = sys.exc_info()
    given = {"msg": "%s", "args": (Odd(),), "exc_info": exc_info, "exc_text": SECRET, "answer": SECRET}
    record = logging.makeLogRecord({**given, "filename": "asking.py", "lineno": 7})

    assert RedactionFilter([SECRET]).filter(record)

    said = "A line of asking.py:7 that could not be redacted, for ValueError; it told of: KeyError."
    assert record.getMessage() == said
    assert (record.exc_info, record.exc_text) == (None, None)
    assert SECRET not in repr(vars(record))


def test_h01_every_handler_has_it() -> None:
    extra = logging.NullHandler()
    logging.getLogger("somebody.elses").addHandler(extra)
    redaction.on_every_handler()
    redaction.on_every_handler()
    known = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = {handler for one in known for handler in getattr(one, "handlers", ())}
    assert extra in handlers
    for handler in handlers:
        assert len([one for one in handler.filters if isinstance(one, RedactionFilter)]) == 1, handler
    logging.getLogger("somebody.elses").removeHandler(extra)


def test_before_there_are_settings_names_are_masked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "django_settings", SimpleNamespace(configured=False))
    record = logging.makeLogRecord({"msg": "api_key=%s", "args": ("abc",)})
    assert RedactionFilter().filter(record)
    assert record.getMessage() == f"api_key={MASK}"


def test_the_text_of_an_exception_that_was_written_out_before_is_masked() -> None:
    record = logging.makeLogRecord({"msg": "x", "exc_text": f"ValueError: {SECRET}"})
    RedactionFilter([SECRET]).filter(record)
    assert record.exc_text == f"ValueError: {MASK}"
