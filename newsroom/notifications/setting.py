"""The variables of the environment by which messages leave: a mail server, and a webhook of the house."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from detection.signing import Scheme, key_of
from newsroom.environment import Environment

_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def in_force() -> dict[str, Any]:
    """Whether e-mail leaves (`mail`), and the webhook: `url`, `secret`, `shape`."""
    found: dict[str, Any] = getattr(settings, "NOTIFY", {})
    return {"mail": False, "url": "", "secret": "", "shape": "standard", **found}


def read(env: Environment) -> tuple[dict[str, Any], dict[str, Any]]:
    """NOTIFY, and Django's e-mail settings. Raises ImproperlyConfigured with the name of what cannot be read."""
    mail = _mail(env)
    return {"mail": bool(mail), **_webhook(env)}, mail


def _mail(env: Environment) -> dict[str, Any]:
    url, sender = env.secret("EMAIL_URL", is_shared=True), env.text("DEFAULT_FROM_EMAIL")
    if bool(url) != bool(sender):
        raise ImproperlyConfigured("EMAIL_URL and DEFAULT_FROM_EMAIL belong together. Set both, or neither.")
    if not url:
        return {}
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in _PORTS or not parts.hostname or not port:
        raise ImproperlyConfigured("EMAIL_URL must look like smtp+tls://user:password@mail.example:587.")
    if "@" not in sender or "\n" in sender:
        raise ImproperlyConfigured("DEFAULT_FROM_EMAIL must be an address, as newsroom@news.example.")
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": sender,
    }


def _webhook(env: Environment) -> dict[str, Any]:
    url = env.address("NOTIFY_WEBHOOK_URL")
    secret = env.secret("NOTIFY_WEBHOOK_SECRET", at_least=24)
    shape = env.choice("NOTIFY_WEBHOOK_SHAPE", "standard", ("standard", "chat"))
    if url and not secret and shape == "standard":
        raise ImproperlyConfigured("NOTIFY_WEBHOOK_URL needs NOTIFY_WEBHOOK_SECRET, or nobody can tell who is calling.")
    if secret:
        try:
            key_of(Scheme.STANDARD, secret)
        except ValueError as error:
            raise ImproperlyConfigured(f"NOTIFY_WEBHOOK_SECRET {error}.") from None
    return {"url": url, "secret": secret, "shape": shape}
