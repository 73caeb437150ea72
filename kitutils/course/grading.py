"""The exercise engine: registers checks, runs a learner's answer through one, says what came of it.

A check lives in ``kitutils/checks/lesson_NN.py``::

    @check("12.2", title="Outliers that survive company", minutes=10, hints=("where", "idea", "skeleton"))
    def robust_outliers(answer, rng):
        x = rng.normal(1.8, 0.4, 500)
        x[:60] = 999.9
        mask = run(answer, x, returns=np.ndarray)
        refuse(mask, zscore_rule(x), "That is still the ordinary Z-score.")
        equal(mask, modified_z(x) > 3.5, on=x)

The words of a check are :func:`run`, :func:`expect`, :func:`refuse`, :func:`equal`, :func:`sweep` and :func:`part`.

**A planted mistake must be told from the right answer.** ``refuse`` only names a planted mistake; the ``equal`` that
follows it on the same result holds the reference, compares the two, and reports a probe on which they agree as our
bug. A ``refuse`` without that ``equal`` is a bug as well. So the comparison cannot be forgotten, and it is made on
every input, for every answer.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from kitutils.course import calling
from kitutils.course.answers import WrongKind, attempted, open_blank, prepare
from kitutils.course.calling import Wrong
from kitutils.course.compare import Difference, difference, same
from kitutils.course.registry import check, find
from kitutils.course.showing import describe, show

__all__ = [
    "CheckerBug",
    "Result",
    "Wrong",
    "assert_check",
    "check",
    "equal",
    "expect",
    "grade",
    "part",
    "refuse",
    "run",
    "sweep",
]

RIGHT, WRONG, NOT_ATTEMPTED = "right", "wrong", "not attempted"


class CheckerBug(Exception):
    """A check is at fault, not the answer: it cannot tell a mistake from the right answer, or it broke by itself."""

    def __init__(self, exercise: str, text: str) -> None:
        super().__init__(f"Exercise {exercise}: {text}")
        self.exercise = exercise


@dataclass(frozen=True)
class Result:
    """What came of an answer.

    Attributes:
        status: "right", "wrong" or "not attempted".
        messages: for the learner, in the order in which they are read.
        held, total: how many of the check's properties hold; one in all for a check without parts.
        counterexample: rows of (label, value): where, input, yours, expected.
    """

    status: str
    messages: tuple[str, ...] = ()
    held: int = 0
    total: int = 0
    counterexample: tuple[tuple[str, str], ...] = ()


@dataclass
class _Grading:
    """What one run of a check has seen so far."""

    exercise: str
    refused: list[tuple[Any, Any, str]] = field(default_factory=list)  # result, planted mistake, message
    held: int = 0
    failed: list[tuple[str, Wrong | None]] = field(default_factory=list)
    last: str = "nothing yet"

    def bug(self, text: str) -> CheckerBug:
        return CheckerBug(self.exercise, text)

    def broke(self, error: Exception) -> CheckerBug:
        text = f"the check itself raised {type(error).__name__}: {error}. The last result it got was {self.last}."
        return self.bug(text)

    def settled(self) -> None:
        if self.refused:
            message = self.refused[0][2]
            raise self.bug(f"refuse(…, {message!r}) has no equal(…) on the same result after it.")


_current: ContextVar[_Grading | None] = ContextVar("grading", default=None)


def _grading() -> _Grading:
    state = _current.get()
    if state is None:
        raise RuntimeError(
            "refuse, equal, sweep, run and part belong into a check; use grade(id, answer, seed) to run it."
        )
    return state


def grade(exercise: str, answer: Any, seed: int | str = 0) -> Result:
    """Judge an answer. Pure: prints nothing, records nothing, and gives the same result for the same seed.

    Args:
        exercise: its id, "12.2".
        answer: what the learner hands in; ``None``, ``...`` and stubs are "not attempted".
        seed: mixed with the id into the random generator that the check draws its probes from.

    Raises:
        UnknownExercise: there is no such exercise.
        CheckerBug: the check is at fault.
    """
    the_check = find(exercise)
    if not attempted(answer):
        return Result(NOT_ATTEMPTED)
    if the_check.answer == "function" and open_blank(answer):
        return Result(NOT_ATTEMPTED, ("A blank (...) is still open.",))
    try:
        prepared = prepare(answer, the_check.answer, dict(the_check.lines))
    except WrongKind as error:
        return Result(WRONG, (str(error),), 0, 1)
    state = _Grading(the_check.id)
    token = _current.set(state)
    failure = None
    try:
        the_check.body(prepared, generator(the_check.id, seed))
        state.settled()
    except Wrong as error:
        failure = error
    except CheckerBug:
        raise
    except Exception as error:
        if not state.failed:
            raise state.broke(error) from error
        failure = Wrong("")  # most likely a result of the earlier failure
    finally:
        _current.reset(token)
    return _result(state, failure)


def generator(exercise: str, seed: int | str) -> np.random.Generator:
    """The random generator of an exercise for one learner's seed."""
    digest = hashlib.sha256(f"{exercise} {seed}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _result(state: _Grading, failure: Wrong | None) -> Result:
    parts = state.held + len(state.failed)
    total = max(1, parts + (failure is not None))
    if not state.failed and failure is None:
        return Result(RIGHT, (), total, total)
    first = next((wrong for _, wrong in state.failed if wrong), failure)
    messages = [first.message] if first and first.message else []
    if parts and (failure is None or failure.message):  # else the check broke off, and the number of parts is not known
        names = [name for name, _ in state.failed]
        words = f" Not yet: {', '.join(names)}." if names else ""
        messages.append(f"{state.held} of {total} properties hold.{words}")
    return Result(WRONG, tuple(messages), state.held, total, first.rows if first else ())


def run(
    answer: Callable,
    *args: Any,
    limit: float = 5.0,
    returns: type | tuple[type, ...] | None = None,
    raised: Mapping[type[BaseException], str] = MappingProxyType({}),
    may_change: bool = False,
    may_return_none: bool = False,
    **kwargs: Any,
) -> Any:
    """Call the learner's function on copies of the arguments and return what it returned.

    The answer fails, with a message that says how, if the function cannot be called so, raises, runs over the limit,
    changes its input, prints its result, returns nothing, or returns a generator or coroutine.

    Args:
        limit: seconds.
        returns: the type or types that the result must have, so that the check can rely on it; ``float`` takes any
            number. A generator is accepted where it is asked for.
        raised: exception type → what the learner misunderstood if that is raised.
        may_change: changing the arguments is allowed.
        may_return_none: None is a proper result.
    """
    state = _grading()
    try:
        value = calling.run(answer, args, kwargs, limit, returns, raised, may_change, may_return_none)
    except calling.NotCopyable as error:
        raise state.bug(str(error)) from error
    state.last = describe(value)
    return value


def expect(condition: Any, message: str) -> None:
    """Fail the answer with this message unless the condition holds."""
    if not condition:
        raise Wrong(message)


def refuse(got: Any, planted: Any, message: str) -> None:
    """Name a planted mistake: an answer that made it gets this message from the next :func:`equal` on ``got``.

    Raises:
        CheckerBug: an earlier ``refuse``, on another result, is still waiting for its ``equal``.
    """
    state = _grading()
    if state.refused and state.refused[0][0] is not got:
        state.settled()
    state.refused.append((got, planted, message))


def equal(got: Any, expected: Any, message: str | None = None, *, on: Any = None, tol: float | None = None) -> None:
    """Fail the answer unless it is the expected one; shows the first place where they differ.

    Planted mistakes that :func:`refuse` has named for ``got`` are looked for first, in their order.

    Args:
        message: said instead of a plain statement of the difference.
        on: the input; its value at the place of the difference is shown.
        tol: the largest difference of two numbers that counts as equal; by default a millionth of the value (see
            :func:`kitutils.course.compare.difference`).

    Raises:
        CheckerBug: a planted mistake equals the expected result on this input, or was named for another result.
    """
    state = _grading()
    for result, planted, words in state.refused:
        if result is not got:
            state.settled()
        if same(planted, expected, tol):
            raise state.bug(f"on this input the planted mistake {words!r} gives the right answer: {show(expected)}.")
    planted_here, state.refused = state.refused, []
    found = difference(got, expected, tol)
    if found is None:
        return
    for _, planted, words in planted_here:
        if same(got, planted, tol):
            raise Wrong(words, _rows(found, on))
    raise Wrong(message or found.message, _rows(found, on))


def _rows(found: Difference, on: Any) -> tuple[tuple[str, str], ...]:
    rows = [("at", found.where)] if found.where else []
    if on is not None:
        rows.append(("input", show(_at(on, found.index))))
    return (*rows, ("yours", found.yours), ("expected", found.expected))


def _at(on: Any, index: tuple | None) -> Any:
    """The input's value at the place of a difference, or the whole input where it has no such place."""
    if not index:
        return on
    try:
        if hasattr(on, "iloc"):
            return on.iloc[index[0]]
        return on[index[: getattr(on, "ndim", 1)]] if hasattr(on, "ndim") else on[index[0]]
    except (IndexError, KeyError, TypeError):
        return on


def sweep(
    answer: Callable,
    reference: Callable,
    inputs: Sequence[Any],
    message: str | None = None,
    *,
    planted: Sequence[tuple[Callable, str]] = (),
    tol: float | None = None,
) -> None:
    """Compare a function with the reference on many inputs, given from small to large; the first failure is shown.

    Args:
        inputs: each is one argument, or a tuple of arguments.
        message: said instead of a plain statement of the difference.
        planted: (wrong function, its message): said if the answer behaves like that function on *all* inputs. A
            function that raises is matched by an answer that raises the same type.

    Raises:
        CheckerBug: a planted function agrees with the reference on every input.
    """
    state = _grading()
    given = [item if isinstance(item, tuple) else (item,) for item in inputs]
    expected = [reference(*copy.deepcopy(args)) for args in given]
    outcomes = [(_outcomes(wrong, given), words) for wrong, words in planted]
    for outcome, words in outcomes:
        if all(_alike(a, b, tol) for a, b in zip(outcome, expected, strict=True)):
            raise state.bug(f"the planted mistake {words!r} gives the right answer on all {len(given)} inputs.")
    got: list[Any] = []
    first: Wrong | None = None
    for args, wanted in zip(given, expected, strict=True):
        try:
            got.append(run(answer, *args, may_return_none=wanted is None))
        except Wrong as error:
            got.append(_Raised(error.cause))
            first = first or error
            if error.cause is None:  # a broken promise such as the time limit: no need to see more
                break
            continue
        found = difference(got[-1], wanted, tol)
        if found and first is None:
            rows = (*calling.input_rows(answer, args, {}), *(row for row in _rows(found, None)))
            first = Wrong(message or found.message, rows)
    if first is None:
        return
    for outcome, words in outcomes:
        if len(got) == len(given) and all(_alike(a, b, tol) for a, b in zip(got, outcome, strict=True)):
            raise Wrong(words, first.rows)
    raise first


@dataclass(frozen=True)
class _Raised:
    """Stands for the result of a call that raised an exception of this type."""

    cause: type[BaseException] | None


def _outcomes(function: Callable, given: list[tuple]) -> list[Any]:
    outcomes: list[Any] = []
    for args in given:
        try:
            outcomes.append(function(*copy.deepcopy(args)))
        except Exception as error:
            outcomes.append(_Raised(type(error)))
    return outcomes


def _alike(a: Any, b: Any, tol: float | None) -> bool:
    if isinstance(a, _Raised) or isinstance(b, _Raised):
        return a == b
    return same(a, b, tol)


@contextmanager
def part(name: str) -> Iterator[None]:
    """A named property of the answer: if it fails the next part still runs, and the learner sees how many hold."""
    state = _grading()
    try:
        yield
        state.settled()
    except Wrong as error:
        state.failed.append((name, error))
    except CheckerBug:
        raise
    except Exception as error:
        if not state.failed:
            raise state.broke(error) from error
        state.failed.append((name, None))  # most likely a result of the earlier failure
    else:
        state.held += 1
    finally:
        state.refused.clear()


def assert_check(exercise: str, *, right: Sequence[Any], wrong: Mapping[str, Any], seeds: int = 20) -> None:
    """Test a check: right answers pass on every seed, each planted wrong one gets its own message and no other.

    Args:
        right: several right variants.
        wrong: fragment of the message → the answer that must get it.
        seeds: how many learners' seeds to try.

    Raises:
        AssertionError: says which answer, which seed, and what came of it.
    """
    for nothing in (None, ...):
        assert grade(exercise, nothing).status == NOT_ATTEMPTED, f"{exercise}: {nothing} must be not attempted"
    for seed in range(seeds):
        for answer in right:
            result = grade(exercise, answer, seed)
            assert result.status == RIGHT, f"{exercise}, seed {seed}: right answer {show(answer)} gave {result}"
        for fragment, answer in wrong.items():
            result = grade(exercise, answer, seed)
            said = "\n".join(result.messages)
            where = f"{exercise}, seed {seed}, answer of {fragment!r}"
            assert result.status == WRONG, f"{where}: {result}"
            assert fragment in said, f"{where}: its message is not said, but {said!r}"
            others = [other for other in wrong if other != fragment and other in said]
            assert not others, f"{where}: says {others} as well: {said!r}"
