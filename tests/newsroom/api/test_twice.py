"""An upload that is sent twice with one idempotency key: one picture, and one answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from detection import stored
from detection.models import AuditEvent
from detection.testing.images import photo_like
from newsroom import uploads
from newsroom.api import answers, tokens
from newsroom.api.models import KeptAnswer
from newsroom.models import Desk, Photo, Story, UploadTally
from tests.newsroom.api.conftest import Issue, Program, problem
from tests.newsroom.conftest import person

FIRST, OTHER = photo_like(seed=1, size=(64, 48)), photo_like(seed=2, size=(64, 48))


def same(one: HttpResponse, other: HttpResponse) -> bool:
    return (one.status_code, one.content) == (other.status_code, other.content)


def kept_files(settings: Any) -> int:
    return len([path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()])


@pytest.mark.django_db
def test_the_same_key_with_the_same_picture_gets_the_same_answer(erin: User, story: Story, program: Issue) -> None:
    caller = program(erin)
    first = caller.upload("night-launch", FIRST, key="k-1", credit="Wire")
    again = program(erin).upload("night-launch", FIRST, key="k-1", credit="Wire")  # by the account's next token too
    assert first.status_code == 201
    assert same(first, again)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (Photo.objects.count(), story.placements.count()) == (1, 1)
    assert AuditEvent.objects.filter(action="picture.uploaded").count() == 1
    assert caller.upload("night-launch", FIRST, key="k-2").status_code == 201
    assert caller.upload("night-launch", FIRST).status_code == 201
    assert Photo.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["another file", "other words", "another story"])
def test_the_same_key_with_something_else_is_refused(
    what: str, erin: User, story: Story, news: Desk, program: Issue
) -> None:
    Story.objects.create(slug="other", headline="Other", desk=news)
    caller = program(erin)
    assert caller.upload("night-launch", FIRST, key="k").status_code == 201
    refusal = {
        "another file": lambda: caller.upload("night-launch", OTHER, key="k"),
        "other words": lambda: caller.upload("night-launch", FIRST, key="k", sourceTier="ugc"),
        "another story": lambda: caller.upload("other", FIRST, key="k"),
    }[what]()
    problem(refusal, 422, "key-reused")
    assert Photo.objects.count() == 1


@pytest.mark.django_db
def test_a_key_is_the_account_s_own_and_lives_a_day(erin: User, dana: User, story: Story, program: Issue) -> None:
    one, other = program(erin), program(dana)
    assert one.upload("night-launch", FIRST, key="k").status_code == 201
    assert other.upload("night-launch", OTHER, key="k").status_code == 201
    KeptAnswer.objects.update(created_at=timezone.now() - answers.KEPT_FOR)
    assert one.upload("night-launch", OTHER, key="k").status_code == 201
    assert Photo.objects.count() == 3
    assert answers.delete_old(timezone.now() + timedelta(seconds=1)) == 1
    assert KeptAnswer.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", [" ", "ü", "a" * 201, "two words"])
def test_a_key_that_is_none_is_refused(key: str, erin: User, story: Story, program: Issue) -> None:
    problem(program(erin).upload("night-launch", FIRST, key=key), 422, "invalid")
    assert not Photo.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("content", [FIRST, OTHER], ids=["the same file", "another file"])
def test_one_that_overtakes_while_the_file_is_stored_is_the_only_one(
    content: bytes, erin: User, story: Story, program: Issue, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Both came before either was kept; the second to write breaks on the constraint, and nothing of it stays."""
    caller, store = program(erin), stored.save_for
    overtaking: list[HttpResponse] = []

    def slowly(*args: Any) -> str:
        name = store(*args)
        if not overtaking:
            overtaking.append(None)  # type: ignore[arg-type]  # from here on, this is the overtaking one
            overtaking[0] = caller.upload("night-launch", FIRST, key="k")
        return name

    monkeypatch.setattr(uploads.stored, "save_for", slowly)
    late = caller.upload("night-launch", content, key="k")
    assert overtaking[0].status_code == 201
    if content == FIRST:
        assert same(overtaking[0], late)
    else:
        problem(late, 422, "key-reused")
    assert (Photo.objects.count(), kept_files(settings)) == (1, 1)
    assert UploadTally.objects.get().files == 1


@pytest.mark.django_db
def test_a_crash_before_the_end_keeps_neither_picture_nor_key(
    erin: User, story: Story, program: Issue, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    with monkeypatch.context() as patch:

        def breaks(*args: Any) -> None:
            raise KeyError

        patch.setattr(answers, "keep", breaks)
        with pytest.raises(KeyError):
            program(erin).upload("night-launch", FIRST, key="k")
    assert (Photo.objects.count(), KeptAnswer.objects.count(), kept_files(settings)) == (0, 0, 0)
    assert program(erin).upload("night-launch", FIRST, key="k").status_code == 201


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a database that several connections share")
def test_four_at_once_make_one_picture(committed_db: None, settings: Any) -> None:
    desk = Desk.objects.create(name="News", slug="news")
    erin = person("erin", desk)
    Story.objects.create(slug="night-launch", headline="Night launch", desk=desk, author=erin)
    caller = Program(tokens.issue(erin, name="race")[1])
    together, found = threading.Barrier(4), []

    def post(send: Callable[..., HttpResponse] = caller.upload) -> None:
        try:
            together.wait(10)
            found.append(send("night-launch", FIRST, key="k"))
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {(one.status_code, one.content) for one in found} == {(201, found[0].content)}
    assert len(found) == 4
    assert (Photo.objects.count(), kept_files(settings)) == (1, 1)
