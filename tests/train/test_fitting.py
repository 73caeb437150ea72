import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kitutils.data.pipeline import Batches
from kitutils.train import TrainingStopped, WrongFolder, fit, guards

PROCESS = Path(__file__).with_name("process.py")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 5)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int64)


@pytest.fixture
def build():
    import keras

    def make(units=4, rate=0.01, outputs=2, **options):
        keras.utils.set_random_seed(1)
        layers = [keras.layers.Dense(units, activation="relu"), keras.layers.Dense(outputs, activation="softmax")]
        model = keras.Sequential([keras.Input((5,)), *layers])
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
        return model

    return make


def process(*arguments):
    return subprocess.run(
        [sys.executable, str(PROCESS), *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
def test_killed_at_any_step_it_ends_with_the_weights_of_an_unbroken_training(tmp_path):
    whole = process(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    epoch = 6  # steps
    # Within the second epoch; then after that epoch's last step, before its state is saved.
    for step in (epoch + 2, epoch):
        assert process(tmp_path / "broken", step).returncode == -9
    broken = process(tmp_path / "broken")
    assert broken.returncode == 0, broken.stderr
    weights, resumed, losses = _done(broken)
    assert (weights, losses) == (_done(whole)[0], _done(whole)[2])
    assert int(resumed) == 2


def _done(ended):
    return ended.stdout.partition("DONE")[2].strip().split(maxsplit=2)


def test_the_record_says_what_was_done(build, rows, tmp_path):
    run = fit(build(), Batches(*rows, 16, seed=3), 2, validation=rows, folder=tmp_path / "first", bar=False)
    assert json.loads((tmp_path / "first" / "run.json").read_text())["history"] == run.history
    assert run.name == "first" and run.epochs == 2 and run.stopped == "finished"
    assert set(run.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert run.config["rows"] == 120 and run.config["batch_size"] == 16 and run.config["seed"] == 3
    assert run.config["parameters"] == 5 * 4 + 4 + 4 * 2 + 2
    assert str(tmp_path) not in (tmp_path / "first" / "run.json").read_text()


def test_it_is_keras_own_fit_but_for_the_order_of_rows(build, rows):
    ours, theirs = build(), build()
    fit(ours, Batches(*rows, 16, shuffle=False), 2, bar=False)
    theirs.fit(*rows, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for left, right in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


def test_a_finished_run_is_not_trained_again_and_a_longer_one_goes_on(build, rows, tmp_path):
    first = build()
    fit(first, rows, 2, folder=tmp_path, bar=False)
    again = build()
    run = fit(again, rows, 2, folder=tmp_path, bar=False)
    assert run.epochs == 2 and run.resumed == 0
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert fit(build(), rows, 3, folder=tmp_path, bar=False).epochs == 3


def test_a_run_with_averaged_weights_goes_on_from_the_weights_and_not_from_their_averages(rows, tmp_path):
    import keras

    def averaged():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation="softmax")])
        optimizer = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    whole, longer, again = averaged(), averaged(), averaged()
    fit(whole, rows, 3, bar=False)
    fit(averaged(), rows, 2, folder=tmp_path, bar=False)
    fit(longer, rows, 3, folder=tmp_path, bar=False)
    assert fit(again, rows, 3, folder=tmp_path, bar=False).stopped == "finished"
    for model in (longer, again):
        for left, right in zip(whole.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(left, right, atol=1e-6)


def test_a_callback_that_stops_the_training_is_in_the_record(build, rows, tmp_path):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    run = fit(build(), rows, 9, folder=tmp_path, callbacks=[Stop()], bar=False)
    assert run.epochs == 2 and run.stopped == "early"


def test_patience_goes_back_to_the_best_epoch(build, rows, tmp_path):
    x, y = rows
    wrong = (x, 1 - y)  # the better it learns, the worse it is judged
    for folder in (None, tmp_path):
        model = build(rate=0.05)
        run = fit(model, rows, 20, validation=wrong, patience=2, folder=folder, bar=False)
        assert run.stopped == "early" and run.epochs == run.best_epoch + 3
        judged = model.evaluate(*wrong, verbose=0)[0]
        assert judged == pytest.approx(min(run.history["val_loss"]), rel=1e-4)
    assert len(list(tmp_path.glob("best-*"))) == 1
    assert (
        fit(build(rate=0.05), rows, 20, validation=wrong, patience=2, folder=tmp_path, bar=False).epochs == run.epochs
    )


def test_another_models_folder_is_refused_and_left_alone(build, rows, tmp_path):
    fit(build(), rows, 1, folder=tmp_path, bar=False)
    before = (tmp_path / "state.npz").read_bytes()
    with pytest.raises(WrongFolder, match="holds a run with parameters 34; this one has 66"):
        fit(build(units=8), rows, 1, folder=tmp_path, bar=False)
    with pytest.raises(WrongFolder, match="seed"):
        fit(build(), Batches(*rows, seed=9), 1, folder=tmp_path, bar=False)
    assert (tmp_path / "state.npz").read_bytes() == before


def test_a_damaged_state_is_named(build, rows, tmp_path):
    (tmp_path / "state.npz").write_bytes(b"PK, cut off")
    with pytest.raises(WrongFolder, match=r"state\.npz is not the state of a training"):
        fit(build(), rows, 1, folder=tmp_path, bar=False)


def test_tensorboard_gets_its_events(build, rows, tmp_path):
    fit(build(), rows, 1, tensorboard=tmp_path / "events", bar=False)
    assert list((tmp_path / "events").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"epochs": 0}, "epochs=0"), ({"patience": 0}, "got 0"), ({"patience": 1}, "needs validation rows")],
)
def test_impossible_requests_are_refused(build, rows, options, message):
    with pytest.raises(ValueError, match=message):
        fit(build(), rows, **({"epochs": 1, "bar": False} | options))


