"""Our handle on one picture of the host, and what the house at present thinks of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from detection import registry
from detection.vocabulary import Signal


class AssetQuerySet(models.QuerySet["Asset"]):
    """Questions about pictures, by what the host knows them as."""

    def of(self, picture: models.Model) -> AssetQuerySet:
        """The asset of one host object, or none."""
        return self.filter(content_type=registry.content_type(picture), object_key=registry.key(picture))

    def of_many(self, pictures: Iterable[models.Model]) -> dict[tuple[int, str], Asset]:
        """Assets by (content type id, key) for a list of host objects: one query for each model."""
        keys: dict[int, list[str]] = {}
        for picture in pictures:
            keys.setdefault(registry.content_type(picture).pk, []).append(registry.key(picture))
        found: dict[tuple[int, str], Asset] = {}
        for type_id, object_keys in keys.items():
            for asset in self.filter(content_type_id=type_id, object_key__in=object_keys):
                found[type_id, asset.object_key] = asset
        return found

    def unannounced(self) -> AssetQuerySet:
        """Their listeners have not heard of the present standing."""
        return self.filter(announced_version__lt=models.F("standing_version"))

    def lock(self, pks: Iterable[int]) -> None:
        """Write these rows in key order, so that a verdict and a publication cannot pass each other.

        An UPDATE locks on both databases, where `select_for_update` is silently nothing on SQLite.
        """
        for pk in sorted(pks):
            self.filter(pk=pk).update(touched=models.F("touched") + 1)


class Asset(models.Model):
    """One picture of the host. Never deleted: a host's deletion leaves a labelled handle."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, related_name="+")
    object_key = models.CharField(max_length=64)
    label = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    looked_before = models.PositiveIntegerField(null=True, blank=True)
    """The generation before a forced new look at the same file: until that has ended, the gate keeps its level."""
    evidence_before = models.CharField(max_length=64, blank=True)
    detached_at = models.DateTimeField(null=True, blank=True)
    """When the host deleted its object; None while it is there."""

    generation = models.PositiveIntegerField(default=1)
    """Raised when the file differs or a new look is forced; only analyses of the present one count."""
    file_name = models.CharField(max_length=500, blank=True)
    source_tier = models.CharField(max_length=20, blank=True)
    kept_inside = models.BooleanField(default=False)
    """Not sent to any detector outside; binds the fingerprint, so a second upload of the file is protected too."""
    host_graphic = models.BooleanField(default=False)
    """Whether the host says that it shows what nobody should meet unasked."""
    said_graphic = models.BooleanField(null=True, blank=True)
    """The same by a person on the review page, whose word goes first; None: nobody said, or the host's word changed."""
    released_at = models.DateTimeField(null=True, blank=True)
    before_install = models.BooleanField(default=False)

    read_generation = models.PositiveIntegerField(null=True, blank=True)
    """The generation whose file the following facts were read from; None: not read yet."""
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    phash = models.CharField(max_length=16, blank=True)
    media_type = models.CharField(max_length=40, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    orientation = models.PositiveSmallIntegerField(default=1)
    """How the file is stored, as EXIF counts it (1–8); `width` and `height` are those of the picture as it is shown."""
    size = models.PositiveBigIntegerField(null=True, blank=True)
    notes = models.JSONField(default=list, blank=True)
    rejected_code = models.CharField(max_length=40, blank=True)
    rejected_sentence = models.TextField(blank=True)

    signal = models.CharField(max_length=30, default=Signal.NOT_CHECKED)
    row = models.CharField(max_length=30, default=Signal.NOT_CHECKED)
    """The policy table's row: the signal, or its variant for a broken credential that says AI."""
    why = models.CharField(max_length=30, blank=True)
    standing = models.JSONField(default=dict, blank=True)
    """The rest of the assessment: notes, second-strong, next try. Written by `standing` alone, like the signal."""
    evidence = models.CharField(max_length=64, blank=True)
    """sha256 over what people judge; conclusions and overrides cover exactly one value of it."""
    conclusion = models.CharField(max_length=30, blank=True)
    policy_number = models.PositiveIntegerField(null=True, blank=True)
    standing_version = models.PositiveIntegerField(default=0)
    announced_version = models.PositiveIntegerField(default=0)
    standing_at = models.DateTimeField(null=True, blank=True)
    touched = models.PositiveBigIntegerField(default=0)

    objects = AssetQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        verbose_name = "picture"
        verbose_name_plural = "pictures"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["content_type", "object_key"], name="detection_asset_once_per_object"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["signal", "-standing_at"], name="detection_asset_signal"),
            models.Index(fields=["conclusion", "standing_at"], name="detection_asset_concluded"),
            models.Index(fields=["conclusion", "signal", "standing_at"], name="detection_asset_waits"),
            models.Index(fields=["label"], name="detection_asset_label"),
            models.Index(
                fields=["standing_version"],
                name="detection_asset_unannounced",
                condition=models.Q(announced_version__lt=models.F("standing_version")),
            ),
        ]
        permissions = [
            ("review_analysis", "May look at evidence and record a conclusion"),
            ("acknowledge_gate", "May acknowledge an open question about a picture"),
            ("override_hold", "May clear a hold, or let one story go despite it"),
            ("override_stop", "May clear a stop"),
            ("break_glass", "May publish in an emergency, with a review afterwards"),
            ("request_scan", "May ask for a new look at a picture"),
            ("release_outside", "May let a picture that is kept inside be sent to detectors"),
            ("change_source_tier", "May raise the source tier of a picture"),
            ("operate_provider", "May pause, resume and test detectors"),
            ("redrive", "May start an analysis that gave up once more"),
            ("change_policy", "May change the policy"),
            ("view_audit", "May read the history of every desk"),
            ("export_audit", "May export the history"),
            ("view_raw_payload", "May read a detector's raw answers"),
            ("erase_personal", "May erase personal values from the history"),
        ]

    def __str__(self) -> str:
        return self.label or str(self.public_id)

    @property
    def is_read(self) -> bool:
        """Whether the facts about the file are those of the present generation."""
        return self.read_generation == self.generation

    @property
    def is_graphic(self) -> bool:
        """Whether it is blurred till its reader reveals it."""
        return self.host_graphic if self.said_graphic is None else self.said_graphic

    @property
    def asset_type(self) -> registry.AssetType:
        """What the host registered about this picture's model."""
        model = self.content_type.model_class()
        return registry.asset_type(model if model is not None else f"{self.content_type.app_label}.gone")

    def picture(self) -> Any:
        """The host's object, or None where it is gone."""
        return None if self.detached_at else self.asset_type.find(self.object_key)


class Queue(Asset):
    """The same rows seen as a queue: which of them ask for a person is decided where they are listed."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "picture that waits for a person"
        verbose_name_plural = "waiting for a person"
