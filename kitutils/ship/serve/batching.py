"""Requests that wait while the model computes are computed together next: continuous batching.

Lessons: 52.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from queue import Empty, SimpleQueue

import numpy as np

from kitutils.ship.arrays import Arrays
from kitutils.ship.faults import BadInput, ShipError


class Overloaded(ShipError):
    """There is no room for these rows now. Those accepted before are still answered."""


class Closed(ShipError):
    """The batcher takes nothing any more."""


@dataclass(eq=False)
class _Piece:
    """Rows of one request that are computed together, and the future of their outputs."""

    future: asyncio.Future
    arrays: Arrays
    rows: int
    kind: tuple  # pieces of one kind can be put together
    since: float


_Outcome = tuple[_Piece, np.ndarray | Exception]
_Calls = list[tuple[int, float]]  # rows and seconds


class Batcher:
    """Rows of several requests in, each request's own outputs out; one event loop, one thread that computes.

    An idle batcher computes a request that comes alone at once. What arrives while a batch is computed gathers for the
    next, so batches grow with the load and nobody waits for a clock. The thread takes its next batch itself, without
    waiting until the event loop comes round.

    Args:
        run: arrays of n rows, by name, to outputs of n rows. Called in the thread, one call at a time; the rows of one
            call have the same trailing shapes and dtypes.
        max_batch: rows of a call. A request of more rows is computed in parts.
        max_wait_ms: what an idle batcher waits for company, unless the batch is full before.
        queue: rows that may be accepted and not yet computed.
        on_batch: called in the event loop after each call of ``run`` that succeeded, with its rows and seconds.
    """

    def __init__(
        self,
        run: Callable[[Arrays], np.ndarray],
        *,
        max_batch: int = 32,
        max_wait_ms: float = 0.0,
        queue: int = 256,
        on_batch: Callable[[int, float], None] | None = None,
    ) -> None:
        self._run, self._on_batch = run, on_batch
        self._max_batch, self._patience, self._queue = max_batch, max_wait_ms / 1000, queue
        self._lock = threading.Lock()  # guards the four that follow
        self._pieces: deque[_Piece] = deque()
        self._waiting = 0
        self._asleep = self._closing = False
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future | None = None

    @property
    def waiting(self) -> int:
        """Rows accepted and not yet computed."""
        return self._waiting

    async def submit(self, arrays: Arrays) -> np.ndarray:
        """The outputs of these rows, in their order. If it is cancelled before its turn, it is not computed.

        Args:
            arrays: by name, the same number of rows in each, one or more. Leave them alone until the answer is there.

        Raises:
            Overloaded: at once, if there is no room for all rows.
            Closed: after ``close``.
            BadInput: there is no row, or the arrays have different numbers of rows.
            Exception: what ``run`` raised for rows of this request, without those of others.
        """
        rows = _rows_of(arrays)
        if self._closing:
            raise Closed("The model is being unloaded. Ask again.")
        if self._waiting + rows > self._queue:
            raise Overloaded(
                f"{self._waiting} rows wait, and {self._queue} may; there is no room for {rows} more. Ask again later."
            )
        if self._loop is None:
            threading.Thread(target=self._work, name="batcher", daemon=True).start()
            self._loop = asyncio.get_running_loop()
            self._ended = self._loop.create_future()
        pieces = self._cut(arrays, rows)
        with self._lock:
            self._pieces.extend(pieces)
            self._waiting += rows
            asleep, self._asleep = self._asleep, False
        if asleep:
            self._bell.put(None)
        try:
            if len(pieces) == 1:
                return await pieces[0].future
            return np.concatenate(await asyncio.gather(*(piece.future for piece in pieces)))
        except BaseException:
            self._drop(pieces)
            raise

    async def close(self) -> None:
        """Takes nothing more; returns when everything accepted is answered and the thread has ended."""
        with self._lock:
            self._closing = True
        self._bell.put(None)
        if self._ended is not None:
            await asyncio.shield(self._ended)

    def _cut(self, arrays: Arrays, rows: int) -> list[_Piece]:
        kind = tuple((name, arrays[name].shape[1:], arrays[name].dtype) for name in sorted(arrays))
        now = time.perf_counter() if self._patience else 0.0
        pieces, size = [], self._max_batch
        for first in range(0, rows, size):
            part = arrays if rows <= size else {name: x[first : first + size] for name, x in arrays.items()}
            pieces.append(_Piece(self._loop.create_future(), part, min(size, rows - first), kind, now))
        return pieces

    def _drop(self, pieces: list[_Piece]) -> None:
        with self._lock:
            self._waiting -= sum(piece.rows for piece in self._pieces if piece in pieces)
            self._pieces = deque(piece for piece in self._pieces if piece not in pieces)

    def _deliver(self, outcomes: list[_Outcome], calls: _Calls) -> None:
        for piece, outcome in outcomes:
            if piece.future.done():  # cancelled while it was computed
                continue
            if isinstance(outcome, Exception):
                piece.future.set_exception(outcome)
            else:
                piece.future.set_result(outcome)
        if self._on_batch is not None:
            for rows, seconds in calls:
                self._on_batch(rows, seconds)

    # From here on: what runs in the thread.

    def _work(self) -> None:
        idle = True
        while batch := self._next(idle):
            idle, calls = False, []
            outcomes = self._computed(batch, calls)
            with self._lock:  # at once: under load the event loop takes its time until it looks here
                self._waiting -= sum(piece.rows for piece in batch)
            if not self._tell(self._deliver, outcomes, calls):
                return
        self._tell(self._ended.set_result, None)

    def _tell(self, what: Callable[..., None], *more: object) -> bool:
        try:
            self._loop.call_soon_threadsafe(what, *more)
        except RuntimeError:  # the event loop was closed before the batcher: nobody is there who waits
            return False
        return True

    def _next(self, idle: bool) -> list[_Piece]:
        """Waits for the next batch; an empty one is the end. Only who was idle waits for company."""
        while True:
            with self._lock:
                rest = self._rest() if idle else 0.0
                if self._pieces and rest <= 0:
                    return self._take()
                if self._closing:
                    return []
                self._asleep = idle = True
            with suppress(Empty):
                self._bell.get(timeout=rest or None)

    def _rest(self) -> float:
        """Seconds that an idle batcher still waits for company; the lock is held."""
        full = sum(piece.rows for piece in self._pieces) >= self._max_batch
        if full or not self._patience or not self._pieces or self._closing:
            return 0.0
        return self._pieces[0].since + self._patience - time.perf_counter()

    def _take(self) -> list[_Piece]:
        """The first piece and, until one does not fit, those of its kind behind it; the lock is held."""
        kind, room, taken, passed = self._pieces[0].kind, self._max_batch, [], []
        while self._pieces and room:
            piece = self._pieces.popleft()
            if piece.kind != kind:
                passed.append(piece)
            elif piece.rows <= room:
                taken.append(piece)
                room -= piece.rows
            else:
                passed.append(piece)
                break
        self._pieces.extendleft(reversed(passed))
        return taken

    def _computed(self, batch: list[_Piece], calls: _Calls) -> list[_Outcome]:
        """Each piece with its outputs or its error; ``calls`` gets each call that succeeded."""
        try:
            return self._together(batch, calls)
        except BaseException as error:  # whatever it is, the thread goes on: others wait for it
            if len(batch) == 1:
                return [(batch[0], _tellable(error))]
        # One of them is at fault; the others shall not pay for it.
        return [self._computed([piece], calls)[0] for piece in batch]

    def _together(self, batch: list[_Piece], calls: _Calls) -> list[_Outcome]:
        arrays = batch[0].arrays
        if len(batch) > 1:
            arrays = {name: np.concatenate([piece.arrays[name] for piece in batch]) for name in arrays}
        rows = sum(piece.rows for piece in batch)
        start = time.perf_counter()
        found = self._run(arrays)
        seconds = time.perf_counter() - start
        if len(found) != rows:
            raise RuntimeError(f"The model answered {rows} rows with {len(found)}.")
        calls.append((rows, seconds))
        ends = accumulate(piece.rows for piece in batch)
        return [(piece, found[end - piece.rows : end]) for piece, end in zip(batch, ends, strict=True)]


def _rows_of(arrays: Arrays) -> int:
    counts = {array.shape[:1] for array in arrays.values()}
    if len(counts) != 1 or counts <= {(), (0,)}:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise BadInput(f"the arrays have the same number of rows, one or more; got {shapes or 'none'}.")
    return counts.pop()[0]


def _tellable(error: BaseException) -> Exception:
    # A future cannot hold a StopIteration, and a SystemExit would end the event loop.
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"The model raised {error.__class__.__name__}: {error}")
