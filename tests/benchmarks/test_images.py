"""The image benchmark's arithmetic on made-up runs, and a tiny run of each of its trainings."""

import keras
import numpy as np
import pytest


@pytest.fixture
def benchmark(program):
    return program("images")


def test_ratios_are_medians_of_pairs_and_not_ratios_of_medians(benchmark):
    found = {
        "reference": [{"seconds": s, "error": 0.3} for s in (100, 200, 400)],
        "fast": [{"seconds": s, "error": 0.15, "error_both_sides": 0.12} for s in (200, 100, 400)],
        "sprint": [{"seconds": s, "error": e} for s, e in ((10, 0.3), (20, 0.33), (80, 0.27))],
    }
    assert benchmark.ratios(found) == {
        "fast_time_ratio": 1.0,
        "fast_error_ratio": 0.5,
        "fast_error_ratio_both_sides": 0.4,
        "sprint_time_ratio": 0.1,
        "sprint_error_ratio": 1.0,
    }


@pytest.fixture
def rows(benchmark):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 32, 32, 3)).astype(np.uint8), np.arange(40) % 10
    return benchmark.Rows(x, y, x[:10], y[:10])


def test_another_backend_than_that_of_keras_is_refused(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(benchmark.Rows, "load", lambda validation: pytest.fail("It went on."))
    other = "torch" if keras.backend.backend() == "jax" else "jax"
    monkeypatch.setattr("sys.argv", ["images.py", f"--backend={other}"])
    with pytest.raises(SystemExit):
        benchmark.main()
    assert f"Keras runs on {keras.backend.backend()}" in capsys.readouterr().err


def test_each_training_runs(benchmark, rows, monkeypatch):
    monkeypatch.setattr(benchmark, "EPOCHS", 1)
    tiny = benchmark.Recipe(1, batch=20)
    for train in (benchmark.train_reference, lambda rows, seed: benchmark.train_fast(rows, tiny, seed)):
        model, seconds = train(rows, 0)
        assert 0 <= rows.accuracy(model) <= 1 and seconds > 0


def test_the_three_changes_are_one_upon_the_other(program, rows, monkeypatch):
    changes = program("images_changes")
    monkeypatch.setattr(changes, "EPOCHS", 1)
    trained = []

    def train(rows, seed, *, one_cycle=False, flip=False):
        trained.append((seed, one_cycle, flip))
        return seed

    monkeypatch.setattr(changes, "train", train)
    monkeypatch.setattr(type(rows), "accuracy", lambda rows, model: 0.75 + model / 100)
    found = changes.errors(rows, 2)
    assert trained == [(seed, *change) for seed in (0, 1) for change in ((False, False), (True, False), (True, True))]
    assert found == {name: [0.25, 0.24] for name in changes.CHANGES}


def test_a_change_is_trained_as_its_name_says(program, rows, monkeypatch):
    changes = program("images_changes")
    monkeypatch.setattr(changes, "EPOCHS", 1)
    plain, cycled = (changes.train(rows, 0, one_cycle=one_cycle, flip=one_cycle) for one_cycle in (False, True))
    assert float(plain.optimizer.learning_rate) == pytest.approx(1e-3)
    assert cycled.optimizer._learning_rate.peak == changes.PEAK and cycled.optimizer._learning_rate.steps == 2
    assert sum("batch_normalization" in layer.name for layer in plain.layers) == 3


def test_speeds_are_ratios_round_by_round(program, monkeypatch):
    speed = program("images_speed")
    clock = {"plain": iter([1, 100, 200, 400]), "kit": iter([1, 1, 150, 100, 200, 100, 800, 100])}

    class Trainer:
        def __init__(self, rows, batch_size=None, policy="float32"):
            self.name = "plain" if batch_size is None else "kit"

        def epoch(self):
            return next(clock[self.name])  # both of the kit's trainers in turn

    monkeypatch.setattr(speed, "Trainer", Trainer)
    monkeypatch.setattr(speed.precision, "fastest", lambda: "float32")
    found = speed.speeds(None, 3)
    assert found["plain"] == [100, 200, 400] and found["kit"] == [150, 200, 800]
    assert (found["kit over plain"], found["kit, float32 over plain"]) == (1.5, 0.5)
    assert (found["kit over plain, best rounds"], found["kit, float32 over plain, best rounds"]) == (2.0, 0.25)


def test_each_trainer_trains_an_epoch(program, rows, monkeypatch):
    speed = program("images_speed")
    monkeypatch.setattr(speed, "IMAGES", 40)
    for trainer in (speed.Trainer(rows), speed.Trainer(rows, 20), speed.Trainer(rows, 20, "mixed_bfloat16")):
        assert trainer.epoch() > 0
        assert trainer.model.optimizer.iterations == 2


def test_the_small_network_has_fewer_than_100_000_parameters(program, rows, monkeypatch):
    fashion, images = program("images_fashion"), program("images")
    grey = type(rows)(rows.x[:, :28, :28, :1], rows.y, rows.x[:10, :28, :28, :1], rows.y[:10])
    tiny = images.Recipe(1, batch=20, shift=1, stages=fashion.SMALL.stages)
    model, _ = images.train_fast(grey, tiny, 0)
    clock = iter([5.0, 1.0, 3.0])
    monkeypatch.setattr(fashion, "train_fast", lambda rows, recipe, seed: (model, next(clock)))
    found = fashion.runs(grey, 3, tiny)
    assert 50_000 < found["parameters"] < 100_000
    assert [run["seconds"] for run in found["runs"]] == [5, 1, 3] and found["median seconds"] == 3
    assert found["median error"] == round(1 - grey.accuracy(model), 4)


def test_the_ladders_figure_has_a_mark_for_each_training(program):
    ladder = program("images_ladder")
    race = {
        "reference": [{"seconds": 180, "error": 0.3}, {"seconds": 170, "error": 0.31}],
        "sprint": [{"seconds": 20, "error": 0.28, "error_both_sides": 0.1}],
        "fast": [{"seconds": 175, "error": 0.13, "error_both_sides": 0.12}],
    }
    runs = {name: {"runs": [{"seconds": 400, "accuracy": 0.8}]} for name in ("resnet20, 4 epochs", "fast, 24 epochs")}
    found = ladder.points(race, runs)
    assert found["reference CNN"] == [(180, pytest.approx(70)), (170, pytest.approx(69))]
    assert found["ResNet-20"] == [(400, 80)]
    assert found["fast network"] == [(20, pytest.approx(72)), (175, pytest.approx(87)), (400, 80)]
    (axis,) = ladder.figure(found).axes
    assert [line.get_label() for line in axis.lines] == list(found)
    assert sum(len(line.get_xdata()) for line in axis.lines) == 6


def test_the_ladder_takes_its_rungs_in_turn_and_the_medians(program, rows, monkeypatch):
    ladder = program("images_ladder")
    clock, seen = iter([5.0, 50.0, 1.0, 10.0, 3.0, 30.0]), []

    def rung(name):
        return lambda rows, seed: (seen.append((name, seed)), (seed, next(clock)))[1]

    monkeypatch.setattr(ladder, "RUNGS", {name: rung(name) for name in ("short", "long")})
    monkeypatch.setattr(ladder, "both_sides", lambda model: model + 10)
    monkeypatch.setattr(type(rows), "accuracy", lambda rows, model: 0.8 + model / 100)
    found = ladder.ladder(rows, ["short", "long"], 3)
    assert seen == [(name, seed) for seed in range(3) for name in ("short", "long")]
    assert found["short"]["median_seconds"] == 3 and found["long"]["median_seconds"] == 30
    assert found["long"]["median_accuracy"] == 0.81 and found["long"]["median_accuracy_both_sides"] == 0.91


def test_resnet_20_is_trained_for_whole_epochs(program, rows):
    ladder = program("images_ladder")
    model, seconds = ladder.train_resnet(rows, 1, 0)
    assert model.optimizer.iterations == 1 and seconds > 0
    assert model.optimizer._learning_rate.steps == 1 and model.output_shape == (None, 10)
    assert ladder.keras.config.dtype_policy().name == "float32"
