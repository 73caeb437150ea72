# %% [markdown]
# # 52 · Serve
#
# *What does it take until a model answers strangers, many at once, and does not fall over?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 70 min | 2 min | 51 | `kitutils.ship.serve.background`, `kitutils.ship.serve.batching`, `kitutils.ship.serve.load`, `kitutils.ship.serve.app`, `kitutils.ship.serve.hosting` |
#
# By the end you will be able to
#
# - put an exported model behind an address, and measure what it can bear
# - refuse what a stranger must not send, and say what no check can find
# - explain queues and batches, and change a model while requests run
#
# New library: [FastAPI](https://fastapi.tiangolo.com), which makes addresses of functions and checks their input.

# %% [markdown] tags=["teacher"]
# **Purpose.** A server is ten lines, and a service is what those ten lines leave out: input that nobody expected, more
# requests than it can answer, a new model on a Tuesday afternoon. Everybody should leave with a feeling for queues.
#
# | section | minutes |
# |---|---|
# | 1 A loop around predict | 9 |
# | 2 The right runtime, loaded once | 8 |
# | 3 What a stranger sends; exercise 52.1 | 15 |
# | 4 More than it can bear; exercise 52.2 | 13 |
# | 5 Batches | 6 |
# | 6 A service, and a new version | 8 |
# | 7 A page, and a container | 6 |
# | The clinic; exercise 52.3 is homework | 5 |
#
# **Fifteen minutes late?** Leave out section 5 and the Dockerfile, and give 52.1 as homework. Keep the strangers and
# the queue.
#
# **Show it.** Run `kit serve … --lan` on your machine and put the address on the wall, as a QR code. Thirty people
# who draw digits on their phones are the best load test. Many guest networks forbid devices to talk to one another:
# try it the day before.
#
# **Likely questions.**
# *Why not several worker processes?* Each holds its own model, queue and figures. It is simpler to start more
# containers and let what stands before them share out the requests.
# *gRPC?* Saves writing and reading text, which counts for large inputs. The ideas stay.
# *Is TensorFlow Serving better?* It is fast and proven, takes a SavedModel, and knows nothing of labels or image files.
# `kit export --tf-serving` writes its layout, and the kit's service speaks its JSON.
# *Why did NaN get a digit?* Relu takes the larger of NaN and 0, and libraries differ in which that is. Within `predict`
# the NaN got lost; `model(x)`, LiteRT and ONNX Runtime give nothing but NaN for the same image.

# %%
from kitutils.course import artifact, claim, exercise, outcome, pick, predict, quiet, recap, start

start("52")

# %% [markdown]
# ## 1 A loop around predict
#
# This lesson's model reads handwritten digits. It is trained in seconds and exported to LiteRT, as in lesson 51.

# %%
import os
import tempfile
from pathlib import Path

import keras
import numpy as np

from kitutils import data, plots, settings
from kitutils.models import reference_cnn
from kitutils.ship import export, load

digits = data.load("mnist")
some = digits.take(pick(ci=300, workshop=1500, full=1500), seed=52, test=pick(ci=50, workshop=250, full=250))


def small_cnn():
    keras.utils.set_random_seed(52)
    model = reference_cnn((28, 28, 1))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(some.x_train, some.y_train, batch_size=32, epochs=pick(ci=1, workshop=6, full=12), verbose=0)
    return model

# %% [markdown]
# The servers below are programs of their own. They learn from the environment where the model lies.

# %%
saved = artifact("digits", make=small_cnn, lesson="52", data=digits, labels=list(digits.class_names),
                 input_range=[0, 255])
room = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)    # gone when the kernel stops
place = Path(room.name)
manifest = export(saved, place / "digits" / "1", samples=some.x_train[:100], formats=["litert"], version="1")
os.environ |= {"MODEL": str(saved.path / "model.keras"), "EXPORT": str(place / "digits" / "1")}

# %% [markdown]
# A **server** waits at an address. A request comes, a function runs, an answer goes back. This is the server of most
# tutorials, in Flask:

