"""The command that puts exported models behind HTTP: serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def serve(
    folders: Annotated[list[Path], typer.Argument(help="Exports, or folders that hold versions of them.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8080,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    lan: Annotated[bool, typer.Option("--lan", help="For all in this network who have the token.")] = False,
    token: Annotated[
        str | None, typer.Option("--token", envvar="KIT_SERVE_TOKEN", help="That every request must show.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A name by which browsers may call it; others are refused.")
    ] = None,
    format: Annotated[str | None, typer.Option("--format", help="The form of the exports that runs.")] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Of LiteRT and ONNX Runtime.")] = 1,
    max_batch: Annotated[int, typer.Option("--max-batch", min=1, help="Rows computed at once.")] = 32,
    max_wait_ms: Annotated[float, typer.Option("--max-wait-ms", min=0, help="Wait for company when idle.")] = 0.0,
    queue: Annotated[int, typer.Option("--queue", min=1, help="Rows that may wait, for each model.")] = 256,
    keep: Annotated[int, typer.Option("--keep", min=1, help="Versions of a model served side by side.")] = 1,
) -> None:
    """Serve exported models: a page, a simple address for files and texts, and TensorFlow Serving's."""
    import ipaddress
    import re
    import secrets

    from rich.console import Console

    from kitutils.ship.faults import ShipError
    from kitutils.ship.serve import Settings
    from kitutils.ship.serve import serve as run

    if lan:
        if host != "127.0.0.1":
            raise ShipError(f"--lan listens on all addresses; got --host {host} too. Leave out one of them.")
        host, token = "0.0.0.0", token or secrets.token_urlsafe(12)
    if token is not None and not re.fullmatch(r"[A-Za-z0-9_-]{8,}", token):
        raise ShipError("A token has 8 signs or more, of A–Z, a–z, 0–9, - and _. With --lan, leave it out to get one.")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ShipError(f"--host is an address of this machine, such as 127.0.0.1 or 0.0.0.0; got {host!r}.") from None
    names = tuple(name or (("localhost", "127.0.0.1", "[::1]") if loopback else ()))
    settings = Settings(
        format=format,
        threads=threads,
        max_batch=max_batch,
        max_wait_ms=max_wait_ms,
        queue=queue,
        keep=keep,
        token=token,
        hosts=names,
    )
    console = Console(soft_wrap=True, highlight=False)
    say = lambda line: console.print(line, markup=False)
    run(folders, settings, "127.0.0.1" if host == "localhost" else host, port, say=say)
