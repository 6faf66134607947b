"""C2PA Content Credentials: read offline, and classified by their codes. Asked by `inspection`, in the sandbox.

The library's default context fetches addresses that the file names; ours never may. Unknown settings are accepted
silently by the library, so a process proves once, on a file of its own, that nothing would be fetched.
"""

from __future__ import annotations

import functools
import io
import json
import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from detection.errors import SandboxFailed
from detection.providers.provenance import trust
from detection.vocabulary import CredentialState

SETTINGS: dict[str, Any] = {
    "version": 1,
    "core": {
        "allowed_network_hosts": [],
        "allow_redirects": False,
        "decode_identity_assertions": False,
        "max_decompressed_manifest_size_in_mb": 32,
    },
    "verify": {
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
        "verify_trust": True,
        "verify_timestamp_trust": True,
    },
}
"""Offline. Identity assertions stay undecoded: looking their issuers up needs the network, and failing to do so
makes genuine files invalid."""

SOFT_CODES = frozenset(
    {
        "signingCredential.untrusted",
        "signingCredential.expired",
        "signingCredential.invalid",
        "timeStamp.untrusted",
    }
)
"""Failures that speak about the signer, not about the file."""
_HASH_MATCHES = frozenset(
    {
        "assertion.dataHash.match",
        "assertion.bmffHash.match",
        "assertion.boxesHash.match",
        "assertion.collectionHash.match",
    }
)
_MARKS = (b"jumb", b"provenance", b"iTXt")
"""One of these stands in every file that carries or names credentials (iTXt: in a PNG the name may be compressed)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What was found. `codes` are the failures, ours first; `store` is the manifest store as the library gives it."""

    state: CredentialState
    codes: tuple[str, ...] = ()
    signer: str = ""
    signed_at: str = ""
    remote_host: str = ""
    trust_list: str = ""
    store: dict[str, Any] = field(default_factory=dict)


def read(content: bytes, *, trust_lists: str = "") -> Credentials:
    """The state of the file's credentials. Raises SandboxFailed where the offline settings do not hold."""
    if not any(mark in content for mark in _MARKS):
        # Importing the library costs more than all the rest; most pictures carry no credentials.
        return Credentials(state=CredentialState.NONE)
    import c2pa

    context, summary = _context(os.getpid(), trust_lists)
    try:
        reader = c2pa.Reader.try_create(None, io.BytesIO(content), context=context)
        if reader is None:
            return Credentials(state=CredentialState.NONE)
        with reader:
            store, verdict = as_dict(json.loads(reader.json())), str(reader.get_validation_state())
    except c2pa.C2paError as error:
        return _from_error(error, summary)
    except (ValueError, RecursionError):
        return Credentials(state=CredentialState.UNREADABLE, trust_list=summary)
    return _from_store(store, verdict, summary)


@functools.lru_cache(maxsize=4)
def _context(pid: int, trust_lists: str) -> tuple[Any, str]:
    """One context a process: it is unusable after a fork, and each costs more than reading a small file."""
    import c2pa

    lists = trust.load(trust_lists)
    settings = {**SETTINGS, "trust": lists.settings} if lists.settings else SETTINGS
    context = c2pa.Context.from_dict(settings)
    prove_offline(context)
    return context, lists.summary


def prove_offline(context: Any) -> None:
    """Read a file whose credentials are stored elsewhere; anything but the refusal to fetch raises SandboxFailed."""
    import c2pa

    try:
        c2pa.Reader.try_create(None, io.BytesIO(_remote_only_picture()), context=context)
    except c2pa.C2paError as error:
        if str(error).startswith("Remote: must fetch remote manifests"):
            return
        raise SandboxFailed(f"Content Credentials are not read: the library is not offline ({error}).") from error
    raise SandboxFailed("Content Credentials are not read: the library did not notice a remote manifest.")


def _remote_only_picture() -> bytes:
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
        b'dcterms:provenance="https://self-test.invalid/x.c2pa"/></rdf:RDF></x:xmpmeta>'
    )
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", xmp=xmp)
    return buffer.getvalue()


def _from_error(error: Exception, summary: str) -> Credentials:
    text = str(error)
    if text.startswith("NotSupported"):
        return Credentials(state=CredentialState.NONE)
    if text.startswith("Remote:"):
        url = next((word for word in text.replace('"', " ").split() if "://" in word), "")
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            host = ""
        return Credentials(state=CredentialState.REMOTE_ONLY, remote_host=host)
    return Credentials(state=CredentialState.UNREADABLE, codes=(printable(text, 100),), trust_list=summary)


def _from_store(store: dict[str, Any], verdict: str, summary: str) -> Credentials:
    results = as_dict(store.get("validation_results"))
    active = as_dict(results.get("activeManifest"))
    failures = codes_of(active.get("failure"))
    deltas = [as_dict(as_dict(delta).get("validationDeltas")) for delta in _list(results.get("ingredientDeltas"))]
    later = [code for delta in deltas for code in codes_of(delta.get("failure"))]
    manifest = as_dict(as_dict(store.get("manifests")).get(str(store.get("active_manifest"))))
    signature = as_dict(manifest.get("signature_info"))
    return Credentials(
        state=_classify(verdict, failures, later, set(codes_of(active.get("success")))),
        codes=tuple(dict.fromkeys(printable(code, 100) for code in (*failures, *later)))[:50],
        signer=_signer(signature),
        signed_at=str(signature.get("time") or "")[:100],
        trust_list=summary,
        store=store,
    )


def as_dict(value: Any) -> dict[str, Any]:
    """The value where it is a dictionary, else an empty one: what stands in a file has any shape."""
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def codes_of(statuses: Any) -> list[str]:
    """The codes of a list of validation statuses, without those of identity assertions, which we leave undecoded."""
    codes = [str(as_dict(status).get("code", "")) for status in _list(statuses)]
    return [code for code in codes if code and not code.startswith("cawg.")]


def _classify(verdict: str, failures: list[str], later: list[str], successes: set[str]) -> CredentialState:
    """The state by the codes. The library's bare "Invalid" covers an old certificate as well as an altered file."""
    if verdict == "Trusted":
        return CredentialState.TRUSTED
    if verdict == "Valid":
        return CredentialState.UNTRUSTED
    if set(failures) - SOFT_CODES:
        return CredentialState.BROKEN
    if set(later) - SOFT_CODES:
        return CredentialState.BROKEN_HISTORY
    if "claimSignature.validated" not in successes or not successes & _HASH_MATCHES:
        return CredentialState.BROKEN
    if "signingCredential.expired" in failures:
        return CredentialState.UNTRUSTED_EXPIRED
    if "signingCredential.invalid" in failures:
        return CredentialState.UNTRUSTED_INVALID_CERT
    return CredentialState.UNTRUSTED


def _signer(signature: dict[str, Any]) -> str:
    names = (str(signature.get(key) or "").strip() for key in ("common_name", "issuer"))
    distinct = dict.fromkeys(name for name in names if name)
    return printable(" / ".join(distinct), 200)


def printable(text: str, most: int) -> str:
    """At most so many characters, none of them invisible: some turn a line around, some no database takes."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:most])