# %%
naive = place / "naive.py"
_ = naive.write_text('''
import os, keras, numpy as np
from flask import Flask, request

app = Flask(__name__)
model = keras.saving.load_model(os.environ["MODEL"], compile=False)

@app.get("/")
def alive():
    return "alive"

@app.post("/predict")
def predict():
    image = np.array(request.json["pixels"], "float32").reshape(1, 28, 28, 1)
    scores = model.predict(image, verbose=0)[0]
    return {"digit": int(scores.argmax()), "scores": scores.tolist()}
''', encoding="utf8")

# %% [markdown]
# To measure it we need clients. Each sends its next request when it has its answer; several do so at once, in threads.

# %%
import time
from concurrent.futures import ThreadPoolExecutor

import requests


def session():
    made = requests.Session()
    made.trust_env = False    # a proxy knows nothing of this machine's own address
    return made


def ask(url, body, count):
    http, seconds = session(), []
    for _ in range(count):
        before = time.perf_counter()
        http.post(url + "/predict", json=body).raise_for_status()
        seconds.append(time.perf_counter() - before)
    return seconds


def clients(many, url, body, each):
    before = time.perf_counter()
    with ThreadPoolExecutor(many) as pool:
        taken = np.concatenate(list(pool.map(lambda _: ask(url, body, each), range(many))))
    return len(taken) / (time.perf_counter() - before), taken.mean()

# %% [markdown]
# `in_background` starts a program, waits until it answers, and ends it with the block. Flask gives each request a
# thread.

# %%
predict("52.a", "Eight clients instead of one: the answers a second grow …",
        ["about eightfold", "about twofold", "hardly"])

# %%
from kitutils.ship.serve.background import in_background

flask = ["python", "-m", "flask", "--app", naive, "run", "--port", "{port}"]
body = {"pixels": some.x_test[0, ..., 0].tolist()}
each = pick(ci=2, workshop=20, full=50)
with in_background(flask, ready="/") as (url, _):
    ask(url, body, 3)    # the first answer takes longer
    measured = {many: clients(many, url, body, each) for many in (1, 8)}
for many, (rate, seconds) in measured.items():
    print(f"{many} at once: {rate:5.0f} answers a second, {1000 * seconds:4.0f} ms each")
grown = measured[8][0] / measured[1][0]

# %%
outcome("52.a", "about eightfold" if grown > 5 else "about twofold" if grown > 1.5 else "hardly")
claim("serve.eight_clients", grown, at_most=pick(ci=100, workshop=4, full=4),
      label="Naive server: 8 clients over 1, answers a second")

# %% [markdown]
# Threads don't multiply processors: the clients share them with the server, and the Python code of one process runs one
# thread at a time. The others wait, and each answer takes longer.
#
# ## 2 The right runtime, loaded once
#
# FastAPI takes the types of a function at their word: what is no `Digit` never reaches it. `refuse` says why. (By
# itself FastAPI quotes what came, and a quoted NaN breaks the refusal.) `uvicorn` is the program that listens.

# %%
ours = place / "ours.py"
_ = ours.write_text('''
import os, numpy as np
from typing import Annotated
from fastapi import FastAPI, exceptions, responses
from pydantic import BaseModel, Field
from kitutils.ship import load

app, predictor = FastAPI(), load(os.environ["EXPORT"])
Pixel = Annotated[int, Field(strict=True, ge=0, le=255)]
Row = Annotated[list[Pixel], Field(min_length=28, max_length=28)]

class Digit(BaseModel):
    pixels: Annotated[list[Row], Field(min_length=28, max_length=28)]

@app.exception_handler(exceptions.RequestValidationError)
def refuse(request, error):
    first = error.errors()[0]
    return responses.JSONResponse({"error": f"{first['loc'][1:]}: {first['msg']}"}, 422)

@app.post("/predict")
def predict(digit: Digit):
    (answer,) = predictor.predict([np.array(digit.pixels, "uint8")[..., None]])
    return {"digit": answer.label, "probabilities": answer.probabilities}
''', encoding="utf8")

# %% [markdown]
# Both servers get the same digit, in turns.

# %%
predict("52.b", "One client: the second server answers …",
        ["about as fast", "about twice as fast", "over 4 times as fast"])

