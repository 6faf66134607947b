"""One login for all processes: its token is kept in Django's default cache, and one of them at a time logs in.

Decides when a login is made, and when it may not be; the adapter says how. For vendors that limit logins, and block an
account that makes more. Subclassed by their adapters; `checks` warns where the cache is not shared.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.cache import caches
from django.utils.crypto import salted_hmac

from detection.errors import (
    AuthFailed,
    ImageRefused,
    NotFound,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
    SchemaMismatch,
    StorageUnavailable,
)
from detection.providers.answers import read_json
from detection.providers.http import HttpProvider
from detection.providers.outbound import Answer

LOGINS, WINDOW = 10, 900.0
"""So many logins in so many seconds, of all processes together; the vendor that limits them blocks at twelve."""
BLOCKED = 300.0
"""Seconds for which nobody logs in, after the vendor said that there were too many."""
WAIT = 10.0
"""Seconds that a process waits for another's login."""
LONGEST_LOGIN = 30.0
"""Seconds of one login, where a call may take longer: who dies in it keeps the others out for little more."""
LEAST = 60.0
"""Seconds for which a token is kept at least: clocks differ, and one that is over earns a 401 and a new login."""
_LOOK_EVERY = 0.1
_TOKEN = re.compile(r"[!-~]{1,8192}")
_random = random.SystemRandom()


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What a login gave: the text as it was sent, which no log shows, and for how many seconds it is used."""

    value: Any = field(repr=False)
    seconds: float


class SharedToken:
    """The token of one account.

    `credentials`: what tells this account from others; only a keyed hash of them is a key in the cache. `login` asks
    the vendor, within `takes` seconds. `wait`: seconds that others wait for it.
    """

    def __init__(
        self, title: str, credentials: tuple[str, ...], login: Callable[[], Token], *, takes: float, wait: float = WAIT
    ) -> None:
        self._title, self._login, self._wait = title, login, wait
        self._holds = takes + 15.0
        hashed = salted_hmac("detection.login", "\0".join(credentials), algorithm="sha256").hexdigest()
        self._prefix = f"detection:login:{hashed}:"

    def get(self) -> str:
        """The token that all processes use; the first that finds none logs in, the others wait for it.

        Raises RateLimited where nobody may log in now or the other took too long, StorageUnavailable where the cache
        fails, and whatever `login` raises.
        """
        give_up_at = time.monotonic() + self._wait
        while True:
            if token := self._ask("get", "token"):
                return str(token)
            self._refuse_if_blocked()
            mine = uuid.uuid4().hex
            if self._ask("add", "lock", mine, self._holds):
                try:
                    return self._renewed()
                finally:
                    self._let_go(mine)
            if time.monotonic() >= give_up_at:
                raise RateLimited(f"Another process is logging in at {self._title}. Trying again.", retry_after=5.0)
            time.sleep(_LOOK_EVERY * _random.uniform(0.5, 1.5))

    def drop(self, token: str) -> None:
        """The vendor refuses this token. A newer one, which another process got meanwhile, stays."""
        if self._ask("get", "token") == token:
            self._ask("delete", "token")

    def _renewed(self) -> str:
        if token := self._ask("get", "token"):
            return str(token)  # another process was done just before we took the lock
        self._refuse_if_blocked()
        self._count()
        try:
            made = self._login()
        except RateLimited as error:
            error.retry_after = max(BLOCKED, error.retry_after or 0.0)
            self._ask("set", "blocked", time.time() + error.retry_after, error.retry_after)
            raise
        if not isinstance(made.value, str) or not _TOKEN.fullmatch(made.value):
            raise ProviderDown(f"{self._title} let us log in and gave no token. Trying again.")
        self._ask("set", "token", made.value, made.seconds)
        return made.value

    def _refuse_if_blocked(self) -> None:
        until = self._ask("get", "blocked")
        if until:
            said = f"{self._title} allows no login for some minutes. Trying again after that."
            raise RateLimited(said, retry_after=max(1.0, until - time.time()))

    def _count(self) -> None:
        """Note a login before it is made. Called under the lock. Raises RateLimited where it would be one too many."""
        now = time.time()
        made = [at for at in self._ask("get", "logins") or () if now - WINDOW < at <= now]
        if len(made) >= LOGINS:
            said = f"There were {LOGINS} logins at {self._title} within {WINDOW / 60:.0f} minutes. Trying again later."
            raise RateLimited(said, retry_after=made[0] + WINDOW - now)
        self._ask("set", "logins", [*made, now], WINDOW)

    def _let_go(self, mine: str) -> None:
        """Open the lock, unless it ran out and is another's now. Where the cache fails, it opens by itself."""
        with suppress(StorageUnavailable):
            if self._ask("get", "lock") == mine:
                self._ask("delete", "lock")

    def _ask(self, verb: str, name: str, *values: Any) -> Any:
        try:
            return getattr(caches["default"], verb)(self._prefix + name, *values)
        except Exception as error:
            said = f"The cache that holds the login at {self._title} failed ({type(error).__name__}). Trying again."
            raise StorageUnavailable(said) from None


