import keras
import numpy as np
import pytest

from kitutils.models import recurrent_classifier
from kitutils.models.recurrent import KINDS

KIND = pytest.mark.parametrize("kind", KINDS)
SHORT = {"width": 6, "embedding": 5}


def logits(model, ids):
    return keras.ops.convert_to_numpy(model(ids, training=False))


@pytest.fixture
def ids():
    rows = np.random.default_rng(0).integers(1, 30, (4, 8)).astype("int32")
    rows[1, 3:] = 0
    rows[2, 6:] = 0
    return rows


@KIND
@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_logit_a_class_comes_out_and_padding_changes_nothing(kind, bidirectional, ids):
    model = recurrent_classifier(30, None, 3, kind=kind, bidirectional=bidirectional, **SHORT)
    out = logits(model, ids)
    assert out.shape == (4, 3) and out.dtype == np.float32
    assert logits(model, np.pad(ids, ((0, 0), (0, 5)))) == pytest.approx(out, abs=1e-6)
    assert logits(model, ids[1:2, :3]) == pytest.approx(out[1:2], abs=1e-6)


@KIND
def test_order_matters(kind, ids):
    model = recurrent_classifier(30, 8, 2, kind=kind, **SHORT)
    assert abs(logits(model, ids[:1, ::-1]) - logits(model, ids[:1])).max() > 1e-5


def test_one_direction_ends_at_the_last_token_and_two_see_both_ends():
    """A number that only the first step sees: a cell that forgets all has lost it, one that reads back has it fresh."""
    for bidirectional in (False, True):
        model = recurrent_classifier(30, None, 2, kind="simple", bidirectional=bidirectional, **SHORT)
        for weight in model.weights:
            if "recurrent_kernel" in weight.path:
                weight.assign(np.zeros(weight.shape))
        one, other = logits(model, np.array([[1, 2, 3]])), logits(model, np.array([[9, 2, 3]]))
        assert (abs(one - other).max() > 1e-6) == bidirectional


@KIND
def test_unrolled_gives_the_same_numbers(kind, ids):
    looped, laid_out = (recurrent_classifier(30, 8, 2, kind=kind, unroll=unroll, **SHORT) for unroll in (False, True))
    laid_out.set_weights(looped.get_weights())
    assert logits(laid_out, ids) == pytest.approx(logits(looped, ids), abs=1e-6)


def test_it_learns_which_of_two_tokens_came_first(tmp_path):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    rows = rng.integers(3, 9, (256, 6))
    places = np.sort(np.array([rng.permutation(6)[:2] for _ in rows]), axis=1)
    labels = rng.integers(0, 2, 256)
    rows[np.arange(256), places[:, 0]] = 1 + labels
    rows[np.arange(256), places[:, 1]] = 2 - labels
    model = recurrent_classifier(9, 6, 2, width=16, embedding=8)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-2), loss)
    model.fit(rows, labels, batch_size=64, epochs=20, verbose=0)
    assert np.mean(logits(model, rows).argmax(axis=1) == labels) > 0.9
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert logits(again, rows) == pytest.approx(logits(model, rows), abs=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "rnn"}, r"kind is one of simple, gru, lstm; got 'rnn'"),
        ({"vocabulary": 1}, r"vocabulary is 2 or more; got 1"),
        ({"length": 0}, r"length is 1 or more; got 0"),
        ({"classes": 0}, r"classes is 1 or more; got 0"),
        ({"width": 0}, r"width is 1 or more; got 0"),
        ({"length": None, "unroll": True}, r"unroll=True .*give the length"),
    ],
)
def test_what_cannot_be_built_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        recurrent_classifier(**({"vocabulary": 30, "length": 8, "classes": 2} | given))
