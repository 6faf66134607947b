"""The demo's parts: its environment, child processes, waiting, stories, table and tour, and being its people."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import include, path
from django.utils import timezone

from detection.models import Analysis, Asset
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.testing.images import photo_like
from newsroom import urls as newsroom_urls
from newsroom.demo import acts, environment, seed, stories, table, tour
from newsroom.demo.cast import CAST
from newsroom.demo.pictures import DemoPicture
from newsroom.demo.processes import Children, descendants
from newsroom.demo.progress import Progress
from newsroom.demo.views import is_from_here
from newsroom.demo.waiting import Watch, unfinished
from newsroom.models import Photo, Placement, Story, StoryState
from tests.newsroom.test_demo_pictures import quick

urlpatterns = [*newsroom_urls.urlpatterns, path("demo/", include("newsroom.demo.urls"))]


@pytest.fixture
def demo(settings: Any) -> Any:
    settings.DEMO = True
    settings.DEMO_PASSWORD = "open sesame"
    settings.ROOT_URLCONF = "tests.newsroom.test_demo"
    return settings


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with Children(tmp_path / "log", cwd=tmp_path) as started:
        yield started


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# Its own environment


@pytest.mark.parametrize(
    "name",
    ["DATABASE_URL", "DATABASE_URL_FILE", "DETECTION_MODE", "DETECTION_HIVE_API_KEY", "DJANGO_SECRET_KEY", "Q_BROKER"]
    + ["DJANGO_SECRET_KEY_FILE", "MEDIA_ROOT", "STORAGE_URL", "REDIS_URL", "PUBLIC_BASE_URL", "AI_IMAGE_API_KEY"],
)
def test_nothing_of_a_real_installation_reaches_the_demo(tmp_path: Path, name: str) -> None:
    given = environment.prepared({name: "real"}, var=tmp_path, leader=1)

    assert "real" not in given.values()


@pytest.mark.parametrize("name", ["PATH", "HOME", "LANG", "PORT", "TIME_ZONE", "LOG_LEVEL", "DEMO_PASSWORD"])
def test_what_has_nothing_to_do_with_data_is_kept(tmp_path: Path, name: str) -> None:
    assert environment.prepared({name: "as given"}, var=tmp_path, leader=1)[name] == "as given"


def test_only_the_process_that_prepared_an_environment_takes_it_for_prepared(tmp_path: Path) -> None:
    given = environment.prepared({}, var=tmp_path, leader=41)

    assert environment.is_prepared(given, process=41)
    assert not environment.is_prepared(given, process=42)
    assert not environment.is_prepared({}, process=41)


def test_the_next_free_port_is_taken_and_kept() -> None:
    with environment.listening(18_000) as first, environment.listening(first.getsockname()[1]) as second:
        taken = first.getsockname()[1]

        assert second.getsockname()[1] > taken
        with pytest.raises(OSError, match="No port from"):
            environment.listening(taken, among=1)


def test_every_detector_of_the_demo_is_asked_at_the_same_address() -> None:
    assert environment.asking("http://127.0.0.1:1") == {
        "DETECTION_FIRST_BASE_URL": "http://127.0.0.1:1",
        "DETECTION_SECOND_BASE_URL": "http://127.0.0.1:1",
    }


# Its child processes


def test_children_are_ended_and_what_they_said_is_kept(tmp_path: Path) -> None:
    with Children(tmp_path / "log", cwd=tmp_path) as children:
        child = children.start("talker", python("import time; print('ready', flush=True); time.sleep(60)"))
        Watch(children, io.StringIO(), seconds=10).until(lambda: child.last_line() == "ready")
        assert children.lost() is None

    assert child.process.returncode == -signal.SIGTERM
    assert child.last_line() == "ready"


def test_a_child_that_will_not_end_is_killed_with_all_below_it(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsroom.demo.processes.GRACE", 0.2)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    below = f"import subprocess, sys; one = subprocess.Popen([sys.executable, '-c', {deaf + 'time.sleep(60)'!r}], "
    child = children.start(
        "deaf", python(deaf + below + "start_new_session=True); print(one.pid, flush=True); time.sleep(60)")
    )
    watch = Watch(children, io.StringIO(), seconds=10)
    assert watch.until(lambda: child.last_line().isdigit())
    grandchild = int(child.last_line())

    children.end()
    assert child.process.returncode == -signal.SIGKILL
    assert watch.until(lambda: not is_alive(grandchild), seconds=5)


def test_descendants_are_found_through_every_generation() -> None:
    assert descendants(1, parents=lambda: {2: 1, 3: 2, 4: 3, 5: 9}) == [2, 3, 4]
    assert os.getpid() in descendants(os.getppid())


def test_a_child_that_is_lost_is_named_with_its_last_words(children: Children) -> None:
    child = children.start("worker", python("raise SystemExit('the disk is full')"))
    child.process.wait()

    with pytest.raises(CommandError, match=r"demo's worker ended by itself\. It last said: the disk is full"):
        Watch(children, io.StringIO(), seconds=10).until(lambda: False)


def test_waiting_ends_with_the_time_for_everything(children: Children) -> None:
    began = time.monotonic()

    assert not Watch(children, io.StringIO(), seconds=0.3).until(lambda: False, seconds=60)
    assert time.monotonic() - began < 5


def test_progress_without_a_terminal_is_a_line_now_and_then() -> None:
    out = io.StringIO()
    with Progress("Pictures", 3, out) as progress:
        for done in range(4):
            progress.to(done)

    assert out.getvalue().splitlines() == ["Pictures: 0 of 3", "Pictures: 3 of 3"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_is_one_line_that_fills() -> None:
    out = Terminal()
    with Progress("Pictures", 3, out) as progress:
        progress.of(2, 4, "rocket.jpg")
        progress.to(4)

    assert "2 of 4" in out.getvalue()
    assert "rocket.jpg" in out.getvalue()
    assert out.getvalue().count("\n") == 1
    assert "4 of 4" in out.getvalue().rpartition("\r")[2]


# Its stories, through the newsroom's own doors


def test_every_picture_of_the_cast_stands_in_exactly_one_story() -> None:
    placed = [picture.key for plan in stories.STORIES for picture in plan.pictures]

    assert sorted(placed) == sorted(role.key for role in CAST)
    assert sorted(plan.slug for plan in stories.UPLOADED) == sorted(plan.slug for plan in stories.STORIES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The pictures of the cast, each drawn in no time."""
    for number, role in enumerate(CAST):
        (tmp_path / role.filename).write_bytes(photo_like(number + 1, size=(96, 64)))
    quick("proof").save(tmp_path / seed.PROOF, "JPEG")
    return tmp_path


