"""The cast of the screen tests: people with permissions, pictures that were really scanned, articles with them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile

from detection import queue
from detection.models import Asset
from detection.providers import providers
from detection.testing import images
from tests.otherhost.models import Article, Plate

EDITOR = ("review_analysis", "acknowledge_gate", "request_scan")
CHIEF = (*EDITOR, "override_hold", "release_outside")


def person(name: str, *permissions: str) -> Any:
    """Somebody who may enter the admin and holds these permissions of ours."""
    user = get_user_model().objects.create_user(
        username=name, password="x", first_name=name.title(), last_name="Example", is_staff=True
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="detection"))
    return user


def drain() -> None:
    """Run every ring here, until the doorbell is quiet."""
    for _round in range(20):
        rings = queue.take_all()
        if not rings:
            return
        for function, arguments in rings:
            function(*arguments)


def plate(title: str = "Harbour at dawn", *, content: bytes | None = None, seed: int = 1, **answer: Any) -> Asset:
    """A picture, uploaded and examined; `answer`: what the first detector says of it."""
    if answer:
        providers["first"].will_return(**answer)  # type: ignore[attr-defined]
    made = Plate(title=title)
    made.picture.save("plate.jpg", ContentFile(content or images.photo_like(seed)), save=False)
    made.save()
    drain()
    return Asset.objects.of(made).get()


def strong(title: str = "Coffee on the counter", **more: Any) -> Asset:
    """A picture with strong signs."""
    return plate(title, verdict="likely_ai", ai_score=0.94, **more)


def declared(title: str = "Landing") -> Asset:
    """A picture whose file declares AI, which every source tier holds."""
    text = {"parameters": "a harbour <script>alert(1)</script>\nSteps: 30, Sampler: Euler a, CFG scale: 7, Seed: 4"}
    content = images.with_png_text(images.photo_like(3, format="PNG"), text)
    return plate(title, content=content, verdict="likely_human", ai_score=0.05)


def article(*assets: Asset, title: str = "The cup that sells the cafe") -> Article:
    """A draft that holds these pictures."""
    made = Article.objects.create(title=title)
    made.plates.set([asset.picture() for asset in assets])
    return made


def name_of(subject: Article) -> str:
    """How forms and addresses name it."""
    return f"otherhost.article:{subject.pk}"
