"""The cast: Erin edits News, Dana is its chief, Sam edits Sports, Avery audits, Otto operates, Rosa is a superuser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.test import Client

from detection.models import Asset
from detection.providers import providers
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.testing.images import photo_like
from newsroom import roles, uploads
from newsroom.models import Desk, Membership, Photo, Role, Story

SCRIPTED = {"scripted": {"BACKEND": "detection.providers.scripted.ScriptedProvider", "OPTIONS": {}}}


@pytest.fixture(autouse=True)
def _house(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.DETECTION_PROVIDERS = SCRIPTED
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def scripted(_house: None) -> ScriptedProvider:
    """The one detector that looks at pixels; it says what it is told."""
    provider = providers["scripted"]
    assert isinstance(provider, ScriptedProvider)
    return provider


@pytest.fixture
def news(db: None) -> Desk:
    return Desk.objects.create(name="News", slug="news")


@pytest.fixture
def sports(db: None) -> Desk:
    return Desk.objects.create(name="Sports", slug="sports")


def person(name: str, desk: Desk | None = None, role: Role = Role.EDITOR, **extra: Any) -> User:
    user = User.objects.create_user(name, password=name, is_staff=True, first_name=name.title(), **extra)
    if desk is not None:
        Membership.objects.create(user=user, desk=desk, role=role)
    return user


@pytest.fixture
def erin(news: Desk) -> User:
    return person("erin", news)


@pytest.fixture
def dana(news: Desk) -> User:
    return person("dana", news, Role.CHIEF)


@pytest.fixture
def sam(sports: Desk) -> User:
    return person("sam", sports)


@pytest.fixture
def avery(db: None) -> User:
    user = person("avery")
    user.groups.add(Group.objects.get(name=roles.AUDITORS))
    return user


@pytest.fixture
def otto(db: None) -> User:
    user = person("otto")
    user.groups.add(Group.objects.get(name=roles.OPERATORS))
    return user


@pytest.fixture
def rosa(db: None) -> User:
    return User.objects.create_superuser("rosa", password="rosa")


@pytest.fixture
def story(news: Desk, erin: User) -> Story:
    return Story.objects.create(
        slug="night-launch", headline="Night launch", body="Up it went.", desk=news, author=erin
    )


Upload = Callable[..., Photo]


@pytest.fixture
def upload(story: Story, erin: User) -> Upload:
    """Bring a picture in as Erin would; `checked=False` leaves its check waiting."""
    count = iter(range(100))

    def bring(
        *, tier: str = "ugc", into: Story | None = story, content: bytes = b"", checked: bool = True, **known: Any
    ) -> Photo:
        number = next(count)
        file = ContentFile(content or photo_like(seed=number, size=(320, 240)), name=f"picture_{number}.jpg")
        photo = uploads.receive(file, by=erin, story=into, particulars=uploads.Particulars(source_tier=tier, **known))
        if checked:
            drain()
        return photo

    return bring


@pytest.fixture
def held(scripted: ScriptedProvider, upload: Upload, story: Story) -> Photo:
    """A reader's picture in Erin's story in which the detector finds strong signs: it is held."""
    scripted.will_return("likely_ai", ai_score=0.97)
    return upload(tier="ugc")


def asset_of(photo: Photo) -> Asset:
    found = Asset.objects.of(photo).first()
    assert found is not None
    return found


@pytest.fixture
def sign_in(client: Client) -> Callable[[User], Client]:
    def enter(user: User) -> Client:
        client.force_login(user)
        return client

    return enter
