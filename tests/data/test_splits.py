"""Every row once, no group in two parts, no later row among the earlier: on random tables."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.splits import folds, three_way

SHARES = st.sampled_from([(0.7, 0.15, 0.15), (0.6, 0.2, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.8, 0.0, 0.2), (0.1, 0.1, 0.8)])
SEEDS = st.integers(0, 99)
many = settings(max_examples=60, deadline=None)


def each_row_once(parts, n):
    joined = np.concatenate(parts)
    assert all(part.dtype == np.int64 and (np.diff(part) > 0).all() for part in parts)
    assert sorted(joined) == list(range(n))


def sizes(parts):
    return np.array([len(part) for part in parts])


# --- three parts ------------------------------------------------------------------------------------------------------


@many
@given(n=st.integers(10, 300), shares=SHARES, seed=SEEDS)
def test_at_random_every_row_is_in_one_part_and_the_sizes_are_the_shares(n, shares, seed):
    split = three_way(n, shares, seed=seed)
    each_row_once(split, n)
    assert (np.abs(sizes(split) - np.array(shares) * n) <= 1).all()


@many
@given(counts=st.lists(st.integers(20, 60), min_size=2, max_size=4), shares=SHARES, seed=SEEDS)
def test_by_class_each_class_keeps_its_share(counts, shares, seed):
    classes = np.random.default_rng(seed).permutation(np.repeat(["a", "b", "c", "d"][: len(counts)], counts))
    split = three_way(len(classes), shares, stratify=classes, seed=seed)
    each_row_once(split, len(classes))
    for part, share in zip(split, shares, strict=True):
        for name, count in zip("abcd", counts, strict=False):
            assert abs((classes[part] == name).sum() - share * count) <= 2


@many
@given(
    groups=st.lists(st.integers(0, 30), min_size=40, max_size=200), stratified=st.booleans(), shares=SHARES, seed=SEEDS
)
def test_by_group_no_group_is_in_two_parts(groups, stratified, shares, seed):
    groups = np.array([f"C-{number}" for number in groups])
    if len(set(groups)) < 3:
        return
    classes = np.arange(len(groups)) % 2 if stratified else None
    split = three_way(len(groups), shares, groups=groups, stratify=classes, seed=seed)
    each_row_once(split, len(groups))
    seen = [set(groups[part]) for part in split]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]
    assert all(len(part) > 0 for part, share in zip(split, shares, strict=True) if share)


@many
@given(groups=st.lists(st.integers(0, 40), min_size=60, max_size=300), shares=SHARES, seed=SEEDS)
def test_by_group_the_sizes_are_off_by_the_largest_group_at_most(groups, shares, seed):
    counts = np.bincount(groups)
    counts = counts[counts > 0]
    if len(counts) < 12 or counts.max() > 0.1 * len(groups):  # parts that are large beside any group
        return
    split = three_way(len(groups), shares, groups=groups, seed=seed)
    assert (np.abs(sizes(split) - np.array(shares) * len(groups)) <= counts.max()).all()


def test_by_group_and_class_the_classes_are_nearer_to_their_shares_than_by_group_alone():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(120), rng.integers(1, 9, 120))
    classes = (groups < 12).astype(int)  # a rare class that sits in a tenth of the groups
    off = {"alone": [], "with classes": []}
    for seed in range(20):
        for name, stratify in (("alone", None), ("with classes", classes)):
            split = three_way(len(groups), groups=groups, stratify=stratify, seed=seed)
            off[name].append(abs(classes[split.test].sum() / classes.sum() - 0.15))
    assert np.mean(off["with classes"]) < 0.5 * np.mean(off["alone"])


@many
@given(
    moments=st.lists(st.integers(0, 40), min_size=60, max_size=200),
    shares=st.sampled_from([(0.7, 0.15, 0.15), (0.6, 0.2, 0.2), (0.8, 0.0, 0.2)]),
)
def test_by_time_later_rows_are_never_learned_from_and_ties_stay_together(moments, shares):
    counts = np.bincount(moments)
    if counts.max() > 0.1 * len(moments):
        return
    moments = np.datetime64("2024-01-01") + np.array(moments)
    split = three_way(pd.DataFrame({"t": moments}), shares, time=moments)
    each_row_once(split, len(moments))
    filled = [moments[part] for part in split if len(part)]
    assert all(earlier.max() < later.min() for earlier, later in pairwise(filled))
    assert (np.abs(np.cumsum(sizes(split)) - np.cumsum(shares) * len(moments)) <= counts.max()).all()


def test_by_time_a_border_within_a_tie_moves_to_its_nearer_end():
    #          share .6 of 10 rows: the border wants to lie after 6 rows, inside the four rows at time 2
    split = three_way(10, (0.6, 0.2, 0.2), time=[1, 1, 1, 2, 2, 2, 2, 3, 4, 4])
    assert [part.tolist() for part in split] == [[0, 1, 2, 3, 4, 5, 6], [7], [8, 9]]


def test_a_part_that_would_have_no_moment_or_group_gets_one():
    by_time = three_way(8, time=[1, 2, 3, 4, 5, 5, 5, 5])
    assert [part.tolist() for part in by_time] == [[0, 1, 2], [3], [4, 5, 6, 7]]
    both_borders_near_15 = three_way(20, time=np.repeat([1, 2, 3, 4], [5, 10, 4, 1]))
    assert sizes(both_borders_near_15).tolist() == [15, 4, 1]
    assert sorted(sizes(three_way(12, groups=np.arange(12) // 4))) == [4, 4, 4]
    assert [len(fold.test) for fold in folds(10, 3, time=[1, 2, 3, *[4] * 7])] == [1, 1, 7]


def test_times_of_every_common_kind_are_understood():
    days = pd.date_range("2024-01-01", periods=20, freq="D", tz="UTC")
    wanted = three_way(20, time=np.arange(20))
    for moments in (days, pd.Series(days), days.strftime("%Y-%m-%d"), days.tz_localize(None).to_numpy()):
        assert all(np.array_equal(a, b) for a, b in zip(three_way(20, time=moments), wanted, strict=True))


@pytest.mark.parametrize("how", ["nothing", "stratify", "groups"])
def test_the_seed_decides_and_nothing_else_does(how):
    keys = {} if how == "nothing" else {how: np.arange(200) % 20}
    first, again, other = (three_way(200, seed=seed, **keys) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.test, other.test)


def test_every_group_can_land_in_every_part():
    """Large groups too: a rule that fills the largest part first would never test on the best customer."""
    groups = np.repeat(np.arange(40), [12, *[3] * 39])
    parts = [[0 in groups[part] for part in three_way(len(groups), groups=groups, seed=s)] for s in range(200)]
    assert np.mean(parts, axis=0) == pytest.approx((0.7, 0.15, 0.15), abs=0.1)


# --- folds ------------------------------------------------------------------------------------------------------------


@many
@given(n=st.integers(60, 200), k=st.integers(2, 6), seed=SEEDS, kind=st.sampled_from(["", "class", "group", "both"]))
def test_each_row_is_judged_by_in_one_fold_and_learned_from_in_the_others(n, k, seed, kind):
    rng = np.random.default_rng(seed)
    classes, groups = np.arange(n) % 3, rng.integers(0, 20, n)
    chosen = {"stratify": classes if kind in ("class", "both") else None}
    chosen["groups"] = groups if kind in ("group", "both") else None
    found = folds(n, k, seed=seed, **chosen)
    assert len(found) == k
    each_row_once([fold.test for fold in found], n)
    for fold in found:
        each_row_once(fold, n)
        if kind in ("group", "both"):
            assert not set(groups[fold.train]) & set(groups[fold.test])
        if kind == "class":
            assert np.ptp(np.bincount(classes[fold.test])) <= 2


@many
@given(groups=st.lists(st.integers(0, 40), min_size=100, max_size=300), seed=SEEDS)
def test_folds_by_group_differ_in_size_by_the_largest_group_at_most(groups, seed):
    if len(set(groups)) < 5:
        return
    tests = sizes([fold.test for fold in folds(len(groups), 5, groups=groups, seed=seed)])
    assert np.ptp(tests) <= np.bincount(groups).max()


@many
@given(moments=st.lists(st.integers(0, 60), min_size=100, max_size=200), k=st.integers(2, 4))
def test_folds_by_time_learn_from_all_that_came_before(moments, k):
    moments = np.array(moments)
    if np.bincount(moments).max() > 15:
        return
    found = folds(len(moments), k, time=moments)
    assert len(found) == k
    for fold in found:
        assert moments[fold.train].max() < moments[fold.test].min()
        assert len(fold.train) == (moments < moments[fold.test].min()).sum()
    assert moments[found[-1].test].max() == moments.max()


def test_folds_by_group_follow_the_seed():
    groups = np.repeat(np.arange(30), 4)
    tests = [folds(120, 5, groups=groups, seed=seed)[0].test.tolist() for seed in (1, 1, 2)]
    assert tests[0] == tests[1] != tests[2]


# --- what cannot be done ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rows": 100, "shares": (0.7, 0.2, 0.2)}, r"add up to 1; got \(0.7, 0.2, 0.2\)"),
        ({"rows": 100, "shares": (1.2, -0.1, -0.1)}, "none negative"),
        ({"rows": 100, "shares": (0.8, 0.2)}, "three numbers"),
        ({"rows": 0}, "nothing to split: 0 rows"),
        ({"rows": 2}, "2 rows leave nothing for the test part"),
        ({"rows": 100, "stratify": ["a"] * 99 + ["b"]}, "the rarest, 'b', has 1 of 100 rows. Merge"),
        ({"rows": 100, "stratify": np.arange(100) // 2}, "50 classes cannot keep their shares"),
        ({"rows": 100, "groups": [1] * 50 + [2] * 50}, "3 groups or more; there are 2"),
        ({"rows": 100, "groups": [1] * 99}, r"groups needs one value a row, shape \(100,\); got shape \(99,\)"),
        ({"rows": 4, "groups": ["a", None, "b", "c"]}, "groups is missing in 1 rows, first at position 1"),
        ({"rows": 3, "time": [np.nan, 2.0, 3.0]}, "time is missing in 1 rows, first at position 0"),
        ({"rows": 3, "stratify": [0, 1, np.nan]}, "stratify is missing"),
        ({"rows": 9, "time": [1] * 9}, "3 different moments or more; there are 1"),
        ({"rows": 9, "time": range(9), "groups": range(9)}, "A split by time goes alone"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(arguments, words):
    with pytest.raises(ValueError, match=words):
        three_way(**arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rows": 10, "k": 1}, "twos or more; got k=1"),
        ({"rows": 3, "k": 5}, "5 rows or more; there are 3"),
        ({"rows": 10, "k": 5, "groups": [1, 2] * 5}, "5 groups or more; there are 2"),
        ({"rows": 10, "k": 5, "stratify": ["a"] * 8 + ["b"] * 2}, "5 rows of class 'b' or more; there are 2"),
        ({"rows": 10, "k": 3, "time": [1, 2, 3] * 3 + [1]}, "4 different moments or more; there are 3"),
    ],
)
def test_folds_that_cannot_be_made_say_why(arguments, words):
    with pytest.raises(ValueError, match=words):
        folds(**arguments)
