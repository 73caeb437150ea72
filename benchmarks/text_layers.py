"""Doc strings with 100, 1,000 and all labels: how many of the pretrained encoder's layers to move, and three rivals.

    python benchmarks/text_layers.py [--runs 3] [--labels 100 1000 0] [--validation | --record]

In each run the head is trained first, with the body as it is; from there on either nothing is frozen, or the lower half
(the embedding and the first of three blocks). Beside them stand the same network from random weights and two models of
word counts, as in ``text_fewshot.py``: NB-SVM is of single words. Runs draw other training rows, the same for all. Of
all labels (0) there is one run only so far; it takes as long as those of few labels together. Rates and epochs follow
those of ``text_fewshot.py``; on rows that were held out, the recipes for few labels were tried once, and that for all
with one epoch of the head. For a record the test part is looked at once, at the end of each training. Needs nothing
that is not installed.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np
from text_fewshot import Rows, network, predicted, said

from kitutils.data.text_streams import LabelledTexts
from kitutils.evaluate import judge
from kitutils.models import pretrained_text
from kitutils.train.finetune import finetune, freeze, train_head

# By number of labels: epochs of the head, then epochs of what is not frozen and the largest rate.
RECIPES = {100: (20, 10, 1e-4), 1000: (20, 4, 1e-4), 0: (3, 3, 5e-4)}
LEVELS = {"lower half": 1, "nothing": 0}
RIVALS = ("random", "tfidf_lr", "nb_svm")


def levels(rows: Rows, labels: int, seed: int) -> dict[str, np.ndarray]:
    """What the encoder says of the judged rows, by what was frozen."""
    keras.utils.set_random_seed(seed)
    model, words = network("pretrained")
    chosen, judged = rows.drawn(labels, seed), words.encode(rows.x_judged)
    batches = LabelledTexts(words.encode(rows.x[chosen]), rows.y[chosen], per_batch=512 if labels else 2048, seed=seed)
    head, epochs, peak = RECIPES[labels]
    train_head(model, batches, head, bar=False)
    begin, says = model.get_weights(), {"all but head": said(model, judged)}
    for level, blocks in LEVELS.items():
        model.set_weights(begin)
        finetune(freeze(model, blocks), batches, epochs, peak=peak, bar=False)
        says[level] = said(model, judged)
    return says


def grid(rows: Rows, counts: list[int], runs: int) -> dict[str, dict]:
    """For each number of labels the accuracies of all runs, and McNemar's p-values of "nothing" against each rival."""
    results = {}
    for labels in counts:
        found: dict[str, dict] = {"p_values": {kind: [] for kind in RIVALS}}
        for seed in range(runs if labels else 1):
            begun = time.perf_counter()
            says = levels(rows, labels, seed) | {kind: predicted(rows, kind, labels, seed) for kind in RIVALS}
            for kind, answers in says.items():
                found.setdefault(kind, []).append(round(float((answers == rows.y_judged).mean()), 4))
            for kind in RIVALS:
                p_value = judge(rows.y_judged, says["nothing"], says[kind]).p_value
                found["p_values"][kind].append(float(f"{p_value:.2g}"))
            last = {kind: values[-1] for kind, values in found.items() if kind != "p_values"}
            print(labels or "all", seed, last, f"{time.perf_counter() - begun:.0f} s", flush=True)
        results[str(labels) if labels else "all"] = found
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--labels", type=int, nargs="+", default=list(RECIPES), choices=list(RECIPES), help="0 for all")
    parser.add_argument("--validation", action="store_true", help="judge by held-out doc strings of the training part")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.record and (given.validation or given.labels != list(RECIPES)):
        parser.error("A record is of all numbers of labels on the test part: leave out --validation and --labels.")
    results = grid(Rows.load(given.validation), given.labels, given.runs)
    if given.record:
        _record.write(
            "text_layers",
            what="doc strings, test accuracies by what of the encoder was frozen, and of three rivals",
            results=results,
            packages=["keras", "tensorflow", "scikit-learn", "tokenizers"],
            seeds=list(range(given.runs)),
            runs_of_all_labels=1,
            weights=pretrained_text().facts["sha256"][:12],
        )


if __name__ == "__main__":
    main()
