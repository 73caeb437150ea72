import keras
import numpy as np
import pytest

from kitutils.train import ConvMuon


def stepped(shape, gradient, **options):
    """How far one step moves a variable of this shape."""
    variable = keras.Variable(np.zeros(shape, "float32"), name="kernel")
    optimizer = ConvMuon(0.1, momentum=0.0, nesterov=False, **options)
    optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    return keras.ops.convert_to_numpy(variable)


@pytest.fixture
def gradient():
    return np.random.default_rng(0).normal(size=(3, 3, 4, 8))


def test_a_step_stretches_no_direction_much_more_than_another(gradient):
    # Of the gradient itself, one direction is many times longer than another.
    gradient = gradient.reshape(36, 8) * np.geomspace(1, 0.05, 8)
    step = stepped((3, 3, 4, 8), gradient.reshape(3, 3, 4, 8)).reshape(36, 8)
    lengths = np.linalg.svd(step, compute_uv=False) / 0.1
    assert lengths.max() < 1.3 and lengths.min() > 0.6  # the iteration stops between 0.7 and 1.2
    assert np.linalg.cond(gradient) > 10


def test_a_kernel_moves_as_the_matrix_of_its_windows(gradient):
    as_matrix = stepped((36, 8), gradient.reshape(36, 8))
    assert stepped((3, 3, 4, 8), gradient).reshape(36, 8) == pytest.approx(as_matrix, abs=1e-6)


def test_a_wide_kernel_takes_longer_steps():
    gradient = np.random.default_rng(0).normal(size=(1, 1, 4, 16))
    lengths = np.linalg.svd(stepped((1, 1, 4, 16), gradient).reshape(4, 16), compute_uv=False) / 0.1
    assert lengths == pytest.approx(2 * np.ones(4), rel=0.35)  # the root of 16 / 4


def test_the_gradient_is_descended(gradient):
    assert (stepped((3, 3, 4, 8), gradient) * gradient).sum() < 0


@pytest.mark.parametrize(("shape", "options"), [((8,), {}), ((3, 3, 4, 8), {"exclude_layers": ["kern"]})])
def test_the_rest_is_adamw(shape, options):
    gradient = np.random.default_rng(0).normal(size=shape)
    # Adam's first step is the rate against the sign of the gradient, whatever its size.
    assert stepped(shape, gradient, **options) == pytest.approx(-0.01 * np.sign(gradient), rel=1e-3)


def test_it_is_saved_and_loaded_with_a_model(tmp_path):
    model = keras.Sequential(
        [keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile(ConvMuon(0.05, exclude_layers=["dense"]), "mse")
    x, y = np.random.default_rng(0).normal(size=(8, 6, 6, 3)), np.zeros((8, 2))
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert isinstance(again.optimizer, ConvMuon) and again.optimizer.exclude_layers == ["dense"]
    for trained in (model, again):
        trained.fit(x, y, epochs=1, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)