# %%
uvicorn = ["python", "-m", "uvicorn", "ours:app", "--app-dir", place, "--port", "{port}"]
http = session()
with in_background(flask, ready="/") as (old, _), in_background(uvicorn, ready="/openapi.json") as (new, _):
    ask(old, body, 3), ask(new, body, 3)
    rounds = [(ask(old, body, each), ask(new, body, each)) for _ in range(pick(ci=1, workshop=3, full=5))]
    scores = np.array(http.post(old + "/predict", json=body).json()["scores"])
    answer = http.post(new + "/predict", json=body).json()
slow, fast = (np.median(seconds) for seconds in zip(*rounds, strict=True))
print(f"naive {1000 * slow:.1f} ms, ours {1000 * fast:.1f} ms")
softmax = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
apart = np.abs(softmax - list(answer["probabilities"].values())).max()

# %%
outcome("52.b", "over 4 times as fast" if slow / fast > 4 else "about twice as fast" if slow / fast > 1.4 else
        "about as fast")
claim("serve.ratio", slow / fast, at_least=pick(ci=0, workshop=3, full=3), headline=True,
      label="Naive server's time for a request, over FastAPI's with LiteRT")
claim("serve.same_answer", apart, at_most=1e-5, label="Largest difference of a probability")

# %% [markdown]
# The same answer; what is missing is the preparation that `predict` makes for each call. The clinic takes it apart.
#
# ## 3 What a stranger sends
#
# Both apps can be asked without a server, by their test clients. Nobody below is an attacker; they read the manual
# quickly.

# %%
import json
import runpy

from fastapi.testclient import TestClient

image = some.x_test[0, ..., 0]
holed = image.tolist()
holed[14][14] = float("nan")
strangers = {
    "as agreed": image.tolist(), "14 rows of 56": image.reshape(14, 56).tolist(), "only 20 rows": image[:20].tolist(),
    "in quotes": image.astype(str).tolist(), "pixels 0 to 1": (image / 255).tolist(), "one NaN": holed,
    "nothing": None, "columns first": image.T.tolist(), "black on white": (255 - image).tolist(),
}
with quiet():
    apps = [runpy.run_path(str(naive))["app"].test_client(), TestClient(runpy.run_path(str(ours))["app"])]

# %% [markdown]
# Status 200 means answered, 4xx that the client must change something, 500 that the server broke.

# %%
predict("52.c", "One pixel is NaN. The naive server …", ["breaks (500)", "refuses (4xx)", "names a digit (200)"])

# %%
def send(app, pixels):
    text = json.dumps({"pixels": pixels})    # Python writes NaN, which is no JSON, and reads it as well
    with quiet():    # Flask prints each traceback
        got = app.post("/predict", data=text, headers={"Content-Type": "application/json"})
    return got.status_code, json.loads(got.text).get("digit", "") if got.status_code == 200 else ""


told = {what: [send(app, pixels) for app in apps] for what, pixels in strangers.items()}
print(f"a {some.y_test[0]}, sent         naive   ours")
for what, ((status, digit), (our_status, our_digit)) in told.items():
    print(f"{what:18}{status} {digit:<4}{our_status} {our_digit}")
of_nan = told["one NaN"][0][0]
taken = [sum(both[i][0] == 200 for both in told.values()) - 1 for i in (0, 1)]

# %%
outcome("52.c", "names a digit (200)" if of_nan == 200 else "breaks (500)" if of_nan == 500 else "refuses (4xx)")
claim("serve.naive_takes", taken[0], at_least=5, at_most=7, label="Of 8 strange inputs the naive server answers")
claim("serve.ours_takes", taken[1], at_least=2, at_most=2, label="Of 8 strange inputs ours answers")

# %% [markdown]
# A 500 is at least seen. Worse is an answer with nothing behind it, as for the NaN and for pixels from 0 to 1.
#
# Two of the eight pass our checks too, for they are images like any other. All test digits, sent like that:

# %%
predict("52.d", "Of digits in black on white, as on paper, are read right …",
        ["nearly all", "about two thirds", "less than half"])

