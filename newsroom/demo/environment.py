"""What the demo's processes find in their environment: a house of its own, whatever the shell that starts it has set.

`launch` asks, before any setting that matters is read. A developer's real database, key and detectors are never
touched by a demo, so everything the settings would read is taken away first.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

LEADER = "NEWSROOM_DEMO_LEADER"
"""Names the process that prepared this environment for itself, so that an inherited one isn't taken for prepared."""
WEB_PORT = 8000
"""Where the search for a free port begins."""
PASSWORD = "newsroom-demo"  # noqa: S105, shown on the demo's own start page
NOTICE = "Demo: this detector's answers are scripted."
LABELS = {"first": "Demo detector A", "second": "Demo detector B"}
"""The demo's two detectors by alias. The alias is also the key with which each is asked."""

_OURS = ("DETECTION_", "DJANGO_", "NEWSROOM_", "Q_")
_OURS_TOO = frozenset(
    {
        *("AI_IMAGE_API_KEY", "AUDIT_ANCHOR_KEY", "DATABASE_URL", "MEDIA_ROOT", "METRICS_TOKEN", "PUBLIC_BASE_URL"),
        *("REDIS_URL", "STORAGE_URL", "TRUSTED_PROXIES"),
    }
)


def prepared(given: Mapping[str, str], *, var: Path, leader: int) -> dict[str, str]:
    """The environment for the demo and all it starts. `leader`: the process id of the one that starts it.

    Of what the newsroom reads only DEMO_PASSWORD, PORT, TIME_ZONE and LOG_LEVEL are kept as given.
    """
    kept = {name: value for name, value in given.items() if not _is_ours(name)}
    detectors = {
        f"DETECTION_{alias.upper()}_{name}": value
        for alias, label in LABELS.items()
        for name, value in (("BACKEND", "generic"), ("API_KEY", alias), ("LABEL", label))
    }
    return {
        **kept,
        **asking("http://127.0.0.1"),
        "DEMO_PASSWORD": given.get("DEMO_PASSWORD", "").strip() or PASSWORD,
        "DETECTION_ALLOW_LOOPBACK": "on",
        "DETECTION_NOTICE": NOTICE,
        "DETECTION_PROVIDERS": ",".join(LABELS),
        "DETECTION_TRUST_LISTS": str(var / "trust"),
        "DJANGO_SETTINGS_MODULE": "newsroom.settings",
        "NEWSROOM_DEMO": "on",
        "NEWSROOM_MAKE_KEY": "1",
        "NEWSROOM_VAR": str(var),
        "PYTHONUNBUFFERED": "1",
        LEADER: str(leader),
        **detectors,
    }


def asking(address: str) -> dict[str, str]:
    """What is added once the detector that plays both has an address, for the processes that ask it."""
    return {f"DETECTION_{alias.upper()}_BASE_URL": address for alias in LABELS}


def _is_ours(name: str) -> bool:
    return name.startswith(_OURS) or name.removesuffix("_FILE") in _OURS_TOO or name == "DEMO_PASSWORD_FILE"


def is_prepared(given: Mapping[str, str], *, process: int) -> bool:
    """Whether this very process prepared its environment."""
    return given.get(LEADER) == str(process)


def listening(first: int, *, among: int = 200) -> socket.socket:
    """A socket that listens on the first free port of 127.0.0.1 from `first` on; nobody can take it away any more.

    Raises OSError where none of `among` is free.
    """
    for port in range(first, min(first + among, 65536)):
        listener = socket.socket()
        # As a server does: a port whose last connections are still closing is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise OSError(f"No port from {first} to {first + among - 1} is free on 127.0.0.1.")
