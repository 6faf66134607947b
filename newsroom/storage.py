"""Where pictures are kept: `STORAGE_URL` read into an entry of STORAGES, and what a full disk looks like.

`s3://bucket/prefix?endpoint_url=https://…&region_name=…&addressing_style=path&timeout=5`; without one, the folder
MEDIA_ROOT. Keys never stand in the address, for addresses end up in logs and process lists: they come from the
environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN) or from the machine's own role. Objects get
no access list of their own: a bucket's default is private, and buckets without lists refuse to be told so.
"""

from __future__ import annotations

import errno
import importlib.util
import re
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

LONGEST_TIMEOUT = 20
"""Seconds; with one attempt more and a look before it, a worker waits four times that at worst."""
_LOOKS_LIKE = "It must look like s3://bucket/prefix. For a folder leave it out and set MEDIA_ROOT."
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_STYLES = ("auto", "path", "virtual")
_KNOWN = ("endpoint_url", "region_name", "addressing_style", "timeout")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def from_url(url: str) -> dict[str, Any]:
    """The entry of STORAGES for this `STORAGE_URL`; for "" the folder MEDIA_ROOT.

    Raises ImproperlyConfigured with a sentence that names STORAGE_URL and never repeats a secret.
    """
    if not url.strip():
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        raise _wrong("cannot be read.", _LOOKS_LIKE) from None
    _check_address(parts)
    options = {"bucket_name": parts.netloc, "location": parts.path.strip("/"), **_options(parts.query)}
    if importlib.util.find_spec("storages") is None or importlib.util.find_spec("boto3") is None:
        raise _wrong("names a bucket, but the packages for one are not installed.", "Install newsroom-detection[s3].")
    return {"BACKEND": "newsroom.bucket.BucketStorage", "OPTIONS": options}


def _wrong(what: str, fix: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"STORAGE_URL {what} {fix}")


def _check_address(parts: SplitResult) -> None:
    if parts.scheme != "s3":
        known = f"begins with {parts.scheme}://" if parts.scheme else "has no scheme"
        raise _wrong(f"{known}, which is not known here.", _LOOKS_LIKE)
    if "@" in parts.netloc:
        raise _wrong("holds a key.", "Take it out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead.")
    if not parts.netloc:
        raise _wrong("names no bucket.", _LOOKS_LIKE)
    if not _BUCKET.fullmatch(parts.netloc):
        fix = "Use 3 to 63 small letters, digits, dots and hyphens; a server's address goes into ?endpoint_url=."
        raise _wrong(f"names the bucket {parts.netloc!r}, which can't be one.", fix)
    if parts.fragment:
        raise _wrong("has something after #.", "Take it out.")
    if any(part in ("", ".", "..") for part in parts.path.strip("/").split("/")) and parts.path.strip("/"):
        raise _wrong(f"has the prefix {parts.path!r}.", "Name folders, without . and .. and without empty ones.")


def _options(query: str) -> dict[str, Any]:
    given = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _value in given]
    if unknown := sorted(set(names) - set(_KNOWN)):
        raise _wrong(f"has the unknown option {', '.join(unknown)}.", f"Known: {', '.join(_KNOWN)}.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _wrong(f"gives {', '.join(twice)} twice.", "Give it once.")
    options: dict[str, Any] = dict(given)
    if empty := sorted(name for name, value in options.items() if not value.strip()):
        raise _wrong(f"gives {', '.join(empty)} without a value.", "Give it one, or leave it out.")
    if "endpoint_url" in options:
        _check_endpoint(options["endpoint_url"])
    if not re.fullmatch(r"[a-z0-9-]+", options.get("region_name", "x")):
        raise _wrong("has a region_name that can't be one.", "It looks like eu-central-1.")
    if options.get("addressing_style", "auto") not in _STYLES:
        raise _wrong("has an unknown addressing_style.", f"Set it to {', '.join(_STYLES)}.")
    if "timeout" in options:
        if not re.fullmatch(r"[0-9]{1,3}", options["timeout"]) or not 1 <= int(options["timeout"]) <= LONGEST_TIMEOUT:
            raise _wrong(f"has the timeout {options['timeout']!r}.", f"Set it to 1 to {LONGEST_TIMEOUT} seconds.")
        options["timeout"] = int(options["timeout"])
    return options


def _check_endpoint(endpoint: str) -> None:
    fix = "It must look like https://storage.example:9000."
    try:
        parts = urlsplit(endpoint)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise _wrong("has an endpoint_url without http:// or https:// and a host.", fix)
    if "@" in parts.netloc:
        raise _wrong("holds a key in its endpoint_url.", "Take it out and set AWS_ACCESS_KEY_ID instead.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _wrong("has an endpoint_url with more than a host.", f"The bucket and prefix stand before the ?. {fix}")


def is_full(error: BaseException) -> bool:
    """Whether this error, or one behind it, says that there is no room: on a disk, in a bucket or in a database."""
    return any(_says_no_room(one) for one in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _says_no_room(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):  # how S3's own client tells; 507 is what a full server of one's own says
        return bool(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == 507)
    return getattr(error, "sqlstate", None) == "53100"
