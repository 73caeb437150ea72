import numpy as np
import pytest

from kitutils.data import cards, formats, standins

DOWNLOADS = sorted(standins.MAKERS)


@pytest.fixture(scope="module")
def made():
    return {name: standins.make(cards.card(name)) for name in DOWNLOADS}


def parts(content) -> list:
    return [content] if hasattr(content, "columns") else [content[name] for name in formats.ARRAYS]


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_stand_in_has_the_form_that_the_card_promises(made, name):
    assert formats.fault_of(made[name], cards.card(name), exact_rows=False) is None


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_stand_in_is_the_same_at_each_call_and_fresh(made, name):
    again = standins.make(cards.card(name))
    for first, second in zip(parts(made[name]), parts(again), strict=True):
        assert second.equals(first) if hasattr(first, "equals") else np.array_equal(first, second)
        assert first is not second


@pytest.mark.parametrize("name", ["penguins", "california_housing"])
def test_gaps_are_where_the_real_table_has_them(made, name):
    gaps = made[name].isna().sum()
    expected = {
        "penguins": ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex"],
        "california_housing": ["total_bedrooms"],
    }
    assert list(gaps[gaps > 0].index) == expected[name]


def test_the_answer_is_hidden_among_the_columns_of_bike_sharing(made):
    frame = made["bike_sharing"]
    assert (frame["casual"] + frame["registered"] == frame["cnt"]).all()


@pytest.mark.parametrize(("name", "at_least"), [("sst2", 0.8), ("imdb", 0.8)])
def test_a_bag_of_words_learns_the_texts_but_not_by_heart(made, name, at_least):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    content = made[name]
    model = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=500))
    score = model.fit(content["x_train"], content["y_train"]).score(content["x_test"], content["y_test"])
    assert at_least <= score < 1
    assert abs(content["y_train"].mean() - 0.5) < 0.01


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_nearest_class_mean_tells_most_pictures_apart(made, name):
    content = {
        key: values.astype(float).reshape(len(values), -1) for key, values in made[name].items() if key[0] == "x"
    }
    labels = made[name]["y_train"]
    means = np.stack([content["x_train"][labels == label].mean(0) for label in range(10)])
    guess = ((content["x_test"][:, None] - means) ** 2).sum(-1).argmin(1)
    assert (guess == made[name]["y_test"]).mean() > 0.6


@pytest.mark.parametrize(("name", "target"), [("california_housing", "median_income"), ("bike_sharing", "temp")])
def test_the_tables_hold_a_relation_to_find(made, name, target):
    frame = made[name]
    assert frame[target].corr(frame[cards.card(name).target]) > 0.2


@pytest.mark.parametrize("name", DOWNLOADS)
def test_the_card_says_how_many_rows_the_stand_in_has(made, name):
    rows = len(made[name]) if hasattr(made[name], "columns") else sum(map(len, parts(made[name])[1::2]))
    said = cards.card(name).standin
    assert f"{rows:,}" in said or (name == "bike_sharing" and "150 generated days" in said)
