"""The pages of the second factor: the code after the password, setting an app up, and new recovery codes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp.util import random_hex

from detection import wording
from newsroom import second_factor

_KEY = "newsroom_app_key"
"""In the session: the key of an app that is being set up and has not shown a code yet."""
View = Callable[[HttpRequest, Any], HttpResponse]


class CodeForm(forms.Form):
    """One code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
        error_messages={"required": _("Type the code.")},
    )


def where_next(request: HttpRequest) -> HttpResponseRedirect:
    """To the page of ours that this person wanted, else to the start."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(wanted if is_ours else reverse("newsroom:start"))


def to_code(request: HttpRequest, user: Any) -> HttpResponseRedirect:
    """To the page that asks whoever gave the password for a code, or leads them to set an app up."""
    name = "code" if second_factor.has_one(user) else "set_up"
    wanted = request.GET.get("next", "")
    query = f"?{urlencode({'next': wanted})}" if wanted else ""
    return HttpResponseRedirect(reverse(f"second_factor:{name}") + query)


def _for_whom(view: View) -> Callable[[HttpRequest], HttpResponse]:
    """Pages for whoever gave the password, whether or not the code is still owed; others go to the sign-in."""

    def asked(request: HttpRequest) -> HttpResponse:
        owing = getattr(request, "owes_code", None)
        user = owing if owing is not None else request.user
        if not user.is_authenticated:
            return HttpResponseRedirect(reverse("admin:login"))
        return view(request, user)

    return never_cache(sensitive_post_parameters("code")(require_http_methods(["GET", "HEAD", "POST"])(asked)))


@_for_whom
def code(request: HttpRequest, user: Any) -> HttpResponse:
    """The code, after the password."""
    if getattr(request, "owes_code", None) is None:
        return where_next(request)
    if not second_factor.has_one(user):
        return to_code(request, user)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_right(form, user):
        second_factor.settle(request)
        if not form.cleaned_data["code"].replace(" ", "").isdigit():
            left = second_factor.codes_left(user)
            said = ngettext("%(count)d recovery code is left.", "%(count)d recovery codes are left.", left)
            messages.info(request, said % {"count": left})
        return where_next(request)
    context = {"form": form, "title": gettext("One more step"), "next": request.GET.get("next", "")}
    return render(request, "newsroom/second_factor/code.html", context, status=400 if form.errors else 200)


def _is_right(form: CodeForm, user: Any) -> bool:
    is_right, locked_until = second_factor.accepts(user, form.cleaned_data["code"])
    if locked_until is not None:
        words = gettext("Too many wrong codes. Try again at %(time)s.")
        form.add_error("code", words % {"time": wording.moment(locked_until)})
    elif not is_right:
        form.add_error("code", gettext("This code is not right, or was used already. Wait for the next one."))
    return is_right


@_for_whom
def set_up(request: HttpRequest, user: Any) -> HttpResponse:
    """Give one's app the key; it counts once the app has shown a code. Whoever has one already gets new codes here."""
    is_owed = getattr(request, "owes_code", None) is not None
    if second_factor.has_one(user):
        return to_code(request, user) if is_owed else _codes(request, user)
    key = request.session.get(_KEY)
    if key is None:
        key = request.session[_KEY] = random_hex(20)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if second_factor.fits(key, form.cleaned_data["code"]):
            del request.session[_KEY]
            made = second_factor.set_up(user, key)
            second_factor.settle(request)
            return _shown(request, made)
        form.add_error("code", gettext("The app's code for this key is another. Wait for the next one and type that."))
    context = {
        "form": form,
        "title": gettext("Set up a second factor"),
        "next": request.GET.get("next", ""),
        "qr": _drawn(second_factor.address(user, key)),
        "key": _spaced(key),
        "is_owed": is_owed,
    }
    return render(request, "newsroom/second_factor/set_up.html", context, status=400 if form.errors else 200)


def _codes(request: HttpRequest, user: Any) -> HttpResponse:
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_right(form, user):
        return _shown(request, second_factor.new_codes(user))
    left = second_factor.codes_left(user)
    context = {"form": form, "title": gettext("Your second factor"), "left": left}
    return render(request, "newsroom/second_factor/yours.html", context, status=400 if form.errors else 200)


def _shown(request: HttpRequest, made: list[str]) -> HttpResponse:
    """The recovery codes, in the answer itself: no address leads to them again."""
    context = {"codes": made, "title": gettext("Keep these codes"), "go_on": where_next(request).url}
    return render(request, "newsroom/second_factor/codes.html", context)


def _drawn(address: str) -> str:
    return str(segno.make(address, error="m").svg_inline(scale=5, border=4, light="#fff", omitsize=True))


def _spaced(key: str) -> str:
    letters = base64.b32encode(bytes.fromhex(key)).decode().rstrip("=")
    return " ".join(letters[start : start + 4] for start in range(0, len(letters), 4))


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End a session that still owes its code."""
    logout(request)
    return HttpResponseRedirect(reverse("newsroom:signed_out"))
