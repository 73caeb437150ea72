"""The shop model against gradient boosting and logistic regression, on ten shops that nothing was chosen on.

    python benchmarks/data_features.py [--record]

Each shop is drawn anew (seeds 100 to 109; lessons have seed 0). Its earlier orders train, the latest fifth judges; the
customers whose orders are locked as test rows in lesson 10 are left out, as in lesson 13. All three models get the same
columns. Prints the PR-AUC of each and the mean difference with its 95 % interval over the shops, which are independent
of one another. --record writes benchmarks/records/data_features.json. Two minutes on two cores; needs nothing.
"""

from __future__ import annotations

import argparse
import os

import _record
import numpy as np
from scipy import stats

SEEDS = tuple(range(100, 110))
GOAL = 0.01
OURS, RIVALS = "shop model", ("gradient boosting", "logistic regression")


def interval(differences: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent differences and the ends of its t interval."""
    mean = float(np.mean(differences))
    reach = stats.t.ppf(0.5 + level / 2, len(differences) - 1) * np.std(differences, ddof=1) / np.sqrt(len(differences))
    return mean, mean - float(reach), mean + float(reach)


def summary(scores: dict[str, list[float]]) -> dict:
    """Mean scores, and our difference to each rival with its interval; ``within_goal`` for gradient boosting."""
    against = {}
    for rival in RIVALS:
        mean, low, high = interval(np.subtract(scores[OURS], scores[rival]))
        against[rival] = {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}
    return {
        "pr_auc": {name: round(float(np.mean(values)), 4) for name, values in scores.items()},
        "ours_minus": against,
        "goal": GOAL,
        "within_goal": against["gradient boosting"]["mean"] >= -GOAL,
        "pr_auc_all": {name: [round(value, 4) for value in values] for name, values in scores.items()},
    }


def one_shop(seed: int) -> dict[str, float]:
    """The PR-AUC of each model on the later orders of one shop."""
    import keras
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score

    from kitutils.data import encoders, features, shop
    from kitutils.data.locked import locked_test
    from kitutils.data.splits import three_way
    from kitutils.models import tabular

    orders = shop.generate(seed=seed).table()
    orders = features.with_history(orders[~locked_test(orders["customer_id"])].reset_index(drop=True))
    rows = three_way(orders, (0.8, 0.2, 0), time=orders["ordered_on"])
    early, late = orders.iloc[rows.train], orders.iloc[rows.val]
    learned = encoders.learn(early, early["returned"])
    keras.utils.set_random_seed(seed)
    model = tabular.shop_model(learned)
    inputs, y = features.as_inputs(early), early["returned"].to_numpy()
    model.fit(inputs, y, epochs=tabular.EPOCHS, batch_size=tabular.BATCH, verbose=0)
    chances = {OURS: model.predict(features.as_inputs(late), batch_size=1024, verbose=0)[:, 0]}
    encode = encoders.sklearn_encoder(learned).transform
    boosting = HistGradientBoostingClassifier(max_leaf_nodes=8, learning_rate=0.05, random_state=seed)
    for name, rival in zip(RIVALS, (boosting, LogisticRegression(max_iter=1000)), strict=True):
        chances[name] = rival.fit(encode(early), y).predict_proba(encode(late))[:, 1]
    return {name: float(average_precision_score(late["returned"], chance)) for name, chance in chances.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write records/data_features.json")
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KIT_STRICT_DATA"] = "1"
    shops = [one_shop(seed) for seed in SEEDS]
    results = summary({name: [scores[name] for scores in shops] for name in (OURS, *RIVALS)})
    for name, value in results["pr_auc"].items():
        print(f"{name:<20} PR-AUC {value:.4f}")
    for rival, found in results["ours_minus"].items():
        print(f"{OURS} minus {rival}: {found['mean']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})")
    print(f"no more than {GOAL} behind gradient boosting: {results['within_goal']}")
    if chosen.record:
        path = _record.write(
            "data_features",
            what="PR-AUC on the later orders of ten drawn shops, trained on the earlier ones; differences with a 95 % "
            "t interval over the shops",
            results=results,
            packages=("keras", "tensorflow", "scikit-learn", "numpy"),
            seeds=list(SEEDS),
        )
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
