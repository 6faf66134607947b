from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from detection.errors import HouseFault, ProviderMisconfigured, Rejected
from detection.providers.provenance import ProvenanceProvider
from detection.results import ScanRequest
from detection.testing import images
from detection.testing.credentials import Authority
from detection.vocabulary import Basis, CredentialState, Says, Verdict

PHOTO = images.photo_like()


def request(content: bytes) -> ScanRequest:
    return ScanRequest(
        reference="r",
        filename="r.jpg",
        media_type="image/jpeg",
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        width=640,
        height=480,
    )


@pytest.mark.parametrize(
    ("source_type", "verdict", "says"),
    [
        ("trainedAlgorithmicMedia", Verdict.LIKELY_AI, Says.AI),
        ("compositeWithTrainedAlgorithmicMedia", Verdict.PARTIAL_AI, Says.AI_EDITED),
        ("digitalCapture", Verdict.UNKNOWN, Says.CAPTURE),
        ("screenCapture", Verdict.UNKNOWN, None),
    ],
)
def test_a_verdict_is_a_declaration_and_has_no_score(source_type: str, verdict: Verdict, says: Says | None) -> None:
    result = ProvenanceProvider("provenance", {}).submit(request(images.with_xmp_source_type(PHOTO, source_type)))
    assert (result.verdict, result.basis, result.ai_score) == (verdict, Basis.DECLARATION, None)
    assert result.declared is not None
    assert result.declared.says is says
    assert result.evidence[0].key == "Iptc4xmpExt:DigitalSourceType"
    assert result.reasons == (result.declared.sentence,)


def test_nothing_found_is_unknown_and_never_human() -> None:
    result = ProvenanceProvider("provenance", {}).submit(request(PHOTO))
    assert result.verdict is Verdict.UNKNOWN
    assert result.evidence == ()


def test_it_reads_trust_lists_where_told(tmp_path: Path) -> None:
    authority = Authority.new()
    (tmp_path / "root.pem").write_text(authority.root_pem)
    signed = authority.sign(PHOTO, "image/jpeg", source_type="digitalCapture")
    declared = ProvenanceProvider("provenance", {"trust_lists": str(tmp_path)}).submit(request(signed)).declared
    assert declared is not None
    assert (declared.credentials, declared.is_trusted_capture) == (CredentialState.TRUSTED, True)


def test_a_wrong_trust_list_is_our_fault_and_tried_again() -> None:
    signed = Authority.new().sign(PHOTO, "image/jpeg", source_type="digitalCapture")
    with pytest.raises(HouseFault, match="/nowhere") as failed:
        ProvenanceProvider("provenance", {"trust_lists": "/nowhere"}).submit(request(signed))
    assert failed.value.retryable


def test_it_says_what_it_looks_at_and_sends_nothing() -> None:
    provider = ProvenanceProvider("provenance", {"max_bytes": 1, "max_pixels": 2, "trust_lists": ""})
    assert provider.is_embedded
    assert not provider.looks_at_pixels
    assert provider.looks_at == "what the file declares about itself"
    assert provider.title == "Declared provenance"


def test_an_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(ProviderMisconfigured, match="trustlists"):
        ProvenanceProvider("provenance", {"trustlists": "x"})


def test_it_answers_for_a_file_it_cannot_open() -> None:
    try:
        result = ProvenanceProvider("provenance", {}).submit(request(b"\xff\xd8\xff not a picture"))
    except Rejected:  # pragma: no cover
        pytest.fail("declarations are read whether or not the pixels can be")
    assert result.verdict is Verdict.UNKNOWN
