"""What a person wishes to be told by e-mail, chosen by themselves."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from newsroom.notifications import setting
from newsroom.notifications.models import Wish

_HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


class WishForm(forms.ModelForm):  # type: ignore[type-arg]
    """The three choices."""

    digest_hour = forms.TypedChoiceField(label=gettext_lazy("at"), choices=_HOURS, coerce=int)

    class Meta:
        model = Wish
        fields = ("urgent", "digest", "digest_hour")


@staff_member_required
@require_http_methods(["GET", "HEAD", "POST"])
def wishes(request: HttpRequest) -> HttpResponse:
    """GET shows what is set, POST changes one's own and nobody else's."""
    wish = Wish.objects.filter(user=request.user.pk).first() or Wish(user=request.user)  # type: ignore[misc]
    form = WishForm(request.POST if request.method == "POST" else None, instance=wish, label_suffix="")
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("newsroom:notifications"))
    context = {
        "form": form,
        "title": _("What you are told by e-mail"),
        "sends_mail": setting.in_force()["mail"],
        "email": getattr(request.user, "email", ""),
    }
    return render(request, "newsroom/notifications.html", context, status=400 if form.errors else 200)
