"""Prose in, prose out; code, tables, headings and names stay behind."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitutils.data.text_clean import HIDDEN, MIN_WORDS, hide_names, named, paragraphs

NUMPYDOC = inspect.cleandoc(
    """
    Rotate an array by any angle in the plane of two axes.

    The direction is from the first towards the second axis,
    which is counterclockwise in two dimensions.

    .. versionadded:: 1.12.0

    Parameters
    ----------
    m : array_like
        Array of two or more dimensions, which is not changed.
        A list is turned into one.
    k, *axes : int, optional
        How many times the array is rotated by 90 degrees.

        None of them may be named more than once.

    Returns
    -------
    ndarray
        A rotated view of what was given to it.

    See Also
    --------
    flip : Reverse the order of elements in an array along an axis.
        A second line on it, which nobody wants to read here.

    Notes
    -----
    The cost is the same for every angle that is asked for::

        for angle in angles and then for every other one:
            rotate all of them

    The weights of the rule are those of this small table:

    =====  ===========================================
    name   what the very long explanation of it is
    =====  ===========================================
    one    the first of many rows in this table here
    two    the second of many rows in this table, long
    three  the third of many rows in this table, as long
    four   the fourth of many rows in this table, enough
    five   of letters to look like a paragraph of prose
    six    as long as nobody sees that it is a table
    seven  with its borders of equals signs above and
    eight  below, which are the only thing to know it by
    nine   but for the columns, which are not looked at
    ten    and so this test has a table of ten rows
    =====  ===========================================

    .. note::
        Rotating by a full turn gives back what was there.

    .. math:: the area of the circle is given by some formula

    References
    ----------
    .. [1] Somebody, "A paper about the rotation of many arrays", 1999.

    Somebody Else, "Another paper about the rotation of many arrays".

    Examples
    --------
    >>> print("one two three four five six seven")
    one two three four five six seven

    Now we turn it once more and look at it:

    >>> turn(x)
    """
)
GOOGLE = inspect.cleandoc(
    """
    Just your regular densely-connected layer of the network.

    Args:
        units: Positive integer, dimensionality of the output
            space, which must be given.
        use_bias (bool): Boolean, whether the layer uses a bias vector.
        **kwargs: Passed on to the layer above it unchanged.

    ```python
    layer = Dense(10) and then some more words that are code
    ```

    - Item one is a line of some length,
      and goes on here.
    - `mode`: String, one of these values that can be chosen.
    1. The first of the points in a list of them.

    Returns:
        A tensor of the same shape as what came in.
    """
)


def test_a_numpydoc_doc_string_by_hand():
    assert paragraphs(NUMPYDOC) == [
        "Rotate an array by any angle in the plane of two axes.",
        "The direction is from the first towards the second axis, which is counterclockwise in two dimensions.",
        "Array of two or more dimensions, which is not changed. A list is turned into one.",
        "How many times the array is rotated by 90 degrees.",
        "None of them may be named more than once.",
        "A rotated view of what was given to it.",
        "The cost is the same for every angle that is asked for:",
        "The weights of the rule are those of this small table:",
        "Rotating by a full turn gives back what was there.",
        "Now we turn it once more and look at it:",
    ]


def test_a_google_doc_string_by_hand():
    assert paragraphs(GOOGLE) == [
        "Just your regular densely-connected layer of the network.",
        "Positive integer, dimensionality of the output space, which must be given.",
        "Boolean, whether the layer uses a bias vector.",
        "Passed on to the layer above it unchanged.",
        "Item one is a line of some length, and goes on here.",
        "String, one of these values that can be chosen.",
        "The first of the points in a list of them.",
        "A tensor of the same shape as what came in.",
    ]


def test_indentation_parts_paragraphs_where_no_empty_line_does():
    text = "    units: The number of neurons in this layer.\nReturns a tensor of the same shape as before.\n"
    assert paragraphs(text + "    Set apart by what stands in front of it.") == [
        "The number of neurons in this layer.",
        "Returns a tensor of the same shape as before.",
        "Set apart by what stands in front of it.",
    ]


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("``x`` and `y`", "x and y"),
        (":class:`Axes` and :func:`~pkg.sub.norm` and :meth:`!draw`", "Axes and norm and draw"),
        (":ref:`the guide <user_guide>` and `a page <https://x.org/a>`_", "the guide and a page"),
        ("[a link](https://x.org) at https://x.org/y?z", "a link at"),
        ("as in Press [1]_ and [Foo10]_ by *hand* or **not**", "as in Press and by hand or not"),
        ("*args and **kwargs of |Axes| are a * b * c", "*args and **kwargs of Axes are a * b * c"),
        ("the sum of :math:`x^2` and $y_1$ goes", "the sum of and goes"),
        ("  many \t spaces\\ here", "many spaces here"),
    ],
)
def test_markup_goes_and_its_words_stay(markup, plain):
    rest = "are what the following six words say"
    assert paragraphs(f"{markup} {rest}") == [f"{plain} {rest}"]


@pytest.mark.parametrize(
    "text",
    [
        "Only five words are here.",
        "names = sorted(the list of all the names that there are)",
        "container(data, dtype, copy, order, subok, ndmin)",
        "(a + b) * (c - d) / (e ** f) == {g: [h, i]} && ab cd ef gh ij kl",
        "import numpy as np and then from there (all)",
        "",
    ],
)
def test_what_is_no_prose_is_left_out(text):
    assert paragraphs(text) == []


@given(st.lists(st.text(alphabet="ab .:-=*>`|+\\_[]()<\n\t1é", max_size=30), max_size=12))
def test_any_text_gives_lines_of_prose_without_stray_white_space(lines):
    for paragraph in paragraphs("\n".join(lines)):
        assert paragraph == " ".join(paragraph.split())
        assert sum(len(word) >= 2 for word in paragraph.split()) >= 1
        assert "\n" not in paragraph


PLAIN = st.sampled_from(["reverse", "the", "order", "of", "all", "elements", "along", "an", "axis"])


@given(st.lists(PLAIN, min_size=MIN_WORDS).map(" ".join))
def test_plain_prose_comes_back_as_it_is(text):
    assert paragraphs(text) == [text]


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Use np.linalg.norm or numpy.dot.", "Use norm or dot."),
        (
            "A NumPy array, a scikit-learn estimator, Matplotlib's axes.",
            "A [package] array, a [package] estimator, [package]'s axes.",
        ),
        ("tf.keras.layers.Dense and keras.Model", "Dense and Model"),
        ("a KerasTensor in check_sklearn_version", "a Tensor in check_version"),
        ("PANDAS and SciPy and sklearn and plt", "[package] and [package] and [package] and [package]"),
        ("pd.DataFrame of sp.sparse, mpl_toolkits.axes_grid1", "DataFrame of sparse, axes_grid1"),
        ("The npd and input, a spread, an amplitude", "The npd and input, a spread, an amplitude"),
        ("nunumpympy", "[package]"),
    ],
)
def test_names_are_hidden_and_other_words_are_not(text, hidden):
    assert hide_names(text) == hidden


PARTS = st.sampled_from(["np", "numpy", "NumPy", ".", "_", " ", "Keras", "x", "num", "py", "scikit-learn", "plt", "1"])


@given(st.lists(PARTS).map("".join))
def test_after_hiding_no_name_is_left_and_hiding_again_changes_nothing(text):
    hidden = hide_names(text)
    assert not named(hidden)
    assert hide_names(hidden) == hidden


def test_a_name_is_seen_wherever_it_stands():
    assert named("a KerasTensor") and named("plt.show") and named("as NumPy does")
    assert not named(f"an array of {HIDDEN}, a plot")
