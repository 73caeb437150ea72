"""Selections of lessons for a workshop, ``workshops/*.yaml``: read, checked, and laid out as timetables.

The minutes of a lesson are those of its header, so a selection that no longer fits its day is found at once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kitutils import settings
from kitutils.course import lessons as course
from kitutils.course.lessons import Lesson
from kitutils.course.lint_course import exercise_kinds
from kitutils.errors import KitError

LONGEST_STRETCH = 120  # minutes that people can sit through without a break
BEGIN, END = "<!-- kit workshops -->", "<!-- /kit workshops -->"
_PAUSES = {"break": "Break", "lunch": "Lunch"}
_FORMS = {  # an item's first key → all keys it may have
    "lesson": {"lesson", "without"},
    "break": {"break"},
    "lunch": {"lunch"},
    "open": {"open", "minutes"},
}


class WorkshopError(KitError):
    """A selection cannot be found or does not hold together; the message lists all that is wrong with it."""


@dataclass(frozen=True)
class Item:
    """One entry of a day.

    Attributes:
        kind: "lesson", "break", "lunch" or "open", which is time for work of the participants' own.
        minutes: how long it takes.
        words: what the timetable says.
        lesson: the lesson, if it is one.
        without: ids of the lesson's exercises that are left for home.
    """

    kind: str
    minutes: int
    words: str
    lesson: Lesson | None = None
    without: tuple[str, ...] = ()

    @property
    def pause(self) -> bool:
        """Whether people get up."""
        return self.kind in _PAUSES


@dataclass(frozen=True)
class Day:
    """One day: ``start`` and ``end`` in minutes after midnight, and its items in order."""

    start: int
    end: int
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Workshop:
    """A selection: its name is its file's, ``before`` are lessons that participants do at home beforehand."""

    name: str
    title: str
    audience: str
    before: tuple[Lesson, ...]
    days: tuple[Day, ...]

    @property
    def lessons(self) -> list[Lesson]:
        """The lessons taught, in order."""
        return [item.lesson for day in self.days for item in day.items if item.lesson]

    def minutes(self, *kinds: str) -> int:
        """Minutes of all items of these kinds together; of all items if none is given."""
        return sum(item.minutes for day in self.days for item in day.items if not kinds or item.kind in kinds)


def find(root: Path | None = None) -> list[Workshop]:
    """All selections, the shortest first.

    Raises:
        WorkshopError: one does not hold together.
    """
    root = root or settings.root()
    there = course.find(root)
    return sorted((read(path, there, root) for path in _paths(root)), key=lambda one: (len(one.days), one.name))


def one(name: str, root: Path | None = None) -> Workshop:
    """The selection of that name, such as "1-day".

    Raises:
        WorkshopError: there is none, or it does not hold together.
    """
    root = root or settings.root()
    paths = {path.stem: path for path in _paths(root)}
    if name not in paths:
        raise WorkshopError(f'There is no workshop "{name}". There are: {", ".join(paths) or "none"}.')
    return read(paths[name], course.find(root), root)


def read(path: Path, lessons: Sequence[Lesson], root: Path) -> Workshop:
    """Reads one selection and checks that it holds together.

    Args:
        path: the YAML file.
        lessons: those that are there.
        root: the kit's folder, in which the exercises that are left out are looked up.

    Raises:
        WorkshopError: it cannot be read, names a lesson that is not there or comes before one it needs, has a day that
            is longer than its hours or a stretch of more than two hours without a break.
    """
    import yaml

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WorkshopError(f"workshops/{path.name} cannot be read: {' '.join(str(error).split())}.") from error
    reader = _Reader({lesson.number: lesson for lesson in lessons}, root)
    workshop = reader.workshop(path.stem, raw)
    if workshop is not None and not reader.faults:
        reader.faults += _misfits(workshop)
    if workshop is None or reader.faults:
        raise WorkshopError(f"workshops/{path.name} does not hold together: {'; '.join(reader.faults)}.")
    return workshop


def timetable(day: Day) -> list[tuple[int, Item]]:
    """Each item of a day with the minute after midnight at which it begins."""
    starts = itertools.accumulate((item.minutes for item in day.items[:-1]), initial=day.start)
    return list(zip(starts, day.items, strict=True)) if day.items else []


def clock(minute: int) -> str:
    """A minute after midnight as people write it: 555 is "09:15"."""
    return f"{minute // 60:02}:{minute % 60:02}"


def table(workshops: Sequence[Workshop]) -> str:
    """The selections as the README's Markdown table."""
    rows = ["| selection | for whom | before | lessons | taught | own work | breaks |", "|---|---|---|---|---|---|---|"]
    for workshop in workshops:
        numbers = [", ".join(lesson.number for lesson in some) for some in (workshop.before, workshop.lessons)]
        times = [workshop.minutes(*kinds) for kinds in (("lesson",), ("open",), tuple(_PAUSES))]
        cells = [f"`{workshop.name}`", workshop.audience, *(n or "–" for n in numbers), *(f"{m} min" for m in times)]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _paths(root: Path) -> list[Path]:
    return sorted((root / "workshops").glob("*.yaml"))


