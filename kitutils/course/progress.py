"""What a learner has done, in ``KIT_HOME/progress.json``: exercises tried, hints used, predictions made.

Written whole to another name and renamed, under a lock, so that two notebooks can record at once and a crash leaves the
old file. A file that cannot be read is set aside under a dated name, never overwritten. Where nothing can be saved the
lesson goes on. Headless runs record nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from kitutils import settings

Notices = tuple[str, ...]

_LOCK_SECONDS = 5.0
_unsaveable_told: set[str] = set()


def record_attempt(exercise: str, right: bool) -> Notices:
    """Count an attempt at an exercise and keep when it was first right. Returns what the learner should be told."""

    def change(data: dict[str, Any]) -> None:
        entry = _exercise(data, exercise)
        entry["attempts"] += 1
        if right and entry["right_at"] is None:
            entry["right_at"] = datetime.now(UTC).isoformat(timespec="seconds")

    return _update(change)


def record_hint(exercise: str, tier: int) -> Notices:
    """Keep the highest tier of hints, 1 to 3, that was opened. Returns what the learner should be told."""

    def change(data: dict[str, Any]) -> None:
        entry = _exercise(data, exercise)
        entry["hints"] = max(entry["hints"], tier)

    return _update(change)


def record_prediction(prediction: str, choice: str | None = None, outcome: str | None = None) -> Notices:
    """Keep a learner's choice, or how it came out. Returns what the learner should be told."""

    def change(data: dict[str, Any]) -> None:
        entry = data["predictions"].setdefault(prediction, {"choice": None, "outcome": None})
        if choice is not None:
            entry["choice"] = choice
        if outcome is not None:
            entry["outcome"] = outcome

    return _update(change)


def read() -> dict[str, Any]:
    """The progress so far: ``{"version", "exercises": {id: {attempts, right_at, hints}}, "predictions": {id:
    {choice, outcome}}}``; empty if there is none, or if it cannot be read."""
    with _locked():
        data, _ = _load(set_aside=False)
    return data


def reset() -> Path | None:
    """Start afresh; returns where the old file was put, None if there was none."""
    path = _file()
    if not path.exists():
        return None
    with _locked():
        return _set_aside(path, "before-reset")


def learner() -> str:
    """The random id from which a learner's own probes are drawn; made once and kept in ``KIT_HOME/learner.json``.

    Headless runs all have the same id. Where it cannot be kept it lasts as long as the kernel.
    """
    if settings.headless():
        return "headless"
    path = settings.home() / "learner.json"
    with _locked() as locked:
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))["id"]
            if isinstance(kept, str) and kept:
                return kept
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none yet, or none that can be read: the next lines make one
        if locked:
            with suppress(OSError):
                _write(path, {"id": _id_of_this_process()})
    return _id_of_this_process()


@cache
def _id_of_this_process() -> str:
    return secrets.token_hex(8)


def _file() -> Path:
    return settings.home() / "progress.json"


def _exercise(data: dict[str, Any], exercise: str) -> dict[str, Any]:
    return data["exercises"].setdefault(exercise, {"attempts": 0, "right_at": None, "hints": 0})


def _update(change: Callable[[dict[str, Any]], None]) -> Notices:
    """Read, change and write under the lock: the one door through which progress is recorded."""
    if settings.headless():
        return ()
    with _locked() as locked:
        if locked:
            try:
                data, notices = _load(set_aside=True)
                change(data)
                _write(_file(), data)
                return notices
            except OSError as error:
                reason = error.strerror or str(error)
        else:
            reason = "the folder cannot be written, or another program holds its lock"
    home = str(settings.home())
    if home in _unsaveable_told:
        return ()
    _unsaveable_told.add(home)
    return (f"Your progress cannot be saved in {home} ({reason}). The lesson works without it.",)


def _load(set_aside: bool) -> tuple[dict[str, Any], Notices]:
    path = _file()
    try:
        return _checked(json.loads(path.read_text(encoding="utf-8"))), ()
    except FileNotFoundError:
        return _empty(), ()
    except (ValueError, KeyError, TypeError):  # cut off, edited by hand, or not ours
        if not set_aside:
            return _empty(), ()
        kept = _set_aside(path, "unreadable")
        return _empty(), (f"Your progress file could not be read. It was kept as {kept.name}, and a new one begun.",)
    except OSError:
        if set_aside:
            raise
        return _empty(), ()


def _empty() -> dict[str, Any]:
    return {"version": 1, "exercises": {}, "predictions": {}}


def _checked(data: Any) -> dict[str, Any]:
    """The data if every entry has its fields, so that nobody after this needs to look again.

    Raises:
        KeyError, TypeError, ValueError: something is missing or of another type.
    """
    for entry in data["exercises"].values():
        if not (isinstance(entry["attempts"], int) and isinstance(entry["hints"], int)):
            raise TypeError("attempts and hints are whole numbers")
        entry["right_at"]
    for entry in data["predictions"].values():
        entry["choice"], entry["outcome"]
    if data["version"] != 1:
        raise ValueError(f"version {data['version']} of progress.json is not known")
    return data


def _set_aside(path: Path, why: str) -> Path:
    stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    kept = path.with_name(f"{path.stem}-{why}-{stamp}{path.suffix}")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.stem}-{why}-{stamp}-{number}{path.suffix}")
    path.replace(kept)
    return kept


def _write(path: Path, data: dict[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        for attempt in range(5):
            try:
                part.replace(path)
                return
            except PermissionError:  # Windows, while a virus scanner or an editor has the file open
                if attempt == 4:
                    raise
                time.sleep(0.05)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _locked() -> Iterator[bool]:
    """Hold the lock of the learner's files; yields False where it cannot be had."""
    from filelock import FileLock, Timeout

    home = settings.home()
    # Windows tells a read-only folder from a held lock only by waiting: wait for it once, not at every exercise.
    lock = FileLock(home / "progress.lock", timeout=0 if str(home) in _unsaveable_told else _LOCK_SECONDS)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError, Timeout):  # read-only, full, or a network folder without locks
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
