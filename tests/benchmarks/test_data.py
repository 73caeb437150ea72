"""The data benchmark's arithmetic and its rival, on tables that can be worked out by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kitutils.data import shop

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(program):
    return program("data")


def suspected(benchmark, frame, coerce):
    cells, duplicated = benchmark.usual_recipe(frame, coerce)
    return sorted(cells.itertuples(index=False, name=None)), np.flatnonzero(duplicated).tolist()


def test_the_usual_recipe_sees_holes_far_values_and_equal_rows(benchmark):
    frame = pd.DataFrame({"x": [1.0, 2, 3, 4, 5, 100, np.nan, 1], "t": [*"abcdef", None, "a"]})
    cells, duplicated = suspected(benchmark, frame, coerce=False)
    assert cells == [(5, "x", "range"), (6, "t", "missing"), (6, "x", "missing")]
    assert duplicated == [7]


def test_the_recipe_gets_the_benefit_of_reading_numbers_first(benchmark):
    frame = pd.DataFrame({"x": ["1", "2", "3", "4", "?", "900"], "t": list("abcdef")})
    assert suspected(benchmark, frame, coerce=False)[0] == []
    assert suspected(benchmark, frame, coerce=True)[0] == [(4, "x", "missing"), (5, "x", "range")]


def scores(f1):
    return {
        "f1": {"all": f1, "all but missing": f1 - 0.1},
        "share_right": {"all": f1},
        "share_altered": 1 - f1,
        "recipe_f1": {"as it is": {"all": 0.4}, "numbers coerced": {"all": 0.8}},
    }


def test_a_summary_has_medians_worst_cases_and_the_ratio_to_each_recipe(benchmark):
    found = benchmark.summary([scores(0.7), scores(0.8), scores(0.95)])
    assert found["median"]["f1"] == {"all": 0.8, "all but missing": 0.7}
    assert found["worst"] == {"f1": 0.7, "f1_but_missing": 0.6, "share_right": 0.7, "share_altered": 0.3}
    assert found["times_the_recipe"] == {"as it is": 2.0, "numbers coerced": 1.0}


def test_one_table_is_scored_in_every_respect(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "clean_table", lambda name, seed: shop.generate(600, seed=seed).table())
    found = benchmark.one("shop", 0)
    assert set(found["f1"]) == {
        *("missing", "disguised", "unit", "date form", "typo", "range"),
        *("all", "all but missing"),
    }
    assert found["share_restored"] + found["share_made_missing"] == pytest.approx(found["share_right"]["all"])
    json.dumps(benchmark.summary([found]))


def test_the_record_was_measured_on_seeds_that_nothing_was_tuned_on(benchmark):
    record = json.loads((FOLDER / "records" / "data_quality.json").read_text(encoding="utf8"))
    assert record["seeds"]["measured"] == benchmark.HELD_OUT
    assert not set(record["seeds"]["measured"]) & set(record["seeds"]["tuned on"])
    assert set(record["results"]) == set(benchmark.TABLES)


def test_the_large_table_has_the_shape_that_the_record_speaks_of(benchmark):
    frame = benchmark.large_table(500)
    assert frame.shape == (500, 20)
    assert frame["amount_0"].isna().any() and not frame["target"].isna().any()
