"""A detector whose adapter kills the process that asks it: what a bug in a native library does."""

from __future__ import annotations

import os
import signal

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
