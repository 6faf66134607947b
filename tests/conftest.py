"""What every test may ask for. Real parts: a real database, real files, real HTTP on loopback, and nothing beyond it.

Tests of the app use the small host in `otherhost`, which registers no scope: who may do what comes from
`user.has_perm`. So the same tests run with and without the newsroom installed.
"""

from __future__ import annotations

import copy
import hashlib
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from detection import counting, registry, sandbox, tallies
from detection.errors import Rejected
from detection.models import Asset, append_only, moments
from detection.providers import providers
from detection.providers.scripted import ScriptedProvider
from detection.testing import images
from detection.testing.draining import drain
from tests.otherhost.models import Article, Plate

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"

# On a busy machine slow is not wrong; how fast something is, benchmarks tell.
hypothesis_settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("house")

EDITOR = ("review_analysis", "acknowledge_gate", "request_scan")
CHIEF = (*EDITOR, "override_hold", "release_outside", "redrive")
AUDITOR = ("view_audit", "export_audit")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Where NOTHING_MAY_SKIP is set, a test that misses a service or the corpus fails instead of being skipped."""
    report = yield
    if report.skipped and os.environ.get("NOTHING_MAY_SKIP") and "is not here" in str(report.longrepr):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real files; a test that asks for it is skipped where it is absent."""
    if not CORPUS.is_dir():
        pytest.skip("the shared corpus of real files is not here: it lies beside a checkout")
    return CORPUS


