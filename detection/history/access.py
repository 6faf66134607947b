"""Who could decide what on which day: every change of a person's rights is an event that holds all they then had.

So the question of a year later is answered by one event a person, without replaying anything. Heard of from Django's
own signals, whichever page, command or script made the change; an admin that knows who did it stamps the object
(`changed_by`), else the system is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Max
from django.utils import timezone

from detection import audit
from detection.models import Asset, AuditEvent

DECIDING = tuple(codename for codename, _label in Asset._meta.permissions)
"""The permissions that are told apart, without the app's name."""
EVERYWHERE = "*"
_Held = Mapping[str, Iterable[tuple[str, datetime | None]]]
Desks = Callable[[Any, Sequence[str]], _Held]


def _by_permission(user: Any, codenames: Sequence[str]) -> _Held:
    held = [codename for codename in codenames if user.is_active and user.has_perm(f"detection.{codename}")]
    return {codename: [(EVERYWHERE, None)] for codename in held}


_desks: list[Desks] = [_by_permission]


def desks_by(function: Desks) -> None:
    """Let the host say on which desks, and until when, a person holds each of these permissions ("override_hold")."""
    _desks[:] = [function]


def stamp(instance: Any, by: Any) -> None:
    """Let an object carry who is about to change it, for the event that the change makes."""
    instance.changed_by = by


def state_of(user: Any) -> dict[str, Any]:
    """Everything that this person may decide now: permission → desks with their ends."""
    can: dict[str, list[list[str | None]]] = {}
    for codename, desks in _desks[0](user, DECIDING).items():
        held = sorted(desks, key=lambda one: one[0])
        if held:
            can[codename] = [[desk, until.isoformat() if until else None] for desk, until in held]
    return {"active": user.is_active, "superuser": user.is_superuser, "role": audit.role_of(user), "can": can}


def note(person: Any, *, by: Any = None) -> AuditEvent | None:
    """Record what this person may decide now; None where it is what the last such event says."""
    user = get_user_model()._default_manager.filter(pk=person).first()
    if user is None:
        state: dict[str, Any] = {"active": False, "superuser": False, "role": "", "can": {}}
    else:
        state = state_of(user)
    last = _latest(person)
    if last is None and not state["can"] and not state["superuser"]:
        return None
    if last is not None and all(last.facts.get(name) == value for name, value in state.items()):
        return None
    name = {"person": audit.name_of(user)} if user is not None else {}
    return audit.record("access.changed", by=by, personal=name, person_id=str(person), **state)


def _latest(person: Any) -> AuditEvent | None:
    found = AuditEvent.objects.filter(action="access.changed", facts__person_id=str(person))
    return found.order_by("-pk").first()


def people_of(group: Group) -> list[Any]:
    """The primary keys of a group's people."""
    return list(get_user_model()._default_manager.filter(groups=group).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Held:
    """One person who could do it on that day, on these desks."""

    person: str
    name: str
    role: str
    desks: tuple[str, ...]
    since: datetime


def on(day: date, permission: str = "override_hold") -> Iterator[Held]:
    """Who held `permission` at any moment of `day`, in the installation's time zone. One query, and one of names."""
    zone = timezone.get_current_timezone()
    begin = datetime.combine(day, time.min, tzinfo=zone)
    end = begin + timedelta(days=1)
    events = AuditEvent.objects.filter(action="access.changed", at__lt=end)
    at_dawn = events.filter(at__lt=begin).values("facts__person_id").annotate(last=Max("pk")).values("last")
    rows = (events.filter(pk__in=at_dawn) | events.filter(at__gte=begin)).order_by("pk").prefetch_related("personal")
    found: dict[str, Held] = {}
    for event in rows:
        facts = event.facts
        desks = tuple(_held(facts.get("can", {}).get(permission, ()), begin)) if facts.get("active") else ()
        if desks:
            names = {value.name: value.value for value in event.personal.all()}
            person = str(facts.get("person_id"))
            found[person] = Held(person, names.get("person", ""), facts.get("role", ""), desks, event.at)
    yield from sorted(found.values(), key=lambda one: (one.name, one.person))


def _held(desks: Iterable[Any], begin: datetime) -> Iterator[str]:
    for desk, until in desks:
        if until is None or datetime.fromisoformat(until) > begin:
            yield desk
