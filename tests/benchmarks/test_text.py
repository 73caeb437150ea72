"""The text benchmarks: what is drawn, what is compared with what, and a tiny run of each loop."""

from types import SimpleNamespace

import numpy as np
import pytest

from kitutils.data.tokens import SPECIAL, Tokens, train_wordpiece
from kitutils.models import text_classifier, text_encoder

TOPICS = ("an array of numbers and its shape", "a table with columns and an index", "a figure with axes and lines")


def texts(rows=60):
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 3
    x = np.array([" ".join(rng.permutation(TOPICS[label].split())) for label in y], dtype=object)
    return x, y


@pytest.fixture
def fewshot(program, monkeypatch):
    benchmark = program("text_fewshot")
    x, y = texts()
    words = train_wordpiece(x, size=120, length=16)

    def network(kind):
        return text_classifier(text_encoder(len(words.vocabulary), width=16, depth=1, heads=2, length=16), 3), words

    monkeypatch.setattr(benchmark, "network", network)
    return benchmark, benchmark.Rows(x[:40], y[:40], x[40:], y[40:])


def test_drawn_rows_are_others_in_each_run_and_all_for_0(fewshot):
    _, rows = fewshot
    first, again, other = rows.drawn(10, 0), rows.drawn(10, 0), rows.drawn(10, 1)
    np.testing.assert_array_equal(first, again)
    assert len(set(first)) == 10 and set(first) != set(other)
    np.testing.assert_array_equal(np.sort(rows.drawn(0, 3)), np.arange(40))


def test_each_kind_learns(fewshot):
    benchmark, rows = fewshot
    for kind in benchmark.KINDS:
        answers = benchmark.predicted(rows, kind, 30, 0, recipe=(1, 15, 1e-2))
        assert (answers == rows.y_judged).mean() > 0.6  # a third by guessing


def test_rows_of_different_length_are_judged_each_in_its_place(fewshot):
    benchmark, _ = fewshot
    model, words = benchmark.network("random")
    x = np.array(["an array", *TOPICS, "", "a figure with axes"], dtype=object)
    tokens = words.encode(x)
    whole = model.predict({"token_ids": tokens.ids, "padding_mask": tokens.mask.astype("int32")}, verbose=0)
    np.testing.assert_array_equal(benchmark.said(model, tokens), whole.argmax(axis=1))


def test_gains_are_means_of_pairs_in_points(fewshot, monkeypatch):
    benchmark, rows = fewshot
    right = {"pretrained": (18, 16), "random": (10, 10), "tfidf_lr": (16, 20), "nb_svm": (18, 16)}

    def predicted(rows, kind, labels, seed):
        answers = (rows.y_judged + 1) % 3
        answers[: right[kind][seed]] = rows.y_judged[: right[kind][seed]]
        return answers

    monkeypatch.setattr(benchmark, "predicted", predicted)
    found = benchmark.compare(rows, [10], 2)
    assert found["10"]["pretrained"] == [0.9, 0.8]
    assert found["10"]["gains"] == {"over random": 35.0, "over tfidf_lr": -5.0, "over nb_svm": 0.0}
    low, high = found["10"]["intervals"]["over tfidf_lr"][1]  # 16 against 20 of 20
    assert -50 < low < -20 < high < 5
    assert found["10"]["p_values"]["over random"] == [pytest.approx(2**-7, rel=0.01), pytest.approx(2**-5, rel=0.01)]


@pytest.fixture
def layers(fewshot, program, monkeypatch):
    benchmark = program("text_layers")
    model, words = fewshot[0].network("pretrained")
    monkeypatch.setattr(benchmark, "network", lambda kind: (model, words))
    monkeypatch.setattr(benchmark, "LEVELS", {"nothing": 0, "lower half": 1})  # of one block, so all of it is frozen
    monkeypatch.setattr(benchmark, "RECIPES", {30: (6, 3, 1e-2)})
    return benchmark, fewshot[1], model


def test_each_level_starts_from_the_same_head_and_moves_what_is_not_frozen(layers, monkeypatch):
    benchmark, rows, model = layers
    body, at = model.get_layer("encoder"), []

    def said(model, tokens):
        at.append({layer.name: layer.get_weights() for layer in (*body.layers, model.get_layer("head"))})
        return np.zeros(len(tokens.ids), dtype=np.int64)

    tuned = benchmark.finetune

    def begun(model, *given, **named):
        for place, array in enumerate(model.get_layer("head").get_weights()):
            np.testing.assert_array_equal(array, at[0]["head"][place])
        return tuned(model, *given, **named)

    monkeypatch.setattr(benchmark, "said", said)
    monkeypatch.setattr(benchmark, "finetune", begun)
    assert list(benchmark.levels(rows, 30, 0)) == ["all but head", "nothing", "lower half"]
    head_only, nothing, lower = at

    def same(one, two, name):
        return all((a == b).all() for a, b in zip(one[name], two[name], strict=True))

    for name in ("pieces", "positions", "block_0"):
        assert same(head_only, lower, name) and not same(head_only, nothing, name)
    assert not same(head_only, lower, "head") and not same(head_only, lower, "norm")


