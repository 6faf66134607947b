"""The settings of signing in: which packages of it are here, what they are told, and who needs a second factor.

Asked by `settings` alone. The packages may be left out; a public site without them is named by `check --deploy`.
"""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from newsroom.environment import Environment

HAS_THROTTLE = importlib.util.find_spec("axes") is not None
HAS_SECOND_FACTOR = all(importlib.util.find_spec(package) for package in ("django_otp", "segno"))

_OTP = ("django_otp", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static")
APPS = [*(["axes"] if HAS_THROTTLE else []), *(_OTP if HAS_SECOND_FACTOR else [])]
BEHIND_AUTHENTICATION = ["newsroom.second_factor.middleware.SecondFactorMiddleware"] if HAS_SECOND_FACTOR else []
LAST = ["axes.middleware.AxesMiddleware"] if HAS_THROTTLE else []
BACKENDS = [
    *(["axes.backends.AxesStandaloneBackend"] if HAS_THROTTLE else []),
    "django.contrib.auth.backends.ModelBackend",
]
PAUSE = timedelta(minutes=15)
"""How long an address waits that gave too many wrong passwords for one name."""
NAMES, NAMES_WITHIN = 20, timedelta(minutes=5)
"""How many names an address may have wrong passwords open for, and for how long each of them counts.

Twenty, since people behind one router who mistype and then sign in right count no more; five minutes, since it is all
that somebody inside can make those wait who never signed in with their browser before.
"""
KNOWN_FOR = timedelta(days=90)
"""How long a browser is known for the name that signed in with it."""
OPTIONS: dict[str, Any] = {
    "AXES_HANDLER": "newsroom.spraying.Handler",
    "AXES_FAILURE_LIMIT": 8,
    "AXES_COOLOFF_TIME": PAUSE,
    # The pair: whoever guesses Dana's password from elsewhere locks out neither Dana nor their neighbours.
    "AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]],
    "AXES_CLIENT_IP_CALLABLE": "newsroom.throttling.address",
    "AXES_LOCKOUT_CALLABLE": "newsroom.throttling.locked",
    "AXES_RESET_ON_SUCCESS": True,
    "AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT": False,
    "AXES_DISABLE_ACCESS_LOG": True,
    "AXES_ENABLE_ADMIN": False,
    "AXES_VERBOSE": False,
    "OTP_TOTP_ISSUER": "Newsroom",
}
"""What the two packages read."""


def second_factor(env: Environment, *, is_public: bool) -> str:
    """Who may not sign in without one: `everyone`, `chiefs` or `off`. Raises ImproperlyConfigured by the name."""
    default = "everyone" if is_public and HAS_SECOND_FACTOR else "off"
    asked = env.choice("NEWSROOM_SECOND_FACTOR", default, ("everyone", "chiefs", "off"))
    if asked != "off" and not HAS_SECOND_FACTOR:
        raise ImproperlyConfigured("NEWSROOM_SECOND_FACTOR needs its packages: pip install '.[people]'.")
    return asked
