"""The line that says how far a long loop is: on a clock of the test's own."""

import re

import pytest

from kitutils.course import waiting
from kitutils.course.waiting import EtaLine, track


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def slowly(clock, items, seconds):
    """Each item takes that long to be worked on."""
    for item in items:
        yield item
        clock.now += seconds


def states(text):
    """What stood in the line, one state after the other."""
    assert text.startswith("\r")
    return [state.rstrip() for state in text.lstrip("\r").split("\r")]


def work(clock, items, seconds, **options):
    """Loops over ``track(items)``; each round takes ``seconds``, or the next of them."""
    each = iter(seconds) if isinstance(seconds, list) else None
    done = []
    for item in track(items, "split", **options):
        clock.now += next(each) if each else seconds
        done.append(item)
    return done


def test_nothing_is_shown_for_work_that_is_soon_over(clock, capsys):
    assert work(clock, range(10), 0.19) == list(range(10))
    assert capsys.readouterr().out == ""


def test_nothing_is_shown_for_nothing(clock, capsys):
    assert work(clock, [], 5) == []
    assert capsys.readouterr().out == ""


def test_one_line_that_ends_with_the_time_it_took(clock, capsys):
    assert work(clock, "abcd", 10) == list("abcd")
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.endswith("\n")
    assert states(out) == [
        "split 1/4 · 10 s gone, ? s to go",
        "split 2/4 · 20 s gone, 20 s to go",
        "split 3/4 · 30 s gone, 10 s to go",
        "split 4/4 · 40 s gone, 0 s to go",
        "split 4/4 · 40 s",
    ]


def test_a_slow_first_step_does_not_count_towards_what_is_left(clock, capsys):
    # Tracing a network takes 30 s once; the ten rounds after it take 3 s each.
    work(clock, range(11), [30] + 10 * [3])
    second = states(capsys.readouterr().out)[1]
    assert second == "split 2/11 · 33 s gone, 27 s to go"


def test_minutes_when_it_takes_minutes(clock, capsys):
    work(clock, range(10), 60)
    assert "split 2/10 · 120 s gone, 8 min to go" in capsys.readouterr().out


def test_a_generator_has_no_end_in_sight_unless_it_is_told(clock, capsys):
    assert work(clock, (x for x in "abc"), 5) == list("abc")
    assert states(capsys.readouterr().out)[-2:] == ["split 3 · 15 s gone", "split 3 · 15 s"]
    assert work(clock, (x for x in "abc"), 5, total=3) == list("abc")
    assert states(capsys.readouterr().out)[-2] == "split 3/3 · 15 s gone, 0 s to go"


def test_it_is_lazy_and_hands_over_the_very_items(clock, capsys):
    items = [object(), object()]
    tracked = track(iter(items), "split")
    assert next(tracked) is items[0]
    assert list(tracked) == items[1:]


def test_the_line_is_written_at_most_four_times_a_second(clock, capsys):
    work(clock, range(1000), 0.01)
    shown = states(capsys.readouterr().out)
    assert 25 <= len(shown) <= (10 - waiting.QUIET_SECONDS) / 0.25 + 2


def test_a_shorter_text_covers_the_longer_one_before_it(clock, capsys):
    line = EtaLine("epoch", 3)
    for done, note in ((1, " · loss 0.500 · val_loss 0.600"), (2, "")):
        clock.now += 10
        line.step(done, note)
    clock.now += 10
    line.close(3)
    widths = [len(state.rstrip("\n")) for state in capsys.readouterr().out.lstrip("\r").split("\r")]
    assert widths == sorted(widths)


def test_a_fraction_counts_and_the_line_shows_whole_steps(clock, capsys):
    line = EtaLine("epoch", 10)
    line.step(0.5)  # in the first two seconds: not shown, but the clock for what is left runs from here
    clock.now += 4
    line.step(2.5)
    assert states(capsys.readouterr().out) == ["epoch 2/10 · 4 s gone, 15 s to go"]  # 2 s a step, 7.5 steps


def test_a_loop_that_is_left_early_says_nothing_false(clock, capsys):
    for _ in track(range(10), "split"):
        clock.now += 5
        break
    assert not re.search(r"10/10", capsys.readouterr().out)
