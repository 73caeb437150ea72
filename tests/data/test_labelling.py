"""The labelling panel: it goes through the texts, survives a restart, and is not there when nobody looks."""

import json

import numpy as np
import pytest

from kitutils import settings
from kitutils.data import labelling
from kitutils.data.labels import MISSING

TEXTS, TOPICS = ("where is my <b>lamp</b>?", "it broke", "thanks"), ("damaged", "delivery")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setattr(labelling, "live", lambda: True)
    monkeypatch.setattr(labelling.Buttons, "show", lambda panel: None)


def click(asked, choice):
    names = [button.tooltip for button in asked.panel.buttons]
    asked.panel.buttons[names.index(f"I choose: {choice}")].click()


def shown(asked):
    return asked.panel.box.children[0].value


def test_headless_it_shows_and_reads_nothing(capsys):
    folder = settings.home() / "labels"
    folder.mkdir(parents=True)
    (folder / "t.json").write_text(json.dumps({TEXTS[0]: "damaged"}))
    asked = labelling.ask("t", TEXTS, TOPICS)
    assert asked.panel is None and (asked.labels() == MISSING).all() and capsys.readouterr().out == ""


def test_each_click_labels_one_text_and_goes_on(live):
    asked = labelling.ask("t", TEXTS, TOPICS)
    assert "1 of 3" in shown(asked) and "&lt;b&gt;lamp" in shown(asked)
    click(asked, "delivery")
    assert "2 of 3" in shown(asked) and asked.labels().tolist() == [1, MISSING, MISSING]
    click(asked, "damaged")
    click(asked, "damaged")
    assert asked.labels().tolist() == [1, 0, 0] and asked.labels().dtype == np.int64
    assert "All are labelled" in asked.panel.status.value


def test_back_changes_an_earlier_label_and_stops_at_the_first(live):
    asked = labelling.ask("t", TEXTS, TOPICS)
    click(asked, "delivery")
    click(asked, labelling.BACK)
    click(asked, labelling.BACK)
    assert "1 of 3" in shown(asked)
    click(asked, "damaged")
    assert asked.labels().tolist() == [0, MISSING, MISSING]


def test_labels_outlive_a_restart_and_other_texts_get_none_of_them(live):
    click(labelling.ask("t", TEXTS, TOPICS), "delivery")
    again = labelling.ask("t", (TEXTS[1], TEXTS[0]), TOPICS)
    assert again.labels().tolist() == [MISSING, 1] and "1 of 2" in shown(again)
    assert (labelling.ask("other", TEXTS, TOPICS).labels() == MISSING).all()


def test_a_file_that_cannot_be_read_is_begun_afresh(live):
    folder = settings.home() / "labels"
    folder.mkdir(parents=True)
    for content in ("[1", "[1]", '{"it broke": "no topic"}'):
        (folder / "t.json").write_text(content)
        assert (labelling.ask("t", TEXTS, TOPICS).labels() == MISSING).all()


def test_a_folder_that_cannot_be_written_is_told_and_the_labels_stay(live):
    settings.home().mkdir(parents=True, exist_ok=True)
    (settings.home() / "labels").write_text("a file where the folder should be")
    asked = labelling.ask("t", TEXTS, TOPICS)
    click(asked, "delivery")
    assert "cannot be saved" in asked.panel.status.value and asked.labels()[0] == 1


@pytest.mark.parametrize(
    ("name", "texts", "topics", "message"),
    [
        ("../t", TEXTS, TOPICS, "no file name|A name of letters"),
        ("t", ("a", "a"), TOPICS, "of these 2, 1 are different"),
        ("t", (), TOPICS, "of these 0"),
        ("t", TEXTS, ("damaged",), "Two or more classes"),
    ],
)
def test_ask_refuses(name, texts, topics, message):
    with pytest.raises(ValueError, match=message):
        labelling.ask(name, texts, topics)


def test_a_click_in_a_front_end_reaches_the_kernel_and_is_kept(front_end, tmp_path):
    """The whole way, with the messages that JupyterLab sends: show the panel, click a button, read the labels."""
    front_end.run(f"from kitutils.data import labelling\nasked = labelling.ask('t', {TEXTS!r}, {TOPICS!r})")
    assert front_end.widgets
    front_end.click("asked.panel.buttons[1]")
    assert front_end.run("print(asked.labels())").split() == ["[", "1", "-1", "-1]"]
    assert json.loads((tmp_path / "labels" / "t.json").read_text(encoding="utf-8")) == {TEXTS[0]: "delivery"}
