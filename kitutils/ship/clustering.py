"""Weight clustering: a kernel's weights share a few values, so that each is stored as the number of its value.

Han et al., "Deep compression: compressing deep neural networks with pruning, trained quantization and Huffman coding",
ICLR 2016.

Lessons: 50.
"""

from __future__ import annotations

from collections.abc import Collection

import keras
import numpy as np
from keras import ops

from kitutils.ship.kernels import copy_of, kernel_layers

MOST = 256  # so that the number of a value fits into a byte


def cluster(model: keras.Model, centres: int = 16, *, leave_out: Collection[str] = ()) -> keras.Model:
    """A copy whose kernels have few distinct values each, by k-means on each kernel's weights.

    The first centres lie evenly between the smallest weight and the largest: far more large weights keep a centre near
    them than with centres drawn at random (Han et al., section 3). A pruned kernel's zeros stay zero: where a kernel
    has zeros, 0 is one of its values, and only the other weights are clustered.

    Args:
        model: built. It stays as it is.
        centres: distinct values of each kernel, 2 to 256; zero counts as one.
        leave_out: names of layers to leave as they are.

    Raises:
        ValueError: ``centres`` is out of its range, or there is nothing to cluster.
    """
    if not 2 <= centres <= MOST:
        raise ValueError(f"centres is 2 to {MOST}, so that a byte holds the number of a value; got {centres}.")
    clustered = copy_of(model)
    for layer in kernel_layers(clustered, leave_out).values():
        layer.kernel.assign(_nearest_centres(layer.kernel.numpy(), centres))
    return clustered


class ShareWeights(keras.callbacks.Callback):
    """Trains a clustered model on and keeps its clusters: after each step a cluster's weights become their mean.

    So a shared value moves by the mean of its weights' steps, and zeros stay zero. (After each execution, if a model is
    compiled with ``steps_per_execution`` above 1; the mean is of all its steps then.) Kernels that have more than 256
    distinct values when the training begins are not clustered, and learn as usual.
    """

    def on_train_begin(self, logs=None):
        self.clusters = []
        for layer in kernel_layers(self.model).values():
            values, number = np.unique(layer.kernel.numpy(), return_inverse=True)
            if len(values) <= MOST:
                weights = np.bincount(number.ravel(), minlength=len(values))
                share = np.where(values == 0, 0, 1 / weights).astype("float32")
                self.clusters.append((layer.kernel, number.reshape(layer.kernel.shape), share))

    def on_train_batch_end(self, batch, logs=None):
        for kernel, number, share in self.clusters:
            sums = ops.segment_sum(ops.ravel(kernel), number.ravel(), num_segments=len(share))
            kernel.assign(ops.take(sums * share, number))


def _nearest_centres(kernel: np.ndarray, centres: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    weights = kernel[kernel != 0]
    centres -= weights.size < kernel.size  # zero is one of them
    if len(np.unique(weights)) <= centres:
        return kernel
    start = np.linspace(weights.min(), weights.max(), centres).reshape(-1, 1)
    means = KMeans(centres, init=start, n_init=1, tol=0).fit(weights.reshape(-1, 1).astype("float64"))
    new = np.zeros_like(kernel)
    new[kernel != 0] = means.cluster_centers_[means.labels_, 0]
    return new
