"""The self-test: its right answers are right, its rule is the one that the lesson states, nobody is asked in vain."""

from types import SimpleNamespace

import numpy as np
import pytest

from kitutils import settings
from kitutils.course import lessons, selftest
from kitutils.course import map as drawing
from kitutils.course.selftest import FULL, QUESTIONS, SHORT, judge

COUNT = len(QUESTIONS)
PLACES = {question.topic: place for place, question in enumerate(QUESTIONS)}
ALL = [stop.number for row in drawing.ROWS for stop in row.stops if stop.number]


def some(*numbers):
    return [SimpleNamespace(number=number, title=f"Lesson {number}") for number in numbers]


def answers(wrong=(), left_out=()):
    """All right, but for these topics."""
    given = {}
    for place, question in enumerate(QUESTIONS):
        if question.topic not in left_out:
            given[place] = question.choices[(question.right + (question.topic in wrong)) % len(question.choices)]
    return given


# --- the questions ----------------------------------------------------------------------------------------------------


def right(topic):
    question = QUESTIONS[PLACES[topic]]
    return question.choices[question.right]


def test_there_are_eight_on_different_topics_with_different_choices():
    assert len(PLACES) == COUNT == 8
    for question in QUESTIONS:
        assert len(set(question.choices)) == len(question.choices) == 3
        assert question.right in range(3) and question.taught and set(question.taught) <= set(ALL)


def test_the_right_answer_is_not_always_in_the_same_place():
    assert {question.right for question in QUESTIONS} == {0, 1, 2}


def test_every_lesson_that_is_pointed_to_comes_later_than_this_one():
    assert all("00" not in question.taught for question in QUESTIONS)


def test_numpy_arrays():
    assert np.zeros((1797, 64)).mean(axis=0).shape == (64,)
    assert right("NumPy arrays") == "one number for each pixel"


def test_pandas():
    import pandas as pd

    assert pd.DataFrame({"paid": [1.0, None, 3.0]})["paid"].mean() == 2.0
    assert right("pandas") == "leaves them out"


def test_splitting():
    """Customers return all of their orders or none: a model can only learn them by heart."""
    from sklearn.model_selection import GroupShuffleSplit, train_test_split
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(100), 10)
    x = rng.normal(size=(100, 5))[customer] + 0.01 * rng.normal(size=(1000, 5))
    y = rng.integers(0, 2, 100)[customer]

    def score(train, test):
        return KNeighborsClassifier(1).fit(x[train], y[train]).score(x[test], y[test])

    at_random = score(*train_test_split(np.arange(1000), test_size=0.3, random_state=0))
    new_customers = score(*next(GroupShuffleSplit(1, test_size=0.3, random_state=0).split(x, y, customer)))
    assert at_random > 0.95 and new_customers < 0.7
    assert right("splitting") == "more orders of customers it knows"


def test_overfitting():
    """Gradient descent with as many weights as rows: the validation loss turns, and to stop there is best."""
    rng = np.random.default_rng(0)
    x, new = rng.normal(size=(40, 40)), rng.normal(size=(500, 40))
    y, y_new = x[:, 0] + rng.normal(size=40), new[:, 0] + rng.normal(size=500)
    w, train, val = np.zeros(40), [], []
    for _ in range(1000):
        w -= 0.1 * x.T @ (x @ w - y) / 40
        train.append(np.mean((x @ w - y) ** 2))
        val.append(np.mean((new @ w - y_new) ** 2))
    assert train[-1] == min(train) and min(val) < 0.7 * val[-1]
    assert right("overfitting") == "stop earlier"


def test_gradient():
    import keras

    weight = keras.Variable(3.0)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.apply([keras.ops.convert_to_tensor(2.0)], [weight])
    assert float(weight) == pytest.approx(float(right("gradient")))


def test_rare_classes():
    from sklearn.metrics import accuracy_score, recall_score

    truth, said = np.repeat([1, 0], [20, 980]), np.zeros(1000)
    measured = f"{100 * accuracy_score(truth, said):.0f} % and {100 * recall_score(truth, said):.0f} %"
    assert right("rare classes") == measured


def test_convolution():
    import keras

    def weights(side):
        return keras.Sequential([keras.Input((side, side, 1)), keras.layers.Conv2D(8, 3)]).count_params()

    assert weights(8) == weights(16)
    assert right("convolution") == "stays the same"


def test_serving():
    from sklearn.linear_model import LogisticRegression

    kg = np.random.default_rng(0).uniform(0.1, 4, (200, 1))
    heavy = kg[:, 0] > 2
    model = LogisticRegression(C=100).fit(kg, heavy)
    assert model.score(kg, heavy) > 0.95 and model.score(1000 * kg, heavy) < 0.6
    assert right("serving") == "no error, wrong answers"


# --- the rule ---------------------------------------------------------------------------------------------------------


def path(**change):
    return judge(answers(**change), some("01", "02")).path


def test_all_right_is_the_short_path_and_all_wrong_the_full_one():
    assert judge(answers(), some("01", "02")).right == COUNT
    assert path() == SHORT
    assert path(wrong=PLACES) == FULL
    assert path(wrong=set(PLACES) - {"overfitting", "gradient"}) == FULL


def test_six_right_are_enough_and_five_are_not():
    others = [topic for topic in PLACES if topic not in ("overfitting", "gradient")]
    assert selftest.ENOUGH == 6
    assert path(wrong=others[:2]) == path(left_out=others[:2]) == path(wrong=others[:1], left_out=others[1:2]) == SHORT
    assert path(wrong=others[:3]) == path(left_out=others[:3]) == path(wrong=others[:2], left_out=others[2:3]) == FULL


