"""What makes pretraining pay: hidden words alone or with partners, with blocks from the start or first without.

    python benchmarks/text_pretraining.py [--ways both-grown …] [--room DIR] [--runs 3] [--record]

Each way pretrains an encoder on the doc strings of the training part but 2,000, at most half as long as the shipped
one; with blocks from the start it gets five epochs, which take a quarter longer than four without blocks and three with
them (15.6 minutes against 12.5 on one core, bfloat16). Then the encoder is fine-tuned on 1,000 labels, ``--runs`` times
with other rows, the same for all ways, and judged by the 2,000 doc strings that nothing has read. The recipe is that of
``text_fewshot.py`` for the pretrained encoder; those that never looked for partners, whom it suits badly, are also
fine-tuned by the one for random weights. Beside them stand the same network from random weights, and TF-IDF with
logistic regression. Each way is one pretraining. Finished encoders are kept in ``--room``, so that a broken-off run
goes on, and two runs may fill one room with different ``--ways``. Where bfloat16 is faster, training is in it. Needs
nothing that is not installed; an hour and a half on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np
from text_fewshot import COUNTS, Rows, said

from kitutils.data.text_pairs import PairBatches
from kitutils.data.text_streams import LabelledTexts
from kitutils.data.tokens import WordPiece, train_wordpiece
from kitutils.evaluate import judge
from kitutils.models import text_classifier, text_encoder
from kitutils.models.pretraining import pretraining_model
from kitutils.train.finetune import finetune, train_head
from kitutils.train.precision import fastest
from kitutils.train.pretrain import PARTNER, PEAK, SHARE, SIZES, grow, guessed, pretrain

LABELS = 1000
# Epochs of the head, epochs of all layers, the largest rate: in text_fewshot.py the first is for the pretrained encoder
# and the second for random weights. An encoder that never looked for partners is fine-tuned by both.
RECIPES = {"head first": (20, 4, 1e-4), "all at once": (0, 20, 1e-3)}
# By name: epochs without blocks, epochs with three of them, and what the second task weighs in the latter; without
# blocks it weighs 1 or nothing, as in the training of the shipped weights.
WAYS = {
    "words-from-start": (0, 5, 0.0),
    "words-grown": (4, 3, 0.0),
    "both-from-start": (0, 5, PARTNER),
    "both-from-start-alike": (0, 5, 1.0),
    "both-grown": (4, 3, PARTNER),
    "both-no-blocks": (4, 0, PARTNER),
}
RANDOM, COUNTED = "random", "tfidf_lr"


def encoder(words: WordPiece, depth: int) -> keras.Model:
    return text_encoder(len(words.vocabulary), **SIZES | {"depth": depth})


def pretrained(way: str, words: WordPiece, batches: PairBatches, unread: np.ndarray, room: Path) -> dict:
    """Pretrain in one of the ``WAYS`` and keep the encoder in the room; what came of it, at once if it is there."""
    first, then, partner = WAYS[way]
    facts = room / f"{way}.json"
    if facts.exists():
        return json.loads(facts.read_text())
    keras.utils.set_random_seed(0)
    body = encoder(words, SIZES["depth"] if not first else 0)
    model = pretraining_model(body)
    if first:
        pretrain(model, batches, first, peak=3 * PEAK, partner=float(partner > 0), bar=False)
    if first and then:
        body = encoder(words, SIZES["depth"])
        model = grow(model, body)
    if then:
        pretrain(model, batches, then, partner=partner, bar=False)
    found = {"guessed": guessed(model, words, unread)["guessed"]}
    body.save_weights(room / f"{way}.weights.h5")
    facts.write_text(json.dumps(found))
    print(way, found, flush=True)
    return found


def finetuned(way: str, recipe: str, words: WordPiece, rows: Rows, seed: int, room: Path) -> np.ndarray:
    """What the encoder of a way says of the judged rows after fine-tuning by one of the ``RECIPES``."""
    chosen = rows.drawn(LABELS, seed)
    keras.utils.set_random_seed(seed)
    body = encoder(words, SIZES["depth"] if way == RANDOM or WAYS[way][1] else 0)
    if way != RANDOM:
        body.load_weights(room / f"{way}.weights.h5")
    model = text_classifier(body, 6)
    head, epochs, peak = RECIPES[recipe]
    batches = LabelledTexts(words.encode(rows.x[chosen]), rows.y[chosen], per_batch=512, seed=seed)
    if head:
        train_head(model, batches, head, bar=False)
    finetune(model, batches, epochs, peak=peak, bar=False)
    return said(model, words.encode(rows.x_judged))


def judged(rows: Rows, answers: list[np.ndarray], rivals: list[np.ndarray] | None = None) -> dict:
    """Accuracies of the runs; against a rival's also the points gained: their mean, and a 95 % interval of each run."""
    found = {"accuracy": [round(float((one == rows.y_judged).mean()), 4) for one in answers]}
    if rivals:
        verdicts = [judge(rows.y_judged, *pair) for pair in zip(answers, rivals, strict=True)]
        found["gain"] = round(100 * statistics.mean(verdict.difference for verdict in verdicts), 1)
        found["intervals"] = [[round(100 * end, 1) for end in verdict.difference_interval] for verdict in verdicts]
    return found


