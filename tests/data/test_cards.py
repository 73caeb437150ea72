import pytest
import yaml

from kitutils import settings
from kitutils.data import cards, publishers, standins
from kitutils.data.faults import BadCard, UnknownDataset

PROMISED = {
    "digits", "breast_cancer", "wine", "diabetes", "iris", "photographs", "cifar10", "fashion_mnist", "mnist", "imdb",
    "sst2", "california_housing", "bike_sharing", "penguins", "shapes10", "docstrings",
}  # fmt: skip
DIGITS = yaml.safe_load((settings.root() / "datasets" / "digits.yaml").read_text(encoding="utf8"))
PENGUINS = yaml.safe_load((settings.root() / "datasets" / "penguins.yaml").read_text(encoding="utf8"))


def test_every_promised_data_set_has_a_card():
    assert set(cards.names()) >= PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_card_is_complete(name):
    card = cards.card(name)
    assert card.name == name
    assert card.licence and card.citation and card.home
    assert all(file.url.startswith("https://") for file in card.files)
    assert all(lesson.isdigit() and len(lesson) == 2 for lesson in card.lessons)
    # A set without a single known hash is judged by its content alone, and its card must be able to do that.
    assert sum(card.rows.values()) > 0 and (card.classes or card.columns)


def test_each_download_can_be_prepared_and_stood_in_for():
    downloads = {name for name in cards.names() if cards.card(name).origin == "download"}
    assert set(publishers.PREPARE) == downloads
    assert set(standins.MAKERS) == downloads


def test_hashes_are_known_for_all_but_the_archive_that_is_packed_anew():
    unknown = {name for name in cards.names() for file in cards.card(name).files if file.sha256 is None}
    assert unknown == {"bike_sharing"}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("cifr10", "cifar10"), ("CIFAR10", "cifar10"), ("Fashion-MNIST", "fashion_mnist"), ("iri", "iris")],
)
def test_a_misspelt_name_is_answered_with_the_nearest(asked, meant):
    with pytest.raises(UnknownDataset, match=f"{asked}.*{meant}"):
        cards.card(asked)


@pytest.mark.parametrize("asked", ["", "quite another thing", "../digits", "digits.yaml"])
def test_a_name_like_no_other_lists_all(asked):
    with pytest.raises(UnknownDataset, match="kit data list"):
        cards.card(asked)


def test_a_name_must_be_a_text():
    with pytest.raises(UnknownDataset, match="by its name"):
        cards.card(7)


@pytest.mark.parametrize(
    ("base", "change", "complaint"),
    [
        (DIGITS, {"licence": ""}, "licence must be a text"),
        (DIGITS, {"kind": "sounds"}, "kind must be one of"),
        (DIGITS, {"origin": "found"}, "origin must be one of"),
        (DIGITS, {"rows": {"train": 3}}, "rows must count"),
        (DIGITS, {"rows": {"train": -1, "test": 0}}, "rows must count"),
        (DIGITS, {"row_shape": [8, 8]}, "row_shape"),
        (DIGITS, {"colour": "blue"}, "unknown fields: colour"),
        (DIGITS, {"standin": "something"}, "a download needs files and a stand-in"),
        (PENGUINS, {"target": "weight"}, "target 'weight'"),
        (PENGUINS, {"columns": {"species": "category"}}, "columns must give dtypes"),
        (PENGUINS, {"files": []}, "a download needs files and a stand-in"),
        (PENGUINS, {"files": [{"url": "https://x", "bytes": 1, "sha256": "12"}]}, "sha256 must be 64"),
        (PENGUINS, {"files": [{"url": "https://x"}]}, "missing 2 required"),
    ],
)
def test_a_card_in_another_form_is_refused_by_field(base, change, complaint):
    with pytest.raises(BadCard, match=complaint):
        cards.parse("some", base | change)


@pytest.mark.parametrize("missing", ["title", "rows", "citation"])
def test_a_missing_field_is_named(missing):
    with pytest.raises(BadCard, match=missing):
        cards.parse("some", {key: value for key, value in DIGITS.items() if key != missing})


def test_a_card_that_is_not_a_mapping_is_refused():
    with pytest.raises(BadCard, match="mapping"):
        cards.parse("some", ["title"])
