"""The words a person types on a detection page, cleaned; `gate` and `reviewing` decide whether they are recorded.

Forms ask only for what no page can be without, so that the one place that knows the rules also words every refusal.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from detection import wording
from detection.vocabulary import Conclusion, NoteKind
from detection.wording import decision_texts

CONCLUSIONS: tuple[tuple[Conclusion, Any, Any], ...] = (
    (
        Conclusion.ACCEPTED,
        _("No objection to using it"),
        _("You looked, and nothing speaks against it."),
    ),
    (
        Conclusion.CONFIRMED_AI_GENERATED,
        _("Confirmed as AI-generated"),
        _("You know it from the source, the file or a second look. It is held as a photograph."),
    ),
    (
        Conclusion.CONFIRMED_AI_ALTERED,
        _("Confirmed as altered with AI"),
        _("Parts were made or changed with AI. It is held as a photograph."),
    ),
    (
        Conclusion.CANNOT_DETERMINE,
        _("Cannot be determined"),
        _("An honest answer. A note stays with the picture."),
    ),
    (
        Conclusion.WAITING_FOR_SOURCE,
        _("Ask the source"),
        _("The question stays open until the source has answered."),
    ),
)
"""Each conclusion as a person chooses it: the word, and what it means, in a sentence."""

KEYS = {
    Conclusion.ACCEPTED: "a",
    Conclusion.CONFIRMED_AI_GENERATED: "x",
    Conclusion.CONFIRMED_AI_ALTERED: "x",
    Conclusion.CANNOT_DETERMINE: "n",
}
"""The keys that choose a conclusion, as they are printed beside it; `keys.js` acts on them, and on the second press of
one that stands twice it takes the other."""


def _reasons() -> list[tuple[str, str]]:
    return [("", str(_("Choose a reason"))), *wording.reason_choices()]


class EvidenceForm(forms.Form):
    """What every deciding form carries: the evidence its reader saw, a reason and a note."""

    evidence = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    reason_code = forms.ChoiceField(label=_("Reason"), choices=_reasons, required=False)
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=4000,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class ConclusionForm(EvidenceForm):
    """One person's conclusion about one picture."""

    conclusion = forms.ChoiceField(
        label=_("Your conclusion"),
        choices=lambda: [(word.value, label) for word, label, _meaning in CONCLUSIONS],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a conclusion.")},
    )
    reader_label = forms.CharField(label=_("Label for readers"), required=False, max_length=200)
    no_label_reason = forms.CharField(label=_("Or why there is no label"), required=False, max_length=200)

    def choices_with_meaning(self) -> list[dict[str, Any]]:
        """The radio buttons, each with what it means and its key."""
        chosen = self["conclusion"].value()
        return [
            {
                "value": word.value,
                "label": label,
                "meaning": meaning,
                "is_chosen": chosen == word.value,
                "key": KEYS.get(word, ""),
            }
            for word, label, meaning in CONCLUSIONS
        ]


class KnowledgeForm(forms.Form):
    """What somebody knows about a picture: a tick and a few words for each check, the source's answer, a note."""

    evidence = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for kind in NoteKind:
            words: dict[str, Any] = {
                "label": decision_texts.NOTE_KINDS[kind],
                "required": False,
                "max_length": 4000,
                "strip": True,
            }
            if kind.is_check:
                self.fields[f"did_{kind}"] = forms.BooleanField(label=words["label"], required=False)
                hint = forms.TextInput(attrs={"placeholder": _("What was found (optional)")})
                self.fields[kind] = forms.CharField(**words, widget=hint)
            else:
                self.fields[kind] = forms.CharField(**words, widget=forms.Textarea(attrs={"rows": 3}))

    def checks(self) -> list[dict[str, Any]]:
        """The checklist in its order: each with its tick and its words."""
        return [
            {"did": self[f"did_{kind}"], "words": self[kind], "name": decision_texts.NOTE_KINDS[kind]}
            for kind in decision_texts.NOTE_KINDS
            if kind.is_check
        ]

    def words(self) -> dict[NoteKind, str]:
        """What is to be recorded: whatever is ticked or has words. Of a valid form."""
        said = self.cleaned_data
        return {kind: said[kind] for kind in NoteKind if said[kind] or said.get(f"did_{kind}")}


class AcknowledgeForm(EvidenceForm):
    """Seen, and carrying on with this story."""

    seen = forms.BooleanField(
        label=_("I have looked at the evidence about this picture."),
        error_messages={"required": _("Look at the evidence and tick that you have. Nothing was recorded.")},
    )


class TogetherForm(AcknowledgeForm):
    """The same for several pictures of one story; each carries its own evidence beside it."""

    seen = forms.BooleanField(
        label=_("I have looked at the evidence about each ticked picture."),
        error_messages={"required": _("Look at the evidence and tick that you have. Nothing was recorded.")},
    )


class OverrideForm(EvidenceForm):
    """Letting one story go despite an open question."""

    scope = forms.ChoiceField(
        label=_("For"),
        required=False,
        initial="story",
        choices=(("story", _("This story")), ("desk", _("All stories of this desk with the same file"))),
        widget=forms.RadioSelect,
    )
    ends_at = forms.DateTimeField(
        label=_("Until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"],
        error_messages={"invalid": _("Give the end as a date and a time, such as 2026-11-24 13:00.")},
    )
    reader_label = forms.CharField(label=_("Label for readers"), required=False, max_length=200)
    no_label_reason = forms.CharField(label=_("Or why there is no label"), required=False, max_length=200)


class ReasonForm(forms.Form):
    """A reason in a person's own words."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        strip=True,
        widget=forms.TextInput,
        error_messages={"required": _("Give a reason, so that others can follow it later.")},
    )


class BulkForm(ConclusionForm):
    """One conclusion about several pictures; what is said of many at once has a reason."""

    conclusion = forms.ChoiceField(
        label=_("Your conclusion"),
        choices=lambda: [(w.value, label) for w, label, _m in CONCLUSIONS if w is not Conclusion.WAITING_FOR_SOURCE],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a conclusion.")},
    )
    reason_code = forms.ChoiceField(
        label=_("Reason"), choices=_reasons, error_messages={"required": _("Choose a reason. Nothing was recorded.")}
    )
