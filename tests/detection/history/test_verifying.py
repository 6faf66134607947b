"""The history is verified: whatever the database's own owner does to it has a name and a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection import audit
from detection.audit import chain as links
from detection.models import Asset, AuditEvent, AuditPersonal, AuditSeal

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def anchors(chain: list[AuditSeal], tmp_path: Path) -> str:
    """A file with two anchors: in the middle of the chain's life, and at its present end."""
    path = str(tmp_path / "anchors.jsonl")
    run("audit_anchor", "--to", path)
    for _ in range(4):
        audit.record("asset.detached")
    run("audit_anchor", "--to", path)
    audit.seal_all()
    return path


def head() -> AuditSeal:
    found: AuditSeal = AuditSeal.objects.order_by("-seq")[0]
    return found


def rewrite(as_owner: Callable[..., None], first: int) -> None:
    """Change one event and chain everything from there anew, as somebody would who knows how it is made."""
    seal = AuditSeal.objects.get(seq=first)
    as_owner("UPDATE detection_auditevent SET action = 'asset.seen' WHERE id = %s", seal.event_id)
    prev = seal.prev
    for one in list(AuditSeal.objects.filter(seq__gte=first).select_related("event").order_by("seq")):
        digest = links.digest_of(links.canonical(one.event))
        made = links.link(prev, digest)
        sql = "UPDATE detection_auditseal SET prev = %s, digest = %s, hash = %s WHERE seq = %s"
        as_owner(sql, prev, digest, made, one.seq)
        prev = made


def test_a_history_that_nobody_touched_stands(anchors: str) -> None:
    audit.record("asset.detached")
    said = run("audit_verify", "--anchor", anchors)
    assert f"The history stands: {head().seq - 1} entries" in said or f"stands: {head().seq} entries" in said
    assert "2 anchors agree." in said
    assert "Sealed just now: 1. Not sealed: 0." in said
    assert AuditEvent.objects.filter(action="audit.verified").get().facts["ok"] is True


TAMPERINGS: dict[str, Any] = {
    "one byte edited": ("changed", "its event was changed"),
    "the middle deleted": ("missing", "it was deleted"),
    "the tail deleted": ("missing", "anchored on"),
    "rewritten from one entry on": ("rewritten", "rewritten after the anchor"),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_each_tampering_is_found_and_named_with_its_first_entry(
    anchors: str, as_owner: Callable[..., None], tampering: str
) -> None:
    """G03."""
    _kind, words = TAMPERINGS[tampering]
    anchored = [json.loads(line)["seq"] for line in Path(anchors).read_text().splitlines()]
    victim = AuditSeal.objects.get(seq=3)
    first = 3
    if tampering == "one byte edited":
        as_owner("UPDATE detection_auditevent SET subject_label = 'x' WHERE id = %s", victim.event_id)
    elif tampering == "the middle deleted":
        as_owner("DELETE FROM detection_auditseal WHERE seq = 3")
        as_owner("DELETE FROM detection_auditevent WHERE id = %s", victim.event_id)
    elif tampering == "the tail deleted":
        first = anchored[1] - 1
        gone = list(AuditSeal.objects.filter(seq__gte=first).values_list("event_id", flat=True))
        for event_id in gone:
            as_owner("DELETE FROM detection_auditseal WHERE event_id = %s", event_id)
        as_owner(f"DELETE FROM detection_auditevent WHERE id >= {min(gone)}")
    else:
        first = anchored[0] + 1
        rewrite(as_owner, anchored[0] + 2)
    arguments = ["--anchor", anchors]
    if tampering == "the tail deleted":
        arguments.append("--read-only")
    with pytest.raises(CommandError) as told:
        run("audit_verify", *arguments)
    assert f"First bad entry: {first}." in str(told.value)
    assert words in str(told.value)


def test_without_an_anchor_a_cut_off_tail_is_not_seen_and_the_answer_says_so(
    anchors: str, as_owner: Callable[..., None]
) -> None:
    """G03. Why the anchor has to be kept elsewhere."""
    last = head()
    as_owner("DELETE FROM detection_auditseal WHERE seq = %s", last.seq)
    as_owner("DELETE FROM detection_auditevent WHERE id = %s", last.event_id)
    assert "No anchor was given" in run("audit_verify", "--read-only")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DELETE FROM detection_auditevent WHERE id = %s", "no retention removed it"),
        ("UPDATE detection_auditevent SET desk = 'sport' WHERE id = %s", "its event was changed"),
        ("UPDATE detection_auditpersonal SET value = 'Sam' WHERE event_id = %s", "is not the one that was recorded"),
        ("DELETE FROM detection_auditpersonal WHERE event_id = %s", "no erasure was recorded"),
    ],
)
def test_what_was_taken_or_put_beside_the_chain_is_found_too(
    asset: Asset, erin: Any, as_owner: Callable[..., None], sql: str, words: str
) -> None:
    """G03."""
    event = audit.record("review.concluded", asset=asset, by=erin, desk="news")
    audit.record("asset.seen")
    audit.seal_all()
    if sql.startswith("DELETE FROM detection_auditevent"):
        AuditPersonal.objects.filter(event=event).delete()
    as_owner(sql, event.pk)
    with pytest.raises(CommandError, match=words):
        run("audit_verify")