# %%
predictor, name = load(place / "digits" / "1"), manifest.inputs[0]["name"]
turned = {"as agreed": some.x_test, "black on white": 255 - some.x_test, "columns first": some.x_test.swapaxes(1, 2)}
right = {}
for what, images in turned.items():
    found = predictor.outputs({name: images.astype("float32")}).argmax(axis=1)
    right[what] = 100 * np.mean(found == some.y_test)
    print(f"{what:15} {right[what]:3.0f} % right")
white = right["black on white"]

# %%
outcome("52.d", "less than half" if white < 50 else "about two thirds" if white < 80 else "nearly all")
claim("serve.inverted", right["as agreed"] - white, at_least=pick(ci=-100, workshop=30, full=30), data=digits,
      standin_at_least=pick(ci=-100, workshop=30, full=30), headline=True,
      label="Points lost by digits in black on white, none refused")

# %% [markdown]
# A check knows types and ranges, and no meaning. What it cannot know must be written where clients look, done for them
# (the kit's page inverts and centres), or noticed later in the statistics of what comes (lesson 53).
#
# **Exercise 52.1 (10 minutes).** Write by hand what FastAPI did. `checked(payload)` gets whatever `json.loads` gave. If
# that is an object whose `pixels` are 28 lists of 28 whole numbers from 0 to 255, it returns an array of shape
# (28, 28), uint8. Otherwise it raises `ValueError` with a sentence.

# %% tags=["exercise"]
def checked(payload):
    ...


exercise("52.1").check(checked)

# %% tags=["solution"]
def checked(payload):
    rows = payload.get("pixels") if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise ValueError("send an object with pixels, a list of 28 rows")
    if len(rows) != 28 or not all(isinstance(row, list) and len(row) == 28 for row in rows):
        raise ValueError("pixels are 28 rows of 28 numbers; resize the image as in training")
    if not all(type(value) is int and 0 <= value <= 255 for row in rows for value in row):
        raise ValueError("a pixel is a whole number from 0, black, to 255, white")
    return np.array(rows, "uint8")


exercise("52.1").solution(checked)

# %% [markdown]
# ## 4 More than it can bear
#
# Section 1's numbers once more. **Little's law** says: in flight = answers a second × seconds for each.

# %%
for many, (rate, seconds) in measured.items():
    print(f"{rate:.0f} a second × {seconds:.3f} s = {rate * seconds:.1f} in flight, clients: {many}")
flying = measured[8][0] * measured[8][1]
claim("serve.little", flying, at_least=pick(ci=3, workshop=6.5, full=6.5), at_most=8.01,
      label="In flight by Little's law, 8 clients")

# %% [markdown]
# It holds for the averages of every queue from which as much goes as comes. At its **capacity** a server gets no faster,
# so twice the clients wait twice as long. Ours were polite: each waited for its answer. Strangers come when they come.
#
# The kit's `Batcher` is the queue before a model. We give it one that answers at most 100 a second, and 150 a second
# come. (`async` functions share one thread: at an `await` one of them waits, and the others go on.)

# %%
import asyncio

from kitutils.ship.serve import Batcher, Overloaded


def slow_model(arrays):
    time.sleep(0.01)
    return arrays["x"]


async def visits(queue, seconds, rate=150):
    batcher, told, start = Batcher(slow_model, max_batch=1, queue=queue), [], time.perf_counter()

    async def stranger(due):
        try:
            await batcher.submit({"x": np.zeros((1, 1))})
            told.append((due, time.perf_counter() - start - due))
        except Overloaded:
            told.append((due, np.inf))

    async with asyncio.TaskGroup() as group:
        for due in np.arange(0, seconds, 1 / rate):
            await asyncio.sleep(start + due - time.perf_counter())
            group.create_task(stranger(due))
    await batcher.close()
    return np.array(sorted(told)).T

# %% [markdown]
# Whoever has waited a quarter of a second has gone. Once 10,000 may wait, and once 15; who comes then is refused.

# %%
predict("52.e", "With room for 15 instead of 10,000, the answers in time get …",
        ["fewer", "no more and no fewer", "far more"])

# %%
def in_thread(work):    # a notebook has an event loop already; another thread gets one of its own
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


