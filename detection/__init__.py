"""Attach AI-image analyses to any Django model's pictures, and ask before publishing.

A host registers its models once, in its own `detection_hooks` module; everything else
follows from there. The names in `__all__` are the public façade; they are loaded when
first used, so that the sandbox process can import this package without Django.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detection.registry import Placed, register_asset, register_publishable

__version__ = "0.1.0"
__all__ = ["Placed", "__version__", "register_asset", "register_publishable"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("detection.registry"), name)
    raise AttributeError(f"module 'detection' has no attribute {name!r}")
