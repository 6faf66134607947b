"""The demo's tour on the start page: four steps of half a minute each, and who one can be. Only in the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from detection import registry
from detection.models import Asset
from newsroom.demo import seed
from newsroom.demo.stories import PEOPLE
from newsroom.models import Story


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who one is for it, where its button leads, and what there is to do and see."""

    username: str
    leads_to: str
    button: str
    title: str
    says: str


def steps() -> list[Step]:
    """The four steps; fewer where somebody has deleted what they show."""
    found = seed.held_picture()
    history = Step(
        "auditor",
        reverse("admin:detection_auditevent_changelist"),
        _("Be the auditor"),
        _("Read the history"),
        _("Every step stands there with its actor, reason and evidence, and nobody can edit it."),
    )
    return [*_about(*found), history] if found is not None else [history]


def _about(story: Story, asset: Asset) -> list[Step]:
    edit = reverse("admin:newsroom_story_change", args=[story.pk])
    of_story = f"{story._meta.label_lower}:{registry.key(story)}"
    review = f"{reverse('admin:detection_asset_review', args=[asset.public_id])}?for={of_story}"
    names = {"story": story.headline}
    return [
        Step(
            "editor",
            edit,
            _("Be the editor"),
            _("Open the held story"),
            _("“%(story)s” goes out in a quarter of an hour, and one of its pictures holds it. The notice says why.")
            % names,
        ),
        Step(
            "editor",
            review,
            _("Look at the evidence"),
            _("See the picture and the evidence side by side"),
            _("What the file itself declares comes first, with its signature; the detector's map lies beside it."),
        ),
        Step(
            "chief",
            review,
            _("Be the chief"),
            _("Clear it, or override it for this story, with a reason"),
            _("A conclusion is about the picture; an override lets one story go, until a stated end. Then publish it."),
        ),
    ]


def context(username: str) -> dict[str, Any]:
    """What the tour's template shows to somebody who is signed in as `username`, or as nobody ("")."""
    return {
        "steps": steps(),
        "people": PEOPLE.values(),
        "username": username,
        "licences": seed.licences(),
    }