long, short = (in_thread(visits(queue, pick(ci=0.3, workshop=3, full=6))) for queue in (10_000, 15))
in_time = {kind: np.mean(waits < 0.25) for kind, (_, waits) in {"long": long, "short": short}.items()}
print(f"in time: {in_time['long']:.0%} with the long queue, {in_time['short']:.0%} with the short one")
more = in_time["short"] / in_time["long"]
figure, axis = plots.plt.subplots(figsize=(6.5, 2.4))
for (due, waits), label in ((long, "10,000 may wait"), (short, "15 may wait")):
    axis.plot(due, np.where(waits < np.inf, waits, np.nan), ".", ms=3, label=label)
axis.axhline(0.25, color="black", lw=0.8)
axis.set(xlabel="the request comes, seconds", ylabel="it waits, seconds")
axis.legend()
plots.show(figure, alt="Waiting time over the time when a request comes. With the long queue it climbs in a straight "
           "line and passes a quarter of a second before the first second is over; with the short one it stays below.")

# %%
outcome("52.e", "far more" if more > 1.3 else "fewer" if more < 0.8 else "no more and no fewer")
claim("serve.short_queue", more, at_least=pick(ci=0, workshop=1.5, full=1.5), headline=True,
      label="Answers in time under overload, short queue over long")

# %% [markdown]
# With the long queue everybody waits, and soon the server computes only for those who have gone; the longer the rush,
# the smaller its share. The short one says no **at once** (status 503, with `Retry-After`), and the others get what
# they came for.
#
# **Exercise 52.2 (5 minutes).** A load test, in which each client asks again when it has its answer:
#
# | clients | 1 | 2 | 4 | 8 | 16 |
# |---|---|---|---|---|---|
# | answers a second | 50 | 80 | 100 | 100 | 100 |
# | mean ms | 20 | 25 | 40 | 80 | ? |
#
# Then strangers come, 120 a second for a minute, and all are let in.

# %% tags=["exercise"]
numbers = {
    "capacity, answers a second": ...,
    "mean ms, 16 clients": ...,
    "waiting after a minute, 120 requests a second": ...,
    "seconds that the last one waits": ...,
    "places for waiting, so that nobody waits over 0.5 s": ...,
}

exercise("52.2").check(numbers)

# %% tags=["solution"]
numbers = {
    "capacity, answers a second": 100,
    "mean ms, 16 clients": 1000 * 16 / 100,    # Little: seconds = in flight / rate
    "waiting after a minute, 120 requests a second": 60 * (120 - 100),
    "seconds that the last one waits": 1200 / 100,
    "places for waiting, so that nobody waits over 0.5 s": 100 * 0.5,
}

exercise("52.2").solution(numbers)

# %% [markdown]
# ## 5 Batches
#
# While one batch is computed, what arrives gathers for the next: batches grow with the load, and nobody waits for a
# clock. Does it pay? Beside our LiteRT file stands an accelerator, acted by a `sleep`: 5 ms, however many rows come.

# %%
predict("52.f", "On this machine, batches of 32 answer, against one by one, …",
        ["about as many, or fewer", "about 3 times as many", "over 10 times as many"])

# %%
def accelerator(arrays):
    time.sleep(0.005)
    return arrays[name]


async def speed(run, max_batch, count):
    batcher, row = Batcher(run, max_batch=max_batch, queue=count), {name: some.x_test[:1].astype("float32")}
    start = time.perf_counter()
    await asyncio.gather(*(batcher.submit(row) for _ in range(count)))
    taken = time.perf_counter() - start
    await batcher.close()
    return count / taken


gain, times = {}, pick(ci=1, workshop=5, full=10)
for what, run, count in (("accelerator", accelerator, 64 * times), ("this machine", predictor.outputs, 256 * times)):
    rounds = [[in_thread(speed(run, size, count)) for size in (1, 32)] for _ in range(pick(ci=1, workshop=3, full=5))]
    one, many = np.median(rounds, axis=0)
    gain[what] = many / one
    print(f"{what}: {one:,.0f} a second one by one, {many:,.0f} in batches of 32")

