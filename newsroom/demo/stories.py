"""The demo's desks, people and stories, as data. `seed` makes them, `tour` names them; nothing here touches a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from newsroom.models import PictureUse, Role
from newsroom.roles import AUDITORS, OPERATORS

NEWS, SPORTS, INVESTIGATIONS = "news", "sports", "investigations"
DESKS = {NEWS: ("News", False), SPORTS: ("Sports", False), INVESTIGATIONS: ("Investigations", True)}
"""Name, and whether the desk is confidential, by the desk's short name."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be in the demo. `desks`: the role on each; `group`: what a person of no desk belongs to."""

    username: str
    surname: str
    button: Promise
    says: Promise
    desks: Sequence[tuple[str, Role]] = ()
    group: str = ""


PEOPLE = {
    person.username: person
    for person in (
        Person("editor", "Editor", _("Be the editor"), _("works on the News desk"), ((NEWS, Role.EDITOR),)),
        Person(
            "chief",
            "Chief",
            _("Be the chief"),
            _("clears and overrides on the News desk, and looks after the confidential one"),
            ((NEWS, Role.CHIEF), (INVESTIGATIONS, Role.CHIEF)),
        ),
        Person(
            "sports",
            "Sports",
            _("Be sports"),
            _("works on another desk, and finds nothing of News there"),
            ((SPORTS, Role.EDITOR),),
        ),
        Person("auditor", "Auditor", _("Be the auditor"), _("reads every history and decides nothing"), group=AUDITORS),
        Person(
            "operator", "Operator", _("Be the operator"), _("pauses detectors and sets the policy"), group=OPERATORS
        ),
    )
}
"""By the name one signs in with."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture of the cast in a story."""

    key: str
    use: PictureUse = PictureUse.PHOTOGRAPH
    label: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A story to be written, with the keys of its pictures in order. `author`: who writes it and uploads them."""

    slug: str
    headline: str
    body: str
    pictures: Sequence[Placed]
    desk: str = NEWS
    author: str = "editor"


DEEP_FIELD = Plan(
    "deep-field",
    "Deep field",
    "Point a telescope at nothing for long enough, and nothing turns out to be full of galaxies.",
    (Placed("deep_field"),),
)
NIGHT_LAUNCH = Plan(
    "night-launch",
    "Night launch",
    "The launch window opens this evening. Readers have begun to send in pictures of the landing as well.",
    (Placed("rocket"), Placed("landing")),
)
CUP = Plan(
    "the-cup-that-sells-the-cafe",
    "The cup that sells the café",
    "An espresso, a wooden table, an hour before opening: how one photograph became the face of a street corner.",
    (Placed("cup"),),
)
CAT = Plan(
    "cat-home-after-nine-days",
    "Cat home after nine days",
    "Nobody knows where it has been. It was hungry, and it is not telling.",
    (Placed("cat"),),
)
GARDENS = Plan(
    "readers-gardens",
    "Readers' gardens",
    "We asked what you let grow this summer. These are the first answers.",
    (Placed("lawn"), Placed("flower_bed"), Placed("cut_off"), Placed("too_large")),
)
LONG_READ = Plan(
    "launch-the-long-read",
    "Launch, the long read",
    "Forty years of countdowns, and what they have in common with the one tonight.",
    (Placed("moonrise"), Placed("moonrise_copy")),
)
HARBOUR = Plan(
    "a-tip-from-the-harbour",
    "A tip from the harbour",
    "A source says that the boat was there. The picture stays inside until we know who else could recognise it.",
    (Placed("harbour"),),
    desk=INVESTIGATIONS,
    author="chief",
)
GALLERY = Plan(
    "who-owns-a-picture",
    "Who owns a picture?",
    "A museum hangs an empty frame, and asks its visitors to fill it with whatever a machine makes of their words.",
    (Placed("gallery", PictureUse.ILLUSTRATION, "Illustration made with AI"),),
)
PALACE = Plan(
    "summer-palace",
    "Summer palace",
    "After two years of scaffolding the terrace is open again, brick by brick as it was.",
    (Placed("terrace"),),
)
WEATHER = Plan(
    "weather-page",
    "Weather page",
    "A front from the west on Saturday, and the first snow of the year the night after.",
    (Placed("storm"), Placed("snow_street")),
)
STORIES = (NIGHT_LAUNCH, CUP, CAT, GARDENS, LONG_READ, HARBOUR, DEEP_FIELD, GALLERY, WEATHER, PALACE)
"""In the order in which they are listed."""
UPLOADED = (DEEP_FIELD, GARDENS, NIGHT_LAUNCH, CUP, CAT, LONG_READ, GALLERY, PALACE, HARBOUR, WEATHER)
"""In the order in which they are written: the deep field first, while the detector is down; the picture on which the
detector fails last, so that its one fault stands alone."""
