"""What a service allows and how it works, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from kitutils.ship.faults import ShipError


@dataclass(frozen=True)
class Settings:
    """The limits and the knobs of a service.

    Attributes:
        format: the form of each export that runs; None takes the first of ``predictor.PREFERRED`` that can.
        threads: of LiteRT and ONNX Runtime, for each model.
        max_batch: rows that are computed at once.
        max_wait_ms: what an idle model waits for company before it computes; 0 computes at once.
        queue: rows that may be accepted and not yet computed, for each model and version; beyond it comes a 503.
        max_body: bytes of a request.
        max_rows: instances of a request.
        max_pixels: of an image that is decoded.
        max_characters: of a text.
        body_seconds: how long a client may take to send a request.
        poll_seconds: how often the folders are looked at for new versions.
        keep: versions of a model that are served side by side, of a folder that holds several.
        token: that every request must show; None asks for none.
        hosts: names under which a browser may call the service; empty allows all.
    """

    format: str | None = None
    threads: int = 1
    max_batch: int = 32
    max_wait_ms: float = 0.0
    queue: int = 256
    max_body: int = 8 * 2**20
    max_rows: int = 256
    max_pixels: int = 16_000_000
    max_characters: int = 100_000
    body_seconds: float = 10.0
    poll_seconds: float = 2.0
    keep: int = 1
    token: str | None = None
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        least = {
            "threads": 1,
            "max_batch": 1,
            "queue": 1,
            "max_body": 1,
            "max_rows": 1,
            "max_pixels": 1,
            "max_characters": 1,
            "keep": 1,
            "max_wait_ms": 0,
            "body_seconds": 0.1,
            "poll_seconds": 0.05,
        }
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise ShipError(f"{name} is at least {low}; got {getattr(self, name)!r}.")
