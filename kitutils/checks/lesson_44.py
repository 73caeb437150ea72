"""Checks of lesson 44."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from kitutils.course.compare import same
from kitutils.course.grading import Wrong, check, equal, expect, part, refuse, run
from kitutils.data.tokens import MASK, SPECIAL


def _softmax(likeness, axis=-1):
    raised = np.exp(likeness - likeness.max(axis=axis, keepdims=True))
    return raised / raised.sum(axis=axis, keepdims=True)


# River is (2, 0), bank (1, 1). Each question of 44.1: the right answer, how far off is near enough for an answer of
# three digits, and what to say to the likeliest wrong ones.
_ITSELF, _OTHER = 4 / math.sqrt(2), 2 / math.sqrt(2)
_RIVER = {
    "likeness of river and river": (
        _ITSELF,
        0.005,
        {
            4: "4 is the product of river and river. Divide it by the square root of 2, the numbers a word has.",
            2: "You divide the product of river and river by 2. Divide it by the square root of 2.",
            _OTHER: "That is river and bank. River and river are asked for: 2 · 2 + 0 · 0, then the root.",
        },
    ),
    "likeness of river and bank": (
        _OTHER,
        0.005,
        {
            2: "2 is the product of river and bank. Divide it by the square root of 2, the numbers a word has.",
            1: "You divide the product of river and bank by 2. Divide it by the square root of 2.",
            3 / math.sqrt(2): "Water meets water and money meets money: 2 · 1 + 0 · 1.",
        },
    ),
    "weight that river gives bank": (
        1 / (1 + math.exp(_ITSELF - _OTHER)),
        0.002,
        {
            1 / (1 + math.exp(2)): "This weight comes from products that are not divided by the square root of 2.",
            1 / (1 + math.exp(1)): "This weight comes from products divided by 2 and not by its square root.",
            _OTHER: "That is a likeness and no weight: softmax is missing.",
            math.exp(_OTHER): "That is e to the likeness. Divide it by the sum over both words.",
            1 / 3: "Dividing a likeness by the sum of both is no softmax: raise e to each of them first.",
            math.exp(_OTHER - _ITSELF): "You divide by the other word's e^likeness. The sum has both.",
            1 / (1 + math.exp(_OTHER - _ITSELF)): "That is what river gives itself. What is left for bank?",
            0.5: "Bank gives each word a half, river does not. The sum is over the words that river looks at.",
            1 / (1 + math.exp(_ITSELF - _OTHER) + math.exp(-_OTHER)): "That is from the table above, where *the* has "
            "a share as well. Now there are two words.",
        },
    ),
    "water in the new river": (
        1 + 1 / (1 + math.exp(_OTHER - _ITSELF)),
        0.006,
        {
            1 + 1 / (1 + math.exp(-2)): "This mean comes from products that are not divided by the square root of 2.",
            1 + 1 / (1 + math.exp(-1)): "This mean comes from products divided by 2 and not by its square root.",
            2 * _ITSELF + _OTHER: "You mixed by the likenesses. Mix by the weights, which add up to 1.",
            2 * math.exp(_ITSELF) + math.exp(_OTHER): "The weights do not add up to 1: divide by their sum.",
            2 / (1 + math.exp(_OTHER - _ITSELF)): "Bank's water is missing: it has 1, and its own weight.",
            1 + 1 / (1 + math.exp(_ITSELF - _OTHER)): "You have swapped the weights: most of it comes from river.",
            1 / (1 + math.exp(_ITSELF - _OTHER)): "That is the money, which bank alone brings. Asked for is the water.",
            1.5: "Both words have the same weight here. River gives itself the larger one.",
            2: "You took river alone. Both words are mixed, each by its weight.",
            1.7226: "That is from the table above, where *the* has a share as well. Now there are two words.",
        },
    ),
}


@check(
    "44.1",
    title="One row of attention, by hand",
    minutes=5,
    answer="value",
    hints=(
        "River is (2, 0), bank (1, 1). Which products of numbers go into the likeness of two words?",
        "Water times water plus money times money, divided by the square root of 2. Then e to each of the two "
        "likenesses; a weight is one of these, divided by the sum of both. The new water is the mean of 2 and 1 by the "
        "weights.",
        "(2 * 2 + 0 * 0) / np.sqrt(___), (2 * ___ + 0 * ___) / np.sqrt(___), "
        "np.exp(___) / (np.exp(___) + np.exp(___)), ___ * 2 + ___ * 1",
    ),
)
def river(answer, rng):
    expect(
        isinstance(answer, Mapping) and set(answer) == set(_RIVER),
        "Keep the four questions as they are, and put a number in place of each ... .",
    )
    for question, (right, near, otherwise) in _RIVER.items():
        with part(question):
            got = answer[question]
            number = isinstance(got, int | float | np.number) and not isinstance(got, bool)
            expect(number and np.isfinite(got), f"A number is asked for; got {got!r}.")
            for wrong, words in otherwise.items():
                expect(abs(got - wrong) > 0.005 or abs(got - right) <= near, words)
            equal(float(got), right, tol=near)


@check(
    "44.2",
    title="Hide words as BERT does",
    minutes=10,
    hints=(
        "Two questions for each token: is it chosen? And if so, which of three fates has it?",
        "One array of random numbers in the shape of ids says who is chosen, a second one what becomes of them: below "
        "0.8, from 0.8 to 0.9, above. np.where puts the cases together.",
        "chosen = (rng.random(ids.shape) < ___) & (ids >= ___)\n"
        "fate = rng.random(ids.shape)\n"
        "inputs = np.where(chosen & (fate < ___), 4, ids)\n"
        "other = rng.integers(___, size, ids.shape)\n"
        "inputs = np.where(chosen & (fate >= ___), other, inputs)\n"
        "return inputs, chosen",
    ),
)
def hide(answer, rng):
    size, words, rows = 60, len(SPECIAL), 600
    ids = rng.integers(words, size, (rows, 100)).astype(np.int32)
    lengths = rng.integers(20, 100, rows)
    ids[np.arange(100) >= lengths[:, None]] = 0  # padding
    ids[:, 0], ids[np.arange(rows), lengths - 1] = 2, 3  # [CLS] and [SEP]
    ids[np.arange(rows), lengths // 2] = 1  # [UNK]
    special = ids < words
    inputs, chosen = _hidden(answer, ids, 0, size)
    with part("which tokens are chosen"):
        expect(
            not (chosen & (ids == 0)).any(),
            "Some of the padding is chosen: there is nothing to guess. Only ids from 5 on are words.",
        )
        expect(
            not (chosen & special).any(), "[UNK], [CLS] or [SEP] is chosen. Only ids from 5 on are words to be guessed."
        )
        share = chosen[~special].mean()
        expect(0.13 < share < 0.17, f"15 % of the words are to be chosen; yours are {100 * share:.1f} %.")
        expect(
            len(np.unique(chosen[:, 1:10], axis=0)) > 20,
            "The same places are chosen in every row: draw a number for each token, in the shape of ids.",
        )
    with part("what becomes of them"):
        expect(
            np.array_equal(inputs[~chosen], ids[~chosen]),
            "A token that is not among the chosen was changed. All others go in as they are.",
        )
        masked, kept = (inputs == MASK) & chosen, (inputs == ids) & chosen
        _judge_fates(inputs, ~masked & ~kept & chosen, masked.sum() / chosen.sum(), kept.sum() / chosen.sum(), size)
    with part("where the chance comes from"):
        again, more = _hidden(answer, ids, 0, size), _hidden(answer, ids, 1, size)
        expect(
            same(again[0], inputs) and same(again[1], chosen),
            "The same rng gives another result the second time: draw all random numbers from rng.",
        )
        expect(
            not same(more[1], chosen),
            "Another rng gives the same choice: use the rng that is handed in, or each epoch hides the same words.",
        )


def _hidden(answer, ids: np.ndarray, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """What the learner's function makes of the ids, as two arrays of their shape."""
    got = run(answer, ids, np.random.default_rng(seed), size, returns=(tuple, list))
    expect(len(got) == 2, "Return two arrays: return inputs, chosen.")
    inputs, chosen = (np.asarray(array) for array in got)
    expect(
        inputs.shape == chosen.shape == ids.shape,
        f"Both arrays have the shape of ids, {ids.shape}; yours are {inputs.shape} and {chosen.shape}.",
    )
    expect(chosen.dtype == bool, f"chosen says True or False for each token; yours holds {chosen.dtype}.")
    expect(inputs.dtype.kind in "iu", f"inputs are ids, whole numbers; yours are {inputs.dtype}.")
    return inputs, chosen


