"""The selections for workshops: those that are there fit their days, and what does not hold together is named."""

import re
import textwrap

import pytest
from typer.testing import CliRunner

from kitutils import settings
from kitutils.course import lessons, results, workshops
from kitutils.course.workshops import Day, Item, Workshop, WorkshopError

ROOT = settings.root()
NAMES = sorted(path.stem for path in (ROOT / "workshops").glob("*.yaml"))


# --- those that are there ---------------------------------------------------------------------------------------------


def test_there_is_one_for_one_two_and_five_days():
    assert [(one.name, len(one.days)) for one in workshops.find()] == [("1-day", 1), ("2-day", 2), ("5-day", 5)]


@pytest.mark.parametrize("name", NAMES)
def test_the_minutes_of_each_day_add_up(name):
    for day in workshops.one(name).days:
        taught = sum(item.lesson.teach for item in day.items if item.lesson)
        rest = sum(item.minutes for item in day.items if not item.lesson)
        assert taught + rest <= day.end - day.start
        last, item = workshops.timetable(day)[-1]
        assert last + item.minutes == day.start + taught + rest


def test_the_readme_shows_them():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = results.fill(readme, workshops.table(workshops.find()), workshops.BEGIN, workshops.END)
    assert shown == readme, "The README's table of workshops is out of date. Run: kit workshop --readme"


def test_the_readme_says_the_reading_order():
    from kitutils.course import map as drawing

    assert f"{', '.join(drawing.FIRST)}, then by number" in (ROOT / "README.md").read_text(encoding="utf-8")


# --- what they add up to ----------------------------------------------------------------------------------------------


def test_timetable_and_minutes(course):
    course.write()
    lesson = course.parse()
    items = (Item("lesson", 75, "A", lesson), Item("break", 15, "Break"), Item("open", 30, "Own"))
    day = Day(555, 700, items)
    assert [(workshops.clock(start), item.words) for start, item in workshops.timetable(day)] == [
        ("09:15", "A"),
        ("10:30", "Break"),
        ("10:45", "Own"),
    ]
    workshop = Workshop("x", "X", "a | b", (), (day, Day(0, 60, (Item("lunch", 60, "Lunch"),))))
    assert [workshop.minutes(*kinds) for kinds in ((), ("lesson",), ("break", "lunch"), ("open",))] == [180, 75, 75, 30]
    assert workshop.lessons == [lesson]
    assert workshops.table([workshop]).splitlines()[-1] == "| `x` | a \\| b | – | 01 | 75 min | 30 min | 75 min |"


def test_a_day_without_items_has_an_empty_timetable():
    assert workshops.timetable(Day(540, 600, ())) == []


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def kit(whole, monkeypatch):
    """A kit with the lessons 01 (75 min, exercise 01.1) and 03 (75 min, needs 01); ``kit.read(items)`` reads a day."""
    whole.write("03_more", whole.header("03", needs="01"))

    def read(items="- lesson: '01'", start="09:00", end="17:00", top=""):
        head = f"title: T\naudience: A\n{top}days:\n  - start: '{start}'\n    end: '{end}'\n    items:\n"
        path = whole.add("workshops/own.yaml", head + textwrap.indent(textwrap.dedent(items).strip(), " " * 6))
        return workshops.read(path, lessons.find(whole.root), whole.root)

    whole.read = read
    monkeypatch.setattr(settings, "root", lambda: whole.root)
    return whole


def test_a_selection_is_read(kit):
    own = kit.read(
        """
        - lesson: "01"
          without: ["01.1"]
        - break: 15
        - open: Own data
          minutes: 45
        - lunch: 60
        - lesson: "03"
        """
    )
    assert (own.name, own.title, own.audience, own.before) == ("own", "T", "A", ())
    (day,) = own.days
    assert (day.start, day.end) == (540, 1020)
    assert [(item.kind, item.minutes, item.words) for item in day.items] == [
        ("lesson", 75, "01 · A tiny lesson"),
        ("break", 15, "Break"),
        ("open", 45, "Own data"),
        ("lunch", 60, "Lunch"),
        ("lesson", 75, "03 · A tiny lesson"),
    ]
    assert day.items[0].without == ("01.1",)


