"""The checks of lesson 44 on right variants and on every planted mistake, 20 seeds each."""

import numpy as np
import pytest

from kitutils.course.grading import assert_check, grade
from kitutils.data.text_batches import mask_tokens


def softmax(likeness, axis=-1):
    raised = np.exp(likeness - likeness.max(axis=axis, keepdims=True))
    return raised / raised.sum(axis=axis, keepdims=True)


def by_numpy(scale=2**0.5, axis=-1):
    """The four numbers of 44.1 by matrices, right unless told otherwise."""
    x = np.array([[2.0, 0.0], [1.0, 1.0]])
    likeness = x @ x.T / scale
    weights = softmax(likeness, axis)
    return dict(zip(RIVER, (*likeness[0], weights[0, 1], (weights @ x)[0, 0]), strict=True))


RIVER = {  # by a calculator, to three digits
    "likeness of river and river": 2.83,
    "likeness of river and bank": 1.41,
    "weight that river gives bank": 0.196,
    "water in the new river": 1.80,
}
FROM_ROUNDED = (2.83, 1.41, 0.195, 1.805)  # each from the rounded one before


def but(question, value):
    key = next(key for key in RIVER if key.startswith(question))
    return RIVER | {key: value}


def test_river_bank():
    itself, bank = "likeness of river and river", "likeness of river and bank"
    assert_check(
        "44.1",
        right=[RIVER, by_numpy(), dict(zip(RIVER, FROM_ROUNDED, strict=True)), but("water", 1.804), but("water", 1.81)],
        wrong={
            "4 is the product": but(itself, 4),
            "river and river by 2. Divide": but(itself, 2),
            "That is river and bank": but(itself, 1.41),
            "2 is the product": but(bank, 2),
            "river and bank by 2. Divide": but(bank, 1),
            "Water meets water": but(bank, 2.12),
            "This weight comes from products that": but("weight", 0.119),
            "This weight comes from products divided": but("weight", 0.269),
            "softmax is missing": but("weight", 1.41),
            "over both words": but("weight", 4.11),
            "no softmax": but("weight", 0.333),
            "The sum has both": but("weight", 0.243),
            "what river gives itself": but("weight", 0.804),
            "Bank gives each word a half": but("weight", 0.5),
            "*the* has a share": but("weight", 0.19),
            "This mean comes from products that": but("water", 1.88),
            "This mean comes from products divided": but("water", 1.73),
            "mixed by the likenesses": but("water", 7.07),
            "do not add up to 1": but("water", 37.95),
            "Bank's water is missing": but("water", 1.61),
            "swapped the weights": but("water", 1.196),
            "That is the money": but("water", 0.196),
            "the same weight here": but("water", 1.5),
            "You took river alone": but("water", 2),
            "A number is asked for": but(itself, True),
            "Keep the four questions": {"river": 2.83},
        },
    )


def test_the_row_above_with_three_words_is_seen_as_such():
    assert "*the* has a share" in grade("44.1", but("water", 1.72)).messages[0]


@pytest.mark.parametrize(
    ("answer", "held", "said"),
    [
        (by_numpy(scale=1), 0, "4 is the product"),
        (by_numpy(scale=2), 0, "by 2. Divide it by the square root"),
        (by_numpy(axis=0), 2, "Bank gives each word a half"),
        (but("water", 1.7), 3, "not right"),
    ],
)
def test_an_answer_in_part_counts_in_part(answer, held, said):
    result = grade("44.1", answer)
    assert (result.status, result.held, result.total) == ("wrong", held, 4)
    assert said in result.messages[0]


def test_the_kits_layer_gives_the_numbers_that_are_asked_for():
    from kitutils.models.text import Attention

    layer, same = Attention(heads=1), np.eye(2)
    layer.build((None, 2, 2))
    layer.set_weights([np.hstack([same, same, same]), np.zeros(6), same, np.zeros(2)])
    new = np.array(layer(np.array([[[2.0, 0.0], [1.0, 1.0]]], "float32"), np.ones((1, 2), "int32")))[0, 0]
    mine = by_numpy()
    expected = mine["water in the new river"], mine["weight that river gives bank"]  # bank's money is 1
    np.testing.assert_allclose(new, expected, atol=1e-5)


# --- hiding words -----------------------------------------------------------------------------------------------------


