"""Encoders that others pretrained: a KerasHub preset, by name or from a folder, for the kit's own fine-tuning.

A preset is a network with its weights and its vocabulary. The package ``keras-hub`` is an extra of the kit; no other
module needs it.

Lessons: 45.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from kitutils import settings
from kitutils.data.tokens import PAD, Tokens
from kitutils.errors import KitError

INPUTS = {"token_ids", "segment_ids", "padding_mask"}
EXPECTED = "Expected what `save_to_preset(folder)` of a KerasHub backbone and of its tokenizer writes, into one folder."


class PresetError(KitError):
    """A preset cannot be had, or is not one that the kit can fine-tune."""


def library() -> Any:
    """The package ``keras_hub``.

    Raises:
        PresetError: it cannot be imported.
    """
    try:
        import keras_hub
    except ImportError as error:
        raise PresetError(
            f"Presets need the package keras-hub, which cannot be imported ({_first_line(error)}). Install the kit's "
            'extra: `python -m pip install -e ".[presets]"`.'
        ) from error
    return keras_hub


@dataclass(frozen=True)
class PresetWords:
    """A preset's vocabulary, which turns texts into its pieces.

    Attributes:
        tokenizer: KerasHub's own, such as ``BertTokenizer``.
        length: pieces a row, the first and the last one of the frame among them; a longer text is cut.
    """

    tokenizer: Any
    length: int

    def encode(self, texts: Sequence[str] | np.ndarray) -> Tokens:
        """Texts, shape (rows,), to pieces between the preset's first and last one, padded with zeros.

        Raises:
            TypeError: something is not a str, or one text came where a list of them was expected.
        """
        if isinstance(texts, str | bytes) or not all(isinstance(text, str) for text in texts):
            raise TypeError("Expected a list of str. Put a single text into a list; leave out what is missing.")
        ids = np.full((len(texts), self.length), PAD, dtype=np.int32)
        found = self.tokenizer.tokenize(list(texts)) if len(texts) else []
        for row, pieces in enumerate(found):
            framed = [self.tokenizer.start_token_id, *pieces[: self.length - 2], self.tokenizer.end_token_id]
            ids[row, : len(framed)] = framed
        return Tokens(ids, ids != PAD)


class Preset(NamedTuple):
    """An encoder and its vocabulary.

    Attributes:
        body: KerasHub's network, such as ``BertBackbone``, up to its tokens' vectors (rows, tokens, width), for
            :func:`kitutils.models.text_classifier` and :func:`kitutils.train.finetune.freeze`.
        words: what turns texts into its tokens.
    """

    body: keras.Model
    words: PresetWords


def preset(name: str | Path, *, length: int = 128) -> Preset:
    """A pretrained encoder: from a folder that KerasHub's ``save_to_preset`` wrote, or by name from the network.

    A name is asked for on Kaggle, by KerasHub, which keeps what it has fetched in a cache of its own. Names:
    "bert_tiny_en_uncased" (4 million weights), "bert_base_en_uncased" (109 million), and others that KerasHub lists.
    With ``KIT_OFFLINE`` and in the profile ``ci`` only folders are taken.

    Args:
        name: of a preset, or a folder.
        length: pieces a row of what ``words.encode`` gives.

    Raises:
        PresetError: keras-hub is missing; the preset cannot be fetched or read; it takes other inputs than an encoder's
            ``token_ids``, ``segment_ids`` and ``padding_mask``, has fewer positions than ``length``, does not pad with
            zeros, or has a vocabulary that is not its own.
    """
    hub, folder = library(), Path(name)
    try:
        if not folder.is_dir():
            _may_be_fetched(name)
        elif not (folder / "config.json").is_file():
            raise PresetError(f"The folder {folder.name} is no preset: it has no config.json. {EXPECTED}")
        backbone = hub.models.Backbone.from_preset(str(name))
        _check_network(folder.name, backbone, length)
        tokenizer = hub.tokenizers.Tokenizer.from_preset(str(name))
    except (OSError, ValueError, TypeError, KeyError) as error:
        todo = (
            EXPECTED if folder.is_dir() else "Check the name and the network, or give a folder that holds the preset."
        )
        raise PresetError(f"The preset {folder.name} cannot be had: {_first_line(error)}. {todo}") from error
    if tokenizer.vocabulary_size() > backbone.vocabulary_size:
        raise PresetError(
            f"{folder.name} has {tokenizer.vocabulary_size()} pieces and {backbone.vocabulary_size} rows in its table. "
            f"Its files belong to two networks. {EXPECTED}"
        )
    if tokenizer.pad_token_id != PAD:
        raise PresetError(
            f"{folder.name} pads with the number {tokenizer.pad_token_id}, the kit's batches with {PAD}. Choose "
            "another, such as bert_tiny_en_uncased."
        )
    found = backbone.output
    # BERT's second output, one vector a text, stays out: its layer would be trained by nothing.
    tokens = found["sequence_output"] if isinstance(found, dict) else found
    return Preset(keras.Model(backbone.input, tokens, name=backbone.name), PresetWords(tokenizer, length))


def _may_be_fetched(name: str | Path) -> None:
    written = str(name)
    if isinstance(name, Path) or ("://" not in written and ("/" in written or "\\" in written)):
        raise PresetError(f"There is no folder {written}. {EXPECTED}")
    if settings.offline():
        raise PresetError(
            f"The preset {written} would have to be fetched, and KIT_OFFLINE or the profile ci forbids it. Give a "
            "folder that holds the preset, or unset KIT_OFFLINE."
        )


def _check_network(name: str, backbone: keras.Model, length: int) -> None:
    taken = {tensor.name for tensor in backbone.inputs}
    if not {"token_ids", "padding_mask"} <= taken <= INPUTS:
        raise PresetError(
            f"{name} is a {type(backbone).__name__} and takes {', '.join(sorted(taken))}; an encoder of texts takes "
            "token_ids, padding_mask and perhaps segment_ids. Choose one, such as bert_tiny_en_uncased."
        )
    places = getattr(backbone, "max_sequence_length", length)
    if not 3 <= length <= places:
        raise PresetError(f"{name} has {places} positions, so length is from 3 to {places}; got {length}.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
