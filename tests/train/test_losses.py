import keras
import numpy as np
import pytest

from kitutils.train.losses import SmoothedCrossentropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("column", [False, True])
def test_it_is_keras_own_with_one_hot_labels(smoothing, column):
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(20, 5)).astype("float32"), rng.integers(0, 5, 20)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    ours = SmoothedCrossentropy(smoothing)(y[:, None] if column else y, logits)
    assert float(ours) == pytest.approx(float(theirs(np.eye(5)[y], logits)), rel=1e-5)


def test_it_comes_back_from_its_config():
    loss = SmoothedCrossentropy(0.3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.smoothing == 0.3 and again.name == loss.name


@pytest.mark.parametrize("smoothing", [-0.1, 1])
def test_smoothing_is_a_share(smoothing):
    with pytest.raises(ValueError, match="smoothing is a share"):
        SmoothedCrossentropy(smoothing)
