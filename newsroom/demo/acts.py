"""What the demo's people have done before anybody looks, so that its histories tell something.

Each act goes through the doors that the pages use, with the evidence its author would have seen. `seed` asks; an act
that is done already is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile

from detection import gate, reviewing, switches
from detection.errors import DetectionError
from detection.models import Acknowledgement, Asset, Override, Review
from detection.vocabulary import Conclusion, Why
from newsroom import publishing
from newsroom.demo.environment import LABELS
from newsroom.demo.stories import CAT, CUP, DEEP_FIELD, GALLERY, GARDENS, LONG_READ, PALACE
from newsroom.demo.waiting import Watch
from newsroom.models import Photo, Placement, Story, StoryState

PRIMARY = next(iter(LABELS))
PAUSED_FOR = 20.0
"""Seconds within which a worker has noticed that its detector is paused."""


def person(username: str) -> Any:
    """One of the demo's people, as a user."""
    return get_user_model().objects.get(username=username)


def _photo(story: Story, position: int) -> Photo:
    return story.placements.select_related("photo").order_by("position")[position].photo


def _asset(story: Story, position: int) -> Asset:
    return Asset.objects.of(_photo(story, position)).get()


def _evidence(story: Story, asset: Asset) -> str:
    """What a person who looks now has before them."""
    return next(line.evidence for line in gate.report(story).lines if line.asset == asset)


@contextmanager
def detector_down(watch: Watch) -> Iterator[Callable[[Story], None]]:
    """While the detector is paused: gives the function that publishes a story whose picture it could not look at."""
    operator = person("operator")
    switches.pause(PRIMARY, by=operator, reason="The detector is down for maintenance.")

    def publish(story: Story) -> None:
        if story.state == StoryState.DRAFT:
            asset = _asset(story, 0)
            watch.until(lambda: Asset.objects.filter(pk=asset.pk, why=Why.PAUSED).exists(), seconds=PAUSED_FOR)
            publishing.publish(story, by=person("chief"))

    try:
        yield publish
    finally:
        switches.resume(PRIMARY, by=operator, reason="The maintenance is over.")


def lawn() -> list[int]:
    """The asset of the picture whose file changes, as long as it hasn't."""
    story = Story.objects.filter(slug=GARDENS.slug).first()
    if story is None or not story.placements.exists():
        return []
    return [asset.pk for asset in [_asset(story, 0)] if asset.generation == 1]


def lapse(file: Path) -> list[str]:
    """The editor acknowledges a picture, then its file is replaced by a larger one: the acknowledgement lapses."""
    if not lawn():
        return []
    story, editor = Story.objects.get(slug=GARDENS.slug), person("editor")
    asset, photo = _asset(story, 0), _photo(story, 0)
    problems = _done(story, lambda: _acknowledge(story, asset, by=editor))
    photo.image = ContentFile(file.read_bytes(), name=file.name)
    photo.original_name = file.name
    photo.save()
    return problems


def _acknowledge(story: Story, asset: Asset, *, by: Any) -> None:
    if not Acknowledgement.objects.filter(asset=asset).exists():
        gate.acknowledge(
            story,
            asset,
            by=by,
            evidence=_evidence(story, asset),
            reason_code="trusted_source_confirmed",
            note="The reader showed us the garden on a video call.",
        )


def history(stories: Mapping[str, Story]) -> list[str]:
    """The rest, once every picture was checked. Returns a sentence for each act that was refused."""
    editor = person("editor")
    if stories[CAT.slug].state == StoryState.DRAFT:
        publishing.submit(stories[CAT.slug], by=editor)
    if stories[PALACE.slug].state == StoryState.DRAFT:
        publishing.submit(stories[PALACE.slug], by=editor)
    acts = ((CUP, _reverse), (LONG_READ, _override), (GALLERY, _confirm))
    problems = [sentence for plan, act in acts for sentence in _tried(stories[plan.slug], act)]
    if stories[DEEP_FIELD.slug].state != StoryState.PUBLISHED:
        problems.append(f"“{DEEP_FIELD.headline}” was not published.")
    return problems


def _tried(story: Story, act: Callable[[Story], None]) -> list[str]:
    return _done(story, lambda: act(story))


def _done(story: Story, act: Callable[[], None]) -> list[str]:
    try:
        act()
    except DetectionError as error:
        return [f"“{story.headline}”: {error}"]
    return []


def _reverse(story: Story) -> None:
    """The chief clears a hold, and takes that back a moment later: the hold is there again."""
    asset, chief = _asset(story, 0), person("chief")
    if Review.objects.filter(asset=asset).exists():
        return
    made = reviewing.decide(
        asset,
        Conclusion.ACCEPTED,
        by=chief,
        evidence=_evidence(story, asset),
        subject=story,
        reason_code="detector_known_weakness",
        note="Even light on a glossy cup; this detector often trips over it.",
    )
    reviewing.undo(made, by=chief)


def _override(story: Story) -> None:
    """The chief lets the story go despite one picture, whose hold somebody else's tampering caused."""
    asset = _asset(story, 1)
    if Override.objects.filter(asset=asset).exists():
        return
    gate.override(
        story,
        asset,
        by=person("chief"),
        evidence=_evidence(story, asset),
        reason_code="original_seen",
        note="We hold the signed original beside it. Only the colours differ; its own label says the rest.",
        reader_label="Edited with AI: the moon was added",
    )


def _confirm(story: Story) -> None:
    """The chief confirms what the illustration declares, the editor acknowledges it, and the story is published."""
    asset, editor = _asset(story, 0), person("editor")
    if story.state != StoryState.DRAFT:
        return
    reviewing.decide(
        asset,
        Conclusion.CONFIRMED_AI_GENERATED,
        by=person("chief"),
        evidence=_evidence(story, asset),
        subject=story,
        reason_code="illustration_labelled",
        note="Made by our own illustrator with a generator, and declared by them.",
        reader_label=Placement.objects.get(story=story).reader_label,
    )
    gate.acknowledge(
        story, asset, by=editor, evidence=_evidence(story, asset), reason_code="illustration_labelled", note=""
    )
    publishing.publish(story, by=editor)
