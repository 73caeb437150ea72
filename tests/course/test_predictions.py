"""Predictions ask a person, stay silent for a machine, and take up what went wrong."""

import json
import os

import nbclient
import nbformat
import pytest

from kitutils.course import predictions, progress
from kitutils.course.predictions import outcome, predict, recap

QUESTION, CHOICES = "Of those stuck readings, the rule now finds …", ["more", "about as many", "none"]


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    monkeypatch.setenv("KIT_HEADLESS", "0")
    monkeypatch.setenv("KIT_HOME", str(tmp_path))
    monkeypatch.setattr(predictions, "_asked", {})


@pytest.fixture
def panel(monkeypatch):
    """Returns a function that gives the panel of a prediction, on a front end that can talk back."""
    monkeypatch.setattr(predictions, "live", lambda: True)
    return lambda name: predictions._asked[name].panel


def labels(panel):
    return [button.description for button in panel.buttons]


def test_a_learner_predicts_with_a_click_and_may_change_their_mind(panel, capsys):
    assert predict("12.a", QUESTION, CHOICES) is None
    asked = panel("12.a")
    assert labels(asked) == CHOICES
    assert "go on without" in asked.status.value
    asked.buttons[2].click()
    asked.buttons[0].click()
    assert labels(asked) == ["✓ more", "about as many", "none"]
    assert "You predict “more”" in asked.status.value
    assert progress.read()["predictions"]["12.a"] == {"choice": "more", "outcome": None}
    capsys.readouterr()
    assert outcome("12.a", "none") is None
    assert capsys.readouterr().out == "You predicted “more”. Measured: “none”.\n"
    assert progress.read()["predictions"]["12.a"] == {"choice": "more", "outcome": "none"}


def test_after_the_outcome_the_buttons_are_closed(panel, capsys):
    predict("12.a", QUESTION, CHOICES)
    panel("12.a").buttons[0].click()
    outcome("12.a", "none")
    assert all(button.disabled for button in panel("12.a").buttons)
    panel("12.a").buttons[2].click()  # a click that was under way
    assert progress.read()["predictions"]["12.a"]["choice"] == "more"
    predict("12.a", QUESTION, CHOICES)  # the cell is run again
    assert all(button.disabled for button in panel("12.a").buttons)
    assert labels(panel("12.a"))[0] == "✓ more"


def test_a_right_prediction_is_said_so(panel, capsys):
    predict("12.a", QUESTION, CHOICES)
    panel("12.a").buttons[2].click()
    outcome("12.a", "none")
    assert "Measured: “none”, as you predicted.\n" in capsys.readouterr().out


def test_a_skipped_prediction_is_no_mistake(panel, capsys):
    predict("12.a", QUESTION, CHOICES)
    outcome("12.a", "none")
    assert capsys.readouterr().out.endswith("Measured: “none”.\n")
    assert progress.read()["predictions"] == {}


def test_a_choice_outlives_a_restart_of_the_kernel(panel, capsys, monkeypatch):
    predict("12.a", QUESTION, CHOICES)
    panel("12.a").buttons[0].click()
    monkeypatch.setattr(predictions, "_asked", {})
    predict("12.a", QUESTION, CHOICES)
    assert labels(panel("12.a"))[0] == "✓ more"
    outcome("12.a", "none")
    assert "You predicted “more”." in capsys.readouterr().out


def test_a_kept_choice_that_is_none_any_more_is_forgotten(panel):
    progress.record_prediction("12.a", choice="an old wording")
    predict("12.a", QUESTION, CHOICES)
    assert labels(panel("12.a")) == CHOICES


def test_question_and_choices_cannot_smuggle_markup(panel):
    predict("12.a", "<script>x</script> …", ["<b>", "c"])
    asked = panel("12.a")
    asked.buttons[0].click()
    shown = asked.box.children[0].value + asked.status.value
    assert "<script>" not in shown and "“<b>”" not in shown


def test_recap_lists_what_came_out_differently(panel, capsys):
    for name, click in (("12.a", 0), ("12.b", 2), ("12.c", None), ("13.a", 0)):
        predict(name, f"Question {name}:", CHOICES)
        if click is not None:
            panel(name).buttons[click].click()
        outcome(name, "none")
    capsys.readouterr()
    recap("12")
    assert capsys.readouterr().out == (
        "You predicted 2 outcomes; 1 came out differently:\n- Question 12.a: You predicted “more”. Measured: “none”.\n"
    )
    recap("14")
    assert capsys.readouterr().out == "No predictions were made in this run.\n"


def test_recap_when_all_went_right(panel, capsys):
    predict("12.a", QUESTION, CHOICES)
    panel("12.a").buttons[2].click()
    outcome("12.a", "none")
    capsys.readouterr()
    recap("12")
    assert capsys.readouterr().out == "You predicted one outcome, and all came out as you said.\n"