def test_a_forged_or_foreign_anchor_is_refused_by_its_line(anchors: str, tmp_path: Path) -> None:
    lines = Path(anchors).read_text().splitlines()
    forged = json.loads(lines[0]) | {"hash": "0" * 64}
    path = tmp_path / "forged"
    path.write_text("\n".join([json.dumps(forged), "not json", "", lines[1]]))
    with pytest.raises(CommandError) as told:
        run("audit_verify", "--anchor", str(path))
    assert "Line 1 of the anchors is not signed by this AUDIT_ANCHOR_KEY." in str(told.value)
    assert "Line 2 of the anchors is no anchor." in str(told.value)


def test_a_restore_from_an_older_copy_is_said_and_signed_and_then_no_tampering(
    anchors: str, as_owner: Callable[..., None]
) -> None:
    """G03. The same loss, with and without somebody who holds the key and says why."""
    first = json.loads(Path(anchors).read_text().splitlines()[0])["seq"]
    ids = AuditSeal.objects.filter(seq__gt=first).values_list("event_id", flat=True)
    as_owner(f"DELETE FROM detection_auditevent WHERE id >= {min(ids)}")
    as_owner(f"DELETE FROM detection_auditseal WHERE seq > {first}")
    with pytest.raises(CommandError, match="audit_anchor --restored"):
        run("audit_verify", "--anchor", anchors, "--read-only")
    run("audit_anchor", "--to", anchors, "--restored", "Disk failure; copy of Sunday.")
    said = run("audit_verify", "--anchor", anchors)
    assert "A signed restore of" in said
    assert AuditEvent.objects.filter(action="audit.restored").count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["audit_verify", "--anchor", "/nowhere/anchors"], "cannot be read"),
        (["audit_anchor", "--restored", " "], "Say why the database was restored"),
        (["audit_anchor", "--to", "/nowhere/anchors"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(chain: list[AuditSeal], arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_without_a_key_nothing_is_signed(chain: list[AuditSeal], settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_ANCHOR_KEY = ""
    for arguments in (["audit_anchor"], ["audit_verify", "--anchor", __file__]):
        with pytest.raises(CommandError, match="AUDIT_ANCHOR_KEY is not set"):
            run(*arguments)


def test_an_empty_history_and_an_empty_file_have_their_sentences(db: None, tmp_path: Path) -> None:
    assert not AuditEvent.objects.exists()
    with pytest.raises(CommandError, match="nothing to anchor"):
        run("audit_anchor")
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(CommandError, match="holds no anchor"):
        run("audit_verify", "--anchor", str(empty))


def test_a_link_of_before_the_digest_was_kept_still_verifies(
    chain: list[AuditSeal], as_owner: Callable[..., None]
) -> None:
    last = chain[-1]
    old = links._old_link(last.prev, links.canonical(last.event))
    as_owner("UPDATE detection_auditseal SET digest = '', hash = %s WHERE seq = %s", old, last.seq)
    assert audit.first_broken() is None
    as_owner("UPDATE detection_auditevent SET action = 'x' WHERE id = %s", last.event_id)
    assert audit.first_broken() == last.seq
