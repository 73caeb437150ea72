"""``kit serve`` under load, beside the naive server of the usual tutorial and beside an empty handler.

    python benchmarks/serve.py [--rounds 3] [--seconds 4] [--apart] [--quick] [--record]

One box, one picture of 32 × 32 as PNG, two untrained models (weights that learned nothing cost the same): the reference
CNN and ResNet-20. Each server is a process of its own; they take turns, round by round. Of a figure the median of the
rounds counts, of a ratio the median of the rounds' ratios. The load generator, ``kitutils.ship.serve.load``, is held to
one core, and its share of that core is in the results: what it takes, the servers do not have. They may use all cores;
with --apart, all but this one. The naive server is ``flask run``, threaded. ``kit serve`` answers with the LiteRT form,
whose probabilities must be the naive server's to 1e-5, and beside it with the int8 form.

- requests a second at 64 connections, and over those of the naive server and of the empty handler;
- batching: what the runtime gains by itself from 32 rows at once over one, and the service from batches of up to 32
  over batches of 1;
- the p50 of one client, beside the same service that calls the runtime in a thread and knows no batches;
- twice as many requests as it can answer, in an open loop: what it still answers, and what becomes of the rest;
- resident memory after 10,000 and after 100,000 requests.

Needs nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KIT_STRICT_DATA"] = "1"

import _record
import numpy as np
import psutil
import requests

from kitutils.course import quiet
from kitutils.evaluate import latency
from kitutils.ship import load
from kitutils.ship.serve.background import in_background

HERE = Path(__file__).parent
CONNECTIONS, BATCH = 64, 32
VISITORS = 4000  # connections of the open loop, at most
SAME = 1e-5  # how far the probabilities of two servers may be apart
Server = tuple[str, int]  # address and process number
Fire = Callable[..., dict[str, Any]]


def exported(place: Path) -> tuple[dict[str, Path], Path]:
    """The exports of both models, by name, and a picture."""
    with quiet():  # TensorFlow talks about itself
        import keras
    from PIL import Image

    from kitutils import data
    from kitutils.models import reference_cnn, resnet
    from kitutils.ship import export

    keras.utils.set_random_seed(0)
    shapes, made = data.load("shapes10"), {}
    for name, model in (("reference_cnn", reference_cnn()), ("resnet20", resnet(20))):
        made[name] = place / name
        how = {"samples": shapes.x_train[:256], "labels": shapes.class_names, "name": name, "agreement": 0}
        with quiet():
            export(model, made[name], formats=["keras", "litert", "litert_int8"], **how)
    Image.fromarray(shapes.x_test[0]).save(place / "picture.png")
    return made, place / "picture.png"


def commands(folder: Path) -> dict[str, dict[str, Any]]:
    """Name of a server → what ``in_background`` takes to run it."""
    kit = ["python", "-m", "kitutils", "serve", folder, "--port", "{port}", "--format"]
    flask = ["python", "-m", "flask", "--app", HERE / "_naive_server.py", "run", "--port", "{port}"]
    rivals = HERE / "_serve_rivals.py"
    model = {"MODEL": str(folder / "model.keras"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {
        "naive": {"command": flask, "ready": "/", "more": model},
        "kit": {"command": [*kit, "litert", "--max-batch", str(BATCH)]},
        "kit, int8": {"command": [*kit, "litert_int8", "--max-batch", str(BATCH)]},
        "kit, batches of 1": {"command": [*kit, "litert", "--max-batch", "1"]},
        "kit, no batcher": {"command": ["python", rivals, "direct", "{port}", folder]},
        "empty": {"command": ["python", rivals, "empty", "{port}"]},
    }


@contextmanager
def running(folder: Path, names: Sequence[str], picture: Path):
    """Servers by name, each of which has answered once."""
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(in_background(**how)) for name, how in commands(folder).items() if name in names
        }
        for url, _ in servers.values():
            asked(url, picture)
        yield servers


def asked(url: str, picture: Path) -> dict[str, Any]:
    """One answer."""
    answer = requests.post(
        f"{url}/predict", data=picture.read_bytes(), headers={"Content-Type": "image/png"}, timeout=60
    )
    answer.raise_for_status()
    return answer.json()


def same_answers(servers: Mapping[str, Server], picture: Path) -> float:
    """How far the kit's probabilities are from the naive server's; if too far, the comparison is none."""
    naive = asked(servers["naive"][0], picture)["probabilities"]
    ours = list(asked(servers["kit"][0], picture)["probabilities"].values())
    apart = float(np.abs(np.subtract(naive, ours)).max())
    if not apart <= SAME:
        raise SystemExit(f"The servers answer otherwise: their probabilities are {apart:.1g} apart.")
    return apart


def generator(picture: Path, core: int | None) -> Fire:
    """The load generator: ``fire(url, seconds, connections=…)`` or ``fire(url, seconds, rate=…)``."""

    def fire(url: str, seconds: float, **options: float) -> dict[str, Any]:
        command = [sys.executable, "-m", "kitutils.ship.serve.load", f"{url}/predict", picture, "--type", "image/png"]
        given = {"seconds": seconds, **options} | ({} if core is None else {"cpu": core})
        command += [word for name, value in given.items() for word in (f"--{name}", str(value))]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(ran.stdout)

    return fire


def in_turns(servers: Mapping[str, Server], fire: Fire, rounds: int, seconds: float, connections: int) -> dict:
    """Name → the generator's result of each round, after a round that warms up."""
    found: dict[str, list[dict]] = {name: [] for name in servers}
    for turn in range(rounds + 1):
        for name, (url, _) in servers.items():
            # The naive server answers 64 at a time, in the time that it takes for 64: short rounds would cut its last.
            length = (seconds if turn else min(seconds, 1)) * (3 if name == "naive" else 1)
            one = fire(url, length, connections=connections)
            if set(one["answered"]) != {"200"} or one["failed"] or one["hung"]:
                raise SystemExit(f"{name} did not answer everything at {connections} connections: {one}")
            if turn:
                found[name].append(one)
    return found


