"""The first call of every lesson: a quiet, seeded TensorFlow and one line that says where the lesson runs."""

from __future__ import annotations

import io
import logging
import os
import platform
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.metadata import version
from typing import TypeVar

from kitutils import settings

T = TypeVar("T")


def pick(*, ci: T, workshop: T, full: T) -> T:
    """The value for the current profile, so that a lesson's sizes differ and its code does not.

    Example: ``epochs = pick(ci=1, workshop=6, full=60)``.
    """
    return {"ci": ci, "workshop": workshop, "full": full}[settings.profile()]


def start(lesson: str, *, seed: int = 0, keras: bool = True) -> None:
    """Prepare the notebook and print one line: lesson, profile, device, versions.

    Imports Keras with its start-up noise silenced, seeds Python's, NumPy's and the backend's random numbers, and lets
    TensorFlow take GPU memory as it needs it instead of all at once.

    Args:
        lesson: its number, "01".
        seed: for the random numbers; lessons keep 0 so that a room sees the same figures.
        keras: False in a lesson that trains no network, which spares it the seconds of TensorFlow's import.
    """
    profile = settings.profile()  # a misspelt profile is told before TensorFlow's seconds
    device, libraries = _start_keras(seed) if keras else _start_without(seed)

    from kitutils import plots

    plots.use_style()
    print(f"Lesson {lesson} · profile {profile} · {device} · {libraries} · Python {platform.python_version()}")


def _start_keras(seed: int) -> tuple[str, str]:
    # The level must stand before the import, and stays: later messages of the C++ side are noise to a learner too.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_closed():
        import keras

        backend = keras.backend.backend()
        device = _wake_backend(backend)
    keras.utils.set_random_seed(seed)
    return device, f"Keras {keras.__version__} on {backend} {version(backend)}"


def _start_without(seed: int) -> tuple[str, str]:
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    return _cores(), f"scikit-learn {version('scikit-learn')}, pandas {version('pandas')}"


def _cores() -> str:
    return f"CPU with {os.cpu_count()} cores"


@contextmanager
def quiet():
    """Keep what a converter or an interpreter says about itself out of the notebook; errors pass as always.

    Covers prints, Python warnings, log records up to WARNING and what C++ libraries write to standard error.
    """
    before = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), _stderr_closed():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _wake_backend(backend: str) -> str:
    """Touch the devices once, which is when a backend complains, and name the one that will be used."""
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        for gpu in gpus:
            # Refused once the devices are in use: then start() was called before and it is set already.
            with suppress(RuntimeError):
                tf.config.experimental.set_memory_growth(gpu, True)
        tf.zeros(1) + 1
        found = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    elif backend == "jax":
        import jax

        found = [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    else:
        import torch

        found = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join(found) or _cores()


@contextmanager
def _stderr_closed():
    """Send file descriptor 2 nowhere for a moment.

    TensorFlow's C++ libraries write to the descriptor itself, before any Python logging exists, so redirecting
    ``sys.stderr`` or raising a log level cannot stop them. Python's own warnings, through ``sys.stderr`` of a
    notebook, do not pass here and stay visible.
    """
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(null)
        os.close(saved)
