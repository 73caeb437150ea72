"""Doc strings with 100 and 1,000 labels: the pretrained encoder, the same network untrained, and word counts.

    python benchmarks/text_fewshot.py [--runs 3] [--labels 100 1000] [--validation | --record]

Each run draws other training rows, the same for all. The word counts are TF-IDF with logistic regression, of words and
pairs, and NB-SVM of single words. With few labels, rates and epochs were chosen on 2,000 doc strings of the training
part that were held out; ``--validation`` judges by them. The shipped weights have read those too, without labels, so
what it prints is too good for the pretrained encoder; of the test part they have read nothing. For a record the test
part is looked at once, at the end of each run. It takes 8 minutes on two cores and needs nothing that is not installed.
All labels are in ``text_layers.py``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np

from kitutils import data
from kitutils.data.text_streams import LabelledTexts
from kitutils.data.tokens import Tokens
from kitutils.evaluate import judge
from kitutils.models import nb_svm, pretrained_text, text_classifier, text_encoder, tfidf_lr
from kitutils.train.finetune import finetune, train_head

# By number of labels, 0 for all: epochs of the head alone, then epochs of all layers and their largest rate.
RECIPES = {
    "pretrained": {100: (20, 0, 0.0), 1000: (20, 4, 1e-4)},
    "random": {100: (0, 40, 1e-3), 1000: (0, 20, 1e-3), 0: (0, 4, 1e-3)},
}


KINDS = ("pretrained", "random", "tfidf_lr", "nb_svm")
COUNTS = {"tfidf_lr": tfidf_lr, "nb_svm": lambda: nb_svm(ngrams=(1, 1))}


@dataclass(frozen=True, eq=False)
class Rows:
    """What trains, and what judges."""

    x: np.ndarray
    y: np.ndarray
    x_judged: np.ndarray
    y_judged: np.ndarray
    documents: np.ndarray | None = None  # of the rows that train, where they have any

    @classmethod
    def load(cls, validation: bool) -> Rows:
        ds = data.load("docstrings")
        documents = ds.truth["docstring_train"]
        if not validation:
            return cls(ds.x_train, ds.y_train, ds.x_test, ds.y_test, documents)
        held = np.random.default_rng(7).permutation(np.unique(documents))[:2000]
        judged = np.isin(documents, held)
        read = ~judged
        return cls(ds.x_train[read], ds.y_train[read], ds.x_train[judged], ds.y_train[judged], documents[read])

    def drawn(self, labels: int, seed: int) -> np.ndarray:
        """Positions of the labelled rows of a run; 0 labels are all."""
        order = np.random.default_rng(seed).permutation(len(self.x))
        return order[: labels or len(order)]


def network(kind: str):
    """A classifier for six packages, its vocabulary, pretrained or from random weights."""
    shipped = pretrained_text()
    body = shipped.body
    if kind == "random":
        body = text_encoder(len(shipped.words.vocabulary), **shipped.facts["sizes"])
    return text_classifier(body, 6), shipped.words


def predicted(
    rows: Rows, kind: str, labels: int, seed: int, recipe: tuple[int, int, float] | None = None
) -> np.ndarray:
    """What a model says of the judged rows after training on the drawn ones."""
    chosen = rows.drawn(labels, seed)
    if kind in COUNTS:
        return COUNTS[kind]().fit(rows.x[chosen], rows.y[chosen]).predict(rows.x_judged)
    keras.utils.set_random_seed(seed)
    model, words = network(kind)
    head, epochs, peak = recipe or RECIPES[kind][labels]
    batches = LabelledTexts(words.encode(rows.x[chosen]), rows.y[chosen], per_batch=512 if labels else 2048, seed=seed)
    if head:
        train_head(model, batches, head, bar=False)
    if epochs:
        finetune(model, batches, epochs, peak=peak, bar=False)
    return said(model, words.encode(rows.x_judged))


def logits(model: keras.Model, tokens: Tokens) -> np.ndarray:
    """What the model says of each row, shape (rows, classes); rows of similar length are judged together."""
    order = np.argsort(tokens.mask.sum(axis=1), kind="stable")
    found = np.empty((len(order), model.output_shape[-1]), dtype=np.float32)
    for rows in np.array_split(order, max(1, len(order) // 500)):
        width = 8 * -(-int(tokens.mask[rows].sum(axis=1).max()) // 8)
        ids = tokens.ids[rows, :width]
        found[rows] = model.predict_on_batch({"token_ids": ids, "padding_mask": (ids != 0) * 1})
    return found


def said(model: keras.Model, tokens: Tokens) -> np.ndarray:
    """The class of each row, shape (rows,)."""
    return logits(model, tokens).argmax(axis=1)


def compare(rows: Rows, counts: list[int], runs: int) -> dict:
    """Accuracies of each run, points by which the pretrained encoder is ahead on average, and of each run their 95 %
    interval and McNemar's p-value; 1e-300 stands for that or less."""
    results = {}
    for labels in counts:
        found: dict[str, list[float]] = {}
        p_values: dict[str, list[float]] = {}
        intervals: dict[str, list[list[float]]] = {}
        for seed in range(runs):
            begun = time.perf_counter()
            says = {kind: predicted(rows, kind, labels, seed) for kind in KINDS}
            for kind, answers in says.items():
                found.setdefault(kind, []).append(round(float((answers == rows.y_judged).mean()), 4))
                if kind != "pretrained":
                    verdict = judge(rows.y_judged, says["pretrained"], answers)
                    p_values.setdefault(f"over {kind}", []).append(float(f"{max(verdict.p_value, 1e-300):.2g}"))
                    interval = [round(100 * end, 1) for end in verdict.difference_interval]
                    intervals.setdefault(f"over {kind}", []).append(interval)
            print(
                labels,
                seed,
                {kind: values[-1] for kind, values in found.items()},
                f"{time.perf_counter() - begun:.0f} s",
            )
        gains = {
            f"over {kind}": round(
                100 * statistics.mean(a - b for a, b in zip(found["pretrained"], found[kind], strict=True)), 1
            )
            for kind in KINDS[1:]
        }
        results[str(labels)] = found | {"gains": gains, "intervals": intervals, "p_values": p_values}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 1000], choices=[100, 1000])
    parser.add_argument("--validation", action="store_true", help="judge by held-out doc strings of the training part")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.record and given.validation:
        parser.error("A record is of the test part: leave out --validation.")
    results = compare(Rows.load(given.validation), given.labels, given.runs)
    print(results)
    if given.record:
        _record.write(
            "text_fewshot",
            what="doc strings, test accuracies of the encoder, pretrained and not, and of two models of word counts",
            results=results,
            packages=["keras", "tensorflow", "scikit-learn", "tokenizers"],
            seeds=list(range(given.runs)),
            weights=pretrained_text().facts["sha256"][:12],
        )


if __name__ == "__main__":
    main()
