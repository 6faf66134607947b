"""A year of history against a hundredth of it: the timeline, its searches and the reports stay as fast.

    python -m benchmarks.history [--analyses 100000] [--rounds 5] [--export 0]

Two databases (SQLite, in a folder of its own) are filled with made-up rows, one with a hundredth of the other's. Each
page is asked by turns in both, in processes of their own; what counts is the ratio of the medians, and exit status 1
says that one is over the bar or asks over twenty times. `--export N`: also export N events, and tell the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

BAR, QUERIES, HUNDREDTH, MEGABYTES = 2.0, 20, 100, 300
BASE = "/admin/detection/auditevent/"
PAGES = {
    "timeline": "",
    "by picture": "?picture=Picture 000077",
    "by story": "?story=Story 000070",
    "by person": "?person=person 3",
    "by desk": "?desk=desk-1",
    "by day": "?since={day}&until={day}",
    "by reason": "?reason=original_seen",
    "by policy": "?policy=2",
    "everything at once": "?picture=Picture 7&person=person&desk=desk-1&reason=original_seen",
    "overrides": "overrides/",
    "detectors": "detectors/",
    "coverage": "coverage/",
}


def environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    key = "only-for-benchmarks-and-nothing-else-0123456789abcdef"
    return kept | {"DJANGO_SETTINGS_MODULE": "newsroom.settings", "DJANGO_SECRET_KEY": key, "NEWSROOM_VAR": str(folder)}


def child(folder: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.history", *arguments],
        env=environment(folder),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def fill(analyses: int) -> dict[str, Any]:
    """A picture an analysis; a tenth of them decided, a hundredth overridden, a third gone out; three events each."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.contrib.contenttypes.models import ContentType
    from django.core.management import call_command
    from django.utils import timezone

    from detection import models
    from newsroom.models import Photo, Story

    call_command("migrate", verbosity=0)
    now, people = timezone.now(), get_user_model()
    people.objects.create_superuser("reader")
    staff = [people.objects.create_user(f"person {number}") for number in range(20)]
    photo, story = (ContentType.objects.get_for_model(model) for model in (Photo, Story))

    def at(number: int) -> Any:
        return now - timedelta(days=365) * (1 - number / analyses)

    for first in range(0, analyses, 2000):
        numbers = range(first, min(first + 2000, analyses))
        assets = models.Asset.objects.bulk_create(
            models.Asset(
                content_type=photo,
                object_key=str(number),
                label=f"Picture {number:06}",
                source_tier=("staff", "agency", "ugc")[number % 3],
                signal=("strong", "none_found", "not_checked")[number % 3],
                evidence=f"{number:064}",
                conclusion="accepted" if number % 10 == 0 else "",
                standing_at=at(number),
                read_generation=1,
                sha256=f"{number:064x}",
            )
            for number in numbers
        )
        models.Analysis.objects.bulk_create(
            models.Analysis(
                asset=asset,
                provider="first",
                model=f"wild-{number % 3}",
                generation=1,
                status="complete",
                verdict=("likely_ai", "likely_human")[number % 2],
                basis="pixels",
                ai_score=0.5,
                deadline_at=now,
            )
            for number, asset in zip(numbers, assets, strict=True)
        )
        models.Passage.objects.bulk_create(
            models.Passage(
                at=at(number),
                subject_type="newsroom.story",
                subject_key=str(number),
                subject_label=f"Story {number}",
                desk=f"desk-{number % 4}",
                asset=asset,
                picture_label=asset.label,
                signal=asset.signal,
                why="queued",
                level="clear",
            )
            for number, asset in zip(numbers, assets, strict=True)
            if number % 3 == 2
        )
        decided = [(number, asset) for number, asset in zip(numbers, assets, strict=True) if number % 10 == 0]
        models.Review.objects.bulk_create(
            models.Review(asset=asset, evidence=asset.evidence, conclusion="accepted", created_at=at(number))
            for number, asset in decided
        )
        models.Override.objects.bulk_create(
            models.Override(
                subject_type=story,
                subject_key=str(number),
                asset=asset,
                evidence=asset.evidence,
                reason_code="original_seen",
                desk=f"desk-{number % 4}",
                author=staff[number % 20],
                author_role="Desk chiefs",
                created_at=at(number),
                ends_at=now,
            )
            for number, asset in decided
            if number % 100 == 0
        )
        _events(models, numbers, assets, at, staff)
    return {"events": models.AuditEvent.objects.count()}


