"""What happens in the middle of a worker's walk, told in one process: it stands still, is killed, or meets others."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from django.db import connection

from detection.errors import AmbiguousTimeout
from detection.providers.scripted import ScriptedProvider
from detection.results import Accepted, ScanRequest, ScanResult

_CONTROL = ("RELEASE", "ROLLBACK")


class Killed(BaseException):
    """As SIGKILL: nothing of the app catches it, and what was not committed is gone."""


class Vendor(ScriptedProvider):
    """A scripted detector that remembers what it was sent, however often the site's settings change."""

    books: ClassVar[dict[str, tuple[Any, Any, Any]]] = {}
    before_call: ClassVar[list[Callable[[str], Any]]] = []
    after_call: ClassVar[list[Callable[[str], Any]]] = []
    """Done once, given our reference or its own: before the next picture is sent; and when the vendor has taken it, or
    has told how it stands, and the worker knows nothing yet."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.calls, self._queue, self._taken = self.books.setdefault(alias, (self.calls, self._queue, self._taken))

    silences: ClassVar[int] = 0
    """How many of the next pictures are taken and never answered."""

    @classmethod
    def forget(cls) -> None:
        cls.books.clear()
        cls.silences = 0
        cls.let_be()

    @classmethod
    def let_be(cls) -> None:
        """Nothing happens in calls any more."""
        cls.before_call.clear()
        cls.after_call.clear()

    @classmethod
    def recover(cls, answer: ScanResult) -> None:
        """From now on it has this answer to whatever it has been asked, or will be."""
        cls.silences = 0
        for _calls, queue, taken in cls.books.values():
            queue.clear()
            for one in taken:
                one.then = deque([answer])

    @classmethod
    def sent(cls) -> dict[str, list[ScanRequest]]:
        """All that any alias was sent, by our reference."""
        found: dict[str, list[ScanRequest]] = defaultdict(list)
        for calls, _queue, _taken in cls.books.values():
            for one in calls:
                found[one.reference].append(one)
        return found

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        if self.before_call:
            self.before_call.pop()(request.reference)
        answer = super().submit(request)
        if self.after_call:
            self.after_call.pop()(request.reference)
        if Vendor.silences:
            Vendor.silences -= 1
            raise AmbiguousTimeout("Silence.")
        return answer

    def fetch(self, provider_reference: str) -> ScanResult | Accepted:
        try:
            return super().fetch(provider_reference)
        finally:
            if self.after_call:
                self.after_call.pop()(provider_reference)


@contextmanager
def meanwhile(number: int, act: Callable[[], Any], *, within_transactions: bool) -> Iterator[None]:
    """Before the `number`-th statement of the block `act` happens, once.

    `within_transactions`: whether it may happen in the middle of one; others can't be met there, but a worker can be
    killed. The end of a transaction is no such place, for Django would then leave it half open.
    """
    outside, left = len(connection.savepoint_ids), [number]

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        is_place = within_transactions or len(connection.savepoint_ids) == outside
        if is_place and left[0] >= 0 and not sql.startswith(_CONTROL):
            left[0] -= 1
            if left[0] < 0:
                act()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield


def kill(*about: Any) -> None:
    """End the worker in whose walk this is called."""
    raise Killed


def killed_at(number: int, task: Callable[[], Any]) -> None:
    """Run the task in a process that is killed before its `number`-th statement, if it has so many."""
    with meanwhile(number, kill, within_transactions=True):
        until_killed(task)


def until_killed(task: Callable[[], Any]) -> None:
    """Run the task in a process that something may kill."""
    try:
        task()
    except Killed:
        # The statement was never sent. A block without a savepoint of its own would have Django undo all of the test.
        connection.needs_rollback = False
