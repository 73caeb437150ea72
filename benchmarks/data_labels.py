"""Wrong labels in digits: how many are found, how many finds are real, and what retraining wins back. A minute or two.

    python benchmarks/data_labels.py [--record]

The method is that of lesson 11: one training label in ten is made wrong; out-of-fold chances of nearest neighbours and
of a support vector machine, averaged, go to cleanlab; its suspects are left out and a nearest-neighbour model learns
anew. The models' settings were chosen on seeds 100 to 105, the figures are of other seeds. Accuracies are on
held-out digits with good labels. --record writes benchmarks/records/data_labels.json.
"""

from __future__ import annotations

import argparse
import os
import statistics

os.environ["KIT_STRICT_DATA"] = "1"

import _record
import numpy as np
from cleanlab.filter import find_label_issues
from scipy import stats
from scipy.special import softmax
from sklearn.model_selection import StratifiedKFold, cross_val_predict, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from kitutils import data

SEEDS = range(20)
NOISE = 0.1
GOALS = {"precision": 0.9, "recall": 0.9, "won_back": 0.8}


def spoiled(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy in which a share of ``NOISE`` is another class, drawn evenly from the other nine."""
    rows = rng.permutation(len(labels))[: round(NOISE * len(labels))]
    given = labels.copy()
    given[rows] = (given[rows] + rng.integers(1, 10, len(rows))) % 10
    return given


def suspects(x: np.ndarray, given: np.ndarray, seed: int) -> np.ndarray:
    """Boolean, shape (rows,): the labels that cleanlab finds unlikely by out-of-fold chances."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    near = KNeighborsClassifier(12, weights="distance")
    chances = cross_val_predict(near, x, given, cv=folds, method="predict_proba")
    scores = cross_val_predict(SVC(C=3, gamma=0.12), x, given, cv=folds, method="decision_function")
    return find_label_issues(given, (chances + softmax(4 * scores, axis=1)) / 2, n_jobs=1)


def one(x: np.ndarray, y: np.ndarray, seed: int) -> dict[str, float]:
    """The figures of one seed: its split, its wrong labels, its folds."""
    x_train, x_test, right, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=seed)
    given = spoiled(right, np.random.default_rng(seed))
    found, wrong = suspects(x_train, given, seed), given != right

    def accuracy(rows: np.ndarray, labels: np.ndarray) -> float:
        return float(KNeighborsClassifier(1).fit(x_train[rows], labels[rows]).score(x_test, y_test))

    everything = np.ones(len(right), bool)
    best, spoilt, cleaned = accuracy(everything, right), accuracy(everything, given), accuracy(~found, given)
    return {
        "precision": float(wrong[found].mean()),
        "precision_at_random": float(wrong.mean()),
        "recall": float(found[wrong].mean()),
        "good_labels": best,
        "spoiled_labels": spoilt,
        "suspects_left_out": cleaned,
        "won_back": (cleaned - spoilt) / (best - spoilt),
    }


def summary(runs: list[dict[str, float]]) -> dict[str, dict[str, float | list[float]]]:
    """Mean over the seeds with its 95 % t interval, and the worst and best seed."""
    rows = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        mean, spread = statistics.mean(values), statistics.stdev(values)
        reach = float(stats.t.ppf(0.975, len(values) - 1)) * spread / len(values) ** 0.5
        rows[name] = {
            "mean": round(mean, 4),
            "interval": [round(mean - reach, 4), round(mean + reach, 4)],
            "range": [round(min(values), 4), round(max(values), 4)],
        } | ({"goal": GOALS[name]} if name in GOALS else {})
    return rows


def measure(seeds: range = SEEDS) -> dict[str, dict[str, float | list[float]]]:
    """All figures over the seeds."""
    digits = data.load("digits")
    x = digits.x.reshape(len(digits.x), -1) / 16
    return summary([one(x, digits.y, seed) for seed in seeds])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write records/data_labels.json")
    chosen = parser.parse_args()
    results = measure()
    for name, row in results.items():
        low, high = row["interval"]
        goal = f", goal {row['goal']}" if "goal" in row else ""
        print(f"{name}: {row['mean']:.3f} ({low:.3f} to {high:.3f}), seeds {row['range']}{goal}")
    if chosen.record:
        path = _record.write(
            "data_labels",
            what="wrong labels found in digits at 10 % injected noise, shares; accuracies of a nearest-neighbour model",
            results=results,
            packages=("numpy", "scikit-learn", "cleanlab"),
            seeds=list(SEEDS),
            tuned_on=list(range(100, 106)),
        )
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
