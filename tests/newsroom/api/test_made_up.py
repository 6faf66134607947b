"""Requests made up from the API's own description: whatever comes, the answer is one that the description knows.

A few for each operation here; `API_EXAMPLES=1000 pytest tests/newsroom/api/test_made_up.py` makes more up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode

from newsroom.api import limits, tokens
from newsroom.api.site import api
from newsroom.models import Photo, Story
from tests.newsroom.conftest import asset_of

pytestmark = pytest.mark.django_db
EXAMPLES = int(os.environ.get("API_EXAMPLES", "5"))
OPERATIONS = [
    operation.view_func.__name__
    for bound in api._get_bound_routers()
    for view in bound.path_operations.values()
    for operation in view.operations
]
made_up = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def description(db: None) -> Iterator[Any]:
    django = get_wsgi_application()
    # A server's requests end with their connection, and here it is the test's.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)

    def closing(environ: Any, start_response: Any) -> list[bytes]:
        """As a server does: read to the end, then let go of the file."""
        answer = django(environ, start_response)
        try:
            return [b"".join(answer)]  # type: ignore[arg-type]
        finally:
            answer.close()

    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", closing)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def things(held: Photo, story: Story, dana: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A held picture in a story, and the token of the chief who may do everything about it."""
    settings.API_RATE = settings.UPLOAD_FILES_A_DAY = 1_000_000
    monkeypatch.setattr(limits, "STRANGERS", 1_000_000)
    asset = asset_of(held)
    return {
        "headers": {"Authorization": f"Bearer {tokens.issue(dana, name='made up')[1]}"},
        "slug": story.slug,
        "asset_id": str(asset.public_id),
        "evidence": asset.evidence,
    }


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_whatever_comes_is_answered_as_described(
    mode: GenerationMode, description: Any, things: dict[str, Any]
) -> None:
    """Each operation as made up, and once more about a story and a picture that are there.

    All in one test, for building the newsroom takes longer than asking it.
    """
    assert len(OPERATIONS) == 18
    for operation in OPERATIONS:
        _ask(description.find_operation_by_id(operation).as_strategy(generation_mode=mode), things)


def _ask(cases: Any, things: dict[str, Any]) -> None:
    @given(case=cases)
    @made_up
    def ask(case: Any) -> None:
        # What is lost on the way into an address, or into a form, never comes to be refused.
        assume(all(value not in ([], {}, None) for value in (case.query or {}).values()))
        case.call_and_validate(headers=things["headers"])
        for name in case.path_parameters or {}:
            case.path_parameters[name] = things.get(name, case.path_parameters[name])
        if isinstance(case.body, dict) and "evidence" in case.body:
            case.body["evidence"] = things["evidence"]
        answer = case.call(headers=things["headers"])
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=[schemathesis.checks.response_schema_conformance])

    ask()
