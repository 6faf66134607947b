"""Whether settings can be read, files can be kept and opened, and the lists that are named can be used."""

from __future__ import annotations

import shutil
import ssl
import struct
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.db import connection

from detection import checks, registry, sandbox
from detection.conf import settings
from detection.doctor.findings import Finding, broken, from_checks, in_short, ok, warn
from detection.errors import Rejected

LITTLE_SPACE, NO_SPACE = 2 * 1024**3, 200 * 1024**2
"""Bytes of free disk under which somebody should know, and under which uploads soon fail."""
_MINE = "detection-doctor"
_AGAIN = "Install anew: pip install --force-reinstall"


def settings_read() -> Iterator[Finding]:
    """Every key of DETECTION can be read. Detectors are a probe of their own."""
    found = [message for message in checks.check_settings() if message.id != "detection.E002"]
    yield from from_checks(found) if found else [ok("DETECTION can be read.")]


def settings_fit() -> Iterator[Finding]:
    """Settings agree with each other, and nothing that is meant for tests or a trial is on unseen."""
    yield from from_checks([*checks.check_values(), *checks.check_requests(), *checks.check_shared_login()])
    if settings.MODE == "shadow":
        fix = "Set MODE to enforce (in the newsroom: DETECTION_MODE) when the desk is ready."
        yield warn("The gate runs in shadow mode: it shows and records, and refuses nothing.", fix)
    if settings.ALLOW_LOOPBACK and not django_settings.DEBUG:
        yield from (warn(found.what, found.fix) for found in from_checks(checks.check_deploy()))


def models_are_registered() -> Iterator[Finding]:
    """The host said what carries pictures and what is published."""
    pictures, published = len(list(registry.asset_types())), len(list(registry.publishable_types()))
    if not pictures:
        fix = "Call detection.register_asset in a module detection_hooks.py of one of your apps."
        yield broken("No model with pictures is registered.", fix)
    elif not published:
        fix = "Call detection.register_publishable in detection_hooks.py; until then nothing is held."
        yield warn("No model that is published is registered.", fix)
    else:
        yield ok(f"Registered: {pictures} with pictures, {published} that are published.")


def _storages() -> list[Storage]:
    """The stores of pictures and of overlays, each once."""
    found: dict[int, Storage] = {id(default_storage): default_storage}
    for kind in registry.asset_types():
        field: Any = kind.model_class._meta.get_field(kind.file_field)
        found.setdefault(id(field.storage), field.storage)
    return list(found.values())


def files_can_be_kept() -> Iterator[Finding]:
    """A small file of our own is written, read back and deleted."""
    for storage in _storages():
        written = uuid.uuid4().hex.encode()
        name = storage.save(f"{_MINE}-{uuid.uuid4().hex}.txt", ContentFile(written))
        try:
            with storage.open(name) as file:
                read = file.read()
        finally:
            storage.delete(name)
        if read != written:
            yield broken("The storage gives back another file than was put there.", "Check what serves STORAGES.")
        else:
            yield ok(f"Files can be written, read and deleted ({storage.__class__.__name__}).")


def disk_has_space() -> Iterator[Finding]:
    """Where files or the database lie in a folder of this machine: the fullest of its disks."""
    folders = [Path(storage.path("")) for storage in _storages() if _is_local(storage)]
    if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        folders.append(Path(str(connection.settings_dict["NAME"])).absolute().parent)
    found = [(shutil.disk_usage(_nearest(folder)).free, folder) for folder in folders]
    if not found:
        return
    free, folder = min(found)
    what = f"Free space for {folder}: {free / 1024**3:.1f} GB."
    fix = "Delete what is not needed there, or move it (in the newsroom: MEDIA_ROOT, DATABASE_URL)."
    yield broken(what, fix) if free < NO_SPACE else warn(what, fix) if free < LITTLE_SPACE else ok(what)


def _is_local(storage: Storage) -> bool:
    try:
        storage.path("")
    except NotImplementedError:
        return False
    return True


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def sandbox_reads() -> Iterator[Finding]:
    """The child process starts, and reads a picture made here."""
    began = time.monotonic()
    reading = sandbox.read(sample_picture(), max_bytes=settings.MAX_BYTES, max_pixels=settings.MAX_PIXELS)
    if (reading.width, reading.height) != (_SIDE, _SIDE):
        yield broken("The process that opens pictures misread one.", f"{_AGAIN} pillow.")
    else:
        yield ok(f"The process that opens pictures reads one in {time.monotonic() - began:.1f} seconds.")


_SIDE = 64


def sample_picture() -> bytes:
    """A small grey PNG, by hand: no decoder is needed in this process."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * _SIDE) * _SIDE)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def declarations_are_read() -> Iterator[Finding]:
    """The embedded reader has its library, and reads."""
    if not settings.PROVENANCE:
        yield ok("What files declare is not read: PROVENANCE is off.")
    elif find_spec("c2pa") is None:
        fix = "Run pip install c2pa-python, or turn PROVENANCE off (in the newsroom: DETECTION_PROVENANCE=off)."
        yield broken("The library that reads Content Credentials is not installed.", fix)
    else:
        try:
            sandbox.declare(sample_picture(), max_pixels=settings.MAX_PIXELS)
        except Rejected:  # a plain picture: so it is not the file that is at fault
            yield broken("The reader of declarations stops at a plain picture.", f"{_AGAIN} c2pa-python defusedxml.")
        else:
            yield ok("What files declare can be read.")


def lists_are_good() -> Iterator[Finding]:
    """Certificates that are named can be read and have not run out."""
    if folder := settings.TRUST_LISTS:
        yield from _certificates("trust anchors", sorted(Path(folder).glob("*.pem")), "TRUST_LISTS")
    else:
        yield ok('No trust lists are set: a signer is "not checked against a list".')
    if bundle := settings.CA_BUNDLE:
        yield from _certificates("certificate authorities", [Path(bundle)], "CA_BUNDLE")


def _certificates(called: str, files: Iterable[Path], key: str) -> Iterator[Finding]:
    fix = f"Put current ones there, or correct {key} (in the newsroom: DETECTION_{key})."
    good, over = 0, []
    for file in files:
        try:
            ends = list(_ends_of(file))
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            yield broken(f"{file} cannot be read as PEM certificates ({in_short(error)}).", fix)
            continue
        over += [file.name for end in ends if end < time.time()]
        good += sum(end >= time.time() for end in ends)
    if over:
        yield warn(f"Of the {called} these ran out: {len(over)}, in {', '.join(sorted(set(over)))}.", fix)
    if good:
        yield ok(f"Current {called}: {good}.")
    else:
        yield broken(f"None of the {called} is current.", fix)


def _ends_of(file: Path) -> Iterator[float]:
    """When each authority in a PEM file runs out, in seconds since the epoch."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(file))
    for certificate in context.get_ca_certs():
        yield float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))
