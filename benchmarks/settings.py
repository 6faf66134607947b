"""The newsroom as it is, and the smallest receiver beside its own door: same server, middleware and database."""

from __future__ import annotations

from newsroom.settings import *  # noqa: F403
from newsroom.settings import INSTALLED_APPS as _INSTALLED

INSTALLED_APPS = [*_INSTALLED, "benchmarks"]
ROOT_URLCONF = "benchmarks.urls"
