"""The pipeline's numbers in the form that Prometheus scrapes: gauges asked of the database as they are scraped, totals
out of `tallies`. So every process of the site tells the same, and none has to be scraped by itself.

Labels are closed sets: aliases from the settings and words of ours, never a picture, a person or an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from detection import counting, tallies, watching
from detection.errors import ERROR_CLASSES
from detection.models import MetricTotal
from detection.models.analyses import EDGES
from detection.models.deliveries import OPEN
from detection.providers import providers
from detection.providers.http import DURATION
from detection.views.webhooks import RESULTS
from detection.vocabulary import Conclusion, Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPS = ("submit", "ask", "overlay")
ENDS = ("2xx", "3xx", "4xx", "5xx", "429", *sorted(ERROR_CLASSES), "unforeseen")
BREAKER = {"closed": 0, "open": 1, "paused": 2}


@dataclass(frozen=True)
class Total:
    """A number that only grows. `labels`: name → the words that it may have; `provider` are the aliases."""

    meaning: str
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_duration: bool = False

    def combinations(self, aliases: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """Every set of labels, so that each begins at 0: a rise from nothing to 1 is no rise for Prometheus."""
        words = [aliases if name == "provider" else known for name, known in self.labels.items()]
        yield from (dict(zip(self.labels, chosen, strict=True)) for chosen in product(*words))


_P: dict[str, tuple[str, ...]] = {"provider": ()}
TOTALS: dict[str, Total] = {
    "newsroom_scan_submissions_total": Total(
        "Steps of checks, by what came of them.", {**_P, "outcome": tuple(tallies.OUTCOMES.values())}
    ),
    "newsroom_scan_attempts_total": Total("Tries begun.", _P),
    "newsroom_provider_errors_total": Total(
        "Tries that failed, by the class of the error.", {**_P, "class": (*sorted(ERROR_CLASSES), tallies.OTHER)}
    ),
    "newsroom_poison_total": Total("Checks that gave up because their process ended again and again."),
    "newsroom_media_rejected_total": Total(
        "Files that could not be examined.", {"reason": tuple(sorted(tallies.REASONS))}
    ),
    "newsroom_verdicts_total": Total("Answers of detectors.", {**_P, "label": tuple(Verdict), "band": tallies.BANDS}),
    "newsroom_breaker_opened_total": Total("Times that the breaker, or an error, paused a detector.", _P),
    "newsroom_softblock_total": Total("What happened at the gate.", {"event": tuple(tallies.GATE.values())}),
    "newsroom_conclusions_total": Total("Conclusions of people.", {"conclusion": tuple(Conclusion)}),
    "newsroom_cas_lost_total": Total("Changes of a check that somebody else was first at.", {"edge": tuple(EDGES)}),
    "newsroom_jobs_rescued_total": Total("Checks that were taken back from a worker that had died."),
    "newsroom_retry_budget_exhausted_total": Total("Retries put off, for too many were in vain.", _P),
    "newsroom_decode_killed_total": Total("Files whose process died, or was killed, before it had read them."),
    "newsroom_redactions_total": Total("Lines of logs in which something secret was masked."),
    "newsroom_webhook_received_total": Total(
        "Deliveries at the callback door, by the answer they got.",
        {**_P, "result": tuple(sorted(set(RESULTS.values())))},
    ),
    "newsroom_scan_time_to_verdict_seconds": Total("From the request to the verdict.", _P, is_duration=True),
    DURATION: Total("Calls to detectors.", {**_P, "op": OPS, "outcome": ENDS}, is_duration=True),
}


class PipelineCollector(Collector):
    """Asks the database each time it is scraped."""

    def collect(self) -> Iterable[Metric]:
        """All families."""
        yield from _gauges(watching.look())
        yield from _totals()


def exposition() -> bytes:
    """What a scrape gets. Raises DatabaseError: a scrape that fails is seen, numbers of a moment ago are not."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PipelineCollector())
    return generate_latest(registry)


def _totals() -> Iterator[Metric]:
    rows: dict[str, dict[str, float]] = {}
    for name, labels, value in MetricTotal.objects.values_list("name", "labels", "value"):
        rows.setdefault(name, {})[labels] = value
    aliases = (*providers.aliases(), tallies.OTHER)
    for name, total in TOTALS.items():
        if total.is_duration:
            yield _durations(name, total, rows)
            continue
        family = CounterMetricFamily(name, total.meaning, labels=list(total.labels))
        for words in total.combinations(aliases):
            family.add_metric(list(words.values()), rows.get(name, {}).get(counting.text(words), 0.0))
        yield family


