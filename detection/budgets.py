"""How many pictures a detector may be sent a day: counted in one row a day, by compare-and-set, before each is sent.

A day is a calendar day in the site's TIME_ZONE. At four fifths of the option `daily_budget` somebody is told, once a
day; at its end nothing more is sent until midnight. An archive stops at four fifths, so that it never eats what the
day's own pictures need. Asked by `scanning` before it claims a row and again before it sends, by the doctor and by the
screens.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection import audit
from detection.models import ProviderDay
from detection.providers import providers

logger = logging.getLogger("detection")


@dataclass(frozen=True, slots=True)
class Budget:
    """One detector's budget on one day. `most`, `used`: pictures."""

    alias: str
    title: str
    most: int
    used: int
    goes_on_at: datetime
    """The midnight at which the next day's budget begins."""

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more is sent today."""
        return self.used >= self.most

    @property
    def is_low(self) -> bool:
        """Whether four fifths are used: somebody is told, and archives wait."""
        return self.used >= for_archive(self.most)

    @property
    def sentence(self) -> str:
        """How it stands, and where nothing more is sent, until when."""
        if not self.is_used_up:
            words = _("Sent today: %(used)d of at most %(most)d pictures.")
            return words % {"used": self.used, "most": self.most}
        return used_up_sentence(self.most, self.goes_on_at)


def for_archive(most: int) -> int:
    """Of a budget of `most` pictures a day, those that an archive may use, which is also where somebody is warned."""
    return max(1, most * 4 // 5)


def used_up_sentence(most: int, until: datetime) -> str:
    """That nothing more is sent today, and when it goes on."""
    words = ngettext(
        "Today's budget of %(most)d picture is used up. Going on at %(time)s.",
        "Today's budget of %(most)d pictures is used up. Going on at %(time)s.",
        most,
    )
    return words % {"most": most, "time": f"{_local(until):%H:%M}"}


def archive_sentence(most: int, until: datetime) -> str:
    """That pictures of an archive wait for the next day, while the day's own are still sent."""
    words = _(
        "The archive's share of today's budget (%(share)d of %(most)d pictures) is used up. Going on at %(time)s."
    )
    return words % {"share": for_archive(most), "most": most, "time": f"{_local(until):%H:%M}"}


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment, timezone.get_default_timezone())


def day_of(now: datetime) -> date:
    """The calendar day, in the site's own time zone, to which a picture that is sent now belongs."""
    return _local(now).date()


def next_day(now: datetime) -> datetime:
    """The midnight, in the site's own time zone, at which the next day's budget begins."""
    tomorrow = day_of(now) + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, tzinfo=timezone.get_default_timezone())


def all_of(now: datetime) -> list[Budget]:
    """How the budgets of the configured detectors stand, in their order; those without one are left out."""
    rows = dict(ProviderDay.objects.filter(day=day_of(now)).values_list("alias", "calls"))
    found = []
    for alias in providers.aliases():
        most = providers[alias].daily_budget
        if most is not None:
            found.append(Budget(alias, providers[alias].title, most, rows.get(alias, 0), next_day(now)))
    return found


def left(alias: str, *, most: int, now: datetime, is_archive: bool = False) -> int:
    """How many more pictures may be sent today, of an archive or of the day's own; 0 at its end."""
    used = ProviderDay.objects.filter(alias=alias, day=day_of(now)).values_list("calls", flat=True).first() or 0
    return max(0, (for_archive(most) if is_archive else most) - used)


def take(alias: str, *, most: int, now: datetime, is_archive: bool = False) -> bool:
    """Count one picture that is about to be sent; False where the day's budget, or an archive's share, is used up."""
    day = day_of(now)
    row = ProviderDay.objects.get_or_create(alias=alias, day=day)[0]
    limit = for_archive(most) if is_archive else most
    today = ProviderDay.objects.filter(pk=row.pk)
    if not today.filter(calls__lt=limit).update(calls=F("calls") + 1):
        if not is_archive:
            note_used_up(alias, most=most, now=now)
        return False
    if row.warned_at is None and today.filter(calls__gte=for_archive(most), warned_at=None).update(warned_at=now):
        audit.record("provider.budget_low", provider=alias, most=most, used=for_archive(most), day=day)
        logger.warning("%s has used %d of today's budget of %d pictures.", alias, for_archive(most), most)
    return True


def note_used_up(alias: str, *, most: int, now: datetime) -> None:
    """Record and log, once a day, that this detector is sent nothing more until midnight."""
    day = day_of(now)
    today = ProviderDay.objects.filter(alias=alias, day=day, calls__gte=most, used_up_at=None)
    if today.update(used_up_at=now):
        audit.record("provider.budget_used_up", provider=alias, most=most, day=day, until=next_day(now))
        logger.warning("%s: %s", alias, used_up_sentence(most, next_day(now)))


def give_back(alias: str, *, now: datetime) -> None:
    """A picture that was counted never left the house; `now`: the moment at which it was counted."""
    ProviderDay.objects.filter(alias=alias, day=day_of(now), calls__gt=0).update(calls=F("calls") - 1)
