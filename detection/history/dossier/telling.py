"""A dossier's values in the words of the screens, as rows of tables; the paper only lays them out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from detection import audit, wording
from detection.vocabulary import AnalysisStatus, Basis, Conclusion, Level, Signal, SourceTier, Verdict, Why

Pairs = list[tuple[str, str]]
Columns = Sequence[tuple[str, float]]


def _when(text: Any) -> str:
    found = parse_datetime(str(text)) if text else None
    return timezone.localtime(found).strftime("%Y-%m-%d %H:%M:%S") if found else ""


def _word(terms: Any, word: Any, value: Any) -> str:
    return str(word(terms(value))) if value in set(terms) else str(value or "")


def _reason(code: str) -> str:
    return str(wording.REASON_CODES.get(code, code))


def tables(made: Mapping[str, Any]) -> list[tuple[str, Pairs]]:
    """Headings with names and values: the picture and its file, and what is thought of it now."""
    picture, now, standing = made["picture"], made["file_now"], made["standing"]
    size = f"{picture['width']} × {picture['height']}, {picture['media_type']}" if picture["width"] else ""
    file: Pairs = [
        (_("Identifier"), picture["public_id"]),
        (_("Source"), _word(SourceTier, wording.tier_word, picture["source_tier"])),
        (_("Registered"), _when(picture["created_at"])),
        (_("Deleted in the newsroom"), _when(picture["detached_at"])),
        (_("File"), size),
        (_("sha256 of the file that was judged"), picture["sha256"]),
        (_("The file that lies there now"), f"{now['state']} {now['sha256']}".strip()),
        (_("Kept inside"), _("yes") if picture["kept_inside"] else ""),
        (_("Why it cannot be read"), picture["rejected_sentence"]),
    ]
    found: Pairs = [
        (_("Signal"), _word(Signal, wording.signal_word, standing["signal"])),
        (_("Why not checked"), _word(Why, wording.why_sentence, standing["why"])),
        (_("Conclusion that stands"), _word(Conclusion, wording.conclusion_word, standing["conclusion"])),
        (_("Since"), _when(standing["standing_at"])),
        (_("Policy version"), str(standing["policy_number"] or "")),
        (_("Evidence"), standing["evidence"]),
        *_declared(made),
    ]
    return [(_("The picture"), _filled(file)), (_("What is known of it"), _filled(found))]


def _filled(rows: Pairs) -> Pairs:
    return [(name, value) for name, value in rows if value]


def _declared(made: Mapping[str, Any]) -> Pairs:
    declared = next((one["declared"] for one in reversed(made["checks"]) if one["declared"]), None)
    if declared is None:
        return []
    said = declared.get("sentence") or (_("It declares AI.") if declared.get("says") else _("It declares no AI use."))
    signer = f", {declared['signer']}" if declared.get("signer") else ""
    return [
        (_("The file says of itself"), said),
        (_("Content Credentials"), f"{declared.get('credentials', '')}{signer}"),
        (_("Codes"), ", ".join(declared.get("codes", ()))),
    ]


def lists(made: Mapping[str, Any]) -> list[tuple[str, Columns, list[list[str]]]]:
    """Headings with columns and rows: checks, overlays, what people did, what went out, and every event."""
    when, who = (_("When"), 0.22), (_("Who"), 0.18)
    answers = [when, (_("Detector"), 0.2), (_("Answer"), 0.3), (_("About which file"), 0.28)]
    overlays = [(_("Detector"), 0.22), (_("State"), 0.22), ("sha256", 0.56)]
    concluded = [when, who, (_("Conclusion"), 0.22), (_("Reason and note"), 0.38)]
    acts = [when, who, (_("Story"), 0.24), (_("Reason, note and end"), 0.36)]
    out = [when, (_("Story"), 0.26), (_("Signal and level then"), 0.28), (_("Label readers saw"), 0.24)]
    return [
        (_("What detectors said"), answers, _checks(made)),
        (_("Overlays"), overlays, _overlays(made)),
        (_("What people concluded"), concluded, _conclusions(made)),
        (_("Notes"), [when, who, (_("Kind"), 0.18), (_("Note"), 0.42)], _notes(made)),
        (_("Acknowledged and overridden"), acts, _acts(made)),
        (_("Went out"), out, _out(made)),
        (_("Who looked at the evidence"), [when, who, (_("At"), 0.14), (_("Evidence"), 0.46)], _views(made)),
        (_("Every event"), [(_("Entry"), 0.1), when, who, (_("What"), 0.5)], _events(made)),
    ]


def _checks(made: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            _when(one["completed_at"] or one["created_at"]),
            f"{one['provider']} {one['model']}".strip(),
            _answer(one),
            _file(one),
        ]
        for one in made["checks"]
    ]


def _answer(one: Mapping[str, Any]) -> str:
    if not one["verdict"]:
        status = _word(AnalysisStatus, wording.status_word, one["status"])
        return f"{status}. {one['error_sentence']}".strip()
    basis = Basis(one["basis"] or Basis.PIXELS)
    if basis is Basis.DECLARATION and (one["declared"] or {}).get("sentence"):
        return str(one["declared"]["sentence"])
    said = wording.verdict_word(Verdict(one["verdict"]), basis)
    if one["ai_score"] is None:
        return said
    return _("%(said)s (detector score %(score)d of 99)") % {
        "said": said,
        "score": wording.band_number(one["ai_score"]),
    }


def _file(one: Mapping[str, Any]) -> str:
    sent = one["sent_sha256"] if one["sent_sha256"] != one["file_sha256"] else ""
    parts = [one["file_sha256"], f"{one['as_sent']} {sent}".strip() if sent else one["as_sent"]]
    return "\n".join(part for part in parts if part)


def _overlays(made: Mapping[str, Any]) -> list[list[str]]:
    return [
        [one["analysis__provider"], f"{one['status']} {one['reason']}".strip(), one["sha256"]]
        for one in made["overlays"]
    ]


def _conclusions(made: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            _when(one["created_at"]),
            one["author_label"] or _("(name erased)"),
            _word(Conclusion, wording.conclusion_word, one["conclusion"]) or _("Taken back"),
            "\n".join(part for part in (_reason(one["reason_code"]), one["note"], one["reader_label"]) if part),
        ]
        for one in made["conclusions"]
    ]


def _notes(made: Mapping[str, Any]) -> list[list[str]]:
    return [[_when(one["created_at"]), one["author_label"], one["kind"], one["text"]] for one in made["notes"]]


def _acts(made: Mapping[str, Any]) -> list[list[str]]:
    rows = sorted([*made["acknowledgements"], *made["overrides"]], key=lambda one: str(one["created_at"]))
    return [
        [
            _when(one["created_at"]),
            "\n".join(part for part in (one["author_label"] or _("(name erased)"), one["author_role"]) if part),
            one["subject_label"],
            "\n".join(part for part in (_reason(one["reason_code"]), one["note"], *_ends(one)) if part),
        ]
        for one in rows
    ]


def _ends(one: Mapping[str, Any]) -> list[str]:
    if "ends_at" not in one:
        return [_("Acknowledged.")]
    label = one["reader_label"] or one["no_label_reason"]
    ended = _("Overridden until %(time)s.") % {"time": _when(one["ends_at"])}
    revoked = ""
    if one["revoked_at"]:
        words = {"time": _when(one["revoked_at"]), "name": one["revoked_by_label"], "why": one["revoked_reason"]}
        revoked = _("Revoked %(time)s by %(name)s: %(why)s") % words
    return [ended, label, revoked]


def _out(made: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            _when(one["at"]),
            one["subject_label"],
            f"{_word(Signal, wording.signal_word, one['signal'])} · {_word(Level, wording.level_word, one['level'])}",
            one["reader_label"] or _("none"),
        ]
        for one in made["published"]
    ]


def _views(made: Mapping[str, Any]) -> list[list[str]]:
    return [
        [_when(one["at"]), one["viewer_label"] or _("(name erased)"), one["what"], one["evidence"]]
        for one in made["views"]
    ]


def _events(made: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for entry in made["events"]:
        event = json.loads(entry["event"])
        action = audit.ACTIONS.get(event["action"])
        said = {name: value for name, (_salt, value) in entry["personal"].items()}
        who = said.get("actor") or (_("(name erased)") if event["actor"] else _("System"))
        words = [str(action.label) if action else event["action"], event["subject"][2], said.get("note", "")]
        rows.append([str(entry["entry"]), _when(event["at"]), who, "\n".join(word for word in words if word)])
    return rows


def proof(made: Mapping[str, Any], digest: str) -> Pairs:
    """Names and values that bind this paper to the JSON, and the JSON to the chain."""
    chain = made["chain"]
    signed = _("signed by this newsroom's anchor key") if chain["signature"] else _("not signed: no anchor key is set")
    return [
        (_("sha256 of this dossier"), digest),
        (_("Entries in the chain"), str(chain["seq"])),
        (_("Head of the chain"), chain["hash"]),
        (_("Root over all seals"), chain["root"]),
        (_("The head is"), signed),
    ]


def how_to_verify() -> str:
    """What whoever doubts this paper can do."""
    return _(
        "This paper is a print of a JSON file of the same digest. The file verifies without any database: "
        "manage.py dossier_verify FILE, with --anchor for heads of the chain that were kept elsewhere."
    )
