"""The demo's pictures as files: made once, kept, and made again only where something better has become available.

The `demo` command asks. Photographs come from a folder that may be absent; drawings that say so stand in for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from detection.testing import images
from detection.testing.credentials import Authority
from detection.vocabulary import SourceTier
from newsroom.demo import drawings
from newsroom.demo.cast import CAST, Role
from newsroom.demo.photographs import PHOTOGRAPHS
from newsroom.demo.studio import Studio, has_photograph

ROOT_FILE = "newsroom-demo-root.pem"
"""The demo authority's root, as a file of the trust folder."""
EDITION = 1
"""Raised when a recipe or a drawing changes, so that kept files are made again."""
_LIST = ".pictures.json"
_DRAWN = "Drawn by this project's own code, under its licence."


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoPicture:
    """One picture of the demo with the words beside it.

    `licence` is shown with the picture. `is_stand_in`: a drawing in the place of a photograph that could not be
    fetched. `sha256`, in hex, is that of the file, and different for each picture.
    """

    key: str
    filename: str
    headline: str
    credit: str
    caption: str
    alt_text: str
    source_tier: SourceTier
    licence: str
    is_stand_in: bool
    sha256: str


def make_all(
    folder: Path,
    *,
    photographs: Path | None,
    trust_folder: Path,
    fresh: bool = False,
    on_progress: Callable[[int, int, str], None] | None = None,
    draw: Callable[[str], Image.Image] = drawings.draw,
) -> list[DemoPicture]:
    """Write every picture into `folder` and the demo authority's root into `trust_folder`; returns them in order.

    What is there already is kept unless `fresh`; a stand-in gives way once its photograph is in `photographs`. The
    signing key is never written, so signed pictures are only ever made together, with a new root. `on_progress` is
    called before each picture with how many are done, how many there are, and the file's name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = {} if fresh else _kept(folder)
    stale = {role.key for role in CAST if _is_stale(role, folder, kept.get(role.key), photographs)}
    signed = {role.key for role in CAST if role.is_signed}
    if stale & signed or _hash(trust_folder / ROOT_FILE) != kept.get("", {}).get("sha256"):
        stale |= signed
    made = _made(stale, folder=folder, trust_folder=trust_folder, photographs=photographs, draw=draw, tell=on_progress)
    entries = {**kept, **made}
    (folder / _LIST).write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")
    return [_picture(role, entries[role.key]) for role in CAST]


def as_sent(folder: Path, pictures: Iterable[DemoPicture]) -> list[DemoPicture]:
    """The same pictures as detectors get them, for whom a script names them by their sha256: without metadata."""
    return [
        replace(picture, sha256=hashlib.sha256(images.as_sent((folder / picture.filename).read_bytes())).hexdigest())
        for picture in pictures
    ]


def _made(
    keys: set[str],
    *,
    folder: Path,
    trust_folder: Path,
    photographs: Path | None,
    draw: Callable[[str], Image.Image],
    tell: Callable[[int, int, str], None] | None,
) -> dict[str, dict[str, Any]]:
    authority = Authority.new("Newsroom demo authority", signer="Newsroom demo signer")
    studio = Studio(photographs=photographs, authority=authority, draw=draw)
    entries: dict[str, dict[str, Any]] = {}
    for done, role in enumerate(CAST):
        if tell is not None:
            tell(done, len(CAST), role.filename)
        if role.key in keys:
            (folder / role.filename).write_bytes(studio.make(role))
            entries[role.key] = {
                "edition": EDITION,
                "sha256": _hash(folder / role.filename),
                "is_stand_in": bool(role.photograph) and not has_photograph(role, photographs),
            }
    if any(role.is_signed for role in CAST if role.key in keys):
        trust_folder.mkdir(parents=True, exist_ok=True)
        (trust_folder / ROOT_FILE).write_text(authority.root_pem, encoding="ascii")
        entries[""] = {"edition": EDITION, "sha256": _hash(trust_folder / ROOT_FILE)}
    return entries


def _kept(folder: Path) -> dict[str, dict[str, Any]]:
    """What an earlier run noted, keyed as the pictures are; the root stands under "". Empty when it cannot be read."""
    try:
        noted = json.loads((folder / _LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _is_stale(role: Role, folder: Path, entry: Mapping[str, Any] | None, photographs: Path | None) -> bool:
    if entry is None or entry.get("edition") != EDITION or entry.get("sha256") != _hash(folder / role.filename):
        return True
    return bool(entry.get("is_stand_in")) and has_photograph(role, photographs)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _picture(role: Role, entry: Mapping[str, Any]) -> DemoPicture:
    credit, licence = _rights(role, is_stand_in=bool(entry["is_stand_in"]))
    return DemoPicture(
        key=role.key,
        filename=role.filename,
        headline=role.headline,
        credit=credit,
        caption=role.caption,
        alt_text=role.alt_text,
        source_tier=role.source_tier,
        licence=licence,
        is_stand_in=bool(entry["is_stand_in"]),
        sha256=str(entry["sha256"]),
    )


def _rights(role: Role, *, is_stand_in: bool) -> tuple[str, str]:
    """The credit line and the licence that is shown."""
    if not role.photograph:
        return role.credit, _DRAWN
    if is_stand_in:
        return "Drawn stand-in for a photograph that could not be fetched", _DRAWN
    photograph = PHOTOGRAPHS[role.photograph]
    return f"Photograph: {photograph.author}", f"{photograph.licence} From the scikit-image package."