def _is_here(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a path: a Unix socket
    try:
        return ipaddress.ip_address(str(address[0]).split("%")[0]).is_loopback
    except ValueError:
        return address[0] in ("localhost", "")


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaves() -> Iterator[None]:
    """No test reaches beyond this machine: a connection that would is an error, whoever catches it."""
    tried: list[Any] = []
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if not _is_here(address):
            tried.append(address)
            raise OSError(f"Tests may not reach {address}.")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
    assert not tried, f"Tests tried to reach {tried}."


@pytest.fixture(autouse=True)
def _counts_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test's request adds what others counted in this process; a test of the totals flushes them itself."""
    counting.take()
    monkeypatch.setattr(tallies, "FLUSH_AFTER", float("inf"))


@pytest.fixture(autouse=True)
def _own_house(settings: Any, tmp_path: Path) -> Iterator[None]:
    """A media folder of its own, and detectors that remember nothing, for each test."""
    settings.MEDIA_ROOT = tmp_path / "media"
    providers.reset()
    yield
    providers.reset()


_ANSWERED: dict[str, sandbox.Answer | Rejected] = {}
_ask_a_child = sandbox.run


def _remembered(job: str, content: bytes, **arguments: Any) -> sandbox.Answer:
    """`sandbox.run`, once for each question: a child's answer about the same bytes is the same the next time."""
    question = hashlib.sha256(f"{job} {sorted(arguments.items())} ".encode() + content).hexdigest()
    if question not in _ANSWERED:
        try:
            _ANSWERED[question] = _ask_a_child(job, content, **arguments)
        except Rejected as refusal:
            _ANSWERED[question] = refusal
    answer = _ANSWERED[question]
    if isinstance(answer, Rejected):
        raise Rejected(answer.code, str(answer))
    return copy.deepcopy(answer)


@pytest.fixture(autouse=True)
def _one_child_a_question(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests see the same few pictures, and a child costs a tenth of a second; `own_children` has its own."""
    if "own_children" not in request.keywords:
        monkeypatch.setattr(sandbox, "run", _remembered)


class _Collected(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []
        self.is_expected = False

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def _errors() -> Iterator[_Collected]:
    """The doors of workers log what they catch; a test that did not expect it must not pass."""
    collected = _Collected()
    logger = logging.getLogger("detection")
    logger.addHandler(collected)
    yield collected
    logger.removeHandler(collected)
    if not collected.is_expected:
        assert not collected.records, [record.getMessage() for record in collected.records]


@pytest.fixture
def logged(_errors: _Collected) -> list[logging.LogRecord]:
    """The errors that the app logged; a test that asks for them expects some."""
    _errors.is_expected = True
    return _errors.records


def person(name: str, *permissions: str) -> Any:
    """Somebody who may enter the admin and holds these permissions of ours."""
    user = get_user_model().objects.create_user(username=name, first_name=name.title(), last_name="Example")
    user.is_staff = True
    user.save()
    ours = Permission.objects.filter(content_type__app_label="detection", codename__in=permissions)
    user.user_permissions.set(ours)
    return get_user_model().objects.get(pk=user.pk)


@pytest.fixture
def erin(db: None) -> Any:
    """Edits."""
    return person("erin", *EDITOR)


@pytest.fixture
def dana(db: None) -> Any:
    """Is desk chief."""
    return person("dana", *CHIEF)


@pytest.fixture
def avery(db: None) -> Any:
    """Audits."""
    return person("avery", *AUDITOR)


@pytest.fixture
def sam(db: None) -> Any:
    """Is a stranger."""
    return person("sam")


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """Change keys of `settings.DETECTION` for one test."""

    def change(**keys: Any) -> None:
        settings.DETECTION = {**settings.DETECTION, **keys}

    return change


@pytest.fixture
def pixels_only(configure: Callable[..., None]) -> None:
    """Without the embedded reader, whose sandbox process would be most of a test's time."""
    configure(PROVENANCE=False)


@pytest.fixture
def detectors(settings: Any) -> Callable[..., None]:
    """Configure scripted detectors by alias and OPTIONS: `detectors(first={"rate": "1/s"})`."""

    def change(**options: dict[str, Any]) -> None:
        backend = "detection.providers.scripted.ScriptedProvider"
        settings.DETECTION_PROVIDERS = {
            alias: {"BACKEND": backend, "OPTIONS": given} for alias, given in options.items()
        }

    return change


@pytest.fixture
def scripted() -> Callable[[str], ScriptedProvider]:
    """A scripted detector by its alias, "first" unless another is named."""

    def find(alias: str = "first") -> ScriptedProvider:
        found = providers[alias]
        assert isinstance(found, ScriptedProvider)
        return found

    return find


@pytest.fixture
def plate(db: None) -> Callable[..., Plate]:
    """Upload a picture. `is_read`: as if intake had read it already, which saves a sandbox process."""

    def make(title: str = "Harbour", *, content: bytes | None = None, seed: int = 1, is_read: bool = True) -> Plate:
        data = images.photo_like(seed, size=(64, 48)) if content is None else content
        made = Plate.objects.create(title=title, picture=ContentFile(data, name="plate.jpg"))
        if is_read:
            mark_read(made, data)
        return made

    return make


def mark_read(picture: Plate, content: bytes) -> None:
    """Fill the facts that intake would read from this small JPEG."""
    Asset.objects.of(picture).update(
        read_generation=Asset.objects.of(picture).get().generation,
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="image/jpeg",
        width=64,
        height=48,
        size=len(content),
    )


@pytest.fixture
def looked_at(plate: Callable[..., Plate], scripted: Callable[..., ScriptedProvider]) -> Callable[..., Asset]:
    """Upload a picture and let the first detector answer: `looked_at(verdict="likely_ai", ai_score=0.95)`."""

    def make(title: str = "Harbour", *, seed: int = 1, **answer: Any) -> Asset:
        scripted().will_return(**answer)
        made = plate(title, seed=seed)
        drain()
        return asset_of(made)

    return make


def asset_of(picture: Plate) -> Asset:
    """Our handle on it, fresh from the database."""
    return Asset.objects.of(picture).get()


@pytest.fixture
def article(db: None) -> Callable[..., Article]:
    """A draft that holds the pictures of these assets."""

    def make(*assets: Asset, title: str = "The cup") -> Article:
        made = Article.objects.create(title=title)
        made.plates.set([one.picture() for one in assets])
        return made

    return make


@pytest.fixture
def host() -> Iterator[Callable[..., None]]:
    """Register the other host differently for one test: `host(plate={"source_tier": …}, article={"desk": …})`."""
    assets, publishables = dict(registry._assets), dict(registry._publishables)

    def change(*, plate: dict[str, Any] | None = None, article: dict[str, Any] | None = None) -> None:
        registry.unregister("otherhost.Plate")
        registry.unregister("otherhost.Article")
        registry.register_asset("otherhost.Plate", **{"file_field": "picture", "label": "title", **(plate or {})})
        registry.register_publishable("otherhost.Article", **{"assets": "plates", **(article or {})})

    yield change
    for held, before in ((registry._assets, assets), (registry._publishables, publishables)):
        held.clear()
        held.update(before)  # type: ignore[arg-type]


class Clock:
    """The time as the app reads it; moves only forward, and only when told."""

    def __init__(self) -> None:
        self._now = timezone.now
        self.ahead = timedelta()

    def now(self) -> Any:
        return self._now() + self.ahead

    def move(self, **by: float) -> None:
        """Let time pass: `clock.move(hours=25)`."""
        self.ahead += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Every clock, the database's too, in the test's hand."""
    made = Clock()
    of_server = moments._of_server
    monkeypatch.setattr(timezone, "now", made.now)
    monkeypatch.setattr(moments, "_of_server", lambda alias: of_server(alias) + made.ahead)
    monkeypatch.setattr(moments, "when_inserted", made.now)
    return made


@pytest.fixture
def committed_db(transactional_db: None) -> Iterator[None]:
    """A database in which transactions really commit; emptied afterwards, for which history's triggers step aside."""
    yield
    append_only.drop(connection)


@pytest.fixture
def statements() -> Callable[[], AbstractContextManager[list[str]]]:
    """The SQL that a block sends, without transaction control."""

    @contextmanager
    def capture() -> Iterator[list[str]]:
        found: list[str] = []
        with CaptureQueriesContext(connection) as captured:
            yield found
        control = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
        found += [one["sql"] for one in captured.captured_queries if not one["sql"].startswith(control)]

    return capture
