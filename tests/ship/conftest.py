"""Small models and their exports: images, texts, rows of a table; pixels and codes, which arrive as whole numbers. Made
once for all tests of this folder."""

from types import SimpleNamespace

import numpy as np
import pytest

FORMS = {
    "images": ("keras", "savedmodel", "litert", "litert_float16", "litert_dynamic", "litert_int8", "onnx"),
    "texts": ("keras", "savedmodel", "litert", "litert_float16", "litert_dynamic", "onnx"),
    "rows": ("keras", "savedmodel", "litert", "litert_float16", "litert_dynamic", "onnx"),
    "pixels": ("keras", "savedmodel", "litert", "litert_dynamic", "onnx"),
    "codes": ("keras", "savedmodel", "litert", "onnx"),
}
WORDS = ["the", "dress", "came", "too", "late", "and", "was", "torn", "I", "sent", "it", "back", "with", "a", "note"]


def _images():
    from kitutils.models import resnet

    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (60, 16, 16, 3)).astype(np.uint8)
    return SimpleNamespace(
        model=resnet(8, (16, 16, 3), 3, width=4), raw=list(raw), labels=["cat", "dog", "owl"], more={}
    )


def _texts():
    from kitutils.data.tokens import train_wordpiece
    from kitutils.models import text_classifier, text_encoder
    from kitutils.ship import Texts

    rng = np.random.default_rng(0)
    raw = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(1, 50, 60)]
    words = train_wordpiece(raw, size=120, length=32)
    body = text_encoder(len(words.vocabulary), width=16, depth=1, heads=2, length=32)
    more = {"preprocessing": Texts(words.to_dict(), widths=(16, 32))}
    return SimpleNamespace(model=text_classifier(body, 2), raw=raw, labels=["praise", "complaint"], more=more)


def _rows():
    from kitutils.data import encoders, features, shop
    from kitutils.models import shop_model

    orders = features.with_history(shop.generate(400, seed=5).table())
    model = shop_model(encoders.learn(orders, orders["returned"]), units=(8,))
    raw = orders[list(features.INPUTS)].head(60).to_dict("records")
    return SimpleNamespace(model=model, raw=raw, labels=["kept", "returned"], more={})


def _pixels():
    """Images for a model whose input is uint8."""
    from kitutils.models import fast_cnn

    raw = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3)).astype(np.uint8)
    model = fast_cnn(raw, 3, stages=((4, 4),))
    return SimpleNamespace(model=model, raw=list(raw), labels=["cat", "dog", "owl"], more={"output": "logits"})


def _codes():
    """Rows with a number and, beside it, a code of type int32."""
    import keras
    from keras import layers, ops

    price, code = keras.Input((), name="price"), keras.Input((), dtype="int32", name="code")
    known = layers.Activation("tanh")(ops.where(ops.equal(price, price), price, ops.zeros_like(price)))
    x = layers.Concatenate()([layers.Reshape((1,))(known), layers.Embedding(9, 3)(code)])
    rng = np.random.default_rng(0)
    raw = [{"price": float(rng.normal()), "code": int(code)} for code in rng.integers(1, 9, 60)]
    model = keras.Model({"price": price, "code": code}, layers.Dense(2)(x), name="codes")
    return SimpleNamespace(model=model, raw=raw, labels=["kept", "returned"], more={})


MAKERS = {"images": _images, "texts": _texts, "rows": _rows}
WHOLE = {"pixels": _pixels, "codes": _codes}


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """kind → a namespace: ``model``, ``raw``, ``labels``, ``folder`` of the export in all formats, ``manifest``."""
    import keras

    from kitutils.ship import export

    made = {}

    def get(kind):
        if kind not in made:
            keras.utils.set_random_seed(0)
            one = (MAKERS | WHOLE)[kind]()
            one.folder = tmp_path_factory.mktemp("exports") / kind
            one.manifest = export(
                one.model,
                one.folder,
                samples=one.raw[:40],
                formats=FORMS[kind],
                labels=one.labels,
                agreement=0.8,
                **one.more,
            )
            made[kind] = one
        return made[kind]

    return get


@pytest.fixture(scope="session")
def predictor(shipped):
    """(kind, format) → its predictor, loaded once."""
    from kitutils.ship import load

    loaded = {}

    def get(kind, form):
        if (kind, form) not in loaded:
            loaded[kind, form] = load(shipped(kind).folder, form)
        return loaded[kind, form]

    return get


def pytest_generate_tests(metafunc):
    """A test that takes ``kind`` and ``form`` runs with each form of each model; unless it chooses."""
    if {"kind", "form"} <= set(metafunc.fixturenames) and not metafunc.definition.get_closest_marker("parametrize"):
        metafunc.parametrize(("kind", "form"), [(kind, form) for kind in FORMS for form in FORMS[kind]])
