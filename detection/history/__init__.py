"""The history as evidence: anchored outside, verified, kept and erased by rule, exported, searched, told in reports.

`audit` writes the events and chains them; here is what is done with them afterwards. Each act that removes or hands
out anything is itself an event. Asked by the commands, the pages of the history, and the sweep.
"""

from __future__ import annotations