# %%
outcome("52.f", "about as many, or fewer" if gain["this machine"] < 1.8 else "about 3 times as many"
        if gain["this machine"] < 8 else "over 10 times as many")
claim("serve.batch_accelerator", gain["accelerator"], at_least=pick(ci=2, workshop=10, full=10),
      label="Batches of 32 over 1, accelerator acted by a sleep")
claim("serve.batch_here", gain["this machine"], at_most=pick(ci=1000, workshop=3, full=3), headline=True,
      label="Batches of 32 over 1, LiteRT on this processor")

# %% [markdown]
# A GPU has thousands of units, idle with a single row: more rows cost hardly more time. A processor core is busy with
# one, and putting rows together takes time as well. `kit serve` allows 32; measure, and set `--max-batch`.
#
# **Exercise 52.3 (stretch): find three bugs.** A colleague's loop. `requests` are rows in the order in which they came,
# `None` for clients that have left. `run` takes up to `max_batch` rows and raises `ValueError` if one holds a NaN.

# %%
def their_answers(run, requests, max_batch):
    rows, told = [row for row in requests if row is not None], []
    for first in range(0, len(rows) - max_batch + 1, max_batch):
        batch = np.stack(rows[first : first + max_batch])
        try:
            told += list(run(batch))
        except ValueError as error:
            told += [error] * len(batch)
    return told


waiting = [np.ones(2), None, np.zeros(2), np.ones(2)]
print([float(one) for one in their_answers(lambda batch: batch.sum(axis=1), waiting, max_batch=2)])

# %% [markdown]
# Write `answers(run, requests, max_batch)`: a list with one entry for each request, in its place. That is its output,
# `None` for a client that has left, or the `ValueError` for the one who sent NaN, and for nobody else.

# %% tags=["exercise"]
def answers(run, requests, max_batch):
    ...


exercise("52.3").check(answers)

# %% tags=["solution"]
def answers(run, requests, max_batch):
    told, there = [None] * len(requests), [i for i, row in enumerate(requests) if row is not None]
    for first in range(0, len(there), max_batch):    # the last batch may be smaller
        places = there[first : first + max_batch]
        try:
            outputs = run(np.stack([requests[i] for i in places]))
        except ValueError as error:    # one of them is at fault: ask each alone
            outputs = [error] if len(places) == 1 else [answers(run, [requests[i]], 1)[0] for i in places]
        for i, output in zip(places, outputs, strict=True):
            told[i] = output
    return told


exercise("52.3").solution(answers)

# %% [markdown]
# ## 6 A service, and a new version
#
# `kit serve` puts it together: exports behind HTTP, checks, limits, a batcher with a short queue. It takes images as
# files. We write a seven, send it, and 20 MB of noughts as well.

# %%
import io

from PIL import Image, ImageDraw

canvas, png = Image.new("L", (280, 280), 0), io.BytesIO()    # black
ImageDraw.Draw(canvas).line([(80, 70), (200, 70), (120, 220)], fill=255, width=26, joint="curve")
drawn = canvas.resize((28, 28), Image.Resampling.BOX)
drawn.save(png, "png")
seven, is_png = png.getvalue(), {"Content-Type": "image/png"}
service = ["python", "-m", "kitutils", "serve", place / "digits", "--port", "{port}"]
with in_background(service) as (url, _):
    answer = http.post(url + "/predict", data=seven, headers=is_png).json()["probabilities"]
    large = http.post(url + "/predict", data=bytes(20_000_000), headers=is_png)
print(large.status_code, large.json()["error"])
alone = predictor.predict([seven])[0].probabilities
claim("serve.kit_same", max(abs(answer[digit] - alone[digit]) for digit in alone), at_most=1e-6,
      label="kit serve and the predictor, largest difference of a probability")
figure, axes = plots.plt.subplots(1, 2, figsize=(6, 2.4), width_ratios=(1, 1.6))
axes[0].imshow(drawn, cmap="gray")
axes[0].axis("off")
plots.bars(answer, xlabel="probability", axis=axes[1], fmt="{:.2f}")
plots.show(figure, alt="A seven drawn in white strokes on black, as the model sees it, and ten probabilities as bars.")

