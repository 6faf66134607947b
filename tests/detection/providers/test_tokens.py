"""A login for all processes: once, by one of them, and not more often than the vendor allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import caches

from detection.errors import AuthFailed, ProviderDown, ProviderError, RateLimited, StorageUnavailable
from detection.providers import tokens
from detection.providers.tokens import SharedToken, Token, seconds_of_use
from newsroom.filecache import SharedFileCache

ACCOUNT = ("https://login.example", "desk@news.example", "k-0123456789")


class Vendor:
    """Counts logins; each gives the next token, or raises what it is told to."""

    def __init__(self) -> None:
        self.logins = 0
        self.raises: ProviderError | None = None
        self.seconds = 3600.0
        self.takes = 0.0

    def log_in(self) -> Token:
        self.logins += 1
        time.sleep(self.takes)
        if self.raises:
            raise self.raises
        return Token(value=f"token-{self.logins}", seconds=self.seconds)

    def account(self, *credentials: str, wait: float = 5.0) -> SharedToken:
        return SharedToken("Vendor", credentials or ACCOUNT, self.log_in, takes=5.0, wait=wait)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    caches["default"].clear()
    yield Vendor()
    caches["default"].clear()


def test_the_token_is_kept_for_everybody_with_these_credentials(vendor: Vendor) -> None:
    assert [vendor.account().get() for _ in range(3)] == ["token-1"] * 3
    assert vendor.account("https://login.example", "other@news.example", "k").get() == "token-2"
    assert vendor.logins == 2


def test_of_many_that_find_no_token_one_logs_in_and_the_others_wait(vendor: Vendor) -> None:
    vendor.takes = 0.4
    start, got = threading.Barrier(4), []

    def ask() -> None:
        start.wait()
        got.append(vendor.account().get())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (got, vendor.logins) == (["token-1"] * 4, 1)


def test_who_waits_too_long_gives_up_for_now_and_does_not_log_in(vendor: Vendor) -> None:
    vendor.takes = 1.0
    first = threading.Thread(target=vendor.account().get)
    first.start()
    time.sleep(0.3)

    with pytest.raises(RateLimited) as caught:
        vendor.account(wait=0.1).get()

    first.join()
    assert (caught.value.retryable, caught.value.counts, caught.value.retry_after) == (True, False, 5.0)
    assert vendor.logins == 1


def test_a_process_that_died_while_logging_in_keeps_nobody_out_for_long(vendor: Vendor) -> None:
    account = vendor.account(wait=5.0)
    account._ask("add", "lock", "the dead one's", 1.0)

    assert account.get() == "token-1"


def test_a_login_that_fails_leaves_the_door_open_for_the_next(vendor: Vendor) -> None:
    vendor.raises = AuthFailed("no")
    with pytest.raises(AuthFailed):
        vendor.account().get()
    vendor.raises = None

    assert vendor.account(wait=0.0).get() == "token-2"


def test_only_the_token_that_was_refused_is_dropped(vendor: Vendor) -> None:
    account = vendor.account()
    assert account.get() == "token-1"
    account.drop("token-0")
    assert account.get() == "token-1"
    account.drop("token-1")
    assert account.get() == "token-2"


def test_there_are_ten_logins_in_a_quarter_of_an_hour_and_no_more(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = vendor.account()
    vendor.raises = ProviderDown("502")
    for _ in range(10):
        with pytest.raises(ProviderDown):
            account.get()
    with pytest.raises(RateLimited) as caught:
        account.get()
    assert vendor.logins == 10
    assert 880 < (caught.value.retry_after or 0) <= 900

    later = time.time() + 901
    monkeypatch.setattr(tokens.time, "time", lambda: later)
    vendor.raises = None
    assert account.get() == "token-11"


def test_a_refused_token_does_not_get_round_the_limit(vendor: Vendor) -> None:
    account = vendor.account()
    for _ in range(10):
        account.drop(account.get())
    with pytest.raises(RateLimited):
        account.get()
    assert vendor.logins == 10


@pytest.mark.parametrize(("asked", "waits"), [(None, 300.0), (5.0, 300.0), (900.0, 900.0)])
def test_after_too_many_logins_nobody_logs_in_for_five_minutes(
    vendor: Vendor, asked: float | None, waits: float
) -> None:
    vendor.raises = RateLimited("too many", retry_after=asked)
    with pytest.raises(RateLimited) as caught:
        vendor.account().get()
    assert caught.value.retry_after == waits

    vendor.raises = None
    with pytest.raises(RateLimited) as caught:
        vendor.account().get()
    assert waits - 10 < (caught.value.retry_after or 0) <= waits
    assert vendor.logins == 1


@pytest.mark.parametrize("value", [None, "", 7, "two words", "line\nbreak", "ü", "x" * 8193, ["t"]])
def test_what_is_no_token_is_never_sent_as_one(vendor: Vendor, value: Any) -> None:
    account = SharedToken("Vendor", ACCOUNT, lambda: Token(value=value, seconds=60.0), takes=5.0)
    with pytest.raises(ProviderDown, match="no token"):
        account.get()


def test_a_key_in_the_cache_tells_nothing_and_no_log_shows_a_token(vendor: Vendor, settings: Any) -> None:
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "test-tokens"}}
    vendor.account().get()

    held: Any = caches["default"]
    everything = repr(held._cache)
    assert "token-1" in everything
    assert not [word for word in ACCOUNT if word in everything]
    assert "token-1" not in repr(vendor.log_in()).replace("token-2", "token-1")


class Broken(SharedFileCache):
    """A cache whose disk is gone."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        raise OSError("I/O error")


def test_a_cache_that_fails_is_our_fault_and_no_attempt(vendor: Vendor, settings: Any, tmp_path: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Broken", "LOCATION": tmp_path}}
    with pytest.raises(StorageUnavailable) as caught:
        vendor.account().get()
    assert (caught.value.retryable, caught.value.counts) == (True, False)
    assert "Vendor" in str(caught.value)
    assert vendor.logins == 0


NOW = datetime(2026, 11, 3, 16, tzinfo=UTC)
HOUR = 3600.0


@pytest.mark.parametrize(
    ("issued", "expires", "seconds"),
    [
        (0.0, 48.0, 48 * HOUR - 300),
        (0.0, 12.0, 12 * HOUR - 300),
        (0.0, 96.0, 48 * HOUR - 300),
        (0.0, 0.0, 48 * HOUR - 300),
        (5.0, 4.0, 48 * HOUR - 300),
        (None, 2.0, 2 * HOUR - 300),
        (None, None, 48 * HOUR - 300),
        (-9.0, -8.0, 60.0),
    ],
)
def test_a_token_is_used_until_five_minutes_before_its_end(
    issued: float | None, expires: float | None, seconds: float
) -> None:
    at: Callable[[float | None], datetime | None] = lambda h: None if h is None else NOW + timedelta(hours=h)  # noqa: E731
    assert seconds_of_use(at(issued), at(expires), now=NOW, at_most=48 * HOUR) == seconds
