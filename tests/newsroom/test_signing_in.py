"""Signing in: guessing is slowed, and where a second factor is asked for, a password alone opens nothing at all."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from detection.models import AuditEvent
from newsroom import checks, guarding, second_factor, throttling

from .sweeping import House, build, expected, routes, told

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
REVIEWED = "/admin/newsroom/story/"


def give_password(client: Client, name: str, password: str = "", **extra: Any) -> Any:
    return client.post(LOGIN + f"?next={REVIEWED}", {"username": name, "password": password or name}, **extra)


def shown_by(key: str, *, ago: int = 0) -> str:
    """The code that an app with this key shows."""
    clock = TOTP(bytes.fromhex(key))
    clock.time = time.time() - ago
    return f"{clock.token():06}"


def enrol(user: User) -> tuple[str, list[str]]:
    """An app with this key, and its owner's recovery codes; the code it shows now is unused."""
    key = "0123456789abcdef0123456789abcdef01234567"
    codes = second_factor.set_up(user, key)
    TOTPDevice.objects.update(last_t=-1)
    return key, codes


def is_in(client: Client) -> bool:
    return client.get(REVIEWED).status_code == 200


@pytest.fixture
def everyone(settings: Any) -> None:
    settings.SECOND_FACTOR = "everyone"


def test_a_password_alone_opens_nothing(
    story: Any, held: Any, erin: User, dana: User, sports: Any, everyone: None
) -> None:
    """H03: whoever owes the code gets from every address what a reader gets who never signed in."""
    logging.disable(logging.CRITICAL)
    try:
        house: House = build(story, held, erin, dana, sports)
        enrol(dana)
        client = Client(raise_request_exception=False)
        give_password(client, "dana")
        house.clients["dana"] = client
        for key, route in routes().items():
            if key.startswith(("second_factor:", "api:")) or key == "admin:login":
                continue  # the API knows no sessions
            for method in ("GET", "POST"):
                answer, changed = house.ask("dana", method, route)
                assert told(answer) == expected()[key][method][0], f"{method} {key}"
                assert not changed, f"{method} {key}"
    finally:
        logging.disable(logging.NOTSET)


def test_a_chief_without_one_is_led_to_set_it_up_and_arrives(dana: User, client: Client, everyone: None) -> None:
    give_password(client, "dana")
    answer = client.get(REVIEWED, follow=True)
    assert answer.redirect_chain[-1][0] == f"{reverse('second_factor:set_up')}?next=%2Fadmin%2Fnewsroom%2Fstory%2F"
    page = answer.content.decode()
    key = client.session["newsroom_app_key"]
    assert "<svg" in page
    assert 'viewBox="0 0 ' in page, "or a narrow page would cut the code off"
    assert key not in page, "the key stands there as apps take it"
    before = client.session.session_key

    wrong = client.post(reverse("second_factor:set_up"), {"code": "000000"})
    assert wrong.status_code == 400
    assert not TOTPDevice.objects.exists()
    right = client.post(reverse("second_factor:set_up"), {"code": shown_by(key), "next": REVIEWED})

    assert len(re.findall(r"<li><code>", right.content.decode())) == second_factor.CODES
    assert f'href="{REVIEWED}"' in right.content.decode()
    assert "Sign out dana" in right.content.decode()
    assert is_in(client)
    assert client.session.session_key != before
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"person.second_factor_added"}


def test_the_next_time_the_app_is_asked_and_no_code_works_twice(dana: User, client: Client, everyone: None) -> None:
    key, _codes = enrol(dana)
    code = shown_by(key)
    give_password(client, "dana")
    address = client.get(REVIEWED, follow=True).redirect_chain[-1][0]
    assert address.startswith(reverse("second_factor:code"))
    assert client.get(reverse("second_factor:set_up")).status_code == 302, "whoever has one sets up no other"
    answer = client.post(reverse("second_factor:code"), {"code": f"{code[:3]} {code[3:]}", "next": REVIEWED})
    assert answer["Location"] == REVIEWED
    assert is_in(client)

    other = Client()
    give_password(other, "dana")
    assert other.post(reverse("second_factor:code"), {"code": code}).status_code == 400
    assert not is_in(other)


