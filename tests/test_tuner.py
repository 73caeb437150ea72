"""KerasTuner works in this environment: without tensorboard, which it imports unasked, every search fails."""

import numpy as np

from kitutils import data


def test_a_search_of_two_trials_finds_a_model(tmp_path):
    import keras
    import keras_tuner

    digits = data.load("digits").take(300, 0)
    x, y = digits.x_train / np.float32(16), digits.y_train

    def build(choose):
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(choose.Choice("units", [4, 16, 32]), activation="relu"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    search = keras_tuner.RandomSearch(
        build, objective="val_accuracy", max_trials=2, seed=0, directory=tmp_path, project_name="digits"
    )
    search.search(x[:200], y[:200], validation_data=(x[200:], y[200:]), epochs=5, verbose=0)

    trials = search.oracle.get_best_trials(2)
    assert [trial.status for trial in trials] == ["COMPLETED", "COMPLETED"]
    assert len({trial.hyperparameters.get("units") for trial in trials}) == 2
    best = search.get_best_models(1)[0]
    assert best.layers[-2].units == trials[0].hyperparameters.get("units")
    _, accuracy = best.evaluate(x[200:], y[200:], verbose=0)
    assert abs(accuracy - trials[0].score) < 1e-6 and accuracy == max(trial.score for trial in trials)
    assert accuracy > 0.3  # of ten classes: it has learned
