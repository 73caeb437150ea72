"""Fine-tuning: it learns, moves what it should and nothing else."""

import numpy as np
import pytest

from kitutils.data.text_streams import LabelledTexts
from kitutils.data.tokens import SPECIAL, Tokens
from kitutils.models import text_classifier, text_encoder
from kitutils.train.finetune import RECIPES, Recipe, finetune, follow, freeze, train_head


@pytest.fixture
def batches():
    """Rows of 8 tokens; the second says the label."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    ids = rng.integers(len(SPECIAL) + 4, 40, (200, 8)).astype(np.int32)
    ids[:, 1] = len(SPECIAL) + labels
    return LabelledTexts(Tokens(ids, ids != 0), labels, widths=(8, 16), per_batch=128)


@pytest.fixture
def body():
    return text_encoder(40, width=16, depth=1, heads=2, length=16)


def weights(body):
    return {layer.name: [array.copy() for array in layer.get_weights()] for layer in body.layers if layer.weights}


def moved(before, after):
    return {name for name in before if any((a != b).any() for a, b in zip(before[name], after[name], strict=True))}


def test_finetune_learns_and_leaves_frozen_layers_alone(batches, body):
    body.get_layer("positions").trainable = False
    before = weights(body)
    run = finetune(text_classifier(body, 4), batches, 8, peak=1e-2, bar=False)
    assert run.history["accuracy"][-1] > 0.9
    assert moved(before, weights(body)) == set(before) - {"positions"}
    assert run.config["optimizer_config"]["learning_rate"]["config"]["steps"] == 8 * batches.steps


def test_train_head_moves_the_head_alone_and_unfreezes_what_was_free(batches, body):
    body.get_layer("positions").trainable = False
    before, model = weights(body), text_classifier(body, 4)
    head = model.get_layer("head").get_weights()[0].copy()
    run = train_head(model, batches, 5, bar=False)
    assert run.history["loss"][-1] < run.history["loss"][0]
    assert not moved(before, weights(body)) and (head != model.get_layer("head").get_weights()[0]).any()
    assert [layer.name for layer in body.layers if layer.weights and not layer.trainable] == ["positions"]


def test_freeze_holds_the_embedding_and_the_lower_blocks(batches):
    deep = text_encoder(40, width=16, depth=3, heads=2, length=16)
    model = text_classifier(deep, 4)
    below = {"pieces", "positions", "block_0"}
    for blocks, held in ((2, below | {"block_1"}), (1, below), (3, below | {"block_1", "block_2"}), (0, set())):
        before = weights(deep)
        finetune(freeze(model, blocks), batches, 1, bar=False)
        assert set(before) - moved(before, weights(deep)) == held, blocks


@pytest.mark.parametrize("blocks", [-1, 2])
def test_freeze_refuses_blocks_that_are_not_there(body, blocks):
    with pytest.raises(ValueError, match=f"has 1 blocks; {blocks} of them"):
        freeze(text_classifier(body, 4), blocks)


def test_an_encoder_without_blocks_can_freeze_none_of_them(batches):
    flat = text_encoder(40, width=16, depth=0, heads=2, length=16)
    model = text_classifier(flat, 4)
    flat.get_layer("pieces").trainable = False
    before = weights(flat)
    finetune(freeze(model, 0), batches, 1, bar=False)
    assert moved(before, weights(flat)) == set(before)
    with pytest.raises(ValueError, match=r"has no blocks .*set trainable = False"):
        freeze(model, 1)


def test_freeze_refuses_a_model_without_an_encoder(body):
    with pytest.raises(ValueError, match="one encoder in it"):
        freeze(body, 1)


def test_a_recipe_freezes_trains_as_long_and_as_fast_as_it_says(batches):
    base = text_encoder(40, width=8, depth=12, heads=2, length=16)
    model, before = text_classifier(base, 4), weights(base)
    run = follow("first ten layers frozen", model, batches, bar=False)
    assert moved(before, weights(base)) == {"block_10", "block_11", "norm"}
    rate = run.config["optimizer_config"]["learning_rate"]["config"]
    assert (run.epochs, rate["peak"], rate["steps"]) == (3, 2e-5, 3 * batches.steps)


def test_another_recipe_and_one_that_is_not_there(batches, body, monkeypatch):
    monkeypatch.setitem(RECIPES, "all layers", Recipe(frozen=0, epochs=1, peak=1e-3))
    model, before = text_classifier(body, 4), weights(body)
    run = follow("all layers", freeze(model, 1), batches, bar=False)
    assert moved(before, weights(body)) == set(before) and run.epochs == 1
    with pytest.raises(ValueError, match="one of 'all layers', 'first ten layers frozen'; got 'ten'"):
        follow("ten", model, batches, bar=False)
    with pytest.raises(ValueError, match="has 1 blocks; 10 of them"):
        follow("first ten layers frozen", model, batches, bar=False)
