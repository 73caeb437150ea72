"""The serving benchmark's arithmetic on made-up answers of the generator; once, slowly, that all of it runs."""

import asyncio
import contextlib
import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

PICTURE = Path("picture.png")


@pytest.fixture
def benchmark(program):
    return program("serve")


def result(per_second=100.0, p50=1.0, p99=2.0, cpu=0.1, **more):
    """What the generator prints of a load; all answered, unless said otherwise."""
    base = {"sent": 400, "answered": {"200": 400}, "failed": 0, "hung": 0, "unsent": 0, "seconds": 4.0, "late_ms": 1.0}
    speed = {"per_second": per_second, "goodput": per_second, "latency_ms": {"p50": p50, "p99": p99}, "cpu": cpu}
    return base | speed | more


def test_medians_of_the_rounds_and_of_the_rounds_ratios(benchmark):
    # The machine is slow in the second round: the ratio of the medians would be 4, each round says otherwise.
    runs = {
        "kit": [result(400, 2, 9), result(90, 8, 30, 0.3), result(330, 3, 10)],
        "naive": [result(20, 5), result(9, 50), result(10, 6)],
    }
    assert benchmark.figures(runs)["kit"] == {
        "per second": 330,
        "p50 ms": 3,
        "p99 ms": 10,
        "generator's share of its core": 0.1,
    }
    assert benchmark.ratio(runs, "kit", "naive", benchmark.rate) == 20
    assert benchmark.ratio(runs, "kit", "naive", benchmark.p50) == 0.4


def test_servers_take_turns_after_a_round_that_does_not_count(benchmark):
    asked = []

    def fire(url, seconds, connections):
        asked.append((url, seconds, connections))
        return result(len(asked))

    found = benchmark.in_turns({"a": ("A", 1), "b": ("B", 2)}, fire, 2, 4, 64)
    assert asked == [("A", 1, 64), ("B", 1, 64), *[("A", 4, 64), ("B", 4, 64)] * 2]
    assert {name: [one["per_second"] for one in ones] for name, ones in found.items()} == {"a": [3, 5], "b": [4, 6]}


@pytest.mark.parametrize("wrong", [{"answered": {"200": 9, "503": 1}}, {"failed": 1}, {"hung": 1}, {"answered": {}}])
def test_a_comparison_in_which_not_all_was_answered_is_none(benchmark, wrong):
    with pytest.raises(SystemExit, match="a did not answer everything at 64"):
        benchmark.in_turns({"a": ("A", 1)}, lambda *given, **more: result(**wrong), 1, 4, 64)


def test_probabilities_must_be_the_same(benchmark, monkeypatch):
    said = {"N": {"probabilities": [0.25, 0.75]}, "K": {"probabilities": {"cat": 0.250004, "dog": 0.749996}}}
    monkeypatch.setattr(benchmark, "asked", lambda url, picture: said[url])
    servers = {"naive": ("N", 1), "kit": ("K", 2)}
    assert benchmark.same_answers(servers, PICTURE) == pytest.approx(4e-6)
    said["K"] = {"probabilities": {"cat": 0.2501, "dog": 0.7499}}
    with pytest.raises(SystemExit, match=r"their probabilities are 0\.0001 apart"):
        benchmark.same_answers(servers, PICTURE)


def test_the_runtimes_gain_is_of_rows(benchmark, monkeypatch):
    shapes = []

    def outputs(arrays):
        shapes.append(arrays["x"].shape)

    manifest = SimpleNamespace(inputs=[{"name": "x", "shape": [2, 2, 3]}])
    monkeypatch.setattr(benchmark, "load", lambda *given: SimpleNamespace(manifest=manifest, outputs=outputs))

    def latency(calls, rounds, seconds):
        for call in calls.values():
            call()
        return {"alone": 0.001, "together": 0.016}

    monkeypatch.setattr(benchmark, "latency", latency)
    assert benchmark.runtime_gain(PICTURE, 1) == 2
    assert shapes == [(1, 2, 2, 3), (32, 2, 2, 3)]


@pytest.fixture
def pretended(benchmark, monkeypatch):
    """No server runs; each has its name as address and answers with a label."""

    @contextlib.contextmanager
    def running(folder, names, picture):
        yield {name: (name, number) for number, name in enumerate(names)}

    monkeypatch.setattr(benchmark, "running", running)
    monkeypatch.setattr(benchmark, "asked", lambda url, picture: {"label": "cat"})
    return benchmark


def test_throughput(pretended, monkeypatch):
    speed = {"naive": 50, "kit": 1500, "kit, int8": 2000, "kit, batches of 1": 1000, "empty": 2500}
    monkeypatch.setattr(pretended, "same_answers", lambda servers, picture: 1.23e-7)
    monkeypatch.setattr(pretended, "runtime_gain", lambda folder, rounds: 1.6)
    found = pretended.throughput(PICTURE, PICTURE, lambda url, *given, **more: result(speed[url], 4, 10), 3, 1)
    assert set(found.pop("servers")) == set(speed)
    assert found == {
        "probabilities apart": 1.2e-7,
        "kit over naive": 30,
        "kit, int8, over naive": 40,
        "kit over empty": 0.6,
        "kit's p99 over naive p50": 2.5,
        "batching": {"runtime": 1.6, "service": 1.5, "service over runtime": 0.938},
    }


def test_what_the_batcher_adds(pretended):
    p50 = {"kit": 1.03, "kit, no batcher": 1.0}
    found = pretended.one_client(PICTURE, PICTURE, lambda url, *given, **more: result(p50=p50[url]), 3, 1)
    assert found == {"p50 ms": p50, "added": 0.03}


