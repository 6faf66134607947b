"""Pictures of an archive: asked about like any other, and let in a few at a time, while no news waits.

`detection_scan` requests a whole archive at once, and a story that goes out in ten minutes must not stand behind it. So
its rows are inserted as `Priority.LATER` and nobody rings for them; the bell lets in as many as the workers can take
now. While news waits it is one for each detector, so that an archive makes progress also in a house that is never
quiet. Asked by `sweeping` each second and by the command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db import models, transaction

from detection import budgets, queue, ratelimit, registry, switches
from detection.conf import settings
from detection.models import Analysis, Asset, PolicyVersion
from detection.providers import providers
from detection.scanning.requesting import wanted
from detection.vocabulary import AnalysisStatus, Priority

_S = AnalysisStatus
PORTION = 500
"""Pictures that are held in memory at once."""
_HERE = 0.5
"""Seconds of one core that an embedded detector takes for a picture."""


def let_in(now: datetime) -> int:
    """Ring for as many rows of archives as there is room for; the number rung. Each is guarded by compare-and-set."""
    rung = 0
    most: int | None = None
    for alias in _waiting():
        if most is None:
            most = 1 if _news_waits(now) else queue.hands()
        for pk in Analysis.objects.in_archive(alias).values_list("pk", flat=True)[: _room(alias, most, now)]:
            with transaction.atomic():
                if Analysis.objects.in_archive(alias).filter(pk=pk).update(**_its_turn(now)):
                    queue.wake("scan", pk, asks=alias)
                    rung += 1
    return rung


def _its_turn(now: datetime) -> dict[str, Any]:
    """The time that it waited does not count against its deadline."""
    deadline = now + timedelta(seconds=settings.SCAN_DEADLINE)
    return {"priority": Priority.ARCHIVE, "next_attempt_at": now, "rung_at": now, "deadline_at": deadline}


def _waiting() -> Iterator[str]:
    """The aliases for which rows of an archive wait; of an alias that is not configured any more, too."""
    rows = Analysis.objects.filter(priority=Priority.LATER, status=_S.PENDING_SCAN).order_by("provider")
    alias = rows.values_list("provider", flat=True).first()
    while alias is not None:
        yield alias
        alias = rows.filter(provider__gt=alias).values_list("provider", flat=True).first()


def _news_waits(now: datetime) -> bool:
    """Whether anything else is due, or rings enough wait to keep every worker busy."""
    return Analysis.objects.due(now).filter(priority=Priority.NEWS).exists() or queue.waiting() > queue.hands()


def _room(alias: str, most: int, now: datetime) -> int:
    """How many more may be let in: none for a detector that can't be asked now, where they would only pile up."""
    provider = providers.get(alias)
    room = most - Analysis.objects.let_in(alias).count()
    if room <= 0 or provider is None or provider.is_embedded:
        return max(0, room)
    if switches.is_paused(alias):
        return 0
    if provider.daily_budget is not None:
        room = min(room, budgets.left(alias, most=provider.daily_budget, now=now, is_archive=True))
    return room


@dataclass(frozen=True, slots=True)
class Lacking:
    """A picture, and the detectors that are due for it and have not looked at its present file."""

    picture: models.Model
    aliases: tuple[str, ...]


def pictures(kind: registry.AssetType) -> models.QuerySet[Any]:
    """The host's pictures of this kind, in the order in which they are walked through."""
    return kind.model_class._default_manager.order_by("pk")


def walk(kind: registry.AssetType) -> Iterator[list[Lacking]]:
    """Every picture that has a file, in portions, with what it lacks; memory stays flat however many there are."""
    version, last = PolicyVersion.current(), None
    while True:
        rows = pictures(kind) if last is None else pictures(kind).filter(pk__gt=last)
        portion = list(rows[:PORTION])
        if not portion:
            return
        last = portion[-1].pk
        yield _lacking(kind, [one for one in portion if kind.file_of(one)], version)


def _lacking(kind: registry.AssetType, portion: list[Any], version: PolicyVersion) -> list[Lacking]:
    assets = Asset.objects.of_many(portion)
    type_id = registry.content_type(kind.model_class).pk
    present: dict[int, set[str]] = {}
    rows = Analysis.objects.filter(asset__in=[asset.pk for asset in assets.values()]).present()
    for asset_id, alias in rows.values_list("asset_id", "provider"):
        present.setdefault(asset_id, set()).add(alias)
    due = {is_inside: wanted(is_inside, version) for is_inside in (False, True)}
    found = []
    for picture in portion:
        asset = assets.get((type_id, registry.key(picture)))
        is_other_file = asset is not None and asset.file_name != kind.file_of(picture).name
        has = present.get(asset.pk, set()) if asset is not None and not is_other_file else set()
        is_inside = asset.kept_inside if asset is not None else kind.keeps_inside(picture)
        found.append(Lacking(picture, tuple(alias for alias in due[is_inside] if alias not in has)))
    return found


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an archive will cost at one detector: at most so many calls, `seconds` at its rate, `days` by its budget."""

    title: str
    calls: int
    rate: str
    seconds: float
    budget: int | None
    days: int
    is_embedded: bool

    @property
    def share(self) -> int:
        """Of the day's budget, what an archive may use."""
        return budgets.for_archive(self.budget) if self.budget else 0


def estimates(calls: Mapping[str, int] | Counter[str]) -> list[Estimate]:
    """An estimate for each alias, given how many pictures each lacks. What equal files save is not known before."""
    found = []
    for alias, number in sorted(calls.items()):
        provider = providers[alias]
        interval = _HERE if provider.is_embedded else ratelimit.interval_of(provider.rate)
        most = provider.daily_budget
        days = ceil(number / budgets.for_archive(most)) if most else 0
        found.append(
            Estimate(provider.title, number, provider.rate, number * interval, most, days, provider.is_embedded)
        )
    return found