def test_a_recovery_code_is_good_once(dana: User, everyone: None) -> None:
    _key, codes = enrol(dana)
    statuses = []
    for _time in range(2):
        client = Client()
        give_password(client, "dana")
        statuses.append(client.post(reverse("second_factor:code"), {"code": codes[0]}).status_code)
    assert statuses == [302, 400]
    assert second_factor.codes_left(dana) == second_factor.CODES - 1
    assert AuditEvent.objects.get(action="person.recovery_code_used").facts["left"] == second_factor.CODES - 1


def test_guessing_codes_is_slowed_and_says_till_when(dana: User, client: Client, everyone: None) -> None:
    key, _codes = enrol(dana)
    give_password(client, "dana")
    address = reverse("second_factor:code")
    client.post(address, {"code": "000000"})
    answer = client.post(address, {"code": shown_by(key)})
    assert answer.status_code == 400
    assert "Too many wrong codes. Try again at" in answer.content.decode()
    TOTPDevice.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(hours=1))
    assert client.post(address, {"code": shown_by(key)}).status_code == 302


def test_nowhere_else_does_signing_in_lead(dana: User, client: Client, everyone: None) -> None:
    key, _codes = enrol(dana)
    give_password(client, "dana")
    answer = client.post(reverse("second_factor:code"), {"code": shown_by(key), "next": "https://evil.example/"})
    assert answer["Location"] == "/"


@pytest.mark.parametrize(
    ("mode", "asked"),
    [
        ("everyone", {"erin", "dana", "otto", "avery", "rosa"}),
        ("chiefs", {"dana", "otto", "avery", "rosa"}),
        ("off", set()),
    ],
)
def test_who_has_to_have_one(
    mode: str, asked: set[str], erin: User, dana: User, otto: User, avery: User, rosa: User, settings: Any
) -> None:
    settings.SECOND_FACTOR = mode
    people = [User.objects.get(pk=one.pk) for one in (erin, dana, otto, avery, rosa)]
    assert {one.username for one in people if second_factor.must_have_one(one)} == asked


def test_whoever_has_one_is_asked_also_where_nobody_must(erin: User, client: Client) -> None:
    enrol(erin)
    give_password(client, "erin")
    assert not is_in(client)


def test_who_signed_in_before_this_was_installed_is_asked_too(dana: User, client: Client, everyone: None) -> None:
    client.force_login(dana)
    session = client.session
    del session[second_factor.STATE]
    session.save()
    assert not is_in(client)


def test_new_recovery_codes_take_a_code_and_end_the_old_ones(dana: User, client: Client) -> None:
    client.force_login(dana)
    key, codes = enrol(dana)
    address = reverse("second_factor:set_up")
    assert "10 recovery codes are left" in client.get(address).content.decode()
    assert client.post(address, {"code": "nonsense"}).status_code == 400
    assert client.post(address, {"code": shown_by(key)}).status_code == 200
    assert not second_factor.accepts(dana, codes[0])[0]


def test_starting_over_ends_the_half_open_session(dana: User, client: Client, everyone: None) -> None:
    give_password(client, "dana")
    assert client.post(reverse("second_factor:leave"))["Location"] == reverse("newsroom:signed_out")
    assert client.get(reverse("second_factor:set_up"))["Location"] == reverse("admin:login")


def test_taking_it_away_ends_every_session_and_is_recorded(dana: User, erin: User, client: Client) -> None:
    enrol(dana)
    client.force_login(dana)
    told = StringIO()
    call_command("second_factor", "dana", stdout=told)
    assert "has one; recovery codes left: 10" in told.getvalue()
    call_command("second_factor", "dana", "--take-away", stdout=told)
    assert "sessions ended: 1" in told.getvalue()
    assert not is_in(client)
    assert not StaticDevice.objects.exists()
    assert AuditEvent.objects.filter(action="person.second_factor_removed").exists()
    call_command("second_factor", "erin", stdout=told)
    assert "erin: has none, and needs none." in told.getvalue()
    with pytest.raises(CommandError, match="Nobody is called 'zoe'"):
        call_command("second_factor", "zoe")


@pytest.fixture
def slowed(settings: Any) -> None:
    settings.AXES_ENABLED = True


