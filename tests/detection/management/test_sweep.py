"""`detection_sweep` and `detection_schedule`: one sweep by hand, and each minute by django-q2."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from detection.models import Sweep

pytestmark = pytest.mark.django_db


def run(name: str) -> str:
    out = StringIO()
    call_command(name, stdout=out)
    return out.getvalue()


def test_a_sweep_says_what_it_found() -> None:
    told = "leases expired: 0, rung: 0, unannounced: 0, untaken: 0, sealed: 0, let in: 0, wanted: 0"
    assert run("detection_sweep").startswith(told)
    assert Sweep.objects.exists()


def test_the_schedule_is_made_once() -> None:
    assert run("detection_schedule") == "The sweep is scheduled each minute.\n"
    assert run("detection_schedule") == "The sweep was scheduled already.\n"
