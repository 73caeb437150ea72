"""Fine-tuning a text classifier: first the new head alone, then all layers or the upper ones, with a rate that rises
and falls.

Lessons: 44, 45.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import keras

from kitutils.data.text_streams import LabelledTexts
from kitutils.train.fitting import fit
from kitutils.train.runs import Run
from kitutils.train.schedules import OneCycle


@dataclass(frozen=True)
class Recipe:
    """How an encoder that others pretrained is fine-tuned; see :func:`follow`.

    Attributes:
        frozen: blocks that stay as they are, from below, and the embedding with the first.
        epochs: passes over the labelled texts.
        peak: the largest learning rate.
    """

    frozen: int
    epochs: int
    peak: float


# For networks of BERT's kind, by its paper's ranges: 2 to 4 epochs at 2e-5 to 5e-5 (Devlin et al., 2019, appendix A.3).
RECIPES = {
    "all layers": Recipe(frozen=0, epochs=3, peak=2e-5),
    "first ten layers frozen": Recipe(frozen=10, epochs=3, peak=2e-5),  # of the twelve that BERT base has
}


def train_head(model: keras.Model, batches: LabelledTexts, epochs: int, *, peak: float = 1e-2, bar: bool = True) -> Run:
    """Train the head on labelled texts and leave the body as it is: for few labels, or before :func:`finetune`.

    Args:
        model: :func:`kitutils.models.text_classifier`. It is compiled anew; what was trainable before is so afterwards.
        batches: the texts and their labels.
        epochs: passes over them.
        peak: the largest learning rate; a head can take a hundred times the rate of a body.
        bar: one line of progress.

    Returns:
        The record of the training.
    """
    bodies = [layer for layer in model.layers if layer.name != "head"]
    parts = bodies + [part for layer in bodies if isinstance(layer, keras.Model) for part in layer.layers]
    were = [part.trainable for part in parts]
    try:
        for layer in bodies:
            layer.trainable = False
        return finetune(model, batches, epochs, peak=peak, bar=bar)
    finally:
        for part, trainable in zip(parts, were, strict=True):  # an encoder first, then its layers one by one
            part.trainable = trainable


def freeze(model: keras.Model, blocks: int) -> keras.Model:
    """Freeze a classifier's embedding and its first blocks, which read words and word order; the rest stays trainable.

    Called again with another number, it unfreezes what was frozen. For BERT base, with its twelve blocks,
    ``freeze(model, 10)`` leaves two of them, a common recipe for few labels and little memory; see :func:`follow`.

    Args:
        model: :func:`kitutils.models.text_classifier`, with the kit's encoder or one of KerasHub's. Compile it anew, or
            call :func:`finetune`, which does.
        blocks: how many, from below; 0 freezes nothing, all of them leave the last normalisation and the head.

    Returns:
        The same model.

    Raises:
        ValueError: the encoder has fewer blocks by the names "block_0" or "transformer_layer_0" and so on.
    """
    bodies = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if len(bodies) != 1:
        raise ValueError(f"Expected a classifier with one encoder in it, as text_classifier makes; got {len(bodies)}.")
    layers = bodies[0].layers
    places = [place for place, layer in enumerate(layers) if re.fullmatch(r"(block|transformer_layer)_\d+", layer.name)]
    if blocks and not places:
        names = '"block_0" or "transformer_layer_0" and so on'
        raise ValueError(f"This encoder has no blocks by the names {names}. For its layers, set trainable = False.")
    if not 0 <= blocks <= len(places):
        raise ValueError(f"This encoder has {len(places)} blocks; {blocks} of them cannot be frozen.")
    bodies[0].trainable = True
    frozen = places[blocks - 1] + 1 if blocks else 0
    for place, layer in enumerate(layers):
        layer.trainable = place >= frozen
    return model


def finetune(model: keras.Model, batches: LabelledTexts, epochs: int, *, peak: float = 5e-4, bar: bool = True) -> Run:
    """Train all layers of a classifier that are trainable on labelled texts.

    The rate rises for a tenth of the steps, so that a new head's first large errors do not spoil the body, and falls to
    nothing (Devlin et al., "BERT", NAACL 2019, appendix A.2, with half a cosine in place of a line). Small encoders
    take larger rates than BERT's 2e-5.

    Args:
        model: :func:`kitutils.models.text_classifier`; it is compiled anew and trained in place.
        batches: the texts and their labels.
        epochs: passes over them.
        peak: the largest learning rate.
        bar: one line of progress.

    Returns:
        The record of the training.
    """
    rate = OneCycle(peak, epochs * batches.steps, warm=0.1, start=0.01)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return fit(model, batches, epochs, bar=bar)


def follow(recipe: str, model: keras.Model, batches: LabelledTexts, *, bar: bool = True) -> Run:
    """Fine-tune by one of the ``RECIPES``: :func:`freeze`, then :func:`finetune`.

    Args:
        recipe: its name.
        model: :func:`kitutils.models.text_classifier`; it is compiled anew and trained in place.
        batches: the texts and their labels.
        bar: one line of progress.

    Returns:
        The record of the training.

    Raises:
        ValueError: there is no such recipe, or the encoder has fewer blocks than it freezes.
    """
    if recipe not in RECIPES:
        raise ValueError(f"recipe is one of {', '.join(map(repr, RECIPES))}; got {recipe!r}.")
    chosen = RECIPES[recipe]
    return finetune(freeze(model, chosen.frozen), batches, chosen.epochs, peak=chosen.peak, bar=bar)
