"""The page that explains the API to people, made from the same description that programs get. No script, no CDN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from newsroom.api.models import FOR_SERVICES, Scope
from newsroom.api.problems import KINDS

_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """One parameter, or one member of a body or an answer."""

    name: str
    where: str
    kind: str
    is_required: bool
    words: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for."""

    name: str
    method: str
    path: str
    scope: str
    words: str
    takes: str
    asks: list[Member]
    status: str
    gives: list[Member]
    refuses: str


def page(request: HttpRequest, description: _Json) -> HttpResponse:
    """What there is, what each takes and gives, and what each problem means."""
    groups: dict[str, list[Operation]] = {}
    for tag, operation in _operations(description):
        groups.setdefault(tag, []).append(operation)
    context = {
        "title": _("The API"),
        "groups": groups,
        "problems": [(name, kind) for name, kind in KINDS.items()],
        "scopes": [(scope, scope in FOR_SERVICES) for scope in Scope],
        "root": request.build_absolute_uri(request.path),
    }
    return render(request, "newsroom/api.html", context)


def _operations(description: _Json) -> Iterator[tuple[str, Operation]]:
    schemas = description["components"]["schemas"]
    for path, methods in description["paths"].items():
        for method, one in methods.items():
            status, answer = next(item for item in one["responses"].items() if int(item[0]) < 400)
            takes, body = _content(one.get("requestBody", {}))
            asked = [_parameter(schemas, parameter) for parameter in one.get("parameters", [])]
            yield (
                one["tags"][0],
                Operation(
                    name=one["operationId"],
                    method=method.upper(),
                    path=path,
                    scope=one["x-scope"],
                    words=one.get("description", "").replace("`", ""),
                    takes=takes,
                    asks=[*asked, *_members(schemas, body, _("body"))],
                    status=str(status),
                    gives=_members(schemas, _content(answer)[1], ""),
                    refuses=", ".join(str(code) for code in one["responses"] if int(code) >= 400),
                ),
            )


def _content(one: _Json) -> tuple[str, _Json]:
    """The first type of a body or an answer, and its schema; ("", {}) where there is none."""
    for media_type, content in one.get("content", {}).items():
        return media_type, content.get("schema", {})
    return "", {}


def _parameter(schemas: _Json, one: _Json) -> Member:
    is_required = bool(one.get("required"))
    return Member(
        one["name"], one["in"], _kind(schemas, one["schema"]), is_required, one.get("description", "").replace("`", "")
    )


def _members(schemas: _Json, schema: _Json, where: str) -> list[Member]:
    schema = _followed(schemas, schema)
    required = schema.get("required", ())
    return [
        Member(name, where, _kind(schemas, one), name in required, one.get("description", "").replace("`", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def _followed(schemas: _Json, schema: _Json) -> _Json:
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        elif len(schema.get("allOf", ())) == 1:
            schema = schema["allOf"][0]
        else:
            return schema


def _kind(schemas: _Json, schema: _Json) -> str:
    """A type in a word or two."""
    if either := [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]:
        return _(" or ").join(_kind(schemas, one) for one in either)
    schema = _followed(schemas, schema)
    if words := schema.get("enum"):
        return ", ".join(str(word) for word in words)
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("format") or schema.get("type") or _("anything"))
    if kind == "array":
        items = schema.get("items", {})
        return _("list of %(kind)s") % {"kind": items.get("$ref", "").rpartition("/")[2] or _kind(schemas, items)}
    return str(schema.get("title") or kind) if kind == "object" else kind
