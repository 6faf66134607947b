"""Every setting of the newsroom, read once from the environment; the only module that reads it.

Each secret may also be given as `NAME_FILE`, the path of a file that holds it. A value that cannot be read, or that
makes no sense, is refused with the name of its variable before anything is done.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import secrets
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

from newsroom import detecting, guarding, storage
from newsroom.environment import MAKE_ONE, Environment, refuse_weak
from newsroom.notifications import setting as notifying

BASE_DIR = Path(__file__).resolve().parent.parent
_env = Environment(environ.Env.ENVIRON)
_KEY_LENGTH = 50
_SECRET_LENGTH = 24
_PASSWORD_LENGTH = 8


VAR = Path(_env.text("NEWSROOM_VAR", str(BASE_DIR / "var"))).absolute()
"""The folder for everything this installation writes: database, uploads, and a key made for a demo or a test."""


def _secret_key() -> str:
    """The key from the environment, else the one that a demo or a test run made in `VAR`.

    A key that differed between processes would make the workers throw every task away, so none is ever made up in
    passing: only where NEWSROOM_MAKE_KEY is on, once, in a file that its owner alone can read.
    """
    path = VAR / "secret_key"
    if given := _env.secret("DJANGO_SECRET_KEY", at_least=_KEY_LENGTH):
        return given
    if not path.exists():
        if not _env.switch("NEWSROOM_MAKE_KEY", default=False):
            raise ImproperlyConfigured(f"DJANGO_SECRET_KEY is not set. Set it, or DJANGO_SECRET_KEY_FILE: {MAKE_ONE}")
        _make_folder(VAR, "NEWSROOM_VAR")
        draft = VAR / f"secret_key.{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # whole or not at all, and the first of several processes wins
        draft.unlink()
    try:
        made = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"DJANGO_SECRET_KEY is not set, and {path} cannot be read: {error}.") from None
    refuse_weak(f"The key in {path}", made, at_least=_KEY_LENGTH)
    return made


def _make_folder(path: Path, variable: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{variable}: the folder {path} cannot be made: {error.strerror}.") from None


def _is_installed(*packages: str) -> bool:
    return any(importlib.util.find_spec(package) for package in packages)


def _allowed_hosts() -> list[str]:
    """Names alone. `*` would let any visitor choose the addresses in what this site sends out."""
    hosts = _env.words("DJANGO_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
    for host in hosts:
        if host == "*" and not DEBUG:
            raise ImproperlyConfigured("DJANGO_ALLOWED_HOSTS is *. Name the hosts that readers use, as news.example.")
        if "/" in host or (":" in host and not host.startswith("[")):
            raise ImproperlyConfigured(f"DJANGO_ALLOWED_HOSTS: {host!r} must be a name alone, as news.example.")
    return hosts


def _database() -> dict[str, Any]:
    url = _env.secret("DATABASE_URL", f"sqlite:///{VAR / 'newsroom.sqlite3'}", is_shared=True)
    if urlsplit(url).scheme not in ("sqlite", "postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:// or postgresql://.")
    try:
        database = cast(dict[str, Any], environ.Env.db_url_config(url))
    except ValueError:
        what = "must look like postgresql://user:password@host:5432/name, a password's special characters as %23"
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read; it {what}.") from None
    if database["ENGINE"].endswith("postgresql") and not _is_installed("psycopg", "psycopg2"):
        raise ImproperlyConfigured("DATABASE_URL needs PostgreSQL's client: pip install 'psycopg[binary]>=3.2'.")
    database["CONN_MAX_AGE"] = 60
    database["CONN_HEALTH_CHECKS"] = True
    if database["ENGINE"].endswith("sqlite3"):
        _make_folder(Path(database["NAME"]).parent, "DATABASE_URL")
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        }
    return database


def _redis_url() -> str:
    url = _env.secret("REDIS_URL", is_shared=True)
    if url and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured("REDIS_URL must begin with redis://, rediss:// or unix://.")
    if url and not _is_installed("redis"):
        raise ImproperlyConfigured("REDIS_URL needs Redis's client: pip install 'redis>=5'.")
    return url


def _queue() -> dict[str, Any]:
    """django-q2's options. Retries are the analysis row's affair, so the queue makes none of its own."""
    cluster: dict[str, Any] = {
        "name": "newsroom",
        "workers": _env.number("Q_WORKERS", 2, low=1, high=64),
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
        "ALT_CLUSTERS": {},  # named queues (DETECTION_<ALIAS>_QUEUE) have the same options; django-q2 wants the key
    }
    if _env.choice("Q_BROKER", "orm", ("orm", "redis")) == "orm":
        return cluster | {"orm": "default"}
    if not REDIS_URL:
        raise ImproperlyConfigured("Q_BROKER is redis, and REDIS_URL is not set. Set both, or neither.")
    return cluster | {"redis": REDIS_URL}


DEBUG = _env.switch("DJANGO_DEBUG", default=False)
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = _allowed_hosts()
PUBLIC_BASE_URL = _env.address("PUBLIC_BASE_URL", with_path=False)
IS_PUBLIC = PUBLIC_BASE_URL.startswith("https://")
"""Whether readers reach this site by https: then, and only then, cookies and redirects insist on it."""
PORT = _env.number("PORT", 8000, low=1, high=65_535)
REDIS_URL = _redis_url()
METRICS_TOKEN = _env.secret("METRICS_TOKEN", at_least=_SECRET_LENGTH)
AUDIT_ANCHOR_KEY = _env.secret("AUDIT_ANCHOR_KEY", at_least=_SECRET_LENGTH)
if AUDIT_ANCHOR_KEY and AUDIT_ANCHOR_KEY == SECRET_KEY:
    raise ImproperlyConfigured("AUDIT_ANCHOR_KEY is the same as DJANGO_SECRET_KEY. Give each a value of its own.")
DEMO_PASSWORD = _env.secret("DEMO_PASSWORD", at_least=_PASSWORD_LENGTH)
DEMO = _env.switch("NEWSROOM_DEMO", default=False) and not IS_PUBLIC  # anybody at this machine may be its people
API_RATE = _env.number("API_RATE", 600, low=1, high=1_000_000)
"""Requests a minute that the API answers to one token."""
TRUSTED_PROXIES = _env.number("TRUSTED_PROXIES", 0, low=0, high=16)
"""How many proxies in front are ours; 0: forwarded headers are not believed."""

_HAS_WHITENOISE = _is_installed("whitenoise")
HAS_SECOND_FACTOR = guarding.HAS_SECOND_FACTOR
SECOND_FACTOR = guarding.second_factor(_env, is_public=IS_PUBLIC)
"""Who may not sign in without one; whoever has set one up is asked in any case."""
_CONTRIB = ("auth", "contenttypes", "sessions", "messages", "staticfiles")
INSTALLED_APPS = [
    *("newsroom", "detection", "django_q", "newsroom.apps.NewsroomAdminConfig"),
    *(f"django.contrib.{app}" for app in _CONTRIB),
    *guarding.APPS,
]
MIDDLEWARE = [
    "detection.middleware.CorrelationMiddleware",
    "django.middleware.security.SecurityMiddleware",
    *(["whitenoise.middleware.WhiteNoiseMiddleware"] if _HAS_WHITENOISE else []),
    "newsroom.headers.HeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "newsroom.sessions.ClockMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    *guarding.BEHIND_AUTHENTICATION,
    "detection.middleware.OriginMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *guarding.LAST,
]
AUTHENTICATION_BACKENDS = guarding.BACKENDS
globals().update(guarding.OPTIONS)
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
        "BACKEND": "django.core.cache.backends.redis.RedisCache" if REDIS_URL else "newsroom.filecache.SharedFileCache",
        "LOCATION": REDIS_URL or VAR / "cache",
    }
}
Q_CLUSTER = _queue()
DETECTION = detecting.settings(_env, lists_may_come=DEMO)
DETECTION_PROVIDERS = detecting.detectors(_env)
_MESSAGES, _MAIL = notifying.read(_env)
NOTIFY: dict[str, Any] = _MESSAGES
"""Whether e-mail leaves, and the house's webhook."""
globals().update(_MAIL)  # Django's own settings for e-mail, where there is a server
DETECTION_NOTICE = _env.text("DETECTION_NOTICE")
"""A sentence for the top of every page, such as that a demo's answers are scripted."""

