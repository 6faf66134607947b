"""One conclusion with one reason about several pictures: looked over first, and told of each what became of it.

What somebody else looks at, what this person may not clear, and what changed since they saw it is left out and named.
Each picture is decided like any other, in a transaction of its own; nothing here may do what a single page may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from detection import reach, registry, reviewing
from detection.admin.queue.rows import Row, rows_of
from detection.admin.queue.views import frame, next_of
from detection.admin.review import first_error
from detection.errors import DetectionError, EvidenceChanged, Refused
from detection.forms import BulkForm
from detection.models import Place
from detection.vocabulary import Conclusion, Level

MOST = 100
"""Pictures that are decided about at once."""
TYPED_ABOVE = 10
"""Above so many, their number is typed: a click alone is too easily made."""


@dataclass(frozen=True, slots=True)
class Item:
    """One chosen row, with the evidence its reader saw; `left_out`: why it is not decided, "" where it is."""

    row: Row
    evidence: str
    left_out: str

    @property
    def value(self) -> str:
        """As the form carries it on."""
        return f"{self.row.place.pk}:{self.evidence}"


@require_POST
def bulk_view(request: HttpRequest) -> HttpResponse:
    """First the page that says what would be decided and what not; with `step=do` the decisions. Fields: place, next.

    `place`: `key:evidence`, once for each chosen row; with `do` also those of the form, and `count` above ten.
    """
    if not reach.may_look_at_any(request.user):
        raise PermissionDenied
    items, unknown = chosen(request)
    if request.POST.get("step") != "do":
        return _page(request, items, unknown, BulkForm())
    form = BulkForm(request.POST)
    problem = _problem(request, form, [item for item in items if not item.left_out])
    if problem:
        return _page(request, items, unknown, form, problem=problem)
    outcomes = [(item, *_decide(item, form.cleaned_data, by=request.user)) for item in items]
    done = sum(is_done for _item, is_done, _sentence in outcomes)
    context = frame(
        request, _("What became of them"), outcomes=outcomes, done=done, unknown=unknown, back=next_of(request)
    )
    return TemplateResponse(request, "admin/detection/queue/outcomes.html", context)


def chosen(request: HttpRequest) -> tuple[list[Item], int]:
    """The chosen rows that are this person's, in the queue's order, and how many others were asked for."""
    seen: dict[int, str] = {}
    for value in request.POST.getlist("place")[:MOST]:
        key, _colon, evidence = value.partition(":")
        if key.isdecimal() and len(key) < 19:
            seen[int(key)] = evidence
    user, now = request.user, timezone.now()
    asked = Place.objects.filter(pk__in=seen).select_related("asset", "asset__claim").order_by("due", "-urge", "pk")
    places = list(asked.filter(reach.places_seen(user)))
    clearable = set(asked.filter(reach.places_clearable(user)).values_list("pk", flat=True))
    open_ones = set(asked.waiting(now).values_list("pk", flat=True))
    rows = rows_of(places, user=user, now=now, back=next_of(request))
    items = [
        Item(
            row=row,
            evidence=seen[row.place.pk],
            left_out=_left_out(
                row,
                seen[row.place.pk],
                may_clear=row.place.pk in clearable,
                is_open=row.place.pk in open_ones,
            ),
        )
        for row in rows
    ]
    return items, len(seen) - len(items)


def _left_out(row: Row, evidence: str, *, may_clear: bool, is_open: bool) -> str:
    if not is_open:
        return row.said or _("It has been answered meanwhile.")
    if row.claim is not None and not row.is_mine:
        return _("%(claim)s is looking at it. Take it over first.") % {"claim": row.claimed_by}
    if row.place.asset.evidence != evidence:
        return str(EvidenceChanged())
    if row.level.rank >= Level.HOLD.rank and not may_clear:
        return _("On hold: only whoever may clear it in this story decides about it.")
    return ""


def _problem(request: HttpRequest, form: BulkForm, items: list[Item]) -> str:
    """What is missing before anything is decided, in a sentence; "" where nothing is."""
    if not items:
        return _("Nothing that was chosen can be decided now. Go back and choose again.")
    if not form.is_valid():
        return first_error(form)
    typed = request.POST.get("count", "").strip()
    if len(items) > TYPED_ABOVE and typed != str(len(items)):
        words = {"count": len(items)}
        return _("Type %(count)d into the field below, the number of pictures. Nothing was recorded.") % words
    return ""


def _decide(item: Item, words: dict[str, Any], *, by: Any) -> tuple[bool, str]:
    """Whether it was decided, and a sentence for the page of outcomes."""
    if item.left_out:
        return False, item.left_out
    place = item.row.place
    try:
        reviewing.decide(
            place.asset,
            Conclusion(words["conclusion"]),
            by=by,
            evidence=item.evidence,
            subject=_subject(place),
            note=words["note"],
            reason_code=words["reason_code"],
            reader_label=words["reader_label"],
            no_label_reason=words["no_label_reason"],
        )
    except DetectionError as error:
        return False, str(error)
    return True, _("Recorded.")


def _subject(place: Place) -> Model | None:
    """Raises Refused where the story is gone."""
    if place.is_bare:
        return None
    subject = registry.publishable_type(place.subject_type).find(place.subject_key)
    if subject is None:
        raise Refused(_("This story is not here any more. Nothing was recorded."))
    return subject


def _page(
    request: HttpRequest, items: list[Item], unknown: int, form: BulkForm, *, problem: str = ""
) -> TemplateResponse:
    ready = [item for item in items if not item.left_out]
    count = len(ready)
    title = ngettext("Decide about %(count)d picture", "Decide about %(count)d pictures", count) % {"count": count}
    context = frame(
        request,
        title,
        ready=ready,
        left_out=[item for item in items if item.left_out],
        unknown=unknown,
        form=form,
        problem=problem,
        is_typed=count > TYPED_ABOVE,
        back=next_of(request),
    )
    status = 400 if problem else 200
    return TemplateResponse(request, "admin/detection/queue/bulk.html", context, status=status)
