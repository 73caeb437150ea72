"""The benchmark of the small int8 network: the file is that of the network which was trained, and small."""

import numpy as np
import pytest


@pytest.fixture
def small(program):
    return program("images_small")


@pytest.fixture
def rows(program):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (300, 32, 32, 3), dtype=np.uint8)
    return program("images").Rows(x, np.arange(300) % 10, x[:50], np.arange(50) % 10)


def test_the_float32_copy_is_the_trained_network(small, rows):
    trained = small.fast_cnn(rows.x, stages=small.STAGES)
    rng = np.random.default_rng(1)
    trained.set_weights([rng.normal(0, 0.1, w.shape) ** 2 + 0.1 for w in trained.get_weights()])
    copy = small.in_float32(trained, rows.x[::-1])  # other images, whose whitening must not remain
    assert copy.inputs[0].dtype == "float32" and copy.inputs[0].name == "input"
    expected = trained.predict(rows.x_judged, verbose=0)
    assert copy.predict(rows.x_judged.astype("float32"), verbose=0) == pytest.approx(expected, rel=1e-4)


def test_a_run_says_what_the_files_take_and_reach(small, rows):
    found = small.run(rows, epochs=1, seed=0)
    assert found["litert_int8_bytes"] <= 100_000 < found["parameters"] * 4 < found["litert_bytes"]
    assert found["parameters"] < 100_000
    assert all(0 <= found[f"{form}_accuracy"] <= 1 for form in small.FORMS)
