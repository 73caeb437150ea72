"""Two models on the same rows, held against hand-computed cases, plain formulas and simulated truth."""

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import stats

from kitutils.evaluate import comparison, judge, mcnemar, over_splits, wilson


def rows(both, only_ours, only_rival, neither):
    """Labels and two sets of predictions with these counts."""
    ours = np.repeat([1, 1, 0, 0], [both, only_ours, only_rival, neither])
    rival = np.repeat([1, 0, 1, 0], [both, only_ours, only_rival, neither])
    return np.ones(len(ours), dtype=int), ours, rival


# --- the paired test --------------------------------------------------------------------------------------------------


def exact(first, second):
    """Twice the smaller tail of a fair coin, the definition for a symmetric distribution."""
    n = first + second
    tail = sum(math.comb(n, k) for k in range(min(first, second) + 1)) / 2**n
    return min(1.0, 2 * tail)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(1, 9, 22 / 1024), (9, 1, 22 / 1024), (0, 5, 2 / 32), (0, 6, 2 / 64), (3, 3, 1.0), (0, 0, 1.0), (1, 0, 1.0)],
)
def test_mcnemar_by_hand(first, second, p):
    assert mcnemar(first, second) == pytest.approx(p, rel=1e-12)


@hypothesis_settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_twice_the_smaller_tail(first, second):
    assert mcnemar(first, second) == pytest.approx(exact(first, second), rel=1e-9)


# --- intervals --------------------------------------------------------------------------------------------------------


def score_interval(k, n, z):
    """Wilson's interval, solved from (p - k/n)² = z² p (1 - p) / n."""
    centre, half = (k + z * z / 2) / (n + z * z), z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return centre - half, centre + half


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_printed_by_newcombe_1998(k, n, low, high):
    """Table I of "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, method 3."""
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@hypothesis_settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_solves_its_equation(counts):
    k, n = counts
    for level, z in ((0.95, 1.959963984540054), (0.8, 1.2815515655446004)):
        low, high = wilson(k, n, level)
        assert (low, high) == pytest.approx(score_interval(k, n, z), abs=1e-9)
        assert 0 <= low <= k / n <= high <= 1


