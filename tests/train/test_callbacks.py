"""The training line within a real, tiny fit."""

import re

import numpy as np
import pytest

from kitutils.course import waiting
from kitutils.train import EtaBar

ROWS, BATCH = 8, 4


class Clock:
    """Seconds pass at each look, as if every batch took that long."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def monotonic(self):
        self.now += self.step
        return self.now


@pytest.fixture
def fit(monkeypatch):
    """``fit(seconds)``: trains three epochs of two batches with the bar; returns Keras' history."""
    import keras

    def run(seconds, **options):
        monkeypatch.setattr(waiting, "time", Clock(seconds))
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        x, y = np.ones((ROWS, 2), "float32"), np.zeros((ROWS, 1), "float32")
        options = {"epochs": 3, "batch_size": BATCH} | options
        return model.fit(x, y, verbose=0, callbacks=[EtaBar()], **options).history

    return run


def test_a_quick_training_says_nothing(fit, capsys):
    assert len(fit(0.01)["loss"]) == 3
    assert capsys.readouterr().out == ""


def test_a_slow_one_has_one_line_with_epoch_loss_and_seconds(fit, capsys):
    history = fit(10, validation_split=0.5, batch_size=2)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.endswith("\n") and out.startswith("\r")
    states = [state.strip() for state in out.strip().split("\r")]
    loss, val_loss = history["loss"][-1], history["val_loss"][-1]
    assert re.fullmatch(rf"epoch 3/3 · \d+ s · loss {loss:.3f} · val_loss {val_loss:.3f}", states[-1])
    assert all(re.match(r"epoch \d/3 · \d+ s gone, (\d+|\?) s to go", state) for state in states[:-1])
    epochs = [int(re.match(r"epoch (\d)", state)[1]) for state in states]
    assert epochs == sorted(epochs) and set(epochs) == {0, 1, 2, 3}


def test_the_line_names_the_epochs_that_were_trained_when_it_stops_early(fit, capsys):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    fit(10, epochs=1)  # sets the clock
    capsys.readouterr()
    x = np.ones((ROWS, 2), "float32")
    model.fit(x, x[:, :1], epochs=9, batch_size=BATCH, verbose=0, callbacks=[EtaBar(), Stop()])
    assert capsys.readouterr().out.strip().split("\r")[-1].startswith("epoch 2/9 ·")


def test_one_callback_serves_two_trainings(fit, monkeypatch, capsys):
    import keras

    monkeypatch.setattr(waiting, "time", Clock(10))
    bar = EtaBar()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((ROWS, 2), "float32")
    for epochs in (2, 5):
        model.fit(x, x[:, :1], epochs=epochs, batch_size=BATCH, verbose=0, callbacks=[bar])
        assert capsys.readouterr().out.strip().split("\r")[-1].startswith(f"epoch {epochs}/{epochs} ·")
