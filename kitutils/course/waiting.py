"""One line on stdout that says how far a long loop is and when it will end.

A plain line that rewrites itself, not a widget: it works in a terminal, in a notebook without widgets and in a stored
output, where only its last state stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")
QUIET_SECONDS = 2.0  # nothing is shown for work that is over before one would wonder


class EtaLine:
    """``label 3/10 · 12 s gone, 28 s to go``, rewritten in place.

    Args:
        label: what is counted, such as "epoch".
        total: how many steps there will be, or None if that is not known.
    """

    def __init__(self, label: str, total: int | None = None):
        self.label, self.total = label, total
        self.start = time.monotonic()
        self.first: tuple[float, float] | None = None
        self.shown = 0.0
        self.width = 0

    def step(self, done: float, note: str = "") -> None:
        """Show that ``done`` steps are finished; at most four times a second, and not in the first two seconds.

        A fraction counts towards the time that is left; the line shows whole steps.
        """
        gone = time.monotonic() - self.start
        if self.first is None:
            self.first = (gone, done)
        if gone < QUIET_SECONDS or gone - self.shown < 0.25:
            return
        self.shown = gone
        if self.total:
            self._write(
                f"{self.label} {int(done)}/{self.total} · {gone:.0f} s gone, {self._left(done, gone)} to go{note}"
            )
        else:
            self._write(f"{self.label} {int(done)} · {gone:.0f} s gone{note}")

    def close(self, done: int, note: str = "") -> None:
        """End the line with the time it took, if it was shown at all."""
        if self.width:
            count = f"{done}/{self.total}" if self.total else f"{done}"
            self._write(f"{self.label} {count} · {time.monotonic() - self.start:.0f} s{note}", end="\n")

    def _left(self, done: float, gone: float) -> str:
        # Counted from the first step on: what comes before it, such as tracing a network, comes only once.
        since, had = self.first
        if done <= had:
            return "? s"
        left = (gone - since) * (self.total - done) / (done - had)
        return f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"

    def _write(self, text: str, end: str = "") -> None:
        print("\r" + text.ljust(self.width), end=end, flush=True)
        self.width = max(self.width, len(text))


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with an :class:`EtaLine` when it takes more than two seconds.

    Args:
        items: what to loop over.
        label: what is counted, such as "split".
        total: how many there are, where ``len(items)`` cannot tell.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    line = EtaLine(label, total)
    done = 0
    for item in items:
        yield item
        done += 1
        line.step(done)
    line.close(done)
