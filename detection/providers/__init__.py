"""`providers["alias"]`: the configured detectors. Loaded when first used, for the sandbox's child runs this too."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detection.providers.handler import Providers, providers

__all__ = ["Providers", "providers"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("detection.providers.handler"), name)
    raise AttributeError(f"module 'detection.providers' has no attribute {name!r}")
