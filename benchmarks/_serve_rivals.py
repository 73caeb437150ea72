"""Two services that serve.py holds beside ``kit serve``: an empty handler, and the kit's own without a batcher.

python benchmarks/_serve_rivals.py empty PORT
python benchmarks/_serve_rivals.py direct PORT FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI, Request

from kitutils.ship.inputs import Arrays
from kitutils.ship.serve import loading
from kitutils.ship.serve.running import serve
from kitutils.ship.serve.settings import Settings

empty = FastAPI()


@empty.get("/readyz")
async def ready():
    return {}


@empty.post("/predict")
async def predict(request: Request):
    """Reads the body and answers: what HTTP and the framework cost, before any work."""
    return {"bytes": len(await request.body())}


class Direct:
    """In place of a ``Batcher``: each request computed by itself, in a thread."""

    waiting = 0

    def __init__(self, run: Callable[[Arrays], np.ndarray], **unused: object) -> None:
        self._run, self._thread = run, ThreadPoolExecutor(1)

    async def submit(self, arrays: Arrays) -> np.ndarray:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, arrays)

    async def close(self) -> None:
        self._thread.shutdown()


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "empty":
        uvicorn.run(empty, port=port, access_log=False, log_level="warning")
    else:
        loading.Batcher = Direct
        serve([Path(sys.argv[3])], Settings(format="litert", hosts=("127.0.0.1",)), port=port)
