"""What a host says once, in `detection_hooks`, and how every later question is answered from it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

import detection
from detection import registry
from detection.errors import AlreadyRegistered, NotRegistered
from detection.vocabulary import Level, PlacedUse, SourceTier
from tests.otherhost.models import Article, Plate

Host = Callable[..., None]


@pytest.mark.parametrize(
    ("pk", "text"),
    [
        (7, "7"),
        ("harbour", "harbour"),
        (uuid.UUID("12345678-1234-5678-1234-567812345678"), "12345678123456781234567812345678"),
    ],
)
def test_a_key_is_text_that_joins_on_every_database(pk: Any, text: str) -> None:
    assert registry.key(SimpleNamespace(pk=pk)) == text  # type: ignore[arg-type]


def test_a_model_is_registered_once(host: Host) -> None:
    host()
    with pytest.raises(AlreadyRegistered, match="Remove one of the two calls"):
        detection.register_asset("otherhost.plate")
    with pytest.raises(AlreadyRegistered, match="Remove one of the two calls"):
        detection.register_publishable("OTHERHOST.Article", assets="plates")


def test_an_unregistered_model_is_refused_with_the_call_to_write(host: Host) -> None:
    registry.unregister("otherhost.Plate")
    registry.unregister("otherhost.Article")
    with pytest.raises(NotRegistered, match=r"register_asset\(…\) in detection_hooks.py"):
        registry.asset_type(Plate)
    with pytest.raises(NotRegistered, match=r"register_publishable\(…\) in detection_hooks.py"):
        registry.publishable_type(Article())


def test_what_is_registered_can_be_listed() -> None:
    assert "otherhost.Plate" in [kind.model for kind in registry.asset_types()]
    assert "otherhost.Article" in [kind.model for kind in registry.publishable_types()]
    assert registry.asset_type("otherhost.plate").model_class is Plate


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        (None, SourceTier.UNDECLARED),
        (lambda plate: "staff", SourceTier.STAFF),
        (lambda plate: "", SourceTier.UNKNOWN),
        (lambda plate: None, SourceTier.UNKNOWN),
        (lambda plate: "my cousin", SourceTier.UNKNOWN),
        ("title", SourceTier.AGENCY),
    ],
)
def test_an_empty_tier_is_unknown_and_an_unregistered_one_undeclared(host: Host, said: Any, tier: SourceTier) -> None:
    host(plate={"source_tier": said})
    assert registry.asset_type(Plate).tier_of(Plate(title="agency")) == tier


def test_accessors_are_names_or_callables(host: Host) -> None:
    host(
        plate={
            "label": lambda plate: plate.title * 300,
            "uploader": lambda plate: "erin",
            "keep_inside": lambda plate: "yes",
            "when": lambda plate: plate.title == "due",
        }
    )
    kind, one = registry.asset_type(Plate), Plate(title="due")
    assert len(kind.label_of(one)) == 200
    assert kind.uploader_of(one) == "erin"
    assert kind.keeps_inside(one)
    assert kind.is_due(one)
    assert not kind.is_due(Plate(title="not"))


def test_what_is_not_registered_has_a_harmless_default(host: Host) -> None:
    host()
    kind, published = registry.asset_type(Plate), registry.publishable_type(Article)
    assert kind.uploader_of(Plate()) is None
    assert not kind.keeps_inside(Plate())
    assert kind.is_due(Plate())
    assert published.is_draft_of(Article())
    assert published.publish_at_of(Article()) is None
    assert published.desk_of(Article()) == ""
    assert published.reasons_of(Article()) == []


def test_a_publishable_says_desk_time_and_reasons(host: Host) -> None:
    reason = registry.Reason("complaint", "A reader complained.", Level.ACKNOWLEDGE)
    now = timezone.now()
    host(article={"desk": lambda one: 12, "publish_at": lambda one: now, "reasons": lambda one: [reason]})
    kind = registry.publishable_type(Article)
    assert (kind.desk_of(Article()), kind.publish_at_of(Article())) == ("12", now)
    assert kind.reasons_of(Article()) == [reason]


@pytest.mark.django_db
def test_pictures_come_from_a_manager_a_list_or_placements(
    host: Host, pixels_only: None, plate: Callable[..., Plate]
) -> None:
    one = Article.objects.create(title="x")
    one.plates.add(plate())
    picture = one.plates.get()
    plain = registry.Placed(picture=picture)
    drawn = registry.Placed(picture=picture, use=PlacedUse.ILLUSTRATION, reader_label="Drawn by a machine")
    for assets, expected in (
        ("plates", [plain]),
        (lambda article: list(article.plates.all()), [plain]),
        (lambda article: [drawn], [drawn]),
    ):
        host(article={"assets": assets})
        assert registry.publishable_type(Article).placed_in(one) == expected


@pytest.mark.django_db
def test_without_a_scope_a_permission_is_held_everywhere_or_nowhere(
    pixels_only: None, plate: Callable[..., Plate], erin: Any, sam: Any
) -> None:
    picture = plate()
    kind = registry.asset_type(Plate)
    assert kind.allows(erin, "detection.review_analysis", picture)
    assert not kind.allows(erin, "detection.override_hold", picture)
    assert not kind.allows(sam, "detection.review_analysis", picture)
    assert not kind.allows(None, "detection.review_analysis", picture)
    assert not kind.allows(AnonymousUser(), "detection.review_analysis", picture)


@pytest.mark.django_db
def test_a_person_who_left_holds_nothing(pixels_only: None, plate: Callable[..., Plate], erin: Any) -> None:
    """F09."""
    picture = plate()
    erin.is_active = False
    assert not registry.asset_type(Plate).allows(erin, "detection.review_analysis", picture)


@pytest.mark.django_db
def test_a_scope_decides_object_by_object_and_is_told_the_permission(
    host: Host, pixels_only: None, plate: Callable[..., Plate], erin: Any
) -> None:
    """F08."""
    asked = []

    def scope(user: Any, permission: str) -> Any:
        asked.append((user, permission))
        return Plate.objects.filter(title="mine")

    mine, foreign = plate("mine"), plate("theirs")
    host(plate={"scope": scope})
    kind = registry.asset_type(Plate)
    assert kind.allows(erin, "detection.review_analysis", mine)
    assert not kind.allows(erin, "detection.review_analysis", foreign)
    assert set(asked) == {(erin, "detection.review_analysis")}


@pytest.mark.django_db
def test_a_host_object_that_is_gone_is_none(pixels_only: None, plate: Callable[..., Plate]) -> None:
    picture = plate()
    kind = registry.asset_type(Plate)
    assert kind.find(registry.key(picture)) == picture
    Plate.objects.all().delete()
    assert kind.find(registry.key(Plate())) is None
