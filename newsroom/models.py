"""What a newsroom is made of: desks and who works on them, stories, pictures, and pictures placed in stories.

`Story.state` and what was published are written by `publishing` alone; pictures come in through `uploads` alone.
Nothing here knows of image detection: that joint is `detection_hooks`.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import PurePath
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.api.models import ApiToken as ApiToken  # Django looks for an app's models here
from newsroom.api.models import KeptAnswer as KeptAnswer

SUFFIXES = frozenset({".avif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".webp"})
"""File name endings that are kept; what a file is, is read from its bytes and never from its name."""


class Desk(models.Model):
    """A part of the newsroom with its own people. On a confidential one nothing is sent outside unless released."""

    name = models.CharField(_("name"), max_length=80)
    slug = models.SlugField(_("short name"), unique=True, help_text=_("Used in the history; it stays."))
    is_confidential = models.BooleanField(
        _("confidential"), default=False, help_text=_("New pictures are kept inside unless somebody chooses otherwise.")
    )
    editors_may_break_glass = models.BooleanField(
        _("editors may publish in an emergency"),
        default=False,
        help_text=_("Past open questions, with a reason; a desk chief reviews it within the hour. Chiefs always may."),
    )

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        verbose_name = _("desk")
        verbose_name_plural = _("desks")

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a person is on one desk."""

    EDITOR = "editor", _("Editor")
    CHIEF = "chief", _("Desk chief")
    STANDARDS = "standards", _("Standards editor")


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self, now: datetime | None = None) -> MembershipQuerySet:
        """Those that have not ended; whoever left loses everything with the next request."""
        moment = now or timezone.now()
        return self.filter(models.Q(ends_at=None) | models.Q(ends_at__gt=moment), user__is_active=True)


class Membership(models.Model):
    """One person on one desk, with an optional end."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    desk = models.ForeignKey(Desk, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("desk"))
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.EDITOR)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True, help_text=_("Empty: it has no end."))

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["desk", "user"]
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "desk"], name="newsroom_membership_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}, {self.desk}"


class SourceTier(models.TextChoices):
    """How well the desk knows where a picture comes from."""

    STAFF = "staff", _("Staff photographer")
    AGENCY = "agency", _("Agency")
    FREELANCE = "freelance", _("Freelance")
    UGC = "ugc", _("Reader or social media")
    UNKNOWN = "unknown", _("Not known")


def _photo_path(photo: Photo, filename: str) -> str:
    suffix = PurePath(filename).suffix.lower()
    return f"photos/{uuid.uuid4().hex}{suffix if suffix in SUFFIXES else '.bin'}"


class Photo(models.Model):
    """One picture file, which never changes once it is here: a new file is a new picture."""

    image = models.FileField(_("file"), upload_to=_photo_path, max_length=200)
    original_name = models.CharField(_("file name"), max_length=200, blank=True, editable=False)
    headline = models.CharField(_("headline"), max_length=200, blank=True)
    credit = models.CharField(_("credit"), max_length=200, blank=True)
    licence = models.CharField(_("licence"), max_length=200, blank=True)
    caption = models.TextField(_("caption"), blank=True)
    alt_text = models.CharField(
        _("alternative text"), max_length=300, blank=True, help_text=_("For readers who can't see the picture.")
    )
    source_tier = models.CharField(_("source"), max_length=20, choices=SourceTier, blank=True)
    uploader = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="photos",
        verbose_name=_("uploaded by"),
    )
    desk = models.ForeignKey(
        Desk, on_delete=models.SET_NULL, null=True, blank=True, related_name="photos", verbose_name=_("desk")
    )
    keep_inside = models.BooleanField(
        _("keep inside"), default=False, help_text=_("Not sent to any detector outside this newsroom.")
    )
    is_graphic = models.BooleanField(
        _("graphic"), default=False, help_text=_("Blurred in the newsroom until somebody asks to see it.")
    )
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("deleted after"), null=True, blank=True, editable=False)
    """When a picture that was only checked is deleted; None for all others, and once it stands in a story."""

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["expires_at"], name="newsroom_photo_expires")]

    def __str__(self) -> str:
        return self.headline or self.original_name or str(_("Picture %(number)s") % {"number": self.pk})


class UploadTally(models.Model):
    """What one person brought in on one day of the site's time zone; `quotas` alone writes it."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    files = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person", "day"], name="newsroom_tally_once"),
        ]