# %% [markdown]
# The noughts are refused by their announced length, before they are read. Now version 2 comes, while eight clients of
# the kit's load generator ask without a pause. The service looks into its folder every two seconds.

# %%
from kitutils.ship.serve.load import closed_loop

export(saved, place / "next", samples=some.x_train[:100], formats=["litert"], version="2")


def status(url):
    found = http.get(url + "/v1/models/digits").json()["model_version_status"]
    return {one["version"]: (one["state"], one["status"]["error_message"]) for one in found}


def wait_until(true, seconds=20):
    end = time.perf_counter() + seconds
    while not true() and time.perf_counter() < end:
        time.sleep(0.2)

# %% [markdown]
# Afterwards, somebody tampers with the new file.

# %%
predict("52.g", "Version 2 takes over while requests run. Of these fail …",
        ["none", "those of the moment of loading", "about half"])

# %%
with in_background(service) as (url, _):
    with ThreadPoolExecutor(1) as pool:
        load_test = pool.submit(closed_loop, url + "/predict", seven, "image/png", 8, pick(ci=2.5, workshop=6, full=6))
        (place / "next").rename(place / "digits" / "2")    # it appears as a whole
        wait_until(lambda: status(url).get("2", [""])[0] == "AVAILABLE")
        found = load_test.result()
    file = place / "digits" / "2" / manifest.forms["litert"].path
    file.write_bytes(file.read_bytes()[:5000] + b"tampered" + file.read_bytes()[5008:])
    wait_until(lambda: status(url)["2"][1])
    state, why = status(url)["2"]
    after = http.post(url + "/predict", data=seven, headers=is_png)
    ready, figures = http.get(url + "/readyz"), http.get(url + "/metrics").text.splitlines()
failed = found.sent - found.answered.get(200, 0)
print(f"{found.sent:,} requests, answered by status: {found.answered}, failed {found.failed}, hung {found.hung}")
print(f"then {after.status_code} by version {after.json()['version']} ({state}); {why.split(',')[0]}")

# %%
outcome("52.g", "none" if not failed else "about half" if failed > found.sent / 4 else
        "those of the moment of loading")
claim("serve.swap_failed", failed, at_most=0, headline=True, label="Requests failed while version 2 took over")
claim("serve.tampered_serves", after.status_code, at_least=200, at_most=200,
      label="Status of an answer after the file of version 2 was tampered with")

# %% [markdown]
# A new version is loaded beside the old one, its hashes checked and a sample computed; then it takes over, and the old
# one finishes what it has begun. The tampered file is refused, and what was loaded goes on.
#
# Whoever runs a service asks three questions. `/healthz`: is it alive? If not, an orchestrator such as Kubernetes
# starts it again; Docker alone only marks it. `/readyz`: may requests be sent to it? Not before the model is loaded.
# `/metrics`: how many, how long, how full? Prometheus, a program that keeps such figures, fetches them every few
# seconds.

# %%
print(f"/readyz: {ready.status_code} {ready.json()['status']}")
kept = ("kit_requests_total", "kit_batch_rows_count", "kit_batch_rows_sum", "kit_model_loaded")
print("\n".join(line for line in figures if line.startswith(kept) and "digits" in line))

# %% [markdown]
# `rows_sum` over `rows_count` is the mean batch, as it formed by itself.
#
# ## 7 A page, and a container
#
# The service has a page. In a terminal:
#
#     kit export digits exports/digits
#     kit serve exports/digits
#
# Open the address that it prints, draw, and watch the probabilities. Photographs, sentences and orders get inputs of
# their own, as the manifest says. The address is 127.0.0.1, so only your own machine can ask.
#
# > **Phones in the room.** `kit serve … --lan` listens on all your addresses and makes a **token**, part of the
# > address that it prints; without it nobody gets an answer. But this is plain HTTP: others in the network can read
# > along, pictures and token alike, and then ask as well. For an hour in class, with nothing private; never in a café.
# > On the Internet it takes HTTPS, from a proxy before it.
#
# On a server, the service travels as a **container**: a file system with all that it needs, and how to start it. The
# recipe is `Dockerfile.serve`; each of its lines has a reason.