def made(key: str) -> DemoPicture:
    role = next(role for role in CAST if role.key == key)
    words = {name: getattr(role, name) for name in ("key", "filename", "headline", "credit", "caption", "alt_text")}
    return DemoPicture(**words, source_tier=role.source_tier, licence="Free.", is_stand_in=True, sha256="")


PICTURES = {role.key: made(role.key) for role in CAST}


@pytest.fixture
def written(demo: Any, db: None, folder: Path) -> dict[str, Story]:
    seed.make_people()
    return {plan.slug: seed.write(plan, PICTURES, folder) for plan in (stories.NIGHT_LAUNCH, stories.GARDENS)}


def test_a_story_has_its_pictures_with_their_words(written: dict[str, Story]) -> None:
    photos = [one.photo for one in written["night-launch"].placements.all()]

    assert [photo.headline for photo in photos] == ["Eighteen minutes to go", "The landing, as a reader sent it"]
    assert [photo.source_tier for photo in photos] == ["agency", "ugc"]
    assert all(photo.alt_text and photo.licence for photo in photos)


def test_writing_again_changes_nothing_and_brings_nothing_back(written: dict[str, Story], folder: Path) -> None:
    Placement.objects.filter(story__slug="night-launch", photo__headline__contains="landing").delete()

    seed.make_people()
    seed.write(stories.NIGHT_LAUNCH, PICTURES, folder)
    assert Story.objects.get(slug="night-launch").placements.count() == 1


