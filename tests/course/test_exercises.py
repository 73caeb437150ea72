"""What a learner sees and what is recorded, from an exercise cell and from a solution cell."""

import json

import pytest

from kitutils import settings
from kitutils.course import exercises, progress
from kitutils.course.exercises import exercise
from kitutils.course.grading import CheckerBug, check, equal, expect, part, refuse, run

HINTS = ("Look at the sign.", "There is a function for it.", "return ___(x)")


@check("97.1", title="The size of a number", minutes=5, hints=HINTS)
def size(answer, rng):
    x = int(rng.integers(-9, -1))
    got = run(answer, x)
    refuse(got, x, "A size is never negative.")
    equal(got, -x, on=x)


@check("97.2", title="Broken", minutes=5, hints=HINTS, answer="value")
def broken(answer, rng):
    refuse(answer, 1, "Planted.")
    equal(answer, 1)


LINES = {"C": "fit", "A": "build", "D": "predict", "B": "compile"}


@check("97.3", title="In order", minutes=5, hints=HINTS, answer="order", lines=LINES)
def order(answer, rng):
    equal(answer, list("ABCD"))


@check("97.4", title="Two halves", minutes=5, hints=HINTS, answer="value")
def halves(answer, rng):
    with part("even"):
        expect(answer % 2 == 0, "Two does not divide it.")
    with part("positive"):
        expect(answer > 0, "It is below zero.")


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """A learner in front of the screen: not headless, with a home of their own."""
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    monkeypatch.setenv("KIT_HEADLESS", "0")
    monkeypatch.setenv("KIT_HOME", str(tmp_path))
    monkeypatch.setattr(exercises, "_hints_shown", {})


def test_right(capsys):
    exercise("97.1").check(abs)
    assert capsys.readouterr().out == "✓ 97.1 The size of a number\n"
    entry = progress.read()["exercises"]["97.1"]
    assert entry["attempts"] == 1 and entry["right_at"]


def test_wrong_shows_counterexample_then_message_then_the_way_to_a_hint(capsys):
    exercise("97.1").check(lambda x: x)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✗ 97.1 not yet"
    assert [line.split()[0] for line in lines[1:4]] == ["input", "yours", "expected"]
    starts = {line.rindex(" ") for line in lines[1:4]}
    assert len(starts) == 1, "the values stand below each other"
    assert lines[4:] == ["A size is never negative.", "hint: exercise('97.1').hint()"]
    assert progress.read()["exercises"]["97.1"] == {"attempts": 1, "right_at": None, "hints": 0}


def test_not_attempted_is_one_calm_line_and_no_attempt(capsys):
    exercise("97.1").check(None)
    out = capsys.readouterr().out
    assert out.startswith("○ 97.1 not attempted yet.")
    assert progress.read()["exercises"] == {}


def test_partial_credit_stands_between_message_and_hint(capsys):
    exercise("97.4").check(-2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["It is below zero.", "1 of 2 properties hold. Not yet: positive."]


def test_the_first_right_time_stays_and_attempts_go_on(capsys):
    exercise("97.1").check(abs)
    first = progress.read()["exercises"]["97.1"]["right_at"]
    exercise("97.1").check(lambda x: x)
    assert progress.read()["exercises"]["97.1"] == {"attempts": 2, "right_at": first, "hints": 0}


def test_hints_come_one_by_one_and_the_last_is_a_skeleton(capsys):
    seen = []
    for _ in range(5):
        exercise("97.1").hint()  # a new object each time, as in a cell
        seen.append(capsys.readouterr().out)
    assert "Hint 1 of 3" in seen[0] and HINTS[0] in seen[0] and "2 more" in seen[0]
    assert "Hint 2 of 3" in seen[1] and HINTS[1] in seen[1] and "1 more" in seen[1]
    assert f"    {HINTS[2]}\n" in seen[2] and "more" not in seen[2]
    assert "last hint" in seen[3] and "kit solution 97" in seen[3]
    assert seen[4] == seen[3]
    assert progress.read()["exercises"]["97.1"] == {"attempts": 0, "right_at": None, "hints": 3}


def test_show_lists_the_lines_out_of_order_and_always_alike(capsys):
    exercise("97.3").show()
    first = capsys.readouterr().out
    exercise("97.3").show()
    assert capsys.readouterr().out == first
    letters = [line.split()[0] for line in first.splitlines() if line.startswith("    ")]
    assert sorted(letters) == list("ABCD")
    assert "    C  fit" in first and "5 minutes" in first


def test_a_solution_is_shown_and_not_recorded(capsys):
    exercise("97.1").solution(abs)
    assert capsys.readouterr().out == "✓ 97.1 The size of a number\n"
    assert progress.read()["exercises"] == {}


@pytest.mark.parametrize("headless", ["0", "1"])
@pytest.mark.parametrize("answer", [lambda x: x, None, 3])
def test_a_solution_that_is_not_right_raises_in_every_mode(headless, answer, monkeypatch):
    monkeypatch.setenv("KIT_HEADLESS", headless)
    with pytest.raises(AssertionError, match=r"solution of exercise 97\.1"):
        exercise("97.1").solution(answer)


def test_a_headless_run_records_nothing_and_a_wrong_answer_does_not_stop_it(capsys, monkeypatch):
    monkeypatch.setenv("KIT_HEADLESS", "1")
    exercise("97.1").check(lambda x: x)
    exercise("97.1").check(abs)
    exercise("97.1").hint()
    assert "✗ 97.1" in capsys.readouterr().out
    assert list(settings.home().iterdir()) == []


def test_our_own_mistake_is_called_ours(capsys, monkeypatch):
    exercise("97.2").check(1)
    out = capsys.readouterr().out
    assert "mistake of the course, not yours" in out and "Exercise 97.2" in out
    assert progress.read()["exercises"] == {}
    monkeypatch.setenv("KIT_HEADLESS", "1")
    with pytest.raises(CheckerBug):
        exercise("97.2").check(1)


def test_a_learner_keeps_the_same_probes_and_another_has_others(tmp_path, monkeypatch, capsys):
    def shown():
        exercise("97.1").check(lambda x: x)
        return capsys.readouterr().out

    mine = [shown() for _ in range(3)]
    assert len(set(mine)) == 1
    others = set()
    for number in range(8):
        home = tmp_path / str(number)
        home.mkdir()
        (home / "learner.json").write_text(json.dumps({"id": f"learner {number}"}))
        monkeypatch.setenv("KIT_HOME", str(home))
        others.add(shown())
    assert len(others) > 1


def test_an_exercise_says_what_it_is():
    assert repr(exercise("97.1")) == "exercise('97.1'): The size of a number"
