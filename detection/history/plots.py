"""Plots drawn on the server as SVG: bars with their numbers beside them, for people who would rather look than read.

No script and no style in the page: attributes and classes alone, so that the strictest policy shows them. Each has a
title and a description, and the page puts the table with the same numbers beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WIDTH, _ROW, _NAME, _NUMBER = 640, 30, 190, 90
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, the whole, and the part of the whole that is told apart; `said`: the numbers in words."""

    name: str
    whole: int
    part: int = 0
    said: str = ""


def bars(title: str, description: str, rows: Sequence[Bar]) -> SafeString:
    """Horizontal bars on one scale from 0; the part is hatched, so that it is told apart without colour."""
    number = next(_numbers)
    most = max((row.whole for row in rows), default=0) or 1
    height = _ROW * len(rows) + 8
    drawn = [_bar(row, place, most, number) for place, row in enumerate(rows)]
    return format_html(
        '<svg class="d-plot" role="img" viewBox="0 0 {w} {h}" aria-labelledby="plot-{n}-title plot-{n}-about">'
        '<title id="plot-{n}-title">{title}</title><desc id="plot-{n}-about">{about}</desc>'
        '<defs><pattern id="plot-{n}-part" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<rect class="d-plot-part" width="6" height="6"/><path class="d-plot-hatch" d="M0 6L6 0"/></pattern></defs>'
        '<line class="d-plot-axis" x1="{x}" y1="0" x2="{x}" y2="{h}"/>{bars}</svg>',
        w=_WIDTH,
        h=height,
        n=number,
        x=_NAME,
        title=title,
        about=description,
        bars=format_html_join("", "{}", ((one,) for one in drawn)),
    )


def _bar(row: Bar, place: int, most: int, number: int) -> SafeString:
    room = _WIDTH - _NAME - _NUMBER
    top = place * _ROW + 4
    whole, part = round(room * row.whole / most), round(room * row.part / most)
    name = row.name if len(row.name) <= 28 else f"{row.name[:27]}…"
    return format_html(
        '<text class="d-plot-name" x="{nx}" y="{ty}" text-anchor="end">{name}</text>'
        '<rect class="d-plot-whole" x="{x}" y="{y}" width="{whole}" height="{h}"/>'
        '<rect x="{x}" y="{y}" width="{part}" height="{h}" fill="url(#plot-{n}-part)"/>'
        '<text class="d-plot-number" x="{sx}" y="{ty}">{said}</text>',
        nx=_NAME - 8,
        ty=top + 15,
        name=name,
        x=_NAME,
        y=top,
        whole=whole,
        part=part,
        h=_ROW - 10,
        n=number,
        sx=_NAME + whole + 6,
        said=row.said or row.whole,
    )
