"""Masked language modelling on the doc strings: real tokens a second of the plainest Keras loop and of the kit's.

    python benchmarks/text_speed.py [--rounds 3] [--record]

The plain loop pads every row to 128 tokens, deals arrays in batches of 32, and computes logits for all tokens, those
that are not hidden with weight 0. The kit's deals rows of similar length together, in batches of about as many tokens,
and computes logits for hidden tokens only. Same encoder, AdamW and one task in both; the kit's also has a schedule and
cuts the gradient, which costs it time. Padding does not count as tokens. Both are compiled and warmed up first; then
they take turns. 4 minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import _record
import keras
import numpy as np

from kitutils import data
from kitutils.data.text_batches import mask_tokens
from kitutils.data.text_pairs import PairBatches
from kitutils.data.tokens import Tokens, train_wordpiece
from kitutils.models import pretraining_model, text_encoder
from kitutils.train.pretrain import SHARE, SIZES, compile_pretraining

ROWS = 2048  # of the plain loop, a round
BATCH = 32


def plain(tokens: Tokens, size: int):
    """A step of the plain loop: trains on ROWS rows; returns how many real tokens they have."""
    body = text_encoder(size, **SIZES)
    hidden = keras.layers.Dense(SIZES["width"], activation="gelu")(body.output)
    logits = keras.layers.Dense(size, dtype="float32")(keras.layers.LayerNormalization()(hidden))
    model = keras.Model(body.input, logits)
    model.compile("adamw", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)

    def train() -> int:
        rows = rng.permutation(len(tokens.ids))[:ROWS]
        masked = mask_tokens(tokens.ids[rows], rng, size=size, share=SHARE)
        given = {"token_ids": masked.inputs, "padding_mask": tokens.mask[rows].astype(np.int32)}
        model.fit(given, masked.targets, sample_weight=masked.weights, batch_size=BATCH, verbose=0)
        return int(tokens.mask[rows].sum())

    return train


def ours(tokens: Tokens, documents: np.ndarray, size: int):
    """A step of the kit's loop: trains on an eighth of an epoch; returns how many real tokens it had."""
    model = compile_pretraining(pretraining_model(text_encoder(size, **SIZES), partners=False), 1000)
    batches = PairBatches(tokens, documents, size=size, share=SHARE, per_batch=BATCH * SIZES["length"])
    turn = [0]

    def train() -> int:
        dealt = list(batches.epoch(turn[0]))[: batches.steps // 8]
        turn[0] += 1
        for inputs, targets in dealt:
            model.train_on_batch(inputs, {"pieces": targets["pieces"]})
        return int(sum(inputs["padding_mask"].sum() for inputs, _ in dealt))

    return train


def speeds(rounds: int) -> dict:
    """Real tokens a second of both, round by round in turn, and the median of their ratios."""
    ds = data.load("docstrings")
    words = train_wordpiece(ds.x_train, length=SIZES["length"])
    tokens, size = words.encode(ds.x_train), len(words.vocabulary)
    loops = {"plain": plain(tokens, size), "kit": ours(tokens, ds.truth["docstring_train"], size)}
    found: dict[str, list[float]] = {name: [] for name in loops}
    for round_ in range(rounds + 1):  # the first traces
        for name, train in loops.items():
            begun = time.perf_counter()
            real = train()
            if round_:
                found[name].append(round(real / (time.perf_counter() - begun)))
        print({name: values[-1:] for name, values in found.items()}, flush=True)
    ratios = [kit / plain for kit, plain in zip(found["kit"], found["plain"], strict=True)]
    return found | {"ratio": round(statistics.median(ratios), 2), "best over best": _best(found)}


def _best(found: dict[str, list[float]]) -> float:
    return round(max(found["kit"]) / max(found["plain"]), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    results = speeds(given.rounds)
    print(results)
    if given.record:
        _record.write(
            "text_speed",
            what="masked language modelling, real tokens a second of the plainest Keras loop and of the kit's, in turn",
            results=results,
            packages=["keras", "tensorflow", "numpy", "tokenizers"],
        )


if __name__ == "__main__":
    main()
