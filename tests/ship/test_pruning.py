import warnings

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from kitutils.models import resnet
from kitutils.ship.kernels import copy_of, kernel_layers
from kitutils.ship.pruning import MagnitudePruning, cubic_sparsity, magnitude_masks, prune, sparsity_of

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return resnet(8, (8, 8, 3), 4, width=4)


def kernels(model):
    return {path: layer.kernel.numpy() for path, layer in kernel_layers(model).items()}


def rows(count=64):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 8, 8, 3)).astype("uint8"), rng.integers(0, 4, count)


def test_the_schedule_is_the_papers():
    # Equation 1 by hand: half way, 0.8 - 0.8 / 8.
    assert cubic_sparsity(0, 0, 100, 0.8) == 0
    assert cubic_sparsity(50, 0, 100, 0.8) == pytest.approx(0.7)
    assert cubic_sparsity(100, 0, 100, 0.8) == cubic_sparsity(170, 0, 100, 0.8) == pytest.approx(0.8)
    assert cubic_sparsity(5, 10, 20, 0.8, initial=0.3) == pytest.approx(0.3)
    assert cubic_sparsity(15, 10, 20, 0.8, initial=0.4) == pytest.approx(0.8 - 0.4 / 8)


def test_a_rise_within_one_step_is_a_jump_and_one_that_ends_first_is_refused():
    assert [cubic_sparsity(step, 5, 5, 0.8, initial=0.1) for step in (0, 4, 5, 6)] == pytest.approx(
        [0.1, 0.1, 0.8, 0.8]
    )
    with pytest.raises(ValueError, match="no earlier than it begins"):
        cubic_sparsity(1, 5, 4, 0.8)


@given(st.floats(0, 0.99), st.integers(0, 200))
def test_the_share_never_falls(final, step):
    assert cubic_sparsity(step, 0, 150, final) <= cubic_sparsity(step + 1, 0, 150, final) <= final


@pytest.mark.parametrize("sparsity", [0, 0.333, 0.8, 0.99])
def test_as_many_zeros_as_asked_and_the_smallest(network, sparsity):
    before = kernels(network)
    pruned = prune(network, sparsity)
    after = kernels(pruned)
    everything = np.concatenate([kernel.ravel() for kernel in before.values()])
    left = np.concatenate([kernel.ravel() for kernel in after.values()])
    assert np.sum(left == 0) == round(sparsity * left.size)
    assert sparsity_of(pruned) == pytest.approx(round(sparsity * left.size) / left.size)
    gone = (left == 0) & (everything != 0)
    assert np.abs(everything[gone]).max(initial=0) <= np.abs(everything[~gone]).min()
    np.testing.assert_array_equal(left[~gone], everything[~gone])


def test_each_layer_loses_the_same_share_if_asked_for(network):
    for kernel in kernels(prune(network, 0.75, scope="layer")).values():
        assert np.sum(kernel == 0) == round(0.75 * kernel.size)
    shares = [np.mean(kernel == 0) for kernel in kernels(prune(network, 0.75)).values()]
    assert max(shares) - min(shares) > 0.1


def test_equal_weights_do_not_upset_the_count():
    model = keras.Sequential([keras.Input((10,)), layers.Dense(10)])
    model.layers[0].kernel.assign(np.ones((10, 10)))
    assert sparsity_of(prune(model, 0.37)) == pytest.approx(0.37)


def test_all_but_the_kernels_stays_and_so_does_the_model_given(network):
    before = network.get_weights()
    last = network.layers[-1].name
    pruned = prune(network, 0.9, leave_out=[last])
    for weight, old, now in zip(network.weights, before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now, err_msg=weight.path)
    for weight, old, new in zip(network.weights, before, pruned.get_weights(), strict=True):
        if weight.name != "kernel" or last in weight.path:
            np.testing.assert_array_equal(old, new, err_msg=weight.path)
    assert sparsity_of(pruned, leave_out=[last]) == pytest.approx(0.9, abs=1e-3)


def test_models_within_a_model_are_pruned_too(network):
    outer = keras.Sequential([keras.Input((8, 8, 3)), network, layers.Dense(2)])
    assert set(kernel_layers(outer)) > {f"resnet8/{path}" for path in kernel_layers(network)}
    assert sparsity_of(prune(outer, 0.5)) == pytest.approx(0.5, abs=1e-3)


