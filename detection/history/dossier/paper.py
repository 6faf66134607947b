"""The dossier as a PDF: for people to read and to file. What verifies is the JSON; the paper names its digest.

Drawn by ReportLab's flowing layout, without any file from outside: the picture is our own preview of it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from detection.history.dossier import telling
from detection.history.dossier.proving import digest

_FONTS = ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")
_WIDTH = A4[0] - 40 * mm - 12  # less the padding of the page's frame
_RULE = colors.HexColor("#c9c3b6")
_QUIET = colors.HexColor("#605b52")


@cache
def _fonts() -> tuple[str, str]:
    """DejaVu where the system has it, for it knows most scripts of Europe; else the Vera that ReportLab brings."""
    regular, bold = _FONTS if all(map(os.path.exists, _FONTS)) else ("Vera.ttf", "VeraBd.ttf")
    pdfmetrics.registerFont(TTFont("dossier", regular))
    pdfmetrics.registerFont(TTFont("dossier-bold", bold))
    pdfmetrics.registerFontFamily("dossier", normal="dossier", bold="dossier-bold")
    return "dossier", "dossier-bold"


def _style(size: float = 9, *, bold: bool = False, colour: Any = colors.black, after: float = 2) -> ParagraphStyle:
    regular, heavy = _fonts()
    return ParagraphStyle(
        f"d{size}{bold}{colour}",
        fontName=heavy if bold else regular,
        fontSize=size,
        leading=size * 1.4,
        textColor=colour,
        spaceAfter=after,
        splitLongWords=1,
        wordWrap="LTR",
    )


def _text(words: Any, **style: Any) -> Paragraph:
    return Paragraph(escape(str(words)).replace("\n", "<br/>"), _style(**style))


def draw(made: Mapping[str, Any], *, pictures: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """The whole paper. `pictures`: captions with JPEG or PNG of our own making, the original's preview first."""
    out = io.BytesIO()
    title = _("Dossier: %(picture)s") % {"picture": made["picture"]["label"] or made["picture"]["public_id"]}
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=18 * mm,
        bottomMargin=20 * mm,
        title=title,
        author=made["made_by"] or "newsroom-detection",
        subject=digest(made),
        lang="en",
    )
    foot = _("%(title)s · sha256 %(digest)s") % {"title": title[:60], "digest": digest(made)[:32] + "…"}

    def footer(canvas: Any, _document: Any) -> None:
        canvas.setFont(_fonts()[0], 7)
        canvas.setFillColor(_QUIET)
        canvas.drawString(20 * mm, 12 * mm, foot)
        canvas.drawRightString(A4[0] - 20 * mm, 12 * mm, str(canvas.getPageNumber()))

    document.build(list(_story(made, title, pictures)), onFirstPage=footer, onLaterPages=footer)
    return out.getvalue()


def _story(made: Mapping[str, Any], title: str, pictures: Sequence[tuple[str, bytes]]) -> Iterable[Any]:
    yield _text(title, size=18, bold=True, after=4)
    made_at = parse_datetime(made["made_at"]) or timezone.now()
    when = timezone.localtime(made_at).strftime("%Y-%m-%d %H:%M %Z")
    who = made["made_by"] or _("the command line")
    yield _text(
        _("Made on %(when)s by %(who)s. All times are of that zone.") % {"when": when, "who": who},
        colour=_QUIET,
        after=8,
    )
    if pictures:
        yield _pictures(pictures)
    for heading, rows in telling.tables(made):
        yield from _section(heading, rows)
    for heading, columns, listed in telling.lists(made):
        yield from _listed(heading, columns, listed)
    yield from _section(_("Proof"), telling.proof(made, digest(made)))
    yield _text(telling.how_to_verify(), colour=_QUIET)


def _pictures(pictures: Sequence[tuple[str, bytes]]) -> Any:
    side = _WIDTH / max(len(pictures), 2) - 4 * mm
    cells = []
    for caption, content in pictures:
        image = Image(io.BytesIO(content))
        image._restrictSize(side, 85 * mm)
        cells.append([image, Spacer(1, 2 * mm), _text(caption, size=8, colour=_QUIET)])
    table = Table([cells], colWidths=[_WIDTH / max(len(pictures), 2)] * len(pictures), hAlign="LEFT")
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _section(heading: str, rows: Sequence[tuple[str, str]]) -> Iterable[Any]:
    if not rows:
        return
    cells = [[_text(name, size=8.5, colour=_QUIET), _text(value, size=8.5)] for name, value in rows]
    table = Table(cells, colWidths=[45 * mm, _WIDTH - 45 * mm], hAlign="LEFT")
    table.setStyle(_lines())
    yield Spacer(1, 5 * mm)
    yield KeepTogether([_text(heading, size=12, bold=True, after=3), table])


def _listed(heading: str, columns: Sequence[tuple[str, float]], rows: Sequence[Sequence[str]]) -> Iterable[Any]:
    yield Spacer(1, 5 * mm)
    head = _text(heading, size=12, bold=True, after=3)
    if not rows:
        yield KeepTogether([head, _text(_("Nothing is recorded."), colour=_QUIET)])
        return
    first = [_text(name, size=8, colour=_QUIET) for name, _share in columns]
    cells = [first, *([_text(one, size=8) for one in row] for row in rows)]
    table = Table(cells, colWidths=[_WIDTH * share for _name, share in columns], repeatRows=1, hAlign="LEFT")
    table.setStyle(_lines())
    yield head
    yield table


def _lines() -> TableStyle:
    return TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
