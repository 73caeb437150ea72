"""A learner's function, called as a check calls it: every way in which that can go wrong has its own message."""

from __future__ import annotations

import copy
import inspect
import numbers
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kitutils.course import sandbox
from kitutils.course.showing import describe, show


class Wrong(Exception):
    """An answer fails, with what the learner is told.

    Attributes:
        message: one or two sentences.
        rows: the counterexample, (label, value) each.
        cause: the type of the exception that the learner's function raised, if that is why.
    """

    def __init__(
        self, message: str, rows: tuple[tuple[str, str], ...] = (), cause: type[BaseException] | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.rows, self.cause = message, rows, cause


class NotCopyable(Exception):
    """A check gave an argument of which no copy can be made, so that the learner would work on the original."""


def run(
    answer: Callable,
    args: tuple,
    kwargs: dict[str, Any],
    limit: float,
    returns: type | tuple[type, ...] | None,
    raised: Mapping[type[BaseException], str],
    may_change: bool,
    may_return_none: bool,
) -> Any:
    """See :func:`kitutils.course.grading.run`.

    Raises:
        Wrong: the call broke one of the rules.
        NotCopyable: an argument cannot be copied.
    """
    try:
        given_args, given_kwargs = copy.deepcopy((args, kwargs))
    except Exception as error:
        raise NotCopyable(f"an argument of run() cannot be copied ({error}); give data, not a handle to it.") from error
    rows = input_rows(answer, args, kwargs)
    _fits(answer, args, kwargs)
    done = sandbox.call(answer, given_args, given_kwargs, limit)
    if done.timed_out:
        raise Wrong(
            f"Your function had not finished after {limit:g} seconds. Look for a loop that never ends, or for work "
            "that is done again and again.",
            rows,
        )
    if done.error is not None:
        raise _raised(done.error, answer, rows, raised)
    changed = [] if may_change else _changed(answer, (args, kwargs), (given_args, given_kwargs))
    value = done.value
    if returns is None or not _is_of(value, returns):
        _is_no_stream(value, rows)
    if value is None and not may_return_none:
        raise _nothing(done.printed, changed, rows)
    if changed:
        raise Wrong(
            f"Your function changed its input {changed[0]}. Whoever called it still needs that: work on a copy, or "
            "build a new result.",
            rows,
        )
    if returns is not None and not (value is None and may_return_none) and not _is_of(value, returns):
        raise Wrong(f"Your function returned {describe(value)}; {_types(returns)} was expected.", rows)
    return value


def input_rows(answer: Callable, args: tuple, kwargs: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The arguments of a call as rows of a counterexample; named if there are several."""
    if len(args) == 1 and not kwargs:
        return (("input", show(args[0])),)
    named = [f"{name} = {show(value)}" for name, value in zip(_names(answer, len(args)), args, strict=True)]
    named += [f"{name} = {show(value)}" for name, value in kwargs.items()]
    return tuple(("input" if i == 0 else "", text) for i, text in enumerate(named))


def _names(answer: Callable, count: int) -> list[str]:
    """The names of the function's first parameters, or numbers where it has none to tell."""
    signature = _signature(answer)
    names = [] if signature is None else [p.name for p in signature.parameters.values() if p.kind in _POSITIONAL]
    return [names[i] if i < len(names) else f"argument {i + 1}" for i in range(count)]


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _signature(answer: Callable) -> inspect.Signature | None:
    try:
        return inspect.signature(answer)
    except (TypeError, ValueError):  # some built-in functions have none
        return None


def _fits(answer: Callable, args: tuple, kwargs: Mapping[str, Any]) -> None:
    signature = _signature(answer)
    if signature is None:
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        name = getattr(answer, "__name__", "your function")
        words = ", ".join([f"{len(args)} argument{'' if len(args) == 1 else 's'}", *(f"{k}=…" for k in kwargs)])
        raise Wrong(f"{name}{signature} cannot be called with {words}: {error}.") from None


def _raised(error: BaseException, answer: Callable, rows: tuple, explained: Mapping[type[BaseException], str]) -> Wrong:
    text = " ".join(str(error).split())
    if len(text) > 300:
        text = f"{text[:298]} …"
    line = sandbox.own_line(error, answer)
    if isinstance(error, SystemExit):
        text = "it called exit() or quit(); return a result instead"
    what = f"Your function raised {type(error).__name__}{f': {text}' if text else ''}"
    told = (*rows, *((("where", line),) if line else ()))
    for kind, words in explained.items():
        if isinstance(error, kind):
            return Wrong(words, (*told, ("raised", f"{type(error).__name__}: {text}")), type(error))
    return Wrong(what if what.endswith((".", "!", "?")) else f"{what}.", told, type(error))


def _is_no_stream(value: Any, rows: tuple) -> None:
    if inspect.iscoroutine(value):
        value.close()  # or Python warns that nobody awaited it
        raise Wrong("Your function returned a coroutine: write def, not async def.", rows)
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise Wrong(
            "Your function returned a generator, which has not computed anything yet. Replace yield by return, or put "
            "list(…) around it.",
            rows,
        )


def _nothing(printed: str, changed: list[str], rows: tuple) -> Wrong:
    if printed.strip():
        return Wrong(
            "Your function printed its result and returned nothing. Replace print(…) by return ….",
            (*rows, ("printed", show(printed.strip())[1:-1])),
        )
    if changed:
        return Wrong(
            f"Your function changed its input {changed[0]} and returned nothing. Work on a copy and return that.", rows
        )
    return Wrong("Your function returned None. Did you forget return?", rows)


def _is_of(value: Any, returns: type | tuple[type, ...]) -> bool:
    wanted = returns if isinstance(returns, tuple) else (returns,)
    if float in wanted and isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_):
        return True
    if int in wanted and isinstance(value, np.integer):
        return True
    if bool in wanted and isinstance(value, np.bool_):
        return True
    if isinstance(value, bool) and bool not in wanted:
        return object in wanted
    return isinstance(value, wanted)


_TYPE_NAMES = {
    "ndarray": "a NumPy array",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "a Boolean",
}


def _types(returns: type | tuple[type, ...]) -> str:
    wanted = returns if isinstance(returns, tuple) else (returns,)
    return " or ".join(_TYPE_NAMES.get(t.__name__, f"a {t.__name__}") for t in wanted)


def _changed(answer: Callable, before: tuple[tuple, dict], after: tuple[tuple, dict]) -> list[str]:
    """The names of the arguments that the call has changed."""
    names = _names(answer, len(before[0]))
    changed = [name for name, a, b in zip(names, before[0], after[0], strict=True) if _differ(a, b)]
    return changed + [name for name in before[1] if _differ(before[1][name], after[1][name])]


def _differ(a: Any, b: Any) -> bool:
    """Whether data was changed. Objects that are no data, such as models and generators, may change."""
    pandas = sys.modules.get("pandas")
    if type(a) is not type(b):
        return True
    if isinstance(a, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return True
        if a.dtype == object:
            return any(_differ(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True))
        return not np.array_equal(a, b, equal_nan=a.dtype.kind in "fcmM")
    if isinstance(a, list | tuple):
        return len(a) != len(b) or any(_differ(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) != list(b) or any(_differ(a[k], b[k]) for k in a)
    if pandas and isinstance(a, pandas.DataFrame | pandas.Series):
        names = list(a.columns) != list(b.columns) if hasattr(a, "columns") else a.name != b.name
        return names or not a.equals(b) or not a.index.equals(b.index)
    if isinstance(a, set | str | numbers.Number | np.generic):
        return not (a == b or (a != a and b != b))
    return False
