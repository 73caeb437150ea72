"""Tasks as Label Studio writes and reads them in JSON: choices about texts, and boxes in pictures.

A task has ``data``, what the annotator sees, and ``annotations``, one for each annotator, with a list of results. Boxes
are in percent of the picture there, and in pixels, (top, left, bottom, right), here. The form is that of
https://labelstud.io/guide/task_format. Label Studio knows annotators by their e-mail addresses: use those as names in a
file that it is to import.

Lessons: 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from kitutils.data import labels
from kitutils.data.faults import DataError

Task = dict[str, Any]


class TaskError(DataError):
    """A task that is not in Label Studio's form; the message names it."""


def choice_tasks(
    texts: Sequence[str], votes: Mapping[str, ArrayLike], class_names: Sequence[str], *, tag: str = "topic"
) -> list[Task]:
    """Tasks that ask for one of several classes of a text, with the labels given so far.

    Args:
        texts: one each task, numbered from 1.
        votes: annotator → labels, int of shape (texts,), ``labels.MISSING`` where there is none.
        class_names: of label 0, 1, …
        tag: the name of the choices in the labelling interface.

    Raises:
        ValueError: an annotator's labels are not one a text, or one of them has no name.
    """
    votes = {name: _given(given, len(texts), class_names, name) for name, given in votes.items()}
    tasks = []
    for i, text in enumerate(texts):
        chosen = {name: class_names[given[i]] for name, given in votes.items() if given[i] != labels.MISSING}
        results = {name: [_result("choices", tag, "text", {"choices": [c]})] for name, c in chosen.items()}
        tasks.append(_task(i + 1, {"text": str(text)}, results))
    return tasks


def _given(given: ArrayLike, rows: int, class_names: Sequence[str], name: str) -> np.ndarray:
    given = np.asarray(given)
    if given.shape != (rows,) or not ((given >= labels.MISSING) & (given < len(class_names))).all():
        raise ValueError(
            f"{name} gives one label from 0 to {len(class_names) - 1}, or {labels.MISSING}, to each of {rows} texts; "
            f"got shape {given.shape}, values {np.unique(given)[:8]}."
        )
    return given


def read_choices(tasks: Sequence[Task]) -> pd.DataFrame:
    """The choices of all annotators.

    Returns:
        One row a choice: ``task`` (its id), ``annotator``, ``text``, ``label`` (a name). Annotations that were
        cancelled are left out, results of other kinds are passed over.

    Raises:
        TaskError: a task is malformed, or an annotator chose none or several where one was asked for.
    """
    rows = []
    for task, annotator, result in _results(tasks, "choices"):
        chosen = result["value"].get("choices")
        if not (isinstance(chosen, list) and len(chosen) == 1):
            raise TaskError(f"Task {task['id']}: one choice was asked for, {annotator} gave {chosen!r}.")
        rows.append((task["id"], annotator, task["data"].get("text"), chosen[0]))
    return pd.DataFrame(rows, columns=["task", "annotator", "text", "label"])


def box_tasks(
    images: Sequence[str],
    shapes: Sequence[tuple[int, int]],
    drawn: Mapping[str, Sequence[Sequence[tuple[str, ArrayLike]]]],
    *,
    tag: str = "box",
) -> list[Task]:
    """Tasks that ask for boxes in pictures, with those drawn so far.

    Args:
        images: where each picture lies, a path or an address; tasks are numbered from 1.
        shapes: (height, width) of each picture in pixels.
        drawn: annotator → for each picture a list of (label, box), boxes being (top, left, bottom, right).
        tag: the name of the rectangles in the labelling interface.

    Raises:
        ValueError: there is not one shape and one list of boxes a picture, or a box is none.
    """
    wrong = {name: len(lists) for name, lists in drawn.items() if len(lists) != len(images)}
    if len(shapes) != len(images) or wrong:
        raise ValueError(f"{len(images)} pictures need as many shapes and lists; got {len(shapes)} shapes, {wrong}.")
    tasks = []
    for i, (image, (height, width)) in enumerate(zip(images, shapes, strict=True)):
        size = {"original_width": width, "original_height": height, "image_rotation": 0}
        results = {}
        for name, lists in drawn.items():
            values = [_percent(labels.boxes(box), height, width) | {"rectanglelabels": [k]} for k, box in lists[i]]
            results[name] = [_result("rectanglelabels", tag, "image", value) | size for value in values]
        tasks.append(_task(i + 1, {"image": str(image)}, results))
    return tasks


