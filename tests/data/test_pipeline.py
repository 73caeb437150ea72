import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.pipeline import Batches, batches_of


def batches(rows=10, size=4, **options):
    return Batches(np.arange(rows, dtype=np.float32)[:, None], np.arange(rows), size, **options)


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_every_row_is_dealt_once_an_epoch(rows, size, seed, epoch):
    made = batches(rows, size, seed=seed)
    assert sorted(made.order(epoch)) == list(range(rows))
    assert made.steps == -(-rows // size)


def test_another_epoch_and_another_seed_have_another_order():
    orders = [batches(50, seed=seed).order(epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert batches(50, seed=1).order(1).tolist() == orders[3]


def test_without_shuffling_rows_come_as_they_are():
    assert batches(shuffle=False).order(3).tolist() == list(range(10))


@pytest.fixture(scope="module")
def dealt():
    """Rows of nine batches, three epochs, from epoch 0 and from epoch 1, in both forms."""
    made = batches(seed=3)
    flow = {start: [y.numpy().tolist() for _, y in itertools.islice(made.tensorflow(start), 9)] for start in (0, 1)}
    return made, flow


def test_tensorflow_deals_the_epochs_in_their_order(dealt):
    made, flow = dealt
    rows = [[row for batch in flow[0][epoch * 3 : epoch * 3 + 3] for row in batch] for epoch in range(3)]
    assert rows == [made.order(epoch).tolist() for epoch in range(3)]
    assert [len(batch) for batch in flow[0][:3]] == [4, 4, 2]


def test_a_later_start_deals_what_comes_then(dealt):
    _, flow = dealt
    assert flow[1][:6] == flow[0][3:]


def test_arrays_are_dealt_like_tensors(dealt):
    made, flow = dealt
    arrays = made.arrays(start=1)
    for epoch in range(2):
        assert [arrays[step][1].tolist() for step in range(made.steps)] == flow[1][epoch * 3 : epoch * 3 + 3]
        arrays.on_epoch_end()


def test_each_batch_is_augmented_with_its_own_seed_and_the_same_one_every_time():
    import tensorflow as tf

    def noise(images, seed):
        return images + tf.random.stateless_uniform(tf.shape(images), seed)

    made = batches(seed=2, augment=noise)
    first = [x.numpy() for x, _ in itertools.islice(made.tensorflow(), 6)]
    again = [x.numpy() for x, _ in itertools.islice(made.tensorflow(1), 3)]
    assert all(np.array_equal(left, right) for left, right in zip(first[3:], again, strict=True))
    added = [batch - np.floor(batch) for batch in first]
    assert len({batch[0, 0] for batch in added}) == 6
    arrays = batches(seed=2, augment=noise).arrays()
    assert np.allclose(arrays[0][0], first[0])


def test_what_cannot_be_dealt_is_refused():
    with pytest.raises(ValueError, match="3 inputs and 2 targets"):
        Batches(np.zeros((3, 1)), np.zeros(2))
    with pytest.raises(ValueError, match="no rows to train on"):
        Batches(np.zeros((0, 1)), np.zeros(0))
    with pytest.raises(ValueError, match="batch_size=0"):
        batches(size=0)
    with pytest.raises(TypeError, match="got list"):
        batches_of([1, 2])


def pictures():
    x = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3)).astype(np.uint8)
    return Batches(x, np.arange(10), 4, seed=3, flip=True, shift=1)


def test_both_forms_deal_the_same_views():
    made = pictures()
    flow = [x.numpy() for x, _ in itertools.islice(made.tensorflow(), 9)]
    arrays = made.arrays()
    for epoch in range(3):
        for step in range(3):
            assert (arrays[step][0] == flow[3 * epoch + step]).all()
        arrays.on_epoch_end()


def test_views_change_from_epoch_to_epoch_and_not_from_run_to_run():
    made, again = pictures(), pictures()
    rows = np.arange(4)
    assert (made.inputs(rows, 1, 2) == again.inputs(rows, 1, 2)).all()
    assert (made.inputs(rows, 1, 2) != made.inputs(rows, 2, 2)).any()
    assert (made.inputs(rows, 1, 2) != made.inputs(rows, 1, 1)).any()


def test_tables_have_no_other_views():
    with pytest.raises(ValueError, match=r"Only pictures.*got \(10, 1\)"):
        batches(flip=True)


def test_half_the_rows_are_mirrored_first_and_another_seed_chooses_others():
    x = np.zeros((2000, 1, 2, 1), np.uint8)
    x[:, :, 1] = 1
    sides = [
        Batches(x, np.arange(2000), seed=seed, flip=True).inputs(np.arange(2000), 0, 0)[:, 0, 0, 0] for seed in (0, 1)
    ]
    assert all(900 < side.sum() < 1100 for side in sides)
    assert 800 < (sides[0] != sides[1]).sum() < 1200


def test_a_row_is_mirrored_alike_in_any_batch():
    x = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 3)).astype(np.uint8)
    made = Batches(x, np.arange(40), seed=3, flip=True)
    order = np.random.default_rng(1).permutation(40)
    assert (made.inputs(order, 0, 0) == made.inputs(np.arange(40), 0, 0)[order]).all()