@pytest.mark.parametrize("topic", ["overfitting", "gradient"])
def test_whoever_lacks_what_lesson_02_teaches_does_not_skip_it(topic):
    assert path(wrong=[topic]) == path(left_out=[topic]) == FULL


def test_no_answer_at_all_is_the_full_path():
    advice = judge({}, some("01", "02"))
    assert (advice.path, advice.right, advice.missed) == (FULL, 0, ())


def test_the_lesson_states_the_rule():
    source = next(path for path in lessons.sources() if path.stem.startswith("00")).read_text(encoding="utf-8")
    words = " ".join(line.removeprefix("# ") for line in source.splitlines())
    assert "**six or more right answers, those about overfitting and the gradient among them**" in words
    assert {q.topic for q in QUESTIONS if q.taught[0] == selftest.SKIPPED} == {"overfitting", "gradient"}


# --- the path ---------------------------------------------------------------------------------------------------------


def test_the_full_path_is_all_lessons_in_reading_order():
    advice = judge({}, some(*sorted(ALL)))
    assert [lesson.number for lesson, _ in advice.steps] == drawing.reading_order(set(ALL) - {"00"})
    assert {how for _, how in advice.steps} == {"in full"}


def test_the_short_path_skips_02_and_shortens_what_was_known():
    steps = judge(answers(wrong=["pandas"]), some("00", "01", "02", "10", "12", "14", "40", "52")).steps
    assert {lesson.number: how for lesson, how in steps} == {
        "01": "in full",
        "02": "skip",
        "10": "in full",
        "12": "in full",
        "14": "exercises and clinic",
        "40": "exercises and clinic",
        "52": "exercises and clinic",
    }


def test_a_lesson_that_only_stands_in_for_the_best_one_is_not_shortened():
    steps = judge(answers(), some("01", "10")).steps  # 12 is the one for pandas
    assert [how for _, how in steps] == ["in full", "in full"]


def test_a_wrong_answer_points_to_the_best_lesson_that_is_there():
    wrong = answers(wrong=["pandas", "splitting"])

    def taught(*numbers):
        missed = judge(wrong, some(*numbers)).missed
        return {question.topic: lesson and lesson.number for question, lesson in missed}

    assert taught("01", "02", "10", "12", "14") == {"pandas": "12", "splitting": "14"}
    assert taught("01", "02", "10") == {"pandas": "10", "splitting": "01"}
    assert taught("02") == {"pandas": None, "splitting": None}


@pytest.mark.parametrize("given", [{0: "no such choice"}, {COUNT: "98 % and 0 %"}, {-1: "an error says so"}])
def test_an_answer_is_to_a_question(given):
    with pytest.raises(ValueError, match="There is no question"):
        judge(given, some("01"))


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch, course):
    """Shows the questions to somebody who can click; gives the panels."""
    panels = []
    monkeypatch.setattr(selftest, "_given", {})
    monkeypatch.setattr(selftest, "live", lambda: True)
    monkeypatch.setattr(selftest.Buttons, "show", lambda panel: panels.append(panel))
    course.write()
    course.write("02_more", course.header("02"))
    monkeypatch.setattr(settings, "root", lambda: course.root)
    selftest.ask()
    return panels


def test_clicks_lead_to_the_advice(asked, capsys):
    assert len(asked) == COUNT
    for panel, question in zip(asked, QUESTIONS, strict=True):
        panel.buttons[0].click()
        panel.buttons[question.right].click()
        assert panel.buttons[question.right].description == f"✓ {question.choices[question.right]}"
        assert f"You say “{question.choices[question.right]}”." in panel.status.value
    selftest.advise()
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "8 of 8 right. The short path is yours."
    assert told[1:] == ["  01  A tiny lesson  in full", "  02  A tiny lesson  skip"]


def test_wrong_answers_get_their_reason_and_their_lesson(asked, capsys):
    for topic in ("gradient", "pandas"):
        question = QUESTIONS[PLACES[topic]]
        asked[PLACES[topic]].buttons[question.right - 1].click()
    selftest.advise()
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "0 of 8 right, 6 left out. The full path is yours."
    assert told[1].startswith("- pandas: pandas skips missing values")
    assert told[1].endswith("still to come.")
    assert told[2].startswith("- gradient: a step goes against the slope") and told[2].endswith("Lesson 02 teaches it.")


def test_running_the_cell_again_keeps_the_answers(asked):
    asked[3].buttons[1].click()
    selftest.ask()
    assert asked[COUNT + 3].buttons[1].description == "✓ stop earlier"
    assert "leave it out" in asked[COUNT].status.value


def test_nobody_is_asked_where_nobody_can_answer(capsys, monkeypatch):
    monkeypatch.setattr(selftest, "_given", {})
    selftest.ask()
    assert capsys.readouterr().out == ""
    selftest.advise()
    assert capsys.readouterr().out.startswith("No question was answered, so this is the full path.\n  01  ")


def test_the_learners_edition_does_not_hold_the_answers():
    from kitutils.course import build, editions

    lesson = lessons.select(lessons.find(), "00")[0]
    text = "\n".join(cell.source for cell in editions.learner(build.read_source(lesson)).cells)
    for question in QUESTIONS:
        assert question.reason not in text and question.choices[question.right] not in text
