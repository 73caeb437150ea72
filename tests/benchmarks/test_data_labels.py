"""The label benchmark's arithmetic: what it spoils, what it averages."""

import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def data_labels(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("KIT_STRICT_DATA", "1")  # importing it sets this one; so it is taken back
    import data_labels

    return data_labels


def test_one_label_in_ten_becomes_another_class(data_labels):
    labels = np.arange(1000) % 10
    given = data_labels.spoiled(labels, np.random.default_rng(0))
    assert (given != labels).sum() == 100 and set(given) == set(range(10))
    assert (np.bincount(given[given != labels]) > 3).all()
    assert (labels == np.arange(1000) % 10).all()


def test_the_summary_by_hand(data_labels):
    row = data_labels.summary([{"recall": 0.8}, {"recall": 0.9}, {"recall": 1.0}])["recall"]
    # The standard deviation is 0.1, and t at 97.5 % with two degrees of freedom 4.3027.
    assert row["mean"] == 0.9 and row["interval"] == pytest.approx([0.6516, 1.1484], abs=1e-4)
    assert row["range"] == [0.8, 1.0] and row["goal"] == 0.9


def test_the_recorded_seeds_are_not_those_it_was_tuned_on():
    record = json.loads((FOLDER / "records" / "data_labels.json").read_text(encoding="utf8"))
    assert not set(record["seeds"]) & set(record["tuned_on"]) and len(record["seeds"]) >= 10
    for name in ("precision", "recall", "won_back"):
        assert record["results"][name]["interval"][0] >= record["results"][name]["goal"]
