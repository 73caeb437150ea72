"""Pretraining a text encoder on texts without labels, on top of ``fit``; a broken-off run goes on where it was.

    python -m kitutils.train.pretrain [--first 8] [--epochs 7] [--folder DIR] [--out DIR] [--backend jax]
    python -m kitutils.train.pretrain --score DIR

made the weights that the kit carries, from the training part of the doc strings. At the end, or alone with ``--score``,
it hides words of texts from the test part, and writes beside the weights how many of them the encoder guesses. With
``--backend jax`` it needs no TensorFlow.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # before Keras is imported
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--backend", choices=["tensorflow", "jax", "torch"])
    if backend := early.parse_known_args()[0].backend:
        os.environ["KERAS_BACKEND"] = backend

import keras
import numpy as np

from kitutils import data
from kitutils.data.text_batches import mask_tokens
from kitutils.data.text_pairs import PairBatches
from kitutils.data.tokens import WordPiece
from kitutils.models.pretrained import add_facts, pretrained_text, write_weights
from kitutils.models.pretraining import pretraining_model
from kitutils.models.text import take_over, text_encoder
from kitutils.train.fitting import fit
from kitutils.train.runs import Run
from kitutils.train.schedules import OneCycle

SIZES = {"width": 128, "depth": 3, "heads": 4, "length": 128}
SHARE = 0.15
PEAK = 1e-3
# With blocks. At weight 1, 19 % of the hidden words were guessed after 6 epochs; at this weight 24 % after 7: the steep
# loss of the second task takes up most of a gradient that is cut to length 1.
PARTNER = 0.1
JUDGED = 400  # texts of the test part


def pretrain(
    model: keras.Model,
    batches: PairBatches,
    epochs: int,
    *,
    peak: float = PEAK,
    partner: float = 1.0,
    folder: str | Path | None = None,
    bar: bool = True,
) -> Run:
    """Train an encoder to guess hidden words and to find paragraphs of the same document.

    AdamW as for BERT, with a rate that rises for a tenth of the steps (Loshchilov and Hutter, "Decoupled weight decay
    regularization", ICLR 2019); the gradient is cut to length 1.

    Args:
        model: the encoder with its heads, from ``pretraining_model`` or :func:`grow`; it is trained in place.
        batches: the texts.
        epochs: passes over them in all.
        peak: the largest learning rate.
        partner: weight of the second task's loss; that of the hidden words has weight 1.
        folder: where state and record are kept, so that a broken-off run can go on; None keeps nothing.
        bar: one line of progress.

    Returns:
        The record of the run.
    """
    compile_pretraining(model, epochs * batches.steps, peak, partner)
    return fit(model, batches, epochs, folder=folder, bar=bar)


def grow(shallow: keras.Model, body: keras.Model) -> keras.Model:
    """A deeper encoder with heads that begins where a shallow one without blocks has come to.

    Embedding, positions and heads are taken over, as :func:`kitutils.models.text.take_over` says. An epoch without
    blocks takes a fraction of the time, and much of what counts here is in the embedding.

    Args:
        shallow: what :func:`pretrain` made of an encoder of depth 0.
        body: the encoder to go on with; its weights are replaced.

    Returns:
        ``body`` with its heads.
    """
    model = pretraining_model(take_over(body, shallow.get_layer("encoder")))
    for name in ("guess", "guess_norm", "piece_bias"):
        model.get_layer(name).set_weights(shallow.get_layer(name).get_weights())
    return model


def compile_pretraining(model: keras.Model, steps: int, peak: float = PEAK, partner: float = 1.0) -> keras.Model:
    """Compile what ``pretraining_model`` made for a training of so many steps; returns the same model."""
    rate = OneCycle(peak, steps, warm=0.1, start=0.01, end=0.02)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01, beta_2=0.98, global_clipnorm=1.0),
        {name: keras.losses.SparseCategoricalCrossentropy(from_logits=True) for name in model.output},
        loss_weights={name: partner if name == "partner" else 1.0 for name in model.output},
        metrics={name: ["accuracy"] for name in model.output},
    )
    return model


def guessed(model: keras.Model, words: WordPiece, texts: Sequence[str] | np.ndarray) -> dict[str, float]:
    """How many hidden words an encoder guesses in texts that it has not read, all of them in one batch.

    Args:
        model: the encoder with its heads, from ``pretraining_model``.
        words: its vocabulary.
        texts: str, shape (rows,). Which of their words are hidden depends on nothing but them and the vocabulary.

    Returns:
        "texts" and "hidden words", how many there are; "guessed", the share that is right; and "most frequent piece",
        the share that one answer to all of them would get.

    Raises:
        ValueError: no word was hidden, because there are too few.
    """
    ids, mask = words.encode(texts)
    masked = mask_tokens(ids, np.random.default_rng(0), size=len(words.vocabulary), share=SHARE)
    places = np.flatnonzero(masked.weights).astype(np.int32)
    if not len(places):
        raise ValueError(f"Of {len(ids)} texts no word was hidden. Take more of them, or longer ones.")
    inputs = {"token_ids": masked.inputs, "padding_mask": mask.astype(np.int32), "places": places}
    said = keras.ops.convert_to_numpy(model(inputs, training=False)["pieces"]).argmax(axis=1)
    targets = masked.targets.ravel()[places]
    return {
        "texts": len(ids),
        "hidden words": len(places),
        "guessed": round(float(np.mean(said == targets)), 4),
        "most frequent piece": round(float(np.bincount(targets).max() / len(targets)), 4),
    }


def score(folder: Path) -> dict[str, float]:
    """:func:`guessed` for the weights in a folder on texts of the doc strings' test part, which it adds to their facts.

    Raises:
        DamagedWeights: there are none, or not those that their JSON file speaks of.
    """
    kept = pretrained_text(folder)
    ds = data.load("docstrings").take(100, seed=44, test=JUDGED)  # as in lesson 44
    found = guessed(kept.model, kept.words, ds.x_test)
    command = f"python -m kitutils.train.pretrain --score {folder.as_posix()}"
    add_facts(folder, {"held out": {"command": command} | found})
    return found


def main() -> None:
    """Pretrain on the doc strings, write the weights, and score them."""
    from kitutils.data import text_harvest
    from kitutils.data.tokens import train_wordpiece

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=8, help="epochs without blocks")
    parser.add_argument("--epochs", type=int, default=7, help="epochs with them")
    parser.add_argument("--folder", type=Path, default=Path("artifacts/pretrain"), help="for the state of the run")
    parser.add_argument("--out", type=Path, default=Path("artifacts/pretrain/weights"), help="for the weights")
    parser.add_argument("--score", type=Path, metavar="DIR", help="train nothing, score the weights in this folder")
    parser.add_argument("--backend", help="tensorflow, jax or torch; left out, what Keras is set to")
    given = parser.parse_args()
    if given.backend not in (None, keras.backend.backend()):
        parser.error(f"Keras runs on {keras.backend.backend()} in this process. Set KERAS_BACKEND={given.backend}.")
    if given.score:
        print(score(given.score))
        return
    ds = data.load("docstrings")
    words = train_wordpiece(ds.x_train, length=SIZES["length"])
    batches = PairBatches(
        words.encode(ds.x_train), ds.truth["docstring_train"], size=len(words.vocabulary), share=SHARE
    )
    keras.utils.set_random_seed(0)
    shallow = pretraining_model(text_encoder(len(words.vocabulary), **SIZES | {"depth": 0}))
    first = pretrain(shallow, batches, given.first, peak=3 * PEAK, folder=given.folder / "first")
    model = grow(shallow, text_encoder(len(words.vocabulary), **SIZES))
    run = pretrain(model, batches, given.epochs, partner=PARTNER, folder=given.folder / "then")
    last = {name: round(values[-1], 4) for name, values in run.history.items()}
    packages = ", ".join(f"{name} {version}" for name, version in text_harvest.versions().items())
    facts = {
        "command": f"python -m kitutils.train.pretrain --first {given.first} --epochs {given.epochs}",
        "data": f"docstrings, training part: {batches.rows} paragraphs; {packages}",
        "last epoch": last,
        "minutes": {"without blocks": round(sum(first.seconds) / 60), "with them": round(sum(run.seconds) / 60)},
        "backend": keras.backend.backend(),
        "versions": run.versions,
        "date": time.strftime("%Y-%m-%d"),
    }
    write_weights(given.out, model, words, SIZES, facts)
    print(last, score(given.out))


if __name__ == "__main__":
    main()
