"""Masking keeps its shares and its hands off special pieces; buckets deal every row once and waste little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kitutils.data.text_batches import length_buckets, mask_tokens
from kitutils.data.tokens import MASK, PAD, SPECIAL

SIZE = 50
IDS = hnp.arrays(np.int32, hnp.array_shapes(min_dims=1, max_dims=2, max_side=12), elements=st.integers(0, SIZE - 1))


@given(IDS, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.15, 0.5, 1.0]))
def test_special_pieces_are_never_chosen_and_the_rest_stays_as_it_is(ids, seed, share):
    before = ids.copy()
    inputs, targets, weights = mask_tokens(ids, np.random.default_rng(seed), size=SIZE, share=share)
    chosen = weights == 1
    assert np.array_equal(ids, before) and np.array_equal(targets, ids)
    assert set(np.unique(weights)) <= {0, 1}
    assert not chosen[ids < len(SPECIAL)].any()
    assert np.array_equal(inputs[~chosen], ids[~chosen])
    assert set(inputs[inputs < len(SPECIAL)]) <= set(ids[ids < len(SPECIAL)]) | {MASK}
    assert share not in (0.0, 1.0) or np.array_equal(chosen, (ids >= len(SPECIAL)) & (share == 1))
    assert (inputs.dtype, targets.dtype, weights.dtype) == (np.int32, np.int32, np.float32)


def test_the_shares_are_those_of_the_paper():
    ids = np.full((400, 100), 7, dtype=np.int32)
    ids[:, 90:] = PAD
    inputs, _, weights = mask_tokens(ids, np.random.default_rng(0), size=1005)
    chosen = weights == 1
    assert chosen[:, :90].mean() == pytest.approx(0.15, abs=0.006)  # 36,000 draws: three deviations
    hidden = inputs[chosen]
    assert (hidden == MASK).mean() == pytest.approx(0.8, abs=0.017)
    assert (hidden == 7).mean() == pytest.approx(0.1, abs=0.013)
    others = hidden[(hidden != MASK) & (hidden != 7)]
    assert others.min() < 30 and others.max() > 980 and (others >= len(SPECIAL)).all()


def test_the_generator_decides():
    ids = np.arange(5, 50).reshape(5, 9)
    draw = lambda seed: mask_tokens(ids, np.random.default_rng(seed), size=SIZE)
    assert all(map(np.array_equal, draw(1), draw(1)))
    assert not np.array_equal(draw(1).weights, draw(2).weights)
    rng = np.random.default_rng(1)
    first, second = (mask_tokens(ids, rng, size=SIZE).weights for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("ids", "share", "message"),
    [([[5]], 1.5, "fraction from 0 to 1"), ([[SIZE]], 0.1, "ids are 0 to 49"), ([[-1]], 0.1, "got -1 to -1")],
)
def test_what_cannot_be_masked_is_refused(ids, share, message):
    with pytest.raises(ValueError, match=message):
        mask_tokens(np.array(ids), np.random.default_rng(0), size=SIZE, share=share)


# --- buckets ----------------------------------------------------------------------------------------------------------

LENGTHS = st.lists(st.integers(0, 32), max_size=60)


@given(LENGTHS, st.integers(0, 9), st.integers(0, 9))
def test_every_row_is_dealt_once_into_the_narrowest_width_that_holds_it(lengths, seed, epoch):
    batches = length_buckets(lengths, (4, 8, 32), 64, seed=seed, epoch=epoch)
    dealt = [row for batch in batches for row in batch.rows.tolist()]
    assert sorted(dealt) == list(range(len(lengths)))
    for batch in batches:
        assert 0 < len(batch.rows) * batch.width <= 64
        for row in batch.rows:
            assert lengths[row] <= batch.width
            assert not any(lengths[row] <= width < batch.width for width in (4, 8, 32))
    for width in (4, 8, 32):  # at most one batch of each width is not full
        assert sum(len(batch.rows) < 64 // width for batch in batches if batch.width == width) <= 1


def test_seed_and_epoch_alone_decide():
    lengths = np.random.default_rng(0).integers(1, 33, 200)
    deal = lambda **how: [(batch.width, batch.rows.tolist()) for batch in length_buckets(lengths, (8, 32), 64, **how)]
    assert deal(seed=1, epoch=3) == deal(seed=1, epoch=3)
    assert deal(seed=1, epoch=3) != deal(seed=1, epoch=4)
    assert deal(seed=1, epoch=3) != deal(seed=2, epoch=3)
    widths = [width for width, _ in deal()]
    assert widths != sorted(widths)  # short and long batches come mixed


@settings(max_examples=30, deadline=None)
@given(LENGTHS)
def test_a_batch_takes_its_rows_and_columns_and_cuts_off_padding_only(lengths):
    ids = (np.arange(32) < np.array(lengths, dtype=int)[:, None]).astype(np.int32)
    batches = length_buckets(lengths, (4, 8, 32), 64)
    assert sum(int(batch.of(ids).sum()) for batch in batches) == sum(lengths)
    assert all(batch.of(ids).shape == (len(batch.rows), batch.width) for batch in batches)


@pytest.mark.parametrize(
    ("lengths", "widths", "tokens", "message"),
    [
        ([9], (4, 8), 64, "longest row has 9 tokens, the largest width is 8"),
        ([3], (8, 4), 64, "widths ascend"),
        ([3], (), 64, "widths ascend"),
        ([3], (0, 4), 64, "widths ascend"),
        ([3], (4, 8), 7, "does not hold one row of 8"),
    ],
)
def test_what_cannot_be_dealt_is_refused(lengths, widths, tokens, message):
    with pytest.raises(ValueError, match=message):
        length_buckets(lengths, widths, tokens)
