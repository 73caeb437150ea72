"""The benchmark of compression: what is judged is the file, and each way does what its name says."""

import keras
import numpy as np
import pytest

from kitutils.models import resnet
from kitutils.ship.packing import entropy_coded, unpack


@pytest.fixture
def compress(program):
    return program("compress")


@pytest.fixture
def bench(compress, program):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (300, 32, 32, 3), dtype=np.uint8)
    keras.utils.set_random_seed(0)
    rows = program("images").Rows(x, np.arange(300) % 10, x[:50], np.arange(50) % 10)
    return compress.Bench(rows, resnet(8, width=4), held=20)


def test_the_baseline_is_copied_before_anything_is_done_to_it(compress, bench):
    before = [weight.copy() for weight in bench.baseline.get_weights()]
    compress.clustered(bench, 16)
    compress.rounded_in_training(bench)
    for old, new in zip(before, bench.baseline.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_copy_in_bfloat16_has_the_weights_and_logits_of_float32(compress, bench):
    copy = compress.retyped(bench.baseline, "mixed_bfloat16")
    assert copy.layers[-1].dtype_policy.name == "float32"
    assert copy.layers[3].compute_dtype == "bfloat16"
    back = compress.retyped(copy, "float32")
    np.testing.assert_array_equal(bench.says(back), bench.says(bench.baseline))


def test_the_packed_file_is_what_is_judged(compress, bench, monkeypatch):
    other = resnet(8, width=4)
    monkeypatch.setattr(compress, "unpack", lambda content: other)
    length, said = bench.packed(bench.baseline)
    np.testing.assert_array_equal(said, bench.says(other))
    assert length == len(compress.pack(compress.retyped(bench.baseline, "float32")))


def test_the_combination_has_its_zeros_and_the_fewest_values_that_cost_nothing(compress, bench, monkeypatch):
    files, shares = [], {12: 0.8, 16: 0.899, 24: 0.9}  # values of each kernel → what is right on held-out images

    def kernels():
        return [layer.kernel.numpy() for layer in files[-1].layers if hasattr(layer, "kernel")]

    monkeypatch.setattr(compress, "unpack", lambda content: files.append(unpack(content)) or files[-1])
    monkeypatch.setattr(bench, "says", lambda model: shares.get(max(len(np.unique(kernel)) for kernel in kernels())))
    monkeypatch.setattr(bench, "right", lambda said: said)
    found = compress.pruned_and_shared(bench, 0.75, epochs=1)
    assert list(found) == ["75 % zeros, taught", "75 % zeros, taught, 16 values"]
    assert sum((kernel == 0).sum() for kernel in kernels()) / sum(kernel.size for kernel in kernels()) >= 0.75
    assert max(len(np.unique(kernel)) for kernel in kernels()) == 16
    (pruned, _), (shared, _) = found.values()
    assert shared < pruned < entropy_coded(bench.baseline)


def test_the_int8_file_is_smaller_and_says_the_same(compress, bench):
    length, said = bench.int8(bench.baseline)
    assert length < 0.6 * entropy_coded(bench.baseline)  # of so few weights much is the file's frame
    assert np.mean(said == bench.says(bench.baseline)) > 0.8


def test_points_are_those_lost_on_test_images(compress, bench, monkeypatch):
    y, said = bench.rows.y_judged, bench.rows.y_judged.copy()
    said[20:26] += 1  # six of the thirty test images, none of the held-out ones
    monkeypatch.setattr(bench, "says", lambda model: y)
    monkeypatch.setitem(compress.WAYS, "made up", lambda bench: {"made up": (1000, said)})
    found = compress.compare(bench, ["made up"], None)
    assert found["made up"]["held out"] == 1 and found["made up"]["accuracy"] == pytest.approx(0.8)
    assert found["made up"]["points lost"] == 20
    low, high = found["made up"]["interval"]
    assert low < 20 < high
    assert found["made up"]["times smaller"] == pytest.approx(found["baseline"]["bytes"] / 1000, abs=0.01)


def test_by_held_out_images_alone_nothing_is_said_of_test_images(compress, bench, monkeypatch):
    bench.held = 50
    monkeypatch.setitem(compress.WAYS, "made up", lambda bench: {"made up": (1000, bench.rows.y_judged)})
    assert compress.compare(bench, ["made up"], None)["made up"].keys() == {"bytes", "times smaller", "held out"}


def test_a_finished_way_is_not_done_again(compress, bench, monkeypatch, tmp_path):
    monkeypatch.setitem(compress.WAYS, "made up", lambda bench: {"made up": (1000, bench.rows.y_judged)})
    first = compress.compare(bench, ["made up"], tmp_path)
    monkeypatch.setitem(compress.WAYS, "made up", lambda bench: pytest.fail("done again"))
    assert compress.compare(bench, ["made up"], tmp_path) == first
    done = []
    monkeypatch.setitem(compress.WAYS, "made up", lambda bench: done.append(0) or {"made up": (1, bench.rows.y_judged)})
    bench.baseline.set_weights([weight + 1 for weight in bench.baseline.get_weights()])
    compress.compare(bench, ["made up"], tmp_path)
    assert done, "what was done to another baseline was taken for this one's"
