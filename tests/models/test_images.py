import keras
import numpy as np
import pytest

from kitutils.models import both_sides, fast_cnn, reference_cnn, resnet
from kitutils.train import recipes


def convolutions(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (3, 3)]


def test_the_reference_is_the_textbooks():
    model = reference_cnn()
    kinds = [(type(layer).__name__, getattr(layer, "filters", getattr(layer, "units", None))) for layer in model.layers]
    assert kinds == [
        ("Rescaling", None),
        ("Conv2D", 32),
        ("MaxPooling2D", None),
        ("Conv2D", 64),
        ("MaxPooling2D", None),
        ("Conv2D", 64),
        ("Flatten", None),
        ("Dense", 64),
        ("Dense", 10),
    ]
    assert model.count_params() == 896 + 18_496 + 36_928 + 65_600 + 650


# From the paper, table 6: 0.27 M and 0.46 M parameters with 20 and 32 layers; our shortcuts have weights, theirs none.
@pytest.mark.parametrize(("depth", "parameters"), [(20, 0.27e6), (32, 0.46e6)])
def test_depth_and_size_are_the_papers(depth, parameters):
    model = resnet(depth)
    assert len(convolutions(model)) + 1 == depth
    assert model.count_params() == pytest.approx(parameters, rel=0.05)
    assert model.output_shape == (None, 10)


def test_the_18_layer_network_has_11_million_parameters():
    model = resnet(18)
    assert len(convolutions(model)) + 1 == 18
    assert model.count_params() == pytest.approx(11.17e6, rel=0.01)


def test_batch_norm_is_added_between_each_convolution_and_its_relu():
    kinds = [type(layer).__name__ for layer in reference_cnn(batch_norm=True).layers]
    places = [place for place, kind in enumerate(kinds) if kind == "BatchNormalization"]
    assert [kinds[place - 1 : place + 2] for place in places] == 3 * [["Conv2D", "BatchNormalization", "ReLU"]]


def test_the_plain_network_differs_in_the_shortcuts_alone():
    plain, residual = resnet(14, shortcuts=False), resnet(14)
    assert [layer.filters for layer in convolutions(plain)] == [layer.filters for layer in convolutions(residual)]
    assert not any(isinstance(layer, keras.layers.Add) for layer in plain.layers)
    assert sum(isinstance(layer, keras.layers.Add) for layer in residual.layers) == 6


@pytest.mark.parametrize("build", [reference_cnn, lambda *a: resnet(8, *a, width=4)])
@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)])
def test_pixels_go_in_as_they_are_and_one_logit_a_class_comes_out(build, shape):
    images = np.random.default_rng(0).integers(0, 256, (2, *shape)).astype(np.uint8)
    logits = build(shape, 7).predict(images, verbose=0)
    assert logits.shape == (2, 7) and np.isfinite(logits).all()
    assert abs(logits).max() < 50  # the model scales what it is given


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match=r"18 or 6 n \+ 2 layers .* got 21"):
        resnet(21)
    with pytest.raises(ValueError, match=r"18 or more on a side; got \(8, 8, 1\)"):
        reference_cnn((8, 8, 1))


@pytest.fixture(scope="module")
def photos():
    """Images whose neighbouring pixels are alike, as in photographs."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (60, 4, 4, 3))
    return (np.repeat(np.repeat(coarse, 8, 1), 8, 2) * 0.8 + rng.integers(0, 52, (60, 32, 32, 3))).astype(np.uint8)


def test_the_whitened_patches_are_uncorrelated_and_of_equal_spread(photos):
    model = fast_cnn(photos)
    patches = keras.Model(model.input, model.get_layer("whitening").output).predict(photos, verbose=0)
    numbers = patches[:, :-1, :-1].reshape(-1, 36)  # at the last row and column, patches reach over the edge
    covariance = np.cov(numbers[:, :18], rowvar=False)
    assert np.diag(covariance) == pytest.approx(np.ones(18), abs=0.25)  # the smallest directions are held back a little
    assert abs(covariance - np.diag(np.diag(covariance))).max() < 0.02
    assert numbers[:, 18:] == pytest.approx(-numbers[:, :18])


def test_the_first_layer_is_not_trained(photos):
    model = fast_cnn(photos)
    assert not any("whitening" in weight.path for weight in model.trainable_variables)


def test_convolutions_begin_by_passing_on(photos):
    kernel = np.array(convolutions(fast_cnn(photos))[2].kernel)  # after the whitening and one more: 48 in, 64 out
    passed = np.zeros((3, 3, 48, 48))
    passed[1, 1] = np.eye(48)
    assert (kernel[..., :48] == passed).all() and kernel[..., 48:].std() > 0


def test_another_seed_begins_with_other_weights(photos):
    def kernel(seed):
        keras.utils.set_random_seed(seed)
        return np.array(convolutions(fast_cnn(photos))[1].kernel)  # the first is the whitening

    assert (kernel(0) == kernel(0)).all() and (kernel(0) != kernel(1)).any()


def test_the_fast_network_learns_saves_and_loads(photos, tmp_path):
    y = np.arange(60) % 2
    keras.utils.set_random_seed(0)
    bright = np.where(y[:, None, None, None] == 1, photos // 2 + 100, photos // 2).astype(np.uint8)
    model = recipes.fast(fast_cnn(bright, 2), 20)
    model.fit(bright, y, batch_size=30, epochs=10, verbose=0)
    assert model.evaluate(bright, y, verbose=0)[1] > 0.9
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.predict(bright, verbose=0) == pytest.approx(model.predict(bright, verbose=0), abs=1e-5)


def test_half_precision_is_for_the_arithmetic_and_not_for_weights_or_logits(photos):
    model = fast_cnn(photos, dtype="mixed_bfloat16")
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in model.weights} == {"float32"}
    computed = {layer.compute_dtype for layer in model.layers[1:-1]}
    assert (computed, model.layers[-1].compute_dtype) == ({"bfloat16"}, "float32")


def test_both_sides_is_the_mean_of_an_image_and_its_mirror(photos):
    model = fast_cnn(photos)
    says = [model.predict(side, verbose=0) for side in (photos, photos[:, :, ::-1])]
    both = both_sides(model)
    assert both.predict(photos, verbose=0) == pytest.approx(np.mean(says, axis=0), abs=1e-5)
    assert both.predict(photos, verbose=0) == pytest.approx(both.predict(photos[:, :, ::-1], verbose=0), abs=1e-5)


def test_the_fast_network_wants_bytes(photos):
    with pytest.raises(ValueError, match=r"uint8.*got float64"):
        fast_cnn(photos / 255)


def test_the_reference_takes_images_of_18_pixels_and_no_smaller_ones():
    assert reference_cnn((18, 18, 1)).output_shape == (None, 10)
    with pytest.raises(ValueError, match="18 or more on a side"):
        reference_cnn((17, 17, 1))
