"""Models handed from one lesson to the next: a folder and nothing else.

``artifacts/<profile>/<data>/<name>/`` holds ``model.keras`` and ``meta.json``. ``<data>`` is "real", "generated" or
"stand-in", so that a model trained on a stand-in is never taken for one trained on the data it stands in for; whether
real data came from the cache, a mirror or its publisher makes no difference to a model, so they share a folder.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitutils import settings
from kitutils.errors import KitError

if TYPE_CHECKING:
    import keras

FORMAT = 1


class BadArtifact(KitError):
    """An artifact's folder is incomplete or its model is not the one that was saved."""


@dataclass(frozen=True)
class Artifact:
    """A saved model and what is needed to use it.

    Attributes:
        path: the folder, with ``model.keras`` and ``meta.json``.
        meta: ``name``, ``lesson``, ``profile``, ``data`` (name and source of the data set), ``inputs`` (name, shape
            without the batch, dtype of each), ``sha256`` of ``model.keras``, versions, and what the lesson added:
            labels, the input's value range, preprocessing or vocabulary.
    """

    path: Path
    meta: Mapping[str, Any]

    def model(self) -> keras.Model:
        """Load the Keras model; first the kit's module that ``layers`` names, if its layers are not all Keras' own."""
        import keras

        if str(layers := self.meta.get("layers", "")).startswith("kitutils."):
            importlib.import_module(layers)
        return keras.saving.load_model(self.path / "model.keras")


def save_artifact(name: str, model: keras.Model, *, lesson: str, data: Any, **meta: Any) -> Artifact:
    """Save a trained model for later lessons, replacing an older one of the same name as a whole.

    Args:
        name: letters, digits and underscores, "digits_cnn".
        model: Functional or Sequential, built and trained. It is saved without its optimizer's state, which is twice
            the size of the weights and of no use to a lesson that predicts.
        lesson: the number of the lesson that made it, "01".
        data: the ``Dataset`` it was trained on.
        **meta: anything JSON can hold that a user of the model needs: ``labels``, ``input_range``, ``preprocessing``;
            ``layers``, the kit's module that defines the model's own layers.

    Raises:
        ValueError: the name is none, or the model is not built.
    """
    import keras

    if not name.isidentifier():
        raise ValueError(f"An artifact's name is letters, digits and underscores, got {name!r}.")
    if not model.built:
        raise ValueError(f"An artifact is a built model; {model.name} is not. Train it before you save it.")
    folder = _folder(name, data.source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and renamed: a lesson that is interrupted leaves the old model or the new, never half.
    part = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        # .keras files carry the optimizer's state whenever there is one; a model loaded without it has none. A clone
        # would have none either, but it forgets what a layer has adapted to, such as a vocabulary.
        model.save(part / "model.keras")
        keras.saving.load_model(part / "model.keras", compile=False).save(part / "model.keras")
        record = {
            "format": FORMAT,
            "name": name,
            "lesson": lesson,
            "profile": settings.profile(),
            "data": {"name": data.name, "source": data.source},
            "inputs": [{"name": x.name, "shape": list(x.shape[1:]), "dtype": str(x.dtype)} for x in model.inputs],
            "sha256": _sha256(part / "model.keras"),
            "keras": keras.__version__,
            **meta,
        }
        (part / "meta.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{name}-old-", dir=folder.parent))
            folder.rename(old / name)
            try:
                part.rename(folder)
            except BaseException:
                (old / name).rename(folder)
                raise
            finally:
                shutil.rmtree(old)
        else:
            part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Artifact(folder, record)


def artifact(name: str, *, make: Callable[[], keras.Model], lesson: str, data: Any, **meta: Any) -> Artifact:
    """The model that an earlier lesson saved; a small one of ``make``'s where it is missing, so that lessons run alone.

    Args:
        name, lesson, data, **meta: as for :func:`save_artifact`; ``lesson`` is the one that makes the model.
        make: trains and returns a small model; called only if there is none for this profile and this data.

    Raises:
        BadArtifact: the folder is there, but its model is missing, altered or from a newer kit.
    """
    folder = _folder(name, data.source)
    if not folder.exists():
        print(f"No {name} from lesson {lesson} here yet: making a small one.")
        return save_artifact(name, make(), lesson=lesson, data=data, made_by="stand-in training", **meta)
    mend = f"Delete the folder {_short(folder)} and run lesson {lesson} again."
    try:
        record = json.loads((folder / "meta.json").read_text(encoding="utf8"))
        version, saved = record["format"], record["sha256"]
        found = _sha256(folder / "model.keras")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadArtifact(f"The artifact {name} is incomplete ({error.__class__.__name__}). {mend}") from error
    if version != FORMAT:
        raise BadArtifact(f"The artifact {name} has format {version!r}, this kit reads {FORMAT}. {mend}")
    if found != saved:
        raise BadArtifact(f"The model of artifact {name} is not the one that was saved: its sha256 differs. {mend}")
    return Artifact(folder, record)


def _folder(name: str, source: str) -> Path:
    data = source if source in ("generated", "stand-in") else "real"
    return settings.artifact_root() / settings.profile() / data / name


def _short(path: Path) -> str:
    """The path below the artifact root: an absolute one would put a machine's folders into a notebook."""
    return str(Path("artifacts") / path.relative_to(settings.artifact_root()))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
