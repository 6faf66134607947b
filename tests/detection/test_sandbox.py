from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from detection import intake, sandbox
from detection.errors import Rejected, SandboxFailed
from detection.providers.provenance import inspection
from detection.sandbox import child
from detection.testing import images
from detection.vocabulary import CredentialState, Says

pytestmark = pytest.mark.own_children

LIMITS = {"max_bytes": 60 * 2**20, "max_pixels": 50_000_000}
PHOTO = images.photo_like()


@pytest.fixture(scope="module")
def large() -> bytes:
    """Forty-nine million pixels in colour: allowed, and dear."""
    return images.encode(Image.new("RGB", (7_000, 7_000)), format="PNG")


def test_the_child_reads_what_intake_reads() -> None:
    assert sandbox.read(PHOTO, filename="a.png", **LIMITS) == intake.read(PHOTO, filename="a.png", **LIMITS)


def test_a_refusal_inside_is_the_same_refusal_outside() -> None:
    cut = images.truncated(PHOTO)
    with pytest.raises(Rejected) as inside:
        intake.read(cut, **LIMITS)
    with pytest.raises(Rejected) as outside:
        sandbox.read(cut, **LIMITS)
    assert (outside.value.code, outside.value.sentence) == (inside.value.code, inside.value.sentence)


def test_an_empty_file_is_refused_and_not_a_failure() -> None:
    with pytest.raises(Rejected) as refused:
        sandbox.read(images.zero_bytes(), **LIMITS)
    assert refused.value.code == "empty"


def test_an_examination_is_that_of_the_reader() -> None:
    content = images.with_xmp_source_type(PHOTO)
    assert sandbox.examine(content, filename="a.jpg", **LIMITS) == inspection.examine(
        content, filename="a.jpg", **LIMITS
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (images.truncated(images.with_xmp_source_type(PHOTO), keep=0.4), "truncated"),
        (images.with_xmp_source_type(images.bomb(8_000, 8_000)), "too_many_pixels"),
        (images.with_xmp_source_type(images.bomb(30_000, 30_000)), "too_many_pixels"),
    ],
    ids=["cut off", "over the limit", "far over the limit"],
)
def test_declarations_are_read_of_a_picture_whose_pixels_are_refused(content: bytes, code: str) -> None:
    found = sandbox.examine(content, filename="", **LIMITS)
    assert found.reading is None
    assert found.rejected is not None
    assert found.rejected[0] == code
    assert found.declared.says is Says.AI


def test_only_the_declarations_may_be_asked_for() -> None:
    declared, evidence = sandbox.declare(images.with_xmp_source_type(PHOTO, "compositeSynthetic"), max_pixels=10**6)
    assert declared.says is Says.AI_EDITED
    assert declared.credentials is CredentialState.NONE
    assert evidence[0].key == "Iptc4xmpExt:DigitalSourceType"


def test_a_preview_comes_back_as_bytes_with_its_size() -> None:
    made = sandbox.render(PHOTO, longest_side=160)
    assert (made.media_type, made.width, made.height) == ("image/jpeg", 160, 120)
    assert images.decode(made.content).size == (160, 120)


def test_an_overlay_comes_back_as_our_own_png() -> None:
    made = sandbox.reencode_overlay(images.photo_like(size=(320, 240), format="WEBP"), width=640, height=480)
    assert (made.media_type, made.width, made.height) == ("image/png", 320, 240)


def test_a_compression_map_comes_back_as_webp() -> None:
    assert sandbox.compression_map(PHOTO)[8:12] == b"WEBP"


def test_a_picture_that_takes_too_long_is_stopped(large: bytes) -> None:
    began = time.monotonic()
    with pytest.raises((Rejected, SandboxFailed)) as stopped:
        sandbox.run("read", large, timeout=0.2, **LIMITS)
    assert time.monotonic() - began < 2
    if isinstance(stopped.value, Rejected):
        assert stopped.value.code == "unreadable"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce address space limits")
