"""Trust lists: the PEM anchors an operator points at, as c2pa settings and as words for the evidence.

A folder: each `*.pem` holds trust anchors, each `*allowed*.pem` single certificates that are trusted themselves, each
`*.cfg` further key usages. Nothing is shipped; a list is a snapshot, so its date and digest go into the evidence.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from detection.errors import SandboxFailed

KEY_USAGES = """\
1.3.6.1.5.5.7.3.4
1.3.6.1.5.5.7.3.36
1.3.6.1.5.5.7.3.8
1.3.6.1.5.5.7.3.9
1.3.6.1.4.1.311.76.59.1.9
1.3.6.1.4.1.62558.2.1
"""
"""E-mail protection, document signing, time stamping, OCSP signing, Microsoft's and C2PA's own claim signing.

Without the last one a certificate made for C2PA alone is called invalid even when its root is trusted.
"""


@dataclass(frozen=True, slots=True)
class TrustLists:
    """What was found in the folder. `summary` is "" where no folder is configured."""

    settings: dict[str, str] = field(default_factory=dict)
    summary: str = ""


def load(folder: str) -> TrustLists:
    """Read the folder. "" gives empty lists; a folder that is missing or holds no PEM raises SandboxFailed."""
    if not folder:
        return TrustLists()
    path = Path(folder)
    try:
        files = sorted(path.glob("*.pem")) + sorted(path.glob("*.cfg"))
        texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
        newest = max((file.stat().st_mtime for file in files), default=0.0)
    except OSError as error:
        raise SandboxFailed(f"The trust lists in {folder} cannot be read: {error.strerror}.") from error
    if not any("-----BEGIN CERTIFICATE-----" in text for text in texts.values()):
        raise SandboxFailed(f"DETECTION['TRUST_LISTS'] names {folder}, which holds no PEM certificates.")
    digest = hashlib.sha256("\0".join(texts.values()).encode()).hexdigest()[:12]
    day = datetime.fromtimestamp(newest, UTC).date().isoformat()
    return TrustLists(_settings(texts), f"{len(files)} list files, newest of {day}, sha256 {digest}")


def _settings(texts: dict[Path, str]) -> dict[str, str]:
    anchors = [text for file, text in texts.items() if file.suffix == ".pem" and "allowed" not in file.stem]
    allowed = [text for file, text in texts.items() if file.suffix == ".pem" and "allowed" in file.stem]
    usages = [text for file, text in texts.items() if file.suffix == ".cfg"]
    settings = {"trust_anchors": "\n".join(anchors), "trust_config": "\n".join([KEY_USAGES, *usages])}
    if allowed:
        settings["allowed_list"] = "\n".join(allowed)
    return settings