def compare(ways: list[str], runs: int, room: Path) -> dict:
    """For each way the share of hidden words guessed, and by recipe what :func:`judged` says against random weights."""
    rows = Rows.load(validation=True)
    words = train_wordpiece(rows.x, length=SIZES["length"])
    batches = PairBatches(words.encode(rows.x), rows.documents, size=len(words.vocabulary), share=SHARE)
    results = {way: pretrained(way, words, batches, rows.x_judged[:400], room) for way in ways}
    if not runs:
        return results
    counts = [COUNTS[COUNTED]() for _ in range(runs)]
    for seed, model in enumerate(counts):
        chosen = rows.drawn(LABELS, seed)
        model.fit(rows.x[chosen], rows.y[chosen])
    results[COUNTED] = judged(rows, [model.predict(rows.x_judged) for model in counts])

    def fine(way: str, recipe: str) -> list[np.ndarray]:
        return [finetuned(way, recipe, words, rows, seed, room) for seed in range(runs)]

    untaught = fine(RANDOM, "all at once")
    results[RANDOM] = judged(rows, untaught)
    for way in ways:
        for recipe in RECIPES if not WAYS[way][2] else list(RECIPES)[:1]:
            if len(results[way].get(recipe, {}).get("accuracy", [])) != runs:
                results[way][recipe] = judged(rows, fine(way, recipe), untaught)
                (room / f"{way}.json").write_text(json.dumps(results[way]))
            print(way, recipe, results[way][recipe], flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--room", type=Path, default=Path("artifacts/text_pretraining"))
    parser.add_argument("--runs", type=int, default=3, help="0 pretrains and leaves the rest")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    if given.record and (given.ways != list(WAYS) or not given.runs):
        parser.error("A record is of all ways and of some runs: leave out --ways, and --runs 0.")
    given.room.mkdir(parents=True, exist_ok=True)
    policy = fastest()
    keras.config.set_dtype_policy(policy)
    results = compare(given.ways, given.runs, given.room)
    if given.record:
        _record.write(
            "text_pretraining",
            what=f"doc strings nothing has read, accuracy after fine-tuning on {LABELS} labels, by how was pretrained",
            results=results,
            packages=["keras", "tensorflow", "scikit-learn", "tokenizers"],
            seeds=list(range(given.runs)),
            policy=policy,
            epochs={way: {"without blocks": first, "with blocks": then} for way, (first, then, _) in WAYS.items()},
            partner={way: weight for way, (_, _, weight) in WAYS.items()},
        )


if __name__ == "__main__":
    main()
