"""The demo's pictures are what its stories need. Offline: drawings stand in, or photographs made by code."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from detection import intake, policy
from detection.errors import Rejected
from detection.policy import Finding, Rules, Situation
from detection.providers.provenance.inspection import inspect
from detection.results import Declared
from detection.testing import images
from detection.testing.detector import checked
from detection.vocabulary import AnalysisStatus, CredentialState, Says, Verdict
from newsroom.demo import drawings, photographs
from newsroom.demo.cast import CAST
from newsroom.demo.pictures import ROOT_FILE, DemoPicture, make_all
from newsroom.demo.script import sandbox_script, script
from newsroom.demo.studio import with_moon

RULES = Rules.parse(policy.DEFAULT)
CANNOT_BE_READ = {"cut_off": "truncated", "too_large": "too_many_pixels"}
REAL = ("rocket.jpg", "coffee.png", "chelsea.png", "hubble_deep_field.jpg", "grass.png", "brick.png")


def quick(name: str) -> Image.Image:
    """Something of its own for each drawing, in no time."""
    return images.decode(images.photo_like(sum(name.encode()), size=(320, 214), format="PNG"))


class Made:
    """One run of `make_all` with quick drawings."""

    def __init__(self, folder: Path, *, real: Path | None = None, draw: Callable[[str], Image.Image] = quick) -> None:
        self.folder, self.trust = folder / "pictures", folder / "trust"
        self.drawn: list[str] = []
        self._draw = draw
        self.pictures = self.again(real=real)

    def again(self, *, real: Path | None = None, fresh: bool = False) -> dict[str, DemoPicture]:
        def draw(name: str) -> Image.Image:
            self.drawn.append(name)
            return self._draw(name)

        made = make_all(self.folder, photographs=real, trust_folder=self.trust, fresh=fresh, draw=draw)
        return {picture.key: picture for picture in made}

    def content(self, key: str) -> bytes:
        return (self.folder / self.pictures[key].filename).read_bytes()

    def declared(self, key: str) -> Declared:
        return inspect(self.content(key), trust_lists=str(self.trust))[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def real(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed, name in enumerate(REAL):
        kind = "JPEG" if name.endswith("jpg") else "PNG"
        (folder / name).write_bytes(images.photo_like(seed + 90, size=(200, 140), format=kind))
    return folder


def test_every_picture_is_there_and_no_two_are_alike(made: Made) -> None:
    assert len(made.pictures) == len(CAST) == 16
    assert len({picture.sha256 for picture in made.pictures.values()}) == 16
    assert all(made.content(key) for key in made.pictures)


def test_every_picture_has_its_words(made: Made) -> None:
    for picture in made.pictures.values():
        empty = [name for name, value in dataclasses.asdict(picture).items() if value == ""]
        assert empty == [], picture.key


@pytest.mark.parametrize("key", [role.key for role in CAST if role.key not in CANNOT_BE_READ])
def test_a_picture_can_be_read(made: Made, key: str) -> None:
    name = made.pictures[key].filename

    reading = intake.read(made.content(key), max_bytes=10 * 1024 * 1024, max_pixels=50_000_000, filename=name)
    assert reading.sha256 == made.pictures[key].sha256
    assert not any("ends in" in note for note in reading.notes)


@pytest.mark.parametrize(("key", "code"), CANNOT_BE_READ.items())
def test_two_uploads_are_refused_for_two_reasons(made: Made, key: str, code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        intake.read(made.content(key), max_bytes=10 * 1024 * 1024, max_pixels=50_000_000)

    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("key", "state", "says"),
    [
        ("landing", CredentialState.TRUSTED, Says.AI),
        ("cat", CredentialState.TRUSTED, Says.CAPTURE),
        ("moonrise", CredentialState.TRUSTED, Says.AI_EDITED),
        ("moonrise_copy", CredentialState.BROKEN, None),
        ("flower_bed", CredentialState.NONE, Says.AI),
        ("gallery", CredentialState.NONE, Says.AI),
        ("rocket", CredentialState.NONE, None),
        ("cup", CredentialState.NONE, None),
        ("harbour", CredentialState.NONE, None),
    ],
)
def test_a_picture_declares_what_its_story_says(
    made: Made, key: str, state: CredentialState, says: Says | None
) -> None:
    declared = made.declared(key)

    assert (declared.credentials, declared.says) == (state, says)


def test_the_cats_capture_is_trusted_only_with_the_demos_root(made: Made) -> None:
    assert made.declared("cat").is_trusted_capture
    assert not inspect(made.content("cat"))[0].is_trusted_capture


def test_the_tampered_copy_opens_and_its_broken_credential_says_ai(made: Made) -> None:
    copy = images.decode(made.content("moonrise_copy"))

    assert made.declared("moonrise_copy").broken_says is Says.AI_EDITED
    assert copy.size == images.decode(made.content("moonrise")).size


def test_no_private_key_is_written(made: Made) -> None:
    files = [path.read_bytes() for folder in (made.folder, made.trust) for path in folder.iterdir()]

    assert len(files) == 18
    assert not any(b"PRIVATE" in content for content in files)


@pytest.mark.parametrize(
    ("key", "signal", "level"),
    [
        ("rocket", "none_found", "clear"),
        ("landing", "declared_ai", "hold"),
        ("cup", "strong", "hold"),
        ("cat", "conflict", "acknowledge"),
        ("lawn", "none_found", "acknowledge"),
        ("flower_bed", "declared_ai", "hold"),
        ("moonrise", "declared_ai_edited", "hold"),
        ("moonrise_copy", "credentials_broken", "hold"),
        ("deep_field", "some", "notice"),
        ("gallery", "declared_ai", "hold"),
        ("storm", "could_not_check", "notice"),
        ("snow_street", "disagree", "acknowledge"),
        ("terrace", "none_found", "clear"),
    ],
)
def test_declarations_and_the_script_come_to_what_the_demo_shows(made: Made, key: str, signal: str, level: str) -> None:
    picture = made.pictures[key]
    answers = script([picture])[picture.sha256]
    first = finding("first", answers["first"])
    findings = [first]
    if policy.wants_second_opinion(first, RULES):
        findings.append(dataclasses.replace(finding("second", answers["second"]), is_second_opinion=True))

    situation = Situation(findings=tuple(findings), declared=made.declared(key), pixel_detector_due=True)
    assessment = policy.assess(situation, RULES)
    assert (assessment.signal.value, policy.level_for(assessment, picture.source_tier, RULES)[0].value) == (
        signal,
        level,
    )


def finding(alias: str, answer: dict[str, object]) -> Finding:
    if "fail" in answer:
        return Finding(alias=alias, title=alias, status=AnalysisStatus.RETRY_PENDING, has_failed_try=True)
    return Finding(
        alias=alias,
        title=alias,
        status=AnalysisStatus.COMPLETE,
        verdict=Verdict(str(answer["verdict"])),
        ai_score=float(str(answer["ai_score"])),
    )


def test_what_is_kept_inside_or_cannot_be_read_has_no_answer(made: Made) -> None:
    told = script(made.pictures.values())

    silent = {picture.key for picture in made.pictures.values() if picture.sha256 not in told}
    assert silent == {"harbour", *CANNOT_BE_READ}


def test_the_sandbox_detector_understands_the_script(made: Made) -> None:
    told = sandbox_script(made.pictures.values(), first="key-1", second="key-2")

    assert checked(told) == told
    assert told["key-1"][made.pictures["storm"].sha256]["http"] == 503
    assert told["key-1"][made.pictures["rocket"].sha256]["verdict"] == "likely_human"
    assert told["key-2"][made.pictures["snow_street"].sha256]["ai_score"] == 0.05


def test_stand_ins_say_so_in_their_credit(made: Made) -> None:
    stand_ins = {picture.key for picture in made.pictures.values() if picture.is_stand_in}

    assert stand_ins == {role.key for role in CAST if role.photograph}
    assert all(made.pictures[key].credit.startswith("Drawn stand-in") for key in stand_ins)


def test_a_second_run_keeps_every_file(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.drawn.clear()

    assert made.again() == made.pictures
    assert made.drawn == []


def test_a_fresh_run_makes_all_anew_and_draws_the_same(tmp_path: Path) -> None:
    made = Made(tmp_path)

    again = made.again(fresh=True)
    changed = {key for key, picture in again.items() if picture.sha256 != made.pictures[key].sha256}
    assert changed == {role.key for role in CAST if role.is_signed}


@pytest.mark.parametrize("lost", ["root", "cat"])
def test_signed_pictures_are_only_ever_made_together(tmp_path: Path, lost: str) -> None:
    made = Made(tmp_path)
    gone = made.trust / ROOT_FILE if lost == "root" else made.folder / made.pictures["cat"].filename
    gone.unlink()

    made.pictures = made.again()
    states = {key: made.declared(key).credentials for key in ("landing", "cat", "moonrise")}
    assert set(states.values()) == {CredentialState.TRUSTED}


def test_a_list_that_cannot_be_read_costs_only_time(tmp_path: Path) -> None:
    made = Made(tmp_path)
    (made.folder / ".pictures.json").write_text("{")

    assert made.again()["rocket"] == made.pictures["rocket"]


def test_stand_ins_give_way_once_photographs_are_there(tmp_path: Path, real: Path) -> None:
    made = Made(tmp_path)

    again = made.again(real=real)
    assert not any(picture.is_stand_in for picture in again.values())
    assert again["rocket"].credit == "Photograph: SpaceX"
    assert (made.folder / again["rocket"].filename).read_bytes() == (real / "rocket.jpg").read_bytes()
    assert again["harbour"] == made.pictures["harbour"]


def test_photographs_once_used_stay_when_their_folder_goes(tmp_path: Path, real: Path) -> None:
    made = Made(tmp_path, real=real)

    assert made.again(real=None) == made.pictures


def test_one_missing_photograph_is_stood_in_for_alone(tmp_path: Path, real: Path) -> None:
    (real / "brick.png").unlink()

    made = Made(tmp_path, real=real)
    assert [key for key, picture in made.pictures.items() if picture.is_stand_in] == ["terrace"]


def test_progress_is_told_before_each_picture(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []

    make_all(
        tmp_path / "a",
        photographs=None,
        trust_folder=tmp_path / "b",
        draw=quick,
        on_progress=lambda done, total, name: told.append((done, total, name)),
    )
    assert [done for done, _, _ in told] == list(range(16))
    assert told[0] == (0, 16, "rocket-on-the-pad.jpg")


def test_the_moon_is_painted_in_one_place_only() -> None:
    before = images.decode(images.photo_like(size=(640, 427)))

    after = with_moon(before)
    assert after.size == before.size
    assert after.crop((0, 300, 640, 427)).tobytes() == before.crop((0, 300, 640, 427)).tobytes()
    assert after.getpixel((387, 102)) != before.getpixel((387, 102))


@pytest.mark.parametrize("name", sorted(drawings.SCENES))
def test_a_drawing_has_the_size_and_the_range_of_a_picture(name: str) -> None:
    drawn = drawings.draw(name)

    assert drawn.size in ((1600, 1067), (1200, 800))
    assert ImageStat.Stat(drawn.convert("L")).stddev[0] > 8


def test_a_drawing_is_the_same_each_time() -> None:
    assert drawings.draw("stand_in_rocket").tobytes() == drawings.draw("stand_in_rocket").tobytes()


def wheel(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "package.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def fake_pip(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """A package installer of our own in the place of the real one, run as the real one is."""
    pip = folder / "pip"
    pip.mkdir()
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(
        f"import pathlib, shutil, sys\ntarget = sys.argv[sys.argv.index('-d') + 1]\n{body}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_photographs_are_taken_from_the_package_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rocket = images.photo_like(size=(64, 48))
    package = wheel(tmp_path, {"skimage/data/rocket.jpg": rocket, "skimage/data/other.png": b"x"})
    fake_pip(monkeypatch, tmp_path, f"shutil.copy({str(package)!r}, target)")

    folder = photographs.fetch(tmp_path / "photographs")
    assert folder is not None
    assert {path.name for path in folder.iterdir()} == {"rocket.jpg", photographs.NOTES}
    assert (folder / "rocket.jpg").read_bytes() == rocket
    assert "SpaceX" in (folder / photographs.NOTES).read_text()

    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit(1)")
    assert photographs.fetch(folder) == folder


@pytest.mark.parametrize(
    "body",
    [
        "raise SystemExit(1)",
        "pass",
        "pathlib.Path(target, 'broken.whl').write_bytes(b'no archive')",
    ],
    ids=["offline", "nothing came", "not an archive"],
)
def test_without_the_package_there_are_no_photographs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    fake_pip(monkeypatch, tmp_path, body)

    assert photographs.fetch(tmp_path / "photographs") is None
    assert not (tmp_path / "photographs").exists()


def test_a_file_of_an_unlikely_size_is_left_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = bytes(photographs.MAX_BYTES + 1)
    package = wheel(tmp_path, {"skimage/data/rocket.jpg": huge})
    fake_pip(monkeypatch, tmp_path, f"shutil.copy({str(package)!r}, target)")

    assert photographs.fetch(tmp_path / "photographs") is None
