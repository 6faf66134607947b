"""Whether each configured detector can be made, may be asked, and, where that is wanted, answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from detection import budgets, keys, switches
from detection.doctor.findings import Finding, broken, in_short, ok, warn
from detection.errors import ProviderError
from detection.models import ProviderSwitch, WebhookDelivery, moments
from detection.providers import providers
from detection.providers.events import CalledBack
from detection.providers.scripted import ScriptedProvider
from detection.ratelimit import interval_of
from detection.scanning import handing

_CHANGE = "Change DETECTION_PROVIDERS (in the newsroom: the variables DETECTION_{}_…)."


def can_be_made() -> Iterator[Finding]:
    """Class, options, key and address of each are right, as far as can be told without asking it.

    A key that is missing is told: the doctor is asked where the worker runs, and nothing else needs keys.
    """
    pixels = 0
    for alias in providers.aliases():
        try:
            provider = providers[alias]
            provider.check_configuration()
            interval_of(provider.rate)
            _ = provider.daily_budget
        except ImproperlyConfigured as error:
            yield broken(f"{in_short(error)}.", _CHANGE.format(alias.upper()))
            continue
        pixels += provider.looks_at_pixels
        if handing.fetches(provider) and (said := handing.in_the_way()):
            yield broken(f"The detector {alias} fetches pictures by link. {said}", handing.WAY_IN)
            continue
        if isinstance(provider, ScriptedProvider):
            yield warn(f"The detector {alias} says what it is told.", "Configure a real one before you rely on it.")
        else:
            yield ok(f"The detector {alias} is configured ({provider.title}).")
    if not pixels:
        fix = "Add one to DETECTION_PROVIDERS; docs/howto/detectors.md says how."
        yield warn("No detector looks at pixels: only what files declare is read.", fix)


def may_be_asked() -> Iterator[Finding]:
    """Whom a person or the breaker has paused."""
    if by_setting := switches.named_by_setting():
        who = "All detectors are" if switches.ALL in by_setting else f"These detectors are ({', '.join(by_setting)})"
        yield warn(f"{who} paused by the setting PAUSED.", "Unset it (in the newsroom: DETECTION_PAUSED) to go on.")
    for switch in ProviderSwitch.objects.filter(is_paused=True):
        who = "All detectors are" if switch.alias == "*" else f"The detector {switch.alias} is"
        until = "" if switch.paused_until is None else " and tried again by itself"
        fix = f"Then manage.py detection_provider resume '{switch.alias}'."
        yield warn(f"{who} paused{until}: {switch.reason.rstrip('.')}.", f"See to the reason. {fix}")


def budgets_last() -> Iterator[Finding]:
    """How much of each detector's budget for the day is left."""
    for budget in budgets.all_of(moments.now()):
        fix = f"Wait, or raise its budget (in the newsroom: DETECTION_{budget.alias.upper()}_DAILY_BUDGET)."
        said = f"{budget.title} ({budget.alias}): {budget.sentence}"
        yield warn(said, fix) if budget.is_low else ok(said)


def keys_are_young() -> Iterator[Finding]:
    """For how long each key has been the same, as the sweeps saw it; and which old callback secret nobody uses."""
    now = timezone.now()
    for row in keys.known():
        days = (now - row.ran_at).days
        alias = row.name.removeprefix(keys.PREFIX)
        fix = "Make a new one at the vendor and change it: docs/howto/rotate-keys.md."
        said = f"The key of {alias} has been the same for {days} days."
        yield warn(said, fix) if days > keys.OLD else ok(said)
    for alias in providers.aliases():
        provider = providers[alias]
        if not isinstance(provider, CalledBack) or len(provider.webhook_secrets) < 2:
            continue
        since = now - timedelta(days=keys.UNUSED)
        if not WebhookDelivery.objects.filter(provider=alias, slot__gte=1, received_at__gte=since).exists():
            fix = f"Drop it from the list (in the newsroom: DETECTION_{alias.upper()}_WEBHOOK_SECRETS)."
            yield warn(f"{alias}: no event was signed with an older secret for {keys.UNUSED} days.", fix)


def answer() -> Iterator[Finding]:
    """Each is asked over the network whether the credentials are good; no picture is sent."""
    for alias in providers.aliases():
        try:
            yield ok(f"{alias}: {providers[alias].check()}")
        except ImproperlyConfigured:
            continue  # told by `can_be_made`
        except ProviderError as error:
            yield broken(f"The detector {alias} does not answer well: {in_short(error)}.", _fix(alias, error))


def _fix(alias: str, error: ProviderError) -> str:
    name = f"DETECTION_{alias.upper()}"
    if error.error_class == "auth":
        return f"Correct its key (in the newsroom: {name}_API_KEY)."
    return f"Correct its address (in the newsroom: {name}_BASE_URL), or wait: its checks are tried again by themselves."
