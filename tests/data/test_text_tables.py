"""Text tables: what is read is what was written, and what cannot be read is said, not swallowed."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitutils.data.sources import SourceError
from kitutils.data.text_tables import read_text_table

LETTERS = st.text("abcXYZ019 äöüßéèçłńśŻ€,;|\"'\n", max_size=8)
NAMES = ["Köln", "Genève", "Neuchâtel", "Zürich"]


def written(path, rows, encoding="utf-8", separator=","):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(LETTERS, LETTERS, LETTERS), min_size=1, max_size=8),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_every_cell_comes_back_as_it_was_written(tmp_path_factory, rows, separator, encoding):
    path = written(tmp_path_factory.mktemp("t") / "t.csv", [("a", "b", "c"), *rows], encoding, separator)
    frame, report = read_text_table(path)
    assert list(frame.columns) == ["a", "b", "c", "source", "source_row"]
    assert [tuple(row) for row in frame[["a", "b", "c"]].to_numpy()] == rows
    assert report.separator == separator and report.certain and report.rows == len(rows)
    assert len(report.bad_lines) == 0


def test_keys_keep_their_zeros_and_na_stays_a_word(tmp_path):
    frame, _ = read_text_table(written(tmp_path / "t.csv", [("key", "country"), ("00123", "NA"), ("7", "")]))
    assert frame["key"].tolist() == ["00123", "7"]
    assert frame["country"].tolist() == ["NA", ""]


def test_a_row_knows_its_file_and_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n\n"x\ny",3\n4,5\n')
    frame, _ = read_text_table(path)
    assert frame["source"].tolist() == ["t.csv"] * 3
    assert frame["source_row"].tolist() == [2, 5, 6]  # an empty line 3; the cell of line 4 ends in line 5


def test_a_line_of_another_width_is_handed_over_with_its_number(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1;2\n3;4;5\n6\n7;8\n")
    frame, report = read_text_table(path)
    assert frame["a"].tolist() == ["1", "7"]
    assert report.bad_lines[["source_row", "text", "why"]].to_numpy().tolist() == [
        [3, "3;4;5", "3 fields in place of 2"],
        [4, "6", "1 fields in place of 2"],
    ]


def test_decimal_commas_do_not_pass_for_separators(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("price;weight\n" + "1,50;2,5\n" * 40 + "1;2;3\n")
    frame, report = read_text_table(path)
    assert report.separator == ";" and frame["price"].iloc[0] == "1,50" and len(report.bad_lines) == 1


def test_one_column_has_no_separator(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("name\nKöln\n", encoding="utf-8")
    assert read_text_table(path)[0]["name"].tolist() == ["Köln"]


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "cp850", "mac_roman"])
def test_known_words_tell_code_pages_apart(tmp_path, encoding):
    names = ["Köln", "Łódź", "Kraków", "München"] if encoding == "cp1250" else NAMES
    path = written(tmp_path / "t.csv", [("city", "n"), *[(name, "1") for name in names]], encoding)
    frame, report = read_text_table(path, known=names)
    assert frame["city"].tolist() == names
    assert report.encoding == encoding and not report.certain
    assert "4 known words" in report.why["encoding"]


def test_without_known_words_the_guess_is_the_commonest_and_is_called_a_guess(tmp_path):
    _, report = read_text_table(written(tmp_path / "t.csv", [("city", "n"), ("Köln", "1")], "cp1252"))
    assert (report.encoding, report.certain) == ("cp1252", False)
    assert report.beyond_ascii == ("Köln",)
    assert "cp1252 (a guess)" in str(report)


def test_a_byte_that_does_not_fit_is_an_error_with_its_place(tmp_path):
    path = written(tmp_path / "t.csv", [("n", "city"), ("1", "Bonn"), ("2", "Köln")], "cp1252")
    with pytest.raises(SourceError, match=r"t\.csv, line 3, byte 4: 0xf6 is no utf-8"):
        read_text_table(path, encoding="utf-8")


def test_the_hash_is_that_of_the_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"abc")
    # Of the three bytes "abc", as FIPS 180-2, appendix B.1, gives it.
    assert read_text_table(path)[1].sha256.startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (b"", {}, "t.csv is empty"),
        (b"a,b,a\n1,2,3\n", {}, "two columns named 'a'"),
        (b"a,source\n1,2\n", {}, "a column 'source' of its own"),
        (b"a\n1\n", {"encoding": "latin9000"}, "knows no encoding 'latin9000'"),
        (None, {}, r"t\.csv cannot be read \(No such file"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, arguments, words):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SourceError, match=words):
        read_text_table(tmp_path / "t.csv", **arguments)


def test_the_table_is_text_throughout(tmp_path):
    frame, _ = read_text_table(written(tmp_path / "t.csv", [("a", "b"), ("1", "2.5")]))
    assert all(isinstance(value, str) for value in frame[["a", "b"]].to_numpy().ravel())
    assert pd.api.types.is_integer_dtype(frame["source_row"])
