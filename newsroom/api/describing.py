"""What the description for programs says beyond what the framework writes by itself."""

from __future__ import annotations

from typing import Any

from newsroom.api import problems
from newsroom.api.limits import MULTIPART


def complete(description: dict[str, Any]) -> None:
    """Give problems their own type and words, and say of forms what no form can say, and what none may hold."""
    for methods in description["paths"].values():
        for operation in methods.values():
            form = operation.get("requestBody", {}).get("content", {}).get(MULTIPART)
            if form:
                _close(form["schema"])
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    titles = [str(kind.title) for kind in problems.KINDS.values() if kind.status == int(status)]
                    answer["description"] = " ".join(titles)
                    answer["content"] = {problems.MEDIA_TYPE: next(iter(answer["content"].values()))}


def _close(schema: dict[str, Any]) -> None:
    """A form holds no other fields, a field that may be left out has no word for null, and a file is not empty."""
    schema["additionalProperties"] = False
    schema["properties"]["file"]["minLength"] = 1
    for member in schema["properties"].values():
        kinds = [one for one in member.pop("anyOf", ()) if one != {"type": "null"}]
        if len(kinds) == 1:
            member.update(kinds[0])