def test_twice_the_capacity(pretended):
    peaks, rates = iter([200.0, 1000.0, 500.0, 800.0]), []

    def fire(url, seconds, **how):
        if "rate" not in how:
            return result(next(peaks))
        rates.append(how["rate"])
        answers = {"200": 8, "503": 5, "500": 2, "502": 1} if len(rates) == 1 else {"200": 9, "503": 1}
        good = 0.9 * how["rate"] / 2
        return result(good, answered=answers, hung=1, unsent=3, failed=0, sent=how["rate"] * seconds, seconds=seconds)

    found = pretended.overload(PICTURE, PICTURE, fire, 3, 4)
    assert rates == [2000, 1000, 1600]
    assert (found["peak per second"], found["goodput over peak"], found["sent per second over peak"]) == (800, 0.9, 2)
    assert found["answers"] == {"200": 26, "500": 2, "502": 1, "503": 7}
    assert (found["5xx other than 503"], found["hung"], found["failed"], found["unsent"]) == (3, 3, 0, 9)


def test_memory_is_read_when_so_many_were_sent(pretended, monkeypatch):
    sent, read = [], []

    def fire(url, seconds, connections):
        sent.append(int(900 * seconds))
        return result(900, sent=sent[-1])

    def process(number):
        read.append(sum(sent))
        return SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=2**20 * (100 + len(read))))

    monkeypatch.setattr(pretended.psutil, "Process", process)
    found = pretended.memory(PICTURE, PICTURE, fire, (1000, 10_000))
    assert 1000 <= read[0] < 3000 and 10_000 <= read[1] < 12_000
    assert found["last over first"] == pytest.approx(102 / 101, abs=1e-3) and list(found["MiB"].values()) == [101, 102]


def test_the_generator_gets_its_options_and_its_core(benchmark, monkeypatch):
    ran = []

    def run(command, **how):
        ran.append(command)
        return SimpleNamespace(stdout=json.dumps(result()))

    monkeypatch.setattr(benchmark.subprocess, "run", run)
    assert benchmark.generator(PICTURE, 1)("http://a", 4, rate=20.5) == result()
    benchmark.generator(PICTURE, None)("http://a", 2, connections=64)
    start = ["-m", "kitutils.ship.serve.load", "http://a/predict", PICTURE, "--type", "image/png", "--seconds"]
    assert ran[0][1:] == [*start, "4", "--rate", "20.5", "--cpu", "1"]
    assert ran[1][1:] == [*start, "2", "--connections", "64"]


def test_what_is_left_out_of_a_quick_run(pretended, monkeypatch):
    asked = []
    monkeypatch.setattr(pretended, "exported", lambda place: ({"reference_cnn": "CNN", "resnet20": "R"}, PICTURE))
    for name in ("throughput", "one_client", "overload", "memory"):
        monkeypatch.setattr(
            pretended, name, lambda folder, picture, fire, *more, name=name: asked.append((name, folder)) or {}
        )
    quick = pretended.measured(PICTURE, lambda picture: None, quick=True, rounds=1, seconds=1)
    assert list(quick) == ["reference_cnn", "one client", "overload", "memory"]
    whole = pretended.measured(PICTURE, lambda picture: None, quick=False, rounds=1, seconds=1)
    assert set(whole) - set(quick) == {"resnet20"}
    assert [folder for name, folder in asked if name == "throughput"] == ["CNN", "CNN", "R"]
    assert [folder for name, folder in asked if name == "overload"] == ["CNN", "CNN", "R"]
    assert {folder for name, folder in asked if name in ("one_client", "memory")} == {"CNN"}


def test_a_quick_run_is_never_recorded(benchmark, capsys):
    with pytest.raises(SystemExit):
        benchmark.main(["--quick", "--record"])
    assert "leave out --quick" in capsys.readouterr().err


def test_without_a_batcher_each_request_is_computed_in_a_thread(program):
    threads = []

    def run(arrays):
        threads.append(threading.current_thread())
        return arrays["x"] * 2

    async def ask():
        direct = program("_serve_rivals").Direct(run, max_batch=32, queue=1)
        found = await asyncio.gather(*(direct.submit({"x": np.full(1, n)}) for n in range(5)))
        await direct.close()
        return found

    assert np.concatenate(asyncio.run(ask())).tolist() == [0, 2, 4, 6, 8]
    assert len(threads) == 5 and len(set(threads)) == 1 and threading.main_thread() not in threads


def test_the_naive_server_answers_with_the_models_probabilities(program, monkeypatch, tmp_path):
    import keras
    from PIL import Image

    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(4)])
    model.save(tmp_path / "model.keras")
    monkeypatch.setenv("MODEL", str(tmp_path / "model.keras"))
    monkeypatch.delitem(sys.modules, "_naive_server", raising=False)
    client = program("_naive_server").app.test_client()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    said = client.post("/predict", data=file.getvalue(), content_type="image/png").json
    logits = np.asarray(model(pixels[None].astype("float32")))[0]
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert said["probabilities"] == pytest.approx(expected.tolist(), abs=1e-5)
    assert said["class"] == int(expected.argmax()) and client.get("/").status_code == 200


@pytest.mark.slow
def test_all_of_it_runs(benchmark):
    ran = subprocess.run(
        [sys.executable, benchmark.__file__, "--quick"], capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    for line in ("kit over naive", "added", "goodput over peak", "'5xx other than 503': 0", "last over first"):
        assert line in ran.stdout
