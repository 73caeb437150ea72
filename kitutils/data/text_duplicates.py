"""Texts that say the same in nearly the same words: found exactly, without comparing every pair.

Standard library only.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import ceil

SHINGLE = 3  # words
_WORD = re.compile(r"[a-z]+|\d+", re.ASCII)


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Every three words in a row, in lower case, each number read as 0, without punctuation.

    A text of one or two words is one shingle; one without any has none.
    """
    words = tuple("0" if word[0].isdigit() else word for word in _WORD.findall(text.lower()))
    if 0 < len(words) < SHINGLE:
        return frozenset({words})
    return frozenset(zip(*(words[shift:] for shift in range(SHINGLE)), strict=False))


def similarity(one: frozenset, other: frozenset) -> float:
    """The Jaccard index of two sets: the share of what either has that both have; 1 for two empty sets."""
    return len(one & other) / len(one | other) if one or other else 1.0


def first_like(texts: Sequence[str], threshold: float = 0.7) -> list[int]:
    """For each text the position of the first one that it repeats; its own where it repeats none.

    Two texts are alike where the Jaccard index of their shingles is ``threshold`` or more (Broder, "On the resemblance
    and containment of documents", 1997). Texts are taken in their order and compared with those that repeat none, so a
    chain of small changes does not tie two different texts together; and no two of those that repeat none are alike.

    Candidates come from an index of each text's rarest shingles: two texts that share none of those cannot be alike
    (prefix filtering: Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", WWW 2007). The result is that
    of comparing all pairs.

    Args:
        texts: any texts; two without a single word are alike.
        threshold: above 0, at most 1. 1 finds those with the same shingles.

    Returns:
        Positions, not larger than the text's own.

    Raises:
        ValueError: the threshold lies elsewhere.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is a share above 0 and at most 1; got {threshold}.")
    sets = [shingles(text) for text in texts]
    counts = Counter(shingle for found in sets for shingle in found)
    first = list(range(len(texts)))
    same: dict[frozenset, int] = {}
    index: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, found in enumerate(sets):
        if found in same:  # equal words, the commonest case by far
            first[position] = same[found]
            continue
        rarest = sorted(found, key=lambda shingle: (counts[shingle], shingle))
        # The small step down keeps the rounding of a product from cutting one too many.
        rarest = rarest[: len(found) - ceil(threshold * len(found) - 1e-9) + 1]
        near = {
            other
            for shingle in rarest
            for other in index[shingle]
            if threshold * max(len(found), len(sets[other])) <= min(len(found), len(sets[other])) + 1e-9
        }
        first[position] = min(
            (other for other in near if similarity(found, sets[other]) >= threshold), default=position
        )
        if first[position] == position:
            for shingle in rarest:
                index[shingle].append(position)
        same[found] = first[position]
    return first
