"""What the test authority signs reads as it should, checked with the C2PA SDK itself."""

from __future__ import annotations

import io
import json
from typing import Any

import c2pa
import pytest

from detection.testing import images
from detection.testing.credentials import Authority, offline_context, tampered

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


def read(content: bytes, *, root_pem: str = "") -> tuple[str, dict[str, Any]]:
    with c2pa.Reader(None, io.BytesIO(content), context=offline_context(root_pem=root_pem)) as reader:
        return str(reader.get_validation_state()), json.loads(reader.json())


def failures(store: dict[str, Any]) -> set[str]:
    return {status["code"] for status in store["validation_results"]["activeManifest"]["failure"]}


def actions(store: dict[str, Any]) -> list[dict[str, Any]]:
    assertions = store["manifests"][store["active_manifest"]]["assertions"]
    return [
        action
        for assertion in assertions
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"]["actions"]
    ]


@pytest.mark.parametrize("format", images.FORMATS)
def test_a_signed_file_is_trusted_where_its_root_is(authority: Authority, format: str) -> None:
    plain = images.photo_like(size=(96, 64), format=format)

    signed = authority.sign(plain, MEDIA_TYPES[format], source_type="trainedAlgorithmicMedia", software="Dream")
    state, store = read(signed, root_pem=authority.root_pem)
    assert state == "Trusted"
    assert [(a["action"], a["digitalSourceType"].rsplit("/")[-1]) for a in actions(store)] == [
        ("c2pa.created", "trainedAlgorithmicMedia")
    ]
    assert images.decode(signed).size == (96, 64)


def test_a_signed_file_is_intact_and_its_signer_unknown_without_the_root(authority: Authority) -> None:
    signed = authority.sign(images.photo_like(), "image/jpeg", source_type="digitalCapture")

    state, store = read(signed)
    assert state == "Valid"
    assert failures(store) == {"signingCredential.untrusted"}


def test_the_root_of_another_authority_does_not_help(authority: Authority) -> None:
    signed = authority.sign(images.photo_like(), "image/jpeg", source_type="digitalCapture")

    assert read(signed, root_pem=Authority.new().root_pem)[0] == "Valid"


def test_an_edit_names_what_it_was_made_from(authority: Authority) -> None:
    before = authority.sign(images.photo_like(1), "image/jpeg", source_type="digitalCapture")

    edited = authority.sign(
        images.photo_like(2, format="PNG"),
        "image/png",
        source_type="compositeWithTrainedAlgorithmicMedia",
        parent=before,
        parent_type="image/jpeg",
    )
    state, store = read(edited, root_pem=authority.root_pem)
    assert state == "Trusted"
    assert [action["action"] for action in actions(store)] == ["c2pa.opened", "c2pa.edited"]
    (ingredient,) = store["manifests"][store["active_manifest"]]["ingredients"]
    assert ingredient["relationship"] == "parentOf"
    assert ingredient["active_manifest"] in store["manifests"]


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_tampered_file_opens_and_no_longer_matches_its_credential(authority: Authority, format: str) -> None:
    signed = authority.sign(images.photo_like(format=format), MEDIA_TYPES[format], source_type="digitalCapture")

    changed = tampered(signed)
    state, store = read(changed, root_pem=authority.root_pem)
    assert state == "Invalid"
    assert "assertion.dataHash.mismatch" in failures(store)
    assert images.decode(changed).tobytes() != images.decode(signed).tobytes()


def test_a_file_without_a_credential_has_none_to_break() -> None:
    with pytest.raises(ValueError, match="no credential in this file"):
        tampered(images.photo_like())


def test_a_format_that_is_not_tampered_with_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="not WEBP"):
        tampered(images.photo_like(format="WEBP"))


def test_a_file_with_its_credential_elsewhere_only_says_where(authority: Authority) -> None:
    remote = authority.sign_remote_only(images.photo_like(), "image/jpeg")

    with pytest.raises(c2pa.C2paError, match="Remote: must fetch remote manifests"):
        read(remote)


def test_an_authority_never_shows_its_key(authority: Authority) -> None:
    assert "PRIVATE" not in repr(authority)
    assert "PRIVATE" not in authority.root_pem