def figures(runs: Mapping[str, Sequence[dict]]) -> dict[str, dict[str, float]]:
    """Name → medians over the rounds."""
    return {
        name: {
            "per second": round(median(one["per_second"] for one in ones), 1),
            "p50 ms": round(median(one["latency_ms"]["p50"] for one in ones), 3),
            "p99 ms": round(median(one["latency_ms"]["p99"] for one in ones), 3),
            "generator's share of its core": round(median(one["cpu"] for one in ones), 3),
        }
        for name, ones in runs.items()
    }


def ratio(runs: Mapping[str, Sequence[dict]], ours: str, theirs: str, of: Callable[[dict], float]) -> float:
    """Median of the rounds' ratios."""
    return round(median(of(a) / of(b) for a, b in zip(runs[ours], runs[theirs], strict=True)), 3)


def rate(one: dict) -> float:
    return one["per_second"]


def p50(one: dict) -> float:
    return one["latency_ms"]["p50"]


def runtime_gain(folder: Path, rounds: int) -> float:
    """Rows a second that the LiteRT form computes by itself, 32 at once over one at a time."""
    predictor = load(folder, "litert")
    name, shape = predictor.manifest.inputs[0]["name"], predictor.manifest.inputs[0]["shape"]
    rows = np.random.default_rng(0).integers(0, 256, (BATCH, *shape)).astype(np.float32)
    alone, together = {name: rows[:1]}, {name: rows}
    seconds = latency(
        {"alone": lambda: predictor.outputs(alone), "together": lambda: predictor.outputs(together)},
        rounds=3 * rounds,
        seconds=0.1,
    )
    return round(BATCH * seconds["alone"] / seconds["together"], 3)


def throughput(folder: Path, picture: Path, fire: Fire, rounds: int, seconds: float) -> dict[str, Any]:
    """What 64 connections get of all servers, and what batching gains."""
    names = ("naive", "kit", "kit, int8", "kit, batches of 1", "empty")
    with running(folder, names, picture) as servers:
        apart = same_answers(servers, picture)
        runs = in_turns(servers, fire, rounds, seconds, CONNECTIONS)
    own, service = runtime_gain(folder, rounds), ratio(runs, "kit", "kit, batches of 1", rate)
    found = figures(runs)
    return {
        "servers": found,
        "probabilities apart": float(f"{apart:.1e}"),
        "kit over naive": ratio(runs, "kit", "naive", rate),
        "kit, int8, over naive": ratio(runs, "kit, int8", "naive", rate),
        "kit over empty": ratio(runs, "kit", "empty", rate),
        "kit's p99 over naive p50": round(found["kit"]["p99 ms"] / found["naive"]["p50 ms"], 3),
        "batching": {"runtime": own, "service": service, "service over runtime": round(service / own, 3)},
    }


def one_client(folder: Path, picture: Path, fire: Fire, rounds: int, seconds: float) -> dict[str, Any]:
    """What the batcher costs a client who is alone."""
    with running(folder, ("kit", "kit, no batcher"), picture) as servers:
        runs = in_turns(servers, fire, rounds, seconds, 1)
    found = {name: one["p50 ms"] for name, one in figures(runs).items()}
    return {"p50 ms": found, "added": round(ratio(runs, "kit", "kit, no batcher", p50) - 1, 3)}


