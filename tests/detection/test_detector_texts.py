"""What a person reads of one detector: every code that an adapter can give has its sentence, and no code is shown."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone, translation

from detection import wording
from detection.vocabulary import AnalysisStatus, Says, Why
from detection.wording.detector_texts import NEW_REASON, NEW_WARNING, REASONS, WARNINGS

ROOT = Path(__file__).resolve().parent.parent.parent
NOW = datetime(2026, 11, 23, 13, 31, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
S = AnalysisStatus


@pytest.fixture(autouse=True)
def english_in_utc() -> Iterator[None]:
    with timezone.override(UTC), translation.override("en"):
        yield


# The codes of the adapters, found where they are written.


ADDS = ("append", "extend", "insert", "add", "update")


def written(kind: str, tree: ast.AST) -> set[str]:
    """The codes that a module puts into `warnings` or `reasons` (`kind`): as an argument, by assignment, by adding."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == kind:
            found |= codes(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {code for target in targets for code in assigned(kind, target, node.value)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ADDS:
            found |= {code for one in node.args for code in codes(one)} if named(kind, node.func.value) else set()
        elif isinstance(node, ast.FunctionDef) and kind in node.name.lower():
            results = (one.value for one in ast.walk(node) if isinstance(one, ast.Return | ast.Yield) and one.value)
            found |= {code for value in results for code in codes(value)}
    return found


def named(kind: str, node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return kind in name.lower()


def assigned(kind: str, target: ast.expr, value: ast.expr) -> set[str]:
    """Pairwise where several names are given several values at once."""
    if isinstance(target, ast.Tuple):
        if not isinstance(value, ast.Tuple):
            return codes(value) if any(named(kind, one) for one in target.elts) else set()
        pairs = zip(target.elts, value.elts, strict=True)
        return {code for one, given in pairs for code in assigned(kind, one, given)}
    return codes(value) if named(kind, target) else set()


def codes(node: ast.expr) -> set[str]:
    """The texts that may become the value of this expression; not what is compared with or looked up."""
    match node:
        case ast.Constant(value=str(text)):
            return {text} if CODE.fullmatch(text) else set()
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return {code for part in parts for code in codes(part)}
        case ast.Dict(values=parts):
            return {code for part in parts for code in codes(part)}
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
            return codes(one) | codes(other)
        case ast.BoolOp(values=parts):
            return {code for part in parts for code in codes(part)}
        case ast.Starred(value=inner) | ast.GeneratorExp(elt=inner) | ast.ListComp(elt=inner):
            return codes(inner)
        case ast.Call(func=ast.Name(id="tuple" | "list" | "sorted" | "set" | "frozenset"), args=parts):
            return {code for part in parts for code in codes(part)}
    return set()


def in_adapters(kind: str) -> dict[str, set[str]]:
    """By module, the codes that it can give."""
    modules = sorted((ROOT / "detection" / "providers").rglob("*.py"))
    return {one.name: written(kind, ast.parse(one.read_text(encoding="utf-8"))) for one in modules}


def in_samples(kind: str) -> set[str]:
    """The codes that the vendors' sample bodies are expected to give."""
    indexes = (ROOT / "tests" / "fixtures" / "providers").glob("*/index.json")
    listed = [case for index in indexes for case in json.loads(index.read_text(encoding="utf-8"))]
    return {code for case in listed for code in case.get("expect", {}).get(kind, ())}


@pytest.mark.parametrize(("kind", "table"), [("warnings", WARNINGS), ("reasons", REASONS)])
def test_every_code_of_an_adapter_has_its_sentence(kind: str, table: dict[str, object]) -> None:
    by_module = in_adapters(kind)

    assert {name: sorted(given - set(table)) for name, given in by_module.items() if given - set(table)} == {}
    assert in_samples(kind) - set(table) == set()


def test_the_search_for_codes_is_not_blind() -> None:
    source = """
class A:
    def parse(self, payload):
        verdict, warnings = self.judged(1), ["in_a_pair"]
        warnings.append("appended")
        if label == "not_a_code":
            reasons = ("by_itself",) if label in {"nor_this": 1} else ()
        warnings += ["added"]
        return self.finished(payload, warnings=(*warnings, *(("starred",) if odd else ())), reasons=tuple(reasons))

    def _warnings(self):
        yield "yielded"
        return "returned" if self.odd.get("unless") else None

_WARNINGS = {"NO_FACES": "by_table"}
"""
    tree = ast.parse(source)
    known = {"in_a_pair", "appended", "added", "starred", "yielded", "returned", "by_table"}

    assert written("warnings", tree) == known
    assert written("reasons", tree) == {"by_itself"}
    found = in_adapters("warnings")
    assert "schema_drift" in found["telling.py"]
    assert {"signals_conflict", "out_of_domain"} <= found["sahu65.py"]
    assert "no_verdict" in in_adapters("reasons")["generic.py"]


@pytest.mark.parametrize("code", ["never_heard_of", "x", "<script>", "schema drift"])
def test_a_code_that_is_new_here_is_told_in_general_words(code: str) -> None:
    assert wording.warning_sentences([code]) == [str(NEW_WARNING)]
    assert wording.reason_sentences([code]) == [str(NEW_REASON)]


def test_each_sentence_stands_once_and_nothing_makes_none() -> None:
    assert len(wording.warning_sentences(["no_face", "odd", "no_face", "odder", ""])) == 2
    assert wording.warning_sentences([]) == wording.reason_sentences([""]) == []


def test_a_reason_that_is_a_sentence_already_stays_one() -> None:
    told = "The file declares AI generation (IPTC: trained algorithmic media)."

    assert wording.reason_sentences([told]) == [told]


def test_all_sentences_are_whole_and_say_what_to_do_or_how_much_it_weighs() -> None:
    told = [*WARNINGS.values(), *REASONS.values(), NEW_WARNING, NEW_REASON]

    assert not [str(one) for one in told if not re.fullmatch(r"[A-Z].*\.", str(one)) or "_" in str(one)]
    asks = re.compile(r"look|weight|Treat as open|rely|count|little|neither")
    assert not [str(one) for one in told if not asks.search(str(one))]


# What it also said.


@pytest.mark.parametrize(
    ("kind", "key", "value", "says", "line"),
    [
        ("region", "face", "x 10–90, y 20–80", "other", "An area it marked (face): x 10–90, y 20–80."),
        (
            *("classifier", "deepfake", "score 0.91", "ai_edited"),
            "Another model of its own (altered faces): score 0.91. It points to AI editing.",
        ),
        (
            *("watermark", "ai_watermark", "Example Labs", "ai"),
            "Its own reading of a watermark: Example Labs. It points to AI generation.",
        ),
        (
            *("c2pa", "ai_declared", "by a text match in the file, not validated", "ai"),
            "Its own reading of the file's credentials: by a text match in the file, not validated. "
            "It points to AI generation.",
        ),
        ("note", "face_count", "3", "other", "Its note (face count): 3."),
        (
            *("c2pa", "c2pa", "Camera Co.", "capture"),
            "Its own reading of the file's credentials: Camera Co. It points to a camera capture.",
        ),
        ("telepathy", "far_sight", "100 %(key)s", "nonsense", "It also says (far sight): 100 %(key)s."),
        ("note", "issuedBy", "Example Labs.", "other", "Its note (issued By): Example Labs."),
        ("note", "", "", "", "Its note (without a name): without details."),
    ],
)
def test_what_a_detector_also_said_is_one_plain_line(kind: str, key: str, value: str, says: str, line: str) -> None:
    assert wording.also_said({"kind": kind, "key": key, "value": value, "says": says}) == line


def test_every_word_that_a_declaration_may_say_can_be_told() -> None:
    lines = {wording.also_said({"kind": "note", "key": "k", "value": "v", "says": says}) for says in Says}

    assert len(lines) == len(Says)


@pytest.mark.parametrize(("band", "words"), [("high", "its own confidence: high"), ("", ""), ("0.97", "")])
def test_a_vendor_s_confidence_is_shown_as_a_word_or_not_at_all(band: str, words: str) -> None:
    assert wording.band_words(band) == words


@pytest.mark.parametrize(
    ("as_sent", "told"),
    [
        ("", ""),
        ("original", ""),
        ("stripped", ""),
        (
            "a rendition: JPG, 640 × 480 pixels",
            "Sent: a rendition, JPG, 640 × 480 pixels, not the original. Fine traces may be lost in it.",
        ),
    ],
)
def test_what_was_sent_in_place_of_the_original_is_said(as_sent: str, told: str) -> None:
    assert wording.as_sent_sentence(as_sent) == told


@pytest.mark.parametrize(
    ("as_sent", "words"),
    [
        ("", ""),
        ("original", "the original"),
        ("stripped", "the original without its metadata"),
        ("a rendition: JPG, 640 × 480 pixels", "a rendition: JPG, 640 × 480 pixels"),
    ],
)
def test_what_was_sent_has_words(as_sent: str, words: str) -> None:
    assert wording.as_sent_words(as_sent) == words


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.04, "less than 0.1 s"), (0.1, "0.1 s"), (2.34, "2.3 s"), (99.9, "99.9 s"), (240, "4 min"), (10_800, "3 h")],
)
def test_a_stretch_of_time_has_the_unit_that_fits(seconds: float, told: str) -> None:
    assert wording.lasted(seconds) == told


