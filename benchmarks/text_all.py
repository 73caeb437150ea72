"""Doc strings with all labels: the pretrained encoder, trained longer and with hidden words, against word counts.

    python benchmarks/text_all.py [--runs 3] [--validation --room DIR | --record]

The recipe: the head alone for three epochs, then all layers, and in every epoch some of the word pieces are hidden. It
was chosen with ``--validation``: on doc strings that were held out, with the encoder of ``text_pretraining.py``, which
has not read them; the shipped one has. For a record the test part is looked at once, at the end of each run. The rivals
are TF-IDF with logistic regression, of words and of word pieces, and NB-SVM, each with pairs, and TF-IDF of single
words; they do not depend on a seed. Beside the runs stand the mean of their probabilities, and the mean of one run's
and TF-IDF's. Where bfloat16 is faster, training is in it. Needs nothing that is not installed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np
from scipy.special import softmax
from text_fewshot import Rows, logits

from kitutils.data.text_streams import LabelledTexts
from kitutils.data.tokens import WordPiece, train_wordpiece
from kitutils.evaluate import judge
from kitutils.models import nb_svm, pretrained_text, text_classifier, text_encoder, tfidf_lr
from kitutils.train.finetune import finetune, train_head
from kitutils.train.precision import fastest
from kitutils.train.pretrain import SIZES

HEAD, EPOCHS, PEAK, HIDE, PER_BATCH = 3, 8, 5e-4, 0.3, 4096


def start(rows: Rows, room: Path | None) -> tuple[keras.Model, WordPiece]:
    """The shipped encoder, or the one in the room, with its vocabulary."""
    if room is None:
        shipped = pretrained_text()
        return shipped.body, shipped.words
    words = train_wordpiece(rows.x, length=SIZES["length"])
    body = text_encoder(len(words.vocabulary), **SIZES)
    body.load_weights(room / "both-grown.weights.h5")
    return body, words


def trained(rows: Rows, seed: int, room: Path | None, given: argparse.Namespace) -> np.ndarray:
    """The encoder's probabilities for the judged rows, shape (rows, classes)."""
    keras.utils.set_random_seed(seed)
    body, words = start(rows, room)
    model = text_classifier(body, 6)
    batches = LabelledTexts(words.encode(rows.x), rows.y, per_batch=PER_BATCH, seed=seed, hide=given.hide)
    train_head(model, batches, HEAD, bar=False)
    finetune(model, batches, given.epochs, peak=PEAK, bar=False)
    return softmax(logits(model, words.encode(rows.x_judged)), axis=1)


def counted(rows: Rows, room: Path | None) -> dict[str, np.ndarray]:
    """What the models of word counts say of the judged rows; TF-IDF of words says it in probabilities."""
    _, words = start(rows, room)
    on_pieces = tfidf_lr().set_params(tfidf__tokenizer=words.pieces, tfidf__token_pattern=None)
    return {
        "tfidf_lr": tfidf_lr().fit(rows.x, rows.y).predict_proba(rows.x_judged),
        "tfidf_single": tfidf_lr(ngrams=(1, 1)).fit(rows.x, rows.y).predict(rows.x_judged),
        "tfidf_pieces": on_pieces.fit(rows.x, rows.y).predict(rows.x_judged),
        "nb_svm": nb_svm().fit(rows.x, rows.y).predict(rows.x_judged),
    }


def against(truth: np.ndarray, ours: list[np.ndarray], rival: np.ndarray) -> dict:
    """Points by which each of ours is ahead of a rival, the 95 % intervals, and the mean; McNemar's p-values."""
    verdicts = [judge(truth, answers, rival) for answers in ours]
    return {
        "points": round(100 * statistics.mean(verdict.difference for verdict in verdicts), 2),
        "intervals": [[round(100 * end, 2) for end in verdict.difference_interval] for verdict in verdicts],
        "p_values": [float(f"{verdict.p_value:.2g}") for verdict in verdicts],
    }


def compare(rows: Rows, given: argparse.Namespace) -> dict:
    """Accuracies, and the differences to each rival."""
    says = counted(rows, given.room)
    by_tfidf = says.pop("tfidf_lr")
    rivals = says | {"tfidf_lr": by_tfidf.argmax(axis=1)}
    results = {kind: round(float((answers == rows.y_judged).mean()), 4) for kind, answers in rivals.items()}
    print(results, flush=True)
    runs = []
    for seed in range(given.runs):
        begun = time.perf_counter()
        runs.append(trained(rows, seed, given.room, given))
        right = float((runs[-1].argmax(axis=1) == rows.y_judged).mean())
        print(f"encoder {seed}: {right:.4f}, {time.perf_counter() - begun:.0f} s", flush=True)
    ours = {
        "encoder": [run.argmax(axis=1) for run in runs],
        "mean of the runs": [np.mean(runs, axis=0).argmax(axis=1)],
        "encoder and tfidf_lr": [(run + by_tfidf).argmax(axis=1) for run in runs],
    }
    for kind, answers in ours.items():
        accuracies = [round(float((one == rows.y_judged).mean()), 4) for one in answers]
        over = {rival: against(rows.y_judged, answers, said) for rival, said in rivals.items()}
        results[kind] = {"accuracy": accuracies, "over": over}
        print(kind, results[kind], flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--hide", type=float, default=HIDE)
    parser.add_argument("--validation", action="store_true", help="judge by held-out doc strings of the training part")
    parser.add_argument("--room", type=Path, help="with --validation: where text_pretraining.py keeps its encoders")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.validation != (given.room is not None):
        parser.error("--validation and --room go together: the shipped encoder has read the doc strings held out.")
    if given.record and (given.validation or (given.epochs, given.hide) != (EPOCHS, HIDE)):
        parser.error("A record is of the usual recipe on the test part: leave out --validation, --epochs and --hide.")
    policy = fastest()
    keras.config.set_dtype_policy(policy)
    results = compare(Rows.load(given.validation), given)
    if given.record:
        _record.write(
            "text_all",
            what="doc strings with all labels, test accuracies of the fine-tuned encoder and of word counts",
            results=results,
            packages=["keras", "tensorflow", "scikit-learn", "tokenizers"],
            seeds=list(range(given.runs)),
            recipe={"head": HEAD, "epochs": EPOCHS, "peak": PEAK, "hide": HIDE, "tokens a batch": PER_BATCH},
            policy=policy,
            weights=pretrained_text().facts["sha256"][:12],
        )


if __name__ == "__main__":
    main()