def overload(folder: Path, picture: Path, fire: Fire, rounds: int, seconds: float) -> dict[str, Any]:
    """Twice the capacity, in an open loop; before each round the capacity is measured anew."""
    peaks, beyond = [], []
    with running(folder, ("kit",), picture) as servers:
        url = servers["kit"][0]
        fire(url, min(seconds, 1), connections=CONNECTIONS)
        for _ in range(rounds):
            peaks.append(fire(url, seconds, connections=CONNECTIONS)["goodput"])
            beyond.append(fire(url, 2 * seconds, rate=2 * peaks[-1], connections=VISITORS))
        still = asked(url, picture)
    answered = {status for one in beyond for status in one["answered"]}
    return {
        "peak per second": median(peaks),
        "goodput over peak": round(median(one["goodput"] / peak for one, peak in zip(beyond, peaks, strict=True)), 3),
        "sent per second over peak": round(
            median(one["sent"] / one["seconds"] / peak for one, peak in zip(beyond, peaks, strict=True)), 3
        ),
        "answers": {status: sum(one["answered"].get(status, 0) for one in beyond) for status in sorted(answered)},
        "5xx other than 503": sum(
            count
            for one in beyond
            for status, count in one["answered"].items()
            if status.startswith("5") and status != "503"
        ),
        **{name: sum(one[name] for one in beyond) for name in ("hung", "failed", "unsent")},
        "p99 ms of the answered": median(one["latency_ms"]["p99"] for one in beyond),
        "generator late ms": median(one["late_ms"] for one in beyond),
        "generator's share of its core": median(one["cpu"] for one in beyond),
        "answers afterwards": bool(still["label"]),
    }


def memory(folder: Path, picture: Path, fire: Fire, marks: Sequence[int]) -> dict[str, Any]:
    """Resident megabytes of a fresh service after so many requests."""
    found, sent, per_second = {}, 0, 500.0
    with running(folder, ("kit",), picture) as servers:
        url, process = servers["kit"]
        for mark in marks:
            while sent < mark:
                one = fire(url, max((mark - sent) / per_second, 0.2), connections=CONNECTIONS)
                sent, per_second = sent + one["sent"], max(one["per_second"], 50.0)
            found[f"{mark:,} requests"] = round(psutil.Process(process).memory_info().rss / 2**20, 1)
    return {
        "MiB": found,
        "last over first": round(found[f"{marks[-1]:,} requests"] / found[f"{marks[0]:,} requests"], 3),
    }


def measured(place: Path, fire_with: Callable[[Path], Fire], *, quick: bool, rounds: int, seconds: float) -> dict:
    """All of it; quick leaves out ResNet-20 and says nothing about speed."""
    folders, picture = exported(place)
    fire = fire_with(picture)
    cnn = folders.pop("reference_cnn")
    results = {"reference_cnn": throughput(cnn, picture, fire, rounds, seconds)}
    for name, folder in folders.items() if not quick else ():
        results[name] = throughput(folder, picture, fire, rounds, seconds)
    return results | {
        "one client": one_client(cnn, picture, fire, rounds, seconds),
        "overload": {
            name: overload(folder, picture, fire, rounds, seconds)
            for name, folder in {"reference_cnn": cnn, **({} if quick else folders)}.items()
        },
        "memory": memory(cnn, picture, fire, (500, 5000) if quick else (10_000, 100_000)),
    }


def _allow_files(many: int) -> None:
    """Each connection is an open file; 1,024 or fewer are the usual limit. What is started here inherits it."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < many:
        most = many if hard == resource.RLIM_INFINITY else min(many, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each server in each round")
    parser.add_argument("--apart", action="store_true", help="keep the servers off the generator's core")
    parser.add_argument("--quick", action="store_true", help="whether it runs, in a minute; no figure of it means much")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args(arguments)
    if given.quick and given.record:
        parser.error("a record holds what was measured at length; leave out --quick, or leave out --record")
    rounds, seconds = (1, 2.0) if given.quick else (given.rounds, given.seconds)
    _allow_files(2 * VISITORS)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if given.apart and len(cores) > 1:
        os.sched_setaffinity(0, set(cores[:-1]))  # which every server inherits
    core = cores[-1] if len(cores) > 1 else None
    with tempfile.TemporaryDirectory() as place:
        results = measured(
            Path(place), lambda picture: generator(picture, core), quick=given.quick, rounds=rounds, seconds=seconds
        )
    for name, found in results.items():
        print(name)
        for what, value in found.items():
            print(f"  {what}: {value}")
    if given.record:
        _record.write(
            "serve",
            what="kit serve under load, one box: requests/s and ms at 64 connections beside flask run and an empty "
            "handler, ratios; batching's gain; p50 of one client; twice the capacity; MiB",
            results=results,
            packages=["fastapi", "uvicorn", "uvloop", "httptools", "ai-edge-litert", "flask", "keras", "tensorflow"],
            seeds=[0],
            rounds=rounds,
            seconds=seconds,
            servers="all cores but the generator's" if given.apart else "all cores",
        )


if __name__ == "__main__":
    main()
