"""`detection_doctor`: each probe's words for what is well and what is not, and that nothing breaks the doctor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.storage import InMemoryStorage
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import ConnectionHandler
from django.utils import timezone
from django_q.models import OrmQ

from detection import budgets, doctor, errors, registry, switches
from detection.doctor import State, database, house, work
from detection.doctor.findings import in_short
from detection.models import Analysis, Asset, Sweep, Worker, append_only
from detection.testing.credentials import Authority
from detection.testing.draining import drain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
BY_NAME = {probe.name: probe for probe in doctor.PROBES}


def look(name: str) -> list[tuple[str, str]]:
    """What one probe finds: its words and, where there is something to do, what to type."""
    [(_probe, found)] = doctor.examine(probes=[BY_NAME[name]], deep=True)
    assert found is not None
    for one in found:
        assert one.what.endswith("."), one
        assert one.state is State.OK or one.fix.endswith((".", ". It seals.")), one
    return [(one.state.value, f"{one.what} {one.fix}".strip()) for one in found]


def says(name: str, state: str, *words: str) -> None:
    found = look(name)
    assert any(one == state and all(word in told for word in words) for one, told in found), found


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detection_doctor", *arguments, stdout=out)
    return out.getvalue()


def test_a_house_at_work_has_nothing_broken(plate: Callable[..., Any]) -> None:
    worker()
    plate()
    drain()
    call_command("detection_sweep", stdout=StringIO())
    told = run()
    assert "broken" not in told
    assert "ok      Workers seen in the last 60 seconds: 1." in told
    assert "ok      Nothing is late, and nothing gave up." in told
    found = json.loads(run("--json", "--deep"))
    assert (found["broken"], found["left_out"]) == (0, [])
    assert [row["what"] for row in found["findings"] if row["probe"] == "answers"] == [
        "first: Scripted detector answers what it is told.",
        "second: Scripted detector answers what it is told.",
    ]


def test_something_broken_ends_it_with_one(settings: Any) -> None:
    settings.DETECTION = {"MOED": "shadow"}
    with pytest.raises(CommandError, match="Broken: 1, to look at: "):
        run()


def test_a_probe_that_fails_itself_is_a_finding_and_closes_what_rests_on_it() -> None:
    def fails() -> Iterator[doctor.Finding]:
        yield doctor.Finding(State.OK, "The door stands.")
        raise RuntimeError("the handle\ncame off")

    first = doctor.Probe("handle", fails, "The handle cannot be turned", "Buy a handle.")
    second = doctor.Probe("lock", fails, "", "", needs=("handle",))
    third = doctor.Probe("bolt", fails, "", "", needs=("lock",))
    found = [(probe.name, rows) for probe, rows in doctor.examine(probes=[first, second, third])]
    assert found[0][1] == [
        doctor.Finding(State.OK, "The door stands."),
        doctor.Finding(State.BROKEN, "The handle cannot be turned: the handle.", "Buy a handle."),
    ]
    assert found[1:] == [("lock", None), ("bolt", None)]


def test_an_error_s_own_words_are_one_short_line() -> None:
    assert in_short(ValueError()) == "ValueError"
    assert in_short(ValueError("two  words.\nand more")) == "two words"
    assert len(in_short(ValueError("x" * 500))) == 200


def test_every_probe_rests_on_earlier_ones() -> None:
    earlier: set[str] = set()
    for probe in doctor.PROBES:
        assert set(probe.needs) <= earlier, probe.name
        assert probe.fix.endswith(".")
        earlier.add(probe.name)
    assert len(earlier) == len(doctor.PROBES)


def test_every_probe_is_in_the_reference() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference.md").read_text()
    rows = [line.split("|")[1].strip(" `") for line in page.splitlines() if line.startswith("| `")]
    assert [name for name in rows if name in BY_NAME] == list(BY_NAME)


# Settings and what they name.


def test_settings_that_cannot_be_read_or_do_not_fit(settings: Any, configure: Callable[..., None]) -> None:
    says("settings", "ok", "can be read")
    configure(SCAN_DEADLINE=60)
    says("values", "broken", "DETECTION['CALLBACK_DEADLINE'] is 600 seconds", "DETECTION_<KEY>")
    settings.DETECTION = {"MOED": "shadow"}
    says("settings", "broken", "MOED", "Change DETECTION")


def test_what_is_meant_for_a_trial_is_said(settings: Any, configure: Callable[..., None]) -> None:
    configure(MODE="shadow", ALLOW_LOOPBACK=True)
    says("values", "warn", "shadow mode", "DETECTION_MODE")
    says("values", "warn", "plain http", "DETECTION_ALLOW_LOOPBACK")
    configure(MODE="enforce", ALLOW_LOOPBACK=False)
    assert look("values") == []
    configure(ALLOW_LOOPBACK=True)
    settings.DEBUG = True
    assert look("values") == []


def test_a_host_that_registered_nothing(host: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    says("models", "ok", "Registered: ")
    monkeypatch.setattr(registry, "_publishables", {})
    says("models", "warn", "register_publishable in detection_hooks.py")
    monkeypatch.setattr(registry, "_assets", {})
    says("models", "broken", "register_asset in a module detection_hooks.py")


def pem(folder: Path, name: str, *, days: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(Authority.new(valid_days=days).root_pem)


def test_trust_lists_are_read_and_their_ends_are_looked_at(tmp_path: Path, configure: Callable[..., None]) -> None:
    says("lists", "ok", "not checked against a list")
    configure(TRUST_LISTS=str(tmp_path / "trust"))
    pem(tmp_path / "trust", "old.pem", days=0)
    says("lists", "broken", "None of the trust anchors is current", "DETECTION_TRUST_LISTS")
    pem(tmp_path / "trust", "new.pem", days=30)
    says("lists", "ok", "Current trust anchors: 1.")
    says("lists", "warn", "ran out: 1, in old.pem.")
    (tmp_path / "trust" / "odd.pem").write_text("nothing")
    says("lists", "broken", "odd.pem cannot be read")


def test_a_bundle_of_authorities_is_read(tmp_path: Path, configure: Callable[..., None]) -> None:
    pem(tmp_path / "ca", "ca.pem", days=30)
    configure(CA_BUNDLE=str(tmp_path / "ca" / "ca.pem"))
    says("lists", "ok", "Current certificate authorities: 1.")
    configure(CA_BUNDLE=str(tmp_path / "nowhere.pem"))
    says("lists", "broken", "nowhere.pem cannot be read", "DETECTION_CA_BUNDLE")


def test_what_files_declare_is_read_where_it_is_wanted(
    configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    says("declarations", "ok", "PROVENANCE is off")
    configure(PROVENANCE=True)
    says("declarations", "ok", "can be read")
    monkeypatch.setattr(house, "find_spec", lambda name: None)
    says("declarations", "broken", "pip install c2pa-python")


def test_a_reader_that_stops_at_a_plain_picture(
    configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(PROVENANCE=True)
    monkeypatch.setattr(house, "sample_picture", lambda: b"\x89PNG\r\n\x1a\n cut off")
    says("sandbox", "broken", "The process that opens pictures does not work", "pip install")
    monkeypatch.undo()
    says("sandbox", "ok", "reads one in")


# Files.


class Forgetful(InMemoryStorage):
    """Gives back another file than was put there."""

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        return File(BytesIO(b"another"), name=name)


class Distant(InMemoryStorage):
    """Lies in no folder of this machine."""

    def path(self, name: str) -> str:
        raise NotImplementedError


class ReadOnly(InMemoryStorage):
    def _save(self, name: str, content: Any) -> str:
        raise PermissionError(13, "Permission denied", name)


def keep_in(settings: Any, storage: type[InMemoryStorage]) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.{storage.__name__}"}}


def test_files_are_written_read_back_and_deleted(settings: Any) -> None:
    assert look("files") == [("ok", "Files can be written, read and deleted (FileSystemStorage).")]
    assert list(Path(settings.MEDIA_ROOT).iterdir()) == []
    keep_in(settings, Forgetful)
    says("files", "broken", "gives back another file")
    keep_in(settings, ReadOnly)
    says("files", "broken", "Permission denied", "MEDIA_ROOT")


def test_a_disk_that_fills_up(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    says("disk", "ok", "Free space for ")
    monkeypatch.setattr(house, "LITTLE_SPACE", 1 << 60)
    says("disk", "warn", "Free space for ", "Delete what is not needed")
    monkeypatch.setattr(house, "NO_SPACE", 1 << 60)
    says("disk", "broken", "Free space for ", "MEDIA_ROOT")
    keep_in(settings, Distant)
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        assert look("disk") == []


# The database.


def test_the_database_answers_and_can_be_written_to() -> None:
    says("database", "ok", "The database answers (")
    says("migrations", "ok", "All migrations are applied.")
    says("writing", "ok", "can be written")
    assert not Sweep.objects.exists()


def test_history_without_its_protection() -> None:
    says("history", "ok", "refuses changes")
    append_only.drop(connection)
    says("history", "broken", "is missing", "Run manage.py migrate")


def sqlite(tmp_path: Path, **options: Any) -> Any:
    """A real connection to a file."""
    made = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3"), "OPTIONS": options}
    return ConnectionHandler({"default": made})["default"]


def test_sqlite_in_its_right_modes_and_in_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = sqlite(tmp_path, timeout=1)
    monkeypatch.setattr(database, "connection", plain)
    assert [state for state, _told in look("database modes")] == ["warn"] * 3
    says("database modes", "warn", 'Set "transaction_mode": "IMMEDIATE" in OPTIONS of DATABASES.')
    says("database modes", "warn", "a writer waits 1 s", 'Set "timeout": 20')
    plain.close()
    good = sqlite(tmp_path, timeout=20, transaction_mode="IMMEDIATE", init_command="PRAGMA journal_mode=WAL;")
    monkeypatch.setattr(database, "connection", good)
    assert [state for state, _told in look("database modes")] == ["ok"]
    good.close()


@pytest.mark.parametrize(
    ("vendor", "given", "said"),
    [
        ("postgresql", {"CONN_MAX_AGE": 60, "OPTIONS": {}}, ("ok", "Connections to PostgreSQL are kept.")),
        ("postgresql", {"CONN_MAX_AGE": 0, "OPTIONS": {}}, ("warn", '"CONN_MAX_AGE": 60')),
        ("postgresql", {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": True}}, ("ok", "are kept.")),
        ("mysql", {}, ("warn", "Nobody has tried this app on MySQL.")),
    ],
)
def test_connections_of_other_databases(
    vendor: str, given: dict[str, Any], said: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = SimpleNamespace(vendor=vendor, display_name="MySQL", settings_dict=given)
    monkeypatch.setattr(database, "connection", other)
    says("database modes", *said)


def test_clocks_that_differ(clock: Any) -> None:
    if connection.vendor != "postgresql":
        assert look("clock") == []
        return
    says("clock", "ok", "agrees")
    clock.move(seconds=40)
    says("clock", "warn", "40 seconds apart", "NTP")


# Work.


def worker(*, seen: int = 1, **changes: Any) -> Worker:
    now = timezone.now()
    row = {"name": "desk:7", "host": "desk", "pid": 7, "started_at": now, "seen_at": now - timedelta(seconds=seen)}
    return Worker.objects.create(**{**row, **changes})


def test_nobody_works_and_nobody_need(plate: Callable[..., Any]) -> None:
    says("workers", "warn", "No worker has been seen.", "Start manage.py detection_worker")
    says("sweep", "warn", "Nobody has swept yet.", "detection_schedule")
    plate()
    says("workers", "broken", "No worker has been seen.")
    says("sweep", "broken", "Nobody has swept yet.")


def test_a_worker_that_lives_and_one_that_is_gone(plate: Callable[..., Any]) -> None:
    row = worker()
    assert look("workers") == [("ok", "Workers seen in the last 60 seconds: 1.")]
    Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=90))
    says("workers", "warn", "The worker desk:7 was last seen 90 seconds ago.")
    plate()
    says("workers", "broken", "The worker desk:7 was last seen 90 seconds ago.")
    Worker.objects.filter(pk=row.pk).update(ended_at=timezone.now() - timedelta(seconds=30), seen_at=timezone.now())
    says("workers", "broken", "The worker desk:7 ended 30 seconds ago.")


def test_a_cluster_that_had_to_be_renewed() -> None:
    worker(restarts=1, restart_reason="the cluster ended", restarted_at=timezone.now())
    says("workers", "warn", "desk:7 renewed its cluster once (the cluster ended).")
    Worker.objects.update(restarts=3, restart_reason="")
    says("workers", "warn", "desk:7 renewed its cluster 3 times.")
    says("workers", "ok", "seen in the last 60 seconds: 1.")
    Worker.objects.update(restarted_at=timezone.now() - timedelta(days=2))
    assert "renewed" not in str(look("workers"))


def test_a_bare_qcluster_is_known_by_its_sweeps(plate: Callable[..., Any]) -> None:
    plate()
    call_command("detection_sweep", stdout=StringIO())
    says("workers", "ok", "a bare qcluster")
    says("sweep", "ok", "The last sweep was ")
    Sweep.objects.update(ran_at=timezone.now() - timedelta(minutes=20))
    says("sweep", "broken", "The last sweep was 1200 seconds ago.")


def test_standings_that_nobody_was_told() -> None:
    Sweep.objects.create(name="sweep", ran_at=timezone.now(), found={"unannounced": 150})
    says("sweep", "warn", "nobody was told: 150 or more", "standing_changed")


def test_rings_of_another_key_and_of_ours(plate: Callable[..., Any]) -> None:
    plate()
    assert look("rings") == []
    OrmQ.objects.create(key="x", payload="not:signed:by-us", lock=timezone.now())
    says("rings", "broken", "cannot read: 1 of 2", "DJANGO_SECRET_KEY")


def test_rings_on_another_broker_cannot_be_looked_at(settings: Any) -> None:
    settings.Q_CLUSTER = {"redis": "redis://127.0.0.1:1/0"}
    assert look("rings") == []


def test_many_rings(plate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plate()
    says("broker", "ok", "rings that wait: 1.")
    monkeypatch.setattr(work, "MANY_RINGS", 0)
    says("broker", "warn", "Rings wait in the broker: 1.", "Q_WORKERS")


def test_what_is_late(plate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plate()
    says("work", "ok", "Nothing is late")
    past = timezone.now() - timedelta(minutes=30)
    Analysis.objects.update(next_attempt_at=past)
    says("work", "broken", "its time came 30 minutes ago", "detection_worker")
    Analysis.objects.update(status="scanning", lease_until=past)
    says("work", "broken", "nobody took back: 1.")
    monkeypatch.setattr(work, "MANY_UNSEALED", 0)
    says("work", "warn", "not in the history's chain yet: ")


def test_checks_that_gave_up(plate: Callable[..., Any], scripted: Any) -> None:
    scripted().will_fail(errors.SchemaMismatch("HTML."))
    plate()
    drain()
    says("work", "warn", "Checks that gave up: 1.", "manage.py detection_redrive --all")


def test_options_of_the_queue_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """D04."""
    says("queue", "ok", "Q_CLUSTER fits.")
    monkeypatch.setattr(work.queue, "option_problems", lambda: ['Set "ack_failures": True in Q_CLUSTER.'])
    says("queue", "broken", 'Set "ack_failures": True')


# Detectors.


def test_each_detector_is_looked_at_though_another_is_broken(settings: Any) -> None:
    scripted = "detection.providers.scripted.ScriptedProvider"
    settings.DETECTION_PROVIDERS = {
        "first": {"BACKEND": "nowhere.Detector"},
        "second": {"BACKEND": scripted, "OPTIONS": {"rate": "often"}},
        "third": {"BACKEND": scripted},
        "fourth": {
            "BACKEND": "detection.providers.generic.GenericProvider",
            "OPTIONS": {"base_url": "https://a.example"},
        },
    }
    says("detectors", "broken", "nowhere.Detector", "DETECTION_FIRST_")
    says("detectors", "broken", "A rate is written as 5/s", "DETECTION_SECOND_")
    says("detectors", "warn", "The detector third says what it is told.")
    says("detectors", "broken", "'api_key'] is empty", "DETECTION_FOURTH_")
    settings.DETECTION_PROVIDERS = ["first"]
    says("detectors", "broken", "must be a dictionary", "DETECTION_<ALIAS>_")


def test_a_detector_that_fetches_needs_to_know_where_from(settings: Any, configure: Callable[..., None]) -> None:
    """C11."""
    options = {"base_url": "https://a.example", "api_key": "k", "mode": "url"}
    backend = "detection.providers.generic.GenericProvider"
    settings.DETECTION_PROVIDERS = {"first": {"BACKEND": backend, "OPTIONS": options}}
    said = "The detector first fetches pictures by link. PUBLIC_BASE_URL is not set"
    says("detectors", "broken", said, "Set PUBLIC_BASE_URL")
    configure(PUBLIC_BASE_URL="https://news.example")
    says("detectors", "ok", "The detector first is configured")


def test_a_house_without_a_detector_of_pixels(settings: Any, configure: Callable[..., None]) -> None:
    configure(PROVENANCE=True)
    settings.DETECTION_PROVIDERS = {}
    says("detectors", "ok", "The detector provenance is configured")
    says("detectors", "warn", "No detector looks at pixels", "docs/howto/detectors.md")


def test_detectors_that_are_paused(configure: Callable[..., None]) -> None:
    assert look("switches") == []
    configure(PAUSED="first,second")
    says("switches", "warn", "These detectors are (first, second) paused by the setting PAUSED.", "DETECTION_PAUSED")
    configure(PAUSED="")
    switches.pause("first", reason="The bill.")
    says("switches", "warn", "The detector first is paused: The bill.", "detection_provider resume 'first'")
    switches.pause("*", reason="Election night.")
    says("switches", "warn", "All detectors are paused: Election night.")


def test_a_detector_that_does_not_answer_well(scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for error, said in (
        (errors.AuthFailed("The key was refused."), "DETECTION_FIRST_API_KEY"),
        (errors.ProviderDown(), "DETECTION_FIRST_BASE_URL"),
    ):

        def refuses(error: errors.ProviderError = error) -> str:
            raise error

        monkeypatch.setattr(scripted(), "check", refuses)
        says("answers", "broken", "The detector first does not answer well", said)
        says("answers", "ok", "second: ")


def test_a_detector_that_cannot_be_made_is_not_asked(settings: Any) -> None:
    settings.DETECTION_PROVIDERS = {"first": {"BACKEND": "nowhere.Detector"}}
    assert look("answers") == []


def test_without_deep_nobody_is_asked() -> None:
    assert "answers" not in [probe.name for probe, _found in doctor.examine()]
    assert Asset.objects.count() == 0


def test_a_budget_that_comes_to_its_end_is_said(detectors: Callable[..., None]) -> None:
    detectors(first={"daily_budget": 2}, second={})
    says("budgets", "ok", "Scripted detector (first): Sent today: 0 of at most 2 pictures.")
    for said in ("Sent today: 1 of at most 2 pictures.", "Today's budget of 2 pictures is used up."):
        assert budgets.take("first", most=2, now=timezone.now())
        says("budgets", "warn", said, "DETECTION_FIRST_DAILY_BUDGET")
    detectors(first={"daily_budget": "many"})
    says("detectors", "broken", "it must be a whole number of pictures")