# %%
why = {
    "ARG BASE=python": "a named version of Python; a digest would pin every byte",
    "FROM ${BASE} AS build": "what only building needs stays behind in this stage",
    "COPY requirements-serve.txt": "the lock first and alone: a change of the kit leaves the large layer as it is",
    "      --only-binary": "ready-made packages, so no compiler; TensorFlow is not among them",
    "COPY --from=build": "the second stage takes the finished environment and nothing else",
    "USER": "not root, so that whoever breaks in owns little",
    "STOPSIGNAL": "end politely: what was accepted is answered first",
    "HEALTHCHECK": "asks /healthz every ten seconds",
    "ENTRYPOINT": "a list and no shell, so that the signal reaches the service; models are mounted, not built in",
}
recipe = (settings.root() / "Dockerfile.serve").read_text(encoding="utf8").splitlines()
for begins, reason in why.items():
    line = next(line for line in recipe if line.startswith(begins))
    print(f"{line.strip()[:90]}\n    {reason}")

# %% [markdown]
# ### Article clinic: predict per request
#
# The worst tutorials even load the model in the function that answers. We take such an article apart: with the loading,
# without, and then away from `predict` step by step. The same image each time.

# %%
predict("52.h", "Of predict's time for one image, LiteRT takes …",
        ["nearly all", "about half", "less than a tenth"])

# %%
import tensorflow as tf

from kitutils.evaluate import latency

model, one = saved.model(), some.x_test[:1].astype("float32")
compiled = tf.function(lambda images: model(images, training=False), autograph=False)
steps = {
    "load, then predict": lambda: keras.saving.load_model(os.environ["MODEL"], compile=False).predict(one, verbose=0),
    "model.predict(x)": lambda: model.predict(one, verbose=0),
    "model(x)": lambda: model(one, training=False).numpy(),
    "tf.function": lambda: compiled(one).numpy(),
    "LiteRT": lambda: predictor.outputs({name: one}),
}
with quiet():    # TensorFlow complains that a new model comes each time, and rightly
    times = latency(steps, rounds=pick(ci=1, workshop=5, full=9), warm_up=pick(ci=1, workshop=2, full=3))
    results = np.array([step()[0] for step in steps.values()])
for what, taken in times.items():
    print(f"{what:20}{1000 * taken:8.2f} ms")
apart = np.abs(results - results[-1]).max() / np.abs(results[-1]).max()
share = times["LiteRT"] / times["model.predict(x)"]

# %%
outcome("52.h", "less than a tenth" if share < 0.1 else "nearly all" if share > 0.7 else "about half")
claim("clinic.predict_per_request", 1 / share, at_least=pick(ci=0, workshop=10, full=10), headline=True,
      label="model.predict over LiteRT, one image, times")
claim("clinic.load_per_request", times["load, then predict"] / times["model.predict(x)"],
      at_least=pick(ci=0, workshop=1.5, full=1.5), label="A new model for each request, over predict alone, times")
claim("clinic.serve_same", apart, at_most=1e-5, label="Largest difference of the five answers")

# %% [markdown]
# `predict` sets up a pipeline for thousands of rows, and we bring one. `model(x)` runs layer by layer from Python,
# `tf.function` the whole graph at once, LiteRT without TensorFlow. The answer is the same five times. Where there is no
# export, compile the call once, when the server starts.
#
# ## Recap
#
# - Load once, answer with the exported runtime, and keep `predict` for thousands of rows.
# - Check types and ranges at the door, and say what is wrong; an inverted image passes every check.
# - In flight = rate × seconds. Beyond its capacity, a service that says no at once stays useful.
# - Batches pay where the hardware is idle with one row. Each answer must find its own request.
# - A new version is loaded beside the old one, checked, then swapped; health and metrics tell how it goes.

# %%
recap("52")

# %% [markdown]
# **Saved:** `digits`, the small model, so that `kit export` finds it; the exports were in a temporary folder.
#
# **Next:** lesson 53 watches what comes in, and notices when it is no longer what the model was trained on.