def test_the_launch_is_always_eighteen_minutes_away(written: dict[str, Story]) -> None:
    seed.retime()
    Story.objects.filter(slug="night-launch").update(publish_at=timezone.now() - timedelta(days=3))

    seed.retime()
    story = Story.objects.get(slug="night-launch")
    assert story.state == StoryState.SCHEDULED
    assert story.publish_at is not None
    assert timedelta(minutes=17) < story.publish_at - timezone.now() <= timedelta(minutes=18)


def test_a_launch_that_went_out_is_left_alone(written: dict[str, Story]) -> None:
    Story.objects.filter(slug="night-launch").update(state=StoryState.PUBLISHED)

    seed.retime()
    assert Story.objects.get(slug="night-launch").state == StoryState.PUBLISHED


def test_the_acknowledgement_of_a_file_lapses_with_the_file(
    written: dict[str, Story], folder: Path, scripted: ScriptedProvider
) -> None:
    drain()
    small = Photo.objects.get(original_name=seed.PROOF).image.name

    assert acts.lapse(folder / "readers-lawn.jpg") == []
    assert Photo.objects.get(original_name="readers-lawn.jpg").image.name != small
    drain()
    row = next(row for row in table.read()["pictures"] if row["file"] == "readers-lawn.jpg")
    assert (row["level"], row["cleared_by"]) == ("acknowledge", "")
    assert acts.lawn() == []


def test_a_refused_act_is_a_sentence_and_no_end_of_the_demo(written: dict[str, Story], folder: Path) -> None:
    Placement.objects.filter(story__slug="readers-gardens", position=0).update(use="illustration")
    drain()
    acts.person("editor").groups.clear()

    (problem,) = acts.lapse(folder / "readers-lawn.jpg")
    assert problem.startswith("“Readers' gardens”: ")


# Its waiting and its table


def test_a_retry_is_waited_for_only_until_its_time(written: dict[str, Story]) -> None:
    drain()
    assert not unfinished(timezone.now()).exists()

    soon = timezone.now() + timedelta(seconds=30)
    first = Analysis.objects.filter(provider="scripted").first()
    assert first is not None
    Analysis.objects.filter(pk=first.pk).update(status="retry_pending", next_attempt_at=soon)
    assert not unfinished(timezone.now()).exists()
    assert unfinished(timezone.now(), until=soon).count() == 1
    assert unfinished(soon + timedelta(seconds=1)).count() == 1


def test_the_table_is_read_from_rows_and_a_picture_that_goes_takes_its_line_along(
    written: dict[str, Story], scripted: ScriptedProvider
) -> None:
    drain()
    assert len(table.read()["pictures"]) == 6
    gone = Photo.objects.get(original_name="landing-in-the-desert.jpg")

    gone.placements.all().delete()
    gone.delete()
    found = table.read()
    assert len(found["pictures"]) == 5
    assert "landing-in-the-desert.jpg" not in table.as_text(found)
    assert "rocket-on-the-pad.jpg" in table.as_text(found)


def test_held_stories_are_listed_below_the_table(written: dict[str, Story]) -> None:
    held = table.as_text(table.read()).partition("Held stories:")[2]

    assert "Readers' gardens (draft): 4 of 4 pictures" in held


def test_without_a_held_story_the_list_says_so(demo: Any, db: None) -> None:
    assert table.as_text(table.read()).endswith("Held stories:\n  None.")


# Being its people


def be(client: Client, username: str = "editor", **extra: Any) -> int:
    meta = {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1", **extra}
    return client.post(f"/demo/be/{username}/", meta.pop("data", {}), **meta).status_code


def test_one_click_makes_a_visitor_the_editor(written: dict[str, Story], client: Client) -> None:
    assert be(client) == 302
    assert client.get("/", HTTP_HOST="127.0.0.1").wsgi_request.user.get_username() == "editor"


@pytest.mark.parametrize(
    "extra",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
        {"HTTP_HOST": "newsroom.example"},
        {"HTTP_HOST": "127.0.0.1.example.com:8000"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"HTTP_FORWARDED": "for=192.0.2.7"},
    ],
)
def test_whoever_is_not_at_this_machine_finds_nothing(
    written: dict[str, Story], client: Client, extra: dict[str, str]
) -> None:
    assert be(client, **extra) == 404
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:8001", "[::1]", "[::1]:8000"])
def test_this_machine_has_several_names(host: str) -> None:
    assert is_from_here(RequestFactory().get("/", HTTP_HOST=host))


