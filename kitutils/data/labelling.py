"""A panel for labelling texts in a notebook, one at a time with a button for each class; silent when headless.

Labels are kept in ``KIT_HOME/labels/<name>.json`` by text, so that a restart of the kernel loses nothing and another
version of the data cannot give a label to the wrong text.

Lessons: 11.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from kitutils import settings
from kitutils.course.buttons import Buttons
from kitutils.course.predictions import live
from kitutils.data.labels import MISSING

BACK = "← back"


class Labelling:
    """Texts to be labelled, and the labels given so far. Made by :func:`ask`."""

    def __init__(self, name: str, texts: Sequence[str], class_names: Sequence[str], *, keep: bool) -> None:
        self._texts, self._classes = tuple(map(str, texts)), tuple(class_names)
        self._file = settings.home() / "labels" / f"{name}.json" if keep else None
        self._chosen = self._read()
        self._at = next((i for i, text in enumerate(self._texts) if text not in self._chosen), 0)
        self._trouble = ""
        self.panel: Buttons | None = None

    def labels(self) -> np.ndarray:
        """The labels so far: int64 of shape (texts,), ``labels.MISSING`` where there is none yet."""
        number = {name: i for i, name in enumerate(self._classes)}
        return np.array([number.get(self._chosen.get(text), MISSING) for text in self._texts], dtype=np.int64)

    def show(self) -> None:
        """Display the panel below the running cell. Every button can be reached and pressed by keyboard."""
        self.panel = Buttons("", "", (*self._classes, BACK), tooltip="I choose", on_click=self._clicked)
        self._turn()
        self.panel.show()

    def _clicked(self, choice: str) -> None:
        step = -1
        if choice != BACK:
            self._chosen[self._texts[self._at]] = choice
            self._keep()
            step = 1
        self._at = min(max(self._at + step, 0), len(self._texts) - 1)
        self._turn()

    def _turn(self) -> None:
        done, total = int((self.labels() != MISSING).sum()), len(self._texts)
        self.panel.ask(f"{self._at + 1} of {total}:", self._texts[self._at])
        words = (
            "All are labelled; you may still change them." if done == total else f"{done} labelled. Stop when you like."
        )
        self.panel.say(f"{words} {self._trouble}".strip(), chosen=self._chosen.get(self._texts[self._at]))

    def _read(self) -> dict[str, str]:
        with suppress(OSError, ValueError, AttributeError):  # none yet, or none that can be read: start afresh
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return {text: label for text, label in kept.items() if text in self._texts and label in self._classes}
        return {}

    def _keep(self) -> None:
        try:
            _write(self._file, self._chosen)
            self._trouble = ""
        except OSError as error:
            self._trouble = f"They cannot be saved ({error.strerror or error}), and last as long as this kernel."


def ask(name: str, texts: Sequence[str], class_names: Sequence[str]) -> Labelling:
    """Show the panel, with the labels of an earlier session; where nobody can answer, show and read nothing.

    Args:
        name: of the file that keeps the labels: letters, digits, "-" and "_".
        texts: different from one another.
        class_names: of label 0, 1, …, two or more.

    Returns:
        The labels so far, through ``labels()``; cells further down see what was clicked since.

    Raises:
        ValueError: the name would make no file name, a text comes twice, or there are fewer than two classes.
    """
    if not (isinstance(name, str) and re.fullmatch(r"[\w-]+", name)):
        raise ValueError(f'A name of letters, digits, "-" and "_" is needed, such as "lesson_11"; got {name!r}.')
    if len(set(texts)) < len(texts) or not len(texts):
        raise ValueError(
            f"Texts are told apart by their words; of these {len(texts)}, {len(set(texts))} are different."
        )
    if len(set(class_names)) < 2 or BACK in class_names:
        raise ValueError(f"Two or more classes are needed, none of them {BACK!r}; got {list(class_names)}.")
    shown = live()
    labelling = Labelling(name, texts, class_names, keep=shown)
    if shown:
        labelling.show()
    return labelling


def _write(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
