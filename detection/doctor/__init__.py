"""What is wrong with this installation, and what to type: one look at everything the app stands on.

Nothing that is broken breaks the doctor: each probe is guarded, and one that rests on another that failed is left out.
Asked by the command `detection_doctor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from detection.doctor import database, detectors, house, journey, work
from detection.doctor.findings import Finding, State, broken, in_short

__all__ = ["PROBES", "Finding", "Probe", "State", "examine"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One look. `subject` and `fix` are for a look that itself fails; `needs` are probes it rests on.

    `is_deep`: it asks somebody over the network.
    """

    name: str
    look: Callable[[], Iterable[Finding]]
    subject: str
    fix: str
    needs: tuple[str, ...] = ()
    is_deep: bool = False


_DATABASE = "See that it runs, and correct DATABASES (in the newsroom: DATABASE_URL)."
_SETTINGS = "Change DETECTION in your settings; in the newsroom, the variable DETECTION_<KEY>."
_MIGRATE = "Run manage.py migrate."
_BROKER = "See that it runs, and correct Q_CLUSTER (in the newsroom: Q_BROKER and REDIS_URL)."
_FILES = "Let this process write there, or correct STORAGES and MEDIA_ROOT (in the newsroom: MEDIA_ROOT, STORAGE_URL)."
_SANDBOX = "Run pip install 'pillow>=12' pillow-heif c2pa-python, and let this process start others."
_LISTS = "Correct TRUST_LISTS and CA_BUNDLE (in the newsroom: DETECTION_TRUST_LISTS, DETECTION_CA_BUNDLE)."
_DETECTORS = "Change DETECTION_PROVIDERS in your settings; in the newsroom, the variables DETECTION_<ALIAS>_…."
_S, _D, _M = ("settings",), ("database",), ("migrations",)

PROBES: tuple[Probe, ...] = (
    Probe("settings", house.settings_read, "The settings cannot be read", _SETTINGS),
    Probe("values", house.settings_fit, "The settings cannot be read", _SETTINGS, _S),
    Probe("models", house.models_are_registered, "What is registered cannot be read", "Correct detection_hooks.py."),
    Probe("database", database.answers, "The database does not answer", _DATABASE),
    Probe("database modes", database.modes, "The database's modes cannot be read", _DATABASE, _D),
    Probe("migrations", database.migrated, "The migrations cannot be read", _MIGRATE, _D),
    Probe("writing", database.can_be_written, "The database cannot be written to", _DATABASE, _M),
    Probe("history", database.history_stands, "The history's protection cannot be read", _MIGRATE, _M),
    Probe("clock", database.clock_agrees, "The database's clock cannot be read", _DATABASE, _D),
    Probe("queue", work.queue_fits, "Q_CLUSTER cannot be read", "Correct Q_CLUSTER in your settings.", _S),
    Probe("broker", work.broker_answers, "The broker does not answer", _BROKER, (*_M, *_S)),
    Probe("rings", work.rings_can_be_read, "The rings cannot be read", _MIGRATE, _M),
    Probe("workers", work.somebody_works, "The workers cannot be read", _MIGRATE, _M),
    Probe("queues", work.each_queue_has_a_worker, "The named queues cannot be read", _MIGRATE, (*_M, *_S)),
    Probe("sweep", work.somebody_sweeps, "The last sweep cannot be read", _MIGRATE, (*_M, *_S)),
    Probe("work", work.nothing_is_late, "What waits cannot be read", _MIGRATE, _M),
    Probe("files", house.files_can_be_kept, "Files cannot be written, read and deleted", _FILES),
    Probe("disk", house.disk_has_space, "The disk cannot be looked at", _FILES),
    Probe("sandbox", house.sandbox_reads, "The process that opens pictures does not work", _SANDBOX, _S),
    Probe("declarations", house.declarations_are_read, "What files declare cannot be read", _SANDBOX, ("sandbox",)),
    Probe("lists", house.lists_are_good, "The lists of certificates cannot be read", _LISTS, _S),
    Probe("detectors", detectors.can_be_made, "The detectors cannot be read", _DETECTORS, _S),
    Probe("switches", detectors.may_be_asked, "The switches cannot be read", _MIGRATE, (*_M, *_S)),
    Probe("budgets", detectors.budgets_last, "The budgets cannot be read", _DETECTORS, (*_M, *_S)),
    Probe("keys", detectors.keys_are_young, "The age of the keys cannot be read", _DETECTORS, (*_M, *_S)),
    Probe("answers", detectors.answer, "The detectors cannot be asked", _DETECTORS, _S, is_deep=True),
)


JOURNEY = Probe(
    "journey", journey.walk, "A picture cannot be walked through", _FILES, ("models", *_M, "files", "sandbox")
)


def examine(
    *, deep: bool = False, journey: bool = False, probes: Iterable[Probe] = PROBES
) -> Iterator[tuple[Probe, list[Finding] | None]]:
    """Each probe with what it found; None where it was left out, for something it rests on is broken.

    `deep`: also ask each detector over the network. `journey`: also walk a picture of our own through. Raises nothing.
    """
    failed: set[str] = set()
    for probe in (*probes, JOURNEY) if journey else probes:
        if probe.is_deep and not deep:
            continue
        found = None if failed.intersection(probe.needs) else _look(probe)
        if found is None or any(one.state is State.BROKEN for one in found):
            failed.add(probe.name)
        yield probe, found


def _look(probe: Probe) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(probe.look())
    except Exception as error:
        found.append(broken(f"{probe.subject}: {in_short(error)}.", probe.fix))
    return found
