"""Word counts and a linear model: what every network for texts has to beat.

Two scikit-learn pipelines that take raw texts. They clone, search and save like any other estimator.

Lessons: 43, 45.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

# Of the SVM's solver. On the doc strings its usual 0.0001 gave the same score, to the last row, and where texts
# contradict each other it was not reached.
TOLERANCE = 0.01


def tfidf_lr(*, ngrams: tuple[int, int] = (1, 2), C: float = 10.0, max_iter: int = 1000) -> Pipeline:
    """TF-IDF of words and word pairs, and a logistic regression on them.

    A word's count enters as 1 + log(count), weighted by how rare the word is among the training texts; each text's
    vector has length 1 (Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, 2008, section 6.4).
    Vocabulary and weights are learned in ``fit``, from the training texts alone.

    Args:
        ngrams: shortest and longest run of words that is counted.
        C: the inverse strength of the penalty on the weights.
        max_iter: steps of the solver.

    Returns:
        A pipeline: texts of shape (rows,) → ``predict`` (rows,), ``predict_proba`` (rows, classes), which sums to 1.
    """
    return Pipeline(
        [
            ("tfidf", TfidfVectorizer(ngram_range=ngrams, sublinear_tf=True)),
            ("model", LogisticRegression(C=C, max_iter=max_iter)),
        ]
    )


def nb_svm(*, ngrams: tuple[int, int] = (1, 2), alpha: float = 1.0, beta: float = 0.25, C: float = 1.0) -> Pipeline:
    """NB-SVM: whether a word or word pair is there, weighted as naive Bayes would, and a linear SVM on that.

    Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", ACL 2012. More than two
    classes are told apart one against the rest.

    Args:
        ngrams: shortest and longest run of words that is looked for.
        alpha, beta, C: of :class:`NBSVM`; the paper's values.

    Returns:
        A pipeline: texts of shape (rows,) → ``predict`` (rows,), ``decision_function`` (rows, classes), or (rows,) for
        two classes.
    """
    return Pipeline(
        [
            ("counts", CountVectorizer(ngram_range=ngrams, binary=True)),
            ("model", OneVsRestClassifier(NBSVM(alpha=alpha, beta=beta, C=C))),
        ]
    )


class NBSVM(ClassifierMixin, BaseEstimator):
    """A linear SVM on features that are weighted by their log-count ratio; for two classes.

    Wang and Manning (2012), their section 2.3. Features are binary there: whether a word is in the text. Any that are
    not negative will do.

    Args:
        alpha: added to each count, so that a feature that one class never has gets a finite ratio.
        beta: 1 takes the SVM's weights as they are, 0 replaces each by their mean magnitude, which is naive Bayes with
            a common scale; between them it is a mixture.
        C: the inverse strength of the SVM's penalty.
        random_state: of the SVM's solver.

    Attributes:
        classes_: the two labels, sorted; the second is the positive one.
        ratio_: float64, shape (features,); see :func:`log_count_ratio`.
        coef_: float64, shape (1, features), of the features as they come in: the ratio is multiplied in.
        intercept_: float64, shape (1,).
    """

    def __init__(self, *, alpha: float = 1.0, beta: float = 0.25, C: float = 1.0, random_state: int | None = 0) -> None:
        self.alpha = alpha
        self.beta = beta
        self.C = C
        self.random_state = random_state

    def fit(self, X: ArrayLike | sparse.sparray, y: ArrayLike) -> NBSVM:
        """Learn from features of shape (rows, features), dense or sparse, not negative, and labels of shape (rows,).

        Raises:
            ValueError: a feature is negative or missing, there are not two classes, or a setting is out of its range.
        """
        if not self.alpha > 0 or not 0 <= self.beta <= 1:
            raise ValueError(f"alpha is above 0 and beta from 0 to 1; got alpha={self.alpha}, beta={self.beta}.")
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        check_non_negative(X, "NBSVM, whose features are counts")
        self.classes_, target = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"NBSVM tells two classes apart; got one class, {self.classes_[0]!r}.")
        self.ratio_ = log_count_ratio(X, target == 1, alpha=self.alpha)
        svm = LinearSVC(C=self.C, tol=TOLERANCE, random_state=self.random_state).fit(_weighted(X, self.ratio_), target)
        mixed = self.beta * svm.coef_ + (1 - self.beta) * np.abs(svm.coef_).mean()
        self.coef_ = mixed * self.ratio_
        self.intercept_ = svm.intercept_
        return self

    def decision_function(self, X: ArrayLike | sparse.sparray) -> np.ndarray:
        """How far each row lies on the side of ``classes_[1]``; float64, shape (rows,)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        check_non_negative(X, "NBSVM, whose features are counts")
        return np.asarray(X @ self.coef_[0] + self.intercept_[0])

    def predict(self, X: ArrayLike | sparse.sparray) -> np.ndarray:
        """The label of each row, shape (rows,)."""
        positive = self.decision_function(X) > 0
        return self.classes_[positive.astype(int)]

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn should know: sparse input is welcome, negative is not, and there are two classes.

        As with its ``MultinomialNB``, a good score is not to be expected of measurements: they are no counts.
        """
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.classifier_tags.multi_class = False
        # Its checks of accuracy draw measurements around a mean, which are no counts.
        tags.classifier_tags.poor_score = True
        return tags


def log_count_ratio(X: np.ndarray | sparse.sparray, positive: np.ndarray, *, alpha: float = 1.0) -> np.ndarray:
    """log((p / ‖p‖₁) / (q / ‖q‖₁)): how much more of each feature the positive rows have, for their share of all.

    p is ``alpha`` plus the sum of the positive rows, q ``alpha`` plus that of the others (Wang and Manning, 2012).

    Args:
        X: counts, or 0 and 1; shape (rows, features), dense or sparse.
        positive: bool, shape (rows,); both values occur.

    Returns:
        float64, shape (features,); above 0 where the feature speaks for the positive rows.
    """
    p, q = (alpha + np.asarray(X[rows].sum(axis=0), dtype=np.float64).ravel() for rows in (positive, ~positive))
    return np.log(p / p.sum()) - np.log(q / q.sum())


def _weighted(X: np.ndarray | sparse.sparray, ratio: np.ndarray) -> np.ndarray | sparse.sparray:
    return X @ sparse.diags_array(ratio) if sparse.issparse(X) else X * ratio
