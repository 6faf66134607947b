"""The review queue "Waiting for you": what this person may act on, the next to go out first.

`listing` finds and filters, `rows` makes what is shown, `views` answers; `doors` is its place in the admin.
"""

from __future__ import annotations
