"""Pretraining: the heads give what they say, the loss falls, a broken-off run ends like another, weights come back."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kitutils import settings
from kitutils.data.text_pairs import PairBatches
from kitutils.data.tokens import CLS, PAD, SEP, SPECIAL, Tokens, WordPiece
from kitutils.models import pretrained_text, pretraining_model, text_encoder
from kitutils.models.pretrained import NAME, DamagedWeights, add_facts, write_weights
from kitutils.models.pretraining import TEMPERATURE
from kitutils.train import pretrain as program
from kitutils.train.pretrain import grow, guessed, pretrain

WORDS = WordPiece((*SPECIAL, *(chr(ord("a") + place) * 2 for place in range(25))), 16)
SIZES = {"width": 16, "depth": 1, "heads": 2, "length": 16, "dropout": 0.1}


def topics(rows=240, seed=0):
    """Documents of one of five topics, each with five words of its own: both tasks can be learned."""
    rng = np.random.default_rng(seed)
    documents = np.arange(rows) // 4
    ids = len(SPECIAL) + 5 * (documents % 5)[:, None] + rng.integers(0, 5, (rows, 12))
    ids[:, 0] = CLS
    ids[:, -1] = SEP
    return Tokens(ids.astype(np.int32), ids != PAD), documents


def batches():
    tokens, documents = topics()
    return PairBatches(tokens, documents, size=len(WORDS.vocabulary), widths=(12,), per_batch=480)


def body(**changed):
    keras.utils.set_random_seed(0)
    return text_encoder(len(WORDS.vocabulary), **SIZES | changed)


def test_heads():
    encoder = body()
    model = pretraining_model(encoder)
    inputs, targets = next(batches().epoch(0))
    found = {name: np.array(values) for name, values in model(inputs).items()}
    tokens = np.array(encoder({name: inputs[name] for name in ("token_ids", "padding_mask")}))
    hidden = tokens.reshape(-1, 16)[inputs["places"]]
    hidden = model.get_layer("guess_norm")(keras.ops.gelu(model.get_layer("guess")(hidden), approximate=True))
    pieces = np.array(encoder.get_layer("pieces").embeddings)
    np.testing.assert_allclose(found["pieces"], np.array(hidden) @ pieces.T, atol=1e-5)
    mean = tokens.mean(axis=1)  # no padding here
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    alike = mean @ mean.T / TEMPERATURE
    others = ~np.eye(len(mean), dtype=bool)
    np.testing.assert_allclose(found["partner"][others], alike[others], atol=1e-4)
    assert found["partner"][~others].max() < -9000
    assert len(found["partner"]) == len(targets["partner"])


def test_without_partners_there_is_one_task():
    assert list(pretraining_model(body(), partners=False).output) == ["pieces"]


def test_both_tasks_are_learned():
    run = pretrain(pretraining_model(body()), batches(), 12, peak=1e-2, bar=False)
    first, last = ({name: values[place] for name, values in run.history.items()} for place in (0, -1))
    assert last["pieces_loss"] < 0.7 * first["pieces_loss"]
    assert last["partner_loss"] < 0.9 * first["partner_loss"]
    assert last["partner_accuracy"] > 2.5 / 39  # of 39 others; eight of a topic cannot be told apart


def test_the_second_task_can_weigh_less():
    model = pretraining_model(body())
    run = pretrain(model, batches(), 1, partner=0.25, bar=False)
    parts = {name: values[0] for name, values in run.history.items()}
    assert parts["loss"] == pytest.approx(parts["pieces_loss"] + 0.25 * parts["partner_loss"], rel=1e-3)


def test_a_grown_encoder_begins_where_the_shallow_one_ended():
    shallow = pretraining_model(body(depth=0))
    shallow.set_weights([np.random.default_rng(0).normal(size=weight.shape) for weight in shallow.get_weights()])
    deep = body(depth=2)
    grown = grow(shallow, deep)
    inputs, _ = next(batches().epoch(0))
    for name, values in shallow(inputs).items():
        np.testing.assert_allclose(grown(inputs)[name], values, atol=1e-4)
    assert grown.count_params() > shallow.count_params() and grown.get_layer("encoder") is deep


def test_a_broken_off_run_ends_like_another(tmp_path):
    class Broken(Exception):
        pass

    class Breaks(PairBatches):
        def epoch(self, epoch):
            if epoch == 2:
                raise Broken
            yield from super().epoch(epoch)

    tokens, documents = topics()
    given = {"size": len(WORDS.vocabulary), "widths": (12,), "per_batch": 480}
    model, other = (pretraining_model(body()) for _ in range(2))
    with pytest.raises(Exception, match="Broken"):
        pretrain(pretraining_model(body()), Breaks(tokens, documents, **given), 4, folder=tmp_path / "a", bar=False)
    run = pretrain(model, PairBatches(tokens, documents, **given), 4, folder=tmp_path / "a", bar=False)
    pretrain(other, PairBatches(tokens, documents, **given), 4, folder=tmp_path / "b", bar=False)
    assert run.resumed == 1 and run.epochs == 4
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_weights_come_back(tmp_path):
    model = pretraining_model(body())
    write_weights(tmp_path, model, WORDS, SIZES, {"command": "this test"})
    back = pretrained_text(tmp_path)
    assert back.words == WORDS and back.facts["command"] == "this test"
    inputs, _ = next(batches().epoch(0))
    for name, values in model(inputs).items():
        np.testing.assert_allclose(back.model(inputs)[name], values, atol=0.02)  # float16
    assert back.body is back.model.get_layer("encoder")


def test_guessed_counts_hidden_words_of_the_given_texts():
    words = WordPiece((*SPECIAL, "aa", "bb", "cc"), 16)
    texts = ["aa bb aa cc aa", "", "bb aa"] * 40
    ids, mask = words.encode(texts)
    asked = []

    def answering(answer):
        def model(inputs, training):
            assert training is False
            np.testing.assert_array_equal(inputs["padding_mask"], mask)
            np.testing.assert_array_equal(inputs["token_ids"][~mask], PAD)
            asked.append(inputs["places"])
            return {"pieces": np.eye(8)[answer(ids.ravel()[inputs["places"]])]}

        return model

    always = guessed(answering(lambda right: np.full_like(right, 5)), words, texts)
    hidden = ids.ravel()[asked[0]]
    assert set(hidden) == {5, 6, 7} and always["hidden words"] == len(hidden) and always["texts"] == 120
    assert 0.1 < len(hidden) / (ids > 4).sum() < 0.2
    assert always["guessed"] == always["most frequent piece"] == pytest.approx(np.mean(hidden == 5), abs=1e-4)
    assert guessed(answering(lambda right: right), words, texts)["guessed"] == 1
    assert guessed(answering(lambda right: 12 - right), words, texts)["guessed"] == pytest.approx(
        np.mean(hidden == 6), abs=1e-4
    )
    np.testing.assert_array_equal(asked[0], asked[-1])
    with pytest.raises(ValueError, match="Of 2 texts no word was hidden"):
        guessed(answering(lambda right: right), words, ["", ""])


def test_the_command_writes_weights_that_come_back(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    subjects = ["the array and its shape", "a table with columns", "the figure has axes"]
    texts = [" ".join(rng.permutation(subjects[row // 2 % 3].split())) for row in range(60)]
    loaded = SimpleNamespace(x_train=np.array(texts, dtype=object), truth={"docstring_train": np.arange(60) // 2})
    loaded.take = lambda n, seed, test: SimpleNamespace(
        x_test=np.array(["a figure and its shape"] * test, dtype=object)
    )
    monkeypatch.setattr("kitutils.data.load", lambda name: loaded)
    monkeypatch.setattr(program, "SIZES", {"width": 16, "depth": 1, "heads": 2, "length": 16})
    folders = ["--folder", str(tmp_path / "run"), "--out", str(tmp_path / "weights")]
    monkeypatch.setattr("sys.argv", ["pretrain", "--first", "1", "--epochs", "2", *folders])
    program.main()
    shipped = pretrained_text(tmp_path / "weights")
    assert shipped.facts["command"].endswith("--first 1 --epochs 2") and "60 paragraphs; numpy" in shipped.facts["data"]
    assert shipped.words.pieces("the array") == ["the", "array"]
    first = shipped.facts["held out"]
    assert first["texts"] == 400 and 0 <= first["guessed"] <= 1
    # Scored again: the arrays are the same, and nothing else is written but the score.
    before = json.loads((tmp_path / "weights" / f"{NAME}.json").read_text(encoding="utf8"))
    add_facts(tmp_path / "weights", {"held out": None})
    monkeypatch.setattr("sys.argv", ["pretrain", "--score", str(tmp_path / "weights")])
    program.main()
    after = json.loads((tmp_path / "weights" / f"{NAME}.json").read_text(encoding="utf8"))
    assert after == before and list(after)[-1] == "words" and after["held out"] == first
    size = len(shipped.words.vocabulary)
    inputs, _ = next(PairBatches(shipped.words.encode(texts), np.arange(60) // 2, size=size, widths=(16,)).epoch(0))
    assert shipped.model(inputs)["pieces"].shape == (len(inputs["places"]), size)


STOPS_AT_KERAS = """
import os, runpy, sys