def hider(share=0.15, first=5, fates=(0.8, 0.9), draw_from=5, beyond=0, per=None, fresh=None, one_word=False):
    """The rule of BERT, right unless told otherwise."""

    def hide(ids, rng, size):
        rng = np.random.default_rng(fresh) if fresh is not None else rng
        shape = ids.shape if per is None else ids.shape[1:]
        chosen = (rng.random(shape) < share) & (ids >= first)
        fate = rng.random(ids.shape)
        inputs = np.where(chosen & (fate < fates[0]), 4, ids)
        other = rng.integers(draw_from, size + beyond, None if one_word else ids.shape)
        return np.where(chosen & (fate >= fates[1]), other, inputs), chosen

    return hide


def by_the_kit(ids, rng, size):
    masked = mask_tokens(ids, rng, size=size)
    return masked.inputs, masked.weights == 1


def row_by_row(ids, rng, size):
    """So many of each row, rounded, as BERT's own program chooses them."""
    inputs, chosen = ids.copy(), np.zeros(ids.shape, bool)
    for number, tokens in enumerate(ids):
        words = np.flatnonzero(tokens > 4)
        for place in rng.choice(words, round(0.15 * len(words)), replace=False):
            chosen[number, place] = True
            fate = rng.random()
            inputs[number, place] = 4 if fate < 0.8 else tokens[place] if fate < 0.9 else rng.integers(5, size)
    return inputs, chosen


def by_choice(ids, rng, size):
    chosen = np.isin(ids, [0, 1, 2, 3, 4], invert=True) & (rng.uniform(size=ids.shape) < 0.15)
    fate = rng.choice(3, ids.shape, p=[0.8, 0.1, 0.1])
    made = np.choose(fate, [np.full_like(ids, 4), rng.integers(5, size, ids.shape).astype(ids.dtype), ids])
    return [np.where(chosen, made, ids), chosen]


def two_draws(ids, rng, size):
    """Eight in ten hidden; of the rest, one in ten another word: two in a hundred."""
    chosen = (rng.random(ids.shape) < 0.15) & (ids > 4)
    masked = chosen & (rng.random(ids.shape) < 0.8)
    other = chosen & ~masked & (rng.random(ids.shape) < 0.1)
    return np.where(masked, 4, np.where(other, rng.integers(5, size, ids.shape), ids)), chosen


def also_elsewhere(ids, rng, size):
    inputs, chosen = hider()(ids, rng, size)
    return np.where(~chosen & (rng.random(ids.shape) < 0.02) & (ids > 4), 4, inputs), chosen


def in_place(ids, rng, size):
    inputs, chosen = hider()(ids, rng, size)
    ids[:] = inputs
    return ids, chosen


def numpys_own(ids, rng, size):
    return hider()(ids, np.random.default_rng(), size)


def then(change):
    return lambda ids, rng, size: change(*hider()(ids, rng, size))


def test_hide():
    assert_check(
        "44.2",
        right=[hider(), by_the_kit, row_by_row, by_choice],
        wrong={
            "Some of the padding": hider(first=0),
            "[UNK], [CLS] or [SEP] is chosen": hider(first=1),
            "15 % of the words are to be": hider(share=0.12),
            "The same places": hider(per="column"),
            "All that is chosen becomes [MASK]": hider(fates=(1.0, 1.0)),
            "No chosen token becomes [MASK]": hider(fates=(0.0, 0.9)),
            "becomes another word: one in ten": hider(fates=(0.8, 1.0)),
            "No chosen token stays": hider(fates=(0.9, 0.9)),
            "the vocabulary ends": hider(beyond=1),
            "became [PAD]": hider(draw_from=0),
            "become the same word": hider(one_word=True),
            "one random number decide": two_draws,
            "not among the chosen was changed": also_elsewhere,
            "another result the second time": numpys_own,
            "Another rng gives the same": hider(fresh=0),
            "changed its input": in_place,
            "Return two arrays": then(lambda inputs, chosen: (inputs, inputs, chosen)),
            "Both arrays have the shape": then(lambda inputs, chosen: (inputs, chosen[0])),
            "True or False": then(lambda inputs, chosen: (inputs, chosen.astype(float))),
            "whole numbers": then(lambda inputs, chosen: (inputs.astype(float), chosen)),
        },
    )


# --- the bugs round a mask --------------------------------------------------------------------------------------------


