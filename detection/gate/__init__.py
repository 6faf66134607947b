"""May this go out, and if not, who can clear it? The soft block is computed each time, never stored.

`facts` fetches, `reporting` derives the answer; `acts` holds what people do about it, and `authorise`, which every
route to publication must ask inside its own transaction; `sending` reads back what was handed to a desk chief.
"""

from __future__ import annotations

from detection.gate.acts import Decision, acknowledge, authorise, override, revoke, send_to_chief
from detection.gate.reporting import Line, Report, report
from detection.gate.sending import Sent, sent_keys

__all__ = [
    "Decision",
    "Line",
    "Report",
    "Sent",
    "acknowledge",
    "authorise",
    "override",
    "report",
    "revoke",
    "send_to_chief",
    "sent_keys",
]
