"""SST-2, sentences of film reviews: a small encoder, everything from scratch, and two models of word counts.

    python benchmarks/text_reviews.py [--runs 3] [--validation [--usual norm | epsilon] | --record]

The encoder knows no more than the training phrases: first its vocabulary, then its word vectors, of which it takes the
mean. They are not normalised before it is taken, so that strong words count for more: on held-out sentences 82.1 %
against 80.4 % with normalisation (``--usual norm``), means of three runs. Adam's epsilon is 1e-3: at the usual 1e-7
(``--usual epsilon``), where a rare word moves as far in a step as a frequent one, it was 81.5 %. Then a block with
attention is put on top of the vectors, adding nothing at first, and trains while they stay: what word order is worth
here, after training on so little text.

Rates and epochs were chosen with ``--validation``: 1,000 whole sentences of the training part are held out, and with
them all phrases cut from them, which a random split would leave among the training rows. For a record, the labelled
development set of SST-2, which is ``x_test`` here, is looked at once at the end of each run. Needs sst2 in the cache or
a mirror.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np
from text_fewshot import Rows, said

from kitutils import data
from kitutils.data.text_streams import LabelledTexts
from kitutils.data.tokens import Tokens, train_wordpiece
from kitutils.evaluate import judge
from kitutils.models import nb_svm, text_classifier, text_encoder, tfidf_lr
from kitutils.models.text import take_over
from kitutils.train import OneCycle, fit

SIZES = {"width": 128, "heads": 4, "length": 64, "norm": False}
FIRST = {"epochs": 5, "peak": 5e-3, "epsilon": 1e-3}
RIVALS = {"tfidf_lr": tfidf_lr, "nb_svm": nb_svm}
THEN = {"epochs": 2, "peak": 5e-4, "epsilon": 1e-7}


def load(validation: bool) -> Rows:
    """All training phrases and the development set; or whole sentences of the training part and phrases of others."""
    ds = data.load("sst2")
    if not validation:
        return Rows(ds.x_train, ds.y_train, ds.x_test, ds.y_test)
    held = np.random.default_rng(0).permutation(sentences(ds.x_train))[:1000]
    apart = ~parts_of(ds.x_train, ds.x_train[held])
    return Rows(ds.x_train[apart], ds.y_train[apart], ds.x_train[held], ds.y_train[held])


def sentences(texts: Sequence[str], least: int = 8) -> np.ndarray:
    """Positions of texts of so many words or more that are a part of no other text."""
    found, whole = [], ""
    for place in sorted(range(len(texts)), key=lambda place: -len(texts[place])):
        text = _framed(texts[place])
        if len(text.split()) >= least and text not in whole:
            found.append(place)
            whole += text + "\n"
    return np.array(found)


def parts_of(texts: Sequence[str], whole: Sequence[str]) -> np.ndarray:
    """Which texts are cut from the given ones, or are one of them: bool, one for each text."""
    joined = "\n".join(map(_framed, whole))
    return np.array([_framed(text) in joined for text in texts])


def _framed(text: str) -> str:
    return f" {text.strip()} "


def encoder_says(rows: Rows, seed: int) -> tuple[dict[str, np.ndarray], float]:
    """What the encoder says of the judged rows, without and with a block, and its seconds without, all included."""
    begun = time.perf_counter()
    keras.utils.set_random_seed(seed)
    words = train_wordpiece(rows.x, size=16_000, length=SIZES["length"])
    known, judged = words.encode(rows.x), words.encode(rows.x_judged)
    flat = text_encoder(len(words.vocabulary), depth=0, dropout=0.0, **SIZES)
    shallow = text_classifier(flat, 2, dropout=0.3)
    trained(shallow, known, rows.y, seed, **FIRST)
    says = {"encoder": said(shallow, judged)}
    seconds = time.perf_counter() - begun
    body = take_over(text_encoder(len(words.vocabulary), depth=1, dropout=0.3, **SIZES), flat)
    body.get_layer("pieces").trainable = False
    model = text_classifier(body, 2, dropout=0.3)
    model.get_layer("head").set_weights(shallow.get_layer("head").get_weights())
    trained(model, known, rows.y, seed, **THEN)
    return says | {"with a block": said(model, judged)}, seconds


def trained(
    model: keras.Model, tokens: Tokens, labels: np.ndarray, seed: int, epochs: int, peak: float, epsilon: float
) -> None:
    """Trains a classifier in place."""
    batches = LabelledTexts(tokens, labels, widths=(8, 12, 16, 24, 32, 64), per_batch=1024, seed=seed)
    rate = OneCycle(peak, epochs * batches.steps, warm=0.1, start=0.01)
    model.compile(
        keras.optimizers.Adam(rate, epsilon=epsilon),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    fit(model, batches, epochs, bar=False)


def compare(rows: Rows, runs: int) -> dict:
    """Accuracies of two rivals, which leave nothing to chance, and of the encoder, with seconds and p-values."""
    says = {kind: make().fit(rows.x, rows.y).predict(rows.x_judged) for kind, make in RIVALS.items()}
    results = {kind: [accuracy(rows, answers)] for kind, answers in says.items()}
    results |= {"encoder": [], "with a block": [], "seconds": [], "p_values": {kind: [] for kind in says}}
    print(results, flush=True)
    for seed in range(runs):
        found, seconds = encoder_says(rows, seed)
        for kind, answers in found.items():
            results[kind].append(accuracy(rows, answers))
        results["seconds"].append(round(seconds))
        for kind, theirs in says.items():
            results["p_values"][kind].append(float(f"{judge(rows.y_judged, found['encoder'], theirs).p_value:.2g}"))
        print(seed, {kind: results[kind][-1] for kind in found}, f"{seconds:.0f} s", flush=True)
    return results | {"mean": round(statistics.mean(results["encoder"]), 4)}


def accuracy(rows: Rows, answers: np.ndarray) -> float:
    """Share of judged rows that are right."""
    return round(float((answers == rows.y_judged).mean()), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--validation", action="store_true", help="judge by held-out sentences of the training part")
    parser.add_argument("--usual", choices=["norm", "epsilon"], help="one of the two as others have it")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.record and (given.validation or given.usual):
        parser.error("A record is of the development set and of our own choice: leave out --validation and --usual.")
    if given.usual == "norm":
        SIZES["norm"] = True
    elif given.usual == "epsilon":
        FIRST["epsilon"] = THEN["epsilon"]
    results = compare(load(given.validation), given.runs)
    if given.record:
        _record.write(
            "text_reviews",
            what="SST-2, accuracies on the development set of a small encoder from scratch and of two models of word "
            "counts, and the encoder's seconds",
            results=results,
            packages=["keras", "tensorflow", "scikit-learn", "tokenizers"],
            seeds=list(range(given.runs)),
        )


if __name__ == "__main__":
    main()