# Where it stands.


@pytest.mark.parametrize(
    ("status", "facts", "word", "sentence"),
    [
        (S.PENDING_SCAN, {}, "Waiting its turn", "It is asked as soon as its turn comes."),
        (S.PENDING_SCAN, {"next_attempt_at": LATER}, "Waiting its turn", "Its turn comes at 14:05."),
        (S.SCANNING, {"said": "Down. Trying again."}, "Checking", "The picture is being examined now."),
        (
            *(S.AWAITING_CALLBACK, {"sent_at": NOW}, "Waiting for the detector's answer"),
            "The picture was sent at 13:31. The answer is still to come.",
        ),
        (
            *(S.RETRY_PENDING, {"said": "It could not be reached. Trying again.", "next_attempt_at": LATER}),
            *("Will be tried again", "It could not be reached. Trying again at 14:05."),
        ),
        (S.RETRY_PENDING, {"said": "Sending it anew."}, "Will be tried again", "Trying again shortly."),
        (
            *(S.RETRY_PENDING, {"why": Why.QUEUED, "next_attempt_at": LATER}),
            *("Waiting its turn", "Its turn comes at 14:05."),
        ),
        (
            *(S.RETRY_PENDING, {"why": Why.PAUSED, "said": "The plan is used up.", "next_attempt_at": LATER}, "Paused"),
            "The plan is used up. "
            "This detector is paused. It is asked by itself when the pause ends; an operator can end it.",
        ),
        (
            *(S.PENDING_SCAN, {"why": Why.PAUSED}, "Paused"),
            "This detector is paused. It is asked by itself when the pause ends; an operator can end it.",
        ),
        (S.SKIPPED, {"why": Why.UNSUPPORTED, "said": "Too small."}, "Not sent", "Too small."),
        (S.REJECTED, {"why": Why.UNREADABLE, "said": "Replace it."}, "File cannot be read", "Replace it."),
        (S.REJECTED, {"why": Why.UNSUPPORTED, "said": "A drawing."}, "Refused by this detector", "A drawing."),
        (
            *(S.DEAD, {"why": Why.FAILED, "said": "It answered 500. Trying again when it said."}),
            "Given up, a person has to look",
            "It answered 500. "
            "It is not tried again by itself. Decide without it, or ask an operator to start it again.",
        ),
        (S.COMPLETE, {}, "Finished", ""),
    ],
)
def test_where_a_check_stands_is_a_word_and_a_sentence(
    status: AnalysisStatus, facts: dict[str, object], word: str, sentence: str
) -> None:
    assert wording.state_word(status, facts.get("why")) == word  # type: ignore[arg-type]
    assert wording.state_sentence(status, now=NOW, **facts) == sentence  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [one for one in AnalysisStatus if one not in (S.COMPLETE, S.SUPERSEDED, S.SKIPPED)])
def test_no_state_without_an_answer_is_silent(status: AnalysisStatus) -> None:
    said = wording.state_sentence(status, said="It says so.", next_attempt_at=NOW + timedelta(days=1), now=NOW)

    assert re.fullmatch(r"[A-Z].*\.", said)
