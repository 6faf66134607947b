"""What models and their columns are called on screens, in the reader's language.

Given once, at start, and not in the columns themselves: there every corrected word would be a migration in the database
of every host. A column that nobody is shown has none.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

MODELS = {
    "analysis": (_("check"), _("checks")),
    "sent": (_("picture sent to a detector"), _("what left the house")),
    "gaveup": (_("check that gave up"), _("gave up")),
    "asset": (_("picture"), _("pictures")),
    "queue": (_("picture that waits for a person"), _("waiting for a person")),
    "webhookdelivery": (_("event from a detector"), _("events from detectors")),
    "providerswitch": (_("provider switch"), _("provider switches")),
    "pipeline": (_("operations"), _("operations")),
    "override": (_("override"), _("overrides")),
    "policyversion": (_("policy version"), _("policy versions")),
    "auditevent": (_("audit event"), _("audit events")),
}
"""By model: one of them, and several."""
COLUMNS = {
    "activated_at": _("in force since"),
    "adapter_version": _("version of the adapter"),
    "ai_pixel_share": _("share of the picture that is marked"),
    "ai_score": _("detector score"),
    "ai_score_kind": _("what the score is"),
    "alias": _("alias"),
    "as_sent": _("sent as"),
    "asset": _("picture"),
    "attempts": _("tries"),
    "author": _("author's account"),
    "author_label": _("author"),
    "author_role": _("author's role"),
    "basis": _("rests on"),
    "calls": _("times sent"),
    "changed_at": _("changed"),
    "completed_at": _("ended"),
    "confidence_band": _("how sure the detector says it is"),
    "conclusion": _("conclusion"),
    "configured_model": _("model asked for"),
    "conflicts": _("times sent with other content"),
    "correlation": _("correlation id"),
    "created_at": _("recorded"),
    "deadline_at": _("is tried until"),
    "declared": _("what the file declares"),
    "desk": _("desk"),
    "document": _("rules"),
    "ends_at": _("ends"),
    "error_class": _("kind of error"),
    "error_sentence": _("what went wrong"),
    "event_id": _("event id"),
    "evidence": _("evidence"),
    "faults": _("faults of the detector"),
    "faults_in_a_row": _("faults in a row"),
    "file_sha256": _("sha256 of the file"),
    "generation": _("generation of the file"),
    "generators": _("programs it thinks of"),
    "is_paused": _("paused"),
    "is_probing": _("a probe is under way"),
    "is_second_opinion": _("second opinion"),
    "is_test": _("test"),
    "judging": _("judges"),
    "lease_until": _("claimed by a worker until"),
    "lifts_stop": _("lifts a stop"),
    "may_reuse": _("an earlier answer may be used"),
    "model": _("model that answered"),
    "next_attempt_at": _("next try"),
    "no_label_reason": _("why there is no label"),
    "note": _("note"),
    "number": _("number"),
    "opened_times": _("times stopped by itself"),
    "paused_by_label": _("paused by"),
    "paused_until": _("paused until"),
    "policy_number": _("policy version"),
    "priority": _("priority"),
    "provider": _("detector"),
    "provider_reference": _("the detector's id"),
    "quiet_until": _("nobody asks until"),
    "raw_verdict": _("the detector's own word"),
    "reader_label": _("label for readers"),
    "reason": _("reason"),
    "reason_code": _("reason chosen"),
    "reasons": _("reasons"),
    "redrives": _("times started once more"),
    "repeats": _("times sent again"),
    "reused_from": _("answer taken from"),
    "revoked_at": _("ended early"),
    "revoked_by_label": _("ended early by"),
    "revoked_reason": _("why it was ended early"),
    "rung_at": _("last rung"),
    "scope": _("holds for"),
    "sent_sha256": _("sha256 of what was sent"),
    "signal": _("signal"),
    "status": _("state"),
    "subject_key": _("key of the story"),
    "subject_label": _("story"),
    "subject_type": _("kind of story"),
    "submitted_at": _("sent"),
    "unread_in_a_row": _("unreadable answers in a row"),
    "verdict": _("answer"),
    "wanted_by": _("wanted by"),
    "warnings": _("warnings"),
    "why": _("why not"),
    "window_began_at": _("counted since"),
    "window_calls": _("calls since"),
    "window_faults": _("faults since"),
}
"""By name of a column; one name means the same on every model."""


def give(app: AppConfig) -> None:
    """Call each model and column of the app so."""
    for model in app.get_models():
        meta: Any = model._meta
        if meta.model_name in MODELS:
            meta.verbose_name, meta.verbose_name_plural = MODELS[meta.model_name]
        for column in meta.local_fields:
            if column.name in COLUMNS:
                column.verbose_name = COLUMNS[column.name]
