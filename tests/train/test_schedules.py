import numpy as np
import pytest

from kitutils.train import OneCycle


def rates(schedule, steps):
    return np.array([float(schedule(step)) for step in steps])


def test_it_goes_up_in_a_line_and_down_along_a_cosine():
    schedule = OneCycle(2.0, steps=100, warm=0.2, start=0.1, end=0.01)
    assert rates(schedule, [0, 10, 20, 60, 100]) == pytest.approx(
        [0.2, 1.1, 2.0, 2 * (0.01 + 0.99 / 2), 0.02], rel=1e-5
    )
    assert float(schedule(1000)) == pytest.approx(0.02, rel=1e-4)  # after its end it stays


@pytest.mark.parametrize("warm", [0.0, 0.3, 1.0])
def test_it_has_one_peak(warm):
    course = rates(OneCycle(1.0, steps=50, warm=warm), range(51))
    top = course.argmax()
    assert course[top] == pytest.approx(1, abs=0.05) and abs(top - 50 * warm) <= 1
    assert (np.diff(course[: top + 1]) >= 0).all() and (np.diff(course[top:]) <= 0).all()


def test_keras_saves_it_with_the_optimizer():
    import keras

    optimizer = keras.optimizers.deserialize(keras.optimizers.serialize(keras.optimizers.SGD(OneCycle(0.5, steps=30))))
    assert float(optimizer._learning_rate(10)) == float(OneCycle(0.5, steps=30)(10))


def test_impossible_cycles_are_refused():
    with pytest.raises(ValueError, match="steps=0"):
        OneCycle(1.0, steps=0)
    with pytest.raises(ValueError, match=r"got 1\.5"):
        OneCycle(1.0, steps=10, warm=1.5)
