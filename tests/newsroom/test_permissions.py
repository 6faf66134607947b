"""Who may do what on which desk, as a table over the cast; every door asks the same predicate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection import registry
from newsroom import permissions, roles, uploads
from newsroom.models import Desk, Membership, Photo, Role, Story

from .conftest import Upload, person

pytestmark = pytest.mark.django_db

CAST = ("erin", "dana", "sam", "avery", "otto", "rosa")
ON_STORY = {
    "newsroom.view_story": {"erin", "dana", "avery", "rosa"},
    "newsroom.change_story": {"erin", "dana"},
    "newsroom.publish_story": {"erin", "dana"},
    "newsroom.delete_story": {"dana"},
    "detection.review_analysis": {"erin", "dana"},
    "detection.acknowledge_gate": {"erin", "dana"},
    "detection.request_scan": {"erin", "dana"},
    "detection.override_hold": {"dana"},
    "detection.break_glass": {"dana"},
    "detection.release_outside": {"dana"},
    "detection.change_source_tier": {"dana"},
    "detection.override_stop": set(),
    "detection.view_audit": {"avery", "rosa"},
    "detection.export_audit": {"avery", "rosa"},
    "detection.view_raw_payload": {"avery", "rosa"},
    "detection.operate_provider": {"otto", "rosa"},
    "detection.redrive": {"otto", "rosa"},
    "detection.change_policy": {"otto", "rosa"},
}


@pytest.fixture
def cast(erin: User, dana: User, sam: User, avery: User, otto: User, rosa: User) -> dict[str, User]:
    return {name: User.objects.get(username=name) for name in CAST}


@pytest.mark.parametrize("permission", sorted(ON_STORY))
def test_on_a_story_of_the_news_desk(permission: str, cast: dict[str, User], story: Story) -> None:
    holders = {name for name, user in cast.items() if permissions.may(user, permission, story)}
    assert holders == ON_STORY[permission]
    asked_by_the_gate = registry.publishable_type(story)
    assert {name for name, user in cast.items() if asked_by_the_gate.allows(user, permission, story)} == holders


@pytest.mark.parametrize("permission", sorted(set(ON_STORY) - {name for name in ON_STORY if "newsroom" in name}))
def test_on_a_picture_of_the_news_desk(permission: str, cast: dict[str, User], upload: Upload) -> None:
    photo = upload(checked=False)
    holders = {name for name, user in cast.items() if permissions.may(user, permission, photo)}
    assert holders == ON_STORY[permission]


def test_whoever_left_the_desk_loses_everything_at_once(erin: User, story: Story) -> None:
    Membership.objects.filter(user=erin).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert not permissions.may(erin, "newsroom.view_story", story)


def test_a_membership_that_ends_later_counts_till_then(erin: User, story: Story) -> None:
    Membership.objects.filter(user=erin).update(ends_at=timezone.now() + timedelta(days=1))
    assert permissions.may(erin, "newsroom.view_story", story)


@pytest.mark.parametrize("name", ["erin", "avery", "rosa"])
def test_an_inactive_person_may_nothing(name: str, cast: dict[str, User], story: Story) -> None:
    user = cast[name]
    user.is_active = False
    user.save()
    assert not permissions.may(user, "newsroom.view_story", story)
    assert not permissions.may_anywhere(user, "newsroom.view_story")


def test_a_superuser_on_the_desk_is_what_the_membership_says(rosa: User, news: Desk, story: Story) -> None:
    membership = Membership.objects.create(user=rosa, desk=news, role=Role.EDITOR)
    assert permissions.may(rosa, "detection.acknowledge_gate", story)
    assert not permissions.may(rosa, "detection.override_hold", story)
    membership.role = Role.CHIEF
    membership.save()
    assert permissions.may(rosa, "detection.override_hold", story)
    assert not permissions.may(rosa, "detection.override_stop", story), "somebody has to grant that on purpose"


def test_a_chief_holds_the_stop_once_it_is_granted_to_the_person(dana: User, sam: User, story: Story) -> None:
    stop = Permission.objects.get(codename="override_stop")
    for user in (dana, sam):
        user.user_permissions.add(stop)
    assert permissions.may(User.objects.get(pk=dana.pk), "detection.override_stop", story)
    assert not permissions.may(User.objects.get(pk=sam.pk), "detection.override_stop", story)


def test_a_role_without_its_group_opens_nothing(dana: User, story: Story) -> None:
    dana.groups.clear()
    assert not permissions.may(User.objects.get(pk=dana.pk), "detection.override_hold", story)


def test_whoever_uploaded_a_picture_may_look_at_it_and_decide_nothing(sam: User, erin: User) -> None:
    photo = Photo.objects.create(image="photos/x.jpg", uploader=sam)
    assert permissions.may(sam, "newsroom.view_photo", photo)
    assert permissions.may(sam, "detection.request_scan", photo)
    assert not permissions.may(sam, "detection.review_analysis", photo)
    assert not permissions.may(sam, "detection.release_outside", photo)
    assert not permissions.may(erin, "newsroom.view_photo", photo)


def test_whoever_left_every_desk_reaches_nothing_that_they_uploaded(sam: User) -> None:
    photo = Photo.objects.create(image="photos/x.jpg", uploader=sam)
    Membership.objects.filter(user=sam).update(ends_at=timezone.now() - timedelta(seconds=1))
    for permission in permissions.OWN_CHECK:
        assert not permissions.may(sam, permission, photo), permission


@pytest.mark.parametrize(("hours", "is_theirs"), [(1, True), (-1, False)])
def test_a_picture_of_ones_own_check_is_ones_own_till_it_expires(hours: int, is_theirs: bool, sam: User) -> None:
    Membership.objects.filter(user=sam).delete()
    expires = timezone.now() + timedelta(hours=hours)
    photo = Photo.objects.create(image="photos/x.jpg", uploader=sam, expires_at=expires)
    assert {permissions.may(sam, permission, photo) for permission in permissions.OWN_CHECK} == {is_theirs}


@pytest.mark.parametrize(("name", "status"), [("erin", 200), ("dana", 200), ("avery", 403), ("otto", 403)])
def test_only_who_works_on_a_desk_checks_a_file(name: str, status: int, cast: dict[str, User], client: Client) -> None:
    client.force_login(cast[name])
    address = reverse("newsroom:check")
    assert client.get(address).status_code == status
    assert (f'href="{address}"' in client.get("/").content.decode()) is (status == 200)
    if status == 403:
        client.post(address, {"file": SimpleUploadedFile("x.jpg", b"x")})
        assert not Photo.objects.exists()


def test_a_picture_in_two_stories_is_reached_from_either_desk(upload: Upload, sam: User, sports: Desk) -> None:
    photo = upload(checked=False)
    assert not permissions.may(sam, "detection.review_analysis", photo)
    uploads.place(photo, Story.objects.create(slug="cup", headline="The cup", desk=sports))
    assert permissions.may(sam, "detection.review_analysis", photo)


def test_only_the_desk_a_picture_belongs_to_releases_it(upload: Upload, dana: User, sports: Desk) -> None:
    photo = upload(checked=False, keep_inside=True)
    uploads.place(photo, Story.objects.create(slug="cup", headline="The cup", desk=sports))
    their_chief = person("kim", sports, Role.CHIEF)
    assert permissions.may(dana, "detection.release_outside", photo)
    assert not permissions.may(their_chief, "detection.release_outside", photo)


def test_no_group_holds_what_nobody_holds_at_first(db: None) -> None:
    for name, held in roles.make_roles().items():
        assert not permissions.NOBODYS & set(held) or name == roles.STANDARDS_EDITORS, name
        assert roles.GROUPS[name] <= set(held), name
    assert not User.objects.filter(groups__name=roles.STANDARDS_EDITORS).exists()


def test_what_was_added_to_a_group_by_hand_stays(db: None) -> None:

    extra = Permission.objects.get(codename="add_desk")
    Group.objects.get(name=roles.EDITORS).permissions.add(extra)
    assert "newsroom.add_desk" in roles.make_roles()[roles.EDITORS]
