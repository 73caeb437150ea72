"""Made-up sentences about films, for the stand-ins of SST-2 and IMDB: judgement and small talk from word lists.

A bag of words gets most of them right; what it misses are the judgements that a "not" turns round.
"""

from __future__ import annotations

import numpy as np

THINGS = [
    "plot", "cast", "script", "ending", "dialogue", "camera", "music", "story", "pace", "humour", "romance",
    "villain", "mood", "editing", "lead",
]  # fmt: skip
GOOD = [
    "moving", "clever", "warm", "gripping", "funny", "tender", "vivid", "fresh", "honest", "graceful", "witty",
    "charming", "superb", "sharp", "lovely",
]  # fmt: skip
BAD = [
    "dull", "clumsy", "hollow", "tedious", "stale", "shallow", "noisy", "lazy", "bleak", "messy", "forced",
    "wooden", "bland", "awful", "pointless",
]  # fmt: skip
PRAISE = [
    "delights", "shines", "soars", "surprises", "rewards", "glows", "lingers", "works", "sings", "charms",
]  # fmt: skip
BLAME = [
    "drags", "fails", "bores", "stumbles", "sinks", "annoys", "collapses", "grates", "tires", "misfires",
]  # fmt: skip
ASIDES = [
    "i saw it on a rainy evening",
    "the director has made two films before",
    "it runs for nearly two hours",
    "most of it takes place in one house",
    "the camera follows a family across a summer",
    "there is a long scene on a train",
    "my neighbour had told me about it",
    "the credits roll over an empty street",
    "it was shot in black and white",
    "half of the hall was empty",
]
DEGREES = ["", "truly", "often", "rather", "deeply", "at times", "quite"]


def short(rows: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """``rows`` phrases of 3 to 20 words in lower case, each with its label, 1 for praise; labels in equal shares."""
    return [(_judgement(label, rng), int(label)) for label in rng.permutation(np.arange(rows) % 2)]


def long(rows: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """``rows`` reviews of several sentences, with small talk and a view of the other side, each with its label."""
    return [(_review(label, rng), int(label)) for label in rng.permutation(np.arange(rows) % 2)]


def _judgement(label: int, rng: np.random.Generator) -> str:
    thing, other = rng.choice(THINGS, 2, replace=False)
    degree = rng.choice(DEGREES)
    mine, theirs = (GOOD, BAD) if label else (BAD, GOOD)
    form = rng.integers(0, 6)
    if form == 0:
        words = f"a {rng.choice(mine)} {thing}"
    elif form == 1:
        words = f"the {thing} {degree} {rng.choice(PRAISE if label else BLAME)}"
    elif form == 2:
        words = f"the {thing} is {degree} {rng.choice(mine)} and the {other} is {rng.choice(mine)}"
    elif form == 3:
        words = f"not {degree} {rng.choice(theirs)} , and the {thing} is {rng.choice(mine)}"
    elif form == 4:
        words = f"the {thing} is {rng.choice(theirs)} , but the {other} {rng.choice(PRAISE if label else BLAME)}"
    else:
        words = f"{rng.choice(ASIDES)} , and the {thing} is {degree} {rng.choice(mine)}"
    return " ".join(words.split())


def _review(label: int, rng: np.random.Generator) -> str:
    sentences = [_judgement(label, rng) for _ in range(rng.integers(3, 7))]
    sentences += list(rng.choice(ASIDES, rng.integers(2, 5), replace=False))
    if rng.random() < 0.5:
        sentences.append(_judgement(1 - label, rng))
    text = [f"{sentence.capitalize()}." for sentence in rng.permutation(sentences)]
    middle = len(text) // 2
    return " ".join(text[:middle]) + "<br /><br />" + " ".join(text[middle:])
