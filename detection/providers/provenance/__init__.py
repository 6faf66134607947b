"""The embedded default detector: reads what a file declares about itself, in the sandbox, offline.

It guesses nothing and reports no probability. This package's modules open hostile bytes and are imported only by the
sandbox's child; what stands here is the detector as the rest of the house sees it.
"""

from __future__ import annotations

from typing import ClassVar

from detection import sandbox
from detection.errors import HouseFault, SandboxFailed
from detection.providers.base import Provider
from detection.results import ScanRequest, ScanResult
from detection.vocabulary import Basis, Says, Verdict
from detection.vocabulary import gettext_noop as _

VERDICTS = {Says.AI: Verdict.LIKELY_AI, Says.AI_EDITED: Verdict.PARTIAL_AI}
"""Anything else the file says, or nothing, is UNKNOWN: absence of a declaration says nothing."""


class ProvenanceProvider(Provider):
    """Content Credentials, IPTC and XMP fields, EXIF and the text that generators leave."""

    label: ClassVar[str] = _("Declared provenance")
    basis: ClassVar[Basis] = Basis.DECLARATION
    is_embedded: ClassVar[bool] = True
    media_types: ClassVar[frozenset[str]] = frozenset(
        {"image/jpeg", "image/png", "image/webp", "image/heic", "image/avif"}
    )
    max_bytes: ClassVar[int] = 60 * 1024 * 1024
    looks_at: ClassVar[str] = _("what the file declares about itself")
    limits: ClassVar[str] = _(
        "Declarations can be removed with one tool, and unsigned ones written with one. "
        "Finding none says nothing about how the picture was made. Identity assertions are not looked up."
    )

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Beside the usual: the trust lists' folder, and the limits in bytes and pixels."""
        return super().known_options() | {"trust_lists", "max_bytes", "max_pixels"}

    def submit(self, request: ScanRequest) -> ScanResult:
        """Read the declarations at once. Raises Rejected where the file takes the reader down, else HouseFault."""
        try:
            declared, evidence = sandbox.declare(
                request.content,
                max_pixels=int(self.options.get("max_pixels", self.max_pixels)),
                trust_lists=str(self.options.get("trust_lists", "")),
            )
        except SandboxFailed as error:
            raise HouseFault(str(error)) from error
        return ScanResult(
            verdict=VERDICTS.get(declared.says, Verdict.UNKNOWN) if declared.says else Verdict.UNKNOWN,
            basis=Basis.DECLARATION,
            raw_verdict=str(declared.says or ""),
            evidence=evidence,
            declared=declared,
            reasons=(declared.sentence,),
        )
