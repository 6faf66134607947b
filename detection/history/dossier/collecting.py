"""What our rows say about one picture: file and overlays, checks, declarations, decisions, notes, what went out."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, QuerySet
from django.utils import timezone

import detection
from detection import stored
from detection.conf import settings
from detection.errors import NotRegistered, StorageUnavailable
from detection.models import (
    Acknowledgement,
    Analysis,
    Asset,
    EvidenceView,
    Note,
    Override,
    Passage,
    PolicyVersion,
    Review,
    StoredOverlay,
)

_PICTURE = (
    *("public_id", "label", "created_at", "detached_at", "source_tier", "kept_inside", "generation", "file_name"),
    *("sha256", "media_type", "width", "height", "size", "rejected_code", "rejected_sentence"),
)
_STANDING = ("signal", "row", "why", "evidence", "conclusion", "policy_number", "standing_at")
_CHECK = (
    *("public_id", "provider", "adapter_version", "model", "generation", "status", "is_test", "is_second_opinion"),
    *("created_at", "submitted_at", "completed_at", "attempts", "calls", "verdict", "raw_verdict", "basis"),
    *("ai_score", "ai_score_kind", "ai_pixel_share", "confidence_band", "reasons", "warnings", "declared"),
    *("file_sha256", "sent_sha256", "as_sent", "provider_reference", "error_sentence"),
)
_SAID = ("public_id", "author_label", "created_at", "evidence", "conclusion", "reason_code", "note", "desk")
_ABOUT = ("public_id", "subject_label", "author_label", "author_role", "created_at", "evidence", "signal")
_REASON = ("reason_code", "note", "desk", "policy_number")
_END = ("scope", "reader_label", "no_label_reason", "ends_at", "revoked_at", "revoked_by_label", "revoked_reason")
_OUT = ("at", "subject_label", "desk", "signal", "why", "level", "use", "reader_label", "policy_number")
MISSING, SAME, OTHER, NOT_READ = "gone", "the recorded one", "another file", "not read just now"


def collect(asset: Asset, *, made_by: str) -> dict[str, Any]:
    """Plain values of everything but the events; about a dozen queries, whatever their number."""
    checks = Analysis.objects.filter(asset=asset).order_by("pk")
    body = {
        "v": 1,
        "kind": "dossier",
        "tool": f"newsroom-detection {detection.__version__}",
        "made_at": timezone.now(),
        "made_by": made_by,
        "picture": _row(asset, _PICTURE),
        "file_now": _file_now(asset),
        "standing": {name: getattr(asset, name) for name in _STANDING},
        "checks": _rows(checks, _CHECK),
        "overlays": _overlays(asset),
        "policies": _policies(asset),
        "conclusions": _rows(
            Review.objects.filter(asset=asset).order_by("pk"), (*_SAID, "by_holder", "reader_label", "reverses_id")
        ),
        "notes": _rows(
            Note.objects.filter(asset=asset).order_by("pk"), ("author_label", "created_at", "kind", "text", "desk")
        ),
        "acknowledgements": _rows(Acknowledgement.objects.filter(asset=asset).order_by("pk"), (*_ABOUT, *_REASON)),
        "overrides": _rows(Override.objects.filter(asset=asset).order_by("pk"), (*_ABOUT, *_REASON, *_END)),
        "published": _rows(Passage.objects.filter(asset=asset).order_by("pk"), _OUT),
        "views": _rows(
            EvidenceView.objects.filter(asset=asset).order_by("pk"), ("viewer_label", "at", "what", "evidence")
        ),
    }
    plain: dict[str, Any] = json.loads(json.dumps(body, cls=DjangoJSONEncoder))
    return plain


def _row(row: Model, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _rows(rows: QuerySet[Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return list(rows.values(*names))


def _overlays(asset: Asset) -> list[dict[str, Any]]:
    rows = StoredOverlay.objects.filter(analysis__asset=asset).order_by("pk")
    return _rows(rows, ("analysis__public_id", "analysis__provider", "kind", "status", "reason", "sha256"))


def _policies(asset: Asset) -> list[dict[str, Any]]:
    """The versions under which something was decided or published, as they were."""
    numbers = {asset.policy_number}
    for rows in (Acknowledgement.objects, Override.objects, Passage.objects):
        numbers |= set(rows.filter(asset=asset).values_list("policy_number", flat=True))
    found = PolicyVersion.objects.filter(number__in=[one for one in numbers if one]).order_by("number")
    return _rows(found, ("number", "author_label", "reason", "activated_at", "document"))


def original(asset: Asset) -> bytes | None:
    """The file as it lies in the host's storage; None where it is gone, too large or can't be read just now."""
    try:
        picture = asset.picture()
        file = asset.asset_type.file_of(picture) if picture is not None else None
        if not file or not file.name:
            return None
        content = stored.read(file.storage, file.name, most=settings.MAX_BYTES)
    except (NotRegistered, FileNotFoundError, StorageUnavailable):
        return None
    return content if len(content) <= settings.MAX_BYTES else None


def overlay_file(overlay: StoredOverlay) -> bytes | None:
    """Our own copy of an overlay; None where retention removed it, or it can't be read just now."""
    try:
        return stored.read(overlay.file.storage, str(overlay.file.name), most=settings.MAX_BYTES)
    except (FileNotFoundError, StorageUnavailable, ValueError):
        return None


def _file_now(asset: Asset) -> dict[str, str]:
    """Whether the file that lies there today is the one that was judged."""
    content = original(asset)
    if content is None:
        return {"state": MISSING if asset.detached_at else NOT_READ, "sha256": ""}
    found = hashlib.sha256(content).hexdigest()
    return {"state": SAME if found == asset.sha256 else OTHER, "sha256": found}
