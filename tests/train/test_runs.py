import matplotlib

matplotlib.use("Agg")

import pytest

from kitutils.train import Run, WrongFolder, compare


@pytest.fixture
def runs():
    slow = Run("slow", {"parameters": 10}, {"loss": [3.0, 2.0, 1.0], "val_accuracy": [0.1, 0.5, 0.4]}, [1.0, 1.5, 1.5])
    slow.best_epoch = 1
    return [slow, Run("fast", {"parameters": 20}, {"loss": [2.0, 1.0]}, [0.25, 0.25])]


def test_a_record_comes_back_as_it_was_written(runs, tmp_path):
    runs[0].save(tmp_path)
    assert Run.read(tmp_path) == runs[0]
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_the_table_shows_the_best_epoch_or_the_last(runs):
    table = compare(runs).table
    assert table.loc["slow", ["best epoch", "loss", "val_accuracy", "seconds"]].tolist() == [2, 2.0, 0.5, 4.0]
    assert table.loc["fast", ["best epoch", "loss"]].tolist() == [2, 1.0]


def test_folders_are_read(runs, tmp_path):
    runs[1].save(tmp_path)
    assert compare([tmp_path]).table.index.tolist() == ["fast"]


def test_the_figure_has_a_line_for_each_run_that_measured_it(runs):
    figure = compare(runs).figure("loss")
    assert [line.get_label() for line in figure.axes[0].lines] == ["slow", "fast"]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1.0, 2.5, 4.0]
    assert len(compare(runs).figure("val_accuracy", over="epochs").axes[0].lines) == 1


def test_what_is_not_there_is_said(runs, tmp_path):
    with pytest.raises(WrongFolder, match="not the record of a training"):
        compare([tmp_path])
    with pytest.raises(ValueError, match="no runs to compare"):
        compare([])
    with pytest.raises(ValueError, match="No run has measured auc"):
        compare(runs).figure("auc")
    with pytest.raises(KeyError, match="it has loss"):
        runs[1].last("val_accuracy")
    assert runs[1].last("loss") == 1.0