def test_a_picture_that_takes_too_much_memory_is_refused_with_a_code_of_its_own(large: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        sandbox.run("read", large, memory=200 * 2**20, **LIMITS)
    assert refused.value.code == "too_much_memory"


def test_the_whole_process_group_is_killed() -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 & echo $!; wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    grandchild = int(process.stdout.readline()) if process.stdout else 0
    sandbox.process.end(process, patience=0.0)
    assert process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while not _is_gone(grandchild):
        assert time.monotonic() < deadline


def _is_gone(pid: int) -> bool:
    """Killed; where nobody reaps orphans, as in a container, it stays as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] in "ZX"
    except OSError:
        return True


def test_a_child_that_cannot_start_at_all_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(SandboxFailed, match="could not start"):
        sandbox.read(PHOTO, **LIMITS)


def test_a_child_that_breaks_the_protocol_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    with pytest.raises(SandboxFailed, match="before it answered"):
        sandbox.read(PHOTO, **LIMITS)


def test_an_unknown_job_is_our_fault() -> None:
    with pytest.raises(SandboxFailed, match="job"):
        sandbox.run("format_disk", PHOTO)


def test_trust_lists_that_are_not_there_are_our_fault() -> None:
    content = images.with_xmp(PHOTO, b'<x:xmpmeta xmlns:x="adobe:ns:meta/">provenance</x:xmpmeta>')
    with pytest.raises(SandboxFailed, match="/nowhere"):
        sandbox.declare(content, max_pixels=10**6, trust_lists="/nowhere")


@pytest.mark.parametrize(
    ("returncode", "is_late", "was_busy", "expected"),
    [
        (0, True, True, "unreadable"),
        (-signal.SIGXCPU, False, True, "unreadable"),
        (-signal.SIGSEGV, False, False, "unreadable"),
        (-signal.SIGABRT, False, False, "unreadable"),
        (-signal.SIGKILL, False, False, "too_much_memory"),
        (child.EXIT_MEMORY, False, False, "too_much_memory"),
        (0, True, False, None),
        (1, False, False, None),
        (0, False, False, None),
    ],
)
def test_the_file_is_blamed_only_for_what_it_did(
    returncode: int, is_late: bool, was_busy: bool, expected: str | None
) -> None:
    error = sandbox._explain(returncode, is_late=is_late, was_busy=was_busy)
    assert getattr(error, "code", None) == expected
    assert isinstance(error, SandboxFailed) == (expected is None)


_PROBE = """
import json, os, resource, sys
from detection.sandbox import child
def probe(content):
    try:
        with open('{file}', 'wb') as file:
            file.write(b'x')
        wrote = True
    except OSError:
        wrote = False
    print('noise on standard output')
    limits = {name: resource.getrlimit(getattr(resource, 'RLIMIT_' + name)) for name in {names}}
    from dataclasses import make_dataclass
    django = 'django.conf' in sys.modules
    from PIL import Image
    try:
        Image._decompression_bomb_check((10_000, 9_500))
        alarmed = False
    except Image.DecompressionBombWarning:
        alarmed = True
    return make_dataclass('Seen', ['wrote', 'limits', 'django', 'alarmed'])(wrote, limits, django, alarmed)
sys.modules['probe'] = type(sys)('probe'); sys.modules['probe'].probe = probe
child.JOBS['probe'] = 'probe:probe'
child.main(['7', str(2**30)])
"""


def test_the_child_gives_up_everything_it_does_not_need(tmp_path: Path) -> None:
    names = ("CPU", "AS", "NOFILE", "CORE", "FSIZE")
    script = _PROBE.replace("{file}", str(tmp_path / "written")).replace("{names}", repr(names))
    root = Path(sandbox.__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=b'{"job": "probe", "arguments": {}}\n',
        capture_output=True,
        env={"PYTHONPATH": str(root)},
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["data"]["wrote"] is False
    assert answer["data"]["limits"] == {
        "CPU": [7, 8],
        "AS": [2**30, 2**30],
        "NOFILE": [64, 64],
        "CORE": [0, 0],
        "FSIZE": [0, 0],
    }
    assert answer["data"]["django"] is False
    assert answer["data"]["alarmed"] is True


def test_secrets_of_the_parent_do_not_reach_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTION_GENERIC_API_KEY", "CANARY")
    process = sandbox.process.start(5, sandbox.MEMORY)
    try:
        environment = Path(f"/proc/{process.pid}/environ")
        if not environment.exists():
            pytest.skip("this platform has no /proc")
        assert b"CANARY" not in environment.read_bytes()
    finally:
        sandbox.process.end(process, patience=0.0)


def test_reading_a_picture_needs_no_django_settings() -> None:
    root = Path(sandbox.__file__).resolve().parent.parent.parent
    script = "import sys; from detection.providers.provenance import inspection; sys.exit('django.conf' in sys.modules)"
    environment = {"PYTHONPATH": str(root)}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS counts processor time by whole ticks of its own")
def test_a_picture_that_takes_too_much_computing_is_said_to_be_slow_and_not_to_be_large(large: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        sandbox.run("compression_map", large, processor=1, max_pixels=50_000_000)
    assert refused.value.code == "unreadable"
    assert "too long" in refused.value.sentence


def test_what_each_child_took_is_logged_for_whoever_sets_the_limits(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="detection.sandbox"):
        sandbox.read(PHOTO, **LIMITS)
    (record,) = caplog.records
    cost = record.__dict__["cost"]
    assert (cost.job, record.levelname) == ("read", "DEBUG")
    assert cost.seconds > 0 < cost.cpu_seconds
    assert 2**20 < cost.peak_bytes < sandbox.MEMORY


def test_the_last_words_of_a_child_that_went_wrong_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Rejected) as refused:
        sandbox.run("render", PHOTO, nonsense=True)
    assert refused.value.code == "unreadable"
    assert "TypeError" in caplog.text


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce address space limits")
def test_declarations_are_read_of_a_picture_that_takes_too_much_memory(large: bytes) -> None:
    content = images.with_xmp_source_type(large)
    found = sandbox.run("examine", content, memory=230 * 2**20, filename="", **LIMITS).data
    assert found["rejected"][0] == "too_much_memory"
    assert found["declared"]["says"] == Says.AI


def test_a_file_that_declares_thousands_of_things_is_answered_for_with_some_of_them() -> None:
    said = b"".join(b"<d:AISystemUsed xmlns:d='d'>%d%s</d:AISystemUsed>" % (n, b"x" * 200) for n in range(9_000))
    content = images.with_xmp(images.photo_like(format="PNG"), b"<x>" + said + b"</x>")
    declared, evidence = sandbox.declare(content, max_pixels=10**6)
    assert declared.says is Says.AI
    assert len(evidence) == inspection.MAX_EVIDENCE
    assert evidence[-1].value == "8901 further entries were not kept"