def looker(hide="columns before", mean="of the words", scale=True, axis=-1, fill=-1e9):
    """Attention and a mean, right unless told otherwise."""

    def look(x, mask, wq, wk, wv):
        query, key, value = x @ wq, x @ wk, x @ wv
        likeness = query @ key.transpose(0, 2, 1) / (np.sqrt(key.shape[-1]) if scale else 1)
        columns, rows = mask[:, None, :], mask[:, :, None]
        if hide == "columns before":
            likeness = np.where(columns, likeness, fill)
        elif hide == "rows before":
            likeness = np.where(rows, likeness, -1e9)
        elif hide == "likeness times mask":
            likeness = likeness * columns
        weights = softmax(likeness, axis)
        if hide == "columns after":
            weights = weights * columns
        elif hide == "rows after":
            weights = weights * rows
        elif hide == "after, and divided":
            weights = weights * columns
            weights = weights / weights.sum(axis=-1, keepdims=True)
        mixed, count = weights @ value, mask.sum(axis=1, keepdims=True)
        there = np.where(rows, mixed, 0)
        return weights, {
            "of the words": there.sum(axis=1) / count,
            "of all columns": mixed.mean(axis=1),
            "zeroed": there.mean(axis=1),
            "sum": there.sum(axis=1),
            "all texts": there.sum(axis=1) / mask.sum(),
            "first": mixed[:, 0],
        }[mean]

    return look


def their_look(x, mask, wq, wk, wv):
    """The colleague's, as the lesson shows it."""
    query, key, value = x @ wq, x @ wk, x @ wv
    likeness = query @ key.transpose(0, 2, 1) / np.sqrt(key.shape[-1])
    raised = np.exp(likeness - likeness.max(axis=-1, keepdims=True))
    weights = raised / raised.sum(axis=-1, keepdims=True)
    weights = weights * mask[:, :, None]
    return weights, (weights @ value).mean(axis=1)


def text_by_text(x, mask, wq, wk, wv):
    """Each text without its padding, by itself."""
    weights, means = np.zeros((*x.shape[:2], x.shape[1])), np.zeros(x.shape[::2])
    for number, (words, there) in enumerate(zip(x, mask, strict=True)):
        own = words[there]
        found = softmax(own @ wq @ (own @ wk).T / np.sqrt(wk.shape[1]))
        weights[number, : len(own), : len(own)] = found
        means[number] = (found @ own @ wv).mean(axis=0)
    return weights, means


def with_einsum(x, mask, wq, wk, wv):
    hidden = -1e4 * (1 - mask[:, None, :].astype(float))
    weights = softmax(np.einsum("ijd,ikd->ijk", x @ wq, x @ wk) / wq.shape[1] ** 0.5 + hidden)
    return [weights, np.average(weights @ (x @ wv), axis=1, weights=np.repeat(mask[:, :, None], wv.shape[1], 2))]


def with_infinity(x, mask, wq, wk, wv):
    return looker(fill=-np.inf)(x, mask, wq, wk, wv)


def nan_where_hidden(x, mask, wq, wk, wv):
    weights, means = looker()(x, mask, wq, wk, wv)
    return np.where(mask[:, None, :], weights, np.nan), means


def test_look():
    assert_check(
        "44.3",
        right=[looker(), looker("after, and divided"), text_by_text, with_einsum, with_infinity],
        wrong={
            "You hide the rows of padding": their_look,
            "You do not use the mask": looker(""),
            "A likeness of 0": looker("likeness times mask"),
            "struck out afterwards": looker("columns after"),
            "runs over the words that look": looker(axis=1),
            "no longer divided": looker(scale=False),
            "The mean counts padding": looker(mean="of all columns"),
            "by the number of all columns": looker(mean="zeroed"),
            "the sum over the words": looker(mean="sum"),
            "the words of all texts together": looker(mean="all texts"),
            "the first word's vector": looker(mean="first"),
            "hold nan": nan_where_hidden,
            "Return two arrays": lambda x, mask, *w: looker()(x, mask, *w)[1:],
            "Weights have the shape": lambda x, mask, *w: looker()(x, mask, *w)[::-1],
        },
    )


def test_hiding_rows_before_the_softmax_is_seen_as_well():
    assert "the rows of padding" in grade("44.3", looker("rows before")).messages[0]


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        (their_look, 0),
        (looker("columns after", "of all columns"), 1),
        (looker("columns after"), 2),
        (looker(mean="of all columns"), 2),
        (looker("rows after"), 1),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_each_mended_bug_counts(answer, held, seed):
    result = grade("44.3", answer, seed)
    assert (result.status, result.held, result.total) == ("wrong", held, 3)


@pytest.mark.parametrize("exercise", ["44.2", "44.3"])
def test_an_untouched_exercise_is_not_attempted(exercise):
    assert grade(exercise, lambda *arguments: ...).status == "not attempted"


def test_untouched_numbers_are_not_attempted():
    assert grade("44.1", dict.fromkeys(RIVER, ...)).status == "not attempted"
