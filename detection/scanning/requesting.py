"""Making the rows: which detectors are due for a picture, a new generation when its file changed, and a person's verbs.

An upload reads nothing and calls nobody here; it inserts rows and rings.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from detection import audit, queue, registry, waiting
from detection.conf import settings
from detection.errors import Refused, StorageUnavailable
from detection.models import Analysis, Asset, AuditEvent, PolicyVersion, moments
from detection.providers import providers
from detection.scanning.applying import move, skip
from detection.scanning.asking import asked_for, pending, pixel_aliases, request_one
from detection.scanning.exempting import exempt_from
from detection.scanning.rationing import refuse_where_used_up
from detection.scanning.reading import is_protected
from detection.scanning.urgency import pass_archives
from detection.standing import begin, settle
from detection.vocabulary import AnalysisStatus, Priority, Signal, Why

_S = AnalysisStatus
_KEPT_ELSEWHERE = gettext_lazy(
    "The same file is kept inside elsewhere too. It can be released by somebody who may release it everywhere."
)


def request_scan(obj: models.Model, *, by: Any = None, force: bool = False) -> Asset:
    """Make sure that every detector that is due has looked, or will look, at this picture.

    1. Find or make our handle; a new file name, or `force`, begins a new generation.
    2. What is unfinished of an older generation is superseded.
    3. A pending analysis for each detector that is due and has none yet; each is rung for.
    4. Settle, so that the screens say "queued" at once.
    Raises NotRegistered where the host's model is unknown, and Refused where a person asks for a new look (`force`) and
    today's budget of the primary detector is used up.
    """
    if force and by is not None:
        _refuse_where_used_up()
    return _request(obj, by=by, force=force, priority=Priority.NEWS)


def request_of_archive(obj: models.Model) -> Asset:
    """The same for a picture of an archive: nobody rings for it, and the bell lets it in when there is room."""
    return _request(obj, by=None, force=False, priority=Priority.LATER)


def _request(obj: models.Model, *, by: Any, force: bool, priority: Priority) -> Asset:
    kind = registry.asset_type(obj)
    name = kind.file_of(obj).name or ""
    with transaction.atomic():
        asset = Asset.objects.of(obj).first()
        if asset is None:
            asset, is_new = _first_seen(obj, kind, by=by, may_reuse=not force, priority=priority)
            if is_new:
                return asset
        Asset.objects.lock([asset.pk])
        asset.refresh_from_db()
        # What came back under the key of a deleted picture need not be the same picture.
        is_other_file = asset.file_name != name or asset.detached_at is not None
        _take_over(asset, kind, obj, name=name, is_other_file=is_other_file, forced=force)
        if is_other_file or force:
            _supersede(asset, by=by, forced=not is_other_file)
        _request_due(asset, kind, obj, by=by, may_reuse=not force, priority=priority)
        if by is not None:
            _ring_at_once(asset)
        settle(asset)
    return asset


def _ring_at_once(asset: Asset) -> None:
    """What waits in an archive's line is news as soon as a person asks for it."""
    behind = Analysis.objects.filter(asset=asset, priority__gt=Priority.NEWS).live()
    rows = list(behind.filter(priority=Priority.LATER))
    pass_archives(behind, moments.now())
    for row in rows:
        queue.ring(row)


def _refuse_where_used_up() -> None:
    primary = PolicyVersion.current().rules.primary_of(pixel_aliases())
    if primary is not None:
        refuse_where_used_up(providers[primary])


MOST_ANEW = 3
"""How often the system by itself begins anew with one picture, within twice the time that a scan may take."""


def begin_anew(asset: Asset) -> None:
    """Other bytes lie under the name of the file that was read: a new generation looks at them, once.

    Raises StorageUnavailable where that happened too often: then it is the storage that can't be relied on, the row
    waits like any other whose storage fails, and gives up at its deadline.
    """
    since = timezone.now() - timedelta(seconds=2 * settings.SCAN_DEADLINE)
    begun = AuditEvent.objects.filter(asset=asset, action="asset.file_changed", actor=None, at__gte=since)
    if begun.filter(facts__forced=True).count() >= MOST_ANEW:
        raise StorageUnavailable(_("The storage gives other bytes at each reading of this file."))
    with transaction.atomic():
        Asset.objects.lock([asset.pk])
        picture, present = asset.picture(), Asset.objects.get(pk=asset.pk)
        if picture is not None and present.generation == asset.generation:
            request_scan(picture, force=True)


