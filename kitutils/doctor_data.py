"""What ``kit doctor`` says about the kit's data: the cache and the mirror that its settings lead to.

Standard library only: the kit's own data stage needs packages that may be what is broken, so the few lines of JSON that
it keeps (:mod:`kitutils.data.store`, :mod:`kitutils.data.mirror`) are read here once more. Only a Python that the kit
supports comes this far.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from kitutils import settings
from kitutils.doctor_findings import OK, PROBLEM, WARNING, Finding, kit, listed, unset_variable
from kitutils.doctor_probe import Facts, unwritable

T = TypeVar("T")
CONNECT_S = 3.0  # for a mirror's answer; the data stage waits as long
MIRROR_S = 8.0  # for all of its answers
SMALL = 5_000_000  # bytes; a larger file's hash is left to `kit data verify`


def look(facts: Facts, root: Path) -> Facts:
    """The ``KIT_`` variables, and the folders and data that they lead to."""
    wrong = set()
    for read in (settings.profile, settings.offline, settings.strict_data, settings.strict_claims, settings.headless):
        try:
            read()
        except ValueError as error:
            wrong.add(str(error))
    home, where, names = settings.home(), settings.mirror(), downloads(root / "datasets")
    cached, faults = look_at_cache(home / "data", names)
    private = {str(home): "<KIT_HOME>"} | dict(facts.private)
    facts = facts._replace(
        settings=tuple(sorted(wrong)),
        unwritable=facts.unwritable + unwritable([("KIT_HOME", home)]),
        cached=cached,
        cache_faults=tuple(faults),
    )
    if where:
        private |= {where: "<mirror>", without_password(where): "<mirror>"}
        trouble, faults, lacks = look_at_mirror(where, names)
        facts = facts._replace(
            mirror=without_password(where),
            mirror_trouble=trouble,
            mirror_faults=tuple(faults),
            mirror_lacks=tuple(lacks),
        )
    return facts._replace(private=tuple(private.items()))


def downloads(cards: Path) -> list[str]:
    """The data sets whose card says that they are downloads."""
    pattern = re.compile(r"^origin:\s*download\s*$", re.MULTILINE)
    return sorted(path.stem for path in cards.glob("*.yaml") if pattern.search(path.read_text(encoding="utf8")))


def look_at_cache(folder: Path, names: Iterable[str]) -> tuple[int, list[tuple[str, str]]]:
    """How many data sets the cache says it holds, and what is wrong with which. Large files are judged by size."""
    count, faults = 0, []
    for name in names:
        note = folder / f"{name}.json"
        if not note.exists():
            continue
        count += 1
        try:
            held = _entry(json.loads(note.read_text(encoding="utf8")))
        except (OSError, ValueError) as error:
            faults.append((name, f"{note.name} cannot be read ({error})"))
            continue
        if fault := _file_fault(folder, held):
            faults.append((name, fault))
    return count, faults


def look_at_mirror(where: str, names: Iterable[str]) -> tuple[str, list[str], list[str]]:
    """Why a mirror cannot be used at all ("" if it can), its faulty files with the fault, the data sets it lacks."""
    try:
        if where.lower().startswith(("http://", "https://")):
            return within(MIRROR_S, lambda: _ask_mirror(where.rstrip("/"), names))
        folder = Path(where).expanduser()
        if not folder.is_dir():
            return "it is not a folder", [], []
        held = _manifest((folder / "MANIFEST.json").read_bytes())
    except urllib.error.HTTPError as error:  # an OSError, too
        return f"its MANIFEST.json was answered with {error.code} {error.reason}", [], []
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        return f"its MANIFEST.json cannot be read ({reason})", [], []
    except ValueError as error:
        return f"its MANIFEST.json is not in the form that datasets/README.md describes ({error})", [], []
    faults = [fault for entry in held.values() if (fault := _file_fault(folder, entry))]
    return "", faults, sorted(set(names) - set(held))


def _ask_mirror(where: str, names: Iterable[str]) -> tuple[str, list[str], list[str]]:
    def fetch() -> bytes:
        with urllib.request.urlopen(_request(where, "MANIFEST.json"), timeout=CONNECT_S) as answer:
            return answer.read(1 << 20)

    # The time limit of a connection does not cover the look-up of its host.
    held = _manifest(within(CONNECT_S + 1, fetch))
    faults = []
    for entry in held.values():
        try:
            with urllib.request.urlopen(_request(where, entry["file"], "HEAD"), timeout=CONNECT_S) as answer:
                size = answer.headers.get("Content-Length")
        except urllib.error.HTTPError as error:
            if error.code in (404, 410, 403):  # others may only mean that the server knows no HEAD
                faults.append(f"{entry['file']} is listed and not there ({error.code} {error.reason})")
            continue
        if size is not None and int(size) != entry["bytes"]:
            faults.append(f"{entry['file']} has {int(size):,} bytes where {entry['bytes']:,} are listed")
    return "", faults, sorted(set(names) - set(held))


def _request(where: str, file: str, method: str = "GET") -> urllib.request.Request:
    """A request for a mirror's file; a name and password in the address become a header, as requests would do it."""
    request = urllib.request.Request(f"{without_password(where)}/{quote(file)}", method=method)
    login = urlsplit(where).netloc.rpartition("@")[0]
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(unquote(login).encode()).decode())
    return request


