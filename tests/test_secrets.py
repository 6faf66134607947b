"""H04: no file that we keep holds a key, and a key that somebody plants is found."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORMATS = re.compile(
    rb"""
    -----BEGIN\ (?:[A-Z]+\ )?PRIVATE\ KEY-----\s+[A-Za-z0-9+/=]{20}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                # AWS
    | \bgh[pousr]_[A-Za-z0-9]{36,}\b               # GitHub
    | \bxox[abposr]-[A-Za-z0-9-]{20,}\b            # Slack
    | \bsk[-_](?:live|proj|ant)[-_][A-Za-z0-9_-]{24,}\b
    | \bAIza[A-Za-z0-9_-]{35}\b                    # Google
    """,
    re.VERBOSE,
)
"""Keys that are known by their form; looked for everywhere."""
LIKELY = re.compile(
    rb"""
    \beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}
    | \bwhsec_[A-Za-z0-9+/]{24,}={0,2}
    | (?i:api[-_]?key|secret|password)["']?\s*[:=]\s*["'][A-Za-z0-9+/_-]{32,}={0,2}["']
    """,
    re.VERBOSE,
)
"""What looks like one; tests are full of such, made up."""
MADE_UP = {"detection/testing/sender.py": 2}
"""What the sandbox detector signs its events with: given to everybody, it opens nothing."""


def keys_in(content: bytes, *, is_test: bool = False) -> list[bytes]:
    found: list[bytes] = FORMATS.findall(content)
    return found if is_test else found + LIKELY.findall(content)


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_h04_no_file_holds_a_key() -> None:
    found = {
        name: len(keys_in(path.read_bytes(), is_test=name.startswith("tests/")))
        for path in tracked()
        for name in [str(path.relative_to(ROOT))]
    }
    assert {name: count for name, count in found.items() if count > MADE_UP.get(name, 0)} == {}
    assert len(found) > 100


def test_no_file_of_settings_or_keys_is_kept_at_all() -> None:
    odd = re.compile(r"(^|/)(\.env(\..*)?|.*\.(pem|key|p12|pfx|sqlite3|kdbx)|id_(rsa|ed25519)|secret_key)$")
    assert [str(path) for path in tracked() if odd.search(str(path.relative_to(ROOT)))] == []


@pytest.mark.parametrize(
    "planted",
    [
        b"AWS = 'AKIA" + b"ABCDEFGHIJKLMNOP'",
        b"-----BEGIN PRIVATE" + b" KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        b"token: ghp_" + b"a1" * 20,
        b"key = sk-live-" + b"0123456789abcdef" * 2,
        b"whsec_" + b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSz",
        b'"api_key": "' + b"9f8e7d6c" * 4 + b'"',
        b"eyJhbGciOiJIUzI1NiJ9aaaaaa" + b".eyJzdWIiOiIxMjM0NTY3ODkwIn0aaaa.SflKxwRJSMeKKF2QT4fwpMeJf36P",
    ],
)
def test_h04_a_key_that_is_planted_is_found(planted: bytes) -> None:
    assert keys_in(b"x = 1\n" + planted + b"\n")
