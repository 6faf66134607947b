"""Something one has besides the password: a code from an app, or a recovery code kept on paper.

A session whose person still owes the code belongs to nobody: `middleware` shows it to every page as anonymous, so no
door can forget to ask. Who has to have one is NEWSROOM_SECOND_FACTOR's affair; whoever has one is always asked.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from detection import audit
from newsroom import permissions, sessions

STATE, OWED, SETTLED = "newsroom_second_factor", "owed", "settled"
"""In the session: whether its person still owes a code."""
CODES, _CODE_LETTERS = 10, "abcdefghjkmnpqrstuvwxyz23456789"


def has_one(user: Any) -> bool:
    """Whether this person has set one up."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def must_have_one(user: Any) -> bool:
    """Whether this person may not go on without: everyone, or whoever clears holds or looks after the whole house."""
    if settings.SECOND_FACTOR != "chiefs":
        return bool(settings.SECOND_FACTOR == "everyone" and user.is_staff)
    if user.is_superuser or permissions.may_anywhere(user, "detection.override_hold"):
        return True
    return any(user.has_perm(permission) for permission in permissions.HOUSE)


def begin(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Hear that somebody gave the right password; the code is still owed where one is asked for."""
    request.session[STATE] = OWED if must_have_one(user) or has_one(user) else SETTLED


def settle(request: HttpRequest) -> None:
    """The code was right: this session is its person's from now on, under a new key."""
    request.user = getattr(request, "owes_code", request.user)
    request.session.cycle_key()
    request.session[STATE] = SETTLED
    request.session[sessions.SEEN] = sessions.now()


def accepts(user: Any, code: str) -> tuple[bool, datetime | None]:
    """Whether this code is right, and, after too many wrong ones, until when none is looked at."""
    code = "".join(code.split()).lower()
    by_app = code.isdigit()
    model = TOTPDevice if by_app else StaticDevice
    with transaction.atomic():
        for device in model.objects.select_for_update().filter(user=user, confirmed=True):
            is_open, why = device.verify_is_allowed()
            if not is_open:
                return False, (why or {}).get("locked_until")
            if device.verify_token(code):
                if not by_app:
                    audit.record("person.recovery_code_used", by=user, left=device.token_set.count())
                return True, None
    return False, None


def fits(key: str, code: str) -> bool:
    """Whether an app that was given this key, in hex, shows this code now or half a minute ago."""
    code = "".join(code.split())
    clock = TOTP(bytes.fromhex(key))
    return code.isascii() and code.isdigit() and bool(clock.verify(int(code), tolerance=1))


def address(user: Any, key: str) -> str:
    """What the QR code says: the address that an app takes the key from."""
    return str(TOTPDevice(user=user, key=key, name="").config_url)


def set_up(user: Any, key: str) -> list[str]:
    """Give this person the app that has this key, in place of any before; the new recovery codes."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        TOTPDevice.objects.create(user=user, key=key, name="app", confirmed=True, last_t=TOTP(bytes.fromhex(key)).t())
        audit.record("person.second_factor_added", by=user)
        return new_codes(user)


def new_codes(user: Any) -> list[str]:
    """Recovery codes in place of those before; each is good once. They are shown now and never again."""
    made = ["".join(secrets.choice(_CODE_LETTERS) for _letter in range(10)) for _code in range(CODES)]
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="recovery codes", confirmed=True)
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in made)
        audit.record("person.recovery_codes_made", by=user)
    return [f"{code[:5]} {code[5:]}" for code in made]


def codes_left(user: Any) -> int:
    """How many recovery codes are unused."""
    return int(StaticToken.objects.filter(device__user=user).count())


def take_away(username: str) -> int:
    """For whoever lost theirs: app and codes are gone and every session ends; how many sessions did.

    Raises DoesNotExist where nobody is called so.
    """
    user = get_user_model()._default_manager.get_by_natural_key(username)
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
        audit.record("person.second_factor_removed", personal={"person": audit.name_of(user)})
    ended = [row for row in Session.objects.iterator() if row.get_decoded().get("_auth_user_id") == str(user.pk)]
    return Session.objects.filter(pk__in=[row.pk for row in ended]).delete()[0]