def test_lessons_done_at_home_count_as_done(kit):
    own = kit.read("- lesson: '03'", top="before: ['01']\n")
    assert [lesson.number for lesson in own.before] == ["01"]


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ("- lesson: '77'", "day 1, item 1 names lesson '77'; in quotes, like \"01\", there are 01, 03"),
        ("- lesson: 1", "names lesson 1; in quotes"),
        ("- lesson: '03'", "lesson 03 needs 01 before it"),
        ("- lesson: '03'\n- break: 5\n- lesson: '01'", "lesson 03 needs 01 before it"),
        ("- lesson: '01'\n- break: 5\n- lesson: '01'", "lesson 01 comes twice"),
        ("- lesson: '01'\n  without: ['01.9']", r"leaves out ['01.9'], but lesson 01 has 01.1"),
        ("- lesson: '01'\n  without: '01.1'", "leaves out '01.1'"),
        ("- lesson: '01'\n  minutes: 60", "it must be lesson:"),
        ("- nap: 20", "it must be lesson:"),
        ("- '01'", "it must be lesson:"),
        ("- break: 0", "item 1 (break) needs whole minutes above 0, not 0"),
        ("- break: long", "(break) needs whole minutes above 0, not 'long'"),
        ("- lunch: true", "(lunch) needs whole minutes above 0, not True"),
        ("- open: Own", "(open) needs whole minutes above 0, not None"),
        ("- lesson: '01'\n- lesson: '03'", "day 1 has no break for 150 minutes, at most 120"),
        ("- open: A\n  minutes: 121", 'the stretch that begins with "A"'),
        ("- break: 5\n- open: A\n  minutes: 60\n- open: B\n  minutes: 61", "no break for 121 minutes"),
        ("- lesson: '01'\n- lunch: 406", "day 1 has 481 minutes from 09:00 to 17:00, which is 480"),
    ],
)
def test_what_does_not_hold_together_is_named(kit, items, told):
    with pytest.raises(WorkshopError, match=re.escape(told)) as caught:
        kit.read(items)
    assert str(caught.value).startswith("workshops/own.yaml does not hold together: ")


@pytest.mark.parametrize("items", ["- open: A\n  minutes: 120", "- lesson: '01'\n- lunch: 405"])
def test_the_limits_themselves_are_allowed(kit, items):
    assert len(kit.read(items).days) == 1


@pytest.mark.parametrize("time", ["9:00", "24:00", "09:60", "nine"])
def test_times_are_hours_and_minutes(kit, time):
    with pytest.raises(WorkshopError, match=f"the start of day 1 must read like .*{time}"):
        kit.read(start=time)


def test_all_faults_are_told_at_once(kit):
    with pytest.raises(WorkshopError, match=r"item 1 names lesson '88'.*; day 1, item 2 names lesson '99'"):
        kit.read("- lesson: '88'\n- lesson: '99'")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: [", "cannot be read"),
        ("- 1", "at its top it needs"),
        ("title: T\naudience: A\ndays: 3", "at its top it needs"),
        ("title: 1\naudience: A\ndays: []", "at its top it needs"),
        ("title: T\naudience: A\ndays: []\nextra: 1", "at its top it needs"),
        ("title: T\naudience: A\ndays: []\nbefore: '00'", "at its top it needs"),
        ("title: T\naudience: A\ndays: []", "it has no day"),
        ("title: T\naudience: A\ndays: [1]", "day 1 needs start, end and a list of items"),
        ("title: T\naudience: A\ndays: [{start: '10:00', end: '11:00', items: []}]", "and a list of items"),
        ("title: T\naudience: A\nbefore: ['00']\ndays: []", "before names lesson '00'"),
        ("title: T\naudience: A\ndays:\n- start: 10:00\n  end: '11:00'\n  items: [1]", "in quotes, not 600"),
    ],
)
def test_a_malformed_file_says_what_it_needs(kit, text, told):
    path = kit.add("workshops/own.yaml", text)
    with pytest.raises(WorkshopError, match=re.escape(told)):
        workshops.read(path, lessons.find(kit.root), kit.root)


# --- the command ------------------------------------------------------------------------------------------------------


def command(*words):
    from kitutils import cli

    done = CliRunner().invoke(cli.app, ["workshop", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_command_lists_and_lays_out(kit):
    kit.read("- lesson: '03'\n  without: []\n- break: 15", top="before: ['01']\n")
    assert command() == "own      T · 03\n"
    told = command("own")
    assert "T. For A.\nThe day before, at home: lesson 01.\n" in told
    assert re.search(r"09:00 \S 10:15 \S 75 .*03 · A tiny lesson", told)
    assert re.search(r"10:15 \S 10:30 \S 15 .*Break", told)
    assert "75 min taught, 0 min for own work, 15 min of breaks" in told
    with pytest.raises(WorkshopError, match=r'no workshop "other"\. There are: own'):
        command("other")


def test_the_command_fills_the_readme(kit):
    kit.read()
    kit.add("README.md", f"# A\n{workshops.BEGIN}\n{workshops.END}\nrest\n")
    assert "updated" in command("--readme")
    assert "| `own` | A | – | 01 | 75 min | 0 min | 0 min |" in (kit.root / "README.md").read_text(encoding="utf-8")
    assert "up to date" in command("--readme")
