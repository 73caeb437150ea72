"""From texts to rows of word pieces, by a vocabulary that is trained on the training texts and goes with the model.

Lessons: 44.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kitutils.data.faults import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # in this order, the first pieces of every vocabulary
PAD, UNK, CLS, SEP, MASK = range(len(SPECIAL))
LONGEST_WORD = 100  # characters; a longer one is [UNK]
SIGNS = 500  # letters and signs that a vocabulary has, the most frequent ones; each takes two pieces


class Tokens(NamedTuple):
    """Texts as word pieces.

    ``ids`` int32, ``mask`` bool, both of shape (rows, length): True where there is a piece, False where there is
    padding.
    """

    ids: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class WordPiece:
    """A vocabulary of word pieces, and what turns a text into them, as in BERT.

    Texts are read in lower case without accents and control characters, and cut into words and signs; each word is cut
    into the longest pieces that the vocabulary has, those after the first beginning with ``##`` (Devlin et al., "BERT",
    NAACL 2019; Wu et al., "Google's neural machine translation system", 2016). A word that cannot be put together is
    ``[UNK]``.

    Attributes:
        vocabulary: the pieces, each at the place of its number; the first are ``SPECIAL``.
        length: pieces a row, ``[CLS]`` and ``[SEP]`` among them; a longer text is cut.

    Raises:
        ValueError: ``SPECIAL`` does not come first, a piece is there twice, or ``length`` is less than 3.
    """

    vocabulary: tuple[str, ...]
    length: int

    def __post_init__(self) -> None:
        if self.vocabulary[: len(SPECIAL)] != SPECIAL:
            raise ValueError(f"A vocabulary begins with {', '.join(SPECIAL)}; got {self.vocabulary[: len(SPECIAL)]}.")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("A piece stands in the vocabulary twice. Each may have one number only.")
        if self.length < 3:
            raise ValueError(f"A row holds [CLS], a piece and [SEP], so length is 3 or more; got {self.length}.")

    def encode(self, texts: Sequence[str] | np.ndarray) -> Tokens:
        """Texts, shape (rows,), to pieces between ``[CLS]`` and ``[SEP]``, padded with ``[PAD]``.

        A text is encoded alike alone and among others. ``[MASK]`` in a text is a blank; the other special pieces are
        read as the signs that they are written with.

        Raises:
            TypeError: something is not a str; the message says where.
        """
        ids = np.full((len(texts), self.length), PAD, dtype=np.int32)
        for row, found in enumerate(self._tokenizer.encode_batch_fast(_checked(texts))):
            ids[row, : len(found.ids)] = found.ids
        return Tokens(ids, ids != PAD)

    def pieces(self, text: str) -> list[str]:
        """The pieces of one text, without those that are added to every row.

        Raises:
            TypeError: it is not a str.
        """
        return self._tokenizer.encode(*_checked([text]), add_special_tokens=False).tokens

    def decode(self, ids: ArrayLike) -> str:
        """The text of one row of pieces, shape (pieces,), a space between words, without padding and frame."""
        words: list[str] = []
        for number in np.asarray(ids).tolist():
            piece = self.vocabulary[number]
            if number in (PAD, CLS, SEP):
                continue
            if piece.startswith("##") and words:
                words[-1] += piece[2:]
            else:
                words.append(piece)
        return " ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """All that it is, for a JSON file such as an artifact's ``meta.json``."""
        return {"kind": "wordpiece", "vocabulary": list(self.vocabulary), "length": self.length}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> WordPiece:
        """What ``to_dict`` gave.

        Raises:
            ValueError: it is something else.
        """
        if kept.get("kind") != "wordpiece" or not {"vocabulary", "length"} <= set(kept):
            raise ValueError(f"Expected what WordPiece.to_dict gives; got a mapping with {sorted(kept)}.")
        return cls(tuple(kept["vocabulary"]), int(kept["length"]))

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizers = _library()
        numbers = {piece: number for number, piece in enumerate(self.vocabulary)}
        made = _untrained(
            tokenizers.models.WordPiece(numbers, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD)
        )
        made.add_special_tokens(["[MASK]"])
        made.post_processor = tokenizers.processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
        )
        made.enable_truncation(self.length)
        return made


def train_wordpiece(texts: Iterable[str], *, size: int = 8000, length: int = 128, at_least: int = 2) -> WordPiece:
    """Learn a vocabulary of word pieces from texts; give it the training texts only.

    The most frequent pairs of pieces are joined, one after the other (Sennrich, Haddow and Birch, "Neural machine
    translation of rare words with subword units", ACL 2016), which is what HF ``tokenizers`` does under this name.

    Args:
        texts: str, any number.
        size: pieces in all, ``SPECIAL`` and each sign of the texts among them, the latter twice: at the beginning of a
            word and within. Fewer come out where the texts hold no more.
        length: pieces a row, of the :class:`WordPiece` that is returned.
        at_least: how often a pair must occur to become a piece.

    Raises:
        TypeError: something is not a str.
        DataError: the package ``tokenizers`` is not installed.
    """
    tokenizers = _library()
    texts = _checked(texts if isinstance(texts, str | bytes) else list(texts))
    made = _untrained(tokenizers.models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD))
    signs = Counter()
    for text in texts:
        signs.update("".join(made.normalizer.normalize_str(text).split()))
    alphabet = sorted(sorted(signs, key=lambda sign: (-signs[sign], sign))[:SIGNS])
    # Left to itself the library numbers the signs within a word in an order that changes from run to run, and the
    # choice between two pairs that are equally frequent with it. Pieces that are announced have fixed numbers.
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=at_least,
        special_tokens=[*SPECIAL, *alphabet, *(f"##{sign}" for sign in alphabet)],
        limit_alphabet=len(alphabet),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    numbers = made.get_vocab()
    return WordPiece(tuple(sorted(numbers, key=numbers.get)), length)


def _untrained(model: Any) -> Tokenizer:
    tokenizers = _library()
    made = tokenizers.Tokenizer(model)
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return made


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise DataError(
            "Word pieces need the package tokenizers, which is not installed in this Python. Install it: "
            "`python -m pip install tokenizers`."
        ) from error
    return tokenizers


def _checked(texts: Sequence[str] | np.ndarray) -> list[str]:
    if isinstance(texts, str | bytes):
        raise TypeError(f"Expected a list of texts; got one {type(texts).__name__}. Put it into a list: [text].")
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            hint = (
                "Decode it first: raw.decode('utf8')." if isinstance(text, bytes) else "Leave it out, or put '' there."
            )
            raise TypeError(f"Texts are str; row {row} is {type(text).__name__}, {str(text)[:40]!r}. {hint}")
    # Half of a surrogate pair cannot be written as UTF-8, which is what the library works on.
    return [text.encode("utf8", "replace").decode("utf8") for text in texts]
