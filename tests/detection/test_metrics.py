"""I01: numbers with closed labels, right whichever process tells them; and who may have them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client, RequestFactory

from detection import audit, counting, errors, metrics, tallies, watching
from detection.models import Asset, AuditEvent, MetricTotal
from detection.testing.draining import drain
from detection.views import numbers
from tests.conftest import asset_of
from tests.detection import calling
from tests.monitoring.promtool import scrape

TOKEN = "a-token-of-thirty-two-characters"


def get(**meta: Any) -> Any:
    return numbers(RequestFactory().get("/metrics", **meta))


def value(name: str, **labels: str) -> float:
    return scrape()[name, tuple(sorted(labels.items()))]


@pytest.mark.django_db
@pytest.mark.usefixtures("pixels_only")
def test_the_history_is_counted_once_whoever_counts(plate: Callable[..., Any], scripted: Any) -> None:
    """I01."""
    scripted().will_return(verdict="likely_ai", ai_score=0.97).will_fail(errors.SchemaMismatch("HTML."))
    plate()
    plate(seed=2)
    drain()
    audit.seal_all()
    assert tallies.fold() == AuditEvent.objects.count()
    assert tallies.fold() == 0
    assert value("newsroom_scan_submissions_total", provider="first", outcome="complete") == 1
    assert value("newsroom_verdicts_total", provider="first", label="likely_ai", band="high") == 1
    assert value("newsroom_provider_errors_total", provider="first", **{"class": "schema"}) == 1
    assert value("newsroom_scan_time_to_verdict_seconds_count", provider="first") == 1
    assert value("newsroom_scan_time_to_verdict_seconds_bucket", provider="first", le="+Inf") == 1
    assert value("newsroom_audit_counted_seq") == value("newsroom_audit_head_seq") == AuditEvent.objects.count()


@pytest.mark.django_db
@pytest.mark.usefixtures("pixels_only")
def test_no_label_is_what_somebody_wrote(plate: Callable[..., Any]) -> None:
    """I01."""
    asset = asset_of(plate("Harbour of Nowhere"))
    odd = {"provider": "evil\n", "verdict": "<script>", "score": "x", "error": "x" * 500, "code": "Harbour"}
    odd["analysis"] = "none"
    for action in (*tallies.OUTCOMES, *tallies.GATE, "review.concluded", "provider.paused", "analysis.scanning"):
        audit.record(action, asset=asset, **odd)
    counting.add("newsroom_webhook_received_total", provider="first", result="accepted")
    audit.seal_all()
    tallies.fold()
    tallies.flush()
    for name, labels in scrape():
        total = metrics.TOTALS.get(re.sub(r"_(bucket|sum|count)$", "", name)) or metrics.TOTALS.get(name)
        for label, word in labels:
            allowed = {"first", "second", "other", *(total.labels.get(label, ()) if total else ())}
            assert word in allowed or (label == "le") or total is None, (name, label, word)
    told = metrics.exposition().decode()
    assert "evil" not in told
    assert "Harbour" not in told
    assert str(asset.public_id) not in told
    assert asset.public_id.hex not in told


@pytest.mark.django_db
def test_what_two_processes_counted_is_added_up() -> None:
    for _process in range(2):
        counting.add("newsroom_webhook_received_total", 3, provider="first", result="conflict")
        counting.observe(metrics.DURATION, 0.2, provider="first", op="ask", outcome="2xx")
        tallies.flush()
    assert counting.take() == {}
    assert value("newsroom_webhook_received_total", provider="first", result="conflict") == 6
    assert value(f"{metrics.DURATION}_bucket", provider="first", op="ask", outcome="2xx", le="0.25") == 2
    assert value(f"{metrics.DURATION}_bucket", provider="first", op="ask", outcome="2xx", le="0.1") == 0
    assert value(f"{metrics.DURATION}_sum", provider="first", op="ask", outcome="2xx") == pytest.approx(0.4)


@pytest.mark.django_db
def test_counts_outlive_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(counts: Any) -> None:
        raise DatabaseError("away")

    counting.add("newsroom_poison_total")
    with monkeypatch.context() as patch:
        patch.setattr(tallies, "_add", away)
        tallies.flush()
    monkeypatch.setattr(tallies, "FLUSH_AFTER", 0)
    tallies.flush_due()
    assert MetricTotal.objects.get(name="newsroom_poison_total").value == 1


@pytest.mark.django_db
def test_each_answer_at_the_callback_door_is_counted(
    settings: Any, configure: Callable[..., None], client: Client, plate: Callable[..., Any]
) -> None:
    """I01, A02, A04, A10, A14."""
    settings.DETECTION_PROVIDERS = calling.generic()
    configure(PUBLIC_BASE_URL=calling.BASE, PROVENANCE=False)
    row = calling.waiting(plate())
    first = calling.body_of(calling.completed(row))
    for _time in range(2):
        calling.post(client, first, calling.signed(first))
    body = calling.body_of(calling.completed(row, confidence=0.1))
    calling.post(client, body, calling.signed(body))
    calling.post(client, body, calling.signed(body, secret=calling.OTHER))
    client.get(calling.path_to())
    client.post("/detection/webhooks/nobody/", b"{}", content_type="application/json")
    tallies.flush()
    found = {
        word: value("newsroom_webhook_received_total", provider="vendor", result=word)
        for word in ("accepted", "duplicate", "conflict", "bad_signature", "malformed", "too_large")
    }
    assert found == {"accepted": 1, "duplicate": 1, "conflict": 1, "bad_signature": 1, "malformed": 1, "too_large": 0}
    assert not MetricTotal.objects.filter(labels__contains="nobody").exists()


@pytest.mark.django_db
def test_the_numbers_are_for_prometheus_alone(settings: Any, configure: Callable[..., None]) -> None:
    settings.METRICS_TOKEN = ""
    assert get(REMOTE_ADDR="127.0.0.1").status_code == 200
    assert get(REMOTE_ADDR="::1").status_code == 200
    assert get(REMOTE_ADDR="192.0.2.7").status_code == 404
    assert get(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 404
    assert get(REMOTE_ADDR="").status_code == 404
    configure(TRUSTED_PROXIES=1)
    assert get(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="127.0.0.1, 192.0.2.7").status_code == 404
    settings.METRICS_TOKEN = TOKEN
    assert get(REMOTE_ADDR="127.0.0.1").status_code == 401
    assert get(HTTP_AUTHORIZATION=f"Bearer {TOKEN}x").status_code == 401
    answer = get(REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert b"newsroom_scan_state_count" in answer.content
    assert TOKEN.encode() not in answer.content


@pytest.mark.django_db
def test_a_scrape_without_a_database_fails_and_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> bytes:
        raise DatabaseError("away")

    monkeypatch.setattr(metrics, "exposition", away)
    assert get(REMOTE_ADDR="127.0.0.1").status_code == 503


@pytest.mark.django_db
@pytest.mark.usefixtures("pixels_only")
def test_looking_costs_the_same_for_any_number_of_pictures(
    plate: Callable[..., Any], django_assert_max_num_queries: Any
) -> None:
    for seed in range(3):
        plate(seed=seed)
    assert Asset.objects.count() == 3
    with django_assert_max_num_queries(20):
        watching.look()


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"band": "low", "score": 0.99}, "low"), ({"score": 0.52}, "low"), ({"score": 0.25}, "medium"), ({}, "none")],
)
def test_how_sure_a_detector_is(facts: dict[str, Any], word: str) -> None:
    assert tallies.band(facts) == word