def seconds_of_use(
    issued: datetime | None, expires: datetime | None, *, now: datetime, at_most: float, margin: float = 300.0
) -> float:
    """For how long a token is used: until `margin` seconds before its end, which is at most `at_most` seconds away.

    An end that is not after the beginning is not believed.
    """
    left = at_most
    if expires is not None and (issued is None or expires > issued):
        left = min(left, (expires - now).total_seconds())
    return max(LEAST, left - margin)


class LoginProvider(HttpProvider):
    """A detector whose calls carry a token from a login, which may lie at another host. Subclasses give `log_in`."""

    shares_login: ClassVar[bool] = True
    login_base: ClassVar[str] = ""
    """The address of the login, used where the option `login_url` is not set."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.login_root = self.given.address("login_url", self.login_base)
        parts = urlsplit(self.login_root)
        vars(self)["hosts"] = (*self.hosts, parts.netloc.removesuffix(f":{parts.port}"))
        self._seen: tuple[str, ...] = ()
        self.login_bounds = replace(self.bounds, total=min(self.bounds.total, LONGEST_LOGIN))
        # Two tries at most, of which the first ends at the connection.
        takes = self.bounds.connect + self.login_bounds.total
        self._token = SharedToken(self.title, (self.login_root, *self.credentials), self.log_in, takes=takes)

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Beside those of HTTP: `login_url`."""
        return super().known_options() | {"login_url"}

    def log_in(self) -> Token:
        """The vendor's verb: one login, by `call_login`. Must be overridden. Raises ProviderError."""
        raise ProviderMisconfigured(f"{type(self).__name__} does not define log_in().")

    def headers(self) -> dict[str, str]:
        """The token that `call` has got."""
        return {"Authorization": f"Bearer {self._seen[0]}", "Accept": "application/json"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Also the tokens that this process used last."""
        return (*super().secrets, *self._seen)

    def call(self, method: str, path: str, *, submits: bool = False, **request: Any) -> Answer:
        """As any call to the API. Where there is no token a login comes first, and once more where it is refused."""
        token = self._current()
        try:
            return super().call(method, path, submits=submits, **request)
        except AuthFailed as error:
            if error.http_status != 401:
                raise
        self._token.drop(token)
        self._current()
        return super().call(method, path, submits=submits, **request)

    def call_login(self, path: str, **request: Any) -> dict[str, Any]:
        """POST to the login's host, without our token. Raises ProviderError, never one that is about a picture."""
        address, headers = self.login_root + path, {"Accept": "application/json"}
        answer = self._reach(
            self._session(anonymous=True), "POST", address, limits=self.login_bounds, headers=headers, **request
        )
        if not 200 <= answer.status < 300:
            found = self.error_for(answer)
            is_of_picture = isinstance(found, ImageRefused | NotFound)
            kind = AuthFailed if answer.status in (400, 422) else ProviderError if is_of_picture else type(found)
            raise kind(f"The login failed: {found}", retry_after=found.retry_after, http_status=answer.status)
        try:
            return read_json(answer.content)
        except SchemaMismatch:
            raise ProviderDown(f"{self.title} answered our login in no shape that is documented.") from None

    def _current(self) -> str:
        self.check_configuration()
        token = self._token.get()
        self._seen = tuple(dict.fromkeys((token, *self._seen)))[:4]
        return token