def _events(models: Any, numbers: Any, assets: Any, at: Any, staff: Any) -> None:
    from detection.audit.chain import commitment

    made = []
    for number, asset in zip(numbers, assets, strict=True):
        made += [
            models.AuditEvent(at=at(number), action="asset.seen", asset=asset, facts={"file": "a.jpg"}),
            models.AuditEvent(at=at(number), action="analysis.complete", asset=asset, facts={"provider": "first"}),
        ]
        facts = {"desk": f"desk-{number % 4}", "reason": "original_seen", "policy": 1 + number % 3}
        person = staff[number % 20] if number % 10 == 0 else None
        made.append(
            models.AuditEvent(
                at=at(number),
                action="review.concluded" if person else "asset.standing_changed",
                asset=asset,
                subject_type="newsroom.story" if person else "",
                subject_key=str(number) if person else "",
                subject_label=f"Story {number:06}" if person else "",
                actor=person,
                facts=facts if person else {"before": {"signal": ""}, "after": {"signal": "strong"}},
                commitments={"actor": commitment("s", person.username)} if person else {},
                **(facts if person else {}),
            )
        )
    models.AuditEvent.objects.bulk_create(made)
    models.AuditPersonal.objects.bulk_create(
        models.AuditPersonal(event=event, name="actor", salt="s", value=event.actor.username)
        for event in made
        if event.actor_id
    )


def measure(rounds: int) -> dict[str, Any]:
    """Milliseconds (median) and queries of each page."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(get_user_model().objects.get(username="reader"))
    day = timezone.localdate() - timedelta(days=100)
    found: dict[str, Any] = {}
    for name, page in PAGES.items():
        times = []
        for _ in range(rounds + 1):
            with CaptureQueriesContext(connection) as sent:
                began = time.perf_counter()
                answer = client.get(BASE + page.format(day=day))
                times.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise SystemExit(f"{name}: {answer.status_code}")
        queries = len([one for one in sent.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))])
        found[name] = [statistics.median(times[1:]), queries]
    return found


def export(events: int) -> dict[str, Any]:
    """Export so many sealed events; megabytes of this process's memory at most, and seconds."""
    import django

    django.setup()
    from detection import models
    from detection.audit.chain import GENESIS, digest_of, link
    from detection.history import exporting

    prev, seq = GENESIS, models.AuditSeal.objects.count()
    while seq < events:
        made = models.AuditEvent.objects.bulk_create(
            models.AuditEvent(action="asset.seen", facts={"n": number})
            for number in range(seq, min(seq + 5000, events))
        )
        seals = []
        for event in made:
            seq += 1
            digest = digest_of(str(event.pk))
            hashed = link(prev, digest)
            seals.append(models.AuditSeal(seq=seq, event=event, prev=prev, digest=digest, hash=hashed))
            prev = hashed
        models.AuditSeal.objects.bulk_create(seals)
    models.AuditSeal.objects.filter(seq=1).exists()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    manifest = exporting.Manifest("jsonl", exporting.Wanted(), "", django.utils.timezone.now(), 0)
    began, size = time.monotonic(), 0
    for line in exporting.lines(manifest):
        size += len(line)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"count": manifest.count, "mb": most, "before_mb": before, "bytes": size, "s": time.monotonic() - began}


def compare(analyses: int, rounds: int, exported: int) -> int:
    failed = False
    with tempfile.TemporaryDirectory(prefix="history-") as name:
        big, small = Path(name) / "year", Path(name) / "hundredth"
        for folder, number in ((big, analyses), (small, max(analyses // HUNDREDTH, 100))):
            folder.mkdir()
            print(f"{folder.name}: {number} analyses, {child(folder, '--fill', str(number))['events']} events")
        runs: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for _ in range(3):
            runs.append((child(big, "--measure", str(rounds)), child(small, "--measure", str(rounds))))
        for page in PAGES:
            year, part = (statistics.median(run[which][page][0] for run in runs) for which in (0, 1))
            queries = runs[0][0][page][1]
            over = year / part > BAR or queries > QUERIES
            failed |= over
            said = f"{page:20} {year:8.1f} ms against {part:8.1f} ms, ratio {year / part:5.2f}, {queries} queries"
            print(said + (" OVER THE BAR" if over else ""))
        if exported:
            folder = Path(name) / "export"
            folder.mkdir()
            child(folder, "--fill", "1")
            told = child(folder, "--export-here", str(exported))
            over = told["mb"] > MEGABYTES
            failed |= over
            print(
                f"export: {told['count']} events in {told['s']:.0f} s, {told['mb']:.0f} MB at most" + (" OVER" * over)
            )
    return int(failed)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--analyses", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--export", type=int, default=0)
    for own in ("--fill", "--measure", "--export-here"):
        parser.add_argument(own, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill is not None:
        print(json.dumps(fill(given.fill)))
    elif given.measure is not None:
        print(json.dumps(measure(given.measure)))
    elif given.export_here is not None:
        print(json.dumps(export(given.export_here)))
    else:
        return compare(given.analyses, given.rounds, given.export)
    return 0


if __name__ == "__main__":
    sys.exit(main())