def square_and_add(r, s, t, u):
    """Newcombe's method 10 as Altman et al., "Statistics with Confidence", 2000, print it, with their letters."""
    n = r + s + t + u
    p1, p2 = (r + s) / n, (r + t) / n
    (l1, u1), (l2, u2) = score_interval(r + s, n, 1.959963984540054), score_interval(r + t, n, 1.959963984540054)
    a, b = (r + s) * (t + u) * (r + t) * (s + u), r * u - s * t
    c = b - n / 2 if b > n / 2 else 0 if b >= 0 else b
    phi = c / math.sqrt(a) if a else 0
    low = math.sqrt(max((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2, 0))
    high = math.sqrt(max((p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2, 0))
    return p1 - p2 - low, p1 - p2 + high


@pytest.mark.parametrize(
    ("counts", "low", "high"), [((36, 12, 2, 0), 0.0569, 0.3404), ((36, 14, 0, 0), 0.1528, 0.4167)]
)
def test_newcombe_as_printed(counts, low, high):
    """Method 10 of "Improved confidence intervals … based on paired data", Statistics in Medicine 17, 1998."""
    assert judge(*rows(*counts)).difference_interval == pytest.approx((low, high), abs=5e-5)


COUNTS = st.tuples(*[st.integers(0, 40)] * 4).filter(any)


@hypothesis_settings(deadline=None)
@given(COUNTS)
def test_newcombe_is_the_textbooks_formula(counts):
    found = judge(*rows(*counts)).difference_interval
    assert found == pytest.approx(square_and_add(*counts), abs=1e-7)


@pytest.mark.parametrize(
    ("shares", "n"),
    [
        ((0.95, 0.02, 0.015, 0.015), 360),  # two good models that agree on most rows
        ((0.80, 0.10, 0.05, 0.05), 100),
        ((0.40, 0.20, 0.20, 0.20), 50),
        ((0.25, 0.25, 0.25, 0.25), 200),  # independent of one another
    ],
)
def test_of_a_hundred_intervals_about_95_hold_the_true_difference(shares, n, monkeypatch):
    monkeypatch.setattr(comparison, "wilson", cache(wilson))
    tables = np.random.default_rng(0).multinomial(n, shares, size=3000)
    held = 0
    for (both, first, second, _), times in zip(*np.unique(tables, axis=0, return_counts=True), strict=True):
        low, high = comparison._newcombe(int(both), int(first), int(second), n, 0.95)
        held += times * (low <= shares[1] - shares[2] <= high)
    assert 0.93 <= held / len(tables) <= 0.98


# --- the verdict ------------------------------------------------------------------------------------------------------


def test_a_verdict_by_hand():
    verdict = judge(*rows(both=80, only_ours=9, only_rival=1, neither=10))
    assert (verdict.rows, verdict.only_ours, verdict.only_rival, verdict.level) == (100, 9, 1, 0.95)
    assert (verdict.accuracy, verdict.rival_accuracy) == (0.89, 0.81)
    assert verdict.difference == pytest.approx(0.08)
    assert verdict.p_value == pytest.approx(22 / 1024) and verdict.distinguishable
    assert verdict.interval == wilson(89, 100) and verdict.rival_interval == wilson(81, 100)
    words = str(verdict)
    assert "ours 89.0%" in words and "rival 81.0%" in words and "difference +8.0 points" in words
    assert "of 100 rows, 9 only ours gets right, 1 only the rival; p = 0.021: these rows tell them apart" in words


def test_the_same_difference_on_few_rows_is_no_difference():
    verdict = judge(*rows(both=8, only_ours=1, only_rival=0, neither=1))
    assert verdict.difference == pytest.approx(0.1) and verdict.p_value == 1.0
    assert not verdict.distinguishable and str(verdict).endswith("these rows cannot tell them apart")


def test_the_level_moves_the_intervals_and_the_threshold():
    labels = rows(both=80, only_ours=9, only_rival=1, neither=10)
    wide, narrow = judge(*labels, level=0.99), judge(*labels, level=0.8)
    assert wide.difference_interval[0] < narrow.difference_interval[0] < 0.08 < narrow.difference_interval[1]
    assert not wide.distinguishable and narrow.distinguishable  # p = 0.021


@hypothesis_settings(deadline=None)
@given(COUNTS)
def test_swapping_the_two_mirrors_the_verdict(counts):
    y, ours, rival = rows(*counts)
    one, other = judge(y, ours, rival), judge(y, rival, ours)
    assert other.difference == -one.difference
    assert other.difference_interval == pytest.approx((-one.difference_interval[1], -one.difference_interval[0]))
    assert (other.interval, other.rival_interval) == (one.rival_interval, one.interval)
    assert (other.only_ours, other.only_rival) == (one.only_rival, one.only_ours)
    assert other.p_value == pytest.approx(one.p_value)
    assert one.difference_interval[0] <= one.difference + 1e-12 and one.difference - 1e-12 <= one.difference_interval[1]


@hypothesis_settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=80), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_and_the_names_of_the_classes_do_not_matter(labels, random):
    guesses = np.array([random.randrange(10) for _ in labels]), np.array([random.randrange(10) for _ in labels])
    one = judge(labels, *guesses)
    order = np.array(random.sample(range(len(labels)), len(labels)))
    names = np.array(list("abcdefghij"))
    assert judge(names[np.array(labels)[order]], *(names[g[order]] for g in guesses)) == one


def test_a_model_does_not_differ_from_itself():
    y, ours, _ = rows(30, 5, 0, 10)
    verdict = judge(y, ours, ours.copy())
    assert verdict.difference == 0 and verdict.p_value == 1.0 and not verdict.distinguishable
    assert verdict.difference_interval[0] < 0 < verdict.difference_interval[1]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (([1, 0], [1, 0], [1]), "2 labels, 2 and 1 predictions"),
        (([1, 0], [0.3, 0.9], [1, 0]), r"ours holds fractions such as 0\.3"),
        (([1, 0], [1, 0], [[0.2, 0.8], [0.5, 0.5]]), r"rival .* got shape \(2, 2\).*argmax"),
        (([1.0, np.nan], [1, 0], [1, 0]), "y_true holds fractions such as nan"),
        (([], [], []), "y_true is empty"),
        (([0, 1], [0, 1], ["cat", "dog"]), "Use one kind"),
        ((1, 1, 1), r"one label a row.*got shape \(\)"),
    ],
)
def test_what_are_no_labels_is_refused(arrays, words):
    with pytest.raises(ValueError, match=words):
        judge(*arrays)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_a_level_is_a_fraction(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        judge([1], [1], [1], level=level)
    with pytest.raises(ValueError, match="between 0 and 1"):
        over_splits([0.1, 0.2], test_share=0.2, level=level)


def test_labels_may_be_floats_that_are_whole():
    assert judge([1.0, 0.0], np.array([1, 1]), [0, 0]).accuracy == 0.5


# --- over splits ------------------------------------------------------------------------------------------------------


def test_over_splits_by_hand():
    # mean 0.02, variance 0.0001, widened by 1/3 + 0.2/0.8; t(97.5 %, 2 degrees of freedom) = 4.302653
    mean, (low, high) = over_splits([0.01, 0.02, 0.03], test_share=0.2)
    reach = 4.302653 * math.sqrt((1 / 3 + 0.25) * 0.0001)
    assert mean == pytest.approx(0.02)
    assert (low, high) == pytest.approx((0.02 - reach, 0.02 + reach), rel=1e-6)


@hypothesis_settings(deadline=None)
@given(st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=30), st.floats(0.05, 0.9))
def test_it_is_wider_than_the_plain_t_interval_and_around_the_mean(differences, test_share):
    mean, (low, high) = over_splits(differences, test_share=test_share)
    n = len(differences)
    plain = stats.t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / math.sqrt(n)
    assert mean == pytest.approx(np.mean(differences)) and (low + high) / 2 == pytest.approx(mean, abs=1e-9)
    wider = math.sqrt(1 + n * test_share / (1 - test_share))
    assert (high - low) / 2 == pytest.approx(wider * plain, abs=1e-9) and wider > 1


@pytest.mark.parametrize("differences", [[], [0.1], [[0.1, 0.2]]])
def test_an_interval_needs_two_splits(differences):
    with pytest.raises(ValueError, match="two splits or more"):
        over_splits(differences, test_share=0.2)


@pytest.mark.parametrize("share", [0, 1, 20, -0.2])
def test_a_test_share_is_a_fraction(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        over_splits([0.1, 0.2], test_share=share)