def _misfits(workshop: Workshop) -> Iterator[str]:
    """What is wrong with a selection whose entries can all be read."""
    seen = {lesson.number for lesson in workshop.before}
    for lesson in workshop.lessons:
        if lesson.number in seen:
            yield f"lesson {lesson.number} comes twice"
        if missing := [number for number in lesson.needs if number not in seen]:
            yield f"lesson {lesson.number} needs {', '.join(missing)} before it"
        seen.add(lesson.number)
    for number, day in enumerate(workshop.days, 1):
        used, room = sum(item.minutes for item in day.items), day.end - day.start
        if used > room:
            yield f"day {number} has {used} minutes from {clock(day.start)} to {clock(day.end)}, which is {room}"
        for pause, items in itertools.groupby(day.items, key=lambda item: item.pause):
            run = list(items)
            if not pause and (length := sum(item.minutes for item in run)) > LONGEST_STRETCH:
                words = f"day {number} has no break for {length} minutes, at most {LONGEST_STRETCH}"
                yield f'{words}; put one into the stretch that begins with "{run[0].words}"'


class _Reader:
    """Turns what YAML gives into a Workshop, and collects what is wrong with it."""

    def __init__(self, lessons: Mapping[str, Lesson], root: Path) -> None:
        self.lessons, self.root = lessons, root
        self.faults: list[str] = []

    def workshop(self, name: str, raw: Any) -> Workshop | None:
        keys = {"title": str, "audience": str, "days": list}
        before = raw.get("before", []) if isinstance(raw, dict) else None
        if not (
            isinstance(before, list)
            and set(keys) <= set(raw) <= {*keys, "before"}
            and all(isinstance(raw[key], kind) for key, kind in keys.items())
        ):
            form = 'a title, an audience, a list of days, and perhaps before, a list of lessons such as ["00"]'
            self.faults.append(f"at its top it needs {form}")
            return None
        at_home = tuple(filter(None, (self.lesson(number, "before") for number in before)))
        days = tuple(filter(None, (self.day(number, day) for number, day in enumerate(raw["days"], 1))))
        if not raw["days"]:
            self.faults.append("it has no day")
        return Workshop(name, raw["title"].strip(), raw["audience"].strip(), at_home, days)

    def day(self, number: int, raw: Any) -> Day | None:
        keys = {"start", "end", "items"}
        if not isinstance(raw, dict) or set(raw) != keys or not (isinstance(raw["items"], list) and raw["items"]):
            self.faults.append(f"day {number} needs start, end and a list of items, and nothing else")
            return None
        start, end = (self.time(raw[key], f"{key} of day {number}") for key in ("start", "end"))
        items = [self.item(item, f"day {number}, item {place}") for place, item in enumerate(raw["items"], 1)]
        return Day(start, end, tuple(filter(None, items)))

    def time(self, raw: Any, where: str) -> int:
        match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", raw) if isinstance(raw, str) else None
        if match is None:  # without quotes YAML reads 10:00 as 600
            self.faults.append(f'the {where} must read like "09:00", in quotes, not {raw!r}')
            return 0
        return 60 * int(match[1]) + int(match[2])

    def item(self, raw: Any, where: str) -> Item | None:
        kinds = [kind for kind, keys in _FORMS.items() if isinstance(raw, dict) and kind in raw and set(raw) <= keys]
        if len(kinds) != 1:
            forms = 'lesson: "01" (and without: ["01.3"]), break: 15, lunch: 60, or open: "Title" with minutes: 60'
            self.faults.append(f"{where} is {raw!r}; it must be {forms}")
            return None
        (kind,) = kinds
        if kind == "lesson":
            lesson = self.lesson(raw["lesson"], where)
            return lesson and self.taught(lesson, raw.get("without", []), where)
        minutes = raw.get("minutes") if kind == "open" else raw[kind]
        if type(minutes) is not int or not 0 < minutes <= 24 * 60:
            self.faults.append(f"{where} ({kind}) needs whole minutes above 0, not {minutes!r}")
            return None
        return Item(kind, minutes, str(raw["open"]) if kind == "open" else _PAUSES[kind])

    def taught(self, lesson: Lesson, without: Any, where: str) -> Item | None:
        known = exercise_kinds(lesson.number, self.root)
        unknown = without if not isinstance(without, list) else [id_ for id_ in without if id_ not in known]
        if unknown:
            self.faults.append(f"{where} leaves out {unknown!r}, but lesson {lesson.number} has {', '.join(known)}")
            return None
        return Item("lesson", lesson.teach, f"{lesson.number} · {lesson.title}", lesson, tuple(without))

    def lesson(self, raw: Any, where: str) -> Lesson | None:
        if isinstance(raw, str) and raw in self.lessons:
            return self.lessons[raw]
        have = ", ".join(self.lessons)
        self.faults.append(f'{where} names lesson {raw!r}; in quotes, like "01", there are {have}')
        return None
