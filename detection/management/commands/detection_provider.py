"""Detectors by command: what is configured, pause, resume, and a test of the credentials or with one picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection import checking, switches, wording
from detection.conf import settings
from detection.errors import Rejected, SandboxFailed
from detection.providers import providers
from detection.results import KeyCheck


class Command(BaseCommand):
    """status | pause | resume | test of one detector, or of all where that makes sense."""

    help = "Show, pause, resume or test a detector. The alias * stands for all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["status", "pause", "resume", "test"])
        parser.add_argument("alias", nargs="?", default="*")
        parser.add_argument("--reason", default="")
        parser.add_argument("--image", metavar="FILE", help="test: send this one picture, which may be billed.")
        parser.add_argument("--json", action="store_true", help="test: print a list with one object a detector.")

    def handle(self, *args: Any, **options: Any) -> None:
        alias, verb = options["alias"], options["verb"]
        if alias != "*" and alias not in providers.aliases():
            known = ", ".join(providers.aliases())
            raise CommandError(f"No detector is called {alias}. Configured: {known}.")
        if verb != "test" and (options["image"] or options["json"]):
            raise CommandError("--image and --json belong to the verb test.")
        if verb == "pause":
            if not options["reason"]:
                raise CommandError("Say why with --reason; the screens and the history show it.")
            switches.pause(alias, reason=options["reason"])
        elif verb == "resume":
            if switches.held_by_setting(alias):
                raise CommandError(switches.setting_sentence())
            switches.resume(alias, reason=options["reason"])
        elif verb == "test":
            self._test(alias, image=options["image"], as_json=options["json"])
            return
        self._status(alias)

    def _status(self, alias: str) -> None:
        paused = switches.pauses()
        if "*" in paused:
            self.stdout.write(f"All detectors are paused: {paused['*']}")
        for name in _named(alias):
            state = f"paused: {paused[name]}" if name in paused else "on"
            self.stdout.write(f"{name} ({providers[name].title}): {state}")

    def _test(self, alias: str, *, image: str | None, as_json: bool) -> None:
        picture = None if image is None else _picture(image)
        if picture is not None and not as_json:
            self.stdout.write("Each detector that is not embedded gets the picture once; that call may be billed.")
        told = []
        for name in _named(alias):
            found = checking.ask(name) if picture is None else checking.try_picture(name, picture)
            paused = checking.pause_reason(name)
            told.append(_object(name, found, paused, with_picture=picture is not None))
            if not as_json:
                said = KeyCheck(sentence=found.sentence, remaining=found.remaining, unit=found.unit)
                still = f" It is paused: {paused}" if paused is not None and picture is None else ""
                self.stdout.write(
                    f"{name}: {'' if found.ok else 'FAILED: '}{said} ({found.milliseconds or 0} ms){still}"
                )
        if as_json:
            self.stdout.write(json.dumps(told, indent=2))
        if failed := sum(not one["ok"] for one in told):
            raise CommandError(f"{failed} of the tested detectors did not answer well.")


def _named(alias: str) -> list[str]:
    return list(providers.aliases()) if alias == "*" else [alias]


def _object(alias: str, found: checking.Outcome, paused: str | None, *, with_picture: bool) -> dict[str, Any]:
    """The documented object, one a detector; those of a picture only where one was given."""
    told: dict[str, Any] = {
        "alias": alias,
        "ok": found.ok,
        "paused": paused is not None,
        "sentence": found.sentence,
        "error_class": found.error_class,
        "remaining": found.remaining,
        "unit": found.unit,
        "milliseconds": found.milliseconds,
    }
    if with_picture:
        said = found.result
        score = None if said is None or said.ai_score is None else wording.band_number(said.ai_score)
        told |= {
            "verdict": said.verdict if said else None,
            "score": score,
            "model": said.model if said else "",
            "request_id": said.provider_reference if said else "",
        }
    return told


def _picture(name: str) -> checking.Picture:
    """The file, read in the sandbox. Raises CommandError with a sentence for one that cannot be used."""
    path = Path(name)
    try:
        if path.stat().st_size > settings.MAX_BYTES:
            raise CommandError(f"{name} is larger than {settings.MAX_BYTES // 2**20} MB. Name a smaller copy.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        raise CommandError(f"{name} cannot be opened: {reason}.") from error
    try:
        return checking.picture_of(content, filename=path.name)
    except (Rejected, SandboxFailed) as error:
        raise CommandError(f"{name}: {error}") from error
