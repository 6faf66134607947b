"""The queue's page with 10 000 pictures that wait, against the same page with 100.

    python -m benchmarks.queue [--few 100] [--many 10000] [--rounds 15]

Both are asked by turns, by a chief of one of four desks, in this process, with the newsroom's own middleware and a
database of its own (SQLite in a folder that is deleted, or the empty PostgreSQL that DATABASE_URL names). What counts
is the ratio of the medians, and the number of queries; exit status 1 where the ratio is over 1.5, or they over 15.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

RATIO, QUERIES = 1.5, 15
PAGE = "/admin/detection/queue/"
PER_STORY = 4


def set_up(folder: Path) -> None:
    """The newsroom's settings, in a folder of its own."""
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "newsroom.settings",
            "DJANGO_SECRET_KEY": "only-for-benchmarks-and-nothing-else-0123456789abcdef",
            "DJANGO_ALLOWED_HOSTS": "testserver",
            "NEWSROOM_VAR": str(folder),
        }
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def fill(count: int, *, begin: int) -> None:
    """So many pictures that wait, four in each story, on four desks; every third story has its time."""
    from django.utils import timezone

    from detection import registry
    from detection.models import Asset, Place
    from detection.models.places import NEVER
    from newsroom.models import Desk, Photo, Placement, Story

    desks = [Desk.objects.get_or_create(slug=f"desk{n}", defaults={"name": f"Desk {n}"})[0] for n in range(4)]
    now, kind = timezone.now(), registry.content_type(Photo)
    stories = Story.objects.bulk_create(
        Story(slug=f"story-{n}", headline=f"Story {n}", desk=desks[n % 4], publish_at=_at(n, now))
        for n in range(begin // PER_STORY, (begin + count) // PER_STORY)
    )
    photos = Photo.objects.bulk_create(
        Photo(image=f"photos/{n}.jpg", headline=f"Picture {n}", source_tier="ugc", desk=stories[n // PER_STORY].desk)
        for n in range(count)
    )
    Placement.objects.bulk_create(
        Placement(story=stories[n // PER_STORY], photo=photo) for n, photo in enumerate(photos)
    )
    assets = Asset.objects.bulk_create(
        Asset(content_type=kind, object_key=str(photo.pk), label=photo.headline, source_tier="ugc", signal="strong",
              row="strong", evidence=f"{photo.pk:064x}", standing={"score": 0.94}, standing_version=1)
        for photo in photos
    )  # fmt: skip
    Place.objects.bulk_create(
        Place(asset=asset, subject_type="newsroom.story", subject_key=str(story.pk), subject_label=story.headline,
              desk=story.desk.slug, due=story.publish_at or NEVER, urge=3, signal="strong", tier="ugc", is_open=True)
        for n, asset in enumerate(assets)
        for story in [stories[n // PER_STORY]]
    )  # fmt: skip


def _at(number: int, now: Any) -> Any:
    return now + timedelta(minutes=number + 5) if number % 3 == 0 else None


def chief() -> Any:
    """A signed-in chief of two of the desks."""
    from django.contrib.auth.models import User
    from django.test import Client

    from newsroom.models import Desk, Membership, Role

    user = User.objects.create_user("dana", is_staff=True, first_name="Dana")
    for desk in Desk.objects.filter(slug__in=["desk0", "desk1"]):
        Membership.objects.create(user=user, desk=desk, role=Role.CHIEF)
    client = Client()
    client.force_login(user)
    return client


def measured(client: Any, rounds: int) -> tuple[float, int]:
    """The median of so many pages in seconds, and how many queries one asks."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    took = []
    for _round in range(rounds + 2):
        began = time.perf_counter()
        answer = client.get(PAGE)
        took.append(time.perf_counter() - began)
        if answer.status_code != 200:
            sys.exit(f"{PAGE} answered {answer.status_code}.")
    with CaptureQueriesContext(connection) as asked:
        client.get(PAGE)
    return statistics.median(took[2:]), len(asked)


def main() -> int:
    """Fill, measure, fill up, measure again, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        set_up(Path(folder))
        fill(chosen.few, begin=0)
        client = chief()
        few, few_queries = measured(client, chosen.rounds)
        fill(chosen.many - chosen.few, begin=chosen.few)
        many, many_queries = measured(client, chosen.rounds)
    ratio = many / few
    sys.stdout.write(
        f"{chosen.few} waiting: {few * 1000:.1f} ms, {few_queries} queries\n"
        f"{chosen.many} waiting: {many * 1000:.1f} ms, {many_queries} queries\n"
        f"ratio {ratio:.2f} (bar {RATIO}), queries at most {QUERIES}\n"
    )
    return int(ratio > RATIO or max(few_queries, many_queries) > QUERIES)


if __name__ == "__main__":
    sys.exit(main())