def _first_seen(
    obj: models.Model, kind: registry.AssetType, *, by: Any, may_reuse: bool, priority: Priority
) -> tuple[Asset, bool]:
    """Insert handle, analyses, events and rings in one statement each, for an upload waits for it.

    False beside the asset: somebody was first.
    """
    asset = Asset(
        content_type=registry.content_type(obj),
        object_key=registry.key(obj),
        label=kind.label_of(obj),
        file_name=kind.file_of(obj).name or "",
        source_tier=kind.tier_of(obj),
        kept_inside=kind.keeps_inside(obj),
        host_graphic=kind.is_graphic(obj),
    )
    version = PolicyVersion.current()
    due = wanted(asset.kept_inside, version)
    made = [pending(asset, alias, may_reuse=may_reuse, priority=priority) for alias in due]
    begin(asset, made, version)
    try:
        with transaction.atomic():
            asset.save()
    except IntegrityError:
        return Asset.objects.of(obj).get(), False
    Analysis.objects.insert(made)
    seen = ("asset.seen", {"file": asset.file_name, "label": asset.label})
    audit.record_all([seen, *(asked_for(analysis) for analysis in made)], asset=asset, by=by)
    exempt = exempt_from(kind, obj)
    for analysis in made:
        if sentence := exempt(analysis.provider):
            skip(analysis, why=Why.EXEMPT, sentence=sentence)
        elif priority is not Priority.LATER:
            queue.wake("scan", analysis.pk, asks=analysis.provider)
    return asset, True


def wanted(is_inside: bool, version: PolicyVersion) -> list[str]:
    """The detectors that are due: those that read declarations, and the primary unless the picture is kept inside."""
    wanted = [alias for alias in providers.aliases() if not providers[alias].looks_at_pixels]
    primary = version.rules.primary_of(pixel_aliases())
    return [*wanted, primary] if primary and not is_inside else wanted


def _take_over(
    asset: Asset, kind: registry.AssetType, obj: models.Model, *, name: str, is_other_file: bool, forced: bool
) -> None:
    """Copy what the host says now; a new generation forgets what was read of the old file."""
    # A release was given for the file of that time, not for whatever comes after it.
    released_at = None if is_other_file else asset.released_at
    changes: dict[str, Any] = {
        "label": kind.label_of(obj),
        "source_tier": kind.tier_of(obj),
        "kept_inside": kind.keeps_inside(obj) and released_at is None,
        "released_at": released_at,
        "host_graphic": (is_graphic := kind.is_graphic(obj)),
        "said_graphic": asset.said_graphic if is_graphic == asset.host_graphic and not is_other_file else None,
        "file_name": name,
        "before_install": False,
        "detached_at": None,
    }
    if is_other_file or forced:
        changes |= {"generation": F("generation") + 1, "rejected_code": "", "rejected_sentence": "", "notes": []}
        changes |= {"sha256": "", "phash": "", "media_type": "", "width": None, "height": None, "size": None}
        changes |= {"read_generation": None, "looked_before": None, "evidence_before": ""}
        if not is_other_file and asset.signal not in (Signal.NOT_CHECKED, Signal.COULD_NOT_CHECK):
            changes |= {"looked_before": asset.generation, "evidence_before": asset.evidence}
        elif not is_other_file:
            changes |= {"looked_before": asset.looked_before, "evidence_before": asset.evidence_before}
    Asset.objects.filter(pk=asset.pk).update(**changes)
    asset.refresh_from_db()


def _supersede(asset: Asset, *, by: Any, forced: bool) -> None:
    audit.record("asset.file_changed", asset=asset, by=by, generation=asset.generation, forced=forced)
    for analysis in Analysis.objects.filter(asset=asset, generation__lt=asset.generation).live():
        move(analysis, _S.SUPERSEDED, by=by, completed_at=timezone.now())


