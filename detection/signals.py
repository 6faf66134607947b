"""Six signals a host may listen to. They are sent after commit; `standing_changed` is repeated until it was delivered.

Arguments, all by keyword: `sender` is the class of the first argument named.
"""

from __future__ import annotations

from django.dispatch import Signal

analysis_completed = Signal()
"""`analysis`: an Analysis that has just got its verdict."""
analysis_dead = Signal()
"""`analysis`: an Analysis that gave up and waits for a person."""
standing_changed = Signal()
"""`asset`, `version`: the Asset whose signal, evidence or conclusion changed, and its standing's number."""
conclusion_recorded = Signal()
"""`review`: the Review a person has just recorded."""
override_granted = Signal()
"""`override`: the Override that lets one story go."""
publication_refused = Signal()
"""`subject`, `report`, `by`: the host's object, the gate's report, and who asked."""
