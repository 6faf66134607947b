"""Changing the policy: what a change would have meant for the last pictures, and putting it in force, with a reason.

A preview asks nobody and writes nothing: the same pure rules, over the answers that are kept. Activating adds a
version; older ones stay, and decisions keep the number that they were taken under. Pictures are judged anew by whoever
asks about them from then on; the signals on lists follow within the sweeps of the next hour, the newest first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit
from detection.errors import EvidenceChanged, Refused
from detection.models import Analysis, Asset, PolicyVersion
from detection.policy import Rules, assess, level_for
from detection.standing import settle, situation_of
from detection.vocabulary import Level, Signal, SourceTier

PERMISSION = "detection.change_policy"
LAST = 500
"""Pictures that a preview looks at."""
REJUDGED_AT_ONCE = 300
REJUDGED_FOR = timedelta(hours=1)
"""For how long after an activation the sweeps bring the signals on lists up to date."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change means for the last pictures, before anybody's decision about them. `moved`: from, to → how many."""

    looked_at: int
    before: Mapping[Level, int]
    after: Mapping[Level, int]
    moved: Mapping[tuple[Level, Level], int] = field(default_factory=dict)
    asked_before: int = 0
    asked_after: int = 0
    """Pictures for which a person would be asked to look, before and after."""
    unflagged: int = 0
    """Pictures in which nothing would be found: those of which chance chooses some."""

    def rows(self) -> Iterator[tuple[Level, int, int]]:
        """Each level with its two numbers, the most severe first."""
        for level in reversed(Level):
            yield level, self.after.get(level, 0), self.before.get(level, 0)


def preview(document: Mapping[str, Any], *, desk: str = "", last: int = LAST) -> Preview:
    """The last pictures under the policy in force and under this document. Raises Refused for one that is wrong.

    `desk`: by whose rules. Two queries, however many pictures.
    """
    now, then = PolicyVersion.current().rules.of_desk(desk), Rules.parse(document).of_desk(desk)
    assets = list(Asset.objects.filter(detached_at=None, before_install=False).order_by("-pk")[:last])
    rows: dict[int, dict[str, Analysis]] = {}
    for analysis in Analysis.objects.filter(asset__in=[asset.pk for asset in assets]).present().order_by("pk"):
        rows.setdefault(analysis.asset_id, {})[analysis.provider] = analysis
    before: Counter[Level] = Counter()
    after: Counter[Level] = Counter()
    moved: Counter[tuple[Level, Level]] = Counter()
    asked, unflagged = [0, 0], 0
    for asset in assets:
        situation = situation_of(asset, list(rows.get(asset.pk, {}).values()))
        tier = SourceTier(asset.source_tier) if asset.source_tier in set(SourceTier) else SourceTier.UNKNOWN
        found = assess(situation, then)
        unflagged += found.signal is Signal.NONE_FOUND
        old, was_queued = level_for(assess(situation, now), tier, now)
        new, is_queued = level_for(found, tier, then)
        before[old] += 1
        after[new] += 1
        moved[old, new] += old is not new
        asked[0] += was_queued
        asked[1] += is_queued
    changes = {pair: count for pair, count in moved.items() if count}
    return Preview(len(assets), before, after, changes, asked[0], asked[1], unflagged)


def activate(document: Mapping[str, Any], *, by: Any, reason: str, based_on: int) -> PolicyVersion:
    """Put a policy in force. `based_on`: the number of the version that its author saw.

    Raises NotPermitted, recorded; Refused for a document that is wrong or a reason that is too short; EvidenceChanged
    where another version came in force meanwhile.
    """
    if by is None or not (by.is_active and by.has_perm(PERMISSION)):
        raise audit.denied(PERMISSION, by=by, sentence=_("You may not change the policy."))
    Rules.parse(document)
    current = PolicyVersion.current()
    least = current.rules.min_note
    if len(reason.strip()) < least:
        raise Refused(_("Say why, in at least %(least)d characters. Nothing was changed.") % {"least": least})
    changed = sorted(differences(current.document, document))
    if not changed:
        raise Refused(_("This is the policy that is in force already. Nothing was changed."))
    if current.number != based_on:
        raise EvidenceChanged(_("Another policy came in force meanwhile. Look at it, and change that one."))
    highest = PolicyVersion.objects.order_by("-number").values_list("number", flat=True)[0]
    facts: dict[str, Any] = {"number": highest + 1, "before": current.number, "changed": changed[:200]}
    try:
        with transaction.atomic():
            made = PolicyVersion.objects.create(
                number=highest + 1,
                document=dict(document),
                reason=reason.strip(),
                author=by,
                author_label=audit.name_of(by),
                activated_at=timezone.now(),
            )
            audit.record("policy.activated", by=by, note=reason.strip(), document=dict(document), **facts)
    except IntegrityError:
        raise EvidenceChanged(_("Another policy came in force meanwhile. Look at it, and change that one.")) from None
    return made


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """The places at which two documents differ: `levels.strong.staff: "acknowledge" → "hold"`."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            yield from differences(before.get(name), after.get(name), f"{at}.{name}" if at else str(name))
    elif before != after:
        yield f"{at}: {json.dumps(before)} → {json.dumps(after)}"


def rejudge(now: datetime) -> int:
    """After an activation, bring the signals of the newest pictures up to date; how many were looked at."""
    current = PolicyVersion.current()
    if current.number == 1 or not current.activated_at or current.activated_at < now - REJUDGED_FOR:
        return 0
    stale = Asset.objects.exclude(policy_number=current.number).filter(detached_at=None, standing_version__gt=0)
    chosen = list(stale.order_by("-pk")[:REJUDGED_AT_ONCE])
    for asset in chosen:
        with transaction.atomic():
            settle(asset)
    return len(chosen)
