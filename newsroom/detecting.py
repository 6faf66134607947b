"""What the environment says of detection: the app's own settings, and the detectors by alias.

A variable that begins with `DETECTION_` and that nothing reads is refused: a misspelt protection protects nobody.
"""

from __future__ import annotations

import pkgutil
import re
from difflib import get_close_matches
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

import detection
from detection.conf import SETTINGS, contradictions
from newsroom.environment import Environment, meant, refuse_weak

OWN = ("DETECTION_PROVIDERS", "DETECTION_NOTICE", "DETECTION_PULSE")
"""The last is no setting: a worker tells its own cluster by it where to give signs of life."""
_SHARED = frozenset({"PUBLIC_BASE_URL", "TRUSTED_PROXIES"})
"""Settings of the app that the newsroom reads for itself too, from a variable without our prefix."""
_OPTIONS = (
    *("BACKEND", "BASE_URL", "SIGNING", "RATE", "CONCURRENCY", "QUEUE", "MODE", "MODEL", "LABEL"),
    *("ALLOWED_HOSTS", "CALLBACKS", "DAILY_BUDGET", "API_KEY", "WEBHOOK_SECRETS", "OPTIONS"),
)
"""What may be set for each detector, behind `DETECTION_<ALIAS>_`."""
_RATE = re.compile(r"[1-9][0-9]{0,8}/[smhd]")
_SECRET_LENGTH = 24
_ADAPTERS = Path(detection.__file__).parent / "providers"


def settings(env: Environment, *, lists_may_come: bool = False) -> dict[str, Any]:
    """`DETECTION`: only what is set, so that the app's own defaults hold. Raises ImproperlyConfigured.

    `lists_may_come`: the folders that are named need not exist yet, as in a demo, which makes its own.
    """
    chosen: dict[str, Any] = {}
    for name, setting in SETTINGS.items():
        variable = name if name in _SHARED else f"DETECTION_{name}"
        if not env.text(variable):
            continue
        readers: dict[type, Any] = {bool: partial(env.switch, default=False), int: partial(env.number, default=0)}
        chosen[name] = readers.get(setting.kind, env.text)(variable)
        if not setting.accepts(chosen[name]):
            raise ImproperlyConfigured(f"{variable} is {chosen[name]!r}. It must be {setting.expected}.")
    for sentence in contradictions(chosen, called="DETECTION_{}".format, reads_files=not lists_may_come):
        raise ImproperlyConfigured(sentence)
    return chosen


def detectors(env: Environment) -> dict[str, dict[str, Any]]:
    """`DETECTION_PROVIDERS`, shaped like CACHES. Raises ImproperlyConfigured, also for a variable nothing reads."""
    aliases = env.words("DETECTION_PROVIDERS")
    for alias in aliases:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", alias):
            raise ImproperlyConfigured(f"DETECTION_PROVIDERS: {alias!r} must be small letters, digits and _.")
        if aliases.count(alias) > 1:
            raise ImproperlyConfigured(f"DETECTION_PROVIDERS names {alias} twice. Give each detector its own alias.")
    _refuse_unknown(env, aliases)
    for alias in env.words("DETECTION_PAUSED"):
        if alias != "*" and alias not in aliases:
            raise ImproperlyConfigured(f"DETECTION_PAUSED names {alias[:40]!r}. {meant(alias, aliases)}")
    return {alias: {"BACKEND": _backend(env, alias), "OPTIONS": _options(env, alias)} for alias in aliases}


