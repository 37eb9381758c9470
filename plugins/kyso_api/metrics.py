"""What Prometheus may ask for at ``/metrics``: counts and times, no names of letters or callers."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "kyso_requests", "Answered requests", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "kyso_request_seconds", "Time to answer", ("route",), buckets=_BUCKETS, registry=self._registry
        )
        self.signatures = Counter("kyso_signatures", "Signatures by outcome", ("outcome",), registry=self._registry)
        self.verdicts = Counter("kyso_verdicts", "Verifications by verdict", ("verdict",), registry=self._registry)
        self.replaced = Counter(
            "kyso_workers_replaced", "Worker processes that were replaced", ("reason",), registry=self._registry
        )
        self.deliveries = Counter("kyso_webhooks", "Webhook tries by outcome", ("outcome",), registry=self._registry)
        self.waiting = Gauge("kyso_tasks_waiting", "Tasks that wait for a worker", registry=self._registry)
        self.running = Gauge("kyso_tasks_running", "Tasks under way", registry=self._registry)
        self.workers = Gauge("kyso_workers", "Worker processes that are alive", registry=self._registry)

    def text(self) -> bytes:
        """Return the figures in Prometheus's text format."""
        return generate_latest(self._registry)
