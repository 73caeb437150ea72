import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from kitutils import data
from kitutils.data import cards, formats, shop, shop_messages


@pytest.fixture(scope="module")
def made():
    return shop.generate(orders=4000, seed=7)


@pytest.fixture(scope="module")
def table(made):
    return made.table()


def test_the_same_seed_is_the_same_shop_and_another_seed_another(made):
    pd.testing.assert_frame_equal(shop.generate(4000, 7).orders, made.orders)
    assert not shop.generate(4000, 8).orders.equals(made.orders)


@pytest.mark.parametrize("name", ["shop", "shop_raw"])
def test_the_table_is_what_its_card_promises(name):
    ds = data.load(name)
    assert ds.source == "generated" and formats.fault_of(ds.frame, cards.card(name), exact_rows=True) is None


def test_the_clean_table_has_no_holes_and_its_rows_go_by_time(table):
    assert not table.isna().any(axis=None)
    assert table["ordered_on"].is_monotonic_increasing and table["order_id"].is_unique
    assert table["age"].between(16, 100).all() and (table["price_eur"] > 0).all() and (table["weight_g"] > 0).all()


def test_nobody_orders_before_joining(table):
    assert (table["customer_since"] <= table["ordered_on"]).all()


def test_earlier_orders_are_counted_by_hand(table):
    customer = table["customer_id"].value_counts().index[0]
    assert table.loc[table["customer_id"] == customer, "earlier_orders"].tolist() == list(
        range((table["customer_id"] == customer).sum())
    )


def test_the_true_chances_are_right_on_average_and_where_they_are_high(made):
    returned = made.orders[shop.TARGET].to_numpy()
    assert abs(returned.mean() - made.chance.mean()) < 0.02
    high = made.chance > 0.8
    assert abs(returned[high].mean() - made.chance[high].mean()) < 0.05


def test_the_scans_know_the_answer(table):
    assert roc_auc_score(table[shop.TARGET], table["parcel_scans"]) > 0.9


def test_a_customers_orders_are_alike(table):
    """Knowing the customer's other orders tells more than chance: what a random split gives away."""
    sums = table.groupby("customer_id")[shop.TARGET].agg(["sum", "count"])
    joined = table.join(sums, on="customer_id")
    several = joined[joined["count"] > 4]
    others = (several["sum"] - several[shop.TARGET]) / (several["count"] - 1)
    assert roc_auc_score(several[shop.TARGET], others) > 0.6


def test_what_makes_people_return_changes_on_one_day():
    table = shop.generate(12_000, seed=3).table()
    x = pd.get_dummies(table[["payment"]]).assign(discount=table["discount_pct"] / 50).astype(float)
    free = (table["ordered_on"] >= str(shop.FREE_RETURNS)).to_numpy()
    slopes = [LogisticRegression().fit(x[part], table.loc[part, shop.TARGET]).coef_[0, -1] for part in (~free, free)]
    assert slopes[0] < 0 < slopes[1]


def test_a_shop_too_small_is_refused():
    with pytest.raises(ValueError, match="100 orders or more"):
        shop.generate(orders=99)


def test_the_raw_tables_truth_leads_back_to_the_clean_one():
    raw, clean = data.load("shop_raw"), data.load("shop").frame
    first = ~np.isin(np.arange(len(raw.frame)), raw.truth["duplicates"]["row"])
    pd.testing.assert_frame_equal(raw.truth["clean"][first].reset_index(drop=True), clean)


@pytest.fixture(scope="module")
def written(made):
    return shop_messages.messages(made, count=1000, seed=2)


def test_messages_are_about_orders_that_were_placed_before(made, written):
    placed = made.orders.set_index("order_id")["ordered_at"]
    assert (written["sent_at"] >= written["order_id"].map(placed)).all()
    assert written["sent_at"].is_monotonic_increasing and written["message_id"].is_unique


def test_the_share_of_wrong_labels_is_the_promised_one(written):
    assert (written["label"] != written["topic"]).sum() == shop_messages.WRONG * len(written)


def test_of_two_topics_the_first_in_the_guideline_is_the_truth(written):
    rank = {topic: place for place, topic in enumerate(shop_messages.TOPICS)}
    double = written[written["second_topic"] != ""]
    assert 0.05 < len(double) / len(written) < 0.25
    assert (double["topic"].map(rank) < double["second_topic"].map(rank)).all()


def test_what_is_said_first_is_one_of_the_topics(written):
    double = written["second_topic"] != ""
    assert (written.loc[~double, "first_said"] == written.loc[~double, "topic"]).all()
    said = written[double]
    first = said["first_said"] == said["topic"]
    assert (first | (said["first_said"] == said["second_topic"])).all() and 0.2 < first.mean() < 0.8
    # Who has learned from messages about one thing tells what the half before the link is about.
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=500))
    model.fit(written.loc[~double, "text"], written.loc[~double, "topic"])
    begins = said["text"].str.split(r"(?i)(?:also|by the way|one more thing|[.!?] and)[ ,:]", regex=True).str[0]
    assert np.mean(model.predict(begins) == said["first_said"]) > 0.8


def test_messages_are_written_as_people_write(written):
    """Every blank is filled, plurals agree, and a question ends in a question mark wherever the writer set one."""
    text = written["text"]
    assert not text.str.contains(r"[{}]", regex=True).any()
    assert text.str.contains(r"[.!]\?|\?[.!]|  ", regex=True).mean() < 0.01  # a slip may swap two marks
    plural = "(?:shoes|boots|sneakers|trousers|jeans|earrings|curtains)"
    wrong = (
        rf"(?<!of the )(?<!for the )(?<!of my )\b{plural} (?:is|has|was|smells)\b"
        rf"|\b(?:is|was|does) (?:the|my) {plural}\b|\bthey (?:is|was)\b"
    )
    assert not text.str.contains(wrong, case=False).any()
    asked = text.str.contains(r"^(?:where|when|how|can|may|which) [^.!?]*[.!]", case=False)
    assert asked.mean() < 0.01


def test_counting_words_gets_most_messages_right_and_not_all():
    ds = data.load("shop_messages")
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=500)).fit(ds.x_train, ds.y_train)
    assert 0.85 < model.score(ds.x_test, ds.truth["topic_test"]) < 0.98


def test_more_messages_than_orders_are_refused(made):
    with pytest.raises(ValueError, match="1 to 4000"):
        shop_messages.messages(made, count=4001)


def test_the_messages_data_set_is_split_by_time_and_keeps_the_truth():
    ds = data.load("shop_messages")
    assert formats.fault_of({name: getattr(ds, name) for name in formats.ARRAYS}, ds.card, exact_rows=True) is None
    for part in ("train", "test"):
        assert 0.03 < np.mean(getattr(ds, f"y_{part}") != ds.truth[f"topic_{part}"]) < 0.1