class Watch:
    def find_spec(self, name, *_):
        if name == "keras":
            print("KERAS ON", os.environ.get("KERAS_BACKEND"))
            raise SystemExit(0)

sys.meta_path.insert(0, Watch())
program, *sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(program))
runpy.run_path(program, run_name="__main__")
"""


@pytest.mark.parametrize("program", ["kitutils/train/pretrain.py", "benchmarks/images.py"])
@pytest.mark.parametrize(
    ("words", "backend"),
    [
        (["--backend", "jax"], "jax"),
        (["--backend=jax"], "jax"),
        (["--back", "torch"], "torch"),  # argparse takes this too
        (["--epochs", "3"], "tensorflow"),
        ([], "tensorflow"),
    ],
)
def test_the_backend_is_chosen_before_keras_is_imported(program, words, backend):
    run = [sys.executable, "-c", STOPS_AT_KERAS, program, program, *words]
    env = os.environ | {"KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(run, cwd=settings.root(), env=env, capture_output=True, encoding="utf8", timeout=60)
    assert done.stdout.split("KERAS ON ")[-1].strip() == backend, done.stderr


def test_another_backend_than_that_of_keras_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("kitutils.data.load", lambda name: pytest.fail("It went on."))
    other = "torch" if keras.backend.backend() == "jax" else "jax"
    monkeypatch.setattr("sys.argv", ["pretrain", f"--backend={other}"])
    with pytest.raises(SystemExit):
        program.main()
    assert f"Keras runs on {keras.backend.backend()}" in capsys.readouterr().err


def test_damaged_weights_are_refused(tmp_path):
    with pytest.raises(DamagedWeights, match="cannot be read"):
        pretrained_text(tmp_path)
    write_weights(tmp_path, pretraining_model(body()), WORDS, SIZES, {})
    raw = bytearray((tmp_path / f"{NAME}.npz").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / f"{NAME}.npz").write_bytes(raw)
    with pytest.raises(DamagedWeights, match="sha256 differs"):
        pretrained_text(tmp_path)
    facts = json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf8"))
    assert len(facts["sha256"]) == 64