def _refuse_unknown(env: Environment, aliases: list[str]) -> None:
    per_alias = [f"DETECTION_{alias.upper()}_{name}" for alias in aliases for name in _OPTIONS]
    known = [*OWN, *(f"DETECTION_{name}" for name in SETTINGS if name not in _SHARED), *per_alias]
    for variable in env.unknown("DETECTION_", known):
        if (shared := variable.removeprefix("DETECTION_")) in _SHARED:
            raise ImproperlyConfigured(f"{variable} is set, and nothing reads it. Did you mean {shared}?")
        option = re.fullmatch(rf"DETECTION_([A-Z0-9_]+)_({'|'.join(_OPTIONS)})(_FILE)?", variable)
        if option and not get_close_matches(variable, known, n=1, cutoff=0.85):
            alias = option[1].lower()
            said = f"{variable} is set, and DETECTION_PROVIDERS names no detector {alias}"
            near = get_close_matches(alias, aliases, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Add {alias} to it, or remove the variable."
            raise ImproperlyConfigured(f"{said}. {hint}")
        raise ImproperlyConfigured(f"{variable} is set, and nothing reads it. {meant(variable, known)}")


def _backend(env: Environment, alias: str) -> str:
    """The class's dotted name; one word stands for the module and the class of that name in the app."""
    variable = f"DETECTION_{alias.upper()}_BACKEND"
    given = env.text(variable)
    word = given or alias
    if "." in word:
        if not _is_there(word.rpartition(".")[0]):
            raise ImproperlyConfigured(f"{variable} names {word}, whose module is not installed.")
        return word
    adapters = _adapters()
    if word not in adapters:
        who = f"{variable} is {word!r}" if given else f"DETECTION_PROVIDERS names {alias}, and {variable} is not set"
        raise ImproperlyConfigured(f"{who}; there is no such adapter. {meant(word, adapters)}")
    return f"detection.providers.{word}.{_class_name(word)}"


def _class_name(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_")) + "Provider"


def _adapters() -> list[str]:
    """The modules of the app that hold a detector with a label. Read as text, for Django is not set up yet."""
    found = []
    for module in pkgutil.iter_modules([str(_ADAPTERS)]):
        path = _ADAPTERS / module.name / "__init__.py" if module.ispkg else _ADAPTERS / f"{module.name}.py"
        text = path.read_text(encoding="utf-8")
        if f"class {_class_name(module.name)}(" in text and "    label: ClassVar" in text:
            found.append(module.name)
    return found


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _options(env: Environment, alias: str) -> dict[str, Any]:
    """What is set for one detector, under the lower-case names its adapter knows."""
    prefix = f"DETECTION_{alias.upper()}_"
    options: dict[str, Any] = {
        name.lower(): env.text(prefix + name) for name in ("MODEL", "LABEL") if env.text(prefix + name)
    }
    if address := env.address(prefix + "BASE_URL"):
        options["base_url"] = address
    for name, known in (("SIGNING", ("standard", "hmac")), ("MODE", ("upload", "url"))):
        if env.text(prefix + name):
            options[name.lower()] = env.choice(prefix + name, "", known)
    if rate := env.text(prefix + "RATE"):
        if not _RATE.fullmatch(rate):
            raise ImproperlyConfigured(f"{prefix}RATE is {rate!r}. Write it as 5/s, 30/m, 100/h or 1000/d.")
        options["rate"] = rate
    if hosts := env.words(prefix + "ALLOWED_HOSTS"):
        options["allowed_hosts"] = hosts
    if env.text(prefix + "CALLBACKS"):
        options["callbacks"] = env.switch(prefix + "CALLBACKS", default=False)
    if env.text(prefix + "CONCURRENCY"):
        options["concurrency"] = env.number(prefix + "CONCURRENCY", 1, low=1, high=9999)
    if queue := env.text(prefix + "QUEUE"):
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", queue):
            raise ImproperlyConfigured(f"{prefix}QUEUE is {queue[:40]!r}. Use small letters, digits and _, as slow.")
        options["queue"] = queue
    if env.text(prefix + "DAILY_BUDGET"):
        options["daily_budget"] = env.number(prefix + "DAILY_BUDGET", 0, low=1)
    return _own(env, prefix) | options | _secrets(env, alias, prefix)


def _own(env: Environment, prefix: str) -> dict[str, Any]:
    """What one vendor alone knows, as `sandbox=on,reports=ai_generated+deepfake`; its adapter refuses wrong ones."""
    found = {}
    for word in env.words(prefix + "OPTIONS"):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not value or not re.fullmatch(r"[a-z][a-z_]*", name):
            raise ImproperlyConfigured(f"{prefix}OPTIONS: {word[:40]!r} must look like name=value.")
        if name.upper() in _OPTIONS:
            raise ImproperlyConfigured(f"{prefix}OPTIONS: set {name} by {prefix}{name.upper()}.")
        found[name] = value
    return found


def _secrets(env: Environment, alias: str, prefix: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    key = env.secret(prefix + "API_KEY") or (env.secret("AI_IMAGE_API_KEY") if alias == "generic" else "")
    if key:
        options["api_key"] = key
    # Each of the list is measured by itself, so the list may hold the spaces that divide it.
    signing = [part.strip() for part in env.secret(prefix + "WEBHOOK_SECRETS").split(",") if part.strip()]
    for one in signing:
        refuse_weak(prefix + "WEBHOOK_SECRETS", one, at_least=_SECRET_LENGTH)
    return options | ({"webhook_secrets": signing} if signing else {})
