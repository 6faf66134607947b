"""Which pictures are sent to no detector: the host's word on one picture, and the operator's on source tiers and desks.

What is left out is `skipped`, with the sentence that says which rule. What a file declares is still read of a picture
that an operator's rule leaves out: nothing leaves the house for that. Asked by `requesting`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from detection import registry, wording
from detection.conf import listed, settings
from detection.providers import providers


def exempt_from(kind: registry.AssetType, picture: Any) -> Callable[[str], str]:
    """For one picture: given an alias, the sentence why that detector does not look at it; "" where it does."""
    of_all = "" if kind.is_due(picture) else _("This picture is exempt from checks.")
    of_pixels = of_all or _by_tier(kind, picture) or _by_desk(kind, picture)
    return lambda alias: of_pixels if providers[alias].looks_at_pixels else of_all


def _by_tier(kind: registry.AssetType, picture: Any) -> str:
    sent = listed(settings.SEND_TIERS)
    if not sent or (tier := kind.tier_of(picture)) in sent:
        return ""
    words = _("By this newsroom's settings, pictures of the source “%(source)s” are not sent to detectors.")
    return words % {"source": wording.tier_word(tier)}


def _by_desk(kind: registry.AssetType, picture: Any) -> str:
    sent = listed(settings.SEND_DESKS)
    if not sent or (desk := kind.desk_of(picture)) in sent:
        return ""
    if not desk:
        return _("By this newsroom's settings, pictures of no desk are not sent to detectors.")
    return _("By this newsroom's settings, pictures of the desk “%(desk)s” are not sent to detectors.") % {"desk": desk}
