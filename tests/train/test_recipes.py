import keras
import numpy as np
import pytest

from kitutils.data.pipeline import Batches
from kitutils.models import fast_cnn
from kitutils.train import OneCycle, fit, recipes
from kitutils.train.errors import TrainingStopped


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    y = np.arange(64) % 3
    x = rng.integers(0, 80, (64, 16, 16, 3)).astype(np.uint8)
    x[np.arange(64), :, :, y] += 120  # each class is bright in one colour
    return x, y


def small(x, steps, seed=0):
    keras.utils.set_random_seed(seed)
    return recipes.fast(fast_cnn(x, 3, stages=((8, 8),)), steps)


def test_the_schedule_covers_the_steps_and_the_head_is_left_to_adam(rows):
    model = small(rows[0], 40)
    assert isinstance(model.optimizer._learning_rate, OneCycle) and model.optimizer._learning_rate.steps == 40
    assert model.optimizer.exclude_layers == ["head"]


def test_it_learns_in_few_steps(rows):
    batches = Batches(*rows, 16, flip=True, shift=1)
    run = fit(small(rows[0], 6 * batches.steps), batches, 6, bar=False)
    assert run.last("accuracy") > 0.9


def test_a_broken_off_training_ends_like_an_unbroken_one(rows, tmp_path):
    batches = Batches(*rows, 16, flip=True, shift=1)

    def train(*epochs, folder):
        for until in epochs:
            model = small(rows[0], 3 * batches.steps)
            fit(model, batches, until, folder=folder, bar=False)
        return model.get_weights()

    # Broken off between epochs; the steps' sums may be added in another order, so the weights are alike, not the same.
    whole, broken = train(3, folder=tmp_path / "a"), train(1, 3, folder=tmp_path / "b")
    for ours, theirs in zip(whole, broken, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def test_labels_out_of_range_are_still_seen(rows):
    x, y = rows
    with pytest.raises(TrainingStopped, match="Labels run from 1 to 3"):
        fit(small(x, 10), (x, y + 1), 1, bar=False)
