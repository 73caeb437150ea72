"""How long lessons run here: the arithmetic on invented speeds; what is measured, for its form only."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitutils.course import pace
from kitutils.course.pace import MARGIN, Speed, forecast, in_minutes, reference, total

speeds = st.builds(Speed, *[st.floats(0.01, 1e4)] * 2)


@pytest.fixture
def lesson(course):
    """A lesson that is not built; its header says 1 min."""
    course.write()
    return course.parse()


def test_an_equal_machine_gets_the_recorded_time_in_the_middle(lesson):
    (found,) = forecast([lesson], Speed(100, 10), Speed(100, 10))
    assert (found.low, found.high) == pytest.approx((60 / MARGIN, 60 * MARGIN))
    assert found.lesson is lesson


def test_the_ends_come_from_the_better_and_the_worse_ratio(lesson):
    # Training twice as fast, arithmetic a third as fast as there.
    (found,) = forecast([lesson], Speed(200, 5), Speed(100, 15))
    assert (found.low, found.high) == pytest.approx((30 / MARGIN, 180 * MARGIN))


def test_a_built_lesson_goes_by_its_measured_seconds(course, lesson):
    course.store(lesson, seconds=25)
    assert pace.recorded_seconds(lesson) == 25
    (found,) = forecast([lesson], Speed(1, 1), Speed(1, 1))
    assert found.low == pytest.approx(25 / MARGIN)


@pytest.mark.parametrize("text", ["", "{}", '{"metadata": {"kit": {"seconds": null}}}', "[]"])
def test_a_notebook_without_seconds_goes_by_its_header(lesson, text):
    lesson.notebook.write_text(text, encoding="utf-8")
    assert pace.recorded_seconds(lesson) == 60


@given(here=speeds, there=speeds, faster=st.floats(1, 100))
def test_ranges_are_ranges_and_a_faster_machine_waits_less(here, there, faster):
    from types import SimpleNamespace

    from kitutils import settings

    never_built = SimpleNamespace(notebook=settings.root() / "no such notebook", run=2)
    (slow,) = forecast([never_built], here, there)
    (fast,) = forecast([never_built], Speed(here.training * faster, here.arithmetic * faster), there)
    assert 0 < slow.low < slow.high
    assert (fast.low, fast.high) == pytest.approx((slow.low / faster, slow.high / faster))


def test_the_whole_course_is_the_sum(lesson):
    found = forecast([lesson, lesson, lesson], Speed(1, 2), Speed(1, 1))
    assert total(found) == pytest.approx((3 * 30 / MARGIN, 3 * 60 * MARGIN))
    assert total([]) == (0, 0)


@pytest.mark.parametrize("speed", [Speed(0, 1), Speed(1, -1), Speed(float("nan"), 1)])
def test_a_speed_is_above_zero(lesson, speed):
    for pair in ((speed, Speed(1, 1)), (Speed(1, 1), speed)):
        with pytest.raises(ValueError, match="above zero"):
            forecast([lesson], *pair)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (5, 20, "under 1 min"),
        (20, 70, "up to 1 min"),
        (40, 80, "1 min"),
        (60, 200, "1 to 3 min"),
        (3600, 5400, "60 to 90 min"),
    ],
)
def test_ranges_in_words(low, high, words):
    assert in_minutes(low, high) == words


def test_the_committed_record_can_be_read():
    found = reference()
    assert found.training > 0 and found.arithmetic > 0


@pytest.mark.parametrize("text", [None, "{", "{}", '{"results": {"training": 1}}', '{"results": []}'])
def test_without_a_record_the_reader_is_told_what_to_do(tmp_path, text):
    path = tmp_path / "benchmarks" / "records" / "pace.json"
    if text is not None:
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    with pytest.raises(pace.NoReference, match=r"pace\.json cannot be read.*Fetch the kit anew"):
        reference(tmp_path)


def test_a_record_is_read(tmp_path):
    path = tmp_path / "benchmarks" / "records" / "pace.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"results": {"training": 120, "arithmetic": 8.5}}), encoding="utf-8")
    assert reference(tmp_path) == Speed(120.0, 8.5)


def test_the_network_reads_the_images():
    x, y = pace.images(5)
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((5, 8, 8, 1), "float32", (5,), "int64")
    assert pace.network()(x).shape == (5, 10)


class FakeNetwork:
    """Notes how many steps it was trained each time."""

    def __init__(self):
        self.fits = []

    def fit(self, x, y, batch_size, **options):
        self.fits.append(len(x) / batch_size)


@pytest.mark.parametrize(("seconds", "rounds"), [(0.001, 1), (10, 4)])
def test_speeds_are_medians_of_rounds_after_a_first_one(monkeypatch, seconds, rounds):
    network = FakeNetwork()
    monkeypatch.setattr(pace, "network", lambda: network)
    monkeypatch.setattr(pace, "arithmetic", lambda: None)
    # Every look at the clock is half a second later, so each piece of work takes half a second.
    ticks = itertools.count(0, 0.5)
    found = pace.measure(seconds, clock=lambda: next(ticks))
    assert found == Speed(training=pace.STEPS / 0.5, arithmetic=2.0)
    assert network.fits == [1] + rounds * [pace.STEPS]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_measuring_takes_time(seconds):
    with pytest.raises(ValueError, match="above zero seconds"):
        pace.measure(seconds)


def test_a_real_measurement_gives_two_finite_speeds():
    found = pace.measure(0.01)
    assert 0 < found.training < 1e7 and 0 < found.arithmetic < 1e7
