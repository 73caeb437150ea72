"""Figures in one style, with words for those who cannot see them. Imports no stage.

Colours are Okabe and Ito's, which stay apart for colour-blind readers, from dark to light with black at the end.

Lessons: 01.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DPI = 90  # of a stored figure; the lint allows 100


def use_style() -> None:
    """Set matplotlib's defaults for the notebook."""
    plt.rcParams.update(
        {
            "axes.prop_cycle": plt.cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "figure.dpi": DPI,
            "figure.figsize": (7, 3.2),
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "image.cmap": "gray_r",
            "image.interpolation": "nearest",
            "legend.frameon": False,
            "savefig.dpi": DPI,
        }
    )


def show(figure: Figure, alt: str) -> None:
    """Display a figure once, with its description, and close it.

    Args:
        figure: as matplotlib made it.
        alt: what a reader who cannot see the figure must know: what is drawn and what it shows. It becomes the
            picture's ``alt`` metadata and the cell's plain-text output.

    Raises:
        ValueError: the description is missing or too short to describe anything.
    """
    import io

    from IPython import get_ipython
    from IPython.display import display

    if len(alt) < 20:
        raise ValueError(f"Describe the figure for a reader who cannot see it, in a sentence; got {alt!r}.")
    if get_ipython() is None:
        plt.close(figure)
        return
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    plt.close(figure)
    display({"image/png": picture.getvalue(), "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})


def image_grid(
    images: np.ndarray, titles: Sequence[str] = (), *, columns: int = 10, colours: Sequence[str] = ()
) -> Figure:
    """Small images side by side.

    Args:
        images: shape (n, height, width), (n, height, width, 1) or (n, height, width, 3).
        titles: one per image, or none.
        columns: images in a row.
        colours: of the titles, one per image, or none.
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not len(images):
        raise ValueError(f"A stack of images has shape (n, height, width[, channels]); got {images.shape}.")
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    width = max(0.7, 0.08 * max(map(len, titles), default=0))  # inches; a title must fit above its image
    height = width + (0.25 if len(titles) else 0)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows),
        squeeze=False,
        layout="none",  # fitting sixty axes takes the constrained layout seconds, and their places are known
        gridspec_kw={
            "left": 0,
            "right": 1,
            "bottom": 0,
            "top": 1 - 0.25 / (height * rows),
            "wspace": 0.15,
            "hspace": 0.3,
        },
    )
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if i < len(images):
            axis.imshow(images[i])
            if i < len(titles):
                axis.set_title(titles[i], loc="center", fontsize=9, color=colours[i] if len(colours) else "black")
    return figure


def learning_curves(history: Mapping[str, Sequence[float]], metrics: Sequence[str] = ("loss", "accuracy")) -> Figure:
    """Training and validation curves of a Keras ``history.history``, one panel per metric, lines named at their ends.

    Args:
        history: metric name → value per epoch, with ``val_…`` beside each.
        metrics: which to draw.
    """
    figure, axes = plt.subplots(1, len(metrics), figsize=(3.6 * len(metrics), 2.9), squeeze=False)
    for axis, metric in zip(axes.flat, metrics, strict=True):
        lines = [(name, key) for name, key in (("training", metric), ("validation", f"val_{metric}")) if key in history]
        for name, key in lines:
            epochs = np.arange(1, len(history[key]) + 1)
            axis.plot(epochs, history[key], marker="o" if len(epochs) < 3 else None, label=name)
        axis.set(title=metric, xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return figure


def confusion(matrix: np.ndarray, class_names: Sequence[str]) -> Figure:
    """A confusion matrix: the diagonal in grey, mistakes in colour, every number readable.

    Args:
        matrix: counts, shape (classes, classes); row: the true class, column: the predicted one.
        class_names: one per class.
    """
    matrix = np.asarray(matrix)
    size = len(class_names)
    if matrix.shape != (size, size):
        raise ValueError(f"{size} class names go with a ({size}, {size}) matrix; got shape {matrix.shape}.")
    side = 0.42 * size + 1.2
    figure, axis = plt.subplots(figsize=(side + 0.3, side))
    right = np.eye(size, dtype=bool)
    axis.imshow(np.where(right, matrix, np.nan), cmap="Greys", vmin=0, vmax=2.5 * max(matrix.max(), 1))
    axis.imshow(np.where(right | (matrix == 0), np.nan, matrix), cmap="Oranges", vmin=0, vmax=1.6 * _top(matrix, right))
    for i, j in np.argwhere(matrix > 0):
        axis.text(j, i, matrix[i, j], ha="center", va="center", fontsize=9)
    axis.set_xticks(range(size), class_names)
    axis.set_yticks(range(size), class_names)
    axis.set(xlabel="predicted", ylabel="true")
    return figure


def _top(matrix: np.ndarray, right: np.ndarray) -> float:
    return max(matrix[~right].max(initial=0), 1)


def bars(values: Mapping[str, float], *, xlabel: str, axis: Axes | None = None, fmt: str = "{:.3g}") -> Figure:
    """Horizontal bars with their values written beside them, in the order given, first on top.

    Args:
        values: name → length.
        xlabel: what is measured, with its unit.
        axis: draw there instead of in a new figure.
        fmt: of the written values.
    """
    if axis is None:
        _, axis = plt.subplots(figsize=(6, 0.42 * len(values) + 0.8))
    drawn = axis.barh(list(values), list(values.values()), color=COLOURS[0], height=0.6)
    axis.bar_label(drawn, labels=[" " + fmt.format(v) for v in values.values()])
    axis.invert_yaxis()
    axis.set(xlabel=xlabel)
    axis.margins(x=0.15)
    return axis.figure
