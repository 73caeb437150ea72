"""The weights that the kit carries: small enough, described, and of use."""

import numpy as np
import pytest

from kitutils.data.tokens import MASK
from kitutils.models import pretrained_text
from kitutils.models.pretrained import FOLDER
from kitutils.models.text import MaskedMean


@pytest.fixture(scope="module")
def shipped():
    return pretrained_text()


def test_they_are_small_and_say_where_they_come_from(shipped):
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 8_000_000
    assert shipped.facts["command"].startswith("python -m kitutils.train.pretrain")
    assert {"data", "last epoch", "minutes", "versions", "date", "sha256"} <= set(shipped.facts)
    held = shipped.facts["held out"]
    assert held["command"] == "python -m kitutils.train.pretrain --score kitutils/models/weights"
    assert held["texts"] == 400 and held["guessed"] > 3 * held["most frequent piece"]


def test_texts_about_the_same_thing_are_alike(shipped):
    texts = [
        "Return the eigenvalues and eigenvectors of a square matrix.",
        "The matrix is decomposed into its singular values.",
        "The colour of the line and of its markers.",
        "Draw a legend beside the axes of the figure.",
    ]
    ids, mask = shipped.words.encode(texts)
    mean = np.array(MaskedMean()(shipped.body({"token_ids": ids, "padding_mask": mask.astype("int32")}), mask))
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    alike = mean @ mean.T
    assert min(alike[0, 1], alike[2, 3]) > alike[:2, 2:].max() + 0.1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Return the mean of the array elements along the given [MASK].", "axis"),
        ("If None, the default [MASK] is used.", "value"),
    ],
)
def test_a_frequent_phrase_is_filled_in(shipped, text, word):
    ids, mask = shipped.words.encode([text])
    places = np.flatnonzero(ids == MASK)
    said = shipped.model({"token_ids": ids, "padding_mask": mask.astype("int32"), "places": places})["pieces"][0]
    assert word in [shipped.words.vocabulary[number] for number in np.argsort(-np.array(said))[:3]]


def test_each_call_gives_a_copy_of_its_own(shipped):
    other = pretrained_text()
    other.body.get_layer("positions").vectors.assign(0 * other.body.get_layer("positions").vectors)
    assert np.abs(np.array(shipped.body.get_layer("positions").vectors)).max() > 0
