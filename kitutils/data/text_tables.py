"""Text tables, read so that nothing is lost: the encoding is guessed and reported, and every cell stays text.

Lessons: 10.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kitutils.data.sources import SOURCE, SOURCE_ROW, SourceError, with_provenance

SEPARATORS = (",", ";", "\t", "|")
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
CODE_PAGES = ("cp1252", "iso8859-15", "cp1250", "cp850", "mac_roman")


@dataclass(frozen=True, eq=False)
class Report:
    """What was read, and what had to be guessed.

    Attributes:
        source: the file's name.
        sha256: of its bytes, so that one can say later which file it was.
        encoding, separator: what was used.
        why: for each of the two, what speaks for it.
        certain: the encoding is given, marked in the file, or UTF-8, which other encodings hardly ever satisfy.
        beyond_ascii: words with letters beyond ASCII, the most frequent first, 20 at most: look at them.
        rows: how many rows the table has.
        bad_lines: lines with too few or too many fields: ``source, source_row, text, why``. They are not in the table.
    """

    source: str
    sha256: str
    encoding: str
    separator: str
    why: dict[str, str]
    certain: bool
    beyond_ascii: tuple[str, ...]
    rows: int
    bad_lines: pd.DataFrame

    def __str__(self) -> str:
        sure = "" if self.certain else " (a guess)"
        words = f"{self.source}: {self.rows:,} rows, {self.encoding}{sure}: {self.why['encoding']}"
        bad = f"; {len(self.bad_lines)} bad lines" if len(self.bad_lines) else ""
        return f"{words}; separator {self.separator!r}: {self.why['separator']}{bad}"


def read_text_table(
    path: Path | str,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    known: Iterable[str] = (),
) -> tuple[pd.DataFrame, Report]:
    """Reads a text table; every cell stays text, as it stands in the file, so that "00123" keeps its zeros.

    The encoding is, in this order: the one given; that of a byte order mark; UTF-8, if all bytes fit; the code page
    under which most words are ``known``; Windows-1252, as browsers assume (WHATWG, Encoding Standard). A program that
    goes by the frequency of letters has little to go by in a table: it is not asked.

    Args:
        path: of the file.
        encoding: Python's name for it; None guesses.
        separator: between fields; None takes the one by which most lines have as many
            fields as the header.
        known: words that the file should hold, some with letters beyond ASCII, such as names of places.

    Returns:
        The table with the file's columns as texts (an empty field is ""), then ``source`` (the file's name) and
        ``source_row`` (int64, the line in the file at which the row ends, the header being line 1); and the report.

    Raises:
        SourceError: there is no such file, or it is empty; a byte does not fit the encoding (its line and column are
            named); two columns have the same name.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror}). Is the folder right?") from error
    encoding, why, certain = (encoding, "you said so", True) if encoding else _guess_encoding(content, set(known))
    text = _decode(content, encoding, path.name)
    if not text.strip():
        raise SourceError(f"{path.name} is empty; a header line was expected.")
    guessed, reason = (separator, "you said so") if separator else _guess_separator(text)
    frame, bad = _parse(text, guessed, path.name)
    report = Report(
        source=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        encoding=encoding,
        separator=guessed,
        why={"encoding": why, "separator": reason},
        certain=certain,
        beyond_ascii=tuple(_beyond_ascii(text)[:20]),
        rows=len(frame),
        bad_lines=bad,
    )
    return frame, report


# --- guesses ----------------------------------------------------------------------------------------------------------


def _guess_encoding(content: bytes, known: set[str]) -> tuple[str, str, bool]:
    for mark, name in BOMS:
        if content.startswith(mark):
            return name, "a byte order mark", True
    if content.isascii():
        return "utf-8", "nothing but ASCII", True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8", "all bytes fit", True
    fitting = [name for name in CODE_PAGES if _decodes(content, name)]
    if not fitting:
        return "cp1252", "neither UTF-8 nor any code page that was tried", False
    words = {name: _words(content.decode(name)) for name in fitting}
    hits = {name: sum(n for word, n in words[name].items() if word in known) for name in fitting}
    best = max(fitting, key=hits.__getitem__)  # the first of equals
    if hits[best] > min(hits.values()):
        also = [name for name in fitting if hits[name] == hits[best] and name != best]
        why = f"not UTF-8; {hits[best]} known words beyond ASCII are right" + (f", as with {also[0]}" if also else "")
        return best, why, False
    return fitting[0], "not UTF-8; the commonest code page that fits", False


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decode(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise SourceError(
            f"{name}, line {line}, byte {column}: {content[error.start]:#04x} is no {encoding} ({error.reason}). Name "
            "the right encoding; nothing was replaced."
        ) from error
    except LookupError as error:
        raise SourceError(
            f"Python knows no encoding {encoding!r}; its name for Windows' western one is cp1252."
        ) from error


def _words(text: str) -> Counter[str]:
    """Fields and words with letters beyond ASCII, with how often they occur."""
    fields = (field.strip(' "\r') for line in text.split("\n") for field in _fields(line))
    return Counter(field for field in fields if not field.isascii())


def _fields(line: str) -> list[str]:
    for separator in SEPARATORS[1:]:
        line = line.replace(separator, SEPARATORS[0])
    return line.split(SEPARATORS[0])


def _beyond_ascii(text: str) -> list[str]:
    return [word for word, _ in _words(text).most_common()]


def _guess_separator(text: str) -> tuple[str, str]:
    sample = "".join(text.splitlines(keepends=True)[:1000])
    found = {}
    for separator in SEPARATORS:
        rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row]
        width = len(rows[0])  # of the header, where no number has a decimal comma
        found[separator] = (sum(len(row) == width for row in rows) if width > 1 else 0, width, len(rows))
    best = max(SEPARATORS, key=lambda separator: found[separator][:2])
    lines, width, of = found[best]
    if not lines:
        return SEPARATORS[0], "no separator divides the header: one column"
    return best, f"{width} fields in {lines} of the first {of} lines"


def _parse(text: str, separator: str, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = next(reader)
    if twice := [column for column, n in Counter(header).items() if n > 1]:
        raise SourceError(f"{name} has two columns named {twice[0]!r}; give them different names.")
    rows, lines, bad = [], [], []
    for fields in reader:
        if not fields:  # an empty line
            continue
        if len(fields) == len(header):
            rows.append(fields)
            lines.append(reader.line_num)
        else:
            why = f"{len(fields)} fields in place of {len(header)}"
            bad.append((name, reader.line_num, separator.join(fields), why))
    frame = pd.DataFrame(rows, columns=header, dtype="str")
    bad_lines = pd.DataFrame(bad, columns=[SOURCE, SOURCE_ROW, "text", "why"])
    return with_provenance(frame, name, lines), bad_lines
