"""The arithmetic of the record, on invented speeds."""

from pathlib import Path

import pytest

from kitutils.course.pace import Speed


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import pace

    return pace


def test_the_record_holds_medians_and_what_they_are_of(benchmark):
    found = benchmark.summary([Speed(100, 9.996), Speed(140.04, 3), Speed(90, 12)])
    assert found == {
        "training": 100,
        "arithmetic": 10.0,
        "training_all": [100, 140.0, 90],
        "arithmetic_all": [10.0, 3, 12],
    }