def _request_due(
    asset: Asset, kind: registry.AssetType, obj: models.Model, *, by: Any, may_reuse: bool, priority: Priority
) -> None:
    present = {row.provider: row for row in Analysis.objects.filter(asset=asset).present().order_by("pk")}
    exempt = exempt_from(kind, obj)
    for alias in wanted(is_protected(asset), PolicyVersion.current()):
        row = present.get(alias)
        was_left_out = row is not None and row.status == _S.SKIPPED and row.why in (Why.PROTECTED, Why.EXEMPT)
        sentence = exempt(alias)
        if row is None or (was_left_out and not sentence):
            made = request_one(asset, alias, by=by, may_reuse=may_reuse, priority=priority)
            if made is not None and sentence:
                skip(made, why=Why.EXEMPT, sentence=sentence)
    if asset.kept_inside:
        for row in present.values():
            if row.is_live and row.provider in pixel_aliases():
                skip(row, why=Why.PROTECTED, sentence=_("Kept inside: not sent to any detector."))


def ask_second_opinion(asset: Asset, *, by: Any) -> list[Analysis]:
    """Ask every further pixel detector, by a person's click. Raises NotPermitted, or Refused where none is left."""
    picture = asset.picture()
    if picture is None or not asset.asset_type.allows(by, "detection.request_scan", picture):
        raise audit.denied("detection.request_scan", asset=asset, by=by)
    with transaction.atomic():
        Asset.objects.lock([asset.pk])
        asset.refresh_from_db()
        if is_protected(asset):
            raise Refused(_("This picture is kept inside. It is not sent to any detector."))
        asked = set(Analysis.objects.filter(asset=asset).present().values_list("provider", flat=True))
        further = [alias for alias in pixel_aliases() if alias not in asked]
        exempt = exempt_from(asset.asset_type, picture)
        for alias in further:
            if sentence := exempt(alias):
                raise Refused(sentence)
            refuse_where_used_up(providers[alias])
        made = [request_one(asset, alias, by=by, is_second_opinion=True) for alias in further]
        found = [analysis for analysis in made if analysis is not None]
        if not found:
            raise Refused(_("Every configured detector has been asked about this picture."))
        settle(asset)
    return found


def release_outside(asset: Asset, *, by: Any, reason: str) -> None:
    """Lift "kept inside" from this picture and from the same bytes elsewhere. Raises NotPermitted or Refused.

    Whoever lifts it must be allowed to for every picture that is kept inside with these bytes. Deleted ones are
    lifted along: nobody is left to be asked, and a copy deleted by mistake would bind the file for ever.
    """
    picture = asset.picture()
    if picture is None or not asset.asset_type.allows(by, "detection.release_outside", picture):
        raise audit.denied("detection.release_outside", asset=asset, by=by)
    least = PolicyVersion.current().rules.min_note
    if len(reason.strip()) < least:
        raise Refused(
            _("Say in at least %(least)d characters why this picture may be sent outside.") % {"least": least}
        )
    same = Q(pk=asset.pk) | (Q(sha256=asset.sha256) if asset.sha256 else Q())
    if not all(_may_release(one, by) for one in Asset.objects.filter(same, kept_inside=True)):
        raise audit.denied("detection.release_outside", asset=asset, by=by, sentence=str(_KEPT_ELSEWHERE))
    with transaction.atomic():
        released = list(Asset.objects.filter(same).order_by("pk"))
        Asset.objects.lock(one.pk for one in released)
        for one in released:
            Asset.objects.filter(pk=one.pk).update(kept_inside=False, released_at=timezone.now())
            audit.record("asset.released", asset=one, by=by, note=reason)
    for one in released:
        if (again := one.picture()) is not None:
            request_scan(again, by=by)


def _may_release(asset: Asset, by: Any) -> bool:
    picture = asset.picture()
    return picture is None or asset.asset_type.allows(by, "detection.release_outside", picture)


def detach(obj: models.Model) -> None:
    """The host deleted its object: what is live ends, the labelled handle and its history stay."""
    with transaction.atomic():
        asset = Asset.objects.of(obj).first()
        if asset is None or asset.detached_at:
            return
        Asset.objects.lock([asset.pk])
        for analysis in Analysis.objects.filter(asset=asset).live():
            move(analysis, _S.SUPERSEDED, completed_at=timezone.now())
        asset.detached_at = timezone.now()
        asset.save(update_fields=["detached_at"])
        audit.record("asset.detached", asset=asset)
        waiting.reckon(asset, is_locked=True)