def test_zeros_hold_through_training_and_through_more_of_it(network):
    model = copy_of(network)
    model.compile(keras.optimizers.Adam(1e-2), LOSS)
    pruning = MagnitudePruning(0.8, steps=8, every=2)
    model.fit(*rows(), batch_size=16, epochs=2, verbose=0, callbacks=[pruning])
    assert sparsity_of(model) == pytest.approx(0.8, abs=1e-3)
    first = kernels(model)
    model.fit(*rows(), batch_size=16, epochs=1, verbose=0, callbacks=[pruning])
    for path, kernel in kernels(model).items():
        np.testing.assert_array_equal(kernel == 0, first[path] == 0, err_msg=path)
        assert not np.array_equal(kernel, first[path])  # the others have gone on learning
        np.testing.assert_array_equal(kernel != 0, pruning.masks[path])


@pytest.mark.parametrize("length", ["known", "unknown"])
@pytest.mark.parametrize("together", [1, 3, 50])
def test_the_target_is_reached_however_many_steps_are_executed_together(network, together, length):
    model = copy_of(network)
    model.compile(keras.optimizers.Adam(1e-2), LOSS, steps_per_execution=together)
    x, y = rows(160)
    if length == "known":  # 16 steps an epoch, of which the last execution has only one
        pruning = MagnitudePruning(0.8, steps=32, every=4)
        model.fit(x, y, batch_size=10, epochs=2, verbose=0, callbacks=[pruning])
        assert pruning.step == 32
    else:
        pruning = MagnitudePruning(0.8, steps=16, every=4)
        batches = ((x[i : i + 10], y[i : i + 10]) for i in range(0, 160, 10))
        model.fit(batches, shuffle=False, verbose=0, callbacks=[pruning])
    assert sparsity_of(model) == pytest.approx(0.8, abs=1e-3)


def test_a_fit_that_ends_before_the_schedule_says_so_and_a_further_one_goes_on(network):
    model = copy_of(network)
    model.compile(keras.optimizers.Adam(1e-2), LOSS)
    pruning = MagnitudePruning(0.8, steps=12, every=1)  # the share rises until step 9
    with pytest.warns(UserWarning, match="at step 8, .* until step 9: .* not 80%"):
        model.fit(*rows(), batch_size=8, verbose=0, callbacks=[pruning])
    assert sparsity_of(model) == pytest.approx(cubic_sparsity(8, 0, 9, 0.8), abs=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(*rows(), batch_size=8, verbose=0, callbacks=[pruning])
    assert sparsity_of(model) == pytest.approx(0.8, abs=1e-3)


def test_a_zero_that_the_optimizer_moved_does_not_come_back():
    model = keras.Sequential([keras.Input((10,)), layers.Dense(10, use_bias=False)])
    kernel = model.layers[0].kernel
    kernel.assign(np.arange(1, 101, dtype="float32").reshape(10, 10))
    pruning = MagnitudePruning(0.9, steps=4, every=1)
    pruning.set_model(model)
    gone = np.zeros((10, 10), bool)
    for batch in range(3):  # three quarters of the steps
        kernel.assign(kernel + 1000.0 * gone)  # a step that moves what is zero farther than anything else
        pruning.on_train_batch_end(batch)
        assert not (kernel.numpy() != 0)[gone].any()
        assert sparsity_of(model) == pytest.approx(round(100 * cubic_sparsity(batch + 1, 0, 3, 0.9)) / 100)
        gone = kernel.numpy() == 0


def test_a_copy_remembers_what_layers_adapted_to():
    words = layers.StringLookup(vocabulary=["river", "bank"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, layers.Embedding(3, 2), layers.Dense(1)])
    assert copy_of(model).layers[0].get_vocabulary() == words.get_vocabulary()


def test_what_makes_no_sense_is_refused(network):
    with pytest.raises(ValueError, match="share from 0 to below 1"):
        prune(network, 90)
    with pytest.raises(ValueError, match='"global" or "layer"'):
        magnitude_masks(network, 0.5, scope="filter")
    with pytest.raises(ValueError, match="leave_out names"):
        magnitude_masks(network, 0.5, leave_out=["conv_17"])
    with pytest.raises(ValueError, match="no dense or convolution layer"):
        kernel_layers(keras.Sequential([keras.Input((3,)), layers.ReLU()]))
    with pytest.raises(ValueError, match="no weights yet"):
        kernel_layers(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match="share from 0 to below 1"):
        MagnitudePruning(1.0, steps=10)
    with pytest.raises(ValueError, match="1 or more"):
        MagnitudePruning(0.5, steps=0)
