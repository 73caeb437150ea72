"""Figures: what is drawn is the data that was given, and each goes out with words."""

import warnings

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb

from kitutils import plots

ALT = "A line that rises from 1 to 3 over three epochs."


@pytest.fixture(autouse=True)
def _closed():
    yield
    plots.plt.close("all")


def texts(axis):
    return {(int(t.get_position()[0]), int(t.get_position()[1])): t.get_text() for t in axis.texts}


# --- image_grid -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7, 8, 8), (7, 8, 8, 1), (7, 8, 8, 3)])
def test_each_image_has_its_place_and_its_title(shape):
    images = np.arange(np.prod(shape)).reshape(shape) % 256
    figure = plots.image_grid(images.astype("uint8"), [f"no. {i}" for i in range(7)], columns=3)
    assert len(figure.axes) == 9  # three rows of three, the last two empty
    for i, axis in enumerate(figure.axes):
        assert not axis.axison
        assert len(axis.images) == (1 if i < 7 else 0)
        assert axis.get_title(loc="center") == (f"no. {i}" if i < 7 else "")
        if i < 7:
            shown = np.asarray(axis.images[0].get_array())
            np.testing.assert_array_equal(shown, images[i, ..., 0] if shape[-1] == 1 else images[i])


def test_titles_have_the_colours_that_they_are_given():
    figure = plots.image_grid(np.zeros((2, 4, 4)), ["right", "wrong"], colours=["black", plots.COLOURS[1]])
    assert [to_hex(axis.title.get_color()) for axis in figure.axes] == ["#000000", plots.COLOURS[1].lower()]


def test_fewer_images_than_columns_leave_no_gap():
    assert len(plots.image_grid(np.zeros((3, 4, 4)), columns=10).axes) == 3


@pytest.mark.parametrize("shape", [(8, 8), (0, 8, 8), (2, 2, 8, 8, 1)])
def test_what_is_no_stack_of_images_is_refused(shape):
    with pytest.raises(ValueError, match=r"n, height, width"):
        plots.image_grid(np.zeros(shape))


# --- learning_curves --------------------------------------------------------------------------------------------------


def test_curves_start_at_epoch_1_and_are_named():
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.1, 2.2, 1.3], "accuracy": [0.1, 0.5, 0.9]}
    figure = plots.learning_curves(history)
    loss, accuracy = figure.axes
    assert [axis.get_title(loc="left") or axis.get_title() for axis in figure.axes] == ["loss", "accuracy"]
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert [line.get_label() for line in accuracy.lines] == ["training"]
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), history["val_loss"])
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training", "validation"]


def test_a_single_epoch_is_visible():
    (axis,) = plots.learning_curves({"loss": [1.0], "val_loss": [2.0]}, ["loss"]).axes
    assert all(line.get_marker() == "o" for line in axis.lines)


# --- confusion --------------------------------------------------------------------------------------------------------


def test_every_count_that_is_not_zero_stands_in_its_cell():
    matrix = np.array([[50, 2, 0], [0, 40, 1], [3, 0, 999]])
    (axis,) = plots.confusion(matrix, ["cat", "dog", "owl"]).axes
    assert texts(axis) == {(j, i): str(matrix[i, j]) for i, j in np.argwhere(matrix > 0)}  # x: predicted, y: true
    assert [label.get_text() for label in axis.get_xticklabels()] == ["cat", "dog", "owl"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["cat", "dog", "owl"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted", "true")


@pytest.mark.parametrize("matrix", [np.eye(3, dtype=int), np.zeros((3, 3), dtype=int), np.full((3, 3), 4)])
def test_a_matrix_without_mistakes_or_without_rows_is_drawn_without_a_warning(matrix):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plots.confusion(matrix, list("abc"))
        figure.canvas.draw()
    assert len(texts(figure.axes[0])) == np.count_nonzero(matrix)


@hypothesis_settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 2000), min_size=9, max_size=9))
def test_black_numbers_can_be_read_on_every_cell(counts):
    matrix = np.array(counts).reshape(3, 3)
    (axis,) = plots.confusion(matrix, list("abc")).axes
    for i, j in np.argwhere(matrix > 0):
        (colour,) = [c for c in (image.to_rgba(image.get_array())[i, j] for image in axis.images) if c[3] > 0]
        assert contrast(colour[:3], (0, 0, 0)) >= 4.5  # WCAG 2.2, success criterion 1.4.3
    plots.plt.close("all")