def test_outside_the_demo_nobody_becomes_anybody(written: dict[str, Story], client: Client, settings: Any) -> None:
    settings.DEMO = False

    assert be(client) == 404


def test_the_newsrooms_own_addresses_have_no_demo() -> None:
    assert not any("demo" in str(one.pattern) for one in newsroom_urls.urlpatterns)


def test_only_the_demos_people_can_be_had_and_only_by_post(written: dict[str, Story], client: Client) -> None:
    assert be(client, "root") == 404
    assert client.get("/demo/be/editor/", HTTP_HOST="127.0.0.1").status_code == 405


def test_a_form_from_elsewhere_makes_nobody_anybody(written: dict[str, Story]) -> None:
    assert be(Client(enforce_csrf_checks=True)) == 403


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [("/check/", "/check/"), ("https://evil.example/", "/"), ("//evil.example", "/"), ("", "/")],
)
def test_one_goes_on_to_a_page_of_this_house_only(
    written: dict[str, Story], client: Client, wanted: str, leads_to: str
) -> None:
    answer = client.post("/demo/be/chief/", {"next": wanted}, HTTP_HOST="127.0.0.1", REMOTE_ADDR="127.0.0.1")

    assert answer.headers["Location"] == leads_to


# Its tour


def shown(user: Any = None, **extra: Any) -> str:
    request = RequestFactory().get("/", **{"HTTP_HOST": "127.0.0.1:8000", **extra})
    request.user = user or acts.person("editor")
    return Template("{% load demo_tour %}{% demo_tour %}").render(Context({"request": request}))


def test_the_tour_leads_from_the_held_story_to_the_history(written: dict[str, Story]) -> None:
    story, asset = written["night-launch"], Asset.objects.get(label__contains="landing")

    assert [(step.username, step.leads_to) for step in tour.steps()] == [
        ("editor", f"/admin/newsroom/story/{story.pk}/change/"),
        ("editor", f"/admin/detection/asset/{asset.public_id}/review/?for=newsroom.story:{story.pk}"),
        ("chief", f"/admin/detection/asset/{asset.public_id}/review/?for=newsroom.story:{story.pk}"),
        ("auditor", "/admin/detection/auditevent/"),
    ]


def test_every_step_opens_for_the_person_it_names(written: dict[str, Story], client: Client) -> None:
    drain()
    for step in tour.steps():
        be(client, step.username)
        assert client.get(step.leads_to, HTTP_HOST="127.0.0.1").status_code == 200, step


def test_the_tour_shows_people_password_and_licences(written: dict[str, Story]) -> None:
    page = shown()

    assert all(f"/demo/be/{name}/" in page for name in ("editor", "chief", "sports", "auditor", "operator"))
    assert "open sesame" in page
    assert "Free." in page
    assert "<script" not in page


def test_the_tour_is_for_this_machine_and_for_the_demo(written: dict[str, Story], demo: Any) -> None:
    assert shown(REMOTE_ADDR="192.0.2.7") == ""
    demo.DEMO = False
    assert shown() == ""


def test_without_its_story_the_tour_still_has_a_history(written: dict[str, Story]) -> None:
    Placement.objects.filter(story__slug="night-launch").delete()

    assert [step.username for step in tour.steps()] == ["auditor"]


def test_the_start_page_carries_the_tour_for_everybody(written: dict[str, Story], client: Client) -> None:
    for name in ("", "editor", "operator"):
        if name:
            be(client, name)
        page = client.get("/", HTTP_HOST="127.0.0.1:8000", REMOTE_ADDR="127.0.0.1")
        assert "tour of two minutes" in page.content.decode()
