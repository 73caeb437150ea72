import keras
import numpy as np
import pytest

from kitutils.models import reference_cnn, resnet


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
    with pytest.raises(ValueError, match=r"16 or more on a side; got \(8, 8, 1\)"):
        reference_cnn((8, 8, 1))
