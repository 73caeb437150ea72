"""Calling a learner's function so that whatever it does, the notebook survives: a time limit, its errors, its prints.

A worker thread, because signals exist neither on Windows nor outside the main thread, and a process could not see the
functions and variables of the notebook. Standard library only, NumPy's random state apart.
"""

from __future__ import annotations

import contextvars
import ctypes
import itertools
import linecache
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

MOST_PRINTED = 10_000  # characters kept of what a call prints; an endless loop may print for seconds
WAIT_AT_MOST = 4  # times the limit, for a call that hardly computes
LONGEST_IMPORT = 60.0  # seconds; a large library on a slow disk
IMPORT_AT_MOST = 60.0  # seconds in which imports do not count
PATIENCE = 2.0  # seconds spent on stopping a call that ran over its limit


@dataclass(frozen=True)
class Call:
    """What came of one call: a value, or an error, or neither because the time was up."""

    value: Any = None
    error: BaseException | None = None
    printed: str = ""
    timed_out: bool = False


def call(function: Callable, args: tuple, kwargs: dict[str, Any], limit: float) -> Call:
    """Call a function in a worker thread, for ``limit`` seconds (see :func:`_wait`).

    The worker sees the caller's context (``np.errstate`` included). The global random states are seeded for the call,
    so that the same answer is always judged alike, and put back after it. An endless loop is stopped by an exception
    raised inside it; what cannot be stopped, such as a call into C that does not come back, stays behind as a daemon
    thread.
    """
    box: dict[str, Any] = {}
    context = contextvars.copy_context()

    def work() -> None:
        try:
            box["value"] = context.run(function, *args, **kwargs)
        except _TimeUp:
            pass
        except BaseException as error:  # exit() and the like as well: nothing a learner writes may end the kernel
            box["error"] = error

    worker = threading.Thread(target=work, name="learner", daemon=True)
    with _random_states_kept(), _prints_of(worker) as printed:
        worker.start()
        try:
            _wait(worker, limit)
        finally:  # also when the learner interrupts the kernel while waiting
            timed_out = worker.is_alive()
            if timed_out:
                _stop(worker)
    if timed_out:
        return Call(printed=printed.text, timed_out=True)
    return Call(box.get("value"), box.get("error"), printed.text)


def _wait(worker: threading.Thread, limit: float) -> None:
    """Wait until the worker is done or its time is up.

    What is limited is the learner's own work. The clock starts again after an import, which takes seconds the first
    time and must not be stopped halfway. On a busy machine it runs while the work does not, so past the limit a worker
    is given up only if the process has been computing for half of that time, or after four times the limit.
    """
    begun = start = time.monotonic()
    computing = time.process_time()
    last = None
    while worker.is_alive():
        worker.join(min(0.05, limit))
        now = time.monotonic()
        importing = _import_of(worker) if now - begun < IMPORT_AT_MOST else None
        if importing is not None and importing is last:  # one long import, not a loop of short ones
            start, computing = now, time.process_time()
        just_begun, last = importing is not None and last is None, importing
        passed = now - start
        busy = time.process_time() - computing >= limit / 2
        if not just_begun and passed >= limit and (busy or passed >= WAIT_AT_MOST * limit):
            return


def _import_of(worker: threading.Thread) -> FrameType | None:
    """The outermost frame of the import machinery on the worker's stack, or None if it imports nothing."""
    frame, found = sys._current_frames().get(worker.ident or 0), None
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            found = frame
        frame = frame.f_back
    return found


def own_line(error: BaseException, function: Callable) -> str | None:
    """The learner's own line that led to an error, as in ``line 3: return x / 0``, or None where there is none."""
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if code is not None and f.filename == code.co_filename]
    if not own:
        return None
    line = own[-1]
    linecache.checkcache(line.filename)
    text = (line.line or "").strip()
    return f"line {line.lineno}: {text}" if text else f"line {line.lineno}"


class _TimeUp(BaseException):
    """Raised inside a worker whose time is up; no Exception, so that ``except Exception`` lets it pass.

    A loop with a bare ``except:`` catches even this. So each one that is delivered also asks for a trace function in
    the learner's frames, which raises another one some lines further on: the first time on the next line, the next
    time a line later, and so on, until one falls outside the learner's ``try``.
    """

    delivered = itertools.count()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        frames, frame = [], sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != __file__:
            frames.append(frame)
            frame = frame.f_back
        if not frames:
            return
        wait = next(self.delivered) % 4

        def trace(frame: Any, event: str, arg: Any) -> Callable:
            nonlocal wait
            if event == "line":
                wait -= 1
                if wait < 0:
                    raise _Again
            return trace

        outermost = frames[-1].f_code.co_filename
        for frame in frames:
            if frame.f_code.co_filename == outermost:
                frame.f_trace = trace
        sys.settrace(lambda frame, event, arg: None)


class _Again(_TimeUp):
    """The second exception, which asks for no third: the trace function that raises it is gone by then."""

    def __init__(self, *args: Any) -> None:
        BaseException.__init__(self, *args)


def _stop(worker: threading.Thread) -> None:
    """Raise in the worker until it ends or our patience does."""
    for _ in range(int(PATIENCE / 0.02)):
        if not worker.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(_TimeUp))
        worker.join(0.02)


@contextmanager
def _random_states_kept() -> Iterator[None]:
    numpy_random = getattr(sys.modules.get("numpy"), "random", None)
    before = random.getstate()
    numpy_before = numpy_random.get_state() if numpy_random else None
    random.seed(0)
    if numpy_random:
        numpy_random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)
        if numpy_random:
            numpy_random.set_state(numpy_before)


class _Printed:
    """A stand-in for ``sys.stdout`` that keeps what one thread writes and hands on what the others do."""

    def __init__(self, stream: Any, worker: threading.Thread) -> None:
        self._stream, self._worker = stream, worker
        self.text = ""

    def write(self, text: str) -> int:
        if threading.current_thread() is not self._worker:
            return self._stream.write(text)
        self.text += text[: MOST_PRINTED - len(self.text)]
        return len(text)

    def flush(self) -> None:
        if threading.current_thread() is not self._worker:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _prints_of(worker: threading.Thread) -> Iterator[_Printed]:
    """Keep the worker's standard output, and drop its warnings: the check says what matters in its own words."""
    out, err = sys.stdout, sys.stderr
    printed, warned = _Printed(out, worker), _Printed(err, worker)
    sys.stdout, sys.stderr = printed, warned
    try:
        yield printed
    finally:
        if sys.stdout is printed:
            sys.stdout = out
        if sys.stderr is warned:
            sys.stderr = err
