"""What the demo's pictures came to, read from the rows that its workers wrote: for `demo --once`, and for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import Any

from django.db.models import Case, IntegerField, Value, When

from detection import gate
from newsroom.demo.stories import STORIES
from newsroom.models import Story

COLUMNS = ("story", "picture", "tier", "signal", "level", "why")
WIDEST = 84
"""Characters of the last column, which holds a sentence."""
Row = dict[str, Any]


def read() -> dict[str, list[Row]]:
    """`{"pictures": […], "stories": […]}`: a line of the gate's report a picture, and what a story waits for.

    `level` is after what people did, `base_level` what the policy alone asks for.
    """
    pictures, stories = [], []
    for story in _in_order():
        report = gate.report(story)
        pictures += [_picture(story, line) for line in report.lines]
        stories.append(_story(story, report))
    return {"pictures": pictures, "stories": stories}


def _in_order() -> Iterable[Story]:
    """As the demo tells them; what else was written comes after."""
    places = [When(slug=plan.slug, then=Value(place)) for place, plan in enumerate(STORIES)]
    place = Case(*places, default=Value(len(places)), output_field=IntegerField())
    return Story.objects.select_related("desk").order_by(place, "pk")


def _picture(story: Story, line: gate.Line) -> Row:
    photo: Any = line.placed.picture
    return {
        "story": story.slug,
        "headline": story.headline,
        "picture": line.label,
        "file": photo.original_name,
        "tier": photo.source_tier,
        "use": line.placed.use,
        "signal": line.signal,
        "level": line.level,
        "base_level": line.base_level,
        "is_queued": line.is_queued,
        "why": line.why,
        "sentence": line.sentence,
        "cleared_by": line.cleared_by,
        "conclusion": line.conclusion,
        "is_live": line.is_live,
        "kept_inside": photo.keep_inside,
        "evidence": line.evidence,
    }


def _story(story: Story, report: gate.Report) -> Row:
    return {
        "story": story.slug,
        "headline": story.headline,
        "desk": story.desk.slug,
        "state": story.state,
        "publish_at": story.publish_at.isoformat() if story.publish_at else None,
        "level": report.level,
        "held": report.refuses,
        "sentence": report.sentence,
        "who_can_clear": sorted({name for line in report.open_lines for name in line.who_can_clear}),
        "alerts": list(story.alerts.values_list("sentence", flat=True)),
    }


def as_text(found: dict[str, list[Row]]) -> str:
    """The same to be read: the table, then the stories that are held."""
    rows = [_cells(row) for row in found["pictures"]]
    held = [f"  {row['headline']} ({row['state']}): {row['sentence']}" for row in found["stories"] if row["held"]]
    return "\n".join([*_aligned([COLUMNS, *rows]), "", "Held stories:", *(held or ["  None."])])


def _cells(row: Row) -> Sequence[str]:
    why = " ".join(part for part in (row["sentence"], row["cleared_by"]) if part)
    return (
        shorten(row["headline"], 28, placeholder="…"),
        shorten(row["file"], 28, placeholder="…"),
        *(str(row[name]) for name in ("tier", "signal", "level")),
        shorten(why, WIDEST, placeholder="…"),
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
