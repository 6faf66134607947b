"""What a detector is to the house: flags that say what it can take, and a few verbs.

The story (claim, attempt, retry, audit, state) is told once, in `scanning`; a vendor fills in
verbs and tables and never decides about retries. Flags are read before anything is sent, and a
picture that doesn't fit is refused early with a sentence. Providers know no database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext

from detection.errors import ProviderMisconfigured
from detection.results import Accepted, KeyCheck, Overlay, ScanRequest, ScanResult
from detection.vocabulary import Basis, Verdict
from detection.vocabulary import gettext_noop as _

FROM_DOCUMENTATION = _("Built from the vendor's documentation, not yet run against the vendor.")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score (0–1) a pixel detector shows some, and strong, signs of AI. Each provider has its own."""

    some: float = 0.5
    strong: float = 0.9


class Provider:
    """One configured detector. Subclasses must give `submit`; the rest as their flags say.

    Raised by every verb: a `ProviderError` subclass; nothing else may leave a provider.
    """

    label: ClassVar[str] = "Detector"
    """The vendor's name as a person should read it."""
    adapter_version: ClassVar[str] = "1"
    """Raised when the translation changes; results are re-used only within one adapter version."""
    basis: ClassVar[Basis] = Basis.PIXELS
    is_embedded: ClassVar[bool] = False
    """Runs here, sends nothing anywhere, costs nothing."""
    media_types: ClassVar[frozenset[str]] = frozenset({"image/jpeg", "image/png", "image/webp"})
    max_bytes: ClassVar[int] = 10 * 1024 * 1024
    min_bytes: ClassVar[int] = 1
    max_pixels: ClassVar[int] = 50_000_000
    max_side: ClassVar[int] = 20_000
    """Pixels of the longest side it takes; what is larger is sent as a smaller copy."""
    min_side: ClassVar[int] = 1
    """Pixels of the shortest side it takes; nothing is made larger, for that would invent pixels."""
    takes_upload: ClassVar[bool] = True
    takes_url: ClassVar[bool] = False
    """Whether it is given a link to the picture, which it fetches: a short-lived one of ours."""
    calls_back: ClassVar[bool] = False
    polls: ClassVar[bool] = False
    """Whether `fetch` can ask for an analysis that was accepted."""
    gives_overlay: ClassVar[bool] = False
    renews_overlay: ClassVar[bool] = False
    """Whether `fetch` gives the overlay, or a fresh link to it, when it comes late or its link has run out."""
    reference_is_secret: ClassVar[bool] = False
    """Whether whoever knows the vendor's id of an analysis can read it: then it stands in no history and on no page."""
    finds_by_reference: ClassVar[bool] = False
    """Whether `find` can look an analysis up by our own reference after an ambiguous time-out."""
    is_idempotent: ClassVar[bool] = False
    """Whether the same submission sent twice is billed once."""
    shares_login: ClassVar[bool] = False
    """Whether its processes share a login through Django's default cache."""
    usual_rate: ClassVar[str] = ""
    """How fast it may be asked where the option `rate` says nothing, e.g. `1/s`; "" for as fast as we like."""
    thresholds: ClassVar[Thresholds] = Thresholds()
    looks_at: ClassVar[str] = _("the pixels")
    limits: ClassVar[str] = _("Heavy retouching, screenshots, small or recompressed files are known weak spots.")
    """Known weak spots, shown beside each of this detector's results. This and the next are translated where shown."""
    evidence_note: ClassVar[str] = ""
    """Shown on the detector's card, e.g. `FROM_DOCUMENTATION`."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        self.options = dict(options)
        unknown = set(self.options) - self.known_options()
        if unknown:
            raise ProviderMisconfigured(
                f"DETECTION_PROVIDERS[{alias!r}] has unknown options: {', '.join(sorted(unknown))}. "
                f"Known: {', '.join(sorted(self.known_options()))}."
            )
        most = str(self.options.get("concurrency") or "")
        if most and not re.fullmatch(r"[1-9][0-9]{0,3}", most):
            where = f"DETECTION_PROVIDERS[{alias!r}]['OPTIONS']['concurrency']"
            raise ProviderMisconfigured(f"{where} must be a whole number from 1 to 9999.")
        self.concurrency = int(most) if most else None
        """How many pictures may be in hand for this alias at once, over all workers; None for no cap of ours."""

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """The keys that OPTIONS may carry; extend in a subclass."""
        return frozenset({"model", "rate", "label", "daily_budget", "concurrency", "queue"})

    @property
    def rate(self) -> str:
        """How fast this alias may be asked, as `5/s`; "" for no limit of ours."""
        return str(self.options.get("rate") or self.usual_rate)

    @property
    def daily_budget(self) -> int | None:
        """How many pictures it may be sent a day; None for as many as there are. Raises ProviderMisconfigured."""
        given = self.options.get("daily_budget")
        if given is None or given == "":
            return None
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            where = f"DETECTION_PROVIDERS[{self.alias!r}]['OPTIONS']['daily_budget']"
            raise ProviderMisconfigured(f"{where} is {given!r}; it must be a whole number of pictures, 1 or more.")
        return given

    @property
    def title(self) -> str:
        """The name on screens: the configured label, else the vendor's."""
        return str(self.options.get("label") or gettext(self.label))

    @property
    def configured_model(self) -> str:
        """The model asked for by setting, or "" where the vendor chooses."""
        return str(self.options.get("model") or "")

    @property
    def translation(self) -> str:
        """Which adapter reads the answers, and in which version: another one's answer is never taken for this one's."""
        return f"{type(self).__module__.rpartition('.')[2][:15]}.{self.adapter_version}"[:20]

    @property
    def looks_at_pixels(self) -> bool:
        return self.basis is Basis.PIXELS

    def judged(self, score: float) -> Verdict:
        """The word for a score where the vendor gives none: by this alias's cuts, and open between them."""
        if score >= self.thresholds.strong:
            return Verdict.LIKELY_AI
        return Verdict.LIKELY_HUMAN if score < self.thresholds.some else Verdict.UNCERTAIN

    def check_configuration(self) -> None:
        """Whether this process has what a call needs, such as the key. Asks nobody. Raises ProviderMisconfigured.

        A detector is made without it too: the web process shows its name and limits, and calls nobody.
        """

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        """Send one picture. Must be overridden."""
        raise ProviderMisconfigured(f"{type(self).__name__} does not define submit().")

    def fetch(self, provider_reference: str) -> ScanResult | Accepted:
        """Ask for the state of an accepted analysis by the vendor's id. Override with `polls`."""
        raise ProviderMisconfigured(f"{type(self).__name__} gives its answer at once; there is nothing to fetch.")

    def find(self, reference: str) -> ScanResult | Accepted | None:
        """Look an analysis up by our reference; None: the vendor has none. Override with `finds_by_reference`."""
        raise ProviderMisconfigured(f"{type(self).__name__} cannot look analyses up by our reference.")

    def download_overlay(self, overlay: Overlay) -> bytes:
        """The overlay's bytes, unread. Override with `gives_overlay` where it comes as a URL."""
        if overlay.content:
            return overlay.content
        raise ProviderMisconfigured(f"{type(self).__name__} gives no overlay to download.")

    def parse(self, payload: Mapping[str, Any]) -> ScanResult | Accepted:
        """Read an answer, also one that was kept earlier and is read again by a newer adapter. Asks nobody."""
        raise ProviderMisconfigured(f"{type(self).__name__} keeps no answers that could be read again.")

    def check(self) -> KeyCheck:
        """Ask the vendor whether the credentials are good. Costs nothing and sends no picture."""
        if self.is_embedded:
            return KeyCheck(sentence="Nothing to check: this detector runs here.")
        return KeyCheck(sentence=f"{self.title} has no call that tests a key without a picture. Scan one to find out.")
