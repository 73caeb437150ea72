"""The baselines: the ratio by hand, the same on sparse input, and good manners as scikit-learn estimators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import estimator_checks_generator

from kitutils.models import nb_svm, tfidf_lr
from kitutils.models.baselines import NBSVM, TOLERANCE, log_count_ratio

TEXTS = np.array(
    [
        "a warm and moving film",
        "moving and funny",
        "a warm funny joy",
        "dull and slow",
        "a slow tired mess",
        "a dull mess and tired jokes",
        "an array of numbers",
        "the array has two axes",
        "numbers along two axes",
    ],
    dtype=object,
)
LABELS = np.repeat([0, 1, 2], 3)
BOTH = [tfidf_lr, nb_svm]


# --- the ratio --------------------------------------------------------------------------------------------------------


def test_the_log_count_ratio_by_hand():
    # good: 2 + 1 = 3 and 0 + 1 = 1; bad: 1 and 2; film: 2 and 3. Sums: 6 and 6. All halves cancel.
    x = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 0, 1]])
    positive = np.array([True, True, False, False])
    assert log_count_ratio(x, positive) == pytest.approx(np.log([3 / 1, 1 / 2, 2 / 3]))
    # Without the last row the others have 5 in all: (3/6) / (1/5), and so on.
    assert log_count_ratio(x[:3], positive[:3]) == pytest.approx(np.log([15 / 6, 5 / 12, 10 / 12]))
    # Smoothed by 2: 4, 2, 3 of 9 against 2, 3, 4 of 9.
    assert log_count_ratio(x, positive, alpha=2) == pytest.approx(np.log([4 / 2, 2 / 3, 3 / 4]))


COUNTS = hnp.arrays(np.int64, st.tuples(st.integers(2, 8), st.integers(1, 6)), elements=st.integers(0, 5))


@given(COUNTS, st.data())
def test_the_ratio_changes_sign_with_the_classes_and_is_the_same_on_sparse_counts(x, draw):
    positive = np.array(draw.draw(st.permutations([True, False] + [True] * (len(x) - 2))))
    ratio = log_count_ratio(x, positive)
    assert np.allclose(log_count_ratio(x, ~positive), -ratio)
    assert np.array_equal(log_count_ratio(sparse.csr_array(x), positive), ratio)
    assert np.array_equal(log_count_ratio(sparse.csr_matrix(x), positive), ratio)


def test_the_ratio_is_the_difference_of_naive_bayes_feature_log_probabilities():
    from sklearn.naive_bayes import MultinomialNB

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 3, (40, 7)), rng.permutation(np.repeat([0, 1], 20))
    fitted = MultinomialNB(alpha=0.5).fit(x, y)
    expected = fitted.feature_log_prob_[1] - fitted.feature_log_prob_[0]
    assert log_count_ratio(x, y == 1, alpha=0.5) == pytest.approx(expected)


# --- NB-SVM -----------------------------------------------------------------------------------------------------------


def _toy(rows=60, seed=0):
    """Each class has a word of its own; ten more words mean nothing."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1], rows // 2))
    return np.column_stack([y, 1 - y, rng.integers(0, 2, (rows, 10))]), y


def test_a_separable_toy_is_told_apart_without_a_mistake():
    x, y = _toy()
    fitted = NBSVM().fit(x, y)
    new, expected = _toy(seed=1)
    assert fitted.score(new, expected) == 1
    assert np.argmax(fitted.coef_[0]) == 0 and np.argmin(fitted.coef_[0]) == 1


def test_beta_mixes_the_svm_with_its_mean_magnitude():
    x, y = _toy()
    ratio = log_count_ratio(x, y == 1)
    svm = LinearSVC(tol=TOLERANCE, random_state=0).fit(x * ratio, y)
    assert NBSVM(beta=1).fit(x, y).coef_ == pytest.approx(svm.coef_ * ratio)
    flat = NBSVM(beta=0).fit(x, y).coef_
    assert flat[0] == pytest.approx(np.abs(svm.coef_).mean() * ratio)
    half = NBSVM(beta=0.5).fit(x, y)
    assert half.coef_ == pytest.approx((svm.coef_ * ratio + flat) / 2)
    assert half.decision_function(x) == pytest.approx(x @ half.coef_[0] + svm.intercept_[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.coo_array]))
