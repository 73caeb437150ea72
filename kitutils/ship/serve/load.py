"""A load generator for HTTP/1.1: how many requests a service answers, how fast, and what it does with more than that.

    python -m kitutils.ship.serve.load http://127.0.0.1:8080/predict cat.png --type image/png --connections 64 --cpu 1

There are two ways to ask. In the *closed loop* each connection sends its next request when the last one was answered:
that finds the capacity. In the *open loop* requests come when they are due, whatever became of the earlier ones, as
visitors do. A closed loop waits while the service stalls; the requests that would have met the stall are never sent,
and their latency is missing ("coordinated omission", Gil Tene). Here the open loop counts latency from the moment when
a request was due. See Schroeder, Wierman and Harchol-Balter, "Open versus closed: a cautionary tale", NSDI 2006.

Lessons: 52.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from kitutils.ship.serve.traffic import Load, Result


def closed_loop(
    url: str, body: bytes, content_type: str, connections: int, seconds: float, *, timeout: float = 10.0
) -> Result:
    """POST the same body on so many connections, on each the next when the last was answered.

    Args:
        url: http alone.
        body, content_type: of each request.
        connections: kept alive if the service allows it, made again if not.
        seconds: during which requests are sent.
        timeout: seconds after which a request counts as hung and its connection is given up.

    Raises:
        ShipError: nothing listens at the URL, or it is none.
    """
    return Load(url, body, content_type, connections, seconds, timeout).measured()


def open_loop(
    url: str,
    body: bytes,
    content_type: str,
    rate: float,
    seconds: float,
    *,
    connections: int = 512,
    spacing: str = "poisson",
    seed: int = 0,
    timeout: float = 10.0,
) -> Result:
    """POST the same body so many times a second, each when it is due, whatever becomes of the others.

    Args:
        url, body, content_type, seconds, timeout: as for ``closed_loop``.
        rate: requests a second.
        connections: at most; a request that is due when all of them wait for an answer is not sent, and counted.
        spacing, seed: as for ``due_times``.

    Raises:
        ShipError: nothing listens at the URL, or it is none.
    """
    due = due_times(rate, seconds, spacing, seed)
    return Load(url, body, content_type, connections, seconds, timeout, due).measured()


def due_times(rate: float, seconds: float, spacing: str = "poisson", seed: int = 0) -> list[float]:
    """Seconds from the start, ascending: "even" steps, or "poisson", as of many who know nothing of each other."""
    if spacing not in ("poisson", "even") or not rate > 0:
        raise ValueError(f'spacing is "poisson" or "even", rate above 0; got {spacing!r}, {rate!r}.')
    if spacing == "even":
        return [number / rate for number in range(math.ceil(rate * seconds))]
    times, drawn = [], random.Random(seed)
    while (moment := drawn.expovariate(rate) + (times[-1] if times else 0)) < seconds:
        times.append(moment)
    return times


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m kitutils.ship.serve.load", description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("file", type=Path, help="the body of each request")
    parser.add_argument("--type", default="application/octet-stream", help="the body's content type")
    parser.add_argument("--connections", type=int, help="64; with --rate at most 512")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, help="requests a second, in an open loop")
    parser.add_argument("--spacing", choices=("poisson", "even"), default="poisson", help="of an open loop")
    parser.add_argument("--seed", type=int, default=0, help="of an open loop")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds")
    parser.add_argument("--cpu", type=int, help="the only core that the generator may use, where the system allows it")
    given = parser.parse_args(arguments)
    if given.cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {given.cpu})
    what = (given.url, given.file.read_bytes(), given.type)
    if given.rate is None:
        found = closed_loop(*what, given.connections or 64, given.seconds, timeout=given.timeout)
    else:
        how = {"spacing": given.spacing, "seed": given.seed, "timeout": given.timeout}
        found = open_loop(*what, given.rate, given.seconds, connections=given.connections or 512, **how)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
