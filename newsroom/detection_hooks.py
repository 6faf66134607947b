"""The whole joint between this newsroom and image detection: what carries a picture, and what is published.

Read by `detection` at start; nothing else here has to know of it.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import detection
from detection import audit
from detection.history import access as history_access
from detection.history import erasing
from detection.vocabulary import PlacedUse
from newsroom import access, labels, permissions
from newsroom.models import Story


def placed(story: Story) -> list[detection.Placed]:
    """The pictures of a story as the gate judges them; what already went out unchanged is live."""
    known = labels.attached(story)
    placements = list(story.placements.select_related("photo") if known is None else story.placements.all())
    words = labels.for_readers(story, placements) if known is None else known
    return [
        detection.Placed(
            picture=placement.photo,
            use=PlacedUse(placement.use),
            reader_label=words[placement.pk],
            is_live=placement.is_live,
        )
        for placement in placements
    ]


detection.register_asset(
    "newsroom.Photo",
    file_field="image",
    source_tier="source_tier",
    uploader="uploader",
    keep_inside="keep_inside",
    graphic="is_graphic",
    desk=lambda photo: photo.desk.slug if photo.desk else "",
    scope=permissions.photos,
)
detection.register_publishable(
    "newsroom.Story",
    assets=placed,
    is_draft="is_draft",
    publish_at="publish_at",
    desk=lambda story: story.desk.slug,
    scope=permissions.stories,
)

history_access.desks_by(access.held)
erasing.add_place("newsroom.StoryAlert", "seen_by_label")
erasing.add_place("newsroom.ApiToken", "revoked_by_label")

for _name, _label in (
    ("picture.uploaded", _("Uploaded")),
    ("rendition.made", _("Copy for readers made")),
    (
        "rendition.made_without_credentials",
        _("Copy for readers made; its Content Credentials hold for the original alone and were left out"),
    ),
    ("picture.refused", _("Not taken in: the day's quota is used up")),
    ("picture.expired", _("Deleted: it was uploaded only to be checked")),
    ("picture.tier_changed", _("Source changed")),
    ("person.second_factor_added", _("Second factor set up")),
    ("person.second_factor_removed", _("Second factor taken away, sessions ended")),
    ("person.recovery_codes_made", _("Recovery codes made anew")),
    ("person.recovery_code_used", _("Signed in with a recovery code")),
    ("api_token.issued", _("API token issued")),
    ("api_token.revoked", _("API token revoked")),
    ("story.submitted", _("Submitted")),
    ("story.scheduled", _("Scheduled")),
    ("story.unscheduled", _("Taken off the schedule")),
    ("story.published", _("Published")),
    ("story.withdrawn", _("Withdrawn")),
    ("story.picture_changed", _("A picture of the story was added, removed, or got another use or label")),
    ("story.picture_replaced", _("A picture of the story was replaced by another")),
    ("story.picture_left_out", _("A picture was taken out of the story")),
    ("story.refused_at_due", _("Refused at the time it should have gone out")),
    ("story.back_to_draft", _("Back to draft: nobody cleared it within the hour")),
    ("story.alerted", _("The desk was alerted")),
):
    audit.register(_name, _label, personal=("person",))