class StoryState(models.TextChoices):
    """Where a story stands on its way to readers."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    SCHEDULED = "scheduled", _("Scheduled")
    PUBLISHED = "published", _("Published")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Story(models.Model):
    """One article. Its text may be corrected at any time; its pictures pass the gate before readers see them."""

    slug = models.SlugField(_("address"), max_length=80, unique=True)
    headline = models.CharField(_("headline"), max_length=200)
    body = models.TextField(_("text"), blank=True)
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="stories", verbose_name=_("desk"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="stories",
        verbose_name=_("author"),
    )
    state = models.CharField(_("state"), max_length=10, choices=StoryState, default=StoryState.DRAFT, editable=False)
    publish_at = models.DateTimeField(_("goes out at"), null=True, blank=True, editable=False)
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    looks_ahead = models.PositiveSmallIntegerField(default=0, editable=False)
    """How often a scheduled story was judged before its time: once an hour before, once a quarter of an hour before."""
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When a scheduled story was refused at its time; None while it wasn't."""
    created_at = models.DateTimeField(_("begun"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)
    photos = models.ManyToManyField(Photo, through="Placement", related_name="stories")

    class Meta:
        ordering: ClassVar[list[str]] = ["-updated_at", "-pk"]
        verbose_name = _("story")
        verbose_name_plural = _("stories")
        permissions = (("publish_story", _("Can publish a story")),)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "publish_at"], name="newsroom_story_due"),
        ]

    def __str__(self) -> str:
        return self.headline

    def get_absolute_url(self) -> str:
        return reverse("newsroom:story", args=[self.slug])

    @property
    def is_draft(self) -> bool:
        """Whether readers don't see it."""
        return self.state != StoryState.PUBLISHED


class PictureUse(models.TextChoices):
    """What a picture is to its story."""

    PHOTOGRAPH = "photograph", _("Photograph")
    ILLUSTRATION = "illustration", _("Illustration")
    SUBJECT = "subject", _("What the story is about")


class Placement(models.Model):
    """One picture in one story. The `published_…` fields say what readers got; `publishing` alone writes them."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="placements", verbose_name=_("story"))
    photo = models.ForeignKey(Photo, on_delete=models.PROTECT, related_name="placements", verbose_name=_("picture"))
    use = models.CharField(_("used as"), max_length=12, choices=PictureUse, default=PictureUse.PHOTOGRAPH)
    reader_label = models.CharField(
        _("label for readers"), max_length=200, blank=True, help_text=_("Shown with it, such as: Made with AI.")
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    published_file = models.CharField(max_length=200, blank=True, editable=False)
    published_use = models.CharField(max_length=12, blank=True, editable=False)
    rendition = models.CharField(max_length=200, blank=True, editable=False)
    """Our own copy for readers, under a name nobody can guess; "" where none could be made."""
    rendition_of = models.CharField(max_length=200, blank=True, editable=False)
    rendition_words = models.CharField(max_length=64, blank=True, editable=False)
    """A fingerprint of the newsroom's words that the copy carries."""

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "pk"]
        verbose_name = _("placed picture")
        verbose_name_plural = _("placed pictures")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["story", "photo"], name="newsroom_placement_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["rendition"], name="newsroom_rendition")]

    def __str__(self) -> str:
        return str(self.photo)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A picture that stands in a story is kept, also if it was uploaded only to be checked."""
        super().save(*args, **kwargs)
        Photo.objects.filter(pk=self.photo_id).exclude(expires_at=None).update(expires_at=None)

    @property
    def is_live(self) -> bool:
        """Whether this very file went out with the story, in this very use."""
        return bool(self.published_file) and (self.published_file, self.published_use) == (
            self.photo.image.name,
            self.use,
        )


class StoryAlert(models.Model):
    """Something that the people of a story's desk should hear of: shown on their start page and on the story."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="alerts")
    picture_label = models.CharField(max_length=200, blank=True)
    sentence = models.TextField()
    is_urgent = models.BooleanField(default=False)
    occasion = models.CharField(max_length=200)
    """What it is about, in one key, so that hearing of the same thing twice makes one alert."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    seen_at = models.DateTimeField(null=True, blank=True)
    seen_by_label = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["story", "occasion"], name="newsroom_alert_once"),
        ]

    def __str__(self) -> str:
        return self.sentence
