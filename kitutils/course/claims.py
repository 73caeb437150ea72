"""Numbers that the text leans on, asserted where they arise.

A claim is a measured value with the band in which the lesson's prose is true. It is checked in every run, shown to the
reader in one line, and carried in the notebook's output in a machine-readable form, from which ``kit results`` fills
the README.
"""

from __future__ import annotations

import math
from typing import Any

from kitutils import settings
from kitutils.errors import KitError

MIME = "application/vnd.kit.claim+json"


class BrokenClaim(KitError, AssertionError):
    """A value lies outside the band that the lesson's text relies on."""


def claim(
    name: str,
    value: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    data: Any = None,
    standin_at_least: float | None = None,
    label: str | None = None,
    headline: bool = False,
) -> None:
    """Check a value against its band, say so in one line, and record it in the cell's output.

    Bands hold for the real data. On a stand-in the value is recorded as such and only ``standin_at_least`` is tested.
    Bands that differ between profiles are given with ``pick``; ``None`` on both sides records the value only.

    Args:
        name: dotted and unique in the course, such as ``"digits.cnn_accuracy"``.
        value: a finite number (NumPy scalars included).
        at_least, at_most: the band, both ends included.
        data: the ``Dataset`` that the value was measured on, or None where no data set is involved.
        standin_at_least: what must hold even on the stand-in.
        label: the words that readers see; the name if None.
        headline: the claim is one of the few that the README's table shows.

    Raises:
        BrokenClaim: the value is outside the band and ``KIT_STRICT_CLAIMS=1``. Otherwise a broken claim is printed
            with its likely reason and the notebook goes on, because a learner may be experimenting.
        ValueError: the value is not a finite number, or the band is empty.
    """
    value = float(value)
    if not math.isfinite(value):
        raise ValueError(
            f"claim {name!r}: {value} is not a finite number. Look at what was measured before claiming it."
        )
    if at_least is not None and at_most is not None and at_least > at_most:
        raise ValueError(f"claim {name!r}: no number is at least {at_least} and at most {at_most}.")
    source = getattr(data, "source", None)
    on_standin = source == "stand-in"
    band = (standin_at_least, None) if on_standin else (at_least, at_most)
    low, high = (None if end is None else float(end) for end in band)  # a NumPy number is none of JSON's
    holds = (low is None or value >= low) and (high is None or value <= high)
    record = {
        "name": name,
        "label": label or name,
        "value": value,
        "at_least": low,
        "at_most": high,
        "holds": holds,
        "headline": headline,
        "profile": settings.profile(),
        "source": source,
    }
    text = _sentence(record, on_standin)
    if not holds and settings.strict_claims():
        raise BrokenClaim(text)
    _show(text, record)


def _sentence(record: dict, on_standin: bool) -> str:
    words = f"{record['label']}: {_number(record['value'])}"
    band = band_text(record["at_least"], record["at_most"])
    if on_standin:
        words += " on the stand-in, not on the real data"
    if record["holds"]:
        return f"✓ {words}" + (f" (expected {band})" if band else "")
    reason = (
        "the stand-in is not the data that the text speaks of"
        if on_standin
        else f"the profile {record['profile']!r}, a changed cell above, or another version of a library"
    )
    return f"✗ {words}, expected {band}. Likely reason: {reason}. Restart the kernel and run all cells to compare."


def band_text(at_least: float | None, at_most: float | None) -> str:
    """The band in words: "≥ 0.9", "≤ 3", "0.9 to 1" or ""."""
    if at_least is not None and at_most is not None:
        return f"{_number(at_least)} to {_number(at_most)}"
    if at_least is not None:
        return f"≥ {_number(at_least)}"
    return "" if at_most is None else f"≤ {_number(at_most)}"


def _number(x: float) -> str:
    return f"{x:.4g}"


def _show(text: str, record: dict) -> None:
    from IPython import get_ipython

    if get_ipython() is None:  # a script or a test: there is no cell to carry the record
        print(text)
        return
    from IPython.display import display

    display({"text/plain": text, MIME: record}, raw=True)
