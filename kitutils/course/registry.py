"""Which exercises there are: each check, registered by the module of its lesson, found by its id."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from kitutils import checks
from kitutils.course.answers import KINDS
from kitutils.errors import KitError


class UnknownExercise(KitError):
    """There is no exercise of that id."""


@dataclass(frozen=True)
class Check:
    """A registered check. ``lines`` are the lettered lines of an "order" exercise."""

    id: str
    title: str
    minutes: int
    hints: tuple[str, str, str]
    answer: str
    lines: Mapping[str, str]
    body: Callable[[Any, np.random.Generator], None]


_ID = re.compile(r"\d\d\.\d+")
_registry: dict[str, Check] = {}


def check(
    exercise: str,
    *,
    title: str,
    minutes: int,
    hints: tuple[str, str, str],
    answer: str = "function",
    lines: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[Callable], Callable]:
    """Register ``body(answer, rng)`` as the check of an exercise.

    Args:
        exercise: lesson and number, "12.2".
        title: a few words for lists.
        minutes: for the learner to plan with.
        hints: where to look, the idea, a skeleton with blanks (shown as code).
        answer: what is handed in: "function"; "value" (the check gets a copy); "order" (of lettered lines; the check
            gets a list of letters); "number" (the check gets a float, never nan).
        lines: letter → line of code, for "order"; every letter is used once in a right answer.

    Raises:
        ValueError: the id is malformed or taken, there are not three hints, or kind and lines do not fit.
    """
    if not _ID.fullmatch(exercise):
        raise ValueError(f"An exercise's id is two digits, a dot and a number, like '12.2'; got {exercise!r}.")
    if len(hints) != 3 or not all(hints):
        raise ValueError(
            f"Exercise {exercise} needs three hints: where to look, the idea, a skeleton; got {len(hints)}."
        )
    if answer not in KINDS:
        raise ValueError(f"Exercise {exercise}: answer={answer!r}; it must be one of {', '.join(KINDS)}.")
    if (answer == "order") != bool(lines) or not all(len(k) == 1 and k.isalnum() and k == k.upper() for k in lines):
        raise ValueError(f"Exercise {exercise}: lines={{'A': …}} with one capital letter each go with answer='order'.")

    def register(body: Callable) -> Callable:
        known = _registry.get(exercise)
        if known and (known.body.__module__, known.body.__qualname__) != (body.__module__, body.__qualname__):
            raise ValueError(f"Exercise {exercise} is taken by {known.body.__module__}.{known.body.__qualname__}.")
        _registry[exercise] = Check(exercise, title, minutes, tuple(hints), answer, MappingProxyType(dict(lines)), body)
        return body

    return register


def find(exercise: str) -> Check:
    """The check of an exercise; imports its lesson's module.

    Raises:
        UnknownExercise: there is none; names those that are spelt alike.
    """
    if not isinstance(exercise, str):
        raise UnknownExercise(f"There is no exercise {exercise!r}. Write its number in quotes, like '12.2'.")
    if exercise not in _registry and _ID.fullmatch(exercise):
        _import(exercise[:2])
    if exercise in _registry:
        return _registry[exercise]
    known = list(catalogue())
    near = difflib.get_close_matches(exercise, known, n=3) or [k for k in known if k.startswith(exercise[:2])]
    lessons = ", ".join(_lessons()) or "none"
    hint = f" Did you mean {' or '.join(near)}?" if near and exercise else f" Lessons with exercises: {lessons}."
    raise UnknownExercise(f"There is no exercise {exercise!r}.{hint}")


def catalogue() -> dict[str, Check]:
    """All checks of the course by id, in course order; imports every module in ``kitutils/checks``."""
    for lesson in _lessons():
        _import(lesson)
    mine = {k: c for k, c in _registry.items() if c.body.__module__.startswith(f"{checks.__name__}.")}
    return dict(sorted(mine.items(), key=lambda item: _order(item[0])))


def _order(exercise: str) -> tuple[int, int]:
    lesson, number = exercise.split(".")
    return int(lesson), int(number)


def _lessons() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules(checks.__path__))
    return sorted(n.removeprefix("lesson_") for n in names if re.fullmatch(r"lesson_\d\d", n))


def _import(lesson: str) -> None:
    name = f"{checks.__name__}.lesson_{lesson}"
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # the module is there, and something that it imports is not
            raise
