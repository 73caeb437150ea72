"""Augmentation of texts: what each operation may and may not do to the words."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitutils.data import augment_text
from kitutils.data.augment_text import NEGATIONS, SYNONYMS, delete_words, replace_words, swap_words, with_copies

WORDS = st.lists(st.sampled_from(["a", "good", "film", "not", "n't", "never", "dull", "x1", "Good"]), max_size=12)
TEXTS = WORDS.map(" ".join)
SEEDS = st.integers(0, 2**32)
SHARES = st.floats(0, 1)


def rng(seed=0):
    return np.random.default_rng(seed)


@given(TEXTS, SEEDS, SHARES)
def test_a_word_is_replaced_by_its_synonym_or_not_at_all(text, seed, share):
    before, after = text.split(), replace_words(text, rng(seed), share).split()
    assert len(after) == len(before)
    assert all(new == old or new in SYNONYMS[old] for old, new in zip(before, after, strict=True))


def test_with_a_share_of_one_each_word_that_can_be_is_replaced():
    assert replace_words("good bad xyz Good", rng(), 1).split()[2:] == ["xyz", "Good"]
    assert all(replace_words(word, rng(), 1) in SYNONYMS[word] for word in SYNONYMS)


def test_each_synonym_gets_its_turn():
    found = Counter(replace_words("good", rng(seed), 1) for seed in range(400))
    assert set(found) == set(SYNONYMS["good"]) and min(found.values()) > 50


def test_the_table_goes_both_ways_and_no_word_is_its_own_synonym():
    for word, others in SYNONYMS.items():
        assert others and word not in others and len(set(others)) == len(others)
        assert all(word in SYNONYMS[other] for other in others)
        assert word == word.lower() and " " not in word


def test_no_negation_is_ever_exchanged():
    assert not NEGATIONS & set(SYNONYMS)


def test_praise_and_blame_are_never_synonyms():
    praise = "good great excellent best beautiful clever charming compelling fresh memorable brilliant honest warm"
    blame = "bad awful worst boring stupid predictable stale weak empty fake annoying forgettable ugly painful mess"
    for word in praise.split():
        assert not set(SYNONYMS[word]) & set(blame.split())
        assert not {other for near in SYNONYMS[word] for other in SYNONYMS[near]} & set(blame.split())


@given(TEXTS, SEEDS, SHARES)
def test_what_is_left_keeps_its_order_and_every_negation(text, seed, share):
    before, after = text.split(), delete_words(text, rng(seed), share).split()
    left = iter(before)
    assert all(word in left for word in after)  # a subsequence
    assert [w for w in after if w in NEGATIONS] == [w for w in before if w in NEGATIONS]
    assert bool(after) == bool(before)


def test_a_share_of_the_words_goes():
    text = " ".join(["word"] * 4000)
    assert len(delete_words(text, rng(), 0.25).split()) == pytest.approx(3000, abs=100)
    assert delete_words("one two", rng(), 0) == "one two"


def test_negations_may_be_given_up():
    assert (
        "not" not in delete_words("not a b", rng(1), 1, keep=set()).split()
        or len(delete_words("not a b", rng(1), 1, keep=set()).split()) == 1
    )
    assert len(delete_words("not never", rng(), 1, keep=set()).split()) == 1


@given(TEXTS, SEEDS, st.integers(0, 5))
def test_swaps_keep_the_words(text, seed, times):
    assert Counter(swap_words(text, rng(seed), times).split()) == Counter(text.split())


def test_one_swap_moves_two_words():
    before = list("abcde")
    for seed in range(20):
        after = swap_words("a b c d e", rng(seed)).split()
        assert sum(x != y for x, y in zip(before, after, strict=True)) == 2


def test_copies_follow_the_originals_and_keep_their_labels():
    texts, labels = with_copies(["a b", "c"], [1, 0], lambda text, _: text.upper(), copies=2, seed=0)
    assert texts.tolist() == ["a b", "c", "A B", "C", "A B", "C"] and texts.dtype == object
    assert labels.tolist() == [1, 0] * 3
    assert with_copies(["a"], [1], swap_words, copies=0, seed=0)[0].tolist() == ["a"]


def test_the_seed_decides():
    texts = [" ".join("abcdefgh")] * 5
    first, again, other = (with_copies(texts, [0] * 5, swap_words, copies=1, seed=s)[0].tolist() for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("operation", [replace_words, delete_words])
@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(operation, share):
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        operation("a b", rng(), share)


def test_a_text_without_a_label_is_refused():
    with pytest.raises(ValueError, match="2 texts and 1 labels"):
        with_copies(["a", "b"], [1], augment_text.swap_words, copies=1, seed=0)
