"""The README quotes the records, not somebody's memory of them."""

import json
import statistics

import pytest

from kitutils import settings

ROOT = settings.root()


def results(name):
    return json.loads((ROOT / "benchmarks" / "records" / f"{name}.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def rows():
    """First words of a row of the README's tables → the whole row."""
    lines = (ROOT / "README.md").read_text(encoding="utf8").splitlines()
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}


def row(rows, start):
    (found,) = [line for first, line in rows.items() if first.startswith(start)]
    return found


def test_start_up(rows):
    found = results("startup")["results"]
    assert f"| {1000 * found['import']['seconds']:.0f} ms |" in row(rows, "`import kitutils`")
    assert f"| {found['help']['seconds']:.2f} s |" in row(rows, "`kit --help`")
    first = found["first_model"]
    quoted = f"| {first['seconds']:.0f} s, of which {first['parts']['environment']:.0f} s installing with "
    assert quoted + f"{first['installer']} |" in row(rows, "from a fresh clone")
    assert f"| {found['course']['seconds']:.0f} s |" in row(rows, "the whole course in `ci`")


def test_lesson_01_in_full(rows):
    record = results("lesson_01_full")
    assert f"| {100 * record['results']['digits.cnn_mean']:.1f} % |" in row(rows, "lesson 01 in `full`")
    (said,) = record["said"]
    numbers = said.split(": ")[1].replace("-", "−").replace(" (", ", interval ").rstrip(")")
    assert f"| {numbers} |" in row(rows, "its difference to")


def test_shapes10(rows):
    found = results("shapes10")["results"]
    cnn = statistics.mean(found["reference_cnn"])
    quoted = f"| {100 * found['linear_C1']:.0f} %, {100 * cnn:.0f} %, {100 * found['good_cnn']:.1f} % |"
    assert quoted in row(rows, "`shapes10`, the generated")
