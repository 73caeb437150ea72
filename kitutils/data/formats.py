"""The prepared files, the one form in which the cache and a mirror hold a data set, and the check of what is in them.

Images are an ``.npz`` with the four arrays ``x_train, y_train, x_test, y_test``; texts are a ``.csv.gz`` with the
columns ``split, text, label``; tables are a ``.csv.gz`` with the publisher's columns. Nothing here is ever unpickled.
"""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kitutils.data.cards import Card
from kitutils.data.faults import DamagedFile

if TYPE_CHECKING:
    import pandas as pd

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
Content: TypeAlias = "dict[str, np.ndarray | pd.DataFrame] | pd.DataFrame"


def read(path: Path, card: Card) -> Content:
    """What a prepared file holds, in the form that ``Dataset`` hands out.

    Returns:
        For images and texts the four arrays: images uint8 NHWC, texts an object array of str, labels int64 1-D. For a
        table a DataFrame with the card's columns.

    Raises:
        DamagedFile: the file is not a prepared file of this data set.
    """
    try:
        if card.kind == "images":
            with np.load(path, allow_pickle=False) as archive:
                content: Content = images({name: archive[name] for name in ARRAYS})
        elif card.kind == "texts":
            content = _texts(path, card)
        else:
            content = table(path.read_bytes())
    except OSError as error:
        # A cut gzip stream is an OSError of Python's own making, without a number; a disk fault has one.
        if error.errno is not None:
            raise
        raise _unreadable(path, card, error) from error
    except Exception as error:  # zlib, zipfile, pandas and NumPy each have their own ways to say that a file is broken
        raise _unreadable(path, card, error) from error
    if fault := fault_of(content, card, exact_rows=True):
        raise DamagedFile(f"{path.name} does not hold {card.name}: {fault}")
    return content


def _unreadable(path: Path, card: Card, error: Exception) -> DamagedFile:
    return DamagedFile(f"{path.name} cannot be read as {card.name} ({type(error).__name__}: {error})")


def images(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Bring four arrays into the kit's form: a missing channel axis is added, labels become int64 and 1-D."""
    out = {}
    for name in ARRAYS:
        array = np.asarray(arrays[name])
        if name.startswith("x"):
            out[name] = array[..., None] if array.ndim == 3 else array
        else:
            out[name] = array.reshape(-1).astype(np.int64)
    return out


def texts(rows: dict[str, list[tuple[str, int]]]) -> dict[str, np.ndarray]:
    """Four arrays from ``{"train": [(text, label), …], "test": […]}``."""
    out: dict[str, np.ndarray] = {}
    for part in ("train", "test"):
        column = np.empty(len(rows[part]), dtype=object)
        column[:] = [text for text, _ in rows[part]]
        out[f"x_{part}"] = column
        out[f"y_{part}"] = np.array([label for _, label in rows[part]], dtype=np.int64)
    return out


def _texts(path: Path, card: Card) -> dict[str, np.ndarray]:
    import pandas as pd

    # Without keep_default_na=False a review that reads "null" or "NA" would arrive as a missing value.
    frame = pd.read_csv(path, compression="gzip", keep_default_na=False, dtype=str)
    rows = {}
    for part, in_file in card.parts.items():
        chosen = frame[(frame["split"] == in_file) & (frame["label"] != "")]
        rows[part] = list(zip(chosen["text"].tolist(), chosen["label"].astype(int).tolist(), strict=True))
    return texts(rows)


def table(raw: bytes) -> pd.DataFrame:
    """A table from the bytes of a CSV file, gzipped or not; empty cells and "NA" are missing values."""
    import pandas as pd

    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    return pd.read_csv(io.BytesIO(raw))


def write(path: Path, content: Content, card: Card) -> None:
    """Write ``content`` as a prepared file. The same content always gives the same bytes."""
    if card.kind == "images":
        with path.open("wb") as stream:
            np.savez(stream, **{name: content[name] for name in ARRAYS})
        return
    frame = content if card.kind == "table" else _text_frame(content, card)
    with path.open("wb") as stream, gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed:
        packed.write(frame.to_csv(index=False, lineterminator="\n").encode("utf8"))


def _text_frame(content: dict[str, np.ndarray], card: Card) -> pd.DataFrame:
    import pandas as pd

    parts = [
        pd.DataFrame({"split": in_file, "text": content[f"x_{part}"], "label": content[f"y_{part}"]})
        for part, in_file in card.parts.items()
    ]
    return pd.concat(parts, ignore_index=True)


def fault_of(content: Content, card: Card, exact_rows: bool) -> str | None:
    """How ``content`` differs from what the card promises, or None. A stand-in need not have the card's row counts."""
    return (_table_fault if card.kind == "table" else _array_fault)(content, card, exact_rows)


def _array_fault(content: dict[str, np.ndarray], card: Card, exact_rows: bool) -> str | None:
    for part in ("train", "test"):
        x, y = content[f"x_{part}"], content[f"y_{part}"]
        if card.kind == "images" and (x.shape[1:] != card.row_shape or x.dtype != np.uint8):
            return f"x_{part} is {x.dtype} {x.shape[1:]} per row, the card says uint8 {card.row_shape}"
        if card.kind == "texts" and not all(isinstance(text, str) for text in x):
            return f"x_{part} must hold nothing but texts"
        if len(x) != len(y):
            return f"x_{part} has {len(x)} rows and y_{part} has {len(y)}"
        if exact_rows and len(x) != card.rows[part]:
            return f"x_{part} has {len(x)} rows, the card says {card.rows[part]}"
        expected = set(range(len(card.classes))) if len(x) else set()
        if set(np.unique(y).tolist()) != expected:
            return f"y_{part} has the labels {sorted(set(y.tolist()))[:12]}, the card says {sorted(expected)}"
    return None


def _table_fault(frame: pd.DataFrame, card: Card, exact_rows: bool) -> str | None:
    if list(frame.columns) != list(card.columns):
        return f"its columns are {list(frame.columns)}, the card says {list(card.columns)}"
    if exact_rows and len(frame) != card.rows["all"]:
        return f"it has {len(frame)} rows, the card says {card.rows['all']}"
    for column, dtype in card.columns.items():
        got = str(frame[column].dtype)
        if (got in ("str", "object", "string")) != (dtype == "text") or (dtype != "text" and got != dtype):
            return f"column {column} is {got}, the card says {dtype}"
    return None
