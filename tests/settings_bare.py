"""The reusable app alone, with a host that is not the newsroom: nothing of `newsroom` is installed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import environ

env = environ.Env()
ROOT = Path(__file__).resolve().parent.parent

SECRET_KEY = "only-for-tests-and-for-nothing-else-0123456789abcdef"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "tests.otherhost.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "tests.otherhost",
    "detection",
    "django_q",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "detection.middleware.OriginMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": env.db("DATABASE_URL", default="sqlite://:memory:")}
MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT") or tempfile.mkdtemp(prefix="detection-tests-"))
STATIC_URL = "/static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
Q_CLUSTER = {
    "name": "bare",
    "orm": "default",
    "workers": 1,
    "queue_limit": 1,
    "timeout": 60,
    "retry": 200,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 100,
    "catch_up": False,
}
DETECTION_PROVIDERS = {
    "first": {"BACKEND": "detection.providers.scripted.ScriptedProvider"},
    "second": {"BACKEND": "detection.providers.scripted.ScriptedProvider"},
}
DETECTION = {"ALLOW_LOOPBACK": True}
