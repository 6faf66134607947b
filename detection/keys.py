"""How old keys are: the sweep, in a process that has them, notes a keyed fingerprint and when it first saw it.

The fingerprint is no use without `SECRET_KEY`, and names nothing of the key. The doctor tells the ages.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from detection.models import Sweep
from detection.providers import providers

PREFIX = "key:"
OLD = 365
"""Days after which the doctor speaks of a key."""
UNUSED = 7
"""Days after which an older callback secret that signed nothing may go."""


def note(now: datetime) -> None:
    """Note the keys that this process has; where one differs from what was noted, its age begins anew."""
    noted = {row.name: row.found.get("fingerprint") for row in known()}
    for alias in providers.aliases():
        key = "\n".join(getattr(providers[alias], "credentials", ()))
        if not key.strip():
            continue
        fingerprint = salted_hmac("detection.keys", f"{alias}\n{key}").hexdigest()[:16]
        if noted.get(PREFIX + alias) != fingerprint:
            found = {"fingerprint": fingerprint}
            Sweep.objects.update_or_create(name=PREFIX + alias, defaults={"ran_at": now, "found": found})


def known() -> QuerySet[Sweep]:
    """One row for each key that was seen; `ran_at` is when it was first."""
    return Sweep.objects.filter(name__startswith=PREFIX).order_by("name")
