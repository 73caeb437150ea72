"""Records of measured runs, ``benchmarks/records/*.json``, to set beside what a lesson runs live."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kitutils import settings
from kitutils.errors import KitError


class NoRecord(KitError):
    """A record is missing or cannot be read."""


@dataclass(frozen=True)
class Record:
    """What was measured. ``record["name"]`` is one of its results.

    Attributes:
        results: by name.
        origin: what was measured, where and when, in one line: print it beside every number from here.
    """

    results: dict[str, Any]
    origin: str

    def __getitem__(self, name: str) -> Any:
        if name not in self.results:
            raise KeyError(f"This record has no {name!r}; it has {', '.join(map(repr, self.results))}.")
        return self.results[name]


def record(name: str, root: Path | None = None) -> Record:
    """Read ``benchmarks/records/<name>.json``.

    Raises:
        NoRecord: there is no such record, or it cannot be read.
    """
    path = (root or settings.root()) / "benchmarks" / "records" / f"{name}.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        machine = kept["machine"]
        cores = machine.get("cores", "?")
        where = f"{cores} core{'' if cores == 1 else 's'}, {machine.get('processor', 'processor unknown')}"
        return Record(kept["results"], f"Recorded on {kept['date']}, {where}: {kept['what']}.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoRecord(
            f"benchmarks/records/{name}.json cannot be read ({error.__class__.__name__}). Fetch the kit anew, or make "
            "the record yourself: benchmarks/README.md names the command."
        ) from error
