import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitutils.course import lessons


def test_parse_reads_the_whole_header(course):
    course.write("12_clean", course.header("12", needs="01, 10", opens="`kitutils.data.clean`, `kitutils.plots`"))
    lesson = course.parse("12_clean")
    assert (lesson.number, lesson.name, lesson.title) == ("12", "12_clean", "A tiny lesson")
    assert lesson.question == "Does the machinery work?"
    assert (lesson.teach, lesson.run) == (75, 1)
    assert lesson.needs == ("01", "10")
    assert lesson.opens == ("kitutils.data.clean", "kitutils.plots")
    assert lesson.notebook == course.root / "notebooks" / "12_clean.ipynb"


def test_a_lesson_that_needs_and_opens_nothing(course):
    course.write(text=course.header(opens="nothing"))
    assert course.parse().needs == course.parse().opens == ()


@pytest.mark.parametrize(
    ("old", "new", "fragment"),
    [
        ("# 01 · A tiny lesson", "# 01: A tiny lesson", "first line must read"),
        ("# 01 · ", "# 02 · ", "says lesson 02"),
        ("work?*", "work*", "no question"),
        ("| teach | run |", "| run | teach |", "no table"),
        ("75 min", "an hour", "'an hour'"),
        ("[markdown]", "", "first line must read"),
    ],
)
def test_a_broken_header_is_named(course, old, new, fragment):
    text = course.header()
    assert old in text
    course.write(text=text.replace(old, new))
    with pytest.raises(lessons.LessonError, match=fragment):
        course.parse()


def test_all_faults_are_told_at_once(course):
    course.write(text="# %% [markdown]\n# hello\n")
    with pytest.raises(lessons.LessonError, match=r"first line.*question.*table"):
        course.parse()


def test_find_is_in_course_order_and_leaves_out_other_files(course):
    for number in ("10", "01", "40"):
        course.write(f"{number}_x", course.header(number))
    course.write("scratch", "print('not a lesson')")
    assert [lesson.number for lesson in lessons.find(course.root)] == ["01", "10", "40"]


def test_two_lessons_with_one_number_are_refused(course):
    course.write("01_a", course.header())
    course.write("01_b", course.header())
    with pytest.raises(lessons.LessonError, match="01_a and 01_b"):
        lessons.find(course.root)


def numbered(*numbers):
    return [lessons.Lesson(n, f"{n}_x", "t", "q?", 1, 1, (), (), None, None) for n in numbers]


COURSE = numbered("01", "10", "12", "40")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", ["01", "10", "12", "40"]),
        ("1", ["01"]),
        ("40,01", ["01", "40"]),
        ("10-15", ["10", "12"]),
        ("10-15, 12 40", ["10", "12", "40"]),
    ],
)
def test_select(wanted, expected):
    assert [lesson.number for lesson in lessons.select(COURSE, wanted)] == expected


@pytest.mark.parametrize(
    ("wanted", "fragment"),
    [("ten", "no lesson"), ("15-10", "write 10-15"), ("13", "There are: 01, 10, 12, 40"), ("50-59", "There is no")],
)
def test_select_says_what_is_wrong(wanted, fragment):
    with pytest.raises(lessons.LessonError, match=fragment):
        lessons.select(COURSE, wanted)


def test_select_from_no_lessons():
    with pytest.raises(lessons.LessonError, match="no lessons"):
        lessons.select([], "01")


@given(
    st.sets(st.integers(0, 99), min_size=1),
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)).map(sorted), min_size=1),
)
def test_select_is_membership_in_any_range(numbers, ranges):
    course = numbered(*(f"{n:02}" for n in sorted(numbers)))
    kept = [(a, b) for a, b in ranges if any(a <= n <= b for n in numbers)]
    if kept:
        wanted = ",".join(f"{a}-{b}" for a, b in kept)
        expected = [f"{n:02}" for n in sorted(numbers) if any(a <= n <= b for a, b in kept)]
        assert [lesson.number for lesson in lessons.select(course, wanted)] == expected
