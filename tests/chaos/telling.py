"""How far the random harness is, and what it counted: for people, on a terminal or elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm

SAY_EVERY = 10.0


def say(line: str, stream: Any = None) -> None:
    """One line for whoever runs it, at once."""
    stream = stream or sys.stdout
    stream.write(line + "\n")
    stream.flush()


class Progress:
    """A bar on a terminal; elsewhere a line every ten seconds."""

    def __init__(self, scans: int, look: Callable[[], Mapping[str, Any]]) -> None:
        self.scans, self.look, self.began, self.next = scans, look, time.monotonic(), 0.0
        self.bar = tqdm(total=2 * scans, unit="scan", disable=not sys.stderr.isatty())

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.bar.close()

    def tell(self) -> None:
        """Say how far it is, if it is time to."""
        now, is_terminal = time.monotonic(), sys.stderr.isatty()
        if now < self.next:
            return
        self.next = now + (1.0 if is_terminal else SAY_EVERY)
        seen = self.look()
        if seen["n"] < 0:
            return
        ended, harms = seen["n"] - seen["live"], f"{seen['harms']} harms ({seen['last']})"
        if is_terminal:
            self.bar.update(ended - self.bar.n)
            self.bar.set_postfix_str(harms)
        else:
            said = f"{seen['pictures']} of {self.scans} pictures in, {ended} scans ended, {seen['live']} live"
            say(f"{now - self.began:4.0f} s: {said}, {harms}, {seen['calls']} calls", sys.stderr)


FAILURES = ("lost", "doubled", "stuck", "given_up", "over_limit", "over_call")
MEASURES = ("ended", "with_a_person", "web_pages", "retried", "calls", "asked_for", "most_in_a_second")
HOW = ("harms", "woken_too_late", "restarts", "portions_again", "recovered_in", "slowest")


def table(found: dict[str, Any]) -> str:
    """What was counted, for people."""
    head = (
        f"{found['scans']} pictures on {found['database']}, {found['seconds']} s of harm, seed {found['seed']}, "
        f"{found['groups']} groups, {found['rate']}, {found['timers']} timers"
    )
    lines = [head, ""]
    for names in (FAILURES, MEASURES, HOW):
        values = [str(found[name]) for name in names]
        words = [name.replace("_", " ") for name in names]
        widths = [max(map(len, pair)) for pair in zip(words, values, strict=True)]
        lines += ["  ".join(text.rjust(w) for text, w in zip(row, widths, strict=True)) for row in (words, values)]
        lines.append("")
    lines += [f"{count:4} × {name}" for name, count in found["done"].items()]
    lines += ["", f"history: {len(found['breaks'])} breaks", *(f"  {one}" for one in found["breaks"][:40])]
    if events := found.get("events"):
        planned = ", ".join(f"{count} × {name}" for name, count in events.items())
        lines.append(f"events: {planned}; {found['by_events']} scans ended by one")
    if not found["woken_too_late"]:
        lines.append("No worker was woken too late in this run: it says nothing of the fencing token.")
    lines.append(f"web: {'answers' if found['web_answers'] else 'does not answer'}")
    return "\n".join([*lines, "", "All is well." if found["is_well"] else "NOT WELL."])
