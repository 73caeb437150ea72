"""The state of a training in one file: what is needed to go on after any interruption as if there had been none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras
import numpy as np

from kitutils.train.errors import WrongFolder

STATE = "state.npz"


def save(path: Path, model: keras.Model, facts: dict) -> None:
    """Writes weights, the state of dropout and other random layers, the optimizer's variables, and ``facts``.

    The file is written under another name, flushed to the disk and renamed, so that at any moment a whole one is there.

    Args:
        facts: anything that JSON can hold.
    """
    arrays = {f"v{place:05d}": array for place, array in enumerate(_arrays(model))}
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def facts(path: Path) -> dict | None:
    """The facts of a saved state; None where there is none.

    Raises:
        WrongFolder: the file is no state of a training.
    """
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as saved:
            return json.loads(saved["facts"].tobytes())
    except Exception as error:  # zipfile, NumPy and json each have their own ways to say that a file is broken
        raise WrongFolder(
            f"{path} is not the state of a training ({type(error).__name__}). Remove it to begin anew, or choose "
            "another folder."
        ) from error


def restore(path: Path, model: keras.Model) -> dict:
    """Gives the model and its optimizer the saved state; returns the facts.

    Raises:
        WrongFolder: the state is that of another model.
    """
    found = facts(path)
    with np.load(path, allow_pickle=False) as saved:
        arrays = [saved[name] for name in sorted(saved.files) if name != "facts"]
    variables = _variables(model)
    ours, theirs = [tuple(v.shape) for v in variables], [array.shape for array in arrays]
    if ours != theirs:
        raise WrongFolder(
            f"{path} was saved from another model or optimizer: it has {len(theirs)} arrays, this one {len(ours)}"
            + ("." if len(ours) != len(theirs) else ", of other shapes.")
            + " Use another folder for another model."
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return found


def _variables(model: keras.Model) -> list:
    """All that changes while training. ``model.variables`` has the random states too; metrics are reset each epoch."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _arrays(model: keras.Model) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(variable) for variable in _variables(model)]
