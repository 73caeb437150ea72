"""The figures of a service, read back by Prometheus' own parser."""

import os
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kitutils.ship.serve import Metrics


def read(metrics):
    """(name, labels as a frozenset) → value, of everything that is rendered."""
    text, kind = metrics.render()
    assert kind.startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(text.decode("utf8"))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(metrics, name, **labels):
    return read(metrics).get((name, frozenset(labels.items())))


@pytest.fixture
def metrics():
    made = Metrics()
    made.loaded("digits", "1", lambda: 7)
    return made


def test_requests_are_counted_by_route_and_code_and_timed_by_model(metrics):
    for seconds, code in ((0.003, 200), (0.03, 200), (0.03, 400)):
        metrics.request("digits", "1", "/predict", code, seconds)
    one = {"model": "digits", "version": "1"}
    assert value(metrics, "kit_requests_total", **one, route="/predict", code="200") == 2
    assert value(metrics, "kit_requests_total", **one, route="/predict", code="400") == 1
    assert value(metrics, "kit_request_seconds_count", **one) == 3
    assert value(metrics, "kit_request_seconds_sum", **one) == pytest.approx(0.063)
    assert value(metrics, "kit_request_seconds_bucket", **one, le="0.005") == 1


def test_whoever_asks_for_what_is_not_there_makes_one_series_whatever_they_ask_for(metrics):
    metrics.request("nothing", "1", "/predict", 404, 0.001)
    before = set(read(metrics))
    for number in range(50):
        metrics.request(f"model{number}", None, "/predict", 404, 0.001)
        metrics.request("digits", str(number + 2), "/predict", 404, 0.001)
        metrics.request(None, None, "/predict", 404, 0.001)
    assert set(read(metrics)) == before
    labels = {"model": "unknown", "version": "unknown", "route": "/predict", "code": "404"}
    assert value(metrics, "kit_requests_total", **labels) == 151


def test_batches_queue_and_refusals(metrics):
    for rows in (1, 3, 32):
        metrics.batch("digits", "1", rows, 0.0004)
    metrics.refused("overload")
    one = {"model": "digits", "version": "1"}
    assert value(metrics, "kit_batch_rows_sum", **one) == 36
    assert value(metrics, "kit_batch_rows_bucket", **one, le="4.0") == 2
    assert value(metrics, "kit_batch_seconds_bucket", **one, le="0.0005") == 3
    assert value(metrics, "kit_queue_rows", **one) == 7
    assert value(metrics, "kit_refused_total", reason="overload") == 1


def test_a_version_that_is_unloaded_is_told_as_zero_and_its_queue_no_more(metrics):
    metrics.loaded("digits", "2", lambda: 1)
    metrics.unloaded("digits", "1")
    assert value(metrics, "kit_model_loaded", model="digits", version="1") == 0
    assert value(metrics, "kit_model_loaded", model="digits", version="2") == 1
    assert value(metrics, "kit_queue_rows", model="digits", version="1") is None
    metrics.request("digits", "1", "/predict", 200, 0.001)  # one that was still under way
    labels = {"model": "digits", "version": "1", "route": "/predict", "code": "200"}
    assert value(metrics, "kit_requests_total", **labels) == 1
    metrics.loaded("digits", "1", lambda: 5)
    assert value(metrics, "kit_queue_rows", model="digits", version="1") == 5


def test_failures_to_load(metrics):
    metrics.load_failed("digits")
    metrics.load_failed(None)
    assert value(metrics, "kit_model_load_failures_total", model="digits") == 1
    assert value(metrics, "kit_model_load_failures_total", model="unknown") == 1


def test_two_services_in_one_process_count_apart(metrics):
    other = Metrics()
    other.refused("overload")
    assert value(metrics, "kit_refused_total", reason="overload") is None


def test_names_with_odd_signs_are_rendered_so_that_prometheus_reads_them():
    metrics, name = Metrics(), 'a "quoted" \\ name\nof two lines'
    metrics.loaded(name, "1", lambda: 0)
    assert value(metrics, "kit_model_loaded", model=name, version="1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the figures of the process come from /proc")
def test_the_process_tells_its_memory_and_its_processor_time(metrics):
    assert value(metrics, "process_resident_memory_bytes") > 1e6
    assert 0 < value(metrics, "process_cpu_seconds_total") <= sum(os.times()[:2]) + 0.02  # /proc counts in hundredths
