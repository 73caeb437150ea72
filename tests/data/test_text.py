"""The corpus: no text and no doc string on both sides of the split, no name in the text, the same from the cache."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils import data
from kitutils import settings as kit_settings
from kitutils.data import formats, store, text, text_clean, text_harvest
from kitutils.data.text_duplicates import shingles, similarity
from kitutils.data.text_harvest import DocString

SAME = "Return the sum of all elements along the axis that is given."
DOCS = [
    DocString("a", "a/x.py:f", f"{SAME}\n\nThe numpy array is taken as it comes and is not changed by it."),
    DocString("a", "a/x.py:g", f"{SAME}\n\nSomething that no other doc string in this place says."),
    DocString("b", "b/x.py:f", "Something that no other doc string in this place says."),
    DocString("b", "b/x.py:h", "Only here is said what this paragraph has to say to us."),
]


@pytest.fixture(scope="module")
def installed():
    return text.build(text_harvest.harvest(), tuple(text_harvest.PACKAGES))


def test_rows_repeats_and_clashes_by_hand():
    made = text.build(DOCS, ("a", "b"))
    assert made.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert made.docstring.tolist() == [0, 0, 1, 1, 2, 3]
    assert made.first.tolist() == [0, 1, 0, 3, 3, 5]
    assert made.repeats.tolist() == [False, False, True, False, True, False]
    assert made.ambiguous.tolist() == [False, False, False, True, True, False]
    assert made.unique.tolist() == [0, 1, 5]
    assert made.texts[1].startswith("The [package] array") and made.named[1].startswith("The numpy array")


@settings(max_examples=40, deadline=None)
@given(st.permutations(DOCS), st.lists(st.booleans(), min_size=4, max_size=4))
def test_a_doc_string_keeps_its_side_whatever_else_is_there(docs, kept):
    chosen = [doc for doc, keep in zip(docs, kept, strict=True) if keep] or docs
    alone = {place: side for place, side in _sides(text.build(DOCS, ("a", "b")))}
    assert all(alone[place] == side for place, side in _sides(text.build(chosen, ("a", "b"))))


def _sides(made):
    return [(made.places[number], side) for number, side in zip(made.docstring, made.test, strict=True)]


# --- the installed packages -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_card_says_what_the_lock_gives(installed):
    said = data.info("docstrings")
    versions = ", ".join(f"{package} {version}" for package, version in text_harvest.versions().items())
    if versions not in said.about:
        pytest.skip(f"the card speaks of other versions than those installed: {versions}")
    test = installed.test[installed.unique]
    assert said.rows == {"train": int((~test).sum()), "test": int(test.sum())}
    assert said.classes == installed.packages


@pytest.mark.slow
def test_no_text_holds_a_name_and_none_is_empty(installed):
    assert not any(map(text_clean.named, installed.texts))
    assert all(map(str.strip, installed.texts))
    assert any(map(text_clean.named, installed.named))


@pytest.mark.slow
def test_no_doc_string_and_no_text_is_on_both_sides(installed):
    rows, test = installed.unique, installed.test
    assert not set(installed.docstring[rows[test[rows]]]) & set(installed.docstring[rows[~test[rows]]])
    found = [shingles(one) for one in installed.texts[rows]]
    assert len(set(found)) == len(found)
    rng = np.random.default_rng(0)
    for one, other in rng.choice(len(rows), (20_000, 2)):
        assert one == other or similarity(found[one], found[other]) < 0.7
    share = test[rows].mean()
    assert 0.17 < share < 0.23


@pytest.mark.slow
def test_loaded_twice_it_is_equal_fresh_and_of_the_promised_form(installed, monkeypatch):
    first = data.load("docstrings")
    assert first.source == "generated"
    assert formats.fault_of(text.dataset(), first.card, exact_rows=False) is None
    assert np.array_equal(first.x, installed.texts[_order(installed)])
    monkeypatch.setattr(text_harvest, "harvest", lambda _: pytest.fail("the cache was not used"))
    again = data.load("docstrings")
    assert again.truth.keys() == {"docstring_train", "docstring_test", "named_train", "named_test"}
    for part in ("x_train", "y_train", "x_test", "y_test"):
        assert np.array_equal(getattr(first, part), getattr(again, part))
        assert getattr(first, part) is not getattr(again, part)
    few = again.take(60, seed=0, test=30)
    assert all(text_clean.hide_names(a) == b for a, b in zip(few.truth["named_train"], few.x_train, strict=True))


def _order(made):
    test = made.test[made.unique]
    return np.concatenate([made.unique[~test], made.unique[test]])


# --- the cache --------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kit_fake").mkdir()
    (tmp_path / "kit_fake" / "__init__.py").write_text(f'"""{SAME}"""', encoding="utf8")
    return tmp_path / "kit_fake" / "__init__.py"


FAKE = {"fake": "kit_fake"}


def test_a_changed_file_is_read_again(package):
    assert text.corpus(FAKE).texts.tolist() == [SAME]
    package.write_text('"""Quite another text than the one that was there."""', encoding="utf8")
    assert text.corpus(FAKE).texts.tolist() == ["Quite another text than the one that was there."]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:20] + bytes(20) + raw[40:],
        lambda raw: b"<html>",
        lambda raw: b"",
        lambda raw: gzip.compress(gzip.decompress(raw).splitlines()[0] + b"\n[1, 2]"),
        lambda raw: gzip.compress(gzip.decompress(raw).splitlines()[0] + b'\n{"texts": 3}'),
    ],
    ids=["cut", "zeros", "a page", "empty", "another form", "another field"],
)
def test_a_damaged_cache_is_written_anew(package, spoil):
    text.corpus(FAKE)
    path = store.folder() / text.CACHE
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    assert text.corpus(FAKE).texts.tolist() == [SAME]
    assert gzip.decompress(path.read_bytes()) == gzip.decompress(whole)
    assert [found.name for found in store.folder().iterdir()] == [text.CACHE]


def test_a_cache_that_cannot_be_written_is_done_without(package, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "file"))
    assert text.corpus(FAKE).texts.tolist() == [SAME]


def test_neither_the_packages_nor_pandas_are_imported_to_read_them(package):
    code = (
        "import sys; from kitutils.data import text; made = text.corpus({'fake': 'kit_fake'}); "
        "text.text_harvest.sources(text.text_harvest.folder('keras', 'keras')); print(len(made.texts), *sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package.parent.parent), str(kit_settings.root())])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf8", check=True, env=environment
    )
    count, *modules = done.stdout.split()
    assert count == "1"
    assert not {"kit_fake", "keras", "tensorflow", "scipy", "pandas", "sklearn", "matplotlib"} & set(modules)
