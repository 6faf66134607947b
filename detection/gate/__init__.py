"""May this go out, and if not, who can clear it? The soft block is computed each time, never stored.

`facts` fetches, `reporting` and `lowering` derive the answer; `acts` holds what people do about it, and `authorise`,
which every route to publication must ask inside its own transaction; `breaking` is the way past it in an emergency;
`sending` reads back what was handed to a desk chief; `together` acknowledges several pictures by one form.
"""

from __future__ import annotations

from detection.gate.acts import Decision, acknowledge, authorise, override, revoke, send_to_chief
from detection.gate.breaking import (
    REVIEW_WITHIN,
    authorise_anyway,
    can_break,
    others_who_review,
    review_afterwards,
    seen_in,
)
from detection.gate.reporting import Line, Report, overview, report
from detection.gate.sending import Sent, sent_keys, sent_of
from detection.gate.together import Outcome, acknowledge_together, alike

__all__ = [
    "REVIEW_WITHIN",
    "Decision",
    "Line",
    "Outcome",
    "Report",
    "Sent",
    "acknowledge",
    "acknowledge_together",
    "alike",
    "authorise",
    "authorise_anyway",
    "can_break",
    "others_who_review",
    "override",
    "overview",
    "report",
    "review_afterwards",
    "revoke",
    "seen_in",
    "send_to_chief",
    "sent_keys",
    "sent_of",
]