def test_sparse_and_dense_features_give_the_same_answers(seed, form):
    x, y = _toy(seed=seed)
    dense, thin = NBSVM().fit(x, y), NBSVM().fit(form(x), y)
    assert np.allclose(dense.coef_, thin.coef_, atol=1e-6)
    assert np.allclose(thin.decision_function(form(x)), thin.decision_function(x))


@pytest.mark.parametrize(
    ("settings_", "x", "y", "message"),
    [
        ({"beta": 1.5}, [[1], [0]], [0, 1], "beta from 0 to 1"),
        ({"alpha": 0}, [[1], [0]], [0, 1], "alpha is above 0"),
        ({}, [[-1], [0]], [0, 1], "Negative values"),
        ({}, [[1], [0]], [1, 1], "got one class"),
        ({}, [[1], [0], [1]], [0, 1, 2], "Only binary classification"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(settings_, x, y, message):
    with pytest.raises(ValueError, match=message):
        NBSVM(**settings_).fit(np.array(x), np.array(y))


# scikit-learn's own checks, each as a test of its own.
@pytest.mark.parametrize(
    "check",
    [check for _, check in estimator_checks_generator(NBSVM(), legacy=True)],
    ids=lambda check: getattr(check, "func", check).__name__,
)
def test_it_keeps_scikit_learns_contract(check):
    check(NBSVM())


# --- the pipelines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", BOTH)
def test_three_kinds_of_text_are_told_apart(make):
    fitted = make().fit(TEXTS, LABELS)
    assert fitted.score(TEXTS, LABELS) == 1
    assert fitted.predict(np.array(["a funny and warm thing", "tired, dull", "axes of the array"])).tolist() == [
        0,
        1,
        2,
    ]
    assert fitted.decision_function(TEXTS).shape == (9, 3)


@pytest.mark.parametrize("make", BOTH)
def test_words_that_were_never_seen_and_empty_texts_get_an_answer(make):
    fitted = make().fit(TEXTS, LABELS)
    odd = np.array(["", "zzz qqq", "…", "🎉", "x" * 100_000], dtype=object)
    assert np.isfinite(fitted.decision_function(odd)).all()
    assert set(fitted.predict(odd)) <= {0, 1, 2}


@pytest.mark.parametrize("make", BOTH)
def test_they_clone_search_and_repeat(make):
    first = make()
    copy = clone(first)
    assert str(copy.get_params()) == str(first.get_params())
    with pytest.raises(NotFittedError):
        copy.predict(TEXTS)
    answers = [made.fit(TEXTS, LABELS).decision_function(TEXTS) for made in (first, copy)]
    assert np.array_equal(*answers)
    name = "model__estimator__C" if make is nb_svm else "model__C"
    assert GridSearchCV(make(), {name: [0.1, 1.0]}, cv=3).fit(TEXTS, LABELS).best_params_[name] in (0.1, 1.0)


def test_two_classes_need_no_one_against_the_rest():
    fitted = nb_svm().fit(TEXTS[:6], LABELS[:6])
    assert fitted.decision_function(TEXTS[:6]).shape == (6,)
    assert fitted.score(TEXTS[:6], LABELS[:6]) == 1


def test_a_word_said_twice_counts_once_for_nb_svm():
    fitted = nb_svm(ngrams=(1, 1)).fit(TEXTS, LABELS)
    assert np.array_equal(*(fitted.decision_function([text]) for text in ("warm film", "warm film film film")))


def test_the_settings_arrive_where_they_belong():
    parts = nb_svm(ngrams=(1, 3), alpha=0.5, beta=0.4, C=2.0)
    assert parts["counts"].ngram_range == (1, 3)
    inner = parts["model"].estimator
    assert (inner.alpha, inner.beta, inner.C) == (0.5, 0.4, 2.0)
    other = tfidf_lr(ngrams=(1, 1), C=3.0, max_iter=7)
    assert (other["tfidf"].ngram_range, other["model"].C, other["model"].max_iter) == ((1, 1), 3.0, 7)


def test_probabilities_of_tfidf_lr_sum_to_one():
    assert tfidf_lr().fit(TEXTS, LABELS).predict_proba(TEXTS).sum(axis=1) == pytest.approx(1)