def test_the_grid_counts_each_run_and_compares_with_each_rival(layers, monkeypatch):
    benchmark, rows, _ = layers
    right = {"nothing": 20, "lower half": 15, "all but head": 10, "random": 5, "tfidf_lr": 18, "nb_svm": 20}

    def answers(kind):
        found = (rows.y_judged + 1) % 3
        found[: right[kind]] = rows.y_judged[: right[kind]]
        return found

    monkeypatch.setattr(
        benchmark, "levels", lambda rows, labels, seed: {kind: answers(kind) for kind in list(right)[:3]}
    )
    monkeypatch.setattr(benchmark, "predicted", lambda rows, kind, labels, seed: answers(kind))
    found = benchmark.grid(rows, [30, 0], 2)
    assert list(found) == ["30", "all"]
    assert {kind: found["all"][kind] for kind in right} == {kind: [n / 20] for kind, n in right.items()}
    assert found["30"]["p_values"] == {
        "random": [pytest.approx(2**-14, rel=0.01)] * 2,
        "tfidf_lr": [0.5] * 2,
        "nb_svm": [1.0] * 2,
    }


def test_validation_judges_by_whole_doc_strings_of_the_training_part(program, monkeypatch):
    benchmark = program("text_fewshot")

    (x, y), (x_test, y_test) = texts(9000), texts(30)
    documents = {"docstring_train": np.arange(9000) // 3}
    loaded = SimpleNamespace(x_train=x, y_train=y, x_test=x_test, y_test=y_test, truth=documents)
    monkeypatch.setattr(benchmark.data, "load", lambda name: loaded)
    rows = benchmark.Rows.load(validation=True)
    assert len(rows.x_judged) == 6000 and len(rows.x) == 3000
    assert benchmark.Rows.load(validation=False).x_judged is x_test


def test_both_loops_train_and_count_real_tokens(program, monkeypatch):
    benchmark = program("text_speed")
    monkeypatch.setattr(benchmark, "SIZES", {"width": 16, "depth": 1, "heads": 2, "length": 16})
    monkeypatch.setattr(benchmark, "ROWS", 20)
    ids = np.zeros((64, 16), dtype=np.int32)
    ids[:, :6] = len(SPECIAL) + np.arange(6)
    tokens = Tokens(ids, ids != 0)
    assert benchmark.plain(tokens, 30)() == 20 * 6
    monkeypatch.setattr(benchmark.PairBatches, "__init__", _narrow(benchmark.PairBatches.__init__))
    loop = benchmark.ours(tokens, np.arange(64) // 2, 30)
    assert loop() == 2 * 8 * 6  # an eighth of the batches, partners too


def _narrow(init):
    def made(self, tokens, documents, **given):
        init(self, tokens, documents, **(given | {"widths": (8, 16), "per_batch": 128}))

    return made


FILM = [
    "a warm and funny film about two old friends",
    "a warm and funny film",
    "funny film about two",
    "warm",
    "not art",
]


def test_a_sentence_is_a_part_of_no_other_and_its_parts_go_with_it(program):
    benchmark = program("text_reviews")
    assert benchmark.sentences(FILM, least=2).tolist() == [0, 4]
    assert benchmark.sentences(FILM, least=3).tolist() == [0]
    assert benchmark.parts_of(FILM, FILM[:1]).tolist() == [True, True, True, True, False]
    assert benchmark.parts_of(["arm and fun", "two old friend"], FILM).tolist() == [False, False]  # whole words only


def test_reviews_are_judged_by_sentences_of_which_no_part_trains(program, monkeypatch):
    benchmark = program("text_reviews")
    rng = np.random.default_rng(0)
    whole = [" ".join(f"w{n}" for n in rng.integers(0, 400, 9)) for _ in range(1500)]
    x = np.array([text for one in whole for text in (one, " ".join(one.split()[2:6]))], dtype=object)
    y, (x_test, y_test) = np.arange(len(x)) % 2, texts(4)
    loaded = SimpleNamespace(x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    monkeypatch.setattr(benchmark.data, "load", lambda name: loaded)
    final = benchmark.load(False)
    assert final.x is x and final.x_judged is x_test and final.y_judged is y_test
    rows = benchmark.load(True)
    assert len(rows.x_judged) == 1000 and {len(text.split()) for text in rows.x_judged} == {9}
    assert len(rows.x) == 1000  # 500 sentences and a phrase from each
    assert not any(f" {text} " in f" {one} " for text in rows.x for one in rows.x_judged)
    label = dict(zip(x, y, strict=True))
    assert [label[text] for text in rows.x] == rows.y.tolist()


def test_the_encoder_of_reviews_learns_and_keeps_its_vectors_in_the_second_training(fewshot, program, monkeypatch):
    benchmark, (_, rows) = program("text_reviews"), fewshot
    monkeypatch.setattr(benchmark, "SIZES", {"width": 16, "heads": 2, "length": 16, "norm": False})
    monkeypatch.setattr(benchmark, "FIRST", {"epochs": 30, "peak": 3e-2, "epsilon": 1e-3})
    two = benchmark.Rows(rows.x, rows.y % 2, rows.x_judged, rows.y_judged % 2)
    seen, train = [], benchmark.trained

    def trained(model, *given, **named):
        train(model, *given, **named)
        seen.append({layer.name: layer.get_weights() for layer in model.get_layer("encoder").layers})

    monkeypatch.setattr(benchmark, "trained", trained)
    found = benchmark.compare(two, 2)
    assert len(found["encoder"]) == len(found["seconds"]) == len(found["p_values"]["nb_svm"]) == 2
    assert found["mean"] == pytest.approx(np.mean(found["encoder"])) and found["mean"] > 0.8
    flat, deep = seen[:2]
    np.testing.assert_array_equal(flat["pieces"][0], deep["pieces"][0])
    assert "block_0" in deep and "block_0" not in flat and np.abs(deep["block_0"][2]).max() > 0


@pytest.mark.parametrize(("usual", "norm", "epsilon"), [("norm", True, 1e-3), ("epsilon", False, 1e-7)])
def test_reviews_with_one_of_two_things_as_usual(program, monkeypatch, usual, norm, epsilon):
    benchmark, seen = program("text_reviews"), []
    monkeypatch.setattr(benchmark, "SIZES", dict(benchmark.SIZES))
    monkeypatch.setattr(benchmark, "FIRST", dict(benchmark.FIRST))
    monkeypatch.setattr(benchmark, "load", lambda validation: validation)
    monkeypatch.setattr(benchmark, "compare", lambda rows, runs: seen.append((benchmark.SIZES, benchmark.FIRST, rows)))
    monkeypatch.setattr("sys.argv", ["text_reviews.py", "--validation", "--usual", usual])
    benchmark.main()
    ((sizes, first, validation),) = seen
    assert (sizes["norm"], first["epsilon"], validation) == (norm, epsilon, True)
    monkeypatch.setattr("sys.argv", ["text_reviews.py", "--record", "--usual", usual])
    with pytest.raises(SystemExit):
        benchmark.main()


@pytest.fixture
def pretraining(program, monkeypatch):
    benchmark = program("text_pretraining")
    x, y = texts()
    rows = benchmark.Rows(x[:40], y[:40], x[40:], y[40:], np.arange(40) // 2)
    monkeypatch.setattr(benchmark, "SIZES", {"width": 16, "depth": 1, "heads": 2, "length": 16})
    monkeypatch.setattr(benchmark, "RECIPES", {"head first": (2, 1, 1e-3), "all at once": (0, 2, 1e-3)})
    monkeypatch.setattr(benchmark.Rows, "load", classmethod(lambda cls, validation: rows))
    monkeypatch.setattr(benchmark, "WAYS", {"deep": (0, 1, 0.0), "grown": (2, 1, 0.1), "flat": (1, 0, 0.1)})
    return benchmark


def test_each_way_of_pretraining_has_its_epochs_and_weights(pretraining, monkeypatch, tmp_path):
    seen, pretrain = [], pretraining.pretrain

    def spied(model, batches, epochs, *, partner, **named):
        seen.append((epochs, partner, "block_0" in {layer.name for layer in model.get_layer("encoder").layers}))
        return pretrain(model, batches, epochs, partner=partner, **named)

    monkeypatch.setattr(pretraining, "pretrain", spied)
    found = pretraining.compare(list(pretraining.WAYS), 2, tmp_path)
    assert seen == [(1, 0.0, True), (2, 1.0, False), (1, 0.1, True), (1, 1.0, False)]
    assert [set(found[way]) - {"guessed"} for way in pretraining.WAYS] == [
        {"head first", "all at once"},
        {"head first"},
        {"head first"},
    ]
    grown = found["grown"]["head first"]
    gains = 100 * (np.array(grown["accuracy"]) - found["random"]["accuracy"])
    assert grown["gain"] == pytest.approx(gains.mean(), abs=0.06) and len(found["tfidf_lr"]["accuracy"]) == 2
    assert all(low <= gain <= high for gain, (low, high) in zip(gains, grown["intervals"], strict=True))


def test_what_is_done_is_not_done_again(pretraining, monkeypatch, tmp_path):
    tuned, finetuned = [], pretraining.finetuned

    def spied(way, recipe, *given):
        tuned.append(way)
        return finetuned(way, recipe, *given)

    monkeypatch.setattr(pretraining, "finetuned", spied)
    found = pretraining.compare(["flat"], 1, tmp_path)
    monkeypatch.setattr(pretraining, "pretrain", lambda *given, **named: pytest.fail("it pretrained again"))
    again = pretraining.compare(["flat"], 1, tmp_path)
    assert again == found and tuned == ["random", "flat", "random"]
    pretraining.compare(["flat"], 2, tmp_path)  # another number of runs is another question
    assert tuned[3:] == ["random", "random", "flat", "flat"]


def test_what_was_pretrained_is_what_is_fine_tuned(pretraining, monkeypatch, tmp_path):
    pretraining.compare(["grown"], 0, tmp_path)
    begun = []
    monkeypatch.setattr(pretraining, "train_head", lambda model, *given, **named: begun.append(model))
    monkeypatch.setattr(pretraining, "finetune", lambda *given, **named: None)
    rows = pretraining.Rows.load(True)
    words = train_wordpiece(rows.x, length=16)
    pretraining.finetuned("grown", "head first", words, rows, 0, tmp_path)
    kept = pretraining.encoder(words, 1)
    kept.load_weights(tmp_path / "grown.weights.h5")
    fresh = pretraining.encoder(words, 1)
    body = begun[0].get_layer("encoder")
    for ours, theirs in zip(body.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert any((a != b).any() for a, b in zip(body.get_weights(), fresh.get_weights(), strict=True))


def test_all_labels_counts_runs_their_mean_and_the_sum_with_counts(program, monkeypatch):
    benchmark = program("text_all")
    truth = np.array([0, 1, 2, 0])
    one = np.eye(3)[[0, 1, 0, 1]] * 0.6 + 0.1
    two = np.eye(3)[[0, 1, 2, 2]] * 0.9 + 0.01
    counts = np.eye(3)[[0, 0, 2, 0]] * 0.8 + 0.05
    answers = {"nb_svm": np.array([0, 0, 0, 0])}
    monkeypatch.setattr(benchmark, "counted", lambda rows, room: {"tfidf_lr": counts} | answers)
    monkeypatch.setattr(benchmark, "trained", lambda rows, seed, room, given: (one, two)[seed])
    rows = SimpleNamespace(y_judged=truth)
    found = benchmark.compare(rows, SimpleNamespace(runs=2, room=None))
    assert (found["nb_svm"], found["tfidf_lr"]) == (0.5, 0.75)
    assert found["encoder"]["accuracy"] == [0.5, 0.75]
    assert found["mean of the runs"]["accuracy"] == [0.75]  # on the third row the surer run decides, and rightly
    assert found["encoder and tfidf_lr"]["accuracy"] == [0.75, 0.75]
    assert found["encoder"]["over"]["tfidf_lr"]["points"] == -12.5
    assert found["encoder"]["over"]["nb_svm"]["points"] == 12.5


HERE = ["--validation", "--room", "here"]


@pytest.mark.parametrize("options", [HERE[:1], HERE[1:], ["--record", "--epochs", "1"], ["--record", *HERE]])
def test_all_labels_refuses_what_would_mislead(program, monkeypatch, options):
    benchmark = program("text_all")
    monkeypatch.setattr(benchmark, "compare", lambda *given: pytest.fail("it began"))
    monkeypatch.setattr("sys.argv", ["text_all.py", *options])
    with pytest.raises(SystemExit):
        benchmark.main()


def test_all_labels_learns_with_hidden_pieces(fewshot, program, monkeypatch):
    _, rows = fewshot
    benchmark = program("text_all")
    model, words = fewshot[0].network("pretrained")
    body = model.get_layer("encoder")
    monkeypatch.setattr(benchmark, "start", lambda rows, room: (body, words))
    monkeypatch.setattr(benchmark, "PEAK", 1e-2)
    monkeypatch.setattr(benchmark, "PER_BATCH", 128)
    given = SimpleNamespace(hide=0.1, epochs=15)
    shares = benchmark.trained(rows, 0, None, given)[:, :3]
    assert (shares.argmax(axis=1) == rows.y_judged).mean() > 0.6
    shown = benchmark.counted(rows, None)
    assert set(shown) == {"tfidf_lr", "tfidf_single", "tfidf_pieces", "nb_svm"}
    assert all((answers == rows.y_judged).mean() > 0.6 for kind, answers in shown.items() if kind != "tfidf_lr")