def _judge_fates(inputs: np.ndarray, changed: np.ndarray, masked: float, kept: float, size: int) -> None:
    """80 % of the chosen hidden, 10 % another piece, drawn from all words, 10 % as they were."""
    expect(masked < 0.97, "All that is chosen becomes [MASK]. One in ten becomes another word, and one in ten stays.")
    expect(
        masked > 0.02,
        "No chosen token becomes [MASK], which is id 4. Eight in ten do.",
    )
    others = inputs[changed]
    expect(len(others) > 0, "No chosen token becomes another word: one in ten does, a random id from 5 on.")
    expect(kept > 0.005, "No chosen token stays as it is. One in ten does, so that a word may be right as it stands.")
    expect((others < size).all(), f"A random id is {others.max()}; the vocabulary ends at {size - 1}.")
    expect(
        (others >= len(SPECIAL)).all(),
        "A chosen token became [PAD], [UNK], [CLS] or [SEP]. Draw the random ids from 5 on.",
    )
    expect(len(np.unique(others)) > 20, "All chosen tokens that change become the same word: draw one for each token.")
    off = max(abs(masked - 0.8), abs(kept - 0.1))
    expect(
        off < 0.035,
        f"Of the chosen, {masked:.0%} became [MASK], {1 - masked - kept:.0%} another word, {kept:.0%} stayed; "
        "80 %, 10 % and 10 % are asked for. Let one random number decide among the three.",
    )


