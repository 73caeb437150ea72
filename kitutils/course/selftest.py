"""Eight questions that tell a reader of lesson 00 which path through the course is theirs: the full or the short one.

Lessons: 00.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kitutils.course import lessons as course
from kitutils.course import map as drawing
from kitutils.course.buttons import Buttons
from kitutils.course.lessons import Lesson
from kitutils.course.predictions import live

ENOUGH = 6  # right answers that the short path asks for
SKIPPED = "02"  # the lesson that the short path leaves out, so what it teaches must be right
WHOLE = ("01",)  # never shortened: all later lessons refer to it
FULL, SHORT = "full", "short"


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        topic: a word or two.
        text: ends so that each choice completes or answers it.
        choices: the answers to choose from.
        right: the position of the right one.
        reason: why it is right, in a sentence.
        taught: the lessons that teach it, the best first; not all of them need be there yet.
    """

    topic: str
    text: str
    choices: tuple[str, ...]
    right: int
    reason: str
    taught: tuple[str, ...]


QUESTIONS = (
    Question(
        "NumPy arrays",
        "x has the shape (1797, 64): 1,797 images of 64 pixels. x.mean(axis=0) is …",
        ("one number for each image", "one number for each pixel", "a single number"),
        1,
        "axis=0 is the one that disappears: the mean runs over the images, and 64 numbers are left.",
        ("01",),
    ),
    Question(
        "pandas",
        "Some values in the column paid are missing. orders['paid'].mean() …",
        ("leaves them out", "counts them as 0", "is nan"),
        0,
        "pandas skips missing values without a word, so the mean is that of the rows that have one.",
        ("12", "10"),
    ),
    Question(
        "splitting",
        "Each customer has many orders, and the rows are split at random. The test score says how good the model is "
        "for …",
        ("new customers", "either, equally", "more orders of customers it knows"),
        2,
        "each customer is on both sides of the split; to ask about new customers, split by customer.",
        ("14", "01"),
    ),
    Question(
        "overfitting",
        "The training loss still falls; the validation loss has been rising for ten epochs. First try to …",
        ("train longer", "stop earlier", "take a larger network"),
        1,
        "from where the validation loss turns, the network learns its rows and no longer the rule.",
        ("02",),
    ),
    Question(
        "gradient",
        "A weight is 3.0, the loss there has the slope +2, the learning rate is 0.1. After one step the weight is …",
        ("3.2", "2.0", "2.8"),
        2,
        "a step goes against the slope: 3.0 − 0.1 · 2.",
        ("02",),
    ),
    Question(
        "rare classes",
        "20 of 1,000 orders come back. A model says “kept” of every order. Accuracy, and recall of the returns:",
        ("98 % and 0 %", "50 % and 50 %", "98 % and 98 %"),
        0,
        "it is right about 980 orders and finds none of the 20 that matter.",
        ("01",),
    ),
    Question(
        "convolution",
        "A Conv2D layer reads images twice as wide and twice as high. Its number of weights …",
        ("doubles", "becomes four times as large", "stays the same"),
        2,
        "the same small filters slide over every place, however many places there are.",
        ("40", "01"),
    ),
    Question(
        "serving",
        "A model has learned from weights in kilograms. Its service sends grams. What happens?",
        ("an error says so", "no error, wrong answers", "the same answers, since only the unit differs"),
        1,
        "a number is a number to a model; only code that checks its input can refuse it.",
        ("52", "01"),
    ),
)


@dataclass(frozen=True)
class Advice:
    """What follows from the answers.

    Attributes:
        path: "full" or "short".
        right: how many answers are right.
        missed: each question answered wrongly, with the lesson that teaches it, or None if that is not there yet.
        steps: the lessons in reading order, each with how to take it: "in full", "exercises and clinic", "skip".
    """

    path: str
    right: int
    missed: tuple[tuple[Question, Lesson | None], ...]
    steps: tuple[tuple[Lesson, str], ...]


def judge(answers: Mapping[int, str], lessons: Sequence[Lesson]) -> Advice:
    """The path for these answers. The short one is for whoever has ``ENOUGH`` right, and all that lesson 02 teaches.

    Args:
        answers: question's position → the choice made; a question that was left out is not right.
        lessons: those that are there; lesson 00 gets no step.

    Raises:
        ValueError: an answer is to no question, or none of its choices.
    """
    for place, choice in answers.items():
        if place not in range(len(QUESTIONS)) or choice not in QUESTIONS[place].choices:
            raise ValueError(f"There is no question {place} with the choice {choice!r}.")
    right = {place for place, choice in answers.items() if choice == QUESTIONS[place].choices[QUESTIONS[place].right]}
    there = {lesson.number: lesson for lesson in lessons}
    taught_in = [next((there[n] for n in question.taught if n in there), None) for question in QUESTIONS]
    needed = {place for place, question in enumerate(QUESTIONS) if question.taught[0] == SKIPPED}
    short = len(right) >= ENOUGH and needed <= right

    def how(lesson: Lesson) -> str:
        if not short or lesson.number in WHOLE:
            return "in full"
        if lesson.number == SKIPPED:
            return "skip"
        asked = {place for place, question in enumerate(QUESTIONS) if question.taught[0] == lesson.number}
        return "exercises and clinic" if asked and asked <= right else "in full"

    order = drawing.reading_order(set(there) - {"00"})
    missed = tuple((QUESTIONS[p], taught_in[p]) for p in sorted(answers) if p not in right)
    return Advice(SHORT if short else FULL, len(right), missed, tuple((there[n], how(there[n])) for n in order))


_given: dict[int, str] = {}


def ask() -> None:
    """Show the questions with buttons; silent where nobody can answer. A click may be changed; nothing is stored."""
    if not live():
        return
    for place, question in enumerate(QUESTIONS):
        _panel(place, question).show()


def advise() -> None:
    """Print the path for the answers given so far, and for each wrong one the reason and the lesson that teaches it."""
    print("\n".join(_words(judge(_given, course.find()), len(_given))))


def _panel(place: int, question: Question) -> Buttons:
    def click(choice: str) -> None:
        _given[place] = choice
        say()

    def say() -> None:
        choice = _given.get(place)
        panel.say(f"You say “{choice}”." if choice else "Choose one, or leave it out.", chosen=choice)

    panel = Buttons(f"{place + 1}.", question.text, question.choices, tooltip="I answer", on_click=click)
    say()
    return panel


def _words(advice: Advice, answered: int) -> list[str]:
    if not answered:
        lines = ["No question was answered, so this is the full path."]
    else:
        left = len(QUESTIONS) - answered
        out = f", {left} left out" if left else ""
        lines = [f"{advice.right} of {len(QUESTIONS)} right{out}. The {advice.path} path is yours."]
    for question, lesson in advice.missed:
        where = f"Lesson {lesson.number} teaches it." if lesson else "The lesson that teaches it is still to come."
        lines.append(f"- {question.topic}: {question.reason} {where}")
    width = max((len(lesson.title) for lesson, _ in advice.steps), default=0)
    lines += [f"  {lesson.number}  {lesson.title:<{width}}  {how}" for lesson, how in advice.steps]
    return lines
