"""Callers of the API: each of the cast with a token, and a service whose account edits News."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.http import HttpResponse
from django.test import Client

from detection.testing.images import photo_like
from newsroom.api import tokens
from newsroom.models import Desk
from tests.newsroom.conftest import person

API = "/api/v1"


@dataclass(frozen=True)
class Program:
    """A client that sends one token and nothing else; `csrf` is enforced, for no cookie may matter here."""

    token: str = ""

    def ask(self, method: str, path: str, data: Any = None, **headers: str) -> HttpResponse:
        body = {} if data is None else {"data": data, "content_type": "application/json"}
        return getattr(Client(enforce_csrf_checks=True), method)(f"{API}{path}", headers=self._with(headers), **body)  # type: ignore[no-any-return]

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.ask("get", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str) -> HttpResponse:
        return self.ask("post", path, {} if data is None else data, **headers)

    def upload(self, slug: str, content: bytes = b"", *, key: str = "", **words: Any) -> HttpResponse:
        file = ContentFile(content or photo_like(seed=7, size=(64, 48)), name="wire_photo.jpg")
        headers = self._with({"Idempotency-Key": key} if key else {})
        path = f"{API}/stories/{slug}/pictures"
        return Client(enforce_csrf_checks=True).post(path, {"file": file, **words}, headers=headers)  # type: ignore[return-value]

    def _with(self, headers: dict[str, str]) -> dict[str, str]:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.token}", **more} if self.token else more


Issue = Callable[..., Program]


@pytest.fixture
def program() -> Issue:
    """`program(erin, is_service=True, scopes=["read"])`."""

    def issue(user: User | None = None, **how: Any) -> Program:
        return Program(tokens.issue(user, name="test", **how)[1]) if user is not None else Program()

    return issue


@pytest.fixture
def wire(news: Desk) -> User:
    """The account of a service that brings pictures in."""
    return person("wire", news)


def read(response: HttpResponse) -> Any:
    return json.loads(response.content)


def problem(response: HttpResponse, status: int, kind: str) -> Any:
    """The document of a refusal, which must be of this status and kind."""
    body = read(response)
    assert (response.status_code, body.get("type")) == (status, f"/api/v1/#{kind}"), body
    assert response.headers["Content-Type"] == "application/problem+json"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body
