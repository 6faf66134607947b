"""What a manifest store declares: a walk from the active manifest along its ingredients. Pure; asked by `inspection`.

Where a declaration stands decides what it says about this picture: in the active manifest or an unbroken line of
parents it speaks of the whole, in a component of a part, in an input (a prompt or reference picture) of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from detection.providers.provenance import source_types
from detection.providers.provenance.credentials import SOFT_CODES, as_dict, codes_of
from detection.vocabulary import Says

MAX_DEPTH = 12
MAX_MANIFESTS = 200
_METADATA = ("stds.iptc", "c2pa.metadata", "cawg.metadata")


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """One declaration. `is_intact`: no manifest on the way here failed its own check; `is_trusted`: nor did a signer.

    `path` are the relationships from the active manifest: () for the active one itself.
    """

    key: str
    value: str
    says: Says
    path: tuple[str, ...]
    agent: str = ""
    is_intact: bool = True
    is_trusted: bool = True

    @property
    def where(self) -> str:
        """The place in words, for the evidence."""
        if not self.path:
            return "active manifest"
        return "ingredient: " + " of ".join(reversed(self.path))


@dataclass(frozen=True, slots=True)
class _Step:
    label: str
    path: tuple[str, ...] = ()
    above: frozenset[str] = frozenset()
    is_intact: bool = True
    is_trusted: bool = True


def declarations(store: dict[str, Any]) -> list[Declaration]:
    """All declarations of the store, nearest first. Cycles and depth are bounded; odd shapes are passed over."""
    manifests = store.get("manifests")
    if not isinstance(manifests, dict):
        return []
    deltas = _deltas(store)
    waiting = [_Step(str(store.get("active_manifest")))]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    found: list[Declaration] = []
    while waiting and len(seen) < MAX_MANIFESTS:
        step = waiting.pop(0)
        manifest = manifests.get(step.label)
        if not isinstance(manifest, dict) or (step.label, step.path) in seen or len(step.path) > MAX_DEPTH:
            continue
        seen.add((step.label, step.path))
        found += _of_manifest(manifest, step)
        waiting += _ingredients(manifest, step, deltas)
    return found


@dataclass(frozen=True, slots=True)
class _Delta:
    """How our check of an ingredient differs from its importer's: its place, codes gone wrong, codes come right."""

    place: str
    failures: list[str]
    successes: list[str]


def _deltas(store: dict[str, Any]) -> list[_Delta]:
    return [
        _Delta(
            str(delta.get("ingredientAssertionURI", "")),
            codes_of(as_dict(delta.get("validationDeltas")).get("failure")),
            codes_of(as_dict(delta.get("validationDeltas")).get("success")),
        )
        for delta in _dicts(as_dict(store.get("validation_results")).get("ingredientDeltas"))
    ]


def _ingredients(manifest: dict[str, Any], step: _Step, deltas: list[_Delta]) -> Iterator[_Step]:
    for ingredient in _dicts(manifest.get("ingredients")):
        label = ingredient.get("active_manifest")
        if not isinstance(label, str) or label == step.label or label in step.above:
            continue
        # A broken ingredient that its importer recorded as such leaves the whole file valid, so look here, too.
        codes = set(codes_of(ingredient.get("validation_status")))
        codes |= set(
            codes_of(as_dict(as_dict(ingredient.get("validation_results")).get("activeManifest")).get("failure"))
        )
        ending = f"/{step.label}/c2pa.assertions/{ingredient.get('label')}"
        for delta in deltas:
            if delta.place.endswith(ending):
                codes |= set(delta.failures)
                if "signingCredential.trusted" in delta.successes:
                    codes.discard("signingCredential.untrusted")
        yield _Step(
            label,
            (*step.path, str(ingredient.get("relationship") or "unknown")),
            step.above | {step.label},
            is_intact=step.is_intact and not codes - SOFT_CODES,
            is_trusted=step.is_trusted and not codes,
        )


def _of_manifest(manifest: dict[str, Any], step: _Step) -> Iterator[Declaration]:
    for key, value, says, agent in _statements(manifest):
        yield Declaration(
            key=key,
            value=value,
            says=_placed(says, step.path),
            path=step.path,
            agent=agent,
            is_intact=step.is_intact,
            is_trusted=step.is_trusted,
        )


def _placed(says: Says, path: tuple[str, ...]) -> Says:
    """What a statement says about this picture, by the way that leads to it."""
    if all(relationship == "parentOf" for relationship in path):
        return says
    # Only a part that is in the picture counts; `inputTo` is a prompt or reference picture.
    is_part = set(path) <= {"parentOf", "componentOf"}
    return Says.AI_EDITED if is_part and says in (Says.AI, Says.AI_EDITED) else Says.OTHER


def _statements(manifest: dict[str, Any]) -> Iterator[tuple[str, str, Says, str]]:
    """(key, raw value, what it says of its own manifest's picture, program) of each statement."""
    assertions = list(_dicts(manifest.get("assertions")))
    actions = [action for item in assertions for action in _actions(item)]
    is_created = any(action.get("action") == "c2pa.created" for action in actions)
    for action in actions:
        value = action.get("digitalSourceType")
        if isinstance(value, str):
            says = source_types.says(value)
            if says is not Says.AI_EDITED and action.get("action") != "c2pa.created":
                says = Says.AI_EDITED if says is Says.AI else Says.OTHER
            yield f"{action.get('action')} digitalSourceType", value.strip(), says, _agent(action)
    for item in assertions:
        label = str(item.get("label", ""))
        if label.split("__")[0] == "com.adobe.generative-ai":
            # Firefly's first year: the action carries no source type, this assertion says it.
            yield (
                label,
                str(as_dict(item.get("data")).get("version", "")),
                Says.AI if is_created else Says.AI_EDITED,
                "",
            )
        elif label.startswith(_METADATA):
            for key, value in _source_types(item.get("data")):
                yield f"{label} {key}", value.strip(), source_types.says(value), ""


def _actions(assertion: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if str(assertion.get("label", "")).startswith("c2pa.actions") and isinstance(assertion.get("data"), dict):
        yield from _dicts(assertion["data"].get("actions"))


def _agent(action: dict[str, Any]) -> str:
    agent = action.get("softwareAgent")
    name = agent.get("name") if isinstance(agent, dict) else agent
    return str(name or "")[:100]


def _source_types(data: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        return
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(value, str) and str(key).casefold().endswith("digitalsourcetype"):
                yield str(key), value
            else:
                yield from _source_types(value, depth + 1)
    elif isinstance(data, list):
        for value in data:
            yield from _source_types(value, depth + 1)


def _dicts(values: Any) -> Iterator[dict[str, Any]]:
    if isinstance(values, list):
        yield from (value for value in values if isinstance(value, dict))