def test_guessing_a_password_is_slowed_for_whoever_guesses_and_nobody_else(
    dana: User, erin: User, slowed: None, settings: Any
) -> None:
    """H08: twenty guesses under ever new forwarded addresses; not the neighbour, and not Dana from elsewhere."""
    answers = [
        give_password(Client(), "dana", "wrong", headers={"X-Forwarded-For": f"198.51.100.{turn}"})
        for turn in range(20)
    ]
    assert [answer.status_code for answer in answers[:7]] == [200] * 7
    assert {answer.status_code for answer in answers[8:]} == {429}
    assert "Wait 15 minutes" in answers[-1].content.decode()
    assert answers[-1].headers["Retry-After"] == "900"
    assert give_password(Client(), "dana").status_code == 429, "the right password tells a guesser nothing"
    assert give_password(Client(), "erin").status_code == 302
    assert give_password(Client(), "dana", REMOTE_ADDR="203.0.113.9").status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert give_password(Client(), "dana").status_code == 302


def test_one_password_tried_on_many_names_is_slowed_and_keeps_nobody_out_for_long(
    dana: User, erin: User, slowed: None
) -> None:
    """H08: twenty names from one address, under ever new forwarded ones; who signed in with their browser before gets
    in from there meanwhile, and everybody does after five minutes: what is tried while it waits prolongs nothing."""
    at_work = Client()
    assert give_password(at_work, "erin").status_code == 302
    at_work.post("/admin/logout/")
    answers = [
        give_password(Client(), f"name{turn}", "Spring2026!", headers={"X-Forwarded-For": f"198.51.100.{turn}"})
        for turn in range(30)
    ]
    assert [answer.status_code for answer in answers] == [200] * (guarding.NAMES - 1) + [429] * 11
    said = answers[-1].content.decode()
    assert "Too many names with wrong passwords were tried from where you are. Wait 5 minutes" in said
    assert answers[-1].headers["Retry-After"] == "300"
    assert give_password(Client(), "dana").status_code == 429, "the right password tells a guesser nothing"
    assert give_password(Client(), "dana", REMOTE_ADDR="203.0.113.9").status_code == 302
    assert give_password(at_work, "dana").status_code == 429, "known is a name in a browser, not the browser"
    assert give_password(at_work, "erin", "wrong").status_code == 200
    assert give_password(at_work, "erin").status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - guarding.NAMES_WITHIN)
    assert give_password(Client(), "dana").status_code == 302


def test_a_known_browser_excuses_from_others_guesses_and_never_from_one_s_own(dana: User, slowed: None) -> None:
    client = Client()
    User.objects.filter(pk=dana.pk).update(username="дана")  # a name in any script, in a header that knows one
    assert give_password(client, "дана", "dana").status_code == 302
    cookie = client.cookies["newsroom_known"]
    assert cookie.OutputString().isascii()
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/admin/login/", True, "Strict")
    client.post("/admin/logout/")
    statuses = [give_password(client, "дана", "wrong").status_code for _turn in range(9)]
    assert statuses[-1] == 429
    assert give_password(client, "дана", "dana").status_code == 429
    forged = Client()
    forged.cookies["newsroom_known"] = "dana:1abcde:nonsense"
    assert give_password(forged, "дана", "dana", REMOTE_ADDR="203.0.113.9").status_code == 302


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "counted"),
    [
        ("203.0.113.9", "198.51.100.1", 0, "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7, 203.0.113.9", 1, "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::"),
        ("", "", 0, "0.0.0.0"),
    ],
)
def test_which_address_counts(
    peer: str, forwarded: str, proxies: int, counted: str, configure: Callable[..., None]
) -> None:
    configure(TRUSTED_PROXIES=proxies)
    request = HttpRequest()
    request.META |= {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert throttling.address(request) == counted


def test_a_public_site_is_told_what_its_signing_in_lacks(settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECOND_FACTOR, settings.AXES_ENABLED = "everyone", True
    assert checks.check_signing_in() == []
    settings.SECOND_FACTOR, settings.AXES_ENABLED, settings.CSRF_COOKIE_SECURE = "off", False, False
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "Clock" not in one]
    assert [one.id for one in checks.check_signing_in()] == [f"newsroom.W00{n}" for n in (1, 3, 4, 5)]
