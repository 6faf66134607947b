from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from detection.providers.provenance import inspection, metadata, png_text, source_types, xmp
from detection.results import MAX_VALUE, Evidence
from detection.testing import images
from detection.vocabulary import Says

PNG = images.photo_like(format="PNG", size=(160, 120))
PHOTO = images.photo_like(size=(160, 120))
AI, EDITED, CAPTURE, OTHER = Says.AI, Says.AI_EDITED, Says.CAPTURE, Says.OTHER
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def read(content: bytes) -> tuple[Evidence, ...]:
    return metadata.read(content, max_pixels=50_000_000)


def says(content: bytes) -> Says | None:
    return inspection.inspect(content)[0].says


def packet(attributes: str = "", inside: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


@pytest.mark.parametrize("form", ["attribute", "element", "resource"])
@pytest.mark.parametrize("kind", images.FORMATS)
def test_the_source_type_is_found_in_every_form_and_format(kind: str, form: str) -> None:
    content = images.with_xmp_source_type(images.photo_like(format=kind, size=(160, 120)), form=form)
    (found,) = [item for item in read(content) if item.key == "Iptc4xmpExt:DigitalSourceType"]
    assert (found.says, found.strength, found.kind) == (AI, "B", "iptc")
    assert found.value == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("trainedAlgorithmicMedia", AI),
        ("https://cv.iptc.org/newscodes/digitalsourcetype/TRAINEDALGORITHMICMEDIA/", AI),
        (" trainedAlgorithmicMedia ", AI),
        ("compositeWithTrainedAlgorithmicMedia", EDITED),
        ("compositeSynthetic", EDITED),
        ("digitalCapture", CAPTURE),
        ("computationalCapture", CAPTURE),
        *((code, OTHER) for code in (*sorted(source_types.OTHERS), *source_types.RETIRED)),
        ("nonsense", OTHER),
        ("", OTHER),
    ],
)
def test_each_source_type_says_what_iptc_means(code: str, expected: Says) -> None:
    assert source_types.says(code) is expected


def test_retired_codes_are_read_and_said_to_be_retired() -> None:
    assert source_types.note_on("minorHumanEdits") == "retired code, read as humanEdits"
    assert source_types.note_on("digitalArt") == "retired code, read as digitalCreation"
    assert "definite" in source_types.note_on("softwareImage")
    assert source_types.note_on("humanEdits") == ""
    (found,) = xmp.evidence(packet('Iptc4xmpExt:DigitalSourceType="digitalArt"'))
    assert "retired" in found.where


def test_the_other_spelling_of_the_field_is_read() -> None:
    (found,) = xmp.evidence(packet('Iptc4xmpExt:DigitalSourcetype="trainedAlgorithmicMedia"'))
    assert found.says is AI


def test_an_unsigned_capture_carries_no_weight() -> None:
    content = images.with_xmp_source_type(PHOTO, "digitalCapture")
    declared, evidence = inspection.inspect(content)
    assert (declared.says, declared.is_trusted_capture) == (CAPTURE, False)
    assert "counts for nothing" in declared.sentence
    assert evidence[0].strength == "E"


BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<x:xmpmeta xmlns:x="adobe:ns:meta/">&b; digitalsourcetype/trainedAlgorithmicMedia</x:xmpmeta>"""


@pytest.mark.parametrize(
    "junk",
    [
        BILLION_LAUGHS,
        b"<x:xmpmeta><broken http://x/digitalsourcetype/trainedAlgorithmicMedia",
        b"\xff\xfe<x digitalSourceType/trainedAlgorithmicMedia",
    ],
    ids=["entities", "cut off", "not text"],
)
def test_a_packet_that_cannot_be_parsed_is_searched(junk: bytes) -> None:
    (found,) = xmp.evidence(junk)
    assert (found.says, found.value) == (AI, "trainedAlgorithmicMedia")
    assert "damaged" in found.where


def test_an_external_entity_is_never_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("digitalsourcetype/trainedAlgorithmicMedia")
    hostile = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&e;</x:xmpmeta>'
    assert xmp.evidence(hostile.encode()) == []


@pytest.mark.parametrize(
    ("attributes", "inside", "key", "expected"),
    [
        ('Iptc4xmpExt:AISystemUsed="Painter"', "", "Iptc4xmpExt:AISystemUsed", AI),
        (
            "",
            "<Iptc4xmpExt:AIPromptInformation>a cat</Iptc4xmpExt:AIPromptInformation>",
            "Iptc4xmpExt:AIPromptInformation",
            AI,
        ),
        (
            'Iptc4xmpExt:AISystemUsed="Painter" Iptc4xmpExt:DigitalSourceType="compositeWithTrainedAlgorithmicMedia"',
            "",
            "Iptc4xmpExt:AISystemUsed",
            EDITED,
        ),
        ('photoshop:Credit="Made with Google AI"', "", "photoshop:Credit", AI),
        ('photoshop:Credit="Edited with Google AI"', "", "photoshop:Credit", EDITED),
        ("", '<TC260:AIGC>{"Label":"1","ContentProducer":"x"}</TC260:AIGC>', "TC260:AIGC", AI),
        ("", '<TC260:AIGC>{"Label":"3"}</TC260:AIGC>', "TC260:AIGC", OTHER),
        ('xmp:CreatorTool="Adobe Firefly"', "", "xmp:CreatorTool", OTHER),
    ],
)
def test_fields_that_speak_of_ai_are_read(attributes: str, inside: str, key: str, expected: Says) -> None:
    (found,) = [item for item in xmp.evidence(packet(attributes, inside)) if item.key == key]
    assert found.says is expected


def test_words_in_captions_say_nothing() -> None:
    caption = "Firefly and imagen of a flux: Made with Google AI, Steps: 20, Job ID: 7 and a prompt"
    content = images.with_png_text(PNG, {"Description": caption, "Comment": caption, "Title": caption})
    assert says(content) is None
    assert xmp.evidence(packet(f'photoshop:Credit="{caption}" photoshop:Headline="{caption}"')) == []


SETTINGS = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: x"
SAMPLED = json.dumps({"3": {"class_type": "KSampler", "inputs": {}}, "4": {"class_type": "SaveImage"}})
UPSCALED = json.dumps({"1": {"class_type": "LoadImage"}, "2": {"class_type": "ImageScale"}})
WORKFLOW = json.dumps({"nodes": [{"type": "SamplerCustomAdvanced"}, {"type": "Note"}]})
TEXTS: dict[str, tuple[Mapping[str, str], Says | None, str]] = {
    "Stable Diffusion WebUI": ({"parameters": SETTINGS}, AI, "parameters"),
    "Forge with a schedule": ({"parameters": "x\nSteps: 9, Schedule type: Simple, Sampler: Euler"}, AI, "parameters"),
    "SwarmUI": ({"parameters": json.dumps({"sui_image_params": {"prompt": "x"}})}, AI, "parameters"),
    "ComfyUI": ({"prompt": SAMPLED}, AI, "prompt"),
    "ComfyUI's workflow": ({"workflow": WORKFLOW}, AI, "workflow"),
    "ComfyUI without a sampler": ({"prompt": UPSCALED}, None, "prompt"),
    "a prompt that is no graph": ({"prompt": "a Sampler of cats"}, None, ""),
    "a prompt too deep": ({"prompt": "{" + '"a":{' * 100_000}, None, ""),
    "InvokeAI": ({"invokeai_metadata": '{"model": "x"}'}, AI, "invokeai_metadata"),
    "old InvokeAI": ({"sd-metadata": '{"model": "x"}'}, AI, "sd-metadata"),
    "oldest InvokeAI": ({"Dream": '"a cat" -s 50 -W 512 -H 512 -C 7.5 -A k_lms -S 42'}, AI, "Dream"),
    "somebody's dream": ({"Dream": "I dreamt of a cat"}, None, ""),
    "NovelAI": ({"Software": "NovelAI", "Source": "Stable Diffusion XL 1"}, AI, "Software"),
    "NovelAI's title": ({"Title": "AI generated image", "Source": "Stable Diffusion 1D"}, AI, "Title"),
    "Fooocus": ({"fooocus_scheme": "fooocus", "parameters": '{"prompt": "x"}'}, AI, "fooocus_scheme"),
    "Midjourney": ({"Description": f"a cat --ar 3:2 --v 6 Job ID: {UUID}", "Author": "x"}, AI, "Description"),
    "TC260": ({"AIGC": '{"Label": "1"}'}, AI, "AIGC"),
    "GIMP": ({"Software": "GIMP 2.10"}, None, "Software"),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("after_pixels", [False, True], ids=["before the pixels", "after the pixels"])
def test_what_generators_write_into_pngs_is_told_apart(name: str, after_pixels: bool) -> None:
    texts, expected, key = TEXTS[name]
    content = images.with_png_text(PNG, texts, after_pixels=after_pixels)
    assert says(content) is expected
    assert (key in [item.key for item in read(content)]) == bool(key)


def test_a_file_that_only_passed_through_comfyui_is_said_to_have() -> None:
    (found,) = read(images.with_png_text(PNG, {"prompt": UPSCALED}))
    assert (found.says, found.strength) == (OTHER, "D")
    assert "passed through ComfyUI" in found.value


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_settings_in_an_exif_comment_are_read(kind: str) -> None:
    content = images.with_exif(images.photo_like(format=kind, size=(160, 120)), user_comment=SETTINGS)
    (found,) = [item for item in read(content) if item.key == "UserComment"]
    assert (found.says, found.strength) == (AI, "C")


def test_settings_in_little_endian_utf16_are_read() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + SETTINGS.encode("utf-16-le")
    assert says(images.encode(images.decode(PHOTO), exif=exif)) is AI


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({0x010F: f"workflow:{WORKFLOW}", 0x0110: f"prompt:{SAMPLED}"}, AI),
        ({0x010F: "workflow:{}", 0x0110: f"prompt:{UPSCALED}"}, None),
        ({0x010E: "Signature: " + "Ab3/" * 20 + "==", 0x013B: UUID}, AI),
        ({0x010E: "Signature: mine", 0x013B: UUID}, None),
        ({0x010E: "Signature: " + "Ab3/" * 20, 0x013B: "A. Person"}, None),
        ({0x010F: "Canon", 0x0110: "EOS R5", 0x0131: "Adobe Photoshop"}, None),
    ],
)
def test_exif_says_what_its_fields_say(tags: dict[int, Any], expected: Says | None) -> None:
    assert says(images.with_exif(PHOTO, tags)) is expected


def test_camera_fields_are_context_without_weight() -> None:
    found = {item.key: item.strength for item in read(images.with_exif(PHOTO, {0x010F: "Canon", 0x0131: "GIMP"}))}
    assert found == {"Make": "E", "Software": "D"}


def test_a_credit_line_in_iptc_iim_is_read() -> None:
    credit = b"Made with Google AI"
    dataset = b"\x1c\x02\x6e" + len(credit).to_bytes(2, "big") + credit
    block = b"8BIM\x04\x04\0\0" + len(dataset).to_bytes(4, "big") + dataset + b"\0" * (len(dataset) % 2)
    body = b"Photoshop 3.0\0" + block
    content = PHOTO[:2] + b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body + PHOTO[2:]
    (found,) = read(content)
    assert (found.key, found.says) == ("IIM 2:110 Credit", AI)


def hidden(text: str, mode: str) -> bytes:
    """A picture with `text` in its lowest bits, column by column."""
    bits = "".join(f"{byte:08b}" for byte in text.encode())
    image = Image.new(mode, (40, 50), (200, 200, 200, 255)[: len(mode)])
    each = 1 if mode == "RGBA" else 3
    for at in range(0, len(bits), each):
        column, row = divmod(at // each, 50)
        pixel = list(image.getpixel((column, row)))
        for offset, bit in enumerate(bits[at : at + each]):
            band = 3 if mode == "RGBA" else offset
            pixel[band] = pixel[band] & ~1 | int(bit)
        image.putpixel((column, row), tuple(pixel))
    return images.encode(image, format="PNG")


@pytest.mark.parametrize(
    ("mode", "mark"), [("RGBA", "stealth_pnginfo"), ("RGBA", "stealth_pngcomp"), ("RGB", "stealth_rgbinfo")]
)
def test_settings_hidden_in_the_pixels_are_found(mode: str, mark: str) -> None:
    (found,) = read(hidden(mark + "more", mode))
    assert (found.key, found.says) == (mark, AI)
    assert read(hidden("nothing of theirs", mode)) == ()


def test_hidden_settings_are_not_looked_for_in_pictures_over_the_limit() -> None:
    assert metadata.read(hidden("stealth_pnginfo", "RGBA"), max_pixels=40 * 50 - 1) == ()


def test_one_damaged_part_hides_no_other() -> None:
    content = images.with_xmp_source_type(images.with_exif(PHOTO, {0x010F: "Canon"}))
    at = content.index(b"Exif\0\0") + 6
    spoilt = content[:at] + b"\xff" * 12 + content[at + 12 :]
    assert says(spoilt) is AI


def test_values_are_cut_and_made_printable() -> None:
    content = images.with_png_text(PNG, {"parameters": SETTINGS.replace("a cat", "\x1b[31m<img onerror=x>" * 100)})
    (found,) = read(content)
    assert len(found.value) <= MAX_VALUE
    assert found.value.isprintable()


def test_compressed_and_international_texts_are_read() -> None:
    body = b"prompt\0\0" + zlib.compress(SAMPLED.encode())
    packed = len(body).to_bytes(4, "big") + b"zTXt" + body + zlib.crc32(b"zTXt" + body).to_bytes(4, "big")
    at = PNG.index(b"IDAT") - 4
    assert says(PNG[:at] + packed + PNG[at:]) is AI
    assert png_text.texts(images.with_png_text(PNG, {"k": "чёрный кот"})) == [("k", "чёрный кот")]


def test_a_text_bomb_is_unpacked_only_so_far() -> None:
    body = b"k\0\0" + zlib.compress(b"a" * 50_000_000, 9)
    ((_, text),) = png_text.texts(b"\x89PNG\r\n\x1a\n" + len(body).to_bytes(4, "big") + b"zTXt" + body + b"\0\0\0\0")
    assert len(text) == png_text.MAX_TEXT


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"%PDF", b"\0" * 100])
def test_what_is_no_picture_declares_nothing(content: bytes) -> None:
    declared, evidence = inspection.inspect(content)
    assert (declared.says, evidence) == (None, ())
    assert declared.sentence == "The file declares no AI use."


def test_a_moving_picture_over_the_limit_is_still_read_for_declarations() -> None:
    buffer = io.BytesIO(images.with_xmp_source_type(images.animated(3)))
    assert says(buffer.getvalue()) is AI


@pytest.mark.corpus
def test_no_real_photograph_declares_ai_and_generated_ones_do_where_they_say_so(corpus: Path) -> None:
    found = {
        path.name: inspection.inspect(path.read_bytes())[0].says
        for path in sorted((corpus / "photos").iterdir())
        if path.suffix != ".csv"
    }
    assert not [name for name, said in found.items() if name.startswith("real__") and said in (AI, EDITED)]
    generated = {name: said for name, said in found.items() if name.startswith("ai__")}
    stripped = {name for name in generated if "__stable-diffusion__" in name}
    assert len(stripped) == 4
    assert {name for name, said in generated.items() if said is None} == stripped
    assert {said for name, said in generated.items() if name not in stripped} == {AI}
