"""An answer that the database refuses is for a person, after one call: no task fails over it and pays again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from detection.models import Analysis
from detection.results import ScanResult
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Verdict
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
UNSTORABLE = "\ud800 half a character"


@pytest.mark.parametrize("is_polled", [False, True])
def test_ends_for_a_person_after_one_call(
    plate: Callable[..., Any], scripted: Callable[..., Any], detectors: Callable[..., None], is_polled: bool
) -> None:
    detectors(first={})
    answer = {"verdict": Verdict.LIKELY_HUMAN, "model": UNSTORABLE}
    if is_polled:
        scripted().will_accept("job-1", then=[ScanResult(**answer)])
    else:
        scripted().will_return(**answer)
    asset = asset_of(plate())
    for _time in range(3):
        drain()
        pass_time()

    row = Analysis.objects.get(asset=asset)
    assert (row.status, row.error_class, row.calls) == ("dead", "schema", 1)
    assert "cannot be stored" in row.error_sentence
    asset.refresh_from_db()
    assert asset.signal == "could_not_check"
