"""What goes out is noted picture by picture, with what was known of it at that moment: the report on coverage asks."""

from __future__ import annotations

from detection import registry
from detection.gate.reporting import Report
from detection.models import Passage


def note(found: Report) -> None:
    """Note each picture that goes out now, and was not out already with it; within the publishing transaction."""
    subject = found.subject
    desk = registry.publishable_type(subject).desk_of(subject)
    Passage.objects.bulk_create(
        Passage(
            subject_type=subject._meta.label_lower,
            subject_key=registry.key(subject),
            subject_label=str(subject)[:200],
            desk=desk,
            asset=line.asset,
            picture_label=line.label[:200],
            signal=line.signal,
            why=line.why or "",
            level=line.level,
            use=line.placed.use,
            reader_label=line.placed.reader_label[:200],
            policy_number=found.policy_number,
        )
        for line in found.lines
        if not line.is_live
    )
