"""What a learner handed in, before it is judged: nothing yet, the wrong kind of thing, or an answer.

An exercise cell that nobody has touched must pass through quietly, so "nothing yet" is recognised in all the forms
that a stub may have: ``None``, ``...``, ``"..."``, a function without a body, a list of blanks.
"""

from __future__ import annotations

import copy
import dis
import itertools
import math
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from kitutils.course.showing import describe

KINDS = ("function", "value", "order", "number")
_WRITTEN = (types.FunctionType, types.MethodType)  # with byte code to look into; other callables have none
_BLANK_TEXTS = ("", "...", "…", "___")


class WrongKind(Exception):
    """The answer is not of the kind that the exercise asks for; the message tells the learner what to hand in."""


def attempted(answer: Any) -> bool:
    """Whether there is anything to judge. Never raises."""
    if answer is None or answer is Ellipsis:
        return False
    if isinstance(answer, str):
        return answer.strip() not in _BLANK_TEXTS
    if type(answer) in (list, tuple, set):
        return any(attempted(item) if isinstance(item, str) or item is None else item is not ... for item in answer)
    if type(answer) is dict:
        return attempted(list(answer.values()))
    return not (isinstance(answer, _WRITTEN) and _is_stub(answer.__code__))


def open_blank(answer: Any) -> bool:
    """Whether a function still holds a blank, as in ``mad = ...``."""
    if not isinstance(answer, _WRITTEN):
        return False
    steps = list(dis.get_instructions(answer.__code__))
    return any(
        a.opname == "LOAD_CONST" and a.argval is ... and b.opname.startswith("STORE_") and b.opname != "STORE_SUBSCR"
        for a, b in itertools.pairwise(steps)
    )


def _is_stub(code: types.CodeType) -> bool:
    """Whether a function's byte code does nothing but return None or ``...``, or raise NotImplementedError."""
    idle = {
        "RESUME",
        "NOP",
        "CACHE",
        "POP_TOP",
        "LOAD_CONST",
        "RETURN_VALUE",
        "RETURN_CONST",
        "COPY_FREE_VARS",
        "MAKE_CELL",
    }
    steps = list(dis.get_instructions(code))
    if code.co_names == ("NotImplementedError",) and any(s.opname == "RAISE_VARARGS" for s in steps):
        return True
    constants = [s.argval for s in steps if s.opname in ("LOAD_CONST", "RETURN_CONST")]
    return all(s.opname in idle for s in steps) and all(c is None or c is ... for c in constants)


def prepare(answer: Any, kind: str, lines: dict[str, str]) -> Any:
    """The answer in the form that a check works with.

    A function is returned as it is, a value as a copy, an order of lines as a list of letters, a number as a float.

    Raises:
        WrongKind: it is something else.
    """
    return {"function": _function, "value": _value, "order": lambda a: _order(a, lines), "number": _number}[kind](
        answer
    )


def _function(answer: Any) -> Callable:
    if not callable(answer):
        raise WrongKind(
            f"You handed in {describe(answer)}; the function itself is asked for: check(my_function), "
            "without calling it."
        )
    return answer


def _value(answer: Any) -> Any:
    if isinstance(answer, _WRITTEN):
        raise WrongKind(f"You handed in {describe(answer)}; what it returns is asked for: call it, then check that.")
    if not _is_data(answer):
        return answer
    try:
        return copy.deepcopy(answer)
    except Exception:  # a list may hold what cannot be copied, such as an open file
        return answer


def _is_data(value: Any) -> bool:
    """Whether a copy is cheap and exact; a model or a data set object is looked at, not copied."""
    pandas = sys.modules.get("pandas")
    frames = (pandas.DataFrame, pandas.Series) if pandas else ()
    return isinstance(value, (list, tuple, dict, set, np.ndarray, *frames))


def _order(answer: Any, lines: dict[str, str]) -> list[str]:
    known = list(lines)
    example = " ".join(known)
    if not isinstance(answer, str | list | tuple) or not all(isinstance(a, str) for a in answer):
        raise WrongKind(
            f'You handed in {describe(answer)}; the letters of the lines in order are asked for, like "{example}".'
        )
    letters = [c for item in answer for c in item.upper() if c.isalnum()]
    unknown = [c for c in letters if c not in known]
    if unknown:
        raise WrongKind(f"There is no line {', '.join(unknown)}; the lines are {', '.join(known)}.")
    repeated = sorted({c for c in letters if letters.count(c) > 1})
    if repeated:
        raise WrongKind(f"{_lines(repeated)} more than once; use each line once.")
    missing = [c for c in known if c not in letters]
    if missing:
        raise WrongKind(f"{_lines(missing)} not in your order; use each line once.")
    return letters


def _lines(letters: list[str]) -> str:
    return f"Line {letters[0]} is" if len(letters) == 1 else f"Lines {', '.join(letters)} are"


def _number(answer: Any) -> float:
    ask = "a number is asked for."
    if isinstance(answer, bool | np.bool_ | str) or callable(answer):
        raise WrongKind(f"You handed in {describe(answer)}; {ask}")
    try:
        number = float(answer)
    except Exception:  # a learner's object may define float() as it likes
        raise WrongKind(f"You handed in {describe(answer)}; {ask}") from None
    if math.isnan(number):
        raise WrongKind("You handed in nan, which is not a number. Look for a 0/0 or a missing value on the way.")
    return number
