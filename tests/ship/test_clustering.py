import keras
import numpy as np
import pytest

from kitutils.models import resnet
from kitutils.ship.clustering import ShareWeights, cluster
from kitutils.ship.kernels import kernel_layers
from kitutils.ship.pruning import prune, sparsity_of

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return resnet(8, (8, 8, 3), 4, width=4)


def kernels(model):
    return [layer.kernel.numpy() for layer in kernel_layers(model).values()]


def test_each_kernel_has_so_many_values_and_each_weight_the_nearest(network):
    for before, after in zip(kernels(network), kernels(cluster(network, 8)), strict=True):
        values = np.unique(after)
        assert len(values) == 8
        nearest = values[np.abs(before[..., None] - values).argmin(axis=-1)]
        np.testing.assert_array_equal(after, nearest)
        for value in values:  # a centre is the mean of its weights, or k-means has not finished
            assert before[after == value].mean() == pytest.approx(value, abs=1e-3)


def test_zeros_of_a_pruned_model_stay_zeros(network):
    pruned = prune(network, 0.7)
    clustered = cluster(pruned, 6)
    for before, after in zip(kernels(pruned), kernels(clustered), strict=True):
        np.testing.assert_array_equal(before == 0, after == 0)
        assert len(np.unique(after)) <= 6


def test_few_values_need_no_clustering(network):
    once = cluster(network, 4)
    for before, after in zip(kernels(once), kernels(cluster(once, 16)), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("together", [1, 3])
def test_clusters_and_zeros_hold_while_the_values_learn(network, together):
    model = cluster(prune(network, 0.5), 8)
    before = kernels(model)
    rng = np.random.default_rng(0)
    model.compile(keras.optimizers.Adam(1e-2), LOSS, steps_per_execution=together)
    images, labels = rng.integers(0, 256, (64, 8, 8, 3)).astype("uint8"), rng.integers(0, 4, 64)
    model.fit(images, labels, batch_size=16, verbose=0, callbacks=[ShareWeights()])
    assert sparsity_of(model) == pytest.approx(0.5, abs=1e-3)
    for old, new in zip(before, kernels(model), strict=True):
        for value in np.unique(old):
            assert len(np.unique(new[old == value])) == 1
        assert not np.array_equal(old, new)


def test_a_value_moves_by_the_mean_of_its_weights_steps():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, use_bias=False)])
    kernel = np.array([[1, 1], [1, 2], [2, 2], [0, 0]], "float32")
    model.layers[0].kernel.assign(kernel)
    sharing = ShareWeights()
    sharing.set_model(model)
    sharing.on_train_begin()
    step = np.arange(8, dtype="float32").reshape(4, 2) / 10
    model.layers[0].kernel.assign(kernel + step)
    sharing.on_train_batch_end(0)
    one, two = 1 + step[kernel == 1].mean(), 2 + step[kernel == 2].mean()
    expected = np.where(kernel == 1, one, np.where(kernel == 2, two, 0))
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), expected, rtol=1e-6)


def test_the_model_given_stays_as_it_is(network):
    before = network.get_weights()
    cluster(network, 3)
    for old, now in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


@pytest.mark.parametrize("centres", [1, 257])
def test_what_makes_no_sense_is_refused(network, centres):
    with pytest.raises(ValueError, match="2 to 256"):
        cluster(network, centres)
