"""A04, A05, A17 by chance: whatever comes to the door of callbacks is no fault of ours, and unverified makes no row.

`DOOR_TRIES=20000` tries more, and `-s` prints how many came to which answer.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, event, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from detection.models import WebhookDelivery
from detection.views import webhooks
from tests.detection.calling import BASE, OTHER, generic, path_to, signed

pytestmark = pytest.mark.django_db
TRIES = int(os.environ.get("DOOR_TRIES", "120"))
HIVE = {"BACKEND": "detection.providers.hive.HiveProvider", "OPTIONS": {"api_key": "k", "callbacks": "on"}}
REFUSED = {400, 401, 404, 405, 411, 413, 415, 429}
WHOLE = {"is_whole": True, "path": path_to(), "method": "POST", "kind": "application/json", "length": None}

_TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=80)
_HEADERS = st.dictionaries(
    st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x-signature", "x-timestamp"])
    | st.from_regex(r"[a-z]{1,12}(-[a-z]{1,12}){0,2}", fullmatch=True),
    _TEXT,
    max_size=5,
)
_PATHS = st.sampled_from(
    [path_to(), path_to()[:-1], path_to("nobody"), path_to("hive"), path_to() + "x/", "/detection/webhooks/"]
) | st.builds(lambda alias, text: f"/detection/webhooks/{alias}/{text}", st.sampled_from(["vendor", "hive"]), _TEXT)
_ODD = st.fixed_dictionaries(
    {
        "path": _PATHS,
        "method": st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "X"]),
        "kind": st.sampled_from(["application/json", "application/json; charset=x", "text/plain", "", "multipart/x"]),
        "length": st.none() | st.sampled_from(["", "-1", "0", "x", "65537", "٣", "9" * 30]),
        "is_whole": st.just(False),
    }
)  # fmt: skip
_HOW = st.sampled_from(["not at all", "well", "by another", "and a bit of the body", "and a bit of a header"])
seen: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    yield
    print("\n" + "\n".join(f"{count:7} {what}" for what, count in sorted(seen.items())))  # noqa: T201
    # Else the door were closed by something that nobody meant.
    assert {what.partition(" ")[0] for what in seen} >= {"202", "401", "404", "405"}


@pytest.fixture(autouse=True)
def _house(settings: Any, configure: Callable[..., None]) -> None:
    settings.DETECTION_PROVIDERS = {**generic(), "hive": HIVE}
    configure(PUBLIC_BASE_URL=BASE, PROVENANCE=False)


def _changed(text: str, at: int) -> str:
    at %= len(text)
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


@trying(max_examples=TRIES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300) | st.recursive(st.none() | _TEXT, st.lists).map(lambda one: repr(one).encode()),
    headers=_HEADERS,
    how=_HOW,
    door=st.just(WHOLE) | _ODD,
    at=st.integers(0, 10_000),
)
def test_a17_whatever_comes_is_no_fault_of_ours_and_makes_no_row_unverified(
    body: bytes, headers: dict[str, str], how: str, door: dict[str, Any], at: int
) -> None:
    webhooks.refusals = webhooks.Refusals()
    given_by = (
        signed(body, event_id=f"ev_{at}", secret=OTHER) if how == "by another" else signed(body, event_id=f"ev_{at}")
    )
    if how == "and a bit of a header":
        name = sorted(given_by)[at % len(given_by)]
        given_by[name] = _changed(given_by[name], at)
        # The last letter of a signature has bits that stand for nothing: another one may be the same signature.
        is_last = name == "webhook-signature" and at % len(given_by[name]) >= len(given_by[name]) - 2
        how = "perhaps" if is_last else how
    if how == "and a bit of the body":
        body = bytes([body[0] ^ 1, *body[1:]]) if body else b"x"
    sent = headers if how == "not at all" else {**headers, **given_by}
    more = {} if door["length"] is None else {"CONTENT_LENGTH": door["length"]}
    before = WebhookDelivery.objects.count()

    answer = Client().generic(door["method"], door["path"], body, content_type=door["kind"], headers=sent, **more)

    rows = WebhookDelivery.objects.count() - before
    event(f"{answer.status_code} {how}")
    seen[f"{answer.status_code} signed {how}"] += 1
    assert answer.status_code in {202, *REFUSED}
    assert answer.status_code == 202 or not (how == "well" and door["is_whole"] and body)
    assert rows == (answer.status_code == 202)
    assert how in ("well", "perhaps") or not rows
    assert not answer.cookies
    WebhookDelivery.objects.all().delete()
