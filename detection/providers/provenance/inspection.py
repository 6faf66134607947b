"""What one file declares about itself, drawn together from its credentials and its metadata.

The sandbox's jobs `examine` and `declare`; nobody else asks. A declaration of AI counts whoever signed it, or nobody
(few gain by it); a declaration of camera capture counts only with a signer on the trust list (anybody gains by it).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from detection import intake
from detection.errors import Rejected
from detection.intake import Reading
from detection.providers.provenance import credentials, manifests, metadata, source_types
from detection.providers.provenance.credentials import Credentials, printable
from detection.providers.provenance.manifests import Declaration
from detection.results import Declared, Evidence
from detection.sandbox import Examination, child
from detection.vocabulary import CredentialState, Says

MAX_EVIDENCE = 100
"""Pieces that are kept; a file may hold thousands, and each is stored and shown."""
_AI = (Says.AI, Says.AI_EDITED)
_SAID = {Says.AI: "AI generation", Says.AI_EDITED: "editing with AI", Says.CAPTURE: "a camera capture"}
_DERIVED = {"": "", "parent": " of the version it was made from", "part": " of a part of it"}
_STATES = {
    CredentialState.REMOTE_ONLY: "Its Content Credentials are stored online and were not fetched.",
    CredentialState.UNREADABLE: "It carries Content Credentials that are damaged or not supported.",
    CredentialState.BROKEN: "Its Content Credentials do not match this file: it was changed after signing, or damaged.",
    CredentialState.BROKEN_HISTORY: "Its Content Credentials match this version, but not an earlier one they build on.",
}


def examine(content: bytes, *, filename: str, max_bytes: int, max_pixels: int, trust_lists: str = "") -> Examination:
    """Read the picture and its declarations; a refusal of the picture is part of the answer."""
    reading: Reading | None = None
    rejected: tuple[str, str] | None = None
    try:
        reading = intake.read(content, max_bytes=max_bytes, max_pixels=max_pixels, filename=filename)
    except Rejected as refusal:
        rejected = (refusal.code, refusal.sentence)
    except MemoryError:
        rejected = ("too_much_memory", child.TOO_MUCH_MEMORY)
    declared, evidence = inspect(content, max_pixels=max_pixels, trust_lists=trust_lists)
    return Examination(reading=reading, rejected=rejected, declared=declared, evidence=evidence)


def declare(content: bytes, *, max_pixels: int, trust_lists: str = "") -> Examination:
    """Only the declarations, in the shape of an examination."""
    declared, evidence = inspect(content, max_pixels=max_pixels, trust_lists=trust_lists)
    return Examination(reading=None, rejected=None, declared=declared, evidence=evidence)


def inspect(
    content: bytes, *, max_pixels: int = 50_000_000, trust_lists: str = ""
) -> tuple[Declared, tuple[Evidence, ...]]:
    """The file's declarations as one value, and each piece of evidence with its raw key and value.

    `trust_lists`: a folder of PEM anchors, or "". Raises SandboxFailed where it is wrong or the library not offline.
    """
    found = credentials.read(content, trust_lists=trust_lists)
    signed = manifests.declarations(found.store)
    fields = metadata.read(content, max_pixels=max_pixels)
    counting = [item for item in signed if _counts(item, found.state)]
    said = [item.says for item in counting] + [item.says for item in fields]
    ai = _strongest(said, among=_AI)
    lead = _strongest((item.says for item in signed if item not in counting), among=_AI)
    is_signed = found.state is CredentialState.TRUSTED
    declared = Declared(
        says=ai or (Says.CAPTURE if Says.CAPTURE in said else None),
        credentials=_state(found.state, hides_ai=lead is not None and ai is None),
        signer=found.signer,
        codes=found.codes,
        broken_says=lead,
        is_trusted_capture=is_signed and ai is None and any(_is_trusted_capture(item) for item in counting),
        trust_list=found.trust_list,
    )
    evidence = [*_signature(found), *(_evidence(item, item in counting) for item in signed), *fields]
    return _worded(declared, counting, fields, found), tuple(_kept(evidence))


def _kept(evidence: list[Evidence]) -> Iterator[Evidence]:
    """So much of it as is stored and shown, what speaks of AI first where some is left out."""
    if len(evidence) > MAX_EVIDENCE:
        more = len(evidence) - MAX_EVIDENCE + 1
        evidence = sorted(evidence, key=lambda item: item.says not in _AI)[: MAX_EVIDENCE - 1]
        evidence.append(Evidence(kind="note", key="more", value=f"{more} further entries were not kept"))
    for item in evidence:
        yield replace(item, key=printable(item.key, 100), where=printable(item.where, 300))


def _counts(item: Declaration, state: CredentialState) -> bool:
    """Whether a signed declaration may count, or is only a lead: what it stands in must match what was signed."""
    if state is CredentialState.BROKEN_HISTORY:
        return not item.path
    return state.is_intact and item.is_intact


def _is_trusted_capture(item: Declaration) -> bool:
    return item.says is Says.CAPTURE and item.is_trusted


def _state(state: CredentialState, *, hides_ai: bool) -> CredentialState:
    """A signer may import a broken picture and sign on, and the file is valid; that must not wash AI out of it."""
    return CredentialState.BROKEN_HISTORY if hides_ai and state.is_intact else state


def _strongest(said: Iterable[Says], *, among: tuple[Says, ...]) -> Says | None:
    given = set(said)
    return next((says for says in among if says in given), None)


def _signature(found: Credentials) -> list[Evidence]:
    if found.state is CredentialState.NONE:
        return []
    if found.state is CredentialState.REMOTE_ONLY:
        return [
            Evidence(kind="c2pa", key="remote manifest", value=found.remote_host, where="not fetched", strength="E")
        ]
    parts = [found.signer, found.signed_at, _signer_note(found)]
    strength = "A" if found.state.is_intact else "E"
    value = ", ".join(part for part in parts if part) or found.state.value
    return [Evidence(kind="c2pa", key="signature", value=value, where=", ".join(found.codes)[:300], strength=strength)]


def _signer_note(found: Credentials) -> str:
    """What is known of the signer, read off the codes."""
    if found.state is CredentialState.UNREADABLE:
        return ""
    notes = []
    if found.state is CredentialState.UNTRUSTED_EXPIRED:
        notes.append("certificate expired, no trusted time stamp")
    if found.state is CredentialState.UNTRUSTED_INVALID_CERT:
        notes.append("certificate not acceptable for signing")
    if not found.trust_list:
        notes.append("signer not checked against a list")
    elif found.state is CredentialState.TRUSTED:
        notes.append("signer on the trust list")
    else:
        notes.append("signer not on the trust list")
    return ", ".join(notes)


def _evidence(item: Declaration, is_counting: bool) -> Evidence:
    agent = f", by {item.agent}" if item.agent else ""
    where = f"{item.where}{agent}" if is_counting else f"{item.where}{agent}, does not match its signature: a lead only"
    strength = "A" if is_counting else "E"
    return Evidence(kind="c2pa", key=item.key, value=item.value, where=where, says=item.says, strength=strength)


def _worded(
    declared: Declared, counting: list[Declaration], fields: tuple[Evidence, ...], found: Credentials
) -> Declared:
    """The same with its sentence: what is declared and by what, then what is wrong or missing with the credentials."""
    sentences = [_statement(declared, counting, fields, found)]
    if declared.broken_says and declared.says is None:
        sentences = ["A credential that no longer matches this file says AI; treat as open."]
    elif declared.says is Says.CAPTURE and not declared.is_trusted_capture:
        sentences.append("Anybody can write this; it counts for nothing by itself.")
    if declared.credentials in _STATES:
        sentences.append(_STATES[declared.credentials])
    return replace(declared, sentence=" ".join(sentences))


def _place(item: Declaration) -> str:
    if not item.path:
        return ""
    return "parent" if set(item.path) == {"parentOf"} else "part"


def _statement(
    declared: Declared, counting: list[Declaration], fields: tuple[Evidence, ...], found: Credentials
) -> str:
    if declared.says is None:
        return "The file declares no AI use."
    what = f"The file declares {_SAID[declared.says]}"
    signed = next((item for item in counting if item.says is declared.says), None)
    if signed:
        derived = _DERIVED[_place(signed)]
        signer = found.signer or "an unnamed signer"
        return f"{what} (Content Credentials{derived}; signed by {signer}; {_signer_note(found)})."
    field = next(item for item in fields if item.says is declared.says)
    if field.key == "Iptc4xmpExt:DigitalSourceType":
        return f"{what} (IPTC: {source_types.in_words(field.value)}; not signed)."
    if field.kind == "generator":
        return f"{what}: it carries the text that a generator leaves ({field.where}; not signed)."
    return f"{what} ({field.key}; not signed)."
