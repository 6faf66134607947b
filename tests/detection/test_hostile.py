"""Each file of the hostile corpus through the real sandbox: it ends in a reading or in a refusal with a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from detection.vocabulary import Says
from tests.fuzz import trial

pytestmark = pytest.mark.own_children

SHARES = 6
CODES = {
    *("empty", "too_big", "unsupported", "too_many_pixels", "too_long", "too_small", "too_narrow"),
    *("text_bomb", "truncated", "damaged", "too_much_memory"),
}


@pytest.mark.corpus
@pytest.mark.parametrize("share", range(SHARES))
def test_every_hostile_file_ends_in_a_reading_or_a_named_refusal(share: int, corpus: Path) -> None:
    before = trial.resident()
    tally = trial.Tally()
    for path in sorted((corpus / "hostile").iterdir())[share::SHARES]:
        done = trial.run(path.name, path.read_bytes())
        assert done.says not in (Says.AI, Says.AI_EDITED), path.name
        tally.add(done)
    assert tally.faults == []
    assert tally.files > 40
    assert set(tally.outcomes["examine"]) <= {"read", *CODES}
    assert set(tally.outcomes["render"]) <= {"made", *CODES}
    assert set(tally.outcomes["compression_map"]) <= {"made", "no_map", *CODES}
    assert min(tally.outcomes["examine"]["read"], tally.outcomes["render"]["made"]) > 10
    assert trial.resident() - before < 100 * 2**20
