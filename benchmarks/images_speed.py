"""Images a second of the reference CNN: the kit's pipeline and ``fit`` beside plain Keras on arrays.

    python benchmarks/images_speed.py [--rounds 7] [--record]

The same network with the same first weights on 20,000 training images of CIFAR-10. Plain: ``model.fit(x, y)`` in
batches of 32. The kit's: ``kitutils.train.fit`` on ``Batches`` of 256, and the same in the number format that
``precision.fastest`` finds. After an epoch that traces, epochs are timed in turn. 3 minutes on two cores; needs
cifar10 in the cache or a mirror (KIT_MIRROR), and a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import time

import _record
import keras
from images import LOSS, Rows

from kitutils.data.pipeline import Batches
from kitutils.models import reference_cnn
from kitutils.train import fit, precision

IMAGES = 20_000


class Trainer:
    """A compiled reference network and one way of training it for an epoch."""

    def __init__(self, rows: Rows, batch_size: int | None = None, policy: str = "float32") -> None:
        keras.utils.set_random_seed(0)
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        self.model = reference_cnn(rows.x.shape[1:])
        keras.config.set_dtype_policy(before)
        self.model.compile("adam", LOSS, metrics=["accuracy"])
        self.rows, self.batch_size = rows, batch_size

    def epoch(self) -> float:
        """Trains once on all images; images a second."""
        x, y = self.rows.x[:IMAGES], self.rows.y[:IMAGES]
        begun = time.perf_counter()
        if self.batch_size is None:
            self.model.fit(x, y, batch_size=32, verbose=0)
        else:
            fit(self.model, Batches(x, y, self.batch_size), 1, bar=False)
        return len(x) / (time.perf_counter() - begun)


def speeds(rows: Rows, rounds: int) -> dict:
    """Images a second by trainer and round, and the kit's ratios to plain Keras."""
    policy = precision.fastest()
    trainers = {"plain": Trainer(rows), "kit": Trainer(rows, 256), f"kit, {policy}": Trainer(rows, 256, policy)}
    found: dict = {name: [] for name in trainers}
    for round_ in range(rounds + 1):
        for name, trainer in trainers.items():
            speed = trainer.epoch()
            if round_:  # the first traces
                found[name].append(round(speed))
                print(name, found[name][-1], flush=True)
    return found | ratios(found)


def ratios(found: dict[str, list[int]]) -> dict[str, float]:
    """What each of the kit's trainers has over plain Keras: the median of the rounds, and the best over the best.

    A busy machine can only slow a round down, and not both of a pair alike, so the best rounds tell more than they
    usually do.
    """
    plain = found["plain"]
    over = {}
    for name in found.keys() - {"plain"}:
        pairs = zip(found[name], plain, strict=True)
        over[f"{name} over plain"] = round(statistics.median(ours / theirs for ours, theirs in pairs), 2)
        over[f"{name} over plain, best rounds"] = round(max(found[name]) / max(plain), 2)
    return dict(sorted(over.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    found = speeds(Rows.load(validation=False), given.rounds)
    print(found)
    if given.record:
        _record.write(
            "images_speed",
            what="Images a second of the reference CNN in training: plain Keras and the kit, in turn",
            results=found,
            packages=["keras", "tensorflow", "numpy"],
            images=IMAGES,
        )


if __name__ == "__main__":
    main()
