"""An artifact by its name or its folder, and raw inputs for it from the data set that it was trained on.

For the command line; a lesson has both in its hands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kitutils import settings
from kitutils.course.artifacts import Artifact
from kitutils.ship.faults import BadExport, ShipError

WHERE = ("real", "generated", "stand-in")


def find_artifact(name: str) -> Artifact:
    """The artifact of a folder, or of a name such as "text" in the current profile, real data before a stand-in.

    Raises:
        ShipError: there is none.
        BadExport: its model is not the one that was saved.
    """
    below = settings.artifact_root() / settings.profile()
    places = [Path(name), *(below / data / name for data in WHERE)]
    folder = next((place for place in places if (place / "meta.json").is_file()), None)
    if folder is None:
        there = sorted({path.parent.name for path in below.glob("*/*/meta.json")})
        raise ShipError(
            f"There is no artifact {name} in the profile {settings.profile()}. There "
            + (f"are {', '.join(there)}. " if there else "is none yet. ")
            + "Run the lesson that saves it, or give a folder with model.keras and meta.json."
        )
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf8"))
        same = hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest() == meta["sha256"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadExport(
            f"The artifact {folder.name} is incomplete ({error.__class__.__name__}: {error}). Run its lesson again."
        ) from error
    if not same:
        raise BadExport(f"The model of artifact {folder.name} is not the one that was saved. Run its lesson again.")
    return Artifact(folder, meta)


def samples_for(artifact: Artifact, count: int = 256) -> Sequence[Any]:
    """Raw inputs of the data set that an artifact was trained on, drawn with a fixed seed.

    Raises:
        ShipError: the artifact does not say which data set that was.
    """
    import numpy as np

    from kitutils import data

    try:
        found = data.load(artifact.meta["data"]["name"])
    except (LookupError, TypeError) as error:
        raise ShipError(
            "The artifact's meta.json does not name its data set. Export it from Python, with samples=."
        ) from error
    rng = np.random.default_rng(0)
    if found.frame is None:
        rows = np.sort(rng.permutation(len(found.x_train))[:count])
        return found.x_train[rows]
    from kitutils.data import features

    frame = found.frame
    names = {entry["name"] for entry in artifact.meta["inputs"]}
    if names <= set(features.INPUTS) and not names <= set(frame.columns):
        frame = features.with_history(frame)
    return frame.iloc[np.sort(rng.permutation(len(frame))[:count])].to_dict("records")
