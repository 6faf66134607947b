"""May this go out, and if not, who can clear it? The soft block is computed each time, never stored.

`facts` fetches, `reporting` derives the answer; `acts` holds what people do about it, and `authorise`, which every
route to publication must ask inside its own transaction.
"""

from __future__ import annotations

from detection.gate.acts import Decision, acknowledge, authorise, override, revoke
from detection.gate.reporting import Line, Report, report

__all__ = ["Decision", "Line", "Report", "acknowledge", "authorise", "override", "report", "revoke"]
