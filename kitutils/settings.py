"""What the environment asks of the kit, and where its folders are.

Every ``KIT_*`` variable is read here and nowhere else, each time it is asked for: a notebook may set one before its
first cell, and a test may change one between two calls. Standard library only, so that every module may import it.
"""

from __future__ import annotations

import os
from pathlib import Path

PROFILES = ("ci", "workshop", "full")


def root() -> Path:
    """The kit's own folder, which holds ``notebooks/`` and ``datasets/``.

    Raises:
        RuntimeError: kitutils was installed away from that folder.
    """
    folder = Path(__file__).resolve().parent.parent
    if not (folder / "datasets").is_dir():
        raise RuntimeError(
            f"kitutils lies in {folder}, without the kit's datasets/ beside it. Install it from the kit's own folder: "
            "python3 kit.py lab, or pip install -r requirements.txt."
        )
    return folder


def profile() -> str:
    """``KIT_PROFILE``: "ci", "workshop" (the default) or "full"."""
    value = os.environ.get("KIT_PROFILE", "").strip() or "workshop"
    if value not in PROFILES:
        raise ValueError(f"KIT_PROFILE is {value!r}; it must be one of {', '.join(PROFILES)}.")
    return value


def home() -> Path:
    """``KIT_HOME``: the folder of the data cache and of a learner's progress, ``~/.kitutils`` unless set."""
    value = os.environ.get("KIT_HOME", "").strip()
    return Path(value).expanduser().absolute() if value else Path.home() / ".kitutils"


def artifact_root() -> Path:
    """``KIT_ARTIFACTS``: where lessons leave their models, ``artifacts/`` in the kit's folder unless set."""
    value = os.environ.get("KIT_ARTIFACTS", "").strip()
    return Path(value).expanduser().absolute() if value else root() / "artifacts"


def mirror() -> str | None:
    """``KIT_MIRROR``: a folder or an http(s) address that holds prepared data sets, or None."""
    return os.environ.get("KIT_MIRROR", "").strip() or None


def offline() -> bool:
    """``KIT_OFFLINE``: never ask a publisher. Always so in the ``ci`` profile."""
    return _flag("KIT_OFFLINE") or profile() == "ci"


def strict_data() -> bool:
    """``KIT_STRICT_DATA``: a stand-in in place of the real data is an error."""
    return _flag("KIT_STRICT_DATA")


def strict_claims() -> bool:
    """``KIT_STRICT_CLAIMS``: a claim outside its band raises."""
    return _flag("KIT_STRICT_CLAIMS")


def headless() -> bool:
    """``KIT_HEADLESS``: nobody sits in front of the notebook; ask nothing, record no progress. Always so in ``ci``."""
    return _flag("KIT_HEADLESS") or profile() == "ci"


def make_paths_absolute() -> None:
    """Read relative folders in the environment from where the command was typed: kernels run somewhere else."""
    for name in ("KIT_HOME", "KIT_MIRROR", "KIT_ARTIFACTS"):
        value = os.environ.get(name, "").strip()
        if value and "://" not in value:
            os.environ[name] = str(Path(value).expanduser().absolute())


def _flag(name: str) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value in ("", "0", "false", "no", "off"):
        return False
    if value in ("1", "true", "yes", "on"):
        return True
    raise ValueError(f"{name} is {value!r}; set it to 1 or 0.")
