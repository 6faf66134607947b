"""What a file's author may do to the readers of declarations: nothing but be read, or not."""

from __future__ import annotations

import struct
import time
import zlib
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.providers.provenance import credentials, generators, inspection, manifests, metadata, png_text, xmp
from detection.results import Evidence
from detection.testing import images
from detection.testing.credentials import Authority
from detection.vocabulary import Says
from tests.fuzz import mutations, seeds

PNG = images.photo_like(format="PNG", size=(160, 120))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def after_header(*chunks: bytes) -> bytes:
    return PNG[:33] + b"".join(chunks) + PNG[33:]


def test_a_packet_is_looked_for_once_however_often_one_begins() -> None:
    began = time.process_time()
    assert xmp.search(b"<x:xmpmeta " * 300_000) == b""
    assert time.process_time() - began < 1


def test_a_packet_is_found_behind_false_beginnings_and_ends() -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
    assert xmp.search(b"</x:xmpmeta> <x:xmpmeta <x:xmpmeta" + packet + packet) == packet
    assert xmp.search(b"nothing </x:xmpmeta>") == b""
    assert xmp.search(b"<x:xmpmeta" + bytes(xmp.MAX_PACKET) + b"</x:xmpmeta>") == b""


def test_all_texts_of_a_file_together_are_unpacked_only_so_far() -> None:
    packed = zlib.compress(b"A" * 4_000_000)
    found = png_text.texts(after_header(*(chunk(b"zTXt", b"k%d\0\0" % n + packed) for n in range(90))))
    assert sum(len(text) for _, text in found) <= png_text.MAX_ALL
    assert len(found) > 3


def test_all_packets_of_a_file_together_are_read_only_so_far() -> None:
    def packet(number: int) -> bytes:
        text = b"<x><AISystemUsed>%d</AISystemUsed>" % number + b" " * 1_000_000 + b"</x>"
        return chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(text))

    content = after_header(*(packet(number) for number in range(12)))
    found = {item.value for item in metadata.read(content, max_pixels=10**6) if item.key.endswith("AISystemUsed")}
    assert found == {"0", "1", "2", "3"}


@pytest.mark.parametrize(("max_pixels", "expected"), [(160 * 120, {"before", "behind"}), (160 * 120 - 1, {"before"})])
def test_no_pixel_over_the_limit_is_decoded_to_look_behind_it(max_pixels: int, expected: set[str]) -> None:
    found = set()
    for place, marker in (("before", b"IDAT"), ("behind", b"IEND")):
        whole = images.with_exif(PNG, {0x0131: place})
        exif = next(part for kind, part in images.png_chunks(whole) if kind == b"eXIf")
        at = PNG.index(marker) - 4
        content = PNG[:at] + exif + PNG[at:]
        found |= {item.value for item in metadata.read(content, max_pixels=max_pixels) if item.key == "Software"}
    assert found == expected


def test_a_picture_of_alarming_size_still_says_what_it_is() -> None:
    content = images.with_exif(images.bomb(10_000, 9_500), {0x0131: "Stitcher"})
    assert "Stitcher" in {item.value for item in metadata.read(content, max_pixels=50_000_000)}


def test_what_speaks_of_ai_is_kept_where_not_everything_can_be() -> None:
    others = b"".join(b"<d:DigitalSourceType xmlns:d='d'>word%d</d:DigitalSourceType>" % n for n in range(300))
    ai = b"<d:DigitalSourceType xmlns:d='d'>trainedAlgorithmicMedia</d:DigitalSourceType>"
    declared, evidence = inspection.inspect(images.with_xmp(PNG, b"<x>" + others + ai + b"</x>"))
    assert declared.says is Says.AI
    assert evidence[0].says is Says.AI
    assert len(evidence) == inspection.MAX_EVIDENCE
    assert evidence[-1].kind == "note"


def test_names_that_a_signer_chose_can_neither_turn_a_line_around_nor_break_a_database() -> None:
    authority = Authority.new(signer="Good\N{RIGHT-TO-LEFT OVERRIDE}Bad")
    content = authority.sign(
        PNG, "image/png", source_type="trainedAlgorithmicMedia", software="A\0B\N{RIGHT-TO-LEFT MARK}"
    )
    declared, evidence = inspection.inspect(content)
    assert declared.says is Says.AI
    assert declared.signer.startswith("Good\N{REPLACEMENT CHARACTER}Bad")
    assert all(part.isprintable() for part in (declared.signer, declared.sentence, *declared.codes))
    assert all(part.isprintable() for item in evidence for part in (item.key, item.value, item.where))
    assert any("A\N{REPLACEMENT CHARACTER}B" in item.where for item in evidence)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *(
                        "label",
                        "data",
                        "actions",
                        "action",
                        "digitalSourceType",
                        "softwareAgent",
                        "name",
                        "ingredients",
                    ),
                    *("active_manifest", "relationship", "validation_status", "validation_results", "activeManifest"),
                    *("assertions", "code", "failure", "success", "signature_info", "claim", "a", "issuer"),
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
STORES = st.fixed_dictionaries(
    {},
    optional={
        "active_manifest": st.just("a") | JSON,
        "manifests": st.dictionaries(st.just("a") | st.text(max_size=2), JSON, max_size=2) | JSON,
        "validation_results": JSON,
    },
)


@settings(max_examples=60, deadline=None)
@given(STORES, st.sampled_from(("Valid", "Invalid", "Trusted")))
def test_a_store_of_any_shape_is_read_or_passed_over(store: dict[str, Any], verdict: str) -> None:
    found = credentials._from_store(store, verdict, "")
    assert all(isinstance(item, manifests.Declaration) for item in manifests.declarations(found.store))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=100))
def test_readers_of_text_raise_nothing_whatever_they_read(noise: bytes, text: str) -> None:
    xmp.search(b"<x:xmpmeta" + noise)
    xmp.evidence(noise)
    xmp.evidence(b"<x:xmpmeta>" + noise + b"digitalsourcetype/trainedAlgorithmicMedia</x:xmpmeta>")
    png_text.texts(PNG[:8] + noise)
    png_text.texts(after_header(chunk(b"zTXt", noise), chunk(b"iTXt", b"k\0\1" + noise)))
    for key in ("parameters", "prompt", "workflow", "invokeai_metadata", "Dream", "Description", "AIGC"):
        assert all(isinstance(item, Evidence) for item in generators.in_texts({key: text}, where="here"))
        list(generators.in_texts({key: '{"a":' + text + "}"}, where="here"))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(name for name in seeds.own() if "signed" not in name)))
def test_a_spoilt_file_declares_something_or_nothing(seed: int, origin: str) -> None:
    content, _ = mutations.spoil(seeds.own()[origin], Random(seed))
    assert all(isinstance(item, Evidence) for item in metadata.read(content, max_pixels=0))


def test_no_part_of_a_piece_of_evidence_holds_what_nobody_can_see() -> None:
    """A vendor's key is no safer than a file's value: PostgreSQL refuses NUL, and a page turns at U+202E."""
    piece = Evidence(kind="note", key="soft\x00ware", value="a\u202eb", where="EXIF\n0x0131")
    assert (piece.key, piece.value, piece.where) == ("soft\ufffdware", "a\ufffdb", "EXIF\ufffd0x0131")