_PASSWORD_RULES = ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
AUTH_PASSWORD_VALIDATORS = [{"NAME": f"django.contrib.auth.password_validation.{name}"} for name in _PASSWORD_RULES]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "newsroom:start"
LOGOUT_REDIRECT_URL = "newsroom:signed_out"
CSRF_FAILURE_VIEW = "newsroom.problems.form_expired"
LANGUAGE_CODE = "en"
TIME_ZONE = _env.choice("TIME_ZONE", "UTC", {"UTC", *available_timezones()})

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not IS_PUBLIC
MEDIA_ROOT = Path(_env.text("MEDIA_ROOT", str(VAR / "media"))).absolute()
"""Uploads are private: no address is routed here, and every file is served by a view that asks who is reading."""
STORAGES = {
    "default": storage.from_url(_env.secret("STORAGE_URL", is_shared=True)),
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PUBLIC and _HAS_WHITENOISE
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
FILE_UPLOAD_PERMISSIONS = 0o640
_LATER_HANDLERS = ("MemoryFileUploadHandler", "TemporaryFileUploadHandler")
FILE_UPLOAD_HANDLERS = [
    "newsroom.streaming.CappedUploads",
    *(f"django.core.files.uploadhandler.{name}" for name in _LATER_HANDLERS),
]
UPLOAD_FILES_A_DAY = _env.number("UPLOAD_FILES_A_DAY", 500, low=1)
UPLOAD_MB_A_DAY = _env.number("UPLOAD_MB_A_DAY", 10_000, low=1)
"""What one person may bring in on one day of TIME_ZONE, in files and in megabytes."""

SESSION_IDLE = _env.number("NEWSROOM_SESSION_IDLE", 2 * 60 * 60, low=300, high=24 * 60 * 60)
SESSION_COOKIE_AGE = _env.number("NEWSROOM_SESSION_AGE", 12 * 60 * 60, low=600, high=7 * 24 * 60 * 60)
"""Seconds without a click after which a session ends, and after which it ends in any case."""
if IS_PUBLIC:
    # A name that browsers take from this very host over https alone, and from no other path.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_PUBLIC
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL] if IS_PUBLIC else []
SECURE_HSTS_SECONDS = 31_536_000 if IS_PUBLIC else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_PUBLIC
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES > 0 else None

_LOG_LEVEL = _env.choice("LOG_LEVEL", "WARNING", logging.getLevelNamesMapping(), fold=str.upper)
_LOG_FORMAT = _env.choice("LOG_FORMAT", "text", ("text", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "correlation": {"()": "detection.logs.CorrelationFilter"},
        "redaction": {"()": "detection.redaction.RedactionFilter"},
    },
    "formatters": {
        "text": {"format": "{levelname} {name} [{correlation}] {message}", "style": "{"},
        "json": {"()": "detection.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["correlation", "redaction"],
            "formatter": _LOG_FORMAT,
        },
    },
    "root": {"handlers": ["console"], "level": _LOG_LEVEL},
}
