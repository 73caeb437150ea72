"""TensorFlow's CUDA build: install it, and prove that it trains as the CPU does: ``kit gpu``."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from kitutils import settings

# CUDA 12 runs on any driver from this one on (NVIDIA, "CUDA Compatibility", minor version compatibility).
OLDEST_DRIVER = (525, 60)
# What TensorFlow loads at start-up, and the package that brings it. One that is missing silently leaves only the CPU.
LIBRARIES = {
    "libcudart.so.12": "nvidia-cuda-runtime-cu12",
    "libcublas.so.12": "nvidia-cublas-cu12",
    "libcublasLt.so.12": "nvidia-cublas-cu12",
    "libcufft.so.11": "nvidia-cufft-cu12",
    "libcusolver.so.11": "nvidia-cusolver-cu12",
    "libcusparse.so.12": "nvidia-cusparse-cu12",
    "libcudnn.so.9": "nvidia-cudnn-cu12",
}
TOLERANCE = 1e-3  # of a weight after one step: float32 sums in another order, no more


def main() -> int:
    """Check the driver, install requirements-gpu.txt, prove it in a fresh process. Returns the exit code."""
    problem = platform_problem(sys.platform, platform.machine()) or driver_problem()
    if problem:
        print(problem)
        return 1
    print("Installing TensorFlow's CUDA libraries, about 3 GB …", flush=True)
    uv = shutil.which("uv")
    install = (
        [uv, "pip", "install", "--compile-bytecode", "--python", sys.executable]
        if uv
        else [sys.executable, "-m", "pip", "install"]
    )
    if subprocess.call([*install, "-r", "requirements-gpu.txt"], cwd=settings.root()):
        print("The installation did not finish; the lines above say why. Nothing else has changed: try again.")
        return 1
    # A fresh process: this one may have loaded libraries before they were replaced.
    return subprocess.call([sys.executable, "-m", "kitutils.gpu"])


def platform_problem(system: str, machine: str) -> str | None:
    """Why there is no CUDA build for this operating system, or None."""
    if system == "win32":
        return "TensorFlow has no CUDA build for Windows itself. Install WSL2, and run kit gpu inside it."
    if system == "darwin":
        return "CUDA does not exist on macOS. The lessons run on the processor; those that need more say so."
    if system != "linux" or machine not in ("x86_64", "aarch64"):
        return f"TensorFlow's CUDA build exists for Linux on x86_64 and aarch64; this is {system} on {machine}."
    return None


def driver_problem() -> str | None:
    """What is wrong with the NVIDIA driver, with what to do about it, or None."""
    wanted = ".".join(map(str, OLDEST_DRIVER))
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout.strip()
    except FileNotFoundError:
        return (
            "No NVIDIA driver is installed here: nvidia-smi is missing. Install your system's driver package, version "
            f"{wanted} or newer, restart, and run kit gpu again. In a container, start it with --gpus all."
        )
    except (subprocess.SubprocessError, OSError) as error:
        reason = error.__class__.__name__
        return f"nvidia-smi does not answer ({reason}): the driver is installed but not running. Restart."
    if not answer:
        return "The NVIDIA driver runs but sees no GPU. In a container, start it with --gpus all."
    for line in answer.splitlines():
        name, _, driver = line.rpartition(", ")
        version = re.match(r"(\d+)\.(\d+)", driver)
        if version is None:
            return f"nvidia-smi gives {driver!r} as the driver version of {name}. Reinstall the driver and restart."
        if tuple(map(int, version.groups())) < OLDEST_DRIVER:
            return f"{name} has driver {driver}; CUDA 12 needs {wanted} or newer. Update the driver and restart."
    return None


def missing_libraries(folders: list[Path]) -> dict[str, str]:
    """The CUDA libraries that cannot be loaded, with the reason.

    Args:
        folders: where to look beside the system's own search path.
    """
    missing = {}
    for name in LIBRARIES:
        places = [str(found) for folder in folders for found in folder.glob(f"nvidia/*/lib/{name}")] or [name]
        try:
            ctypes.CDLL(places[0])
        except OSError as error:
            missing[name] = str(error)
    return missing


def training_step(device: str) -> dict[str, list]:
    """One step of gradient descent on a small convolutional network with fixed numbers, on one device.

    Args:
        device: TensorFlow's name of it, such as "/CPU:0".

    Returns:
        "loss": the loss before the step; "weights": all weights after it, flat.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)  # or the GPU would round where the CPU does not
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 16, 16, 3)).astype("float32")
    y = rng.integers(0, 10, 32)
    with tf.device(device):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                keras.layers.Conv2D(8, 3, activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(10),
            ]
        )
        initial = np.random.default_rng(1)
        model.set_weights([w + initial.normal(0, 0.1, w.shape).astype(w.dtype) for w in model.get_weights()])
        model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        loss = model.train_on_batch(x, y)
    return {"loss": float(loss), "weights": np.concatenate([w.ravel() for w in model.get_weights()]).tolist()}


def difference(ours: dict[str, list], theirs: dict[str, list]) -> float:
    """Largest absolute difference of two :func:`training_step` results, loss and weights; nan if one of them is."""
    import numpy as np

    ours, theirs = ([result["loss"], *result["weights"]] for result in (ours, theirs))
    return float(np.abs(np.subtract(ours, theirs)).max())


def prove() -> int:
    """List the GPUs, train one step there and on the CPU, compare. Prints what it finds; returns the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        missing = missing_libraries([Path(folder) for folder in sys.path if folder])
        print(f"TensorFlow {tf.__version__} sees no GPU.")
        for name, reason in missing.items():
            print(f"  {name} cannot be loaded ({reason}); it comes with {LIBRARIES[name]}")
        if missing:
            print("Install what is missing: pip install -r requirements-gpu.txt, in the kit's folder.")
        else:
            print(driver_problem() or "All libraries load; look whether CUDA_VISIBLE_DEVICES hides the GPU.")
        return 1
    cpu = training_step("/CPU:0")
    for i, gpu in enumerate(gpus):
        name = tf.config.experimental.get_device_details(gpu).get("device_name", "unknown GPU")
        far = difference(training_step(f"/GPU:{i}"), cpu)
        if not far <= TOLERANCE:  # nan is no agreement either
            print(f"GPU {i}: {name}: one training step differs from the CPU's by {far:.2g} (at most {TOLERANCE:g}).")
            print("Do not trust it: update the driver, and report this with the output of nvidia-smi.")
            return 1
        print(f"GPU {i}: {name}: one training step agrees with the CPU's to {far:.1g}.")
    print(json.dumps({"tensorflow": tf.__version__, "cuda": tf.sysconfig.get_build_info().get("cuda_version")}))
    return 0


if __name__ == "__main__":
    sys.exit(prove())
