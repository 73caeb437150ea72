"""Presets of KerasHub, from folders that these tests write: the same weights, the same pieces, and clear refusals."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kitutils import settings
from kitutils.data.text_streams import LabelledTexts
from kitutils.data.tokens import SPECIAL
from kitutils.models import preset, text_classifier
from kitutils.models.presets import PresetError
from kitutils.train.finetune import finetune, freeze, train_head

TEXTS = [
    "A man, a plan: a canal!",
    "the dog bites the man",
    "",
    "Dogs bite men; men bite DOGS again and again and again",
]
VOCABULARY = [
    *SPECIAL,
    *",:!;.",
    "a",
    "man",
    "men",
    "plan",
    "canal",
    "the",
    "dog",
    "bites",
    "bite",
    "again",
    "and",
    "##s",
]
LENGTH = 16


@pytest.fixture(scope="module")
def hub():
    return pytest.importorskip("keras_hub")


@pytest.fixture(scope="module")
def written(hub, tmp_path_factory):
    """Twelve blocks, as BERT's size "base" has, and everything else small."""
    folder = tmp_path_factory.mktemp("twelve")
    backbone = hub.models.BertBackbone(
        len(VOCABULARY), num_layers=12, num_heads=2, hidden_dim=8, intermediate_dim=16, max_sequence_length=LENGTH
    )
    tokenizer = hub.models.BertTokenizer(VOCABULARY, lowercase=True)
    backbone.save_to_preset(str(folder))
    tokenizer.save_to_preset(str(folder))
    return folder, backbone, tokenizer


@pytest.fixture
def small(hub, tmp_path):
    """A DistilBERT, which takes no segments; returns a function that writes it with a vocabulary."""

    def write(vocabulary=VOCABULARY):
        size = {"num_layers": 1, "num_heads": 1, "hidden_dim": 4, "intermediate_dim": 4, "max_sequence_length": LENGTH}
        hub.models.DistilBertBackbone(len(vocabulary), **size).save_to_preset(str(tmp_path))
        hub.models.DistilBertTokenizer(vocabulary, lowercase=True).save_to_preset(str(tmp_path))
        return tmp_path

    return write


def weights(model):
    return {layer.name: [array.copy() for array in layer.get_weights()] for layer in model.layers if layer.weights}


def moved(before, after):
    return {name for name in before if any((a != b).any() for a, b in zip(before[name], after[name], strict=True))}


def test_pieces_and_vectors_are_those_of_kerashub(hub, written):
    folder, backbone, tokenizer = written
    body, words = preset(folder, length=LENGTH)
    theirs = hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=LENGTH)(TEXTS)
    tokens = words.encode(np.array(TEXTS, dtype=object))
    np.testing.assert_array_equal(tokens.ids, theirs["token_ids"])
    np.testing.assert_array_equal(tokens.mask, theirs["padding_mask"])
    assert tokens.ids[3, -1] == SPECIAL.index("[SEP]") and not tokens.mask[2, 2:].any()
    np.testing.assert_allclose(body(theirs), backbone(theirs)["sequence_output"], atol=1e-6)


def test_words_take_lists_of_str_only(written):
    words = preset(written[0], length=LENGTH).words
    assert words.encode([]).ids.shape == (0, LENGTH)
    for wrong in ("one text", b"bytes", ["a man", None]):
        with pytest.raises(TypeError, match="list of str"):
            words.encode(wrong)


@pytest.mark.slow
def test_ten_frozen_layers_stay_as_they_were(written):
    body, words = preset(written[0], length=LENGTH)
    batches = LabelledTexts(words.encode(TEXTS * 4), [0, 1, 1, 0] * 4, widths=(8, LENGTH), per_batch=64)
    before = weights(body)
    finetune(freeze(text_classifier(body, 2), 10), batches, 1, peak=1e-3, bar=False)
    assert moved(before, weights(body)) == {"transformer_layer_10", "transformer_layer_11"}


def test_the_head_is_trained_alone_and_then_all_layers(hub, tmp_path, recwarn):
    size = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": LENGTH}
    hub.models.BertBackbone(len(VOCABULARY), **size).save_to_preset(str(tmp_path))
    hub.models.BertTokenizer(VOCABULARY, lowercase=True).save_to_preset(str(tmp_path))
    body, words = preset(tmp_path, length=LENGTH)
    model = text_classifier(body, 2)
    batches = LabelledTexts(words.encode(TEXTS * 4), [0, 1, 1, 0] * 4, widths=(8, LENGTH), per_batch=64)
    before, head = weights(body), model.get_layer("head").get_weights()[0].copy()
    train_head(model, batches, 1, bar=False)
    assert not moved(before, weights(body)) and (head != model.get_layer("head").get_weights()[0]).any()
    finetune(freeze(model, 0), batches, 1, bar=False)
    assert moved(before, weights(body)) == set(before)
    assert not [one for one in recwarn if "Gradients do not exist" in str(one.message)]
    model.save(tmp_path / "text.keras")
    tokens = words.encode(TEXTS)
    given = {"token_ids": tokens.ids, "padding_mask": tokens.mask.astype("int32")}
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "text.keras")(given), model(given), atol=1e-6)


