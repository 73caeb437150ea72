"""The predictor: the same answers alone and in a batch, in every runtime; light; safe for threads."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitutils import settings as kit
from kitutils.data import features
from kitutils.ship import BadInput, ShipError, load
from kitutils.ship.predictor import probabilities

SIDE = (16, 16, 3)
images = st.builds(
    lambda seed, top: np.random.default_rng(seed).integers(0, top + 1, SIDE).astype(np.uint8),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
)
characters = st.characters(codec=None)  # half surrogates and control characters too
texts = st.one_of(
    st.text(characters, max_size=60),
    st.lists(st.sampled_from(["late", "torn", "note", "😀", "שלום", "\x00", "[MASK]"]), max_size=40).map(" ".join),
)
numbers = st.one_of(st.none(), st.integers(-(10**6), 10**6), st.floats(width=32, allow_infinity=False))
rows = st.fixed_dictionaries(
    dict.fromkeys(features.NUMBERS + features.COUNTS, numbers)
    | dict.fromkeys(
        features.TEXTS, st.one_of(st.none(), st.sampled_from(["M", "L", "DE"]), st.text(characters, max_size=8))
    )
)
codes = st.fixed_dictionaries({"price": numbers, "code": st.integers(0, 8) | st.sampled_from([3.0, np.int64(4)])})
INPUTS = {"images": images, "texts": texts, "rows": rows, "pixels": images, "codes": codes}
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(data=st.data())
def test_alone_and_in_a_batch_the_answers_are_the_same(kind, form, predictor, data):
    raw = data.draw(st.lists(INPUTS[kind], min_size=1, max_size=6))
    runs = predictor(kind, form)
    together = runs.predict(raw)
    assert len(together) == len(raw)
    for given_, answer in zip(raw, together, strict=True):
        (alone,) = runs.predict([given_])
        found, wanted = (np.array(list(p.probabilities.values())) for p in (answer, alone))
        assert np.isfinite(found).all() and abs(found.sum() - 1) < 1e-6
        assert np.abs(found - wanted).max() <= 1e-6
        # Where two classes are equally likely to 1e-6 there is no label to agree on.
        first, second = np.sort(found)[-2:][::-1]
        assert answer.label == alone.label or first - second <= 2e-6


@SLOW
@given(data=st.data())
@pytest.mark.parametrize("kind", INPUTS)
def test_all_runtimes_give_the_same_probabilities(kind, predictor, data):
    raw = data.draw(st.lists(INPUTS[kind], min_size=1, max_size=4))
    answers = {
        form: np.array([list(p.probabilities.values()) for p in predictor(kind, form).predict(raw)])
        for form in ("keras", "savedmodel", "litert", "onnx")
    }
    for form, found in answers.items():
        assert np.abs(found - answers["keras"]).max() < 1e-5, form


def test_no_inputs_no_answers(predictor):
    assert predictor("texts", "litert").predict([]) == []


def test_more_inputs_than_fit_into_a_batch_come_back_in_their_order(predictor, shipped):
    raw = [shipped("texts").raw[i % 60] for i in range(150)]
    runs = predictor("texts", "litert")
    found = runs.predict(raw)
    assert [p.label for p in found] == [runs.predict([text])[0].label for text in raw]


def test_the_label_is_that_of_the_largest_probability(predictor, shipped):
    for answer in predictor("images", "onnx").predict(shipped("images").raw[:20]):
        assert list(answer.probabilities) == shipped("images").labels
        assert answer.probabilities[answer.label] == max(answer.probabilities.values())


def test_a_table_is_answered_row_by_row(predictor, shipped):
    import pandas as pd

    raw = shipped("rows").raw[:5]
    runs = predictor("rows", "litert")
    assert runs.predict(pd.DataFrame(raw)) == runs.predict(raw)


@pytest.mark.parametrize("raw", ["one text", b"bytes", {"age": 3}, 7, None])
def test_one_input_in_place_of_a_list_is_refused(raw, predictor):
    with pytest.raises(BadInput, match="expected a list"):
        predictor("rows", "litert").predict(raw)


def dull(value):
    return np.full(SIDE, value)


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        ("pixels", dull(3.5), r"Input 1: input takes whole numbers from 0 to 255 \(uint8\); got 3\.5"),
        ("codes", {"price": 1, "code": 2.5}, r"Input 1: code takes whole numbers .* \(int32\); got 2\.5"),
        ("codes", {"price": 1, "code": None}, r"Input 1: code takes whole numbers .*; got nan\. None may be missing"),
        ("codes", {"price": 1, "code": 2**31}, "Input 1: code takes whole numbers .*; got 2147483648"),
    ],
)
def test_what_is_no_whole_number_is_refused_where_the_model_takes_one(kind, raw, message, predictor, shipped):
    with pytest.raises(BadInput, match=message):
        predictor(kind, "onnx").predict([shipped(kind).raw[0], raw])


def test_a_whole_number_that_float32_cannot_hold_arrives_as_it_is(predictor):
    runs = predictor("codes", "onnx")
    for code in (2**24 + 1, 2**31 - 1, -(2**31)):
        assert runs.prepare([{"price": 1, "code": code}])["code"].tolist() == [code]


@pytest.mark.parametrize(("kind", "dtype"), [("images", np.float32), ("pixels", np.uint8)])
def test_prepared_arrays_have_the_models_own_types(kind, dtype, predictor, shipped):
    assert predictor(kind, "litert").prepare(shipped(kind).raw[:2])["input"].dtype == dtype
    found = predictor("codes", "litert").prepare(shipped("codes").raw[:2])
    assert (found["price"].dtype, found["code"].dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("form", ["litert", "onnx", "savedmodel", "keras"])
def test_prepared_arrays_of_another_type_of_numbers_are_taken_if_nothing_is_lost(form, predictor, shipped):
    runs, images = predictor("images", form), np.stack(shipped("images").raw[:3])
    wanted = runs.outputs({"input": images.astype(np.float32)})
    for given_ in (images, images.astype(float), images.astype(np.int64)):
        assert np.array_equal(runs.outputs({"input": given_}), wanted)
    codes = {"code": np.array([1.0, 8.0]), "price": np.array([1, 2])}
    assert np.array_equal(
        predictor("codes", form).outputs(codes), predictor("codes", form).outputs(dict(reversed(codes.items())))
    )


@pytest.mark.parametrize("form", ["litert", "onnx", "savedmodel", "keras"])
@pytest.mark.parametrize(
    ("kind", "arrays", "message"),
    [
        ("images", {"image": np.zeros((1, *SIDE))}, "arrays are input; got image"),
        ("images", {}, "arrays are input; got none"),
        ("images", {"input": np.zeros((1, 9, 9, 1))}, r"input has shape \(rows, 16, 16, 3\); got \(1, 9, 9, 1\)"),
        ("images", {"input": np.zeros(SIDE)}, r"got \(16, 16, 3\)"),
        ("images", {"input": np.float32(3)}, r"got \(\)"),
        ("images", {"input": np.full((1, *SIDE), "a")}, "input is an array of float32; got <U1"),
        ("images", {"input": np.full((1, *SIDE), None)}, "input is an array of float32; got object"),
        (
            "images",
            {"input": np.full((2, *SIDE), 1e300)},
            "Input 0: input is a number that float32 can hold; got 1e.300",
        ),
        ("images", {"input": np.zeros((0, *SIDE))}, "there is no input"),
        ("pixels", {"input": np.full((1, *SIDE), np.nan)}, r"input takes whole numbers .* \(uint8\); got nan"),
        ("codes", {"price": np.zeros(2), "code": np.zeros(3, int)}, r"of one length; got \[2, 3\]"),
        ("codes", {"price": np.zeros(2), "code": np.array([0, 2**40])}, "Input 1: code takes whole numbers"),
        ("rows", None, "Input 0: size is a text; got int"),
    ],
)
def test_prepared_arrays_that_do_not_fit_are_refused_before_a_runtime_sees_them(
    kind, arrays, message, form, predictor, shipped
):
    runs = predictor(kind, form)
    if arrays is None:
        arrays = runs.prepare(shipped(kind).raw[:1]) | {"size": np.array([3], object)}
    with pytest.raises(BadInput, match=message):
        runs.outputs(arrays)


def test_logits_become_probabilities_without_overflow():
    found = probabilities(np.array([[1e4, -1e4, 0], [-3e38, -3e38, -3e38]], np.float32), "logits")
    assert np.allclose(found, [[1, 0, 0], [1 / 3] * 3])
    assert np.allclose(
        probabilities(np.array([[1e4], [-1e4], [0]], np.float32), "logits"), [[0, 1], [1, 0], [0.5, 0.5]]
    )


@pytest.mark.parametrize("form", ["litert", "onnx", "savedmodel", "keras"])
def test_many_threads_may_ask_one_predictor(form, predictor, shipped):
    raw = shipped("images").raw
    runs = predictor("images", form)
    wanted = runs.predict(raw)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: runs.predict([raw[i % 60]])[0], range(240)))
    for i, answer in enumerate(found):
        assert answer.label == wanted[i % 60].label
        assert answer.probabilities == pytest.approx(wanted[i % 60].probabilities, abs=1e-6)


@pytest.mark.parametrize(("form", "library"), [(None, "ai_edge_litert"), ("onnx", "onnxruntime")])
@pytest.mark.parametrize("kind", ["images", "texts", "rows"])
def test_litert_and_onnx_answer_without_tensorflow(kind, form, library, shipped):
    raw = [image.tolist() for image in shipped(kind).raw[:2]] if kind == "images" else shipped(kind).raw[:2]
    code = (
        f"import sys\nfrom kitutils.ship import load\n"
        f"nan = None\nprint(load({str(shipped(kind).folder)!r}, {form!r}).predict({raw!r})[1].label)\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=kit.root(), capture_output=True, encoding="utf8")
    assert done.returncode == 0, done.stderr
    answer, loaded = done.stdout.split("LOADED")
    assert answer.strip() in shipped(kind).labels
    assert library in loaded.split()
    assert not {"tensorflow", "keras", "sklearn", "pandas", "matplotlib"} & set(loaded.split())
    assert done.stderr == ""


def test_the_runtime_that_starts_fastest_is_taken_and_a_missing_one_is_told(shipped, monkeypatch):
    from kitutils.ship import predictor as module
    from kitutils.ship import runtimes

    folder = shipped("rows").folder
    assert load(folder).format == "litert"
    without = lambda form: not form.startswith("litert")
    monkeypatch.setattr(module, "installed", without)
    monkeypatch.setattr(runtimes, "installed", without)
    assert load(folder).format == "onnx"
    with pytest.raises(ShipError, match="needs the library ai_edge_litert"):
        load(folder, "litert")


def test_a_format_that_was_not_exported_and_threads_that_are_none_are_refused(shipped):
    with pytest.raises(ShipError, match="'litert_int8' is not among them"):
        load(shipped("texts").folder, "litert_int8")
    for threads in (0, -1, 1.5, True):
        with pytest.raises(ShipError, match="threads is a whole number"):
            load(shipped("texts").folder, threads=threads)
    assert load(shipped("texts").folder, threads=2).predict(["late"])[0].label in shipped("texts").labels
