"""How the models, the reasons and the heatmaps in an answer of Reality Defender's are read.

Pure functions; what the words mean is decided in `realitydefender`, which alone asks them.
https://docs.realitydefender.com/api-reference/endpoint/get_media_detail
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from detection.errors import SchemaMismatch
from detection.providers.answers import items, link, part, share, text
from detection.results import Evidence, Overlay

LINK_LIVES, LINK_MARGIN = 15 * 60, 60
"""Seconds that a heatmap's link lives by the documentation, and by which we call it run out before."""
MOST_MODELS = 20
_EXPIRES = re.compile(r"[?&]X-Amz-Expires=([0-9]{1,6})(?:&|$)")


class Model(NamedTuple):
    """One of the models that the vendor asked. `score` 0–1 or None."""

    name: str
    status: str
    score: float | None


def score_of(payload: Mapping[str, Any]) -> float | None:
    """0–1, higher is more likely fake; None where it is null. Raises SchemaMismatch where it is gone: renamed."""
    metadata = part(part(payload, "resultsSummary"), "metadata")
    if "finalScore" not in metadata:
        raise SchemaMismatch("The detector's answer has no finalScore as it is documented. A person has to look.")
    return share(metadata["finalScore"], "finalScore", most=100)


def models_of(payload: Mapping[str, Any]) -> list[Model]:
    """The models that were asked. Raises SchemaMismatch for a number out of range."""
    return [
        Model(text(one, "name"), text(one, "status"), share(one.get("finalScore"), "model's finalScore", most=100))
        for one in items(payload.get("models"))
    ]


def told_of(models: Iterable[Model]) -> tuple[Evidence, ...]:
    """Each model in words, `MOST_MODELS` of them."""
    return tuple(_told(one) for one in islice(models, MOST_MODELS))


def _told(model: Model) -> Evidence:
    number = "no score" if model.score is None else f"{model.score * 100:g} of 100"
    return Evidence(kind="classifier", key=model.name or "unnamed", value=f"{model.status or 'no status'}, {number}")


def notes_of(summary: Any) -> tuple[Evidence, ...]:
    """The vendor's reasons, by code and in its words."""
    metadata = summary.get("metadata") if isinstance(summary, Mapping) else None
    listed = items(metadata.get("reasons") if isinstance(metadata, Mapping) else None)
    return tuple(Evidence(kind="note", key=text(one, "code"), value=text(one, "message")) for one in listed)


def overlay_of(heatmaps: Any, accusing: Iterable[Model], *, now: datetime) -> Overlay | None:
    """The heatmap of the first model by name that says FAKE and is no ensemble: the same one at every asking.

    `accusing`: the models that say FAKE. Its link is called run out a minute early.
    """
    found = heatmaps if isinstance(heatmaps, Mapping) else {}
    for model in sorted(accusing, key=lambda one: one.name):
        url = link(found.get(model.name))
        if "ensemble" not in model.name.casefold() and url:
            told = _EXPIRES.search(url)
            lives = min(int(told[1]), LINK_LIVES) if told else LINK_LIVES
            return Overlay(url=url, expires_at=now + timedelta(seconds=lives - LINK_MARGIN))
    return None
