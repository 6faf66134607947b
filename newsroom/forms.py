"""The newsroom's own forms: bringing pictures in, and telling a story when to go out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from detection import wording
from detection.errors import NotPermitted, Refused
from newsroom import permissions, sourcing
from newsroom.models import Photo, SourceTier, Story
from newsroom.streaming import REQUEST_CAP, UPLOAD_CAP, NotKept
from newsroom.uploads import Particulars

ACCEPT = "image/jpeg,image/png,image/webp,image/heic,image/heif,image/avif,.heic,.heif,.avif"
_TOO_LARGE = _("“%(name)s” is over %(cap)d MB. Save a smaller copy and upload that.")
_TOO_MUCH = _("These files together are over %(cap)d MB. Upload them in several goes.")
_TIERS = [("", _("Not known")), *(choice for choice in SourceTier.choices if choice[0] != SourceTier.UNKNOWN)]
_INSIDE = (("", _("As usual on this desk")), ("on", _("Keep inside")), ("off", _("May be sent to detectors outside")))


def refuse_too_much(file: UploadedFile[Any]) -> None:
    """Raise ValidationError for a file that is over the cap, or of which nothing was kept because of those before."""
    if (file.size or 0) > UPLOAD_CAP:
        words = {"name": file.name, "cap": UPLOAD_CAP // (1024 * 1024)}
        raise forms.ValidationError(_TOO_LARGE, params=words, code="too_large")
    if isinstance(file, NotKept):
        raise forms.ValidationError(_TOO_MUCH, params={"cap": REQUEST_CAP // (1024 * 1024)}, code="too_much")


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class PictureFilesField(forms.FileField):
    """Any number of picture files. What they are is found out later, so that none is refused for being broken."""

    widget = FilesInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_empty_file=True, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        files = [super(PictureFilesField, self).clean(one, initial) for one in given]
        if not files and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        for file in files:
            refuse_too_much(file)
        return files


class StoryForm(forms.ModelForm):  # type: ignore[type-arg]
    """A story's words, and what is to be added to its pictures with the same click."""

    new_pictures = PictureFilesField(
        label=_("Add pictures"),
        required=False,
        widget=FilesInput(attrs={"accept": ACCEPT}),
        help_text=_("Several at once. They are checked in the background; go on writing."),
    )
    their_tier = forms.ChoiceField(label=_("Their source"), required=False, choices=_TIERS)
    their_credit = forms.CharField(label=_("Their credit"), required=False, max_length=200)
    their_inside = forms.ChoiceField(
        label=_("Sending to detectors"),
        required=False,
        choices=_INSIDE,
        help_text=_("Kept inside: only what the file declares is read, here. A desk chief can release it later."),
    )
    their_graphic = forms.BooleanField(
        label=_("Graphic"), required=False, help_text=_("Blurred in the newsroom until somebody asks to see it.")
    )
    attach = forms.ModelChoiceField(
        label=_("Add a picture that is here"), required=False, queryset=Photo.objects.none(), empty_label=_("None")
    )

    class Meta:
        model = Story
        fields = ("headline", "slug", "desk", "body")

    def particulars(self) -> Particulars:
        """What was said of the files that come with this form."""
        inside = {"on": True, "off": False}.get(self.cleaned_data["their_inside"])
        words = self.cleaned_data
        known = {"source_tier": words["their_tier"], "credit": words["their_credit"]}
        return Particulars(**known, keep_inside=inside, is_graphic=words["their_graphic"])

    def offer(self, user: Any) -> None:
        """Offer only the desks this person works on, and the pictures they may see."""
        if "desk" in self.fields:
            self.fields["desk"].queryset = permissions.desks(user, "newsroom.change_story")  # type: ignore[attr-defined]
        if "attach" in self.fields:
            there = permissions.photos(user, "newsroom.view_photo")
            if self.instance.pk:
                there = there.exclude(placements__story=self.instance)
            self.fields["attach"].queryset = there  # type: ignore[attr-defined]


class PhotoForm(forms.ModelForm):  # type: ignore[type-arg]
    """A picture's words and source. `by` is who fills it in."""

    by: Any = None
    tier_reason = forms.CharField(
        label=_("How the desk knows the source"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_(
            "Asked for where the source becomes a surer one; that takes a desk chief, and stands in the history."
        ),
    )

    class Meta:
        model = Photo
        fields = ("headline", "credit", "licence", "caption", "alt_text", "is_graphic", "source_tier")

    def clean(self) -> dict[str, Any]:
        words = super().clean() or self.cleaned_data
        if "source_tier" in self.changed_data and "source_tier" in words:
            try:
                sourcing.check(
                    Photo.objects.get(pk=self.instance.pk),
                    self.initial.get("source_tier", ""),
                    words["source_tier"],
                    by=self.by,
                    reason=words.get("tier_reason", ""),
                )
            except NotPermitted as error:
                self.add_error("source_tier", str(error))
            except Refused as error:
                self.add_error("tier_reason", str(error))
        return words


class CheckForm(forms.Form):
    """One file to look at."""

    file = forms.FileField(
        label=_("Picture"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ACCEPT}),
        error_messages={"required": _("Choose a file.")},
    )
    keep_inside = forms.BooleanField(
        label=_("Keep inside"), required=False, help_text=_("Read here only; not sent to any detector outside.")
    )

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        refuse_too_much(file)
        return file


class ReplaceForm(CheckForm):
    """The file that takes another picture's place, and where it comes from."""

    keep_inside = None  # type: ignore[assignment]
    their_tier = forms.ChoiceField(label=_("Its source"), required=False, choices=_TIERS)
    their_credit = forms.CharField(label=_("Its credit"), required=False, max_length=200)

    def particulars(self, *, keep_inside: bool) -> Particulars:
        """What was said of the file; it is kept inside as the picture was whose place it takes."""
        words = self.cleaned_data
        return Particulars(source_tier=words["their_tier"], credit=words["their_credit"], keep_inside=keep_inside)


class ScheduleForm(forms.Form):
    """When a story is to go out."""

    at = forms.DateTimeField(
        label=_("Goes out at"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={
            "required": _("Give a date and a time."),
            "invalid": _("Give a date and a time, such as 2026-11-24 13:00."),
        },
    )

    @classmethod
    def offering(cls, story: Story) -> ScheduleForm:
        """The form with the story's present time, else with none."""
        at = timezone.localtime(story.publish_at) if story.publish_at else None
        return cls(initial={"at": at})


class EmergencyForm(forms.Form):
    """Publishing past open questions: why, and the story's address typed by hand."""

    evidence = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    reason_code = forms.ChoiceField(
        label=_("Reason"), required=False, choices=lambda: [("", _("Choose a reason")), *wording.reason_choices()]
    )
    note = forms.CharField(
        label=_("What readers need now, and what you know of the pictures"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    typed = forms.CharField(
        label=_("Type the story's address"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )


AFTERWARDS = (
    ("stands", _("The story stands as it went out")),
    ("corrected", _("The story was corrected")),
    ("withdrawn", _("The story was withdrawn")),
)
"""What a look at an emergency publication may come to."""