def _percent(box: np.ndarray, height: int, width: int) -> dict[str, float]:
    top, left, bottom, right = (100 * box / [height, width, height, width]).tolist()
    return {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}


def read_boxes(tasks: Sequence[Task]) -> pd.DataFrame:
    """The boxes of all annotators, in pixels.

    Returns:
        One row a box: ``task`` (its id), ``annotator``, ``image``, ``label``, ``top, left, bottom, right`` (float64).
        Cancelled annotations are left out, results of other kinds are passed over.

    Raises:
        TaskError: a task is malformed, a box lies outside 0 to 100 percent, or is turned.
    """
    rows = []
    for task, annotator, result in _results(tasks, "rectanglelabels"):
        where, value = f"Task {task['id']}, {annotator}", result["value"]
        try:
            numbers = {name: float(value[name]) for name in ("x", "y", "width", "height")}
            width, height = float(result["original_width"]), float(result["original_height"])
            (label,) = value["rectanglelabels"]
        except (KeyError, TypeError, ValueError) as error:
            raise TaskError(
                f"{where}: a box has x, y, width, height and one label in rectanglelabels, and the result has "
                f"original_width and original_height. Not so here: {error}."
            ) from error
        if value.get("rotation"):
            raise TaskError(f"{where}: the box is turned by {value['rotation']} degrees; only upright ones are read.")
        rows.append((task["id"], annotator, task["data"].get("image"), label, *_pixels(numbers, height, width, where)))
    columns = ["task", "annotator", "image", "label", "top", "left", "bottom", "right"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[4:], float))


_ROUNDING = 0.01  # percent by which a box may stick out: tools round, and pixels read as percent are far off


def _pixels(box: Mapping[str, float], height: float, width: float, where: str) -> tuple[float, float, float, float]:
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    inside = min(box["x"], box["y"]) >= -_ROUNDING and max(right, bottom) <= 100 + _ROUNDING
    if not (inside and box["width"] > 0 and box["height"] > 0 and width > 0 and height > 0):
        raise TaskError(f"{where}: x, y, width and height are percent of the picture, not pixels; got {dict(box)}.")
    # A box that sticks out by a rounding ends at the border.
    x0, x1, y0, y1 = (min(max(edge, 0.0), 100.0) for edge in (box["x"], right, box["y"], bottom))
    return y0 * height / 100, x0 * width / 100, y1 * height / 100, x1 * width / 100


def _task(number: int, shown: dict[str, str], results: Mapping[str, list[dict]]) -> Task:
    annotations = [
        {"completed_by": {"email": name}, "was_cancelled": False, "result": result}
        for name, result in results.items()
        if result
    ]
    return {"id": number, "data": shown, "annotations": annotations}


def _result(kind: str, tag: str, source: str, value: dict) -> dict[str, Any]:
    return {"from_name": tag, "to_name": source, "type": kind, "value": value}


def _results(tasks: Sequence[Task], kind: str) -> Iterator[tuple[Task, str, dict]]:
    """Each result of this kind with its task and its annotator, after a look at the task's form."""
    if not isinstance(tasks, list):
        raise TaskError(f"An export is a list of tasks; got {type(tasks).__name__}.")
    for place, task in enumerate(tasks):
        if not (isinstance(task, dict) and "id" in task):
            raise TaskError(f"Task at place {place} of the list has no id: {str(task)[:80]}.")
        if not isinstance(task.get("data"), dict) or not isinstance(task.get("annotations"), list):
            raise TaskError(f"Task {task['id']}: a task has data, an object, and annotations, a list.")
        for annotation in task["annotations"]:
            if not (isinstance(annotation, dict) and isinstance(annotation.get("result"), list)):
                raise TaskError(f"Task {task['id']}: each annotation has result, a list; got {str(annotation)[:80]}.")
            if annotation.get("was_cancelled"):
                continue
            for result in annotation["result"]:
                if not (isinstance(result, dict) and isinstance(result.get("value"), dict)):
                    raise TaskError(f"Task {task['id']}: each result has value, an object; got {str(result)[:80]}.")
                if result.get("type") == kind:
                    yield task, _annotator(annotation.get("completed_by")), result


def _annotator(completed_by: Any) -> str:
    """Label Studio gives a number, or an object with the e-mail address; an export without names gives nothing."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email", completed_by.get("id"))
    return "unknown" if completed_by is None else str(completed_by)
