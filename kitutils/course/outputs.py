"""What a notebook's outputs hold: text, pictures and claims; and how they are made the same on every machine."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kitutils import settings
from kitutils.course.claims import MIME as CLAIM
from kitutils.course.claims import band_text

_WIDGET = "application/vnd.jupyter.widget-view+json"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]")  # every escape sequence but colours, which end in m
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_LIBRARY = re.compile(r"(?:~|…|\b[A-Za-z]:)?[/\\](?:[^\s'\"\x1b]*[/\\])?(?=(?:site-packages|python3\.\d+)[/\\])")
_ANY_HOME = re.compile(r"(?<![\w.])(?:/home|/Users|/root|/tmp|/var/folders)/[\w.-]+|\b[A-Za-z]:\\+Users\\+[\w.-]+")


@dataclass(frozen=True)
class Claim:
    """One asserted number out of a notebook's outputs; ``at_least`` and ``at_most`` are its band, None for open."""

    name: str
    label: str
    value: float
    at_least: float | None
    at_most: float | None
    holds: bool
    profile: str
    source: str
    headline: bool

    @property
    def band(self) -> str:
        """The expected band in words, such as "≥ 0.95" or "0.9 to 1"; empty if any value will do."""
        return band_text(self.at_least, self.at_most)


def claims(notebook) -> list[Claim]:
    """The claims that a notebook's outputs hold, in order."""
    found = []
    for _, output in each(notebook):
        bundle = output.get("data", {}).get(CLAIM)
        if bundle is not None:
            found.append(
                Claim(
                    name=bundle["name"],
                    label=bundle.get("label") or bundle["name"],
                    value=bundle["value"],
                    at_least=bundle.get("at_least"),
                    at_most=bundle.get("at_most"),
                    holds=bundle.get("holds") is not False,
                    profile=bundle.get("profile") or "",
                    source=bundle.get("source") or "",
                    headline=bool(bundle.get("headline")),
                )
            )
    return found


def each(notebook) -> Iterator[tuple[int, dict]]:
    """All outputs of a notebook, each with its cell's position."""
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            yield position, output


def texts(output: dict) -> Iterator[str]:
    """Everything in an output that a reader sees as text: streams, tracebacks and text-like parts of a bundle."""
    if output["output_type"] == "stream":
        yield output["text"]
    elif output["output_type"] == "error":
        yield output["evalue"]
        yield plain("\n".join(output["traceback"]))
    else:
        for mime, value in output["data"].items():
            if mime.startswith("text/") or mime == "image/svg+xml":
                yield value if isinstance(value, str) else "".join(value)


def plain(text: str) -> str:
    """``text`` without terminal colours."""
    return _ANSI.sub("", text)


def machine_dependent(text: str, roots: Iterable[str] = ()) -> str | None:
    """The first thing in ``text`` that differs from machine to machine: a path or a memory address; None if none.

    Args:
        roots: folders of this machine, beside the usual homes and temporary folders of any machine.
    """
    for root in roots:
        if found := re.search(rf"(?<!\w){re.escape(root)}(?![\w-])[^\s'\"]*", text):
            return f"the path {found[0]}"
    if found := _ANY_HOME.search(text):
        return f"the path {found[0]}"
    if found := _ADDRESS.search(text):
        return f"the memory address {found[0]}"
    return None


def machine_roots() -> list[str]:
    """Folders of this machine that must not appear in a stored output, the longest first."""
    kit = (settings.root(), settings.home(), settings.artifact_root())
    folders = (*kit, Path.home(), Path(tempfile.gettempdir()), Path(sys.prefix))
    found = {str(path) for folder in folders for path in (folder, folder.resolve())} - {"/", "/usr", "/usr/local"}
    found |= {path.replace("\\", other) for path in found for other in ("/", "\\\\")}  # Windows, as a repr shows it
    return sorted(found, key=len, reverse=True)


def tidy(notebook, roots: Iterable[str] = ()) -> None:
    """Makes a freshly executed notebook's outputs the same on every machine, in place.

    Neighbouring pieces of one stream become one, progress lines keep their last state, widgets go, which without a
    kernel are dead, and tracebacks, which a lesson shows on purpose, lose the machine's paths and addresses.
    """
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        kept: list = []
        for output in cell.outputs:
            if output.get("data", {}).pop(_WIDGET, None) is not None:
                continue
            if output["output_type"] == "stream" and kept and kept[-1].get("name") == output["name"]:
                kept[-1]["text"] += output["text"]
            else:
                kept.append(output)
        for output in kept:
            if output["output_type"] == "stream":
                output["text"] = last_state(output["text"])
            elif output["output_type"] == "error":
                output["evalue"] = scrub(output["evalue"], roots)
                output["traceback"] = [scrub(line, roots) for line in output["traceback"]]
        cell.outputs = [output for output in kept if output["output_type"] != "stream" or output["text"]]


def last_state(text: str) -> str:
    """What a terminal shows after ``text``: of each line, what stands behind the last carriage return.

    Backspaces that jump back to the line's start, as Keras' progress bar sends them, count as a return.
    """
    lines = []
    for line in _CURSOR.sub("", text).replace("\r\n", "\n").split("\n"):
        states = [state for state in re.split(r"[\r\b]+", line) if state]
        lines.append(states[-1] if states else "")
    return "\n".join(lines)


def scrub(text: str, roots: Iterable[str]) -> str:
    """``text`` with the machine's folders shortened to "…/" and memory addresses to "0x…"."""
    for root in roots:
        text = re.sub(rf"{re.escape(root)}(?![\w-])", "…", text)
    text = _LIBRARY.sub("…/", text)
    return _ADDRESS.sub("0x…", text)
