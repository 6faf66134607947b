"""Issuing, finding and revoking tokens. The text of a token is told once, to whoever issues it, and kept nowhere."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit
from newsroom.api.models import FOR_SERVICES, ON_REQUEST, ApiToken, Scope
from newsroom.models import SourceTier

MOST_DAYS = 366
USED_EVERY = timedelta(minutes=1)
REVOKE = "newsroom.revoke_token"
_SHAPE = re.compile(r"(nrd_[0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)


class NotIssued(ValueError):
    """Why no token was issued, in a sentence that says what to do."""


def issue(
    user: Any,
    *,
    name: str,
    scopes: Iterable[str] = (),
    days: int = 90,
    is_service: bool = False,
    highest_tier: str = "",
    by: Any = None,
) -> tuple[ApiToken, str]:
    """Make a token for this account: the row, and the text that is never shown again. `by`: None for a command.

    `scopes`: none for all that this kind of token may have, but for those that have to be named (`ON_REQUEST`).
    `highest_tier`: "" for the usual one, which is `staff` for a person, as in the forms, and `freelance` for a service,
    the highest that no policy trusts by itself. Raises NotIssued.
    """
    wanted = _checked(scopes, is_service=is_service)
    tier = highest_tier or (SourceTier.FREELANCE if is_service else SourceTier.STAFF)
    if tier not in set(SourceTier):
        raise NotIssued(_("The highest source must be one of: %(words)s.") % {"words": ", ".join(SourceTier)})
    if not 1 <= days <= MOST_DAYS:
        raise NotIssued(_("A token lives 1 to %(most)d days. Issue a new one when it ends.") % {"most": MOST_DAYS})
    if not user.is_active:
        raise NotIssued(_("This account is not active, so its token would open nothing."))
    prefix = f"nrd_{secrets.token_hex(4)}"
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name.strip()[:80] or prefix,
            prefix=prefix,
            digest=_digest(text),
            scopes=" ".join(wanted),
            is_service=is_service,
            highest_tier=tier,
            expires_at=timezone.now() + timedelta(days=days),
        )
        audit.record(
            "api_token.issued",
            subject=token,
            by=by,
            account=str(user.pk),
            scopes=wanted,
            is_service=is_service,
            highest_tier=tier,
            expires_at=token.expires_at,
        )
    return token, text


def _checked(scopes: Iterable[str], *, is_service: bool) -> list[str]:
    possible = [scope.value for scope in Scope if not is_service or scope in FOR_SERVICES]
    wanted = [word for given in scopes for word in given.replace(",", " ").split()]
    if unknown := [word for word in wanted if word not in set(Scope)]:
        words = {"word": unknown[0], "words": ", ".join(Scope)}
        raise NotIssued(_("“%(word)s” is no scope. There are: %(words)s.") % words)
    if denied := [word for word in wanted if word not in possible]:
        words = {"word": denied[0], "words": ", ".join(possible)}
        raise NotIssued(_("A service never gets “%(word)s”; it may have: %(words)s.") % words)
    return [word for word in possible if word in (wanted or set(possible) - ON_REQUEST)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def found(text: str, now: datetime) -> ApiToken | None:
    """The live token of this text, with its account; None for everything else, whatever was wrong with it."""
    shaped = _SHAPE.fullmatch(text)
    if shaped is None:
        return None
    token = ApiToken.objects.select_related("user").filter(prefix=shaped[1]).first()
    if token is None or not hmac.compare_digest(token.digest, _digest(text)):
        return None
    return token if token.is_live(now) else None


def note_use(token: ApiToken, now: datetime) -> None:
    """Remember that it was used, at most once a minute."""
    before = now - USED_EVERY
    if token.last_used_at is None or token.last_used_at < before:
        stale = ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=before), pk=token.pk)
        stale.update(last_used_at=now)


def revoke(token: ApiToken, *, by: Any) -> bool:
    """End a token with the next request. False where it was revoked before."""
    with transaction.atomic():
        standing = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not standing.update(revoked_at=timezone.now(), revoked_by_label=audit.name_of(by)):
            return False
        audit.record("api_token.revoked", subject=token, by=by, account=str(token.user_id))
    return True


def seen_by(user: Any) -> QuerySet[ApiToken]:
    """One's own tokens; everybody's for whoever may revoke them."""
    everybodys = ApiToken.objects.select_related("user")
    return everybodys if user.is_active and user.has_perm(REVOKE) else everybodys.filter(user=user.pk)