def luminance(colour):
    """Relative luminance of an sRGB colour (WCAG 2.2)."""
    return np.dot(
        [0.2126, 0.7152, 0.0722], [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    )


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("shape", [(2, 3), (2, 2), (3,)])
def test_names_and_matrix_must_fit(shape):
    with pytest.raises(ValueError, match="3 class names go with"):
        plots.confusion(np.zeros(shape), list("abc"))


# --- two_classes ------------------------------------------------------------------------------------------------------


def test_each_class_has_its_points_its_colour_and_its_name():
    x, y = np.array([[0.0, 1], [2, 3], [4, 5]]), np.array([1, 0, 1])
    (axis,) = plots.two_classes(x, y, ["cat", "dog"], labels=["weight", "age"]).axes
    cats, dogs = axis.collections
    np.testing.assert_array_equal(cats.get_offsets(), x[[1]])
    np.testing.assert_array_equal(dogs.get_offsets(), x[[0, 2]])
    assert [to_hex(points.get_facecolor()[0]) for points in (cats, dogs)] == [c.lower() for c in plots.COLOURS[:2]]
    assert cats.get_paths()[0].vertices.shape != dogs.get_paths()[0].vertices.shape  # told apart without colour
    assert [points.get_label() for points in (cats, dogs)] == ["cat", "dog"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("weight", "age")


def test_the_line_lies_where_the_rule_says_one_half():
    x, y = np.random.default_rng(0).uniform(-2, 2, (50, 2)), np.arange(50) % 2
    figure = plots.two_classes(x, y, "ab", rule=lambda points: 1 / (1 + np.exp(-(points[:, 0] - 2 * points[:, 1]))))
    line = figure.axes[0].collections[-1].get_paths()[0].vertices
    np.testing.assert_allclose(line[:, 0], 2 * line[:, 1], atol=0.01)
    assert np.ptp(line[:, 0]) > 3  # and it crosses the figure


def test_two_sets_of_points_can_share_an_axis():
    _, axis = plots.plt.subplots()
    plots.two_classes(np.array([[-9.0, -9], [9, 9]]), [0, 1], "ab", axis=axis)
    plots.two_classes(np.zeros((2, 2)), [0, 1], "ab", size=60, rule=lambda points: points[:, 0] > 0, axis=axis)
    assert axis.get_xlim()[0] < -9 and axis.get_xlim()[1] > 9
    assert [points.get_sizes()[0] for points in axis.collections[:4]] == [25, 25, 60, 60]


@pytest.mark.parametrize("shape", [(3, 3), (2, 2), (3,)])
def test_rows_that_are_no_pairs_of_features_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(3, 2\); got"):
        plots.two_classes(np.zeros(shape), [0, 1, 0], "ab")


# --- landscape --------------------------------------------------------------------------------------------------------


def bowl(across, up):
    return 0.1 + (across[None] - 1) ** 2 + (up[:, None] + 1) ** 2


def test_the_valley_is_darkest_and_every_height_has_a_shade():
    across, up = np.linspace(-3, 3, 31), np.linspace(-4, 2, 25)
    (axis,) = plots.landscape(across, up, bowl(across, up), labels=["east", "north"]).axes
    fill, lines = axis.collections[:2]
    assert fill.levels[0] == 0.1 and fill.levels[-1] == pytest.approx(bowl(across, up).max())
    shades = [luminance(colour[:3]) for colour in fill.cmap(fill.norm(fill.levels))]
    assert shades == sorted(shades) and shades[0] < shades[-1]
    (ring,) = lines.get_paths()[0].to_polygons()
    np.testing.assert_allclose((ring - [1, -1]).mean(axis=0), 0, atol=0.1)  # a level line goes round the lowest place
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_xlim(), axis.get_ylim()) == (
        "east",
        "north",
        (-3, 3),
        (-4, 2),
    )
    assert axis.get_legend() is None


def test_a_walk_is_drawn_with_a_ring_at_its_start():
    across, up = np.linspace(-3, 3, 31), np.linspace(-4, 2, 25)
    walk = np.array([[-2.0, 1], [0, 0], [1, -1]])
    (axis,) = plots.landscape(across, up, bowl(across, up), labels=["", ""], paths={"down": walk}).axes
    line, ring = axis.lines
    np.testing.assert_array_equal(line.get_xydata(), walk)
    np.testing.assert_array_equal(ring.get_xydata(), walk[:1])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["down"]


def test_heights_must_fit_their_places():
    with pytest.raises(ValueError, match=r"need heights of shape \(2, 3\); got \(3, 2\)"):
        plots.landscape(np.arange(3), np.arange(2), np.ones((3, 2)), labels=["", ""])


# --- bars -------------------------------------------------------------------------------------------------------------


def test_bars_have_their_lengths_their_words_and_the_first_on_top():
    (axis,) = plots.bars({"Keras": 40.123, "LiteRT": 0.05}, xlabel="milliseconds").axes
    assert [bar.get_width() for bar in axis.patches] == [40.123, 0.05]
    assert [text.get_text().strip() for text in axis.texts] == ["40.1", "0.05"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["Keras", "LiteRT"]
    assert axis.get_xlabel() == "milliseconds" and axis.yaxis_inverted()


def test_bars_can_be_drawn_in_an_axis_that_is_there():
    figure, (left, right) = plots.plt.subplots(1, 2)
    assert plots.bars({"a": 1234.5}, xlabel="kilobytes", axis=right, fmt="{:.0f}") is figure
    assert not left.patches and right.texts[0].get_text().strip() == "1234"


# --- show -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alt", ["", "a plot", "19 letters are short"[:19]])
def test_a_figure_without_words_is_refused(alt):
    figure = plots.bars({"a": 1}, xlabel="x")
    with pytest.raises(ValueError, match="Describe the figure"):
        plots.show(figure, alt)


def test_in_a_notebook_one_picture_with_its_words_goes_out_and_the_figure_is_closed(monkeypatch):
    import IPython
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda data, **options: shown.append((data, options)))
    figure = plots.bars({"a": 1}, xlabel="x")
    figure.set_size_inches(4, 2)
    plots.show(figure, ALT)
    ((data, options),) = shown
    assert set(data) == {"image/png", "text/plain"} and data["text/plain"] == ALT
    assert options == {"raw": True, "metadata": {"image/png": {"alt": ALT}}}
    picture = data["image/png"]
    assert picture.startswith(b"\x89PNG") and plots.DPI <= 100
    width, height = (int.from_bytes(picture[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (4 * plots.DPI, 2 * plots.DPI)
    assert not plots.plt.fignum_exists(figure.number)


def test_in_a_script_nothing_is_shown_and_the_figure_is_closed(capsys):
    figure = plots.bars({"a": 1}, xlabel="x")
    plots.show(figure, ALT)
    assert not plots.plt.get_fignums() and capsys.readouterr().out == ""


# --- the style --------------------------------------------------------------------------------------------------------


def test_the_style_sets_what_the_lint_and_the_lessons_rely_on():
    with matplotlib.rc_context():
        plots.use_style()
        assert plots.plt.rcParams["figure.dpi"] == plots.plt.rcParams["savefig.dpi"] == plots.DPI
        assert [step["color"] for step in plots.plt.rcParams["axes.prop_cycle"]] == list(plots.COLOURS)
        assert plots.learning_curves({"loss": [1, 2]}, ["loss"]).axes[0].get_title(loc="left") == "loss"


def test_the_colours_run_from_dark_to_light_with_black_at_the_end():
    *colours, black = [luminance(to_rgb(colour)) for colour in plots.COLOURS]
    assert len(set(plots.COLOURS)) == 7 and black == 0
    assert colours == sorted(colours)
