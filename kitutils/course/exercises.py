"""The learner's side of an exercise: ``exercise("12.2").check(answer)``, ``.hint()`` and ``.show()``."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from kitutils import settings
from kitutils.course import progress
from kitutils.course.grading import NOT_ATTEMPTED, RIGHT, CheckerBug, Result, grade
from kitutils.course.presenting import present
from kitutils.course.registry import Check, find

_hints_shown: dict[str, int] = {}  # exercise → how many of its hints this kernel has shown


class Exercise:
    """One exercise of the course. Made by :func:`exercise`."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def __repr__(self) -> str:
        return f"exercise({self._check.id!r}): {self._check.title}"

    def check(self, answer: Any) -> None:
        """Judge an answer and show what came of it; an attempt is recorded, unless the run is headless.

        Raises:
            CheckerBug: the check is at fault and the run is headless. A learner is told so instead.
        """
        try:
            result = grade(self._check.id, answer, progress.learner())
        except CheckerBug as bug:
            if settings.headless():
                raise
            present(
                f"{self._check.id} could not be judged. This is a mistake of the course, not yours.",
                ("Go on with the lesson. Please report the line above together with your answer.",),
                code=str(bug),
            )
            return
        notices: Sequence[str] = ()
        if result.status != NOT_ATTEMPTED:
            notices = progress.record_attempt(self._check.id, result.status == RIGHT)
        self._present(result, notices)

    def solution(self, answer: Any) -> None:
        """Judge the course's own solution: shown like any answer, recorded nowhere.

        Raises:
            AssertionError: the check does not find it right.
            CheckerBug: the check is at fault.
        """
        result = grade(self._check.id, answer, progress.learner())
        self._present(result, ())
        if result.status != RIGHT:
            raise AssertionError(f"The solution of exercise {self._check.id} is {result.status}: {result.messages}")

    def hint(self) -> None:
        """Show the next of three hints: where to look, the idea, a skeleton with blanks."""
        shown = _hints_shown.get(self._check.id, 0)
        total = len(self._check.hints)
        if shown == total:
            command = f"kit solution {self._check.id[:2]}"
            told = f"To see the solution, run {command} in a terminal; it is put beside your copy."
            present(f"{self._check.id}: that was the last hint.", (told,))
            return
        _hints_shown[self._check.id] = shown + 1
        notices = progress.record_hint(self._check.id, shown + 1)
        text, left = self._check.hints[shown], total - shown - 1
        skeleton = shown + 1 == total
        present(
            f"Hint {shown + 1} of {total} for {self._check.id}" + (": fill in the blanks" if skeleton else ""),
            (*(() if skeleton else (text,)), *notices),
            code=text if skeleton else "",
            note=f"{left} more: exercise('{self._check.id}').hint()" if left else "",
        )

    def show(self) -> None:
        """Show the exercise's title and minutes and, where lines are to be ordered, the lines."""
        lines = list(self._check.lines.items())
        random.Random(self._check.id).shuffle(lines)  # the same order for everyone, so that a class can talk about it
        present(
            f"{self._check.id} · {self._check.title} ({self._check.minutes} minutes)",
            ('Hand in the letters in order, such as "B A C".',) if lines else (),
            code="\n".join(f"{letter}  {line}" for letter, line in lines),
        )

    def _present(self, result: Result, notices: Sequence[str]) -> None:
        name, title = self._check.id, self._check.title
        hint = f"hint: exercise('{name}').hint()"
        if result.status == RIGHT:
            present(f"✓ {name} {title}", tuple(notices))
        elif result.status == NOT_ATTEMPTED:
            reason = result.messages[0] if result.messages else "Fill in your answer and run the cell again."
            present(f"○ {name} not attempted yet. {reason}", note=hint)
        else:
            present(f"✗ {name} not yet", (*result.messages, *notices), code=_aligned(result.counterexample), note=hint)


def exercise(number: str) -> Exercise:
    """The exercise of that id, such as "12.2".

    Raises:
        UnknownExercise: there is none; the message names those that are spelt alike.
    """
    return Exercise(find(number))


def _aligned(rows: Sequence[tuple[str, str]]) -> str:
    width = max((len(label) for label, _ in rows), default=0)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)
