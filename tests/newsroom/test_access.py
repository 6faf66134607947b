"""Who could decide on which day: the history keeps it, whoever changed whichever table on whichever page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from detection.history import access
from detection.models import AuditEvent
from newsroom.models import Desk, Membership, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Any:
    return get_user_model().objects.create_superuser("avery", password="x", first_name="Avery")


@pytest.fixture
def pat() -> Any:
    return get_user_model().objects.create_user("pat", first_name="Pat")


def latest() -> AuditEvent:
    found: AuditEvent = AuditEvent.objects.filter(action="access.changed").latest("pk")
    return found


def test_a_membership_says_on_which_desk_and_until_when_and_an_end_ends_it(boss: Any, pat: Any) -> None:
    """G05."""
    desk = Desk.objects.create(name="Sport", slug="sport")
    ends = timezone.now() + timedelta(days=2)
    made = Membership.objects.create(user=pat, desk=desk, role=Role.CHIEF, ends_at=ends)
    today = timezone.localdate()
    assert [(one.name, one.desks) for one in access.on(today)] == [("Pat", ("sport",))]
    assert [one.name for one in access.on(today + timedelta(days=1))] == ["Pat"]
    assert list(access.on(today + timedelta(days=3))) == []
    made.role = Role.EDITOR
    made.save()
    assert list(access.on(today + timedelta(days=1))) == []
    assert [one.name for one in access.on(today + timedelta(days=1), "review_analysis")] == ["Pat"]
    for group in Group.objects.filter(user=pat):
        group.permissions.clear()
    assert list(access.on(today + timedelta(days=1), "review_analysis")) == []


def test_the_admin_s_pages_name_who_changed_a_right(boss: Any, pat: Any) -> None:
    desk = Desk.objects.create(name="Sport", slug="sport")
    client = Client()
    client.force_login(boss)
    words = {"user": pat.pk, "desk": desk.pk, "role": "chief", "ends_at_0": "", "ends_at_1": ""}
    assert client.post("/admin/newsroom/membership/add/", words).status_code == 302
    assert (latest().actor_id, latest().facts["person_id"]) == (boss.pk, str(pat.pk))
    made = Membership.objects.get()
    assert client.post(f"/admin/newsroom/membership/{made.pk}/delete/", {"post": "yes"}).status_code == 302
    assert (latest().actor_id, latest().facts["can"]) == (boss.pk, {})
    group = Group.objects.get(name="Auditors")
    form = {"username": "pat", "first_name": "Pat", "is_active": "on", "groups": [group.pk]}
    joined = {"date_joined_0": "2026-05-04", "date_joined_1": "10:00:00"}
    answer = client.post(f"/admin/auth/user/{pat.pk}/change/", form | joined)
    assert answer.status_code == 302
    assert latest().actor_id == boss.pk
    assert "view_audit" in latest().facts["can"]
