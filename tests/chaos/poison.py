"""Detectors whose adapters harm the process that asks them: what a bug in a native library does."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from detection.providers.scripted import ScriptedProvider
from detection.results import Accepted, ScanRequest, ScanResult


class Poison(ScriptedProvider):
    """Ends its own process by kill -9 at each picture; nothing can be caught or cleaned up."""

    @classmethod
    def known_options(cls) -> frozenset[str]:
        return super().known_options() | {"api_key", "base_url"}

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("Nobody survives this.")


class _OnlyOnce(Poison):
    """Does its harm at the first picture it is asked about in this installation, and answers from then on."""

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        try:
            (Path(os.environ["NEWSROOM_VAR"]) / "harm-was-done").touch(exist_ok=False)
        except FileExistsError:
            return ScriptedProvider.submit(self, request)
        self.harm()
        raise AssertionError("Nobody comes back from this.")

    def harm(self) -> None:
        raise NotImplementedError


class Slow(_OnlyOnce):
    """Takes longer than a task may."""

    def harm(self) -> None:
        time.sleep(600)


class Stuck(_OnlyOnce):
    """Takes longer, and can't be interrupted, as a call that blocks in C."""

    def harm(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)


class Raising(_OnlyOnce):
    """Has a bug."""

    def harm(self) -> None:
        raise KeyError("a field that nobody thought of")
