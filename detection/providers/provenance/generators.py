"""The text that image generators leave in their files: exact keys and anchored patterns. Pure; asked by `metadata`.

Never a word inside a caption: "firefly", "flux" or "imagen" in a description mean an insect, physics or a typing
error. Keys and forms were read from real files or the programs' own sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from detection.providers.provenance.xmp import is_tc260_ai
from detection.results import Evidence
from detection.vocabulary import Says

_SETTINGS_LINE = re.compile(r"^Steps: \d+, (?:[A-Z][\w ]*: [^\n]*, )?Sampler: ", re.MULTILINE)
_JOB_ID = re.compile(r"Job ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\s*\Z")
_DREAM = re.compile(r'\A"?.+"?\s-s\s?\d+\s.*-S\s?\d+', re.DOTALL)
_SIGNATURE = re.compile(r"\ASignature: [A-Za-z0-9+/]{40,}={0,2}\Z")
_UUID = re.compile(r"\A[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_SAMPLER = re.compile(r"Sampler")
_MAX_JSON = 4 * 1024 * 1024


def in_texts(texts: Mapping[str, str], *, where: str) -> Iterator[Evidence]:
    """What named texts (PNG chunks, or their like in other formats) say of a generator."""
    yield from in_settings(texts.get("parameters", ""), key="parameters", where=where)
    yield from in_comfyui(texts.get("prompt", ""), texts.get("workflow", ""), where=where)
    if _is_object(texts.get("invokeai_metadata")):
        yield _by("InvokeAI", "invokeai_metadata", texts["invokeai_metadata"], where)
    if _is_object(texts.get("sd-metadata")):
        yield _by("InvokeAI", "sd-metadata", texts["sd-metadata"], where)
    if _DREAM.search(texts.get("Dream", "")[:20_000]):
        yield _by("InvokeAI", "Dream", texts["Dream"], where)
    if texts.get("Software") == "NovelAI":
        yield _by("NovelAI", "Software", texts.get("Source") or "NovelAI", where)
    if texts.get("Title") == "AI generated image" and texts.get("Source", "").startswith("Stable Diffusion"):
        yield _by("NovelAI", "Title", "AI generated image", where)
    if _JOB_ID.search(texts.get("Description", "")):
        yield _by("Midjourney", "Description", texts["Description"], where)
    if texts.get("fooocus_scheme") and _is_object(texts.get("parameters")):
        yield _by("Fooocus", "fooocus_scheme", texts["fooocus_scheme"], where)
    if texts.get("AIGC"):
        says = Says.AI if is_tc260_ai(texts["AIGC"]) else Says.OTHER
        yield Evidence(kind="text", key="AIGC", value=texts["AIGC"], where=where, says=says, strength="B")


def in_settings(text: str, *, key: str, where: str) -> Iterator[Evidence]:
    """Stable Diffusion WebUI's settings line, or SwarmUI's settings, in a text or an EXIF comment."""
    if _SETTINGS_LINE.search(text[:100_000]):
        yield _by("Stable Diffusion WebUI", key, text, where)
    elif text.lstrip().startswith("{") and '"sui_image_params"' in text[:_MAX_JSON] and _is_object(text):
        yield _by("SwarmUI", key, text, where)


def in_comfyui(prompt: str, workflow: str, *, where: str) -> Iterator[Evidence]:
    """ComfyUI's graph. Without a sampler it may only have cropped or enlarged a real photograph."""
    graphs = [(key, graph) for key, text in (("prompt", prompt), ("workflow", workflow)) if (graph := _graph(text))]
    if not graphs:
        return
    sampled = [(key, node) for key, graph in graphs for node in _node_types(key, graph) if _SAMPLER.search(node)]
    if sampled:
        key, node = sampled[0]
        yield _by("ComfyUI", key, f"ComfyUI graph with {node}", where)
        return
    yield Evidence(
        kind="generator",
        key=graphs[0][0],
        value="ComfyUI graph without a sampler: the file passed through ComfyUI",
        where=where,
        strength="D",
    )


def in_exif(tags: Mapping[str, str]) -> Iterator[Evidence]:
    """What EXIF fields say of a generator: `tags` by name, already text."""
    comment = tags.get("UserComment", "")
    yield from in_settings(comment, key="UserComment", where="EXIF")
    make, model = tags.get("Make", ""), tags.get("Model", "")
    if make.startswith("workflow:") or model.startswith("prompt:"):
        yield from in_comfyui(
            model.removeprefix("prompt:"), make.removeprefix("workflow:"), where="EXIF Make and Model"
        )
    if _SIGNATURE.match(tags.get("ImageDescription", "")) and _UUID.match(tags.get("Artist", "")):
        yield _by("Grok (undocumented mark)", "ImageDescription", tags["ImageDescription"], "EXIF")
    if '"AIGC"' in comment and is_tc260_ai(comment):
        yield Evidence(kind="exif", key="UserComment AIGC", value=comment, where="EXIF", says=Says.AI, strength="B")


def stealth(mark: str) -> Evidence:
    """Settings hidden in the lowest bits of the pixels, found by their signature."""
    return _by("Stable Diffusion (hidden text)", mark, mark, "lowest bits of the pixels")


def _by(program: str, key: str, value: str, where: str) -> Evidence:
    return Evidence(kind="generator", key=key, value=value, where=f"{program}, {where}", says=Says.AI, strength="C")


def _is_object(text: str | None) -> bool:
    return text is not None and bool(_graph(text))


def _graph(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{") or len(text) > _MAX_JSON:
        return None
    try:
        graph = json.loads(text.strip().rstrip("\0"))
    except (ValueError, RecursionError):
        return None
    return graph if isinstance(graph, dict) else None


def _node_types(key: str, graph: dict[str, Any]) -> Iterator[str]:
    """The nodes' types: `prompt` maps ids to nodes with a class_type, `workflow` lists nodes with a type."""
    nodes = graph.get("nodes") if key == "workflow" else list(graph.values())
    name = "type" if key == "workflow" else "class_type"
    for node in nodes if isinstance(nodes, list) else ():
        if isinstance(node, dict) and isinstance(node.get(name), str):
            yield node[name][:60]
