"""The choice of the number format, with clocks of the test's own."""

import pytest

from kitutils.train import precision


@pytest.mark.parametrize(
    ("float32", "bfloat16", "expected"),
    [(1.0, 0.5, "mixed_bfloat16"), (1.0, 0.9, "float32"), (1.0, 3.0, "float32"), (0.5, 0.5, "float32")],
)
def test_the_mixed_policy_has_to_pay(monkeypatch, float32, bfloat16, expected):
    seconds = {"float32": float32, "bfloat16": bfloat16}
    monkeypatch.setattr(precision, "_timed", lambda inputs, kernel: seconds[_name(inputs)])
    assert precision.fastest() == expected


def test_the_first_try_and_the_interrupted_ones_do_not_count(monkeypatch):
    clock = {"float32": iter([0.1, 1.0, 9.0, 1.0]), "bfloat16": iter([9.0, 7.0, 0.5, 8.0])}
    monkeypatch.setattr(precision, "_timed", lambda inputs, kernel: next(clock[_name(inputs)]))
    assert precision.fastest(rounds=3) == "mixed_bfloat16"


def test_it_measures_here():
    assert precision.fastest(rounds=1) in ("float32", "mixed_bfloat16")


def _name(tensor):
    import keras

    return keras.backend.standardize_dtype(tensor.dtype)