def _manifest(text: bytes) -> dict[str, dict[str, Any]]:
    held = json.loads(text)
    if not isinstance(held, dict):
        raise ValueError("it is not a mapping of data sets")
    return {name: _entry(entry) for name, entry in held.items()}


def _entry(entry: Any) -> dict[str, Any]:
    """A file's record as the cache and a mirror keep it.

    Raises:
        ValueError: it is none.
    """
    try:
        file, sha256, size = str(entry["file"]), str(entry["sha256"]), int(entry["bytes"])
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"bad entry {entry!r}") from error
    if Path(file).name != file or len(sha256) != 64 or size <= 0:
        raise ValueError(f"bad entry {entry!r}")
    return {"file": file, "sha256": sha256, "bytes": size}


def _file_fault(folder: Path, entry: Mapping[str, Any]) -> str:
    """What is wrong with a prepared file, "" if nothing shows; only small files are read."""
    path = folder / entry["file"]
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return f"{path.name} has {size:,} bytes where {entry['bytes']:,} were expected"
        if size <= SMALL and hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            return f"{path.name} has changed: its sha256 is another"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror or error})"
    return ""


def without_password(address: str) -> str:
    """An address as it may be shown."""
    name = urlsplit(address).netloc
    return address.replace(name, name.rpartition("@")[2], 1) if "@" in name else address


def within(seconds: float, work: Callable[[], T]) -> T:
    """The result of ``work``, run beside this thread so that no system call can hold it up.

    Raises:
        TimeoutError: it took longer; it is left to itself.
    """
    outcome: list[tuple[T | None, Exception | None]] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except Exception as error:  # raised again below
            outcome.append((None, error))

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(seconds)
    if not outcome:
        raise TimeoutError(f"no answer within {seconds:g} s")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


# --- the findings -----------------------------------------------------------------------------------------------------


def _cache(facts: Facts) -> list[Finding]:
    cause = "A disk fault, or a program that changed it. A load fetches it again, and offline takes a stand-in."
    faults = [
        Finding("cache", PROBLEM, f"{name} is damaged: {what}.", cause, kit(facts, f"data fetch {name}"))
        for name, what in facts.cache_faults
    ]
    if faults or not facts.cached:
        return faults or [Finding("cache", OK, "empty")]
    sets = f"{facts.cached} data set{'s' if facts.cached > 1 else ''}"
    return [Finding("cache", OK, f"{sets}, sizes and small files checked; kit data verify reads them whole")]


def _mirror(facts: Facts) -> list[Finding]:
    if not facts.mirror:
        return [Finding("mirror", OK, "none is set")]
    if facts.mirror_trouble:
        what = f"The mirror {facts.mirror} cannot be used: {facts.mirror_trouble}."
        cause = "KIT_MIRROR names it. Correct that, or connect to its network; the command goes on without it."
        mend = unset_variable(facts, "KIT_MIRROR")
        return [Finding("mirror", PROBLEM, what, cause, mend)]
    pack = kit(facts, "data pack FOLDER")
    if facts.mirror_faults:
        what = f"The mirror {facts.mirror} is not whole: {listed(facts.mirror_faults)}."
        cause = (
            "It was not copied to its end, or files have changed since it was packed. Copy it again, or pack it anew "
            "on a machine with a network."
        )
        return [Finding("mirror", PROBLEM, what, cause, pack)]
    if facts.mirror_lacks:
        what = f"The mirror {facts.mirror} does not hold {listed(facts.mirror_lacks)}."
        cause = (
            "Lessons that load them ask the publisher, and without a network take a stand-in. The command adds them, "
            "on a machine with a network."
        )
        mend = f"{pack} {' '.join(facts.mirror_lacks)}"
        return [Finding("mirror", WARNING, what, cause, mend)]
    return [Finding("mirror", OK, f"{facts.mirror}, all there by size, small files by hash")]


CHECKS = (_cache, _mirror)
