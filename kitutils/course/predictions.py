"""Guesses before the answer is on the screen: asked with buttons, compared with the measurement, taken up at the end.

Nothing waits for the learner: a prediction may be skipped, and a headless run is not asked at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kitutils import settings
from kitutils.course import progress
from kitutils.course.buttons import Buttons
from kitutils.course.presenting import in_notebook


@dataclass
class _Asked:
    """One prediction of this kernel; ``choice`` stays None if it was skipped, ``outcome`` until it is measured."""

    question: str
    choices: tuple[str, ...]
    choice: str | None = None
    outcome: str | None = None
    panel: Any = None


_asked: dict[str, _Asked] = {}


def predict(name: str, question: str, choices: Sequence[str]) -> None:
    """Ask what the next cell will show, one button for each choice; silent where nobody can answer.

    The last click before :func:`outcome` counts. Running the cell again asks again, unless the outcome is known.

    Args:
        name: lesson and letter, "12.a".
        question: ends so that each choice completes or answers it.
        choices: two or more different texts.

    Raises:
        ValueError: the name is malformed or taken by another question, or the choices are not two or more different,
            non-empty texts.
    """
    choices = _checked(name, question, choices)
    known = _asked.get(name)
    if known and (known.question, known.choices) != (question, choices):
        raise ValueError(
            f"The prediction {name!r} has already asked {known.question!r} with the choices {list(known.choices)}. "
            "Give this one another letter; if you have just edited it, restart the kernel."
        )
    asked = _asked.setdefault(name, _Asked(question, choices))
    if not live():
        return
    if asked.choice is None:
        asked.choice = _earlier(name, choices)
    asked.panel = _Panel(name, asked)
    asked.panel.show()


def outcome(name: str, choice: str) -> None:
    """Say which choice came true, beside what the learner predicted; from now on the prediction is closed.

    Args:
        name: of a prediction that was asked above.
        choice: one of its choices, computed from what was measured.

    Raises:
        ValueError: there is no such prediction, or the outcome is none of its choices.
    """
    if name not in _asked:
        known = f"; asked so far: {', '.join(_asked)}" if _asked else ""
        raise ValueError(f"outcome({name!r}, …) needs predict({name!r}, …) in a cell above it{known}.")
    asked = _asked[name]
    if choice not in asked.choices:
        raise ValueError(f"The outcome of {name!r} is {choice!r}; it must be one of {list(asked.choices)}.")
    asked.outcome = choice
    if asked.panel is not None:
        asked.panel.close()
    notices: progress.Notices = ()
    if asked.choice is not None:
        notices = progress.record_prediction(name, outcome=choice)
    print("\n".join((_sentence(asked.choice, choice), *notices)))


def recap(lesson: str) -> None:
    """List the predictions of a lesson, "12", that came out differently, each with its question.

    Raises:
        ValueError: the lesson is not two digits.
    """
    if not (isinstance(lesson, str) and re.fullmatch(r"\d\d", lesson)):
        raise ValueError(f"A lesson's number is two digits in quotes, like '01'; got {lesson!r}.")
    mine = [a for name, a in _asked.items() if name.startswith(f"{lesson}.") and a.outcome is not None]
    made = [a for a in mine if a.choice is not None]
    surprises = [a for a in made if a.choice != a.outcome]
    if not made:
        print("No predictions were made in this run.")
    elif not surprises:
        print(f"You predicted {_count(made)}, and all came out as you said.")
    else:
        print(f"You predicted {_count(made)}; {len(surprises)} came out differently:")
        for asked in surprises:
            print(f"- {asked.question} You predicted “{asked.choice}”. Measured: “{asked.outcome}”.")


def live() -> bool:
    """Whether somebody can click: a notebook whose front end takes input, and not a headless run.

    A front end that shows cells to a person says so with each request (``allow_stdin``, which the prompt of ``input()``
    needs as well); nbclient and nbval say that they cannot.
    """
    if settings.headless() or not in_notebook():
        return False
    from IPython import get_ipython

    request = get_ipython().kernel.get_parent()
    return bool(request.get("content", {}).get("allow_stdin", False))


def _checked(name: str, question: str, choices: Sequence[str]) -> tuple[str, ...]:
    if not (isinstance(name, str) and re.fullmatch(r"\d\d\.[a-z]", name)):
        raise ValueError(f"A prediction's name is two digits, a dot and a letter, like '12.a'; got {name!r}.")
    if not (isinstance(question, str) and question.strip()):
        raise ValueError(f"The prediction {name!r} needs a question; got {question!r}.")
    if isinstance(choices, str) or not all(isinstance(c, str) and c.strip() for c in choices):
        raise ValueError(f"The choices of {name!r} must be a list of texts; got {choices!r}.")
    if len(choices) < 2 or len(set(choices)) < len(choices):
        raise ValueError(f"The prediction {name!r} needs two or more different choices; got {list(choices)}.")
    return tuple(choices)


def _earlier(name: str, choices: tuple[str, ...]) -> str | None:
    """What the learner predicted before the kernel was restarted."""
    entry = progress.read()["predictions"].get(name, {})
    return entry.get("choice") if entry.get("choice") in choices else None


def _sentence(choice: str | None, measured: str) -> str:
    if choice is None:
        return f"Measured: “{measured}”."
    if choice == measured:
        return f"Measured: “{measured}”, as you predicted."
    return f"You predicted “{choice}”. Measured: “{measured}”."


def _count(made: Sequence[_Asked]) -> str:
    return "one outcome" if len(made) == 1 else f"{len(made)} outcomes"


class _Panel(Buttons):
    """The buttons of one prediction."""

    def __init__(self, name: str, asked: _Asked) -> None:
        self._name, self._asked = name, asked
        super().__init__("Your prediction:", asked.question, asked.choices, tooltip="I predict", on_click=self._clicked)
        self._say()

    def close(self) -> None:
        """The outcome is known: no more clicks."""
        self._say()

    def _clicked(self, choice: str) -> None:
        if self._asked.outcome is not None:
            return
        self._asked.choice = choice
        self._say(progress.record_prediction(self._name, choice=choice))

    def _say(self, notices: progress.Notices = ()) -> None:
        asked = self._asked
        if asked.outcome is not None:
            text = "The outcome is known; this prediction is closed."
        elif asked.choice is None:
            text = "Choose one, or go on without."
        else:
            text = f"You predict “{asked.choice}”. You may change it until you run the outcome."
        self.say(" ".join((text, *notices)), chosen=asked.choice, closed=asked.outcome is not None)
