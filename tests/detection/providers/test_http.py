"""What all HTTP detectors share: sessions a process, options, redaction, strict JSON and Retry-After on their own."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from detection.errors import ProviderDown, ProviderMisconfigured, QuotaExceeded, SchemaMismatch
from detection.providers.answers import MASK, amount, link, moment, read_json, redact, retry_after
from detection.providers.http import HttpProvider

KEY = "sk-live-0123456789abcdef"
TOKEN = f"{'WyI0' * 30}.{'-_0aZ' * 8}abc"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Vendor(HttpProvider):
    base_url = "https://vendor.example/api"
    hosts = (".cdn.example",)
    codes = {"no_credits": QuotaExceeded}
    statuses = {418: ProviderDown}


def vendor(**options: Any) -> Vendor:
    return Vendor("vendor", {"api_key": KEY, **options})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"api_key": "abc"}, {"api_key": MASK}),
        ({"apiKey": "abc", "APIKey": "x", "X-Api-Key": "y"}, {"apiKey": MASK, "APIKey": MASK, "X-Api-Key": MASK}),
        ({"access_token": "abc", "secret": ["a"]}, {"access_token": MASK, "secret": MASK}),
        ({"token": None, "key": ""}, {"token": None, "key": ""}),
        ({"keyframes": 3, "monkey": "x"}, {"keyframes": 3, "monkey": "x"}),
        ({"a": [{"password": "p", "score": 0.5}]}, {"a": [{"password": MASK, "score": 0.5}]}),
        ({"url": "https://u:p@h.example/a/b.png?X-Sig=1#f"}, {"url": "https://h.example/a/b.png"}),
        ({"text": "see https://h.example/a?b=c and more"}, {"text": "see https://h.example/a and more"}),
        ({"echo": f"key {KEY}!"}, {"echo": f"key {MASK}!"}),
        ({f"{KEY}": 1}, {MASK: 1}),
        ({"from": f"https://n.example/h/{TOKEN}/x.jpg"}, {"from": f"https://n.example/h/{MASK}/x.jpg"}),
        ({"jwt": f"Bearer {'e' * 20}.{TOKEN}, and more"}, {"jwt": f"Bearer {MASK}, and more"}),
        ({"sum": "a" * 64, "file": f"{'a' * 64}.jpeg"}, {"sum": "a" * 64, "file": f"{'a' * 64}.jpeg"}),
        ({"t": "a\x00b\ud800"}, {"t": "a\ufffdb\ufffd"}),
        ({"score": 0, "ok": False, "none": None}, {"score": 0, "ok": False, "none": None}),
    ],
)
def test_what_is_kept_is_redacted(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert redact(given, secrets=(KEY,)) == kept


def test_redaction_leaves_the_original_alone() -> None:
    given = {"token": "abc", "list": [{"key": "x"}]}

    redact(given)

    assert given == {"token": "abc", "list": [{"key": "x"}]}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2026-11-24T10:00:00Z", True),
        ("2026-11-24T10:00:00", False),
        ("0001-01-01T00:00:00+14:00", False),
        ("9999-12-31T23:59:59-12:00", False),
        ("1999-12-31T23:59:59Z", False),
        (1764000000, False),
    ],
)
def test_a_time_is_one_that_can_be_counted_with(given: Any, found: bool) -> None:
    assert (moment(given) is not None) is found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (0, 0.0),
        (12.5, 12.5),
        (10**12, 1e12),
        (10**12 + 1, None),
        (10**400, None),
        (-1, None),
        (True, None),
        ("3", None),
    ],
)
def test_an_amount_is_one_that_can_be_stored(given: Any, found: float | None) -> None:
    assert amount(given) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("https://maps.example/a.png?X-Sig=a%20b", True),
        ("HTTP://maps.example/a.png", True),
        ("https://maps.example/\x00", False),
        ("https://maps.example/\ud800", False),
        ("https://maps.example/ü", False),
        ("https://maps.example/a b", False),
        ("ftp://maps.example/a", False),
        ("maps.example", False),
        ("https://" + "a" * 5000, False),
        ("", False),
        (["https://maps.example/a.png"], False),
    ],
)
def test_a_link_is_an_address_that_can_be_asked_for(given: Any, found: bool) -> None:
    assert link(given) == (given if found else "")


@pytest.mark.parametrize("content", [b'{"a": 1.5, "b": [1, {"c": null}]}', b" {} ", '{"ü": "é"}'.encode()])
def test_plain_json_is_read(content: bytes) -> None:
    assert isinstance(read_json(content), dict)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>", "web page"),
        (b"\n <html>", "web page"),
        (b"{", "cannot be read"),
        (b"\xef\xbb\xbf{}", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"1" * 5000, "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"[1]", "not an object"),
        (b'"x"', "not an object"),
        (b'{"a": {"b": 1, "b": 2}}', "twice"),
        (b'{"a": NaN}', "without end"),
        (b'{"a": -Infinity}', "without end"),
        (b'{"a": 1e400}', "without end"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nested"),
    ],
)
def test_other_json_is_refused_with_the_reason(content: bytes, says: str) -> None:
    with pytest.raises(SchemaMismatch, match=says):
        read_json(content)


def test_a_date_counts_from_our_clock_where_the_answer_has_none() -> None:
    assert retry_after({"Retry-After": "Sun, 22 Nov 2026 10:02:00 GMT"}, now=NOW) == 120.0


def test_a_vendors_wrong_clock_does_not_matter() -> None:
    headers = {"Retry-After": "Tue, 01 Jan 2019 00:00:30 GMT", "Date": "Tue, 01 Jan 2019 00:00:00 GMT"}

    assert retry_after(headers, now=NOW) == 30.0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("read_timeout", 0),
        ("read_timeout", "5 s"),
        ("total_timeout", 101),
        ("total_timeout", float("inf")),
        ("connect_timeout", True),
        ("thresholds", {"some": 0.9, "strong": 0.5}),
        ("thresholds", {"some": 0.5}),
        ("thresholds", "high"),
        ("api_key", "line\nbreak"),
        ("api_key", "schlüssel"),
        ("base_url", "https://vendor.example/?a=b"),
    ],
)
def test_a_wrong_option_is_refused_with_its_setting(option: str, value: Any) -> None:
    with pytest.raises(ProviderMisconfigured, match=rf"DETECTION_PROVIDERS\['vendor'\]\['OPTIONS'\]\['{option}'\]"):
        vendor(**{option: value})


def test_a_key_loses_the_newline_of_its_file() -> None:
    assert vendor(api_key=f"{KEY}\n").key == KEY


def test_the_vendors_code_wins_over_its_status_and_its_statuses_over_ours() -> None:
    with responses.RequestsMock() as mocked:
        mocked.get("https://vendor.example/api/x", status=403, json={"error": {"code": "no_credits"}})
        with pytest.raises(QuotaExceeded):
            vendor().call("GET", "/x")
        mocked.get("https://vendor.example/api/y", status=418)
        with pytest.raises(ProviderDown):
            vendor().call("GET", "/y")


@pytest.mark.parametrize("option", [["files.example"], "files.example, other.example"])
def test_hosts_are_the_base_address_the_vendors_own_and_the_listed(option: Any) -> None:
    allowed = vendor(allowed_hosts=option)._session().guard.allowed_hosts

    assert allowed[:3] == ("vendor.example", ".cdn.example", "files.example")


def test_a_forked_process_opens_its_own_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = vendor()
    before = provider._session()
    assert provider._session() is before

    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert provider._session() is not before


def test_sessions_hold_no_credentials_and_the_one_for_links_is_another() -> None:
    provider = vendor()

    assert provider._session() is not provider._session(anonymous=True)
    assert KEY not in str(provider._session().headers)


def test_closing_lets_the_next_call_open_anew() -> None:
    provider = vendor()
    before = provider._session()

    provider.close()

    assert provider._session() is not before
