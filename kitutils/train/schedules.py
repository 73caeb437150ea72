"""Learning-rate schedules that Keras does not have, as Keras objects: counted in steps and saved with the model.

Lessons: 40.
"""

from __future__ import annotations

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("kitutils")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up in a straight line, down along half a cosine (Smith and Topin, "Super-Convergence", 2018).

    Args:
        peak: the largest learning rate.
        steps: of the whole training: epochs times batches an epoch.
        warm: share of the steps spent going up, 0 to 1.
        start, end: the first and the last rate, as a share of the peak.

    Raises:
        ValueError: the steps are not 1 or more, or ``warm`` is no share.
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        warm: float = 0.25,
        start: float = 0.04,
        end: float = 0.0,
        name: str = "one_cycle",
    ) -> None:
        if steps < 1:
            raise ValueError(f"A schedule covers one step or more; got steps={steps}. It is epochs * batches.steps.")
        if not 0 <= warm <= 1:
            raise ValueError(f"warm is the share of the steps that go up, 0 to 1; got {warm}.")
        self.peak, self.steps, self.warm, self.start, self.end, self.name = peak, steps, warm, start, end, name

    def __call__(self, step):
        step = ops.minimum(ops.cast(step, "float32"), float(self.steps))
        top = self.warm * self.steps
        up = self.start + (1 - self.start) * step / max(top, 1e-6)
        share = (step - top) / max(self.steps - top, 1e-6)
        down = self.end + (1 - self.end) * (1 + ops.cos(math.pi * share)) / 2
        return self.peak * ops.where(step < top, up, down)

    def get_config(self) -> dict:
        return {key: getattr(self, key) for key in ("peak", "steps", "warm", "start", "end", "name")}
