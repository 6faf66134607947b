"""Which events there are: registered names with a label, each saying which of its facts are personal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_Text = str | Promise


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of event: its label, and the names of its facts that are personal."""

    name: str
    label: _Text
    personal: frozenset[str] = frozenset()


ACTIONS: dict[str, Action] = {}
"""Every known action by its name."""


def register(name: str, label: _Text, *, personal: Iterable[str] = ()) -> None:
    """Make `name` ("story.published") a known action. The actor's name and any note are personal in every action."""
    ACTIONS[name] = Action(name, label, frozenset(personal) | {"actor", "note"})


for _name, _label in (
    ("asset.seen", _("Picture registered")),
    ("asset.file_changed", _("The file changed; earlier evidence no longer counts")),
    ("asset.read", _("File read")),
    ("asset.detached", _("The picture was deleted in the newsroom")),
    ("asset.released", _("Released: may be sent to detectors")),
    ("asset.graphic_marked", _("Marked as graphic, or not")),
    ("asset.standing_changed", _("Signal changed")),
    ("analysis.requested", _("Check requested")),
    ("analysis.scanning", _("Check begun")),
    ("analysis.awaiting_callback", _("Accepted by the detector")),
    ("analysis.retry_pending", _("Trying again later")),
    ("analysis.complete", _("Answer recorded")),
    ("analysis.rejected", _("File rejected")),
    ("analysis.dead", _("Gave up; a person has to look")),
    ("analysis.superseded", _("Superseded by a newer check")),
    ("analysis.skipped", _("Not checked by this detector")),
    ("analysis.redriven", _("Started once more by a person")),
    ("analysis.reparsed", _("Kept answer read again by the present adapter, with another result")),
    ("picture.handed_out", _("A link to the picture was given to the detector")),
    ("event.delivered_again", _("A detector's event delivered again by a person")),
    ("overlay.stored", _("Overlay stored")),
    ("overlay.refused", _("Overlay refused")),
    ("review.concluded", _("Conclusion recorded")),
    ("review.reversed", _("Conclusion reversed")),
    ("review.claimed", _("Claimed for review")),
    ("review.noted", _("Noted about the picture")),
    ("review.released", _("Claim given back")),
    ("gate.acknowledged", _("Acknowledged for a story")),
    ("gate.sent_to_chief", _("Sent to the desk chief")),
    ("gate.override_granted", _("Override granted for a story")),
    ("gate.override_revoked", _("Override revoked")),
    ("gate.glass_broken", _("Published in an emergency, past the gate")),
    ("gate.glass_reviewed", _("Emergency publication reviewed")),
    ("gate.passed", _("Passed the gate")),
    ("gate.refused", _("Publication refused")),
    ("gate.denied", _("Attempt without permission")),
    ("provider.paused", _("Detector paused")),
    ("provider.resumed", _("Detector resumed")),
    ("provider.budget_low", _("Four fifths of a detector's budget for the day used")),
    ("provider.budget_used_up", _("A detector's budget for the day used up")),
    ("provider.test_requested", _("Test of a detector asked for")),
    ("provider.tested", _("Detector tested")),
    ("retention.applied", _("What detectors had sent was deleted after its time")),
    ("policy.activated", _("A policy came in force")),
    ("audit.anchored", _("The history's head was written down outside the database")),
    ("audit.verified", _("The history was verified")),
    ("audit.restored", _("The database was restored from a copy older than the last anchor")),
    ("audit.exported", _("The history was exported")),
    ("audit.pruned", _("Events past their time were removed; their seals stay")),
    ("audit.erased", _("A person's data was erased from the history")),
    ("audit.refused", _("Erasing or removing was refused: a preservation order stands")),
    ("audit.preserved", _("Preservation ordered")),
    ("audit.released", _("Preservation order ended")),
    ("audit.report_viewed", _("A report that names people was looked at")),
    ("audit.dossier_made", _("A dossier was made")),
    ("doctor.walked", _("A test picture was walked through the gate; the test was taken back")),
):
    register(_name, _label)

register("access.changed", _("What a person may decide changed"), personal=["person"])
