"""The export benchmark, on a tiny network: whose files are compared with what."""

import shutil

import numpy as np
import pytest


@pytest.fixture
def benchmark(program, monkeypatch):
    program = program("export")
    tiny = program.resnet
    monkeypatch.setattr(program, "resnet", lambda depth: tiny(8, width=4))
    monkeypatch.setattr(program, "train_resnet", lambda rows, epochs, seed: (tiny(8, width=4), 1.0))
    return program


@pytest.fixture
def rows(program):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (300, 32, 32, 3), dtype=np.uint8)
    return program("images").Rows(x, rng.integers(0, 10, 300), x[:60], rng.integers(0, 10, 60))


def test_what_is_measured(benchmark, rows, tmp_path, monkeypatch):
    for name in ("shop", "text"):
        monkeypatch.setattr(benchmark, name, lambda folder: shutil.copytree(folder.parent / "resnet20", folder))
    found = benchmark.measured(rows, tmp_path, epochs=1, rounds=1)
    assert set(found["parity"]) == {"resnet20", "shop", "text"}
    forms = found["parity"]["resnet20"]
    assert set(forms) == set(benchmark.FORMATS)
    assert all(forms[form]["difference"] <= 1e-5 for form in ("keras", "savedmodel", "litert", "onnx"))
    assert forms["litert_int8"]["difference"] > 1e-5
    clock, over = found["milliseconds"], found["predict over"]
    assert set(clock) - set(over) == {"predict"} and len(over) == 2 + 2 * 4
    assert over["litert, 2 threads"] == pytest.approx(clock["predict"] / clock["litert, 2 threads"], rel=0.01)
    size = found["bytes"]
    assert found["int8 bytes over float32"] == pytest.approx(size["litert_int8"] / size["litert"], abs=1e-4)


def test_accuracy_is_that_of_each_file(benchmark, rows, monkeypatch):
    class Fixed:
        manifest = type("M", (), {"inputs": [{"name": "input"}]})

        def __init__(self, right):
            self.right = right

        def outputs(self, arrays):
            assert arrays["input"].shape == (60, 32, 32, 3) and arrays["input"].dtype == np.float32
            said = np.where(np.arange(60) < self.right, rows.y_judged, (rows.y_judged + 1) % 10)
            return np.eye(10)[said]

    right = {"litert": 45, "litert_int8": 42}
    monkeypatch.setattr(benchmark, "load", lambda folder, form, threads: Fixed(right[form]))
    assert benchmark.accuracies(None, rows) == {"litert": 0.75, "litert_int8": 0.7, "p_value": 0.25}