def _weights(x, mask, wq, wk, hide="columns", scale=True):
    """Attention's weights; ``hide`` says how the mask enters."""
    likeness = x @ wq @ (x @ wk).transpose(0, 2, 1) / (np.sqrt(wk.shape[1]) if scale else 1)
    if hide == "columns":
        likeness = np.where(mask[:, None, :], likeness, -1e9)
    elif hide == "by a product":
        likeness = likeness * mask[:, None, :]
    return _softmax(likeness)


@check(
    "44.3",
    title="Find three bugs round a mask",
    minutes=20,
    hints=(
        "Put other numbers into the padded words of x and run it again. Which results move, and should they?",
        "likeness[i, j, k]: in text i, word j looks at word k. Who must not be looked at, j or k? And when can a word "
        "be left out so that the weights of the others still add up to 1?",
        "likeness = np.where(mask[:, ___, ___], likeness, ___)\n"
        "raised = np.exp(likeness - likeness.max(axis=-1, keepdims=True))\n"
        "weights = raised / raised.sum(axis=-1, keepdims=True)\n"
        "there = mask[:, :, None]\n"
        "return weights, (weights @ value * there).sum(axis=1) / ___",
    ),
)
def look(answer, rng):
    mask = np.arange(6) < rng.permutation([2, 3, 5, 6])[:, None]
    x, (wq, wk, wv) = rng.normal(size=(4, 6, 4)), rng.normal(size=(3, 4, 4))
    weights, means = _looked(answer, x, mask, wq, wk, wv)
    plain = _weights(x, mask, wq, wk, "nothing")
    with part("no word looks at padding"):
        expect(
            not same(weights.sum(axis=1)[mask], np.ones(mask.sum()), 1e-5),
            "Your softmax runs over the words that look. It runs over those that are looked at, which are on axis -1.",
        )
        to_padding = mask[:, :, None] & ~mask[:, None, :]
        got = weights[to_padding]
        refuse(
            got,
            plain[to_padding],
            "You do not use the mask: words look at padding as at any other word."
            if same(weights[~mask], plain[~mask], 1e-6)
            else "You hide the rows of padding, its own looking. Hide its columns, so that nobody looks at it: mask "
            "goes onto the last axis.",
        )
        zero = _weights(x, mask, wq, wk, "by a product")[to_padding]
        refuse(got, zero, "A likeness of 0 is not nothing: e⁰ is 1. Make it very small, such as -1e9.")
        equal(got, np.zeros_like(got), "A word that is there gives padding a weight.", tol=1e-6)
    with part("which word gets how much"):
        from_to = mask[:, :, None] & mask[:, None, :]
        got = weights[from_to]
        refuse(
            got,
            plain[from_to],
            "Padding got its share in the softmax and was struck out afterwards, so that the weights of a word add up "
            "to less than 1. Hide it before.",
        )
        unscaled = _weights(x, mask, wq, wk, scale=False)[from_to]
        refuse(got, unscaled, "The likeness is no longer divided by the square root of the length.")
        equal(got, _weights(x, mask, wq, wk)[from_to], tol=1e-5)
    with part("the mean over the words that are there"):
        _judge_means(means, weights @ (x @ wv), mask)


def _looked(answer, x, mask, wq, wk, wv) -> tuple[np.ndarray, np.ndarray]:
    got = run(answer, x, mask, wq, wk, wv, returns=(tuple, list))
    expect(len(got) == 2, "Return two arrays: the weights and the means.")
    weights, means = (np.asarray(array, dtype=float) for array in got)
    texts, words, width = x.shape
    expect(
        weights.shape == (texts, words, words) and means.shape == (texts, width),
        f"Weights have the shape {(texts, words, words)}, means {(texts, width)}; yours are {weights.shape} and "
        f"{means.shape}.",
    )
    if not np.isfinite(weights[mask]).all():
        raise Wrong(
            "Your weights hold nan or inf. Hide with a large negative number, such as -1e9, before the softmax."
        )
    return weights, means


def _judge_means(means: np.ndarray, mixed: np.ndarray, mask: np.ndarray) -> None:
    """Judged by the learner's own weights, so that this part can be right while an earlier one is not."""
    there, count = np.where(mask[:, :, None], mixed, 0), mask.sum(axis=1, keepdims=True)
    refuse(
        means, mixed.mean(axis=1), "The mean counts padding: sum the words that are there, and divide by their number."
    )
    refuse(
        means, there.mean(axis=1), "You leave padding out of the sum, and still divide by the number of all columns."
    )
    refuse(means, there.sum(axis=1), "That is the sum over the words: divide by how many are there.")
    refuse(
        means,
        there.sum(axis=1) / mask.sum(),
        "You divide by the words of all texts together; each text has its own number.",
    )
    refuse(means, mixed[:, 0], "That is the first word's vector. The mean over all words that are there is asked for.")
    equal(means, there.sum(axis=1) / count, tol=1e-5)
