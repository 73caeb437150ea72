"""A process of its own, for what a test cannot do to itself: be killed, fill a disk, be refused by a folder.

    python process.py load                    load the penguins once
    python process.py killed HOME             load them again and again, killed at one file operation after the other
    python process.py full FOLDER CARDS       load them with KIT_HOME on disks of 1, 2, … pages
    python process.py read-only               load them twice

It prints one JSON object a line: what ``load`` came to, and what lay in the cache before and after.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from kitutils import data
from kitutils.data import cards, files, store
from kitutils.errors import KitError


def load() -> dict:
    """What loading came to: source and content, or the error."""
    try:
        ds = data.load("penguins")
    except KitError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"source": ds.source, "content": ds.frame.to_csv(index=False)}


def look() -> dict:
    """What is in the cache: the names, whether it says that it holds the penguins, and whether that is so."""
    folder = store.folder()
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    claimed = whole = (found := store.entry(cards.card("penguins"))) is not None
    try:
        if found is not None:
            store.verify(found)
    except KitError:
        whole = False
    return {"names": names, "claimed": claimed, "whole": whole}


def say(**record) -> None:
    print(json.dumps(record), flush=True)


def killed(begin: str) -> None:
    """Kill a child at its first file operation in the cache, the next child at its second, until one gets through.

    Each begins with a copy of the folder ``begin`` as its KIT_HOME.
    """
    root = Path(tempfile.mkdtemp(prefix="killed "))
    os.environ["KIT_HOME"] = str(root / "warm")
    load()  # imports what children then have; from here on they differ from it only in their cache
    for k in itertools.count(1):
        os.environ["KIT_HOME"] = str(shutil.copytree(begin, root / str(k)))
        if (child := os.fork()) == 0:
            _die_at(k, root / str(k))
            load()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        before = look()
        say(k=k, killed=os.WIFSIGNALED(status), before=before, after=load(), left=look()["names"])
        if not os.WIFSIGNALED(status):
            return


def _die_at(k: int, home: Path) -> None:
    counter = itertools.count(1)

    def hook(event: str, details: tuple) -> None:
        touches = event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")
        if touches and str(details[0]).startswith(str(home)) and next(counter) == k:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def full(folder: str, card_folder: str) -> None:
    """Load on disks of 1, 2, … pages and of 2, 3, … files, then give each disk room and load once more."""
    cards.folder = lambda: Path(card_folder)
    os.environ["KIT_HOME"] = str(Path(folder) / "home")
    foresight = files.need_space
    disks = [f"size={page * 4096}" for page in range(1, 16)] + [f"size=1m,nr_inodes={n}" for n in range(1, 12)]
    for disk, looks_ahead in itertools.product(disks, (True, False)):
        # Without the look ahead the disk is filled by someone else between that look and the writing.
        files.need_space = foresight if looks_ahead else lambda *_: None
        subprocess.run(["mount", "-t", "tmpfs", "-o", disk, "tmpfs", folder], check=True)
        first, before = load(), look()
        subprocess.run(["mount", "-o", "remount,size=1m,nr_inodes=1000", folder], check=True)
        say(disk=disk, looks_ahead=looks_ahead, first=first, before=before, after=load(), left=look()["names"])
        subprocess.run(["umount", folder], check=True)


def read_only() -> None:
    """Load from a cache that the system guards against writing."""
    say(first=load(), again=load())


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "load":
        say(**load())
    else:
        {"killed": killed, "full": full, "read-only": read_only}[command](*arguments)
