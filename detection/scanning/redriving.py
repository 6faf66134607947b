"""Starting again what gave up: by a person or by command, one or many, with an answer for each.

What a vendor *rejected* is not among them: the same picture would get the same answer, and an editor can replace the
file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from detection import audit, queue
from detection.conf import settings
from detection.errors import AmbiguousTimeout, NotPermitted
from detection.models import Analysis, moments
from detection.scanning.applying import move
from detection.vocabulary import AnalysisStatus, Priority

_S = AnalysisStatus
PERMISSION = "detection.redrive"


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one: started once more, or the sentence why not."""

    analysis: Analysis
    is_started: bool
    sentence: str


def redrive(analysis: Analysis, *, by: Any) -> bool:
    """Start an analysis that gave up once more, with a deadline of its own; False where `why_not` has a reason."""
    if by is not None and not by.has_perm(PERMISSION):
        sentence = _("You may not start checks again. An operator can do it.")
        raise audit.denied(PERMISSION, asset=analysis.asset, by=by, sentence=sentence)
    if _is_about_something_else(analysis):
        return False
    now = moments.now()
    is_archive = analysis.priority != Priority.NEWS and analysis.wanted_by is None
    # What could not be read would be read no better: it is sent anew. What is still open is looked up first.
    is_open = analysis.error_class == AmbiguousTimeout.error_class
    anew: dict[str, Any] = {} if is_open else {"submitted_at": None, "provider_reference": ""}
    try:
        with transaction.atomic():
            moved = move(
                analysis,
                _S.PENDING_SCAN,
                by=by,
                action="analysis.redriven",
                redrives=F("redrives") + 1,
                attempts=0,
                faults=0,
                completed_at=None,
                why="",
                error_class="",
                error_sentence="",
                **anew,
                next_attempt_at=now,
                rung_at=None,
                priority=Priority.LATER if is_archive else Priority.NEWS,
                deadline_at=now + timedelta(seconds=settings.SCAN_DEADLINE),
            )
            if moved and not is_archive:
                analysis.refresh_from_db()
                queue.ring(analysis, now=now)
    except IntegrityError:
        return False
    return moved


def redrive_each(analyses: Iterable[Analysis], *, by: Any) -> Iterator[Redriven]:
    """The same for many, one after the other, each in a transaction of its own; an answer for each."""
    for analysis in analyses:
        try:
            is_started = redrive(analysis, by=by)
        except NotPermitted as error:
            yield Redriven(analysis, False, str(error))
            continue
        yield Redriven(analysis, is_started, _("Started once more.") if is_started else why_not(analysis))


def why_not(analysis: Analysis) -> str:
    """Why this one cannot be started again, by the first reason that fits, as the rows stand now."""
    analysis.refresh_from_db()
    analysis.asset.refresh_from_db()
    if analysis.asset.detached_at is not None:
        return _("The picture was deleted. There is nothing to check.")
    if analysis.generation != analysis.asset.generation:
        return _("The picture has another file, or was looked at anew, since then. That look counts.")
    if analysis.is_live:
        return _("It is being checked already.")
    if analysis.status != _S.DEAD:
        return _("It did not give up.")
    return _("A newer check of this picture by the same detector is under way.")


def _is_about_something_else(analysis: Analysis) -> bool:
    """Whether the picture is gone, or its present file is not the one that this analysis was about."""
    return analysis.asset.detached_at is not None or analysis.generation != analysis.asset.generation
