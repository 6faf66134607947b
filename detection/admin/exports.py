"""The history as a file, out of the browser: an archive of the file and its manifest, sent as it is made.

What is in it, and how whoever gets it can see that it is whole, is `history.exporting`'s. It is itself an event.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from detection import audit
from detection.history import exporting
from detection.models import AuditEvent, AuditSeal

_DATE = forms.DateInput(attrs={"type": "date"})
EARLIER = 10
"""Exports that are listed below the form."""
MOST = 200_000
"""Entries that a browser gets at once: a web server ends a request that takes longer than half a minute."""


class ExportForm(forms.Form):
    """Which part of the history, in which form, and what for."""

    format = forms.ChoiceField(
        label=gettext_lazy("Format"),
        choices=[
            ("jsonl", gettext_lazy("JSON Lines: can be verified without this database")),
            ("csv", gettext_lazy("CSV: a table for a spreadsheet")),
        ],
        widget=forms.RadioSelect,
    )
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=_DATE)
    until = forms.DateField(label=gettext_lazy("Until"), required=False, widget=_DATE)
    desk = forms.CharField(label=gettext_lazy("Desk"), required=False, max_length=64)
    names = forms.BooleanField(label=gettext_lazy("With names, notes and addresses"), required=False)
    reason = forms.CharField(label=gettext_lazy("What for"), required=False, max_length=1000)

    def clean(self) -> dict[str, Any]:
        words: dict[str, Any] = super().clean() or {}
        if self.errors:
            return words
        if words.get("since") and words.get("until") and words["since"] > words["until"]:
            raise forms.ValidationError(_("The first day is later than the last one. Nothing was exported."))
        found = exporting.size(self.wanted(), most=MOST + 1)
        if not found:
            raise forms.ValidationError(_("Nothing in the history fits this. Nothing was exported."))
        if found > MOST:
            said = _(
                "This has more than %(most)d entries, too many for a browser. Choose a shorter time, or run"
                " manage.py audit_export on the server. Nothing was exported."
            )
            raise forms.ValidationError(said % {"most": MOST})
        return words

    def wanted(self) -> exporting.Wanted:
        """What the checked form asks for; the last day is in it."""
        asked = self.cleaned_data
        return exporting.Wanted(
            since=_begin(asked["since"]),
            until=_begin(asked["until"] + timedelta(days=1) if asked["until"] else None),
            names=asked["names"],
            desk=asked["desk"],
        )


def _begin(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone()) if day else None


def sent(form: ExportForm, *, by: Any) -> StreamingHttpResponse:
    """The archive, as it is made. Raises NotPermitted."""
    asked = form.cleaned_data
    manifest = exporting.begin(asked["format"], form.wanted(), by=by, reason=asked["reason"])
    response = StreamingHttpResponse(exporting.archive(manifest), content_type="application/zip")
    name = f"history-{timezone.localdate():%Y-%m-%d}-{asked['format']}.zip"
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or ""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def context(form: ExportForm) -> dict[str, Any]:
    """What the page shows: the form, how much history there is, and who took it along before."""
    last = AuditSeal.objects.order_by("-seq").values_list("seq", flat=True).first()
    earlier = AuditEvent.objects.filter(action="audit.exported").order_by("-pk").prefetch_related("personal")[:EARLIER]
    problems = [*form.non_field_errors()] if form.is_bound else []
    if form.is_bound and form.errors and not problems:
        problems = [_("Part of this cannot be read. Nothing was exported.")]
    return {
        "form": form,
        "parts": [form[name] for name in ("since", "until", "desk")],
        "entries": last or 0,
        "earlier": [audit.entry_of(event) for event in earlier],
        "problem": " ".join(problems),
    }