@pytest.mark.parametrize("lesson", ["1", 12, "12.a", ""])
def test_recap_wants_a_lesson(lesson):
    with pytest.raises(ValueError, match="two digits"):
        recap(lesson)


@pytest.mark.parametrize(
    ("name", "question", "choices", "told"),
    [
        ("12", QUESTION, CHOICES, "two digits, a dot and a letter"),
        (12.1, QUESTION, CHOICES, "two digits, a dot and a letter"),
        ("12.a", "  ", CHOICES, "needs a question"),
        ("12.a", QUESTION, ["only"], "two or more"),
        ("12.a", QUESTION, ["same", "same"], "two or more"),
        ("12.a", QUESTION, ["more", 3], "list of texts"),
        ("12.a", QUESTION, ["more", ""], "list of texts"),
        ("12.a", QUESTION, "more", "list of texts"),
    ],
)
def test_an_author_is_told_what_is_wrong(name, question, choices, told):
    with pytest.raises(ValueError, match=told):
        predict(name, question, choices)


def test_a_name_asks_one_question_only():
    predict("12.a", QUESTION, CHOICES)
    predict("12.a", QUESTION, CHOICES)
    with pytest.raises(ValueError, match="already asked"):
        predict("12.a", "Another?", CHOICES)
    with pytest.raises(ValueError, match="already asked"):
        predict("12.a", QUESTION, ["a", "b"])


def test_an_outcome_needs_its_prediction_and_one_of_its_choices():
    with pytest.raises(ValueError, match="in a cell above"):
        outcome("12.a", "none")
    predict("12.a", QUESTION, CHOICES)
    with pytest.raises(ValueError, match="must be one of"):
        outcome("12.a", "few")


def test_outside_a_notebook_nobody_is_asked(capsys):
    assert predict("12.a", QUESTION, CHOICES) is None
    assert capsys.readouterr().out == ""
    assert predictions.live() is False


@pytest.mark.parametrize(
    ("allow_stdin", "headless", "live"), [(True, "0", True), (False, "0", False), (True, "1", False)]
)
def test_live_asks_the_front_end(allow_stdin, headless, live, monkeypatch):
    class Kernel:
        def get_parent(self):
            return {"content": {"allow_stdin": allow_stdin}}

    class Shell:
        kernel = Kernel()

    import IPython

    monkeypatch.setenv("KIT_HEADLESS", headless)
    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell())
    assert predictions.live() is live


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A small notebook, executed by nbclient in a profile that is not headless by itself."""
    home = tmp_path_factory.mktemp("home")
    cells = [
        "from kitutils.course import exercise, outcome, predict, recap\n"
        "from kitutils.course.grading import check, equal, run\n"
        'predict("12.a", "The rule finds …", ["more", "none"])',
        'outcome("12.a", "none")',
        'recap("12")',
        '@check("96.1", title="Twice <two>", minutes=5, hints=("a", "b", "c"))\n'
        "def twice(answer, rng):\n"
        "    equal(run(answer, 2), 4)\n"
        "def triple(x):\n"
        "    return x / 0\n"
        'exercise("96.1").check(triple)',
        'exercise("96.1").solution(lambda x: 2 * x)',
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3")
    env = {**os.environ, "KIT_PROFILE": "workshop", "KIT_HEADLESS": "0", "KIT_HOME": str(home)}
    client.execute(env=env)
    return notebook, home


def bundle(cell):
    (output,) = cell.outputs
    return output["data"]


def test_nbclient_is_not_asked_and_sees_the_plain_outcome(executed):
    cells = executed[0].cells
    assert cells[0].outputs == []
    assert cells[1].outputs[0]["text"] == "Measured: “none”.\n"
    assert cells[2].outputs[0]["text"] == "No predictions were made in this run.\n"


def test_in_a_notebook_a_check_shows_text_and_html(executed):
    wrong, right = bundle(executed[0].cells[3]), bundle(executed[0].cells[4])
    assert "where  line 5: return x / 0" in wrong["text/plain"], "the line as the cell's gutter counts it"
    assert "ZeroDivisionError" in wrong["text/html"]
    assert right["text/plain"] == "✓ 96.1 Twice <two>"
    assert "Twice &lt;two&gt;" in right["text/html"]


def test_only_the_exercise_cell_is_recorded(executed):
    data = json.loads((executed[1] / "progress.json").read_text(encoding="utf-8"))
    assert data["exercises"] == {"96.1": {"attempts": 1, "hints": 0, "right_at": None}}


def test_a_click_in_a_front_end_that_takes_input_reaches_the_kernel(front_end):
    """The whole way, with the messages that JupyterLab sends: run a cell, click a button, run the next cell."""
    front_end.run('from kitutils.course import outcome, predict\npredict("12.a", "The rule finds …", ["more", "none"])')
    assert front_end.widgets
    front_end.run("from kitutils.course import predictions")
    front_end.click("predictions._asked['12.a'].panel.buttons[0]")
    assert front_end.run('outcome("12.a", "none")') == "You predicted “more”. Measured: “none”.\n"
