"""Magnitude pruning: the smallest weights become zero, and stay zero while the others go on learning.

Zeros make a model smaller once it is stored in a form that profits from them (:mod:`kitutils.ship.packing`). An
ordinary runtime multiplies by a zero as by any other number; for a faster model see :mod:`kitutils.ship.structured`.

Lessons: 50.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Literal

import keras
import numpy as np
from keras import ops

from kitutils.ship.kernels import copy_of, kernel_layers

Scope = Literal["global", "layer"]


def cubic_sparsity(step: int, begin: int, end: int, final: float, initial: float = 0.0) -> float:
    """The share of zeros at a step: fast at first, when there are many weights to spare, then ever more slowly.

    Zhu and Gupta, "To prune, or not to prune: exploring the efficacy of pruning for model compression" (2017), equation
    1: ``final + (initial - final) * (1 - progress) ** 3``.

    Args:
        step: counted from 0. Up to ``begin`` the share is ``initial``, from ``end`` on it is ``final``.
        begin, end: first and last step of the rise; if they are one step, the share jumps there.
        final, initial: shares from 0 to below 1.

    Raises:
        ValueError: the rise ends before it begins.
    """
    if end < begin:
        raise ValueError(f"The rise ends no earlier than it begins; got begin {begin} and end {end}.")
    if step >= end:
        return final
    progress = (step - begin) / (end - begin) if step > begin else 0.0
    return final + (initial - final) * (1 - progress) ** 3


def magnitude_masks(
    model: keras.Model, sparsity: float, *, scope: Scope = "global", leave_out: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Which weights stay: those of largest magnitude.

    Args:
        model: built.
        sparsity: share of the kernels' weights that become zero, from 0 to below 1.
        scope: "global" compares the weights of all kernels with one another, so that a layer that needs its weights
            keeps more of them; "layer" takes the same share from each.
        leave_out: names of layers that keep all.

    Returns:
        Path of the layer → bool array of its kernel's shape, True for a weight that stays. Exactly
        ``round(sparsity * weights)`` are False: in all under "global", in each kernel under "layer".

    Raises:
        ValueError: ``sparsity`` or ``scope`` is none of those, or there is nothing to prune.
    """
    if not 0 <= sparsity < 1:
        raise ValueError(f"sparsity is a share from 0 to below 1, such as 0.9 for nine zeros in ten; got {sparsity}.")
    sizes = {path: np.abs(layer.kernel.numpy()) for path, layer in kernel_layers(model, leave_out).items()}
    if scope == "layer":
        return {path: _largest(size, sparsity) for path, size in sizes.items()}
    if scope != "global":
        raise ValueError(f'scope is "global" or "layer"; got {scope!r}.')
    kept = _largest(np.concatenate([size.ravel() for size in sizes.values()]), sparsity)
    parts = np.split(kept, np.cumsum([size.size for size in sizes.values()])[:-1])
    return {path: part.reshape(sizes[path].shape) for path, part in zip(sizes, parts, strict=True)}


def apply_masks(model: keras.Model, masks: Mapping[str, np.ndarray]) -> None:
    """Set the weights that do not stay to zero, in the model itself."""
    kernels = kernel_layers(model)
    for path, mask in masks.items():
        kernel = kernels[path].kernel
        kernel.assign(ops.where(mask, kernel, 0))


def prune(
    model: keras.Model, sparsity: float, *, scope: Scope = "global", leave_out: Collection[str] = ()
) -> keras.Model:
    """A copy of the model, pruned at once and not trained since. Arguments as for :func:`magnitude_masks`."""
    pruned = copy_of(model)
    apply_masks(pruned, magnitude_masks(pruned, sparsity, scope=scope, leave_out=leave_out))
    return pruned


def sparsity_of(model: keras.Model, leave_out: Collection[str] = ()) -> float:
    """The share of zeros among the weights of all kernels but those left out."""
    kernels = [layer.kernel.numpy() for layer in kernel_layers(model, leave_out).values()]
    return 1 - sum(map(np.count_nonzero, kernels)) / sum(kernel.size for kernel in kernels)


class MagnitudePruning(keras.callbacks.Callback):
    """Prunes while the model trains, on the schedule of :func:`cubic_sparsity`, and keeps zeros zero from then on.

    A weight that is zero still gets a gradient, and the optimizer moves it: the masks are therefore laid on again after
    each step, and what is zero once stays so. Keras calls back once for each execution: if a model is compiled with
    ``steps_per_execution`` above 1, zeros may move within an execution, and are zeros again behind it.

    Give the same callback to a further ``fit``: its schedule goes on where it was, and its zeros hold there too. A fit
    that ends before the schedule does, with fewer zeros than asked for, says so in a warning.

    Args:
        final: share of zeros at the end.
        steps: the training's length, epochs × batches an epoch. The share rises from the first step to three quarters
            of it; the last quarter lets the remaining weights settle.
        every: steps from one choice of masks to the next.
        scope, leave_out: as for :func:`magnitude_masks`.

    Attributes:
        masks: the masks in force, path of the layer → bool array.
        step: steps that were trained so far.

    Raises:
        ValueError: ``final`` is no share, or ``steps`` or ``every`` is not 1 or more.
    """

    def __init__(
        self, final: float, steps: int, *, every: int = 10, scope: Scope = "global", leave_out: Collection[str] = ()
    ) -> None:
        super().__init__()
        if not 0 <= final < 1:
            raise ValueError(f"final is a share from 0 to below 1, such as 0.9 for nine zeros in ten; got {final}.")
        if min(steps, every) < 1:
            raise ValueError(f"steps and every are 1 or more; got {steps} and {every}.")
        self.final, self.end, self.every = final, max(1, round(0.75 * steps)), every
        self.scope, self.leave_out = scope, tuple(leave_out)
        self.masks: dict[str, np.ndarray] = {}
        self.step, self._done = 0, 0  # in all, and in this epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._done = 0

    def on_train_batch_end(self, batch, logs=None):
        batches = (self.params or {}).get("steps") or batch + 1  # the last execution of an epoch may be cut short
        before, done = self.step, min(batch + 1, batches)
        self.step, self._done = before + done - self._done, done
        apply_masks(self.model, self.masks)  # first, or what the step has moved could come back in a new choice
        if before < self.end and (self.step // self.every > before // self.every or self.step >= self.end):
            share = cubic_sparsity(self.step, 0, self.end, self.final)
            self.masks = magnitude_masks(self.model, share, scope=self.scope, leave_out=self.leave_out)
            apply_masks(self.model, self.masks)

    def on_train_end(self, logs=None):
        if self.step < self.end:
            warnings.warn(
                f"The fit has ended at step {self.step}, and the share of zeros rises until step {self.end}: it is "
                f"{sparsity_of(self.model, self.leave_out):.0%} so far, not {self.final:.0%}. Give the same callback "
                "to a further fit, or as steps the number that is trained (epochs × batches an epoch).",
                stacklevel=2,
            )


def _largest(sizes: np.ndarray, sparsity: float) -> np.ndarray:
    """True for the largest numbers; of equal ones the later stay, so that the count is exact."""
    kept = np.ones(sizes.size, bool)
    kept[np.argsort(sizes, axis=None, kind="stable")[: round(sparsity * sizes.size)]] = False
    return kept.reshape(sizes.shape)