def test_an_encoder_without_segments(small):
    body, words = preset(small(), length=8)
    tokens = words.encode(TEXTS)
    given = {"token_ids": tokens.ids, "padding_mask": tokens.mask.astype("int32")}
    assert text_classifier(body, 3)(given).shape == (4, 3)


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(PresetError, match=r'python -m pip install -e "\.\[presets\]"'):
        preset(tmp_path)


def test_without_the_package_the_lesson_goes_on(monkeypatch, capsys):
    """Runs the cells of lesson 45 that use a preset."""
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    source = (settings.root() / "notebooks" / "source" / "45_finetune_text.py").read_text(encoding="utf8")
    cells = [cell.partition("\n")[2] for cell in source.split("\n# %%") if "bert = " in cell or "\nif bert:" in cell]
    assert len(cells) == 2
    names = {}
    for cell in cells:
        exec(cell, names)
    said = capsys.readouterr().out
    assert 'pip install -e ".[presets]"' in said and "The lesson goes on without it." in said
    assert names["bert"] is None and "borrowed" not in names


@pytest.mark.slow
def test_tensorflow_text_is_not_needed(written):
    program = (
        "import sys; sys.modules['tensorflow_text'] = None\n"
        "from kitutils.models import preset\n"
        f"print(preset({str(written[0])!r}, length={LENGTH}).words.encode({TEXTS!r}).ids.tolist())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(preset(written[0], length=LENGTH).words.encode(TEXTS).ids.tolist())


@pytest.mark.parametrize("setting", [("KIT_OFFLINE", "1"), ("KIT_PROFILE", "ci")])
def test_offline_no_hub_is_asked(hub, monkeypatch, setting):
    def asked(name):
        raise AssertionError("A hub was asked.")

    monkeypatch.setenv(*setting)
    monkeypatch.setattr(hub.models.Backbone, "from_preset", asked)
    with pytest.raises(PresetError, match=r"bert_tiny_en_uncased would have to be fetched.*Give a folder"):
        preset("bert_tiny_en_uncased")


def test_offline_a_folder_is_taken(written, monkeypatch):
    monkeypatch.setenv("KIT_OFFLINE", "1")
    assert preset(written[0], length=LENGTH).words.length == LENGTH


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setenv("KIT_OFFLINE", "0")
    monkeypatch.setenv("KIT_PROFILE", "workshop")


def test_without_a_network_it_says_so(hub, monkeypatch, online):
    import requests

    def fail(*arguments, **named):
        raise requests.exceptions.ConnectionError("Name or service not known")

    monkeypatch.setattr("kagglehub.model_download", fail)
    with pytest.raises(PresetError, match=r"cannot be had: Name or service not known. Check the name and the network"):
        preset("bert_tiny_en_uncased")


def test_a_name_that_nobody_knows(hub, online):
    with pytest.raises(PresetError, match=r"bert_tny cannot be had: Unknown preset identifier.*Check the name"):
        preset("bert_tny")


@pytest.mark.parametrize("name", ["no/such/folder", "no\\such\\folder"])
def test_a_folder_that_is_not_there(hub, online, name):
    with pytest.raises(PresetError, match="There is no folder no"):
        preset(name)


def test_a_path_is_never_a_name(hub, online):
    with pytest.raises(PresetError, match="There is no folder bert_tiny_en_uncased"):
        preset(Path("bert_tiny_en_uncased"))


def test_a_folder_that_is_no_preset(hub, tmp_path):
    with pytest.raises(PresetError, match=r"no preset: it has no config.json. Expected what `save_to_preset"):
        preset(tmp_path)


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5", "tokenizer.json"])
def test_damaged_files(small, file):
    path = small() / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PresetError, match="cannot be had"):
        preset(path.parent, length=8)


def test_a_vocabulary_of_another_network(small):
    path = small() / "assets" / "tokenizer" / "vocabulary.txt"
    path.write_text(path.read_text(encoding="utf8") + "more\n", encoding="utf8")
    with pytest.raises(PresetError, match=f"{len(VOCABULARY) + 1} pieces and {len(VOCABULARY)} rows"):
        preset(path.parents[2], length=8)


def test_another_kind_of_network(hub, monkeypatch, tmp_path):
    image = keras.Input((8, 8, 3), name="images")
    classifier = keras.Model({"images": image}, keras.layers.Flatten()(image))
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(hub.models.Backbone, "from_preset", lambda name: classifier)
    with pytest.raises(PresetError, match=r"is a Functional and takes images; an encoder of texts .* Choose one"):
        preset(tmp_path)


@pytest.mark.parametrize("length", [2, LENGTH + 1])
def test_a_length_that_has_no_positions(small, length):
    with pytest.raises(PresetError, match=f"has {LENGTH} positions, so length is from 3 to {LENGTH}; got {length}"):
        preset(small(), length=length)


def test_padding_that_is_not_zero(small):
    with pytest.raises(PresetError, match="pads with the number 1, the kit's batches with 0"):
        preset(small(["[UNK]", *VOCABULARY[:1], *VOCABULARY[2:]]), length=8)
