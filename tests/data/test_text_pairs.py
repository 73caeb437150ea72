"""Batches for pretraining: who sits beside whom, what is hidden, and that seed and epoch decide all of it."""

import numpy as np
import pytest

from kitutils.data.text_pairs import PairBatches
from kitutils.data.tokens import CLS, MASK, PAD, SEP, SPECIAL, Tokens

SIZE = 200


def tokens(rows=300, length=24, seed=0):
    """Rows of 3 to 24 tokens; the row's number can be read off its second and third token."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(len(SPECIAL), SIZE, (rows, length))
    lengths = rng.integers(3, length + 1, rows)
    ids[:, 0] = CLS
    ids[np.arange(rows), lengths - 1] = SEP
    ids[np.arange(length) >= lengths[:, None]] = PAD
    return Tokens(ids.astype(np.int32), ids != PAD)


def batches(share=0.15, **changed):
    given = tokens()
    documents = np.random.default_rng(1).integers(0, 90, len(given.ids))
    made = PairBatches(
        given, documents, size=SIZE, share=share, **({"widths": (8, 16, 24), "per_batch": 480} | changed)
    )
    return made, given, documents


@pytest.mark.parametrize("epoch", range(5))
def test_partners_are_others_of_the_same_document(epoch):
    made, _, documents = batches()
    partners = made.partners(epoch)
    np.testing.assert_array_equal(documents[partners], documents)
    alone = np.bincount(documents)[documents] == 1
    assert alone.any()
    np.testing.assert_array_equal(partners == np.arange(len(partners)), alone)


def test_each_other_row_of_the_document_comes_as_partner():
    made, _, documents = batches()
    seen = np.array([made.partners(epoch) for epoch in range(200)])
    row = int(np.argmax(np.bincount(documents)[documents] == 3))
    others = set(np.flatnonzero(documents == documents[row])) - {row}
    assert set(seen[:, row]) == others


def test_an_epoch_deals_every_row_once_beside_its_partner():
    made, given, _ = batches(share=0.0)  # nothing is hidden, so the rows can be recognised
    partners, first = made.partners(3), []
    rows = {tuple(ids[:8]): row for row, ids in enumerate(given.ids)}
    assert len(rows) == len(given.ids)
    for inputs, targets in made.epoch(3):
        ids = inputs["token_ids"]
        half = len(ids) // 2
        found = [rows[tuple(row[:8])] for row in ids]
        np.testing.assert_array_equal(partners[found[:half]], found[half:])
        np.testing.assert_array_equal(targets["partner"][targets["partner"]], np.arange(len(ids)))
        np.testing.assert_array_equal(targets["partner"][:half], np.arange(half, 2 * half))
        np.testing.assert_array_equal(inputs["padding_mask"], ids != PAD)
        assert ids.size <= 480 and ids.shape[1] in (8, 16, 24)
        assert (ids[:half] != PAD).sum(axis=1).min() > {8: 0, 16: 8, 24: 16}[ids.shape[1]]  # in its bucket
        first += found[:half]
    np.testing.assert_array_equal(np.sort(first), np.arange(len(given.ids)))


def test_hidden_tokens_stand_at_their_places():
    made, given, _ = batches(share=0.3)
    known = {tuple(row) for row in given.ids}
    for inputs, targets in made.epoch(0):
        ids, places = inputs["token_ids"], inputs["places"]
        assert places.shape == targets["pieces"].shape
        assert set(np.flatnonzero(ids == MASK)) <= set(places)
        whole = ids.copy().ravel()
        whole[places] = targets["pieces"]
        widened = np.zeros((len(ids), given.ids.shape[1]), dtype=np.int32)
        widened[:, : ids.shape[1]] = whole.reshape(ids.shape)
        assert all(tuple(row) in known for row in widened[: len(ids) // 2])


def test_the_share_is_hidden():
    whole, hidden = (list(batches(share=share)[0].epoch(0)) for share in (0.0, 0.3))
    candidates = sum((inputs["token_ids"] >= len(SPECIAL)).sum() for inputs, _ in whole)
    assert sum(len(inputs["places"]) for inputs, _ in hidden) / candidates == pytest.approx(0.3, abs=0.03)


def test_seed_and_epoch_decide_all():
    def first(seed, epoch):
        inputs, _ = next(batches(seed=seed)[0].epoch(epoch))
        return inputs["token_ids"]

    np.testing.assert_array_equal(first(0, 2), first(0, 2))
    assert first(0, 2).shape != first(0, 3).shape or (first(0, 2) != first(0, 3)).any()
    assert first(0, 2).shape != first(1, 2).shape or (first(0, 2) != first(1, 2)).any()


def test_what_is_hidden_is_drawn_anew_in_each_epoch():
    ids = np.full((40, 8), len(SPECIAL), dtype=np.int32)  # rows alike, so that their order makes no difference
    made = PairBatches(Tokens(ids, ids != PAD), np.arange(40), size=SIZE, widths=(8,), per_batch=640)
    first, second = (next(made.epoch(epoch))[0]["places"] for epoch in (0, 1))
    assert made.steps == 1 and not np.array_equal(first, second)


def test_both_streams_deal_the_epochs_in_turn():
    made, *_ = batches()
    expected = [inputs["token_ids"] for epoch in (2, 3) for inputs, _ in made.epoch(epoch)]
    streamed = [inputs["token_ids"].numpy() for inputs, _ in made.stream(2).take(2 * made.steps)]
    arrays = made.arrays(2)
    assert len(arrays) == made.steps
    dealt = [arrays[step][0]["token_ids"] for step in range(len(arrays))]
    arrays.on_epoch_end()
    dealt += [arrays[step][0]["token_ids"] for step in range(len(arrays))]
    for ours in (streamed, dealt):
        assert len(ours) == len(expected)
        for one, other in zip(ours, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_longer_rows_are_cut_to_the_largest_width():
    made, *_ = batches(widths=(8, 16))
    assert max(inputs["token_ids"].shape[1] for inputs, _ in made.epoch(0)) == 16


def test_each_row_has_one_document():
    given = tokens()
    with pytest.raises(ValueError, match=r"one document; got 300 rows, documents \(299,\)"):
        PairBatches(given, np.zeros(299), size=SIZE)
