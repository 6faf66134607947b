"""What goes to a detector and what comes back: frozen values, checked when they are made.

Absent evidence is `None`, never 0; a share of pixels is not a score. The shapes follow the
normalised result that all vendors are translated into. No Django, no ORM: providers and the
sandbox process speak in these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from detection.vocabulary import Basis, CredentialState, Says, Verdict

ORIGINAL = "original"
STRIPPED = "stripped"
"""What `Analysis.as_sent` says of a file that was sent as it is, or without its metadata; a rendition has words."""

EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/avif": "avif",
}
"""What a file of each media type is called, behind the dot."""
MAX_VALUE, MAX_NAME, MAX_PLACE = 200, 100, 300
"""Characters kept of a raw value, of a name and of a place; what is longer is cut, for it may be anything."""


def _share(name: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError(f"{name} is {value!r}; it must lie between 0 and 1, or be None where the detector gave none")


def _nobody_notes(reference: str) -> None:
    """What a request does with a vendor's id where nobody keeps it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanRequest:
    """One picture for one detector.

    `reference` is our analysis's public id (a UUID's text), `filename` that with an extension: the picture's own name
    may say who is in it. `sha256` is that of `content`, sizes in pixels. `url` is set only for detectors that fetch
    the picture themselves.
    """

    reference: str
    filename: str
    media_type: str
    content: bytes
    sha256: str
    width: int
    height: int
    url: str | None = None
    idempotency_key: str = ""
    callback_url: str = ""
    """Where a detector that calls back should send its answer; empty: it is asked for by polling alone."""
    note_reference: Callable[[str], None] = field(default=_nobody_notes, compare=False, repr=False)
    """Keeps the vendor's id of this submission before the picture is sent, for vendors that tell it before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One thing read in the file or told by a detector, with its raw key and value (cut, never trusted)."""

    kind: str
    """`c2pa`, `iptc`, `xmp`, `exif`, `text`, `generator`, `region` or `note`."""
    key: str
    value: str
    where: str = ""
    says: Says = Says.OTHER
    strength: str = ""
    """`A` signed, `B` standard field, `C` generator's own text, `D` software tag, `E` context without weight."""

    def __post_init__(self) -> None:
        for name, most in (("value", MAX_VALUE), ("key", MAX_NAME), ("where", MAX_PLACE)):
            object.__setattr__(self, name, _shown(getattr(self, name), most))


def _shown(text: str, most: int) -> str:
    """At most so many characters, "…" for the rest, and without what nobody can see: NUL breaks PostgreSQL, and other
    control characters turn a line around."""
    seen = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: most + 1])
    return seen if len(seen) <= most else seen[: most - 1] + "…"


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """What the file declares about itself, read by the `provenance` provider.

    `says` is the strongest declaration that may count (None: nothing). `broken_says` is the lead in a credential that
    no longer matches its file. `is_trusted_capture`: a camera capture signed by somebody on the trust list.
    """

    says: Says | None = None
    credentials: CredentialState = CredentialState.NONE
    signer: str = ""
    codes: tuple[str, ...] = ()
    broken_says: Says | None = None
    is_trusted_capture: bool = False
    sentence: str = ""
    trust_list: str = ""

    def as_json(self) -> dict[str, Any]:
        """A plain dictionary for the analysis row."""
        return {**asdict(self), "codes": list(self.codes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Declared:
        """Read back what `as_json` wrote; unknown keys of a later version are ignored."""
        return cls(
            says=Says(data["says"]) if data.get("says") else None,
            credentials=CredentialState(data.get("credentials", "none")),
            signer=data.get("signer", ""),
            codes=tuple(data.get("codes", ())),
            broken_says=Says(data["broken_says"]) if data.get("broken_says") else None,
            is_trusted_capture=bool(data.get("is_trusted_capture")),
            sentence=data.get("sentence", ""),
            trust_list=data.get("trust_list", ""),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """A detector's picture of where it looked: a URL to fetch, or the bytes themselves.

    With neither, it is still being made: it is asked for again, of a detector that `renews_overlay`.
    """

    kind: str = "heatmap"
    """`heatmap`, `rle_mask` or `boxes`."""
    url: str = ""
    content: bytes = b""
    width: int | None = None
    height: int | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if not (self.url.isascii() and self.url.isprintable()):
            raise ValueError("Overlay.url is no address: it has characters that none has")


@dataclass(frozen=True, kw_only=True, slots=True)
class Generator:
    """A program the detector thinks made the picture; `score` 0–1 or None."""

    name: str
    score: float | None = None

    def __post_init__(self) -> None:
        _share("Generator.score", self.score)
        object.__setattr__(self, "name", _shown(self.name, MAX_NAME))


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanResult:
    """One detector's finished answer about one picture."""

    verdict: Verdict
    basis: Basis = Basis.PIXELS
    raw_verdict: str = ""
    ai_score: float | None = None
    """0–1, higher is more likely AI, after direction and scale were converted; None where there is none."""
    ai_score_kind: str = "none"
    """`probability`, `model_score`, `label_confidence`, `rule` or `none`."""
    ai_pixel_share: float | None = None
    """0–1, the share of the frame that was flagged. Never copied into `ai_score`."""
    confidence_band: str = ""
    model: str = ""
    provider_reference: str = ""
    generators: tuple[Generator, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    declared: Declared | None = None
    overlay: Overlay | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_test: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The vendor's answer, redacted; kept for the retention time so that a newer parser can read it again."""

    def __post_init__(self) -> None:
        _share("ScanResult.ai_score", self.ai_score)
        _share("ScanResult.ai_pixel_share", self.ai_pixel_share)


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The detector took the picture and will answer later; ask again after `poll_after` seconds."""

    provider_reference: str
    poll_after: float = 5.0
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyCheck:
    """What a vendor said of our credentials, in a sentence, and what is left of the plan where it tells that."""

    sentence: str
    remaining: float | None = None
    unit: str = ""
    """What `remaining` counts, in the vendor's own word, e.g. `credits`."""

    def __str__(self) -> str:
        left = "" if self.remaining is None else f" {self.remaining:.12g} {self.unit or 'units'} are left."
        return self.sentence + left
