"""The shop model: raw orders in, a chance out; saved, exported and fed with what it has never seen."""

import numpy as np
import pytest

from kitutils.course import quiet
from kitutils.data import encoders, features, shop

ORDERS = features.with_history(shop.generate(400, seed=5).table())
LEARNED = encoders.learn(ORDERS, ORDERS["returned"])
INPUTS = features.as_inputs(ORDERS.head(20))


@pytest.fixture(scope="module")
def model():
    import keras

    from kitutils.models import shop_model

    keras.utils.set_random_seed(0)
    trained = shop_model(LEARNED, units=(8,))
    trained.fit(features.as_inputs(ORDERS), ORDERS["returned"].to_numpy(), epochs=2, batch_size=64, verbose=0)
    return trained


def test_it_takes_raw_orders_by_name(model):
    assert sorted(x.name for x in model.inputs) == sorted(features.INPUTS)
    chances = model.predict(INPUTS, verbose=0)
    assert chances.shape == (20, 1)
    assert ((chances > 0) & (chances < 1)).all()


def test_it_is_a_network_on_the_encoded_columns(model):
    encoded = encoders.sklearn_encoder(LEARNED).transform(ORDERS.head(20))
    (w1, b1), (w2, b2) = (layer.get_weights() for layer in model.layers if layer.__class__.__name__ == "Dense")
    by_hand = 1 / (1 + np.exp(-(np.maximum(encoded @ w1 + b1, 0) @ w2 + b2)))
    assert np.abs(model.predict(INPUTS, verbose=0) - by_hand).max() < 1e-5


def test_what_is_missing_or_unseen_gets_a_finite_answer(model):
    for value in (None, "XXL"):
        order = dict.fromkeys(features.INPUTS) | dict.fromkeys(features.TEXTS, value)
        assert np.isfinite(model.predict(features.as_inputs(order), verbose=0)).all()
    extreme = ORDERS.head(1).assign(weight_g=1e30, price_eur=-1e30)
    assert np.isfinite(model.predict(features.as_inputs(extreme), verbose=0)).all()


def test_without_hidden_layers_it_is_logistic_regression():
    from kitutils.models import shop_model

    assert shop_model(LEARNED, units=()).count_params() - len(encoders.columns(LEARNED)) == 1


def test_saved_and_loaded_it_answers_the_same_without_the_kit(model, tmp_path):
    import keras

    model.save(tmp_path / "shop.keras")
    loaded = keras.saving.load_model(tmp_path / "shop.keras", compile=False)
    assert "kitutils" not in loaded.to_json()
    assert np.array_equal(loaded.predict(INPUTS, verbose=0), model.predict(INPUTS, verbose=0))


@pytest.mark.slow
def test_exported_it_answers_the_same(model, tmp_path):
    import keras
    import onnxruntime
    import tensorflow as tf
    import tf2onnx
    from ai_edge_litert.interpreter import Interpreter

    expected = model.predict(INPUTS, verbose=0)
    with quiet():
        model.export(tmp_path / "shop")
        lite = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "shop")).convert()
        # From a model that takes a list; a dictionary is refused.
        onnx, _ = tf2onnx.convert.from_keras(keras.Model(list(model.inputs), model.output), opset=17)
    loaded = tf.saved_model.load(str(tmp_path / "shop"))
    served = loaded.serve({name: tf.constant(x) for name, x in INPUTS.items()}).numpy()
    assert np.abs(served - expected).max() < 1e-6
    runner = Interpreter(model_content=lite).get_signature_runner()
    ones = [{name: x[i : i + 1] for name, x in INPUTS.items()} for i in range(20)]
    answers = np.array([next(iter(runner(**one).values()))[0] for one in ones])
    assert np.abs(answers - expected).max() < 1e-5
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    (answers,) = session.run(None, {x.name: INPUTS[x.name] for x in session.get_inputs()})
    assert np.abs(answers - expected).max() < 1e-5
