"""A person is erased from the history, and the skeleton stays: that somebody decided what, when, on which evidence.

The names beside the events go with their salts, so that the commitments in the events tell nothing any more and the
chain still verifies. Where else a person's name or words stand is listed here, and hosts add places of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from detection import audit
from detection.errors import Refused
from detection.history import preserving
from detection.models import AuditEvent, AuditPersonal


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person's name or words stand outside the history: a model, and its columns that are emptied.

    `person`: the column that points at the person; "" where there is only the name, which the first column must equal.
    """

    model: str
    columns: tuple[str, ...]
    person: str = ""


PLACES: list[Place] = [
    Place("detection.Review", ("author_label", "note"), "author"),
    Place("detection.Acknowledgement", ("author_label", "note"), "author"),
    Place("detection.Override", ("author_label", "note"), "author"),
    Place("detection.Override", ("revoked_by_label",)),
    Place("detection.Note", ("author_label", "text"), "author"),
    Place("detection.Note", ("author_label", "text"), "author"),
    Place("detection.GlassBreak", ("author_label", "note"), "author"),
    Place("detection.GlassBreak", ("reviewed_by_label",)),
    Place("detection.Claim", ("author_label",), "author"),
    Place("detection.EvidenceView", ("viewer_label",), "viewer"),
    Place("detection.PolicyVersion", ("author_label",), "author"),
    Place("detection.ProviderSwitch", ("paused_by_label",)),
    Place("detection.ProviderCheck", ("asked_by_label",)),
    Place("detection.Preservation", ("ordered_by_label",)),
]


def add_place(model: str, *columns: str, person: str = "") -> None:
    """Say where else a person's name stands: for a host's own models ("newsroom.StoryAlert", "seen_by_label")."""
    PLACES.append(Place(model, columns, person))


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased: values beside events, columns elsewhere, and whether the account was made nameless."""

    values: int
    rows: int
    account: bool


def erase(person: Any, *, reason: str, by: Any = None) -> Erased:
    """Erase the person with this primary key, whether or not their account is still there. One transaction.

    Raises NotPermitted; Refused without a reason, or while an order preserves anything that they did.
    """
    preserving.permit(by)
    if not reason.strip():
        raise Refused(_("Say who asked for it and why. Nothing was erased."))
    events = AuditEvent.objects.filter(actor=person) | AuditEvent.objects.filter(
        action="access.changed", facts__person_id=str(person)
    )
    covered = preserving.preserved_assets()
    if preserving.covers_everything() or (covered and events.filter(asset__in=covered).exists()):
        said = _("Nothing was erased: an order preserves what this person did.")
        raise preserving.refuse("erasure", said, by=by, person=str(person))
    with transaction.atomic():
        user = get_user_model()._default_manager.filter(pk=person).first()
        names = _names(person, user)
        values = AuditPersonal.objects.filter(event__in=events.values("pk")).delete()[0]
        rows = sum(_empty(place, person, names) for place in PLACES)
        _forget_log(person)
        if user is not None:
            _make_nameless(user)
        audit.record("audit.erased", by=by, note=reason.strip(), person=str(person), values=values, rows=rows)
    return Erased(values, rows, user is not None)


def _names(person: Any, user: Any) -> set[str]:
    """Under which names they were recorded, for columns that hold nothing else."""
    found = AuditPersonal.objects.filter(event__actor=person, name="actor").values_list("value", flat=True).distinct()
    names = set(found)
    if user is not None:
        names |= {audit.name_of(user), user.get_username()}
    return {name for name in names if name}


def _empty(place: Place, person: Any, names: set[str]) -> int:
    manager = apps.get_model(place.model)._default_manager
    rows = manager.filter(**({place.person: person} if place.person else {f"{place.columns[0]}__in": names}))
    return int(rows.update(**dict.fromkeys(place.columns, "")))


def _forget_log(person: Any) -> None:
    """The admin's own log names an account in its entries about it."""
    if apps.is_installed("django.contrib.admin"):
        model = get_user_model()
        entries = apps.get_model("admin.LogEntry")._default_manager.filter(
            content_type__app_label=model._meta.app_label,
            content_type__model=model._meta.model_name,
            object_id=str(person),
        )
        entries.update(object_repr="", change_message="")


def _make_nameless(user: Any) -> None:
    """The account stays, for rows that point at it, and can be neither recognised nor used."""
    fields = {field.name for field in user._meta.get_fields()}
    setattr(user, user.USERNAME_FIELD, f"erased-{user.pk}")
    for name in ("first_name", "last_name", user.get_email_field_name()):
        if name in fields and name != user.USERNAME_FIELD:
            setattr(user, name, "")
    user.is_active = False
    user.set_unusable_password()
    user.save()
