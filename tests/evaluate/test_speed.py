"""Latency, on a clock of the test's own."""

import pytest

from kitutils.evaluate import latency, speed


@pytest.fixture
def bench(monkeypatch):
    """``bench(name, *seconds)`` makes a function that takes these seconds, call by call; ``log`` has their order."""

    class Bench:
        now = 0.0

        def __init__(self):
            self.log = []

        def perf_counter(self):
            return self.now

        def __call__(self, name, *seconds):
            left = list(seconds)

            def call():
                self.log.append(name)
                self.now += left.pop(0) if len(left) > 1 else left[0]

            return call

    bench = Bench()
    monkeypatch.setattr(speed, "time", bench)
    return bench


def test_seconds_per_call_whatever_the_length_of_a_turn(bench):
    found = latency({"fast": bench("fast", 0.001), "slow": bench("slow", 0.02)}, seconds=0.05)
    assert found == pytest.approx({"fast": 0.001, "slow": 0.02})
    assert list(found) == ["fast", "slow"]


def test_the_functions_take_turns_after_their_warm_up(bench):
    latency({"a": bench("a", 1.0), "b": bench("b", 1.0)}, rounds=3, warm_up=2)
    assert bench.log == ["a", "a", "b", "b"] + 3 * ["a", "b"]


def test_a_turn_lasts_at_least_that_long_and_has_at_least_one_call(bench):
    latency({"a": bench("a", 0.25)}, rounds=1, seconds=1.0, warm_up=0)
    assert len(bench.log) == 4
    bench.log.clear()
    assert latency({"a": bench("a", 7.0)}, rounds=1, seconds=0.0, warm_up=0) == {"a": 7.0}
    assert len(bench.log) == 1


def test_the_warm_up_does_not_count(bench):
    assert latency({"a": bench("a", 100.0, 50.0, 0.5)}, rounds=3, warm_up=2) == {"a": 0.5}


def test_a_round_that_was_disturbed_is_dropped(bench):
    assert latency({"a": bench("a", 1.0, 1.0, 90.0, 1.0, 1.0)}, rounds=5, seconds=0.5, warm_up=0) == {"a": 1.0}


def test_nothing_to_measure_is_no_error():
    assert latency({}) == {}
