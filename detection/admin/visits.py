"""One person looking at one picture, maybe from a story: who may see what, and what the review page then shows.

The review page and the gate's forms share this, so that a refused form comes back with its words on the same page.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import site as admin_site
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from detection import audit, gate, noting, policy, reach, registry, screens, wording
from detection.admin.discretion import history_for
from detection.concluded import latest_heard
from detection.errors import NotRegistered
from detection.forms import AcknowledgeForm, ConclusionForm, KnowledgeForm, OverrideForm, ReasonForm
from detection.models import Asset, Claim, Override, PolicyVersion, Review
from detection.scanning.asking import pixel_aliases
from detection.scanning.reading import is_protected
from detection.standing import present_analyses
from detection.templatetags.detection_tags import level_words, review_url, subject_name
from detection.vocabulary import Conclusion, NoteKind, Signal
from detection.wording import decision_texts

UNDO = timedelta(minutes=10)
"""How long a person may take back a decision of their own."""
_SHORT_HISTORY = 6


def find_subject(user: Any, name: str) -> Model | None:
    """The publishable called `app.model:key`, None for "". Raises Http404 where there is none for this person."""
    if not name:
        return None
    label, _colon, key = name.partition(":")
    try:
        kind = registry.publishable_type(label)
        subject = kind.find(key)
    except (NotRegistered, ValueError, ValidationError):
        raise Http404 from None
    if subject is None or not any(kind.allows(user, permission, subject) for permission in reach.ON_SUBJECT):
        raise Http404
    return subject


def find_asset(user: Any, public_id: uuid.UUID | str) -> Asset:
    """The asset, if this person may look at it. Raises Http404: a foreign desk's picture does not exist for them."""
    try:
        asset = Asset.objects.select_related("content_type").get(public_id=public_id)
    except (Asset.DoesNotExist, ValueError, ValidationError):
        raise Http404 from None
    if not reach.may_look(user, asset):
        raise Http404
    return asset


