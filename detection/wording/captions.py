"""The fixed texts that stand beside a picture's evidence: what a highlight can and cannot tell, and why there is none.

`wording` is the door through which everybody reaches these names, but for those that only the comparison of the
pictures shows: `screens.comparison` reads them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from detection.wording.terms import band_number

ESTIMATE_NOTE = _("This is an estimate by a detector. It can be wrong in both directions.")
ABSENCE_NOTE = _("No signs found does not show that a picture is a real photograph.")
OVERLAY_CAUTION = _("Highlighted areas influenced the score. They do not mark what was changed.")
OVERLAY_TITLE = _("Where the detector looked")
OVERLAY_LIMITS: tuple[Promise, ...] = (
    OVERLAY_CAUTION,
    _("The scale is this picture's own: something is always the strongest. It cannot be compared with other pictures."),
    _("A place without highlight is not shown to be untouched, nor a picture without highlights to be a photograph."),
    _("The highlights are one detector's; another may look elsewhere. Look at the original beside them."),
)
"""What highlights can and cannot tell; beside them, and open until somebody closes it."""

_PLACES: dict[tuple[str, str], Promise] = {
    ("upper", "left"): _("Upper left"),
    ("upper", "centre"): _("Top, in the middle"),
    ("upper", "right"): _("Upper right"),
    ("middle", "left"): _("Left, at half height"),
    ("middle", "centre"): _("Centre"),
    ("middle", "right"): _("Right, at half height"),
    ("lower", "left"): _("Lower left"),
    ("lower", "centre"): _("Bottom, in the middle"),
    ("lower", "right"): _("Lower right"),
}
_STRENGTHS: dict[str, Promise] = {
    "strong": _("strongly marked"),
    "moderate": _("moderately marked"),
    "faint": _("faintly marked"),
}


def region_words(region: Mapping[str, Any]) -> str:
    """One marked place in words: “Upper left: about 12 % of the picture, strongly marked.” `region`: as stored."""
    return gettext("%(place)s: about %(share)d %% of the picture, %(strength)s.") % {
        "place": _PLACES.get((region["row"], region["column"]), _PLACES["middle", "centre"]),
        "share": band_number(region["share"]),
        "strength": _STRENGTHS.get(region["strength"], _STRENGTHS["faint"]),
    }


REGIONS_UNTOLD = _(
    "The marked places are not put into words: this overlay tells them by colour alone, or was stored some time ago."
)

COMPRESSION_MAP_TITLE = _("Compression map: cannot show AI")
COMPRESSION_MAP_SCALE = (_("pale: compresses like the rest"), _("deep: compresses differently"))
COMPRESSION_MAP_LEAD = _("A lead for the eye. It plays no part in any result.")
COMPRESSION_MAP_CAVEATS: tuple[Promise, ...] = (
    _(
        "Bright areas compress differently from the rest. Sharp texture, text, strong colour, logos, cropping, "
        "resizing and earlier saves all cause that."
    ),
    _("A picture that was generated as a whole is even throughout: nothing lights up."),
    _("After one more save at lower quality, a pasted part can be darker than its surroundings."),
    _("Copies from social media or a publishing system have usually lost it."),
    _("It does not mark what AI made, and it plays no part in the result."),
    _("Its scale is relative: something is always the brightest."),
)

NO_HIGHLIGHT: dict[str, Promise] = {
    "declaration_only": _(
        "The file's own declarations were read: credentials, metadata and generator text. They concern the picture as "
        "a whole, so there is nothing to highlight."
    ),
    "not_given": _("This detector judges the whole picture and gives no areas, so there is nothing to highlight."),
    "nothing_marked": _("The detector marked no area. That does not show that the picture is a real photograph."),
    "pending": _("The result is here. The highlighted areas are still being fetched."),
    "not_fetched": _("The detector's highlighted areas could not be fetched. The result beside them stands."),
    "mismatch": _("The detector's highlighted areas do not fit this picture's size, so they are not shown."),
    "running": _("The check is not finished, so there is nothing to highlight yet."),
    "not_checked": _("No detector has looked at the pixels, so there is nothing to highlight."),
    "failed": _("The detector gave no result, so there is nothing to highlight."),
    "unreadable": _("This file could not be read, so there is nothing to highlight."),
    "too_small": _("A compression map is not available: the picture's shorter side has fewer than 256 pixels."),
    "unsupported": _("A compression map is not available for animated pictures and pictures with a fixed palette."),
}
"""Why the right-hand pane is empty, by code: what was read, and why there is nothing to highlight."""

_FIXED = (
    gettext_noop("The file declares no AI use."),
    gettext_noop("A credential that no longer matches this file says AI; treat as open."),
    gettext_noop("Anybody can write this; it counts for nothing by itself."),
    gettext_noop("Its Content Credentials are stored online and were not fetched."),
    gettext_noop("It carries Content Credentials that are damaged or not supported."),
    gettext_noop("Its Content Credentials do not match this file: it was changed after signing, or damaged."),
    gettext_noop("Its Content Credentials match this version, but not an earlier one they build on."),
)
"""What the reader of declarations, which speaks English alone, writes down word for word."""
_ERRORS = (
    gettext_noop("The evidence changed since this page was opened. Nothing was recorded. Look again, then decide."),
    gettext_noop("You don't hold the permission for this here. A desk chief of this story's desk can do it."),
    gettext_noop("Something that must be filled in is missing. Nothing was recorded."),
    gettext_noop("This file cannot be read. Replace it."),
)
"""What errors say for themselves, for translators."""


def declared_text(written: str) -> str:
    """What was written down about a file's declarations, in the reader's language where it is one of ours."""
    for one in _FIXED:
        written = written.replace(one, gettext(one))
    return written
