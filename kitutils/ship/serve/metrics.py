"""What a service counts, in the form that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

UNKNOWN = "unknown"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_BATCH_SECONDS = (0.0001, 0.0002, 0.0005, *_SECONDS)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The figures of one service, in a registry of its own, so that two in one process do not mix.

    Whoever sends requests cannot make new series: the model and version of a request are labels only while they are
    served, or were.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._known: set[tuple[str, str]] = set()
        self._children: dict[tuple, tuple] = {}  # looking a label up costs more than counting
        model = ("model", "version")

        def made(kind, name, text, labels, **more):
            return kind(name, text, labels, registry=self._registry, **more)

        self._requests = made(
            Counter, "kit_requests_total", "Requests answered, by HTTP status.", (*model, "route", "code")
        )
        self._seconds = made(
            Histogram, "kit_request_seconds", "From a request's head to its answer.", model, buckets=_SECONDS
        )
        self._rows = made(Histogram, "kit_batch_rows", "Rows computed at once.", model, buckets=_ROWS)
        self._batch = made(
            Histogram, "kit_batch_seconds", "What the model took for a batch.", model, buckets=_BATCH_SECONDS
        )
        self._queue = made(Gauge, "kit_queue_rows", "Rows accepted and not yet computed.", model)
        self._refused = made(Counter, "kit_refused_total", "Requests refused before the model was asked.", ("reason",))
        self._loaded = made(Gauge, "kit_model_loaded", "1 while a version is served.", model)
        self._failures = made(
            Counter, "kit_model_load_failures_total", "Versions that could not be loaded.", ("model",)
        )
        ProcessCollector(registry=self._registry)  # memory, processor time, open files; of Linux only

    def request(self, model: str | None, version: str | None, route: str, code: int, seconds: float) -> None:
        """One answered request.

        Args:
            model, version: that answered; None or what is not served counts as "unknown".
            route: the template of the path, never the path itself.
            code: HTTP status.
            seconds: from its head to its answer.
        """
        labels = (model, version) if (model, version) in self._known else (UNKNOWN, UNKNOWN)
        key = *labels, route, code
        if key not in self._children:
            self._children[key] = self._requests.labels(*key), self._seconds.labels(*labels)
        count, spread = self._children[key]
        count.inc()
        spread.observe(seconds)

    def refused(self, reason: str) -> None:
        """One request refused before the model was asked; reason is one of the service's own few words."""
        self._refused.labels(reason).inc()

    def batch(self, model: str, version: str, rows: int, seconds: float) -> None:
        """One call of the model."""
        key = model, version
        if key not in self._children:
            self._children[key] = self._rows.labels(*key), self._batch.labels(*key)
        sizes, spread = self._children[key]
        sizes.observe(rows)
        spread.observe(seconds)

    def loaded(self, model: str, version: str, waiting: Callable[[], int]) -> None:
        """A version is served from now on; ``waiting`` gives the rows in its queue whenever somebody asks."""
        self._known.add((model, version))
        self._loaded.labels(model, version).set(1)
        self._queue.labels(model, version).set_function(waiting)

    def unloaded(self, model: str, version: str) -> None:
        """A version is served no more."""
        self._loaded.labels(model, version).set(0)
        self._queue.remove(model, version)

    def load_failed(self, model: str | None) -> None:
        """A folder could not be loaded; None if it does not even say of which model."""
        self._failures.labels(model or UNKNOWN).inc()

    def render(self) -> tuple[bytes, str]:
        """All figures as Prometheus' text, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4
