"""Four eyes, where the policy asks for them: whoever had a part in a picture is not the one who clears its hold.

A part is having uploaded it, or having concluded about this evidence. Asking the source is none, and what was taken
back is none. Asked by the gate, by `reviewing`, and by the page that says who can clear it.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from detection.models import Asset, PolicyVersion, Review
from detection.policy import Rules
from detection.vocabulary import Conclusion

UPLOADED, CONCLUDED = "uploaded", "concluded"


def parts(asset: Asset | None, rules: Rules) -> dict[Any, str]:
    """By the person's key, the part they had in this picture; {} where the policy asks for no second pair of eyes."""
    if not rules.four_eyes or asset is None:
        return {}
    same = Q(asset=asset) | Q(asset__sha256=asset.sha256) if asset.sha256 else Q(asset=asset)
    said = Review.objects.filter(same, evidence=asset.evidence, reversed_by=None, author__isnull=False)
    said = said.exclude(conclusion__in=("", Conclusion.WAITING_FOR_SOURCE))
    found: dict[Any, str] = dict.fromkeys(said.values_list("author_id", flat=True), CONCLUDED)
    picture = asset.picture()
    uploader = asset.asset_type.uploader_of(picture) if picture is not None else None
    if uploader is not None:
        found[uploader.pk] = UPLOADED
    return found


def part_of(user: Any, asset: Asset, *, desk: str) -> str:
    """The part this person had, as this desk's rules stand: `uploaded`, `concluded`, or "" where they may clear it."""
    if user is None:
        return ""
    return parts(asset, PolicyVersion.current().rules.of_desk(desk)).get(user.pk, "")


def sentence(part: str) -> str:
    """Why this person can't clear it, and who can; "" for no part."""
    if part == UPLOADED:
        return _("Four eyes: whoever uploaded a picture cannot clear its hold. Ask another desk chief.")
    if part == CONCLUDED:
        return _("Four eyes: whoever concluded about a picture cannot clear its hold as well. Ask another desk chief.")
    return ""