def _durations(name: str, total: Total, rows: dict[str, dict[str, float]]) -> Metric:
    family = HistogramMetricFamily(name, total.meaning, labels=list(total.labels))
    buckets, sums = rows.get(f"{name}_bucket", {}), rows.get(f"{name}_sum", {})
    for written in sorted(rows.get(f"{name}_count", {})):
        labels = counting.labels(written)
        sofar, ends = 0.0, []
        for end in (*map(str, counting.BUCKETS), "+Inf"):
            sofar += buckets.get(counting.text({**labels, "le": end}), 0.0)
            ends.append((end, sofar))
        family.add_metric([labels.get(one, tallies.OTHER) for one in total.labels], ends, sums.get(written, 0.0))
    return family


def _one(name: str, meaning: str, value: float | None) -> Iterator[Metric]:
    if value is not None:
        yield GaugeMetricFamily(name, meaning, value=value)


def _many(name: str, meaning: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for word, value in values:
        family.add_metric([word], value)
    return family


def _gauges(seen: watching.Picture) -> Iterator[Metric]:
    states = seen.states.values()
    yield _many("newsroom_scan_state_count", "Checks by status.", "state", [(s.status.value, s.count) for s in states])
    yield _many(
        "newsroom_scan_state_oldest_age_seconds",
        "Age of the oldest check of the news that is younger than a day.",
        "state",
        [(s.status.value, s.oldest) for s in states],
    )
    yield from _one(
        "newsroom_scan_stranded", "Checks of the news open for over a day.", sum(s.stranded for s in states)
    )
    yield from _one(
        "newsroom_scan_archive", "Checks of archives that wait behind the news.", sum(s.archive for s in states)
    )
    yield from _of_detectors(seen.detectors)
    yield from _one("newsroom_queue_depth", "Rings that wait in the broker.", seen.rings)
    open_ones = [(state.value, seen.deliveries.get(state.value, 0)) for state in OPEN]
    yield _many("newsroom_webhook_open", "Events of detectors that are not applied yet.", "state", open_ones)
    yield from _one("newsroom_webhook_oldest_age_seconds", "Age of the oldest of them.", seen.deliveries_oldest or 0.0)
    yield from _one("newsroom_overlays_pending", "Overlays that are to be fetched.", seen.overlays_pending)
    yield from _one("newsroom_standings_unannounced", "Pictures whose signal nobody was told.", seen.unannounced)
    yield from _one("newsroom_workers", "Workers heard of within a minute.", seen.workers_alive)
    beat = max((worker.seen_at for worker in seen.workers), default=None)
    yield from _one(
        "newsroom_worker_heartbeat_timestamp_seconds",
        "When a worker was last heard of.",
        beat.timestamp() if beat else 0,
    )
    yield from _one(
        "newsroom_reaper_last_success_timestamp_seconds",
        "When somebody last swept.",
        seen.sweep.ran_at.timestamp() if seen.sweep else 0,
    )
    yield from _one("newsroom_review_backlog", "Pictures that wait for a person.", seen.review_backlog)
    yield from _one("newsroom_review_oldest_age_seconds", "Age of the oldest of them.", seen.review_oldest or 0.0)
    yield from _of_history(seen)


def _of_detectors(detectors: list[watching.Detector]) -> Iterator[Metric]:
    breakers = [(one.alias, BREAKER[one.breaker]) for one in detectors]
    meaning = "0 closed, 1 open and tried again by itself, 2 paused until a person resumes it."
    yield _many("newsroom_breaker_state", meaning, "provider", breakers)
    waits = [(one.alias, one.blocked_for) for one in detectors]
    yield _many("newsroom_ratelimit_blocked_seconds", "For how long it asked everybody to wait.", "provider", waits)
    spent = [one for one in detectors if one.budget is not None]
    used = [(one.alias, one.budget.used) for one in spent if one.budget]
    most = [(one.alias, one.budget.most) for one in spent if one.budget]
    yield _many("newsroom_budget_used", "Pictures sent today.", "provider", used)
    yield _many("newsroom_budget_limit", "Pictures that may be sent today.", "provider", most)


def _of_history(seen: watching.Picture) -> Iterator[Metric]:
    yield from _one("newsroom_audit_head_seq", "Number of the last sealed event.", seen.head)
    yield from _one("newsroom_audit_unsealed", "Events behind it that are not sealed yet.", seen.unsealed)
    yield from _one("newsroom_audit_counted_seq", "Number of the last event that the totals hold.", tallies.folded())
    anchored, verified = seen.anchored_at, seen.verified_at
    yield from _one(
        "newsroom_audit_anchor_age_seconds",
        "Since the head was last written down outside; absent where it never was.",
        (seen.now - anchored).total_seconds() if anchored else None,
    )
    yield from _one(
        "newsroom_audit_verify_last_timestamp_seconds",
        "When the history was last verified; absent where it never was.",
        verified.timestamp() if verified else None,
    )
