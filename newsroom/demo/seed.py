"""Fills the demo's house: desks, people, stories and their pictures, each through the newsroom's own doors.

`launch` asks, with workers and detectors running. What is there already is left as it is, so that an interrupted
start goes on where it stopped and nothing that somebody deleted comes back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from detection.models import Asset
from detection.testing.images import decode, encode
from newsroom import publishing, uploads
from newsroom.demo import acts
from newsroom.demo.pictures import DemoPicture
from newsroom.demo.stories import DEEP_FIELD, DESKS, NIGHT_LAUNCH, PEOPLE, UPLOADED, Placed, Plan
from newsroom.demo.waiting import Watch
from newsroom.models import Desk, Membership, Photo, Placement, Story, StoryState

LAUNCH_IN = timedelta(minutes=18)
"""How long after each start of the demo its scheduled story goes out."""
PROOF = "readers-lawn-small.jpg"
"""The first, smaller version of one picture, which its real file later replaces."""


def proof(folder: Path, lawn: DemoPicture) -> str:
    """Make the smaller version of the lawn beside the lawn; the sha256 of its file, in hex."""
    content = encode(decode((folder / lawn.filename).read_bytes()), quality=45)
    (folder / PROOF).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def seed(pictures: Mapping[str, DemoPicture], folder: Path, watch: Watch) -> list[str]:
    """Write every story, wait for the checks, and let people act. Returns a sentence for everything that went wrong."""
    make_people()
    with acts.detector_down(watch) as published:
        published(write(DEEP_FIELD, pictures, folder))
    stories = {plan.slug: write(plan, pictures, folder) for plan in UPLOADED}
    if waiting := acts.lawn():
        watch.until_checked("First version of a picture checked", only=waiting)
    problems = acts.lapse(folder / pictures["lawn"].filename)
    watch.until_checked("Pictures checked")
    return problems + acts.history(stories)


def make_people() -> None:
    """The desks, and everybody with the demo's password."""
    for slug, (name, is_confidential) in DESKS.items():
        Desk.objects.get_or_create(slug=slug, defaults={"name": name, "is_confidential": is_confidential})
    for person in PEOPLE.values():
        user, _ = get_user_model().objects.get_or_create(
            username=person.username,
            defaults={"first_name": "Demo", "last_name": person.surname, "is_staff": True},
        )
        if not user.check_password(settings.DEMO_PASSWORD):
            user.set_password(settings.DEMO_PASSWORD)
            user.save()
        if person.group:
            user.groups.add(Group.objects.get(name=person.group))
        for slug, role in person.desks:
            Membership.objects.get_or_create(user=user, desk=Desk.objects.get(slug=slug), defaults={"role": role})


def write(plan: Plan, pictures: Mapping[str, DemoPicture], folder: Path) -> Story:
    """One story with its pictures, whole or not at all; one that is there is returned as it is."""
    author = acts.person(plan.author)
    with transaction.atomic():
        story, is_new = Story.objects.get_or_create(
            slug=plan.slug,
            defaults={
                "headline": plan.headline,
                "body": plan.body,
                "desk": Desk.objects.get(slug=plan.desk),
                "author": author,
            },
        )
        if is_new:
            for placed in plan.pictures:
                _upload(story, placed, pictures[placed.key], folder, by=author)
    return story


def _upload(story: Story, placed: Placed, picture: DemoPicture, folder: Path, *, by: Any) -> None:
    name = PROOF if placed.key == "lawn" else picture.filename
    particulars = uploads.Particulars(source_tier=picture.source_tier, credit=picture.credit)
    file = ContentFile((folder / name).read_bytes(), name=name)
    photo = uploads.receive(file, by=by, story=story, particulars=particulars)
    for field in ("headline", "caption", "alt_text", "licence"):
        setattr(photo, field, getattr(picture, field))
    photo.save()
    Placement.objects.filter(story=story, photo=photo).update(use=placed.use, reader_label=placed.label)


def retime() -> None:
    """Put the launch 18 minutes from now again, unless somebody let it go out, took it back or deleted it."""
    waiting = (StoryState.DRAFT, StoryState.SUBMITTED, StoryState.SCHEDULED)
    story = Story.objects.filter(slug=NIGHT_LAUNCH.slug, state__in=waiting).first()
    if story is not None:
        publishing.schedule(story, timezone.now() + LAUNCH_IN, by=acts.person("editor"))


def licences() -> list[tuple[str, str, str]]:
    """Headline, credit and licence of every picture of the demo, for the page that shows them."""
    shown = Photo.objects.exclude(licence="").order_by("pk").values_list("headline", "credit", "licence")
    return list(shown)


def held_picture() -> tuple[Story, Asset] | None:
    """The scheduled story and the handle of the picture that holds it; None where somebody took either away."""
    placed = Placement.objects.filter(story__slug=NIGHT_LAUNCH.slug).select_related("story", "photo")
    last = placed.order_by("position").last()
    asset = Asset.objects.of(last.photo).first() if last is not None else None
    return (last.story, asset) if last is not None and asset is not None else None
