"""What ``kit doctor`` says about the GPU: the driver, TensorFlow's CUDA build, and whether they fit together.

TensorFlow is not imported: whether it would find its CUDA libraries is told from the packages that bring them, and from
the system's own. Only a Python that the kit supports comes this far.
"""

from __future__ import annotations

import ctypes
from importlib import metadata

from kitutils.doctor_findings import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
    inside,
    kit,
    listed,
    release,
    unset_variable,
)
from kitutils.doctor_probe import Facts
from kitutils.gpu import LIBRARIES, OLDEST_DRIVER


def look(facts: Facts) -> Facts:
    """Which packages of the CUDA build this Python has, and which it lacks while the system has no such library."""
    if facts.system != "linux":
        return facts
    recorded = {str(found.metadata["Name"]).lower() for name in LIBRARIES.values() for found in _records(name)}
    # CUDA may also be the system's own, as in NVIDIA's containers.
    missing = {package for name, package in LIBRARIES.items() if package not in recorded and not _loads(name)}
    return facts._replace(cuda=tuple(sorted(recorded)), cuda_missing=tuple(sorted(missing)))


def _records(name: str) -> list[metadata.Distribution]:
    return list(metadata.distributions(name=name))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _gpu(facts: Facts) -> list[Finding]:
    names = listed(f"{name}, driver {driver}" for name, driver in facts.gpus)
    if facts.system == "win32" and facts.gpus:
        cause = (
            "TensorFlow has no CUDA build for Windows itself, so lessons run on the processor. Install WSL2, set the "
            "kit up inside it, and run kit gpu there."
        )
        return [
            Finding("GPU", WARNING, f"There is a GPU ({names}), and this is native Windows.", cause, "wsl --install")
        ]
    if facts.system != "linux":
        return [Finding("GPU", OK, "lessons run on the processor; there is no CUDA build for this system")]
    built = inside(facts) and bool(facts.cuda or not facts.cuda_missing)
    return [_with_gpu(facts, names, built) if facts.gpus else _without_gpu(facts, built)]


def _with_gpu(facts: Facts, names: str, built: bool) -> Finding:
    old = [driver for _, driver in facts.gpus if release(driver) < OLDEST_DRIVER]
    if old:
        cause = f"CUDA 12 needs {_dotted(OLDEST_DRIVER)} or newer. Elsewhere than on Ubuntu, take your system's newest."
        what = f"The GPU's driver is too old: {names}."
        return Finding("GPU", PROBLEM if built else WARNING, what, cause, "sudo ubuntu-drivers install")
    if not built:
        cause = "TensorFlow's CUDA libraries are not installed: lessons run on the processor, and slower."
        return Finding("GPU", WARNING, f"There is a GPU that is not used: {names}.", cause, kit(facts, "gpu"))
    if facts.cuda_missing:
        what = f"TensorFlow's CUDA build is not whole; missing: {listed(facts.cuda_missing)}."
        cause = "TensorFlow then runs on the processor without a word."
        return Finding("GPU", PROBLEM, what, cause, kit(facts, "gpu"))
    if facts.variables.get("CUDA_VISIBLE_DEVICES") == "-1":
        what = f"CUDA_VISIBLE_DEVICES is -1, which hides {names}."
        mend = unset_variable(facts, "CUDA_VISIBLE_DEVICES")
        return Finding("GPU", WARNING, what, "Lessons run on the processor, and slower.", mend)
    return Finding("GPU", OK, names)


def _without_gpu(facts: Facts, built: bool) -> Finding:
    if not built:
        return Finding("GPU", OK, "none; lessons run on the processor")
    if not facts.gpu_trouble:
        cause = (
            "The driver runs and lists none, so lessons run on the processor. A container is started with --gpus all."
        )
        return Finding("GPU", WARNING, "TensorFlow's CUDA build is here, and no GPU is.", cause, "nvidia-smi")
    reason = "nvidia-smi is missing" if facts.gpu_trouble == "missing" else facts.gpu_trouble
    cause = (
        f"{reason}, so lessons run on the processor. The driver must be {_dotted(OLDEST_DRIVER)} or newer; a container "
        "gets it from its host, with --gpus all."
    )
    what = "TensorFlow's CUDA build is here, and no NVIDIA driver answers."
    return Finding("GPU", PROBLEM, what, cause, "sudo ubuntu-drivers install")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


CHECKS = (_gpu,)
