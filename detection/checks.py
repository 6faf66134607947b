"""What Django's check command says about this app, each with something to type.

Ids: detection.E… stop the start, detection.W… warn. The same findings feed the doctor.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from detection import queue, switches
from detection.conf import SETTINGS, contradictions, settings
from detection.models import append_only
from detection.providers import providers
from detection.providers.events import CalledBack
from detection.scanning import calling, handing


@register()
def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Settings and detectors can be read."""
    found: list[CheckMessage] = []
    try:
        for name in SETTINGS:
            getattr(settings, name)
    except ImproperlyConfigured as error:
        found.append(Error(str(error), hint="Change DETECTION in your settings.", id="detection.E001"))
        return found
    try:
        for alias in providers.aliases():
            providers[alias]
    except ImproperlyConfigured as error:
        found.append(Error(str(error), hint="Change DETECTION_PROVIDERS in your settings.", id="detection.E002"))
    return found


@register()
def check_pauses(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The kill switch names detectors that there are: one that is misspelt would stop nobody."""
    if check_settings():
        return []
    known = (*providers.aliases(), switches.ALL)
    return [
        Error(f"DETECTION['PAUSED'] names {alias!r}, and no detector is called so.", hint=hint, id="detection.E009")
        for alias in switches.named_by_setting()
        for hint in [f"Name some of {', '.join(known)}; in the newsroom by DETECTION_PAUSED."]
        if alias not in known
    ]


def check_keys() -> list[CheckMessage]:
    """Each detector's key is in this process. Not registered: only `detection_worker` asks.

    A process that calls no detector, as a web server does, is better off without their keys.
    """
    found: list[CheckMessage] = []
    for alias in providers.aliases():
        try:
            providers[alias].check_configuration()
        except ImproperlyConfigured as error:
            hint = "Give it to the process that runs detection_worker, in DETECTION_PROVIDERS; no other needs it."
            found.append(Error(str(error), hint=hint, id="detection.E002"))
    return found


def check_worker_privileges() -> list[CheckMessage]:
    """A worker holds nothing that signs the history. Not registered: only `detection_worker` asks."""
    if not getattr(django_settings, "AUDIT_ANCHOR_KEY", ""):
        return []
    said = "AUDIT_ANCHOR_KEY is in a worker's settings, and a worker signs nothing by it."
    hint = "Give it to the process that runs audit_anchor alone: who has taken a worker over could sign any history."
    return [Warning(said, hint=hint, id="detection.W003")]


def check_web_privileges() -> list[CheckMessage]:
    """A web process holds no key of a detector, and none that signs the history. Not registered: `wsgi` asks."""
    hint = "Give it to the process that runs detection_worker alone; a web server calls no detector."
    found: list[CheckMessage] = [
        Warning(f"The key of the detector {alias} is in the web server's settings.", hint=hint, id="detection.W004")
        for alias in providers.aliases()
        if providers[alias].options.get("api_key")
    ]
    if getattr(django_settings, "AUDIT_ANCHOR_KEY", ""):
        hint = "Give it to the process that runs audit_anchor alone."
        found.append(Warning("AUDIT_ANCHOR_KEY is in the web server's settings.", hint=hint, id="detection.W003"))
    return found


@register()
def check_values(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Settings agree with each other, and what they name is there."""
    if check_settings():
        return []
    configured = getattr(django_settings, "DETECTION", {})
    hint = "Change DETECTION in your settings; in the newsroom, the variable DETECTION_<KEY>."
    return [Error(sentence, hint=hint, id="detection.E007") for sentence in contradictions(configured)]


@register()
def check_links(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A detector that fetches pictures by link has a way in."""
    if check_settings():
        return []
    fetching = [alias for alias in providers.aliases() if handing.fetches(providers[alias])]
    said = handing.in_the_way() if fetching else ""
    return [
        Error(f"The detector {alias} fetches pictures by link. {said}", hint=handing.WAY_IN, id="detection.E008")
        for alias in fetching
        if said
    ]


@register()
def check_callbacks(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A detector that calls back has a way in, and its events can be told from a stranger's."""
    if check_settings():
        return []
    found: list[CheckMessage] = []
    for alias in providers.aliases():
        one = providers[alias]
        if not isinstance(one, CalledBack) or not one.calls_back:
            continue
        if said := calling.in_the_way():
            hint = "Set PUBLIC_BASE_URL, or turn its callbacks off: then it is asked for its answers."
            found.append(Error(f"The detector {alias} calls back. {said}", hint=hint, id="detection.E010"))
        if not one.can_verify:
            hint = (
                "Give it webhook_secrets (in the newsroom: DETECTION_<ALIAS>_WEBHOOK_SECRETS), or turn callbacks off."
            )
            said = f"The detector {alias} calls back, and has no webhook_secrets to tell its events from a stranger's."
            found.append(Error(said, hint=hint, id="detection.E010"))
    return found


@register()
def check_queue(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The queue's options fit a guarded row."""
    return [Error("Q_CLUSTER does not fit.", hint=hint, id="detection.E003") for hint in queue.option_problems()]


@register()
def check_requests(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Requests don't wrap refusals in a transaction on SQLite."""
    found: list[CheckMessage] = []
    database = django_settings.DATABASES.get("default", {})
    if database.get("ATOMIC_REQUESTS") and "sqlite" in str(database.get("ENGINE")):
        hint = "Turn ATOMIC_REQUESTS off, or use PostgreSQL: each request would hold the one write lock."
        found.append(Warning("ATOMIC_REQUESTS is on with SQLite.", hint=hint, id="detection.W001"))
    return found


_UNSHARED = {
    "LocMemCache": "each process has one of its own, so that each would log in",
    "DummyCache": "it keeps nothing, so that each call would log in",
    "DatabaseCache": "it is a table, so that copies of the database would hold the login",
}
"""What is wrong with a default cache for a login that processes share."""


@register()
def check_shared_login(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A login that all processes share has a place where they find it."""
    if check_settings():
        return []
    cache = str(django_settings.CACHES.get("default", {}).get("BACKEND", "")).rpartition(".")[2]
    hint = "Set CACHES['default'] to Redis or Memcached, or to a file cache whose add is atomic, as the newsroom's."
    return [
        Warning(
            f"The detector {alias} shares a login through the default cache: {_UNSHARED[cache]}.",
            hint=hint,
            id="detection.W002",
        )
        for alias in providers.aliases()
        if cache in _UNSHARED and providers[alias].shares_login
    ]


@register(Tags.database)
def check_history(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The history's own refusal to change stands in the database."""
    if not databases or "detection_auditevent" not in connection.introspection.table_names():
        return []
    missing = append_only.missing(connection)
    hint = "Run manage.py migrate; it creates them again."
    return [Error(f"The trigger {name} is missing.", hint=hint, id="detection.E005") for name in missing]


@register(Tags.security, deploy=True)
def check_deploy(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Nothing that is only for tests and demonstrations."""
    try:
        allowed = settings.ALLOW_LOOPBACK
    except ImproperlyConfigured:
        return []
    if not allowed:
        return []
    hint = "Unset DETECTION_ALLOW_LOOPBACK in production."
    return [Error("Detectors on loopback over plain http are allowed.", hint=hint, id="detection.E006")]
