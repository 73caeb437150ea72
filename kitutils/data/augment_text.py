"""New training texts from old ones: synonyms, missing words, words that change places.

Three of the four operations of Wei and Zou, "EDA: easy data augmentation techniques for boosting performance on text
classification tasks", EMNLP 2019. The synonyms are the kit's own small table, made for talk about films.

Lessons: 15.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

# In a group each word may stand for each other in most sentences, and none says more or less than the others do.
GROUPS = (
    "film movie picture", "films movies pictures", "story tale plot", "actor performer", "actors performers",
    "cast ensemble", "director filmmaker", "script screenplay writing", "audience viewers public",
    "comedy farce", "thriller chiller", "humor wit", "kids children youngsters",
    "funny amusing hilarious comic", "good fine decent solid", "great excellent superb terrific wonderful",
    "best finest greatest", "bad poor lousy", "awful terrible dreadful horrible", "worst lousiest",
    "boring dull tedious bland", "beautiful lovely gorgeous", "beautifully gorgeously", "clever smart intelligent",
    "stupid dumb silly foolish", "moving touching affecting", "charming delightful endearing", "charm appeal",
    "compelling gripping engrossing riveting", "interesting intriguing fascinating", "predictable obvious formulaic",
    "fresh original inventive", "stale tired hackneyed", "powerful strong forceful", "weak feeble thin",
    "sweet gentle tender", "sad mournful", "slow sluggish plodding", "quick fast swift", "scary frightening creepy",
    "perfect flawless", "entertaining enjoyable diverting", "fun enjoyment pleasure", "enjoy relish savor",
    "hate loathe detest", "fails flops falters", "works succeeds", "mess shambles muddle", "flaws faults failings",
    "empty hollow shallow", "smart sharp bright", "honest sincere genuine", "fake phony artificial contrived",
    "annoying irritating grating", "very really extremely", "truly genuinely", "often frequently", "rarely seldom",
    "almost nearly", "completely entirely utterly totally", "big large", "whole entire",
    "new recent", "old aged", "strange odd weird", "unique singular", "clear plain", "rich lavish",
    "masterpiece triumph", "failure disaster flop", "laughs chuckles giggles", "waste squandering",
    "memorable unforgettable", "forgettable unmemorable", "energy vigor", "depth substance", "talented gifted",
    "brilliant dazzling", "ugly unsightly", "painful agonizing", "warm tender", "pretentious pompous",
)  # fmt: skip
NEGATIONS = frozenset({"not", "n't", "no", "never", "nor", "neither", "without", "hardly", "nothing", "none", "cannot"})


def _table() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for group in (group.split() for group in GROUPS):
        for word in group:
            others = (other for other in group if other != word)
            table[word] = tuple(dict.fromkeys((*table.get(word, ()), *others)))
    return table


SYNONYMS = _table()

Operation = Callable[[str, np.random.Generator], str]


def replace_words(text: str, rng: np.random.Generator, share: float = 0.5) -> str:
    """Replace each word that has synonyms with this chance by one of them.

    Args:
        text: words in lower case between spaces, as SST-2 has them; a word with a capital is left as it is.
        rng: where the randomness comes from.
        share: 0 to 1.

    Raises:
        ValueError: the share is no fraction.
    """
    _fraction(share)
    words = text.split()
    for i, word in enumerate(words):
        others = SYNONYMS.get(word)
        if others and rng.random() < share:
            words[i] = others[rng.integers(len(others))]
    return " ".join(words)


def delete_words(
    text: str, rng: np.random.Generator, share: float = 0.2, keep: frozenset[str] | set[str] = NEGATIONS
) -> str:
    """Leave out each word with this chance, but never all of them.

    Args:
        text: words between spaces.
        rng: where the randomness comes from.
        share: 0 to 1.
        keep: words in lower case that always stay: without its "not" a sentence says the opposite.

    Raises:
        ValueError: the share is no fraction.
    """
    _fraction(share)
    words = text.split()
    if not words:
        return ""
    stay = (rng.random(len(words)) >= share) | np.array([word.lower() in keep for word in words])
    if not stay.any():
        stay[rng.integers(len(words))] = True
    return " ".join(word for word, stays in zip(words, stay, strict=True) if stays)


def swap_words(text: str, rng: np.random.Generator, times: int = 1) -> str:
    """Let two random words change places, so many times.

    Args:
        text: words between spaces; with fewer than two it comes back as it is.
        rng: where the randomness comes from.
        times: 0 or more.
    """
    words = text.split()
    for _ in range(times if len(words) > 1 else 0):
        i, j = rng.choice(len(words), 2, replace=False)
        words[i], words[j] = words[j], words[i]
    return " ".join(words)


def with_copies(
    texts: Sequence[str], labels: Sequence[int], operation: Operation, *, copies: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The texts and, after them, ``copies`` changed versions of each, with their labels.

    Args:
        texts, labels: n of each.
        operation: from a text and a generator to a text, such as :func:`swap_words`.
        copies: of each text, 0 or more.
        seed: of the changes.

    Returns:
        Texts, an object array of str of shape (n · (1 + copies),), and labels of the same length and order.

    Raises:
        ValueError: there are more or fewer labels than texts.
    """
    if len(texts) != len(labels):
        raise ValueError(f"Each text has one label: got {len(texts)} texts and {len(labels)} labels.")
    rng = np.random.default_rng(seed)
    changed = [operation(text, rng) for _ in range(copies) for text in texts]
    return np.array([*texts, *changed], dtype=object), np.tile(np.asarray(labels), 1 + copies)


def _fraction(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share is a fraction from 0 to 1; got {share}.")