def test_steps_in_one_go_divide_the_epoch_or_are_refused(build, rows):
    one, two = build(), build(steps_per_execution=2)
    for model in (one, two):
        fit(model, rows, 1, bar=False)  # four batches
    for left, right in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)
    with pytest.raises(ValueError, match="steps_per_execution=3 does not divide the 4 batches"):
        fit(build(steps_per_execution=3), rows, 1, bar=False)


# --- what stops a training --------------------------------------------------------------------------------------------


def test_labels_out_of_range_are_named(build, rows):
    x, y = rows
    with pytest.raises(TrainingStopped, match="Labels run from 1 to 2; a model with 2 outputs knows the labels 0 to 1"):
        fit(build(), (x, y + 1), 1, bar=False)


def test_unscaled_inputs_are_named_unless_the_model_scales_them(build, rows):
    import keras

    x, y = rows
    pixels = np.clip(x * 60 + 128, 0, 255).astype(np.uint8)
    with pytest.raises(TrainingStopped, match="the model does not scale them"):
        fit(build(), (pixels, y), 1, bar=False)
    scaling = keras.Sequential([keras.Input((5,)), keras.layers.Rescaling(1 / 255), build()])
    scaling.compile("adam", "sparse_categorical_crossentropy")
    assert fit(scaling, (pixels, y), 1, bar=False).epochs == 1


def test_a_row_that_is_no_number_is_named(build, rows):
    x, y = rows
    x = x.copy()
    x[7, 2] = np.inf
    with pytest.raises(TrainingStopped, match="row 7 holds inf"):
        fit(build(), (x, y), 1, bar=False)


def test_a_loss_that_is_no_number_stops_at_once(build, rows):
    with pytest.raises(TrainingStopped, match="The loss is nan at step"):
        fit(build(rate=1e38), rows, 5, bar=False)


def test_a_loss_that_does_not_move_is_stopped(build, rows):
    with pytest.raises(TrainingStopped, match=r"has been .* for 3 epochs: nothing is learned"):
        fit(build(rate=0.0), Batches(*rows, 120, shuffle=False), 9, bar=False)


def test_a_metric_that_does_not_move_is_stopped(rows):
    import keras

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation="softmax")])
    metric = keras.metrics.MeanMetricWrapper(lambda t, p: keras.ops.equal(p[:, 0], 7.0), name="accuracy")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[metric])
    with pytest.raises(TrainingStopped, match="accuracy has been 0 for 3 epochs while the loss changed"):
        fit(model, rows, 9, bar=False)


def test_a_model_without_an_optimizer_is_named(rows):
    import keras

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    with pytest.raises(TrainingStopped, match=r"Call model\.compile"):
        fit(model, rows, 1, bar=False)


@pytest.mark.parametrize(
    ("rows", "value", "stops"),
    [(99, 0.2, 0), (500, 0.86, 9), (500, 0.2, 3), (1000, 0.785, 9), (50_000, 0.95, 0), (50_000, 0.7, 3)],
)
def test_a_metric_may_stand_still_for_a_while_where_rows_are_few_or_nearly_all_right(rows, value, stops):
    watch = guards.Watch(rows)
    for epoch in range(stops or 12):
        logs = {"loss": 1.0 - epoch / 20, "accuracy": value}
        if stops and epoch == stops - 1:
            with pytest.raises(TrainingStopped, match="accuracy has been"):
                watch.on_epoch_end(epoch, logs)
        else:
            watch.on_epoch_end(epoch, logs)
