"""Doc strings are read, in one order, from files that are never run."""

import sys

import pytest

from kitutils.data import text_harvest
from kitutils.data.faults import DataError
from kitutils.data.text_harvest import DocString, harvest, of_source

SOURCE = b'''"""The module's own.

    Indented by hand.
"""
raise SystemExit("this file was run")

class Tree:
    """A tree."""

    def climb(self):
        \'\'\'Go up,
        and on.\'\'\'

        def inner():
            """Of a function in a function."""

    if True:
        async def grow(self):
            """Under a condition."""
try:
    pass
except ImportError:
    def spare():
        """In a handler."""
add_newdoc("pkg.core", "ufunc", """
    Added from outside.
    """)
pkg.add_newdoc("pkg.core", "thing", [("real", """
    The real part.
    """)])
text = """No doc string."""
def short(): "One line, other quotes."
def empty():
    """   """
'''
EXPECTED = [
    ("", "The module's own.\n\nIndented by hand."),
    ("Tree", "A tree."),
    ("Tree.climb", "Go up,\nand on."),
    ("Tree.climb.inner", "Of a function in a function."),
    ("Tree.grow", "Under a condition."),
    ("spare", "In a handler."),
    ("pkg.core.ufunc", "Added from outside."),
    ("pkg.core.thing.real", "The real part."),
    ("short", "One line, other quotes."),
]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in a folder that Python finds; ``package(path, source)`` adds a file."""
    monkeypatch.syspath_prepend(tmp_path)

    def add(path, source=b'"""Text."""'):
        file = tmp_path / "kit_fake" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source)

    add("__init__.py", b'raise SystemExit("the package was imported")')
    return add


def test_every_form_of_doc_string_is_found_in_the_order_of_the_file():
    assert list(of_source(SOURCE)) == EXPECTED


@pytest.mark.parametrize(
    "source",
    [
        SOURCE.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + SOURCE,
        SOURCE.replace(b"    ", b"\t"),
        SOURCE.replace(b"\n    Indented", b"\n\t\xc2\xa0   Indented"),  # a no-break space where indentation is
        SOURCE.replace(b"A tree.", b"\x0cA tree."),
        SOURCE.replace(b"A tree.", b"A\xc2\xa0tree."),
    ],
    ids=["crlf", "byte order mark", "tabs", "no-break space", "form feed", "no-break space within"],
)
def test_line_ends_and_white_space_make_no_difference(source):
    assert list(of_source(source)) == EXPECTED


def test_the_encoding_is_the_one_that_the_file_declares():
    assert list(of_source('# coding: latin-1\n"""Café."""'.encode("latin-1"))) == [("", "Café.")]


def test_the_files_are_those_of_the_package_itself_sorted_and_not_imported(package):
    for path in ("z.py", "b/__init__.py", "b/a.py", "a.py", "B.py"):
        package(path)
    left_out = ("tests/test_a.py", "a_test.py", "externals/x.py", "_lib/array_api_compat/x.py", ".hidden/x.py")
    for path in (*left_out, "__config__.py", "_version.py", "_distributor_init_local.py", "data.txt"):
        package(path)
    found = harvest({"fake": "kit_fake"})
    assert found[0] == DocString("fake", "kit_fake/B.py:", "Text.")
    assert [doc.place for doc in found] == [
        f"kit_fake/{path}:" for path in ("B.py", "a.py", "b/__init__.py", "b/a.py", "z.py")
    ]
    assert "kit_fake" not in sys.modules


def test_a_package_that_is_not_installed_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match=r"doc strings of nowhere are wanted.*pip install -r requirements"):
        harvest({"nowhere": "kit_nowhere"})


def test_a_folder_that_an_uninstall_left_behind_is_not_a_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kit_left").mkdir()
    with pytest.raises(DataError, match="not installed"):
        harvest({"left": "kit_left"})


@pytest.mark.parametrize("source", [b'"""Text."""\ndef (', b'"""Text \xff."""', b'"""Text."""\0'])
def test_a_file_that_is_not_python_is_named(package, source):
    package("broken.py", source)
    with pytest.raises(DataError, match=r"kit_fake/broken\.py cannot be read as Python.*--force-reinstall"):
        harvest({"fake": "kit_fake"})


def test_every_package_of_the_corpus_has_a_version():
    found = text_harvest.versions()
    assert list(found) == list(text_harvest.PACKAGES)
    assert all(version[0].isdigit() for version in found.values())
    assert text_harvest.versions(["kit-nowhere"]) == {"kit-nowhere": "unknown"}
