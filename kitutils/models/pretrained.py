"""Weights that the kit trained itself and carries along, each with its vocabulary and how it was made.

``weights/text_encoder.npz`` holds the arrays in float16, ``weights/text_encoder.json`` everything else: the vocabulary,
the sizes, the command, the data, the score and the hash of the arrays' file.

Lessons: 44.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from kitutils.data.tokens import WordPiece
from kitutils.errors import KitError
from kitutils.models.pretraining import pretraining_model
from kitutils.models.text import text_encoder

FOLDER = Path(__file__).parent / "weights"
NAME = "text_encoder"


class DamagedWeights(KitError):
    """The weights are not those that the kit was shipped with."""


class Pretrained(NamedTuple):
    """A pretrained text encoder.

    Attributes:
        body: the encoder, as :func:`kitutils.models.text_encoder` makes it.
        model: the same weights with the heads that it was pretrained with: :func:`kitutils.models.pretraining_model`.
        words: its vocabulary, which turns texts into tokens.
        facts: command, data, versions, date; "held out", the score: :func:`kitutils.train.pretrain.score`.
    """

    body: keras.Model
    model: keras.Model
    words: WordPiece
    facts: dict[str, Any]


def pretrained_text(folder: Path = FOLDER) -> Pretrained:
    """The encoder that the kit pretrained on the doc strings' training part; a new copy at each call.

    Args:
        folder: where the two files are.

    Raises:
        DamagedWeights: a file is missing, or the arrays are not those that the JSON file speaks of.
    """
    try:
        facts = json.loads((folder / f"{NAME}.json").read_text(encoding="utf8"))
        raw = (folder / f"{NAME}.npz").read_bytes()
    except (OSError, ValueError) as error:
        raise DamagedWeights(
            f"The kit's own weights in {folder.name}/ cannot be read ({error}). Get the kit's files anew: "
            "`git checkout -- kitutils/models/weights`."
        ) from error
    if hashlib.sha256(raw).hexdigest() != facts["sha256"]:
        raise DamagedWeights(
            f"{NAME}.npz is not the file that {NAME}.json describes: its sha256 differs. Get the kit's files anew: "
            "`git checkout -- kitutils/models/weights`."
        )
    words = WordPiece.from_dict(facts["words"])
    body = text_encoder(len(words.vocabulary), **facts["sizes"])
    model = pretraining_model(body)
    with np.load(folder / f"{NAME}.npz", allow_pickle=False) as saved:
        model.set_weights([saved[name].astype(np.float32) for name in sorted(saved.files)])
    return Pretrained(body, model, words, facts)


def write_weights(folder: Path, model: keras.Model, words: WordPiece, sizes: dict[str, int], facts: dict) -> None:
    """Writes the two files of a model that :func:`kitutils.models.pretraining_model` made.

    Args:
        folder: made if it is missing.
        sizes: the arguments that ``text_encoder`` got beside the vocabulary.
        facts: what else to keep: anything that JSON can hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"w{place:03d}": array.astype(np.float16) for place, array in enumerate(model.get_weights())}
    path = folder / f"{NAME}.npz"
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    kept = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "sizes": sizes, **facts, "words": words.to_dict()}
    _write(folder, kept)


def add_facts(folder: Path, facts: dict) -> None:
    """Adds to the JSON file that :func:`write_weights` wrote, or replaces in it; the arrays stay as they are.

    Args:
        facts: anything that JSON can hold, by name.
    """
    kept = json.loads((folder / f"{NAME}.json").read_text(encoding="utf8"))
    words = kept.pop("words")  # long, so it stands last
    _write(folder, kept | facts | {"words": words})


def _write(folder: Path, kept: dict) -> None:
    (folder / f"{NAME}.json").write_text(json.dumps(kept, ensure_ascii=False) + "\n", encoding="utf8", newline="\n")
