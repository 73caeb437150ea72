"""Labelled texts as batches: every row once an epoch, with its own label, in buckets."""

import numpy as np
import pytest

from kitutils.data.text_streams import LabelledTexts
from kitutils.data.tokens import MASK, SPECIAL, Tokens


def labelled(rows=200, **changed):
    """Rows of 2 to 16 tokens; the second token says the label."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, rows)
    ids = rng.integers(len(SPECIAL) + 4, 40, (rows, 16)).astype(np.int32)
    ids[:, 1] = len(SPECIAL) + labels
    ids[np.arange(16) >= rng.integers(2, 17, rows)[:, None]] = 0
    return LabelledTexts(Tokens(ids, ids != 0), labels, **({"widths": (4, 8, 16), "per_batch": 128} | changed)), ids


def test_every_row_once_with_its_label():
    batches, ids = labelled()
    seen = []
    for inputs, labels in batches.epoch(1):
        np.testing.assert_array_equal(inputs["token_ids"][:, 1] - len(SPECIAL), labels)
        np.testing.assert_array_equal(inputs["padding_mask"], inputs["token_ids"] != 0)
        assert inputs["token_ids"].shape[1] in (4, 8, 16) and inputs["token_ids"].size <= 128
        seen += [tuple(row[row != 0]) for row in inputs["token_ids"]]
    assert sorted(seen) == sorted(tuple(row[row != 0]) for row in ids)


def test_both_streams_deal_the_epochs_in_turn():
    batches, _ = labelled()
    expected = [labels for epoch in (3, 4) for _, labels in batches.epoch(epoch)]
    streamed = [labels.numpy() for _, labels in batches.stream(3).take(2 * batches.steps)]
    arrays = batches.arrays(3)
    dealt = [arrays[step][1] for step in range(len(arrays))]
    arrays.on_epoch_end()
    dealt += [arrays[step][1] for step in range(len(arrays))]
    for ours in (streamed, dealt):
        assert all(np.array_equal(one, other) for one, other in zip(ours, expected, strict=True))
    assert any(
        not np.array_equal(a, b) for a, b in zip(expected[: batches.steps], expected[batches.steps :], strict=True)
    )


def test_a_share_of_the_pieces_is_hidden_anew_in_each_epoch():
    plain, hiding = labelled(2000)[0], labelled(2000, hide=0.3)[0]
    shares, places = [], []
    for epoch in (0, 1):
        for (inputs, labels), (given, same) in zip(plain.epoch(epoch), hiding.epoch(epoch), strict=True):
            ids, hidden = inputs["token_ids"], given["token_ids"] != inputs["token_ids"]
            np.testing.assert_array_equal(labels, same)
            np.testing.assert_array_equal(given["padding_mask"], inputs["padding_mask"])  # they are hidden, not gone
            assert (given["token_ids"][hidden] == MASK).all() and not hidden[ids < len(SPECIAL)].any()
            shares += [hidden[ids >= len(SPECIAL)].mean()]
        places.append(np.concatenate([given["token_ids"].ravel() == MASK for given, _ in hiding.epoch(epoch)]))
    assert np.mean(shares) == pytest.approx(0.3, abs=0.02)
    assert len(places[0]) != len(places[1]) or (places[0] != places[1]).any()
    again = np.concatenate([given["token_ids"].ravel() == MASK for given, _ in hiding.epoch(1)])
    np.testing.assert_array_equal(again, places[1])


def test_what_is_hidden_does_not_hang_on_the_place_in_the_batch():
    one_batch, _ = labelled(2000, hide=0.3, widths=(16,), per_batch=16 * 2000)
    first, second = (next(one_batch.epoch(epoch))[0]["token_ids"][:, 1] == MASK for epoch in (0, 1))
    assert (first & second).mean() == pytest.approx(0.09, abs=0.03)  # drawn apart; 0.3 if drawn once for all epochs


@pytest.mark.parametrize("hide", [-0.1, 1, float("nan")])
def test_hidden_is_a_share(hide):
    with pytest.raises(ValueError, match=f"less than 1; got {hide}"):
        labelled(hide=hide)


def test_each_row_has_one_label_and_there_are_rows():
    ids = np.ones((3, 4), dtype=np.int32)
    with pytest.raises(ValueError, match=r"one label; got 3 rows, labels \(2,\)"):
        LabelledTexts(Tokens(ids, ids != 0), np.zeros(2))
    with pytest.raises(ValueError, match="no texts to train on"):
        LabelledTexts(Tokens(ids[:0], ids[:0] != 0), np.zeros(0))


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        (["no", "yes", "no"], "<U3 such as 'no'"),
        (np.array(["0", "1", "0"], dtype=object), "object such as '0'"),
        ([0.9, 1.9, 0.0], r"float64 such as 0\.9"),
        ([0.0, np.nan, 1.0], r"float64 such as 0\.0"),
        ([1, -1, 1], "int64 such as -1"),
    ],
)
def test_labels_are_whole_numbers_from_0(labels, received):
    ids = np.ones((3, 4), dtype=np.int32)
    with pytest.raises(ValueError, match=f"whole numbers from 0 on; got {received}"):
        LabelledTexts(Tokens(ids, ids != 0), labels)


@pytest.mark.parametrize("labels", [[2, 0, 1], np.array([2, 0, 1], dtype=np.uint8), np.array([True, False, True])])
def test_whole_numbers_and_truth_values_pass_as_int32(labels):
    ids = np.arange(1, 13, dtype=np.int32).reshape(3, 4)
    ((inputs, dealt),) = LabelledTexts(Tokens(ids, ids != 0), labels, widths=(4,)).epoch(0)
    assert dealt.dtype == np.int32
    np.testing.assert_array_equal(dealt, np.asarray(labels, dtype=int)[inputs["token_ids"][:, 0] // 4])
