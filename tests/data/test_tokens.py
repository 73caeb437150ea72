"""Word pieces: by hand, from any string, the same alone and in a batch, the same after saving."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils import settings as kit_settings
from kitutils.data.faults import DataError
from kitutils.data.tokens import CLS, MASK, PAD, SEP, SPECIAL, UNK, WordPiece, train_wordpiece

pytest.importorskip("tokenizers", reason="needs tokenizers: pip install -r requirements-dev.txt")

SMALL = WordPiece((*SPECIAL, "un", "##aff", "##able", "the", "axis", ",", "a", "b", "##b", "[", "]", "mask", "pad"), 8)
NUMBER = {piece: number for number, piece in enumerate(SMALL.vocabulary)}
ODD = {
    "empty": "",
    "spaces": " \t\n ",
    "long": "axis " * 20_000,
    "one long word": "a" * 100_000,
    "emoji": "🎉👩‍👩‍👧 axis",
    "right to left": "שלום العربية axis",
    "control": "the\x00 \x07axis\x1b[31m",
    "half a pair": "the \ud83d axis",
    "combining": "a\u0301" * 50,
    "chinese": "轴 axis 张量",
}


def test_the_pieces_of_a_word_by_hand():
    assert SMALL.pieces("The unaffable axis, AXIS!") == ["the", "un", "##aff", "##able", "axis", ",", "axis", "[UNK]"]
    assert SMALL.pieces("unaffableness") == ["[UNK]"]


def test_a_row_by_hand():
    ids, mask = SMALL.encode(["the axis", "unaffable, the axis, a b the", ""])
    names = [[SMALL.vocabulary[number] for number in row] for row in ids]
    assert names[0] == ["[CLS]", "the", "axis", "[SEP]", "[PAD]", "[PAD]", "[PAD]", "[PAD]"]
    assert names[1] == ["[CLS]", "un", "##aff", "##able", ",", "the", "axis", "[SEP]"]
    assert names[2] == ["[CLS]", "[SEP]", *["[PAD]"] * 6]
    assert ids.dtype == np.int32 and mask.dtype == bool
    assert mask.sum(axis=1).tolist() == [4, 8, 2]


def test_a_blank_is_a_blank_and_the_other_special_pieces_are_signs():
    assert SMALL.encode(["the [MASK]"]).ids[0, :4].tolist() == [CLS, NUMBER["the"], MASK, SEP]
    ids = SMALL.encode(["[PAD]"]).ids[0, :5].tolist()
    assert ids == [CLS, NUMBER["["], NUMBER["pad"], NUMBER["]"], SEP]


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_any_text_becomes_a_row_the_same_alone_and_among_others(text):
    alone = SMALL.encode([text])
    among = SMALL.encode(["the", text, "a " * 50])
    assert alone.ids.shape == (1, 8)
    assert np.array_equal(among.ids[1], alone.ids[0]) and np.array_equal(among.mask[1], alone.mask[0])
    assert ((alone.ids >= 0) & (alone.ids < len(SMALL.vocabulary))).all()
    assert alone.ids[0, 0] == CLS and (alone.ids[0] == SEP).sum() == 1


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=40), max_size=6))
def test_rows_are_framed_and_padded_at_the_end(texts):
    ids, mask = SMALL.encode(texts)
    assert ids.shape == mask.shape == (len(texts), 8)
    for row, real in zip(ids, mask, strict=True):
        count = real.sum()
        assert real[:count].all() and not real[count:].any()
        assert row[0] == CLS and row[count - 1] == SEP and (row[count:] == PAD).all()
        assert not set(row[1 : count - 1]) & {PAD, CLS, SEP}


def test_control_characters_and_accents_do_not_count():
    assert SMALL.pieces("Th\u00e9\x00 A\u0301xis") == ["the", "axis"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", None], "row 1 is NoneType, 'None'. Leave it out"),
        ([b"a"], r"row 0 is bytes.*Decode it first"),
        ([float("nan")], "row 0 is float"),
        ("a text", "got one str.*into a list"),
        (b"a text", "got one bytes"),
    ],
)
def test_what_is_no_text_is_refused_and_named(texts, message):
    for attempt in (SMALL.encode, train_wordpiece):
        with pytest.raises(TypeError, match=message):
            attempt(texts)


def test_a_text_comes_back_without_frame_and_padding():
    assert SMALL.decode(SMALL.encode(["unaffable, the axis"]).ids[0]) == "unaffable , the axis"
    assert SMALL.decode([NUMBER["##b"], NUMBER["##b"], UNK, MASK]) == "##bb [UNK] [MASK]"


# --- training ---------------------------------------------------------------------------------------------------------

TEXTS = ["the lowest axis of the array", "the lower axis of an array", "slow and slower, low and lower"] * 5


def test_what_was_trained_begins_with_the_special_pieces_and_reads_its_own_texts():
    trained = train_wordpiece(TEXTS, size=60, length=16)
    assert trained.vocabulary[:5] == SPECIAL
    assert (
        len(trained.vocabulary) <= 60
        and "##w" in trained.vocabulary
        and "the" in trained.vocabulary
        and "array" in trained.vocabulary
    )
    ids, mask = trained.encode(TEXTS)
    assert not (ids == UNK).any()
    assert [trained.decode(row) for row in ids[:2]] == TEXTS[:2]
    assert mask.any(axis=0).sum() <= 16


def test_it_is_the_same_in_another_process():
    code = (
        "import json, sys; from kitutils.data.tokens import train_wordpiece; "
        "print(json.dumps(train_wordpiece(json.loads(sys.argv[1]), size=60).vocabulary))"
    )
    run = lambda: subprocess.run(
        [sys.executable, "-c", code, json.dumps(TEXTS)],
        cwd=kit_settings.root(), capture_output=True, encoding="utf8", check=True,
    ).stdout  # fmt: skip
    assert run() == run()


def test_it_travels_through_json():
    trained = train_wordpiece(TEXTS, size=60, length=16)
    again = WordPiece.from_dict(json.loads(json.dumps(trained.to_dict())))
    assert again == trained
    assert np.array_equal(again.encode(TEXTS).ids, trained.encode(TEXTS).ids)


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"kind": "wordpiece"}, "Expected what WordPiece.to_dict gives"),
        ({"kind": "letters", "vocabulary": [], "length": 3}, "Expected what"),
        ({"kind": "wordpiece", "vocabulary": ["a"], "length": 3}, r"begins with \[PAD\]"),
        ({"kind": "wordpiece", "vocabulary": [*SPECIAL, "a", "a"], "length": 3}, "twice"),
        ({"kind": "wordpiece", "vocabulary": [*SPECIAL], "length": 2}, "length is 3 or more"),
    ],
)
def test_what_is_no_vocabulary_is_refused(kept, message):
    with pytest.raises(ValueError, match=message):
        WordPiece.from_dict(kept)


def test_without_the_library_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError, match="pip install tokenizers"):
        train_wordpiece(TEXTS)
