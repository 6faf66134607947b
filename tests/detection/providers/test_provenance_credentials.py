from __future__ import annotations

import copy
import csv
import shutil
from pathlib import Path
from typing import Any

import c2pa
import pytest

from detection.errors import SandboxFailed
from detection.providers.provenance import credentials, inspection, manifests, trust
from detection.results import Declared
from detection.testing import images
from detection.testing.credentials import Authority, tampered
from detection.vocabulary import CredentialState, Says

PHOTO = images.photo_like()
LISTS = ("C2PA-TRUST-LIST.pem", "C2PA-TSA-TRUST-LIST.pem", "interim_anchors.pem", "interim_allowed.pem")
SETTINGS = ("no_list", "c2pa_tsa_interim", "plus_selfmade_root")
CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus" / "c2pa"


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.new("Newsroom cameras", signer="Camera 7")


@pytest.fixture(scope="session")
def trusted(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("trust")
    (folder / "root.pem").write_text(authority.root_pem)
    return str(folder)


@pytest.fixture(scope="session")
def trust_lists(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folders = {"no_list": ""}
    for name in SETTINGS[1:]:
        folder = tmp_path_factory.mktemp(name)
        for file in LISTS:
            shutil.copy(corpus / "trust" / file, folder)
        folders[name] = str(folder)
    shutil.copy(corpus / "c2pa" / "selfmade_root.pem", folders["plus_selfmade_root"])
    return folders


def expected_rows() -> list[dict[str, str]]:
    if not (CORPUS / "expected.csv").exists():
        return []
    with (CORPUS / "expected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def declared(content: bytes, trust_lists: str = "") -> Declared:
    return inspection.inspect(content, trust_lists=trust_lists)[0]


@pytest.mark.corpus
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("row", expected_rows(), ids=lambda row: row["file"])
def test_the_state_is_the_measured_one(
    row: dict[str, str], setting: str, corpus: Path, trust_lists: dict[str, str]
) -> None:
    found = credentials.read((corpus / "c2pa" / row["file"]).read_bytes(), trust_lists=trust_lists[setting])
    state, _, codes = row[setting].partition(":")
    assert found.state == state
    if codes:
        assert found.codes == tuple(codes.split(","))


AI, EDITED, CAPTURE = Says.AI, Says.AI_EDITED, Says.CAPTURE
SAID = {
    "c2pa-js-legacy__composite-dst.jpg": EDITED,
    "c2pa-js-legacy__firefly-1.jpg": AI,
    "c2pa-js-legacy__genai-actions-v2.jpg": EDITED,  # its AI parent had been altered before it was opened
    "c2pa-rs__C_with_CAWG_data.jpg": CAPTURE,
    "c2pa-rs__ocsp.jpg": EDITED,
    "example-assets__ChatGPT_Image.png": AI,
    "example-assets__Firefly_tabby_cat.jpg": AI,
    "selfmade_capture_with_ai_component.jpg": EDITED,
    "selfmade_edit_of_ai_parent.jpg": AI,
    "selfmade_plain_edit_of_capture.jpg": CAPTURE,
    "selfmade_trusted_ai.jpg": AI,
    "selfmade_trusted_ai.png": AI,
    "selfmade_trusted_ai.webp": AI,
    "selfmade_trusted_capture.jpg": CAPTURE,
    "selfmade_trusted_computational.jpg": CAPTURE,
    "selfmade_untrusted_ai.jpg": AI,
}
TRUSTED_CAPTURES = {
    "selfmade_trusted_capture.jpg",
    "selfmade_trusted_computational.jpg",
    "selfmade_plain_edit_of_capture.jpg",
}


@pytest.mark.corpus
@pytest.mark.parametrize("row", expected_rows(), ids=lambda row: row["file"])
def test_the_declaration_is_the_indexed_one(row: dict[str, str], corpus: Path, trust_lists: dict[str, str]) -> None:
    content = (corpus / "c2pa" / row["file"]).read_bytes()
    found = declared(content, trust_lists["plus_selfmade_root"])
    unlisted = declared(content)
    assert found.says is SAID.get(row["file"])
    assert unlisted.says is found.says, "whether a declaration is there must not hang on a trust list"
    assert found.is_trusted_capture == (row["file"] in TRUSTED_CAPTURES)
    assert not unlisted.is_trusted_capture
    assert (found.broken_says is AI) == (
        row["file"] in {"selfmade_tampered_pixels_ai.jpg", "c2pa-js-legacy__genai-actions-v2.jpg"}
    )


def test_a_signer_is_not_checked_without_a_list_and_known_with_one(authority: Authority, trusted: str) -> None:
    content = authority.sign(PHOTO, "image/jpeg", source_type="trainedAlgorithmicMedia")
    unlisted, listed = declared(content), declared(content, trusted)
    assert (unlisted.credentials, unlisted.trust_list) == (CredentialState.UNTRUSTED, "")
    assert "not checked against a list" in unlisted.sentence
    assert (listed.credentials, listed.signer) == (CredentialState.TRUSTED, "Camera 7")
    assert "on the trust list" in listed.sentence
    assert listed.trust_list.startswith("1 list files, newest of 20")
    assert "sha256" in listed.trust_list


def test_a_declaration_of_ai_counts_whoever_signed_it_and_one_of_capture_does_not(
    authority: Authority, trusted: str
) -> None:
    stranger = Authority.new("Anybody")
    ai = stranger.sign(PHOTO, "image/jpeg", source_type="trainedAlgorithmicMedia")
    capture = stranger.sign(PHOTO, "image/jpeg", source_type="digitalCapture")
    assert declared(ai, trusted).says is Says.AI
    assert not declared(capture, trusted).is_trusted_capture
    assert "counts for nothing" in declared(capture, trusted).sentence
    assert declared(authority.sign(PHOTO, "image/jpeg", source_type="digitalCapture"), trusted).is_trusted_capture


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_a_picture_changed_after_signing_is_broken_and_its_declaration_a_lead(
    authority: Authority, media_type: str
) -> None:
    picture = images.photo_like(format=media_type.removeprefix("image/").upper())
    found, evidence = inspection.inspect(
        tampered(authority.sign(picture, media_type, source_type="trainedAlgorithmicMedia"))
    )
    assert found.credentials is CredentialState.BROKEN
    assert (found.says, found.broken_says) == (None, Says.AI)
    assert found.sentence.startswith("A credential that no longer matches this file says AI; treat as open.")
    assert "assertion.dataHash.mismatch" in found.codes
    assert {item.strength for item in evidence if item.kind == "c2pa"} == {"E"}


def test_an_altered_earlier_version_is_broken_history(authority: Authority) -> None:
    parent = authority.sign(PHOTO, "image/jpeg", source_type="trainedAlgorithmicMedia", software="First program")
    child = authority.sign(
        images.photo_like(2), "image/jpeg", source_type=None, action="c2pa.color_adjustments", parent=parent
    )
    assert declared(child).says is Says.AI
    assert "of the version it was made from" in declared(child).sentence
    altered = child.replace(b"First program", b"Other program")
    assert credentials.read(altered).state is CredentialState.BROKEN_HISTORY
    assert (declared(altered).says, declared(altered).broken_says) == (None, Says.AI)


def test_what_the_present_version_says_counts_even_where_its_history_is_broken(authority: Authority) -> None:
    parent = authority.sign(PHOTO, "image/jpeg", source_type="digitalCapture", software="First program")
    child = authority.sign(
        images.photo_like(2), "image/jpeg", source_type="compositeWithTrainedAlgorithmicMedia", parent=parent
    )
    altered = declared(child.replace(b"First program", b"Other program"))
    assert (altered.credentials, altered.says) == (CredentialState.BROKEN_HISTORY, Says.AI_EDITED)


def test_signing_over_an_altered_ai_picture_does_not_wash_the_declaration_out(
    authority: Authority, trusted: str
) -> None:
    altered = tampered(authority.sign(PHOTO, "image/jpeg", source_type="trainedAlgorithmicMedia"))
    child = authority.sign(images.photo_like(2), "image/jpeg", source_type=None, action="c2pa.cropped", parent=altered)
    assert credentials.read(child, trust_lists=trusted).state is CredentialState.TRUSTED
    found = declared(child, trusted)
    assert (found.credentials, found.broken_says) == (CredentialState.BROKEN_HISTORY, Says.AI)
    assert not found.is_trusted_capture


def test_credentials_stored_elsewhere_are_not_fetched(authority: Authority) -> None:
    content = authority.sign_remote_only(PHOTO, "image/jpeg", url="https://elsewhere.invalid/m.c2pa")
    found, evidence = inspection.inspect(content)
    assert found.credentials is CredentialState.REMOTE_ONLY
    assert "not fetched" in found.sentence
    assert evidence[0].value == "elsewhere.invalid"


def test_a_process_refuses_to_read_credentials_if_the_library_would_fetch() -> None:
    credentials.prove_offline(c2pa.Context.from_dict(credentials.SETTINGS))
    settings = copy.deepcopy(credentials.SETTINGS)
    settings["verify"]["remote_manifest_fetched"] = settings["verify"].pop("remote_manifest_fetch")  # a typing error
    with pytest.raises(SandboxFailed, match="not offline"):
        credentials.prove_offline(c2pa.Context.from_dict(settings))


def test_no_credential_is_read_before_that_proof(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    content = authority.sign(PHOTO, "image/jpeg", source_type="trainedAlgorithmicMedia")
    settings = copy.deepcopy(credentials.SETTINGS)
    settings["verify"]["remote_manifest_fetch"] = True
    monkeypatch.setattr(credentials, "SETTINGS", settings)
    credentials._context.cache_clear()
    with pytest.raises(SandboxFailed, match="not offline"):
        credentials.read(content)
    credentials._context.cache_clear()


def test_either_switch_alone_keeps_the_library_offline() -> None:
    settings = copy.deepcopy(credentials.SETTINGS)
    settings["verify"]["remote_manifest_fetch"] = True
    with pytest.raises(SandboxFailed, match="not permitted"):
        credentials.prove_offline(c2pa.Context.from_dict(settings))


@pytest.mark.parametrize("make", ["missing", "empty", "no certificates"])
def test_trust_lists_that_hold_nothing_are_named(tmp_path: Path, make: str) -> None:
    folder = tmp_path / "lists"
    if make != "missing":
        folder.mkdir()
    if make == "no certificates":
        (folder / "a.pem").write_text("hello")
    with pytest.raises(SandboxFailed, match="lists"):
        trust.load(str(folder))


def test_a_folder_is_read_by_the_names_of_its_files(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"
    (tmp_path / "anchors.pem").write_text(pem % "AAAA")
    (tmp_path / "allowed_list.pem").write_text(pem % "BBBB")
    (tmp_path / "store.cfg").write_text("1.2.3.4\n")
    settings = trust.load(str(tmp_path)).settings
    assert "AAAA" in settings["trust_anchors"]
    assert "BBBB" not in settings["trust_anchors"]
    assert "BBBB" in settings["allowed_list"]
    assert {"1.2.3.4", "1.3.6.1.4.1.62558.2.1"} <= set(settings["trust_config"].split())


def manifest(*actions: tuple[str, str], ingredients: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    done = [{"action": f"c2pa.{action}", "digitalSourceType": value} for action, value in actions]
    return {
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": done}}],
        "ingredients": [{"relationship": way, "active_manifest": label} for way, label in ingredients],
    }


MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/"
WHOLE = manifest(("created", f"{MEDIA}trainedAlgorithmicMedia"))
WALKS: dict[str, tuple[dict[str, Any], list[Says]]] = {
    "created by AI": ({"a": WHOLE}, [AI]),
    "a blank in front": ({"a": manifest(("created", f" {MEDIA}digitalCapture"))}, [CAPTURE]),
    "another case": ({"a": manifest(("created", "https://x/trainedalgorithmicmedia"))}, [AI]),
    "placed": ({"a": manifest(("placed", f"{MEDIA}trainedAlgorithmicMedia"))}, [EDITED]),
    "composite": ({"a": manifest(("edited", f"{MEDIA}compositeSynthetic"))}, [EDITED]),
    "procedural": ({"a": manifest(("created", f"{MEDIA}algorithmicMedia"))}, [Says.OTHER]),
    "parent of parent": (
        {"a": manifest(ingredients=(("parentOf", "b"),)), "b": manifest(ingredients=(("parentOf", "c"),)), "c": WHOLE},
        [AI],
    ),
    "component": ({"a": manifest(ingredients=(("componentOf", "b"),)), "b": WHOLE}, [EDITED]),
    "prompt picture": ({"a": manifest(ingredients=(("inputTo", "b"),)), "b": WHOLE}, [Says.OTHER]),
    "unknown way": ({"a": manifest(ingredients=(("besideOf", "b"),)), "b": WHOLE}, [Says.OTHER]),
    "capture of a component": (
        {"a": manifest(ingredients=(("componentOf", "b"),)), "b": manifest(("created", f"{MEDIA}digitalCapture"))},
        [Says.OTHER],
    ),
    "cycle": (
        {
            "a": manifest(("created", f"{MEDIA}digitalCapture"), ingredients=(("parentOf", "b"),)),
            "b": manifest(ingredients=(("parentOf", "a"), ("parentOf", "b"))),
        },
        [CAPTURE],
    ),
    "junk": ({"a": {"assertions": "x", "ingredients": [None, {"active_manifest": 3}]}}, []),
    "metadata assertion": (
        {
            "a": {
                "assertions": [
                    {"label": "cawg.metadata", "data": {"Iptc4xmpExt:DigitalSourceType": MEDIA + "compositeSynthetic"}}
                ]
            }
        },
        [EDITED],
    ),
    "first Firefly": (
        {
            "a": {
                "assertions": [
                    {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created"}]}},
                    {"label": "com.adobe.generative-ai", "data": {"version": "1"}},
                ]
            }
        },
        [AI],
    ),
}


@pytest.mark.parametrize("name", WALKS)
def test_where_a_declaration_stands_decides_what_it_says(name: str) -> None:
    store, expected = WALKS[name]
    found = manifests.declarations({"active_manifest": "a", "manifests": store})
    assert [item.says for item in found] == expected


def test_a_deep_chain_of_manifests_ends() -> None:
    store = {str(at): manifest(ingredients=(("parentOf", str(at + 1)),) * 2) for at in range(10_000)}
    assert manifests.declarations({"active_manifest": "0", "manifests": store}) == []


@pytest.mark.parametrize("store", [{}, {"manifests": 3}, {"active_manifest": None, "manifests": {}}])
def test_an_odd_store_declares_nothing(store: dict[str, Any]) -> None:
    assert manifests.declarations(store) == []
