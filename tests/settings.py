"""What `pytest` runs under: the newsroom's own settings, with the small other host installed beside it.

Nothing in the environment is needed, and only `DATABASE_URL` is read from it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import environ

_VAR = tempfile.mkdtemp(prefix="newsroom-tests-")
atexit.register(shutil.rmtree, _VAR, ignore_errors=True)
_KNOWN = ("DATABASE_URL", "PATH", "HOME", "TMPDIR", "LANG")

# The newsroom reads its environment once, at import; a developer's own settings must not decide what tests see.
environ.Env.ENVIRON = {
    **{name: os.environ[name] for name in _KNOWN if name in os.environ},
    "DJANGO_SECRET_KEY": "only-for-tests-and-for-nothing-else-0123456789abcdef",
    "NEWSROOM_VAR": _VAR,
}
from newsroom.settings import *  # noqa: E402, F403
from newsroom.settings import INSTALLED_APPS as _INSTALLED  # noqa: E402

environ.Env.ENVIRON = os.environ
Path(STATIC_ROOT).mkdir(parents=True)  # noqa: F405

INSTALLED_APPS = [*_INSTALLED, "tests.otherhost"]
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DETECTION_PROVIDERS = {
    "first": {"BACKEND": "detection.providers.scripted.ScriptedProvider"},
    "second": {"BACKEND": "detection.providers.scripted.ScriptedProvider"},
}
DETECTION = {"ALLOW_LOOPBACK": True}
AXES_ENABLED = False
"""Django's test client signs in without a request; what is slowed and how has tests of its own."""
