"""The index finds what a comparison of all pairs finds, and shingles are those counted by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.text_duplicates import first_like, shingles, similarity


def slowly(texts, threshold):
    """The definition: each text against all before it that repeat none."""
    first = []
    for position, text in enumerate(texts):
        like = [
            other
            for other in range(position)
            if first[other] == other and similarity(shingles(text), shingles(texts[other])) >= threshold
        ]
        first.append(like[0] if like else position)
    return first


def test_shingles_by_hand():
    assert shingles("The axis: an axis, 12 or 2.5!") == {
        ("the", "axis", "an"),
        ("axis", "an", "axis"),
        ("an", "axis", "0"),
        ("axis", "0", "or"),
        ("0", "or", "0"),
        ("or", "0", "0"),
    }
    assert shingles("two words") == {("two", "words")}
    assert shingles("…") == frozenset()


def test_similarity_by_hand():
    # 4 and 4 shingles, of which 3 are shared: 3 of 5.
    one, other = shingles("a b c d e f"), shingles("z b c d e f")
    assert similarity(one, other) == pytest.approx(3 / 5)
    assert similarity(frozenset(), frozenset()) == 1


def test_case_numbers_and_punctuation_do_not_matter():
    texts = ["Default is 10, for speed.", "default: is 5 for speed", "Default is slow, for 10."]
    assert first_like(texts, 1.0) == [0, 0, 2]


def test_a_chain_of_small_changes_does_not_tie_two_texts_together():
    chain = ["a b c d e f g h i j", "a b c d e f g h i k", "a b c d e f g h l k", "a b c d e f g h l m"]
    assert first_like(chain, 0.7) == [0, 0, 2, 2]


WORDS = st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=20), st.sampled_from([0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.9, 1.0]))
def test_it_is_what_comparing_all_pairs_gives(texts, threshold):
    assert first_like(texts, threshold) == slowly(texts, threshold)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold is a share"):
        first_like(["a"], threshold)
