"""Figures in one style, with words for those who cannot see them. Imports no stage.

Colours are Okabe and Ito's, which stay apart for colour-blind readers, from dark to light with black at the end.

Lessons: 01, 02.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
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
    figure.savefig(picture, format="png", dpi=DPI, pil_kwargs={"optimize": True})  # for small notebooks
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
    slanted = {"rotation": 45, "ha": "right"} if max(map(len, class_names)) > 5 else {}
    axis.set_xticks(range(size), class_names, **slanted)
    axis.set_yticks(range(size), class_names)
    axis.set(xlabel="predicted", ylabel="true")
    return figure


def _top(matrix: np.ndarray, right: np.ndarray) -> float:
    return max(matrix[~right].max(initial=0), 1)


def two_classes(
    x: np.ndarray,
    y: np.ndarray,
    names: Sequence[str],
    *,
    labels: Sequence[str] = ("", ""),
    rule: Callable[[np.ndarray], np.ndarray] | None = None,
    size: float = 25,
    axis: Axes | None = None,
) -> Figure:
    """Rows of two classes as points over their two features, and where a rule draws its line.

    Args:
        x: shape (n, 2).
        y: shape (n,), 0 or 1.
        names: of class 0 (discs) and of class 1 (triangles).
        labels: what the two features are called.
        rule: from points, shape (m, 2), to the chance of class 1, shape (m,). The plane is shaded by it, with a line
            where it is one half.
        size: of a point, in square typographic points.
        axis: draw there instead of in a new figure; what it shows already keeps its place.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != (len(y), 2):
        raise ValueError(f"Two features of {len(y)} rows have shape ({len(y)}, 2); got {x.shape}.")
    if axis is None:
        _, axis = plt.subplots(figsize=(6, 3.4))
    for k, marker in enumerate("o^"):
        points = x[y == k].T
        axis.scatter(*points, s=size, marker=marker, color=COLOURS[k], ec="white", lw=0.4, label=names[k], zorder=2)
    if rule is not None:
        across, up = (np.linspace(*limits, 120) for limits in (axis.get_xlim(), axis.get_ylim()))
        plane = np.stack(np.meshgrid(across, up), axis=-1)
        chance = np.reshape(rule(plane.reshape(-1, 2)), plane.shape[:2])
        shades = LinearSegmentedColormap.from_list("classes", [COLOURS[0], "white", COLOURS[1]])
        axis.contourf(across, up, chance, levels=np.linspace(0, 1, 11), cmap=shades, alpha=0.4, zorder=0)
        axis.contour(across, up, chance, levels=[0.5], colors="black", linewidths=1.5, zorder=1)
    axis.set(xlabel=labels[0], ylabel=labels[1])
    return axis.figure


def landscape(
    across: np.ndarray,
    up: np.ndarray,
    heights: np.ndarray,
    *,
    labels: Sequence[str],
    paths: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Figure:
    """A map of heights over two numbers, dark in the valleys, with lines of equal height and walks across it.

    Levels grow by a constant factor, so that the floor of a valley shows as much as its slopes.

    Args:
        across, up: the places, shapes (columns,) and (rows,).
        heights: shape (rows, columns), positive.
        labels: what is counted across and up.
        paths: name → the places of a walk in its order, shape (steps + 1, 2), each (across, up). A ring marks where
            it starts.
    """
    if np.shape(heights) != (len(up), len(across)):
        raise ValueError(
            f"{len(up)} places up and {len(across)} across need heights of shape ({len(up)}, {len(across)}); "
            f"got {np.shape(heights)}."
        )
    figure, axis = plt.subplots(figsize=(5.4, 3.3))
    levels = np.geomspace(np.min(heights), np.max(heights), 13)
    axis.contourf(across, up, heights, levels=levels, cmap="Blues_r", norm=LogNorm(levels[0], 2 * levels[-1]))
    lines = axis.contour(across, up, heights, levels=levels[1::2], colors="white", linewidths=0.7)
    axis.clabel(lines, fmt="%.2g", fontsize=8, colors="black")
    for (name, places), colour in zip(paths.items(), COLOURS[1:], strict=False):
        axis.plot(*np.transpose(places), marker=".", color=colour, label=name)
        axis.plot(*places[0], marker="o", ms=10, mfc="none", mew=2, color=colour)
    if paths:
        axis.legend(frameon=True, framealpha=0.9)
    axis.set(xlabel=labels[0], ylabel=labels[1], xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    return figure


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
