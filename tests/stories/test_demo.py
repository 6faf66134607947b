"""The demo as a newcomer has it: real processes, filled once, looked at from outside, and gone after Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from detection.testing.images import photo_like
from newsroom.demo.photographs import NOTES, PHOTOGRAPHS
from tests.stories.house import ROOT, hidden

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("demo")]

TABLE = {
    "rocket-on-the-pad.jpg": ("night-launch", "agency", "none_found", "clear", "clear"),
    "landing-in-the-desert.jpg": ("night-launch", "ugc", "declared_ai", "hold", "hold"),
    "the-cup.heic": ("the-cup-that-sells-the-cafe", "freelance", "strong", "hold", "hold"),
    "cat-home.jpg": ("cat-home-after-nine-days", "staff", "conflict", "acknowledge", "acknowledge"),
    "readers-lawn.jpg": ("readers-gardens", "ugc", "none_found", "acknowledge", "acknowledge"),
    "readers-flower-bed.png": ("readers-gardens", "ugc", "declared_ai", "hold", "hold"),
    "readers-upload-cut-off.jpg": ("readers-gardens", "ugc", "could_not_check", "acknowledge", "acknowledge"),
    "readers-garden-plan.png": ("readers-gardens", "ugc", "could_not_check", "acknowledge", "acknowledge"),
    "launch-with-moon.jpg": ("launch-the-long-read", "freelance", "declared_ai_edited", "hold", "hold"),
    "launch-with-moon-copy.jpg": ("launch-the-long-read", "freelance", "credentials_broken", "hold", "clear"),
    "harbour-tip.jpg": ("a-tip-from-the-harbour", "unknown", "nothing_declared", "acknowledge", "acknowledge"),
    "deep-field.jpg": ("deep-field", "agency", "some", "notice", "notice"),
    "who-owns-a-picture.jpg": ("who-owns-a-picture", "staff", "declared_ai", "hold", "clear"),
    "storm-front.jpg": ("weather-page", "agency", "could_not_check", "notice", "notice"),
    "first-snow.jpg": ("weather-page", "freelance", "disagree", "acknowledge", "acknowledge"),
    "summer-palace-terrace.jpg": ("summer-palace", "staff", "none_found", "clear", "clear"),
}
"""File → story, tier, signal, what the policy asks for, and what is left of that after people acted."""
STATES = {
    "night-launch": ("scheduled", True),
    "the-cup-that-sells-the-cafe": ("draft", True),
    "cat-home-after-nine-days": ("submitted", True),
    "readers-gardens": ("draft", True),
    "launch-the-long-read": ("draft", True),
    "a-tip-from-the-harbour": ("draft", True),
    "deep-field": ("published", False),
    "who-owns-a-picture": ("published", False),
    "weather-page": ("draft", True),
    "summer-palace": ("submitted", False),
}
"""Story → its state, and whether it is held."""


class Demo:
    """One folder of the demo, and the command that runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.env |= {"NEWSROOM_VAR": str(folder / "demo"), "NEWSROOM_MAKE_KEY": "1", "DETECTION_MODE": "shadow"}
        self.command = [sys.executable, "manage.py", "demo"]

    def once(self) -> dict[str, list[dict[str, Any]]]:
        done = subprocess.run(
            [*self.command, "--once", "--json"], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
        return found

    def manage(self, code: str) -> None:
        env = {**self.env, "DETECTION_PROVIDERS": ""}
        subprocess.run([sys.executable, "manage.py", "shell", "-v0", "-c", code], cwd=ROOT, env=env, check=True)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        database = self.folder / "demo" / "newsroom.sqlite3"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query).fetchall()

    def left_behind(self) -> list[str]:
        """The command lines of every process that was started with this folder in its environment."""
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"NEWSROOM_VAR={self.folder / 'demo'}\0".encode() in environ.read_bytes():
                    found.append((environ.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    made = Demo(tmp_path_factory.mktemp("newcomer"))
    # Pictures of our own in the place of the photographs, so that nothing is fetched.
    photographs = made.folder / "demo" / "photographs"
    photographs.mkdir(parents=True)
    for seed, name in enumerate(sorted(PHOTOGRAPHS)):
        kind = "JPEG" if name.endswith("jpg") else "PNG"
        (photographs / name).write_bytes(photo_like(seed + 40, size=(480, 320), format=kind))
    (photographs / NOTES).write_text("Made by a test.")
    return made


@pytest.fixture(scope="module")
def found(demo: Demo) -> dict[str, list[dict[str, Any]]]:
    return demo.once()


def eventually(question: Callable[[], Any], *, within: float = 60.0) -> Any:
    deadline = time.monotonic() + within
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not so after {within} s"
        time.sleep(0.1)
    return answer


@pytest.fixture
def served(demo: Demo, found: object) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The demo with its web server: the address it told, and the process that leads it."""
    told = demo.folder / "told"
    with told.open("wb") as output:
        leader = subprocess.Popen(
            demo.command, cwd=ROOT, env=demo.env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        address = eventually(lambda: leader.poll() is not None or re.search(r"http://127\S+", told.read_text()))
        assert isinstance(address, re.Match), told.read_text()
        yield address[0], leader
    finally:
        if leader.poll() is None:
            os.killpg(leader.pid, signal.SIGINT)
            leader.wait(30)


def test_every_picture_comes_to_what_its_story_tells(found: dict[str, list[dict[str, Any]]]) -> None:
    rows = {
        row["file"]: tuple(str(row[name]) for name in ("story", "tier", "signal", "base_level", "level"))
        for row in found["pictures"]
    }

    assert rows == TABLE


def test_every_story_stands_where_its_row_says(found: dict[str, list[dict[str, Any]]]) -> None:
    assert {row["story"]: (row["state"], row["held"]) for row in found["stories"]} == STATES


def test_the_two_unreadable_files_get_different_sentences(found: dict[str, list[dict[str, Any]]]) -> None:
    sentences = {row["sentence"] for row in found["pictures"] if row["why"] == "unreadable"}

    assert len(sentences) == 2


def test_what_is_kept_inside_was_sent_to_nobody(demo: Demo, found: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in found["pictures"] if row["kept_inside"])

    assert "Kept inside: not sent to any detector." in row["sentence"]
    asked = demo.sql(
        "select n.provider from detection_analysis n join detection_asset a on a.id = n.asset_id where a.kept_inside"
    )
    assert asked == [("provenance",)]


def test_the_failed_check_names_the_time_of_its_next_try(found: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in found["pictures"] if row["file"] == "storm-front.jpg")

    assert re.search(r"Trying again at (\d+ \w+ )?\d\d:\d\d\.", row["sentence"])


def test_the_desk_was_alerted_after_the_deep_field_went_out_unchecked(
    demo: Demo, found: dict[str, list[dict[str, Any]]]
) -> None:
    story = next(row for row in found["stories"] if row["story"] == "deep-field")

    assert any("Some signs of AI generation" in sentence for sentence in story["alerts"])
    ((passed,),) = demo.sql(
        "select facts from detection_auditevent where action = 'gate.passed' and subject_label = 'Deep field'"
    )
    (picture,) = json.loads(passed)["pictures"]
    assert (picture["signal"], picture["why"], picture["level"]) == ("not_checked", "paused", "notice")


def test_the_history_holds_an_override_a_reversal_and_a_lapse(demo: Demo, found: object) -> None:
    counts = dict(demo.sql("select action, count(*) from detection_auditevent group by action"))

    assert counts["gate.override_granted"] == 1
    assert counts["review.reversed"] == 1
    assert counts["asset.file_changed"] == 1
    assert "gate.denied" not in counts
    # What was acknowledged is not what the picture's evidence is now.
    lapsed = "select count(*) from detection_acknowledgement k join detection_asset a on a.id = k.asset_id"
    assert demo.sql(f"{lapsed} where k.evidence <> a.evidence") == [(1,)]


def test_a_picture_that_is_deleted_takes_its_line_along(demo: Demo, found: dict[str, list[dict[str, Any]]]) -> None:
    demo.manage(
        "from newsroom.models import Photo; photo = Photo.objects.get(original_name='cat-home.jpg'); "
        "photo.placements.all().delete(); photo.delete()"
    )

    again = demo.once()
    gone = {row["file"] for row in found["pictures"]} - {row["file"] for row in again["pictures"]}
    assert gone == {"cat-home.jpg"}
    assert demo.left_behind() == []


def test_one_click_on_the_start_page_leads_the_editor_to_the_held_story(
    demo: Demo, served: tuple[str, subprocess.Popen[bytes]]
) -> None:
    address, leader = served
    browser = requests.Session()
    browser.trust_env = False
    start = browser.get(f"{address}/", timeout=20).text

    story = browser.post(
        f"{address}/demo/be/editor/",
        data={"csrfmiddlewaretoken": hidden(start, "csrfmiddlewaretoken"), "next": hidden(start, "next")},
        timeout=20,
    )
    assert story.status_code == 200
    assert "Night launch" in story.text
    assert "answers are scripted" in start
    assert "answers are scripted" in story.text

    os.killpg(leader.pid, signal.SIGINT)
    assert leader.wait(20) == 0
    assert demo.left_behind() == []


def test_a_second_demo_in_the_same_folder_is_refused_with_the_address_of_the_first(
    demo: Demo, served: tuple[str, subprocess.Popen[bytes]]
) -> None:
    refused = subprocess.run(demo.command, cwd=ROOT, env=demo.env, capture_output=True, text=True, timeout=60)

    assert refused.returncode == 1
    assert f"The demo runs already, at {served[0]}. End it first." in refused.stderr


def test_all_ends_when_the_leader_is_killed_without_a_word(
    demo: Demo, served: tuple[str, subprocess.Popen[bytes]]
) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a process that its parent died")
    served[1].kill()
    served[1].wait()

    assert eventually(lambda: not demo.left_behind(), within=20)


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    real = tmp_path / "demo" / "newsroom.sqlite3"
    real.parent.mkdir()
    real.write_bytes(b"a real newsroom's")

    refused = subprocess.run(
        [*demo.command, "--fresh"], cwd=ROOT, env=demo.env, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 1
    assert "is not a demo's database" in refused.stderr
    assert real.read_bytes() == b"a real newsroom's"
