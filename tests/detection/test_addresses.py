"""Where a request came from: counted from our own proxies, never believed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from detection import addresses, audit
from detection.models import AuditEvent
from tests.conftest import asset_of, person

PEER = "10.0.0.9"


@pytest.mark.parametrize(
    ("forwarded", "trusted", "found"),
    [
        ("", 0, {"address": PEER}),
        ("1.2.3.4", 0, {"address": PEER}),
        ("1.2.3.4", 1, {"address": "1.2.3.4", "peer": PEER}),
        ("6.6.6.6, 1.2.3.4", 1, {"address": "1.2.3.4", "peer": PEER}),
        ("7.7.7.7, 6.6.6.6, 1.2.3.4, 10.0.0.8", 2, {"address": "1.2.3.4", "peer": PEER}),
        ("1.2.3.4:5555", 1, {"address": "1.2.3.4", "peer": PEER}),
        ("[2001:db8::1]:9", 1, {"address": "2001:db8::1", "peer": PEER}),
        ("fe80::1%eth0", 1, {"address": "fe80::1", "peer": PEER}),
        ("evil\r\nX: y", 1, {"address": PEER}),
        ("1.2.3.4", 2, {"address": PEER}),
        ("x" * 10_000 + ", 1.2.3.4", 1, {"address": "1.2.3.4", "peer": PEER}),
        (PEER, 1, {"address": PEER}),
    ],
)
def test_the_address_is_the_one_our_outermost_proxy_saw(forwarded: str, trusted: int, found: dict[str, str]) -> None:
    """G07. A13."""
    assert addresses.client(PEER, forwarded, trusted=trusted) == found


def test_a_socket_without_an_address_gives_none() -> None:
    assert addresses.client("", "", trusted=0) == {}
    assert addresses.of(None) == {}
    assert addresses.of(AnonymousUser()) == {}


@pytest.mark.django_db
def test_what_a_request_causes_names_its_address_beside_the_event_and_shows_it_to_no_editor(
    plate: Any, configure: Any, pixels_only: None
) -> None:
    """G07. Three spoofed hops before the one that our proxy wrote."""
    configure(TRUSTED_PROXIES=1, PROVENANCE=False)
    asset = asset_of(plate())
    client = Client()
    client.force_login(person("dana", "review_analysis", "request_scan"))
    address = f"/admin/detection/asset/{asset.public_id}/review/"
    spoofed = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": "8.8.8.8, 9.9.9.9, 127.0.0.1, 192.0.2.7"}
    assert client.post(address, {"action": "claim"}, **spoofed).status_code == 302
    event = AuditEvent.objects.get(action="review.claimed")
    kept = {value.name: value.value for value in event.personal.all()}
    assert (kept["address"], kept["peer"]) == ("192.0.2.7", PEER)
    assert "192.0.2.7" not in str(AuditEvent.objects.filter(pk=event.pk).values())
    assert "192.0.2.7" not in client.get(address).text
    assert "192.0.2.7" in audit.entry_of(event).address
