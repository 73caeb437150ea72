"""The image benchmark's arithmetic on made-up runs, and a tiny run of each of its trainings."""

import numpy as np
import pytest


@pytest.fixture
def benchmark(program):
    return program("images")


def test_ratios_are_medians_of_pairs_and_not_ratios_of_medians(benchmark):
    found = {
        "reference": [{"seconds": s, "error": 0.3} for s in (100, 200, 400)],
        "fast": [{"seconds": s, "error": 0.15, "error_both_sides": 0.12} for s in (200, 100, 400)],
        "sprint": [{"seconds": s, "error": e} for s, e in ((10, 0.3), (20, 0.33), (80, 0.27))],
    }
    assert benchmark.ratios(found) == {
        "fast_time_ratio": 1.0,
        "fast_error_ratio": 0.5,
        "fast_error_ratio_both_sides": 0.4,
        "sprint_time_ratio": 0.1,
        "sprint_error_ratio": 1.0,
    }


@pytest.fixture
def rows(benchmark):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 32, 32, 3)).astype(np.uint8), np.arange(40) % 10
    return benchmark.Rows(x, y, x[:10], y[:10])


def test_each_training_runs(benchmark, rows, monkeypatch):
    monkeypatch.setattr(benchmark, "EPOCHS", 1)
    tiny = benchmark.Recipe(1, batch=20)
    for train in (benchmark.train_reference, lambda rows, seed: benchmark.train_fast(rows, tiny, seed)):
        model, seconds = train(rows, 0)
        assert 0 <= rows.accuracy(model) <= 1 and seconds > 0
