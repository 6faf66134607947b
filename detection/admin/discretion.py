"""A picture's history as one person may read it: what happened about another desk's story names nobody and nothing.

Asked by the review page. That something happened, and when, is told to everybody who may look at the picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from detection import audit, reach, registry
from detection.errors import NotRegistered
from detection.models import Asset, AuditEvent


def history_for(user: Any, asset: Asset) -> list[audit.Entry]:
    """The picture's history, newest first, without what belongs to publishables that `user` may not read."""
    entries = audit.history(asset=asset)
    if user.is_active and user.has_perm("detection.view_audit"):
        return entries
    hidden = _hidden(user, asset, [entry.event_id for entry in entries])
    return [_blank(entry) if entry.event_id in hidden else entry for entry in entries]


def _blank(entry: audit.Entry) -> audit.Entry:
    return replace(entry, actor_label=_("On another desk"), subject_label="", note="", facts={})


def _hidden(user: Any, asset: Asset, event_ids: list[int]) -> set[int]:
    about = AuditEvent.objects.filter(pk__in=event_ids).exclude(subject_type="")
    by_type: dict[str, dict[int, str]] = defaultdict(dict)
    for pk, label, key in about.values_list("pk", "subject_type", "subject_key"):
        by_type[label][pk] = key
    hidden: set[int] = set()
    for label, keys in by_type.items():
        readable = _readable(user, asset, label, set(keys.values()))
        hidden |= {pk for pk, key in keys.items() if key not in readable}
    return hidden


def _readable(user: Any, asset: Asset, label: str, keys: Iterable[str]) -> set[str]:
    """Those of the keys whose objects this person may read; of the picture's own kind, the picture itself."""
    try:
        if registry.asset_type(label).model_class is asset.content_type.model_class():
            return {asset.object_key}
    except NotRegistered:
        pass
    try:
        kind = registry.publishable_type(label)
    except NotRegistered:
        return set()
    found: set[str] = set()
    for permission in reach.ON_SUBJECT:
        within = reach.keys_of(kind, user, permission).filter(detection_key__in=keys)
        found |= {row["detection_key"] for row in within}
    return found
