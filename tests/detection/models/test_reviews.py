"""What people decided: whether an override is in force is derived, never stored."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from detection.models import Override

NOW = timezone.now()


@pytest.mark.parametrize(
    ("change", "evidence", "is_in_force"),
    [
        ({}, "a", True),
        ({}, "b", False),
        ({"ends_at": NOW}, "a", False),
        ({"ends_at": NOW - timedelta(seconds=1)}, "a", False),
        ({"revoked_at": NOW}, "a", False),
    ],
)
def test_an_override_is_in_force_until_its_end_on_its_evidence(
    change: dict[str, object], evidence: str, is_in_force: bool
) -> None:
    """F05, F06."""
    made = Override(**{"evidence": "a", "ends_at": NOW + timedelta(seconds=1), **change})
    assert made.is_in_force(evidence=evidence, now=NOW) == is_in_force
