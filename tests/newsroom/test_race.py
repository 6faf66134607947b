"""A verdict that lands while a story goes out: whatever the moment, nothing goes out past a verdict that is there."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from detection import scanning
from detection.models import Analysis, Asset, AuditEvent
from detection.providers.scripted import ScriptedProvider
from detection.results import ScanResult
from detection.vocabulary import Verdict
from newsroom import publishing
from newsroom.models import Photo, Story, StoryState

from .conftest import Upload, asset_of

ROUNDS = 100
FINDS = ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.97)


def again(story: Story, photo: Photo) -> Analysis:
    """The story as a draft again, its picture's check on its way: `not checked` lets a staff picture go."""
    Story.objects.filter(pk=story.pk).update(state=StoryState.DRAFT)
    story.placements.update(published_file="", published_use="")
    story.refresh_from_db()
    row = Analysis.objects.filter(asset=asset_of(photo), provider="scripted").get()
    Analysis.objects.filter(pk=row.pk).update(status="awaiting_callback", verdict="", ai_score=None)
    return Analysis.objects.select_related("asset").get(pk=row.pk)


@contextmanager
def just_before(part: str, act: Callable[[], Any]) -> Iterator[None]:
    """Do `act` right before the first statement that begins like `part`."""
    is_done = False

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_done
        if not is_done and sql.startswith(part):
            is_done = True
            act()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield


@pytest.mark.django_db
def test_a_hundred_verdicts_between_looking_and_publishing(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User
) -> None:
    """F07: before the request, after the first look and before the lock, or after the publication; both databases."""
    scripted.will_return("likely_human", ai_score=0.02)
    photo = upload(tier="staff")
    assert publishing.publish(story, by=erin).published
    moments = random.Random(7)
    seen: dict[str, int] = {}
    for _round in range(ROUNDS):
        row = again(story, photo)

        def land(row: Analysis = row) -> None:
            assert scanning.apply_result(row, FINDS)

        moment = moments.choice(("before", "between", "after"))
        seen[moment] = seen.get(moment, 0) + 1
        if moment == "before":
            land()
        if moment == "between":
            # The first write of the publishing transaction is the lock on the picture's row.
            with just_before('UPDATE "detection_asset"', land):
                outcome = publishing.publish(story, by=erin)
        else:
            outcome = publishing.publish(story, by=erin)
        if moment == "after":
            land()
        assert outcome.published == (moment == "after"), (moment, outcome.sentence)
        assert Story.objects.get(pk=story.pk).is_draft == (moment != "after")
    assert len(seen) == 3, seen


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a database that several connections share")
def test_a_hundred_verdicts_at_the_very_moment_of_publishing(committed_db: None, request: Any) -> None:
    """F07: two transactions at once. What the history says of the answer is what became of the story."""
    story, photo, erin = _committed(request)
    published = 0
    for _round in range(ROUNDS):
        row = again(story, photo)
        last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        together = threading.Barrier(2)
        outcomes: list[publishing.Outcome] = []

        def publish(together: threading.Barrier = together, outcomes: list[publishing.Outcome] = outcomes) -> None:
            try:
                together.wait(10)
                outcomes.append(publishing.publish(Story.objects.get(pk=story.pk), by=erin))
            finally:
                connection.close()

        def land(together: threading.Barrier = together, row: Analysis = row) -> None:
            try:
                together.wait(10)
                scanning.apply_result(row, FINDS)
            finally:
                connection.close()

        threads = [threading.Thread(target=one) for one in (publish, land)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        [outcome] = outcomes
        told = AuditEvent.objects.filter(pk__gt=last, action__in=("gate.passed", "gate.refused")).get()
        signals = {one["signal"] for one in told.facts["pictures"]}
        assert outcome.published == (told.action == "gate.passed") == ("strong" not in signals)
        assert Story.objects.get(pk=story.pk).is_draft == (not outcome.published)
        published += outcome.published
        assert Asset.objects.get(pk=row.asset_id).signal == "strong", "the verdict is never lost"
    assert published < ROUNDS


def _committed(request: Any) -> tuple[Story, Photo, User]:
    """The same cast, made once the database commits."""
    scripted: ScriptedProvider = request.getfixturevalue("scripted")
    scripted.will_return("likely_human", ai_score=0.02)
    upload: Upload = request.getfixturevalue("upload")
    photo = upload(tier="staff")
    story: Story = request.getfixturevalue("story")
    return story, photo, request.getfixturevalue("erin")
