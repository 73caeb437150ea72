"""What can be wrong with a text: a category misspelt, a date in another form, a number kept as text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np

from kitutils.data.audits.columns import Column
from kitutils.data.audits.findings import Finding, listed, quote

CATEGORIES = 200  # more common values than this are names, not categories
COVER = 0.8  # the common values of a category cover so many of its cells
RARE = 0.1  # a misspelling is at most so often as what was meant
LETTERS = 4  # shorter words have too many neighbours to guess at
DISTINCT = 100_000  # columns with more distinct texts than this are free text


def check(column: Column) -> Iterator[Finding]:
    """Misspellings in a text column, marked in ``column.wrong``."""
    counts = np.bincount(column.codes[column.known], minlength=len(column.values))
    if not counts.sum() or len(column.values) > DISTINCT:
        return
    wrong = corrections([v if isinstance(v, str) else None for v in column.values], counts)
    if not wrong:
        return
    chosen = np.zeros(len(column.values) + 1, dtype=bool)
    chosen[list(wrong)] = True
    rows = np.flatnonzero(chosen[column.codes] & column.known)
    column.wrong[rows] = True
    meant = {column.values[at]: column.values[right] for at, right in wrong.items()}
    examples = ", ".join(f"{quote(w)} for {quote(r)}" for w, r in list(meant.items())[:3])
    yield Finding(
        "typo",
        column.label,
        rows,
        "problem",
        f"{len(meant)} rare spellings, each next to one common value: {examples}",
        "write the common value",
        column.position,
        {"action": "replace", "parameters": {"values": meant}},
    )


def corrections(values: list[str | None], counts: np.ndarray) -> dict[int, int]:
    """For each misspelt value, which value was meant; positions in ``values``.

    A spelling that differs only in case or spaces is wrong if another is far more common. Where a few common values
    cover most cells, a rare one that is one slip of the keyboard (a letter dropped, added or swapped with the next)
    away from exactly one of them is wrong as well. A letter replaced by another is left alone, since ISLAND may stand
    beside INLAND, and digits are never guessed at.

    Args:
        values: distinct texts; None is passed over.
        counts: how often each occurs, shape (len(values),).
    """
    groups: dict[str, list[int]] = {}
    for at in np.argsort(-counts, kind="stable"):
        if values[at] is not None and counts[at]:
            groups.setdefault(fold(values[at]), []).append(int(at))
    found = {}
    for best, *others in groups.values():
        found |= {
            at: best for at in others if counts[at] <= RARE * counts[best] or _is_sloppy(values[at], values[best])
        }
    common = [members[0] for members in groups.values()]
    common = [at for at in common if counts[at] >= max(5, 0.005 * counts.sum())][:CATEGORIES]
    if counts[common].sum() < COVER * counts.sum():
        return found
    folded = {at: fold(values[at]) for at in common}
    for text, members in groups.items():
        near = [at for at in common if counts[members[0]] <= RARE * counts[at] and _one_slip(text, folded[at])]
        if len(near) == 1:
            found |= dict.fromkeys(members, near[0])
    # What a misspelling was taken for may be a misspelling itself.
    return {at: found.get(right, right) for at, right in found.items() if found.get(right, right) != at}


def fold(text: str) -> str:
    """A text without case, outer and double spaces, and in one Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_sloppy(text: str, best: str) -> bool:
    """Whether only spaces, which nobody means, tell a text from the commoner one."""
    return " ".join(text.split()) == best and text != best


def _one_slip(wrong: str, right: str) -> bool:
    """Whether one slip of the keyboard in its letters makes one text of the other."""
    if abs(len(wrong) - len(right)) > 1 or max(len(wrong), len(right)) < LETTERS or wrong == right:
        return False
    at = next((i for i, (a, b) in enumerate(zip(wrong, right, strict=False)) if a != b), min(len(wrong), len(right)))
    rest_wrong, rest_right = wrong[at:], right[at:]
    if len(wrong) != len(right):
        longer, shorter = sorted((rest_wrong, rest_right), key=len, reverse=True)
        return longer[1:] == shorter and not longer[0].isdigit()
    if any(text.isdigit() for text in (rest_wrong[0], rest_right[0])):
        return False
    return rest_wrong[:2] == rest_right[:2][::-1] and rest_wrong[2:] == rest_right[2:]


def date_forms(column: Column) -> Iterator[Finding]:
    """Dates that are written otherwise than most of the column, and texts of no day at all; marked in ``wrong``."""
    read = column.date_forms
    per_row = lambda chosen: np.append(chosen, False)[column.codes] & column.known
    other = per_row(read.is_date & (read.form != "iso"))
    if other.any():
        forms = {form: int(per_row(read.form == form).sum()) for form in dict.fromkeys(read.form[read.form != ""])}
        unsure = per_row(read.is_date & np.isnan(read.days) & (read.form != "iso"))
        column.wrong |= other & (forms.get("iso", 0) > 0)
        yield Finding(
            "date form",
            column.label,
            np.flatnonzero(other),
            "problem" if forms.get("iso") or len(forms) > 1 else "note",
            "; ".join([f"{forms.get('iso', 0):,} in ISO form", *_orders(read, forms)]),
            "write all in ISO form" + (f"; {unsure.sum():,} cannot be told" if unsure.any() else ""),
            column.position,
            {"action": "to iso date", "parameters": {"day first": {k: v for k, v in read.day_first.items()}}},
        )
    impossible = per_row(read.is_date & np.isnan(read.days) & (read.form == "iso"))
    if impossible.any():
        column.wrong |= impossible
        shown = [column.values[code] for code in np.unique(column.codes[impossible])]
        yield Finding(
            "range",
            column.label,
            np.flatnonzero(impossible),
            "problem",
            f"no such day: {listed(shown)}",
            "set to missing, or look them up",
            column.position,
            {"action": "set missing", "parameters": {"values": shown}},
        )


def _orders(read, forms: dict[str, int]) -> Iterator[str]:
    for separator, first in read.day_first.items():
        said = {True: "the day comes first", False: "the month comes first", None: "day or month first cannot be told"}
        by = f" ({read.decided_by[separator]:,} distinct values decide)" if first is not None else ""
        yield f"{forms.get(separator, 0):,} with {separator!r} and the year last: {said[first]}{by}"


def kept_as_text(column: Column) -> Iterator[Finding]:
    """Numbers that are stored as texts, and words among them that stand for nothing known."""
    if not column.as_text:
        return
    unreadable = np.isnan(column.numbers) & column.known
    rows = np.flatnonzero(column.known & ~unreadable)
    yield Finding(
        "type",
        column.label,
        rows[:0],
        "problem",
        f"{len(rows):,} of {column.known.sum():,} known cells are numbers, stored as text",
        "convert to numbers",
        column.position,
        {"action": "to number", "parameters": {}},
    )
    if unreadable.any():
        column.wrong |= unreadable
        shown = [column.values[code] for code in dict.fromkeys(column.codes[unreadable].tolist())]
        yield Finding(
            "unreadable",
            column.label,
            np.flatnonzero(unreadable),
            "problem",
            f"{listed(shown)} among numbers",
            "look at them; converting to numbers sets them to missing",
            column.position,
        )
