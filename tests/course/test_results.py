import pytest

from kitutils.course import results

TABLE = """\
| lesson | what was measured | value | expected | data | profile |
|---|---|---|---|---|---|
| [01](notebooks/01_tiny.ipynb) | test accuracy \\| CNN | 0.9833 | ≥ 0.95 | built-in | workshop |
| [01](notebooks/01_tiny.ipynb) | tiny.total | 2 | 2 to 2 | – | full |"""


@pytest.fixture
def claimed(whole, claim):
    accuracy = claim("a.b", 0.98333, at_least=0.95, at_most=None, label="test accuracy | CNN")
    left_out = [claim("a.c", profile="ci"), claim("a.d", headline=False)]
    whole.store(whole.lesson, {6: [accuracy, claim(source=None, profile="full"), *left_out]})
    whole.readme = whole.root / "README.md"
    return whole


def test_the_table(claimed):
    assert results.table([claimed.lesson]) == TABLE


def test_a_lesson_that_is_not_built_has_no_results(whole):
    assert len(results.table([whole.lesson]).splitlines()) == 2


def test_update_fills_the_readme_once(claimed):
    assert not results.agrees(claimed.readme, [claimed.lesson])
    assert results.update(claimed.readme, [claimed.lesson])
    assert results.agrees(claimed.readme, [claimed.lesson])
    assert not results.update(claimed.readme, [claimed.lesson])
    text = claimed.readme.read_text(encoding="utf-8")
    assert text == f"# A kit\n\n{results.BEGIN}\n\n{TABLE}\n\n{results.END}\n"


def test_what_stands_around_the_table_stays():
    text = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
    assert results.fill(text, "new") == f"before\n{results.BEGIN}\n\nnew\n\n{results.END}\nafter\n"


@pytest.mark.parametrize(
    "text",
    ["", results.BEGIN, f"{results.END}{results.BEGIN}", f"{results.BEGIN}{results.BEGIN}{results.END}"],
)
def test_a_readme_without_a_place_is_refused(text):
    with pytest.raises(results.ResultsError, match="needs one line"):
        results.fill(text, "new")
