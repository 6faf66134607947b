"""Every setting of the newsroom, read once from the environment; the only module that reads it.

Each secret may also be given as `NAME_FILE`, the path of a file that holds it. A value that cannot be read is
refused with the name of its variable, so that a typing error never becomes a silent default.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from detection.conf import SETTINGS as DETECTION_SETTINGS

BASE_DIR = Path(__file__).resolve().parent.parent
_ENVIRONMENT: dict[str, str] = environ.Env.ENVIRON
_FALSE = frozenset({"off", "false", "no", "0"})
_TRUE = frozenset({"on", "true", "yes", "1"})


def text(name: str, default: str = "") -> str:
    """A plain value, stripped; an empty one counts as not given."""
    return _ENVIRONMENT.get(name, "").strip() or default


def switch(name: str, *, default: bool) -> bool:
    """`on` or `off`. Raises ImproperlyConfigured for any other word, since a mistyped switch must not be a guess."""
    value = text(name).lower()
    if value and value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to on or off.")
    return value in _TRUE if value else default


def number(name: str, default: int) -> int:
    """A whole number. Raises ImproperlyConfigured with the name for anything else."""
    value = text(name)
    if value and not re.fullmatch(r"-?\d+", value):
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a whole number.")
    return int(value) if value else default


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A list, divided by commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or list(default)


def secret(name: str, default: str = "") -> str:
    """A secret from `name`, or from the file that `name`_FILE names, stripped. An empty one is refused by name."""
    path = text(f"{name}_FILE")
    if path:
        try:
            value: str | None = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path!r}, which cannot be read: {error}.") from error
    else:
        value = _ENVIRONMENT.get(name)
    if value is None:
        return default
    if not value.strip():
        raise ImproperlyConfigured(f"{name} is empty. Give it a value, or don't set it at all.")
    return value.strip()


VAR = Path(text("NEWSROOM_VAR", str(BASE_DIR / "var"))).absolute()
"""The folder for everything this installation writes: database, uploads, and a key made for a demo or a test."""


def _secret_key() -> str:
    """The key from the environment, else the one that a demo or a test run made in `VAR`.

    A key that differed between processes would make the workers throw every task away, so none is ever made up in
    passing: only where NEWSROOM_MAKE_KEY is on, once, in a file that its owner alone can read.
    """
    path = VAR / "secret_key"
    if given := secret("DJANGO_SECRET_KEY"):
        return given
    if not path.exists():
        if not switch("NEWSROOM_MAKE_KEY", default=False):
            raise ImproperlyConfigured("DJANGO_SECRET_KEY is not set. Set it, or DJANGO_SECRET_KEY_FILE.")
        VAR.mkdir(parents=True, exist_ok=True)
        draft = VAR / f"secret_key.{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # whole or not at all, and the first of several processes wins
        draft.unlink()
    return path.read_text().strip()


def _database() -> dict[str, Any]:
    url = secret("DATABASE_URL", f"sqlite:///{VAR / 'newsroom.sqlite3'}")
    try:
        database = cast(dict[str, Any], environ.Env.db_url_config(url))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from error
    engine = database.get("ENGINE", "")
    if not engine.startswith("django.db.backends."):
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:// or postgresql://.")
    database["CONN_MAX_AGE"] = 60
    database["CONN_HEALTH_CHECKS"] = True
    if engine.endswith("sqlite3"):
        Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        }
    return database


def _storage() -> dict[str, Any]:
    """Where uploads lie: a folder, or a bucket with `STORAGE_URL=s3://bucket/prefix?endpoint_url=…`."""
    url = urlsplit(secret("STORAGE_URL"))
    if not url.scheme:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    if url.scheme != "s3" or not url.netloc:
        raise ImproperlyConfigured("STORAGE_URL must look like s3://bucket/prefix. For a folder set MEDIA_ROOT.")
    options = {"bucket_name": url.netloc, "location": url.path.strip("/"), **dict(parse_qsl(url.query))}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def _queue() -> dict[str, Any]:
    """django-q2's options. Retries are the analysis row's affair, so the queue makes none of its own."""
    cluster: dict[str, Any] = {
        "name": "newsroom",
        "workers": number("Q_WORKERS", 2),
        "queue_limit": 1,
        "timeout": 120,
        "retry": 300,
        "ack_failures": True,
        "max_attempts": 1,
        "save_limit": 100,
        "recycle": 200,
        "max_rss": 300_000,
        "catch_up": False,
        "log_level": "WARNING",
    }
    broker = text("Q_BROKER", "orm")
    if broker == "orm":
        return cluster | {"orm": "default"}
    if broker != "redis" or not REDIS_URL:
        raise ImproperlyConfigured(f"Q_BROKER is {broker!r}. Set it to orm, or to redis together with REDIS_URL.")
    return cluster | {"redis": REDIS_URL}


def _detection() -> dict[str, Any]:
    """`DETECTION_<NAME>` for every setting the app knows; only those that are set, so that its own defaults hold."""
    chosen: dict[str, Any] = {}
    for name, setting in DETECTION_SETTINGS.items():
        variable = f"DETECTION_{name}"
        if not text(variable):
            continue
        readers: dict[type, Any] = {bool: partial(switch, default=False), int: partial(number, default=0)}
        chosen[name] = readers.get(setting.kind, text)(variable)
        if not setting.accepts(chosen[name]):
            raise ImproperlyConfigured(f"{variable} is {chosen[name]!r}. It must be {setting.expected}.")
    return chosen


def _options(alias: str) -> dict[str, Any]:
    """What is set for one detector, under the lower-case names its adapter knows."""
    prefix = f"DETECTION_{alias.upper()}_"
    options: dict[str, Any] = {}
    for name in ("BASE_URL", "SIGNING", "RATE", "MODE", "MODEL", "LABEL"):
        if value := text(prefix + name):
            options[name.lower()] = value
    if hosts := words(prefix + "ALLOWED_HOSTS"):
        options["allowed_hosts"] = hosts
    if text(prefix + "CALLBACKS"):
        options["callbacks"] = switch(prefix + "CALLBACKS", default=False)
    if text(prefix + "DAILY_BUDGET"):
        options["daily_budget"] = number(prefix + "DAILY_BUDGET", 0)
    key = secret(prefix + "API_KEY") or (secret("AI_IMAGE_API_KEY") if alias == "generic" else "")
    if key:
        options["api_key"] = key
    if signing_secrets := secret(prefix + "WEBHOOK_SECRETS"):
        options["webhook_secrets"] = [part.strip() for part in signing_secrets.split(",") if part.strip()]
    return options


def _providers() -> dict[str, dict[str, Any]]:
    """The detectors by alias, shaped like CACHES. A one-word backend is the module and class of that name."""
    configured: dict[str, dict[str, Any]] = {}
    for alias in words("DETECTION_PROVIDERS"):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", alias):
            raise ImproperlyConfigured(f"DETECTION_PROVIDERS: {alias!r} must be small letters, digits and _.")
        backend = text(f"DETECTION_{alias.upper()}_BACKEND", alias)
        if "." not in backend:
            class_name = "".join(part.capitalize() for part in backend.split("_"))
            backend = f"detection.providers.{backend}.{class_name}Provider"
        configured[alias] = {"BACKEND": backend, "OPTIONS": _options(alias)}
    return configured


DEBUG = switch("DJANGO_DEBUG", default=False)
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = words("DJANGO_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
PUBLIC_BASE_URL = text("PUBLIC_BASE_URL").rstrip("/")
IS_PUBLIC = PUBLIC_BASE_URL.startswith("https://")
"""Whether readers reach this site by https: then, and only then, cookies and redirects insist on it."""
PORT = number("PORT", 8000)
REDIS_URL = secret("REDIS_URL")
METRICS_TOKEN = secret("METRICS_TOKEN")
AUDIT_ANCHOR_KEY = secret("AUDIT_ANCHOR_KEY")
DEMO_PASSWORD = secret("DEMO_PASSWORD")
DEMO = switch("NEWSROOM_DEMO", default=False) and not IS_PUBLIC  # anybody at this machine may be its people
TRUSTED_PROXIES = number("TRUSTED_PROXIES", 0)
"""How many proxies in front are ours; 0: forwarded headers are not believed."""

_HAS_WHITENOISE = importlib.util.find_spec("whitenoise") is not None
_CONTRIB = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
INSTALLED_APPS = ["newsroom", "detection", "django_q", *(f"django.contrib.{app}" for app in _CONTRIB)]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    *(["whitenoise.middleware.WhiteNoiseMiddleware"] if _HAS_WHITENOISE else []),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "newsroom.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": f"django.core.cache.backends.{'redis.RedisCache' if REDIS_URL else 'locmem.LocMemCache'}",
        "LOCATION": REDIS_URL,
    }
}
Q_CLUSTER = _queue()
DETECTION = _detection()
DETECTION_PROVIDERS = _providers()
DETECTION_NOTICE = text("DETECTION_NOTICE")
"""A sentence for the top of every page, such as that a demo's answers are scripted."""

_PASSWORD_RULES = ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
AUTH_PASSWORD_VALIDATORS = [{"NAME": f"django.contrib.auth.password_validation.{name}"} for name in _PASSWORD_RULES]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "newsroom:start"
LOGOUT_REDIRECT_URL = "newsroom:start"
LANGUAGE_CODE = "en"
TIME_ZONE = text("TIME_ZONE", "UTC")

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not IS_PUBLIC
MEDIA_ROOT = Path(text("MEDIA_ROOT", str(VAR / "media"))).absolute()
"""Uploads are private: no address is routed here, and every file is served by a view that asks who is reading."""
STORAGES = {
    "default": _storage(),
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PUBLIC and _HAS_WHITENOISE
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
FILE_UPLOAD_PERMISSIONS = 0o640

SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_PUBLIC
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL] if IS_PUBLIC else []
SECURE_HSTS_SECONDS = 31_536_000 if IS_PUBLIC else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_PUBLIC
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES > 0 else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": text("LOG_LEVEL", "WARNING").upper()},
}