def is_ours(request: HttpRequest, address: str) -> bool:
    """Whether this is a page of this very site."""
    return url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request, the picture it is about, and the story it comes from (None: no story's context)."""

    request: HttpRequest
    asset: Asset
    subject: Model | None = None

    @classmethod
    def of(cls, request: HttpRequest, public_id: uuid.UUID | str, subject: str) -> Visit:
        """Raises Http404 where the picture or the story is not for this person."""
        return cls(
            request=request, asset=find_asset(request.user, public_id), subject=find_subject(request.user, subject)
        )

    @property
    def url(self) -> str:
        return review_url(self.asset, self.subject, back=self.back)

    @property
    def back(self) -> str:
        """The page of ours that this person came from, where one was named, and returns to after an act; else ""."""
        wanted = self.request.POST.get("next") or self.request.GET.get("next", "")
        return wanted if is_ours(self.request, wanted) else ""

    @property
    def onward(self) -> str:
        """Where the next picture is asked for, while this person goes from one to the next; else ""."""
        return self.back if self.back.startswith(_address("admin:detection_queue_one") or "/ ") else ""

    @property
    def desk(self) -> str:
        """The desk of the story it comes from; "" without a story."""
        return registry.publishable_type(self.subject).desk_of(self.subject) if self.subject is not None else ""

    def may(self, permission: str) -> bool:
        """Whether this person holds `permission` on the picture, or on the story's desk."""
        name = f"detection.{permission}"
        if reach.may_on(self.request.user, self.asset, name):
            return True
        kind = registry.publishable_type(self.subject) if self.subject is not None else None
        return kind is not None and self.subject is not None and kind.allows(self.request.user, name, self.subject)

    def page(
        self, *, status: int = 200, problem: str = "", kept: str = "", forms: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The review page. `problem`: why nothing was recorded; `kept`: which form it was, `forms`: as it was typed."""
        self.asset.refresh_from_db()
        review = latest_heard(self.request.user, self.asset)
        context = {
            **admin_site.each_context(self.request),
            "is_nav_sidebar_enabled": False,
            "title": self.asset.label or _("Picture"),
            "opts": Asset._meta,
            "problem": problem,
            "kept": kept,
            "next": self.back,
            "onward": self.onward,
            **self._about_picture(),
            **self._about_story(),
            **self._about_people(review),
            **self._forms(review),
            **(forms or {}),
        }
        context["recorded_note"] = decision_texts.RECORDED_NOTE
        context["consequences"] = self._consequences(context["line"])
        return TemplateResponse(self.request, "admin/detection/asset/review.html", context, status=status)

    def _about_picture(self) -> dict[str, Any]:
        analyses = present_analyses(self.asset)
        return {
            "asset": self.asset,
            "face": screens.face(self.asset),
            "cards": screens.cards(self.asset, analyses),
            "is_live": any(row.is_live for row in analyses),
            "has_another": not set(pixel_aliases()) <= {row.provider for row in analyses},
            "provenance": screens.provenance(analyses),
            "estimate_note": wording.ESTIMATE_NOTE,
            "absence_note": wording.ABSENCE_NOTE if self.asset.signal == Signal.NONE_FOUND else "",
            "state_url": _address("detection:asset_json", self.asset.public_id),
            "may_read_raw": reach.may_read_raw(self.request.user, self.asset),
        }

    def _about_story(self) -> dict[str, Any]:
        if self.subject is None:
            return {"subject": None, "line": None}
        report = gate.report(self.subject, user=self.request.user)
        line = next((line for line in report.lines if line.asset and line.asset.pk == self.asset.pk), None)
        meta = self.subject._meta
        return {
            "subject": self.subject,
            "subject_name": subject_name(self.subject),
            "subject_label": str(self.subject),
            "subject_url": _address(f"admin:{meta.app_label}_{meta.model_name}_change", self.subject.pk),
            "report": report,
            "line": line,
            "level": _level(line) if line else None,
            **self._others(report),
            "may_acknowledge": line is not None and "acknowledge" in line.actions,
            "may_override": line is not None and "override" in line.actions,
            "may_clear": line is not None and "clear" in line.actions,
        }

    def _others(self, report: gate.Report) -> dict[str, Any]:
        """The story's other pictures, those that ask for something first: where a reader goes on to."""
        lines = [line for line in report.lines if line.asset is not None and line.asset.pk != self.asset.pk]
        lines.sort(key=lambda line: (not line.asks, -line.level.rank))
        others = [
            {
                "line": line,
                **level_words(line),
                "url": review_url(line.asset, self.subject, self.back) + "#look",
            }
            for line in lines
            if line.asset is not None
        ]
        return {"others": others, "others_open": sum(line.asks for line in lines)}

    def _about_people(self, review: Review | None) -> dict[str, Any]:
        entries = history_for(self.request.user, self.asset)
        claim = Claim.objects.filter(asset=self.asset, until__gt=timezone.now()).first()
        user = self.request.user
        return {
            "review": review,
            "review_sentence": _concluded(review) if review else "",
            "review_reason": wording.REASON_CODES.get(review.reason_code, "") if review else "",
            "undoable": (undoable := self._undoable()),
            "undo_until": undoable.created_at + UNDO if undoable else None,
            "claim": claim if claim and claim.author_id != user.pk else None,
            "history": entries[:_SHORT_HISTORY],
            "older_history": entries[_SHORT_HISTORY:],
            "overrides": self._overrides(),
            "may_decide": self.may("review_analysis"),
            "may_rescan": self.may("request_scan") and self.asset.detached_at is None,
            "may_release": self.asset.kept_inside and self.may("release_outside"),
            "source_message": wording.source_message(picture=self.asset.label, name=audit.name_of(user)),
            "source_subject": decision_texts.source_subject(self.asset.label),
            **self._known(),
        }

    def _known(self) -> dict[str, Any]:
        """What people wrote down, and, for a picture that may leave the house, where they can look further."""
        found = noting.known(self.asset)
        notes = [{"note": one, "what": decision_texts.NOTE_KINDS[NoteKind(one.kind)]} for one in found]
        may_leave = self.asset.detached_at is None and not self.asset.rejected_sentence and not is_protected(self.asset)
        return {
            "known": notes,
            "was_answered": any(one.kind == NoteKind.SOURCE_ANSWERED for one in found),
            "engines": decision_texts.SEARCH_ENGINES if may_leave else (),
            "preview_url": screens.media_url(self.asset, "preview"),
        }

    def _consequences(self, line: gate.Line | None) -> list[dict[str, str]]:
        """What each conclusion would do, in this story and by this person."""
        level, actions, who = (line.level, line.actions, line.who_can_clear) if line else (None, (), ())
        may_clear = "clear" in actions
        return [
            {
                "value": word.value,
                "sentence": wording.conclusion_consequence(word, level, may_clear=may_clear, who_can_clear=who),
            }
            for word in Conclusion
        ]

    def _undoable(self) -> Review | None:
        """This person's own last decision, while it may be taken back."""
        latest = Review.objects.filter(asset=self.asset).first()
        if latest is None or not latest.conclusion or latest.author_id != self.request.user.pk:
            return None
        return latest if latest.created_at > timezone.now() - UNDO else None

    def _overrides(self) -> list[Override]:
        if self.subject is None:
            return []
        now = timezone.now()
        rows = Override.objects.filter(Override.about(self.subject), asset=self.asset, revoked_at=None)
        return [row for row in rows if row.is_in_force(evidence=self.asset.evidence, now=now)]

    def _forms(self, review: Review | None) -> dict[str, Any]:
        end = self.override_end()
        found = Signal(self.asset.signal), Conclusion(review.conclusion) if review else None
        label = wording.suggested_label(*found)
        return {
            "form": ConclusionForm(initial={"conclusion": self.request.GET.get("choose", ""), "reader_label": label}),
            "acknowledge_form": AcknowledgeForm(prefix=None, auto_id="id_ack_%s"),
            "override_form": OverrideForm(initial={"ends_at": end, "reader_label": label}, auto_id="id_override_%s"),
            "reason_form": ReasonForm(auto_id="id_release_%s"),
            "knowledge_form": KnowledgeForm(auto_id="id_known_%s"),
            "needs_label": policy.asks_for_label(*found),
            "min_note": PolicyVersion.current().rules.min_note,
            "override_consequence": wording.override_consequence(end),
        }

    def override_end(self) -> datetime:
        """When an override given now ends unless its giver says otherwise."""
        publish_at = registry.publishable_type(self.subject).publish_at_of(self.subject) if self.subject else None
        return policy.override_end(timezone.now(), publish_at, PolicyVersion.current().rules)


def _address(name: str, *args: object) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _level(line: gate.Line) -> dict[str, Any]:
    return {
        **level_words(line),
        "sentence": line.level_sentence,
    }


def _concluded(review: Review) -> str:
    return wording.conclusion_sentence(
        Conclusion(review.conclusion),
        name=review.author_label or _("A person (name erased)"),
        when=review.created_at,
    )
