import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import log_softmax, softmax

from kitutils.ship.distil import Distiller, distillation_loss


def by_numpy(labels, student, teacher, temperature, alpha):
    hard = -log_softmax(student, axis=1)[np.arange(len(labels)), labels]
    p, q = softmax(teacher / temperature, axis=1), softmax(student / temperature, axis=1)
    soft = np.sum(p * (np.log(p) - np.log(q)), axis=1)
    return alpha * hard + (1 - alpha) * temperature**2 * soft


@pytest.mark.parametrize(("temperature", "alpha"), [(1, 0.5), (4, 0.1), (10, 0), (3, 1)])
def test_the_loss_is_the_papers(temperature, alpha):
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(0, 3, (2, 30, 5)).astype("float32")
    labels = rng.integers(0, 5, 30)
    expected = by_numpy(labels, student, teacher, temperature, alpha)
    for shape in ((30,), (30, 1)):
        got = distillation_loss(labels.reshape(shape), student, teacher, temperature=temperature, alpha=alpha)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_a_student_that_says_what_the_teacher_says_has_the_labels_loss_alone():
    logits = np.random.default_rng(1).normal(size=(9, 4)).astype("float32")
    np.testing.assert_allclose(distillation_loss(np.zeros(9, int), logits, logits, alpha=0), 0, atol=1e-5)


def test_large_logits_make_no_nan():
    logits = np.float32([[500, -500], [-500, 500]])
    assert np.isfinite(distillation_loss(np.array([0, 0]), logits, -logits)).all()


def test_the_student_comes_nearer_to_the_teacher_who_stays():
    keras.utils.set_random_seed(0)
    teacher, student = (keras.Sequential([keras.Input((6,)), layers.Dense(3)]) for _ in range(2))
    x = np.random.default_rng(0).normal(size=(300, 6)).astype("float32")
    labels = np.zeros(300, int)  # of no use: with alpha 0 they are not looked at
    before = [weight.copy() for weight in teacher.get_weights()]
    distiller = Distiller(student, teacher, temperature=2, alpha=0)
    assert len(distiller.trainable_variables) == 2
    distiller.compile(keras.optimizers.Adam(0.1), metrics=["accuracy"])
    apart = np.abs(softmax(student(x), axis=1) - softmax(teacher(x), axis=1)).max()
    history = distiller.fit(x, labels, batch_size=50, epochs=20, verbose=0, validation_data=(x, labels)).history
    assert np.abs(softmax(student(x), axis=1) - softmax(teacher(x), axis=1)).max() < 0.1 * apart
    assert {"loss", "accuracy", "val_accuracy"} <= set(history)
    for old, now in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


ENDS = {
    "softmax": [layers.Dense(3, activation="softmax")],
    "sigmoid": [layers.Dense(3), layers.Activation("sigmoid")],
    "Softmax": [layers.Dense(3), layers.Softmax()],
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("within", [False, True])
def test_probabilities_are_refused_where_they_can_be_seen(name, within):
    logits = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="linear")])
    chances = keras.Sequential([keras.Input((6,)), *ENDS[name]])
    if within:
        chances = keras.Sequential([keras.Input((6,)), chances])
    with pytest.raises(ValueError, match=f"teacher ends in {name.lower()}.*needs its logits"):
        Distiller(logits, chances)
    with pytest.raises(ValueError, match=f"student ends in {name.lower()}"):
        Distiller(chances, logits)


def test_a_model_whose_end_cannot_be_seen_is_taken():
    class Own(keras.Model):
        output_shape = (None, 3)

        def call(self, x):
            return x[:, :3]

    logits = keras.Sequential([keras.Input((6,)), layers.Dense(3), layers.Dropout(0.1)])
    assert Distiller(logits, Own()).student is logits


def test_what_makes_no_sense_is_refused():
    three, four = (keras.Sequential([keras.Input((6,)), layers.Dense(n)]) for n in (3, 4))
    with pytest.raises(ValueError, match="same classes"):
        Distiller(three, four)
    with pytest.raises(ValueError, match="temperature is above 0"):
        Distiller(three, three, temperature=0)
    with pytest.raises(ValueError, match="alpha from 0 to 1"):
        Distiller(three, three, alpha=2)
