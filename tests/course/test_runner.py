import re

import nbformat
import pytest
from bs4 import BeautifulSoup

from kitutils.course import pages, runner
from kitutils.course.execute import Failure, Run

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FIGURE = {
    "output_type": "display_data",
    "data": {"image/png": PIXEL, "text/plain": "figure"},
    "metadata": {"image/png": {"alt": 'A "rising" line & a falling one.'}},
}


@pytest.fixture
def two(whole, claim, stream):
    """Two built lessons, and a folder for the pages."""
    whole.write("02_second", whole.header("02", opens="nothing") + "\n# %%\nx = 1\n")
    whole.second = whole.parse("02_second")
    for lesson in (whole.lesson, whole.second):
        whole.store(lesson)
    whole.out = whole.root / "build" / "course"
    return whole


@pytest.fixture
def pretend(monkeypatch, claim):
    """Replaces the execution: it takes ``seconds``, and fails in the lessons of the given titles."""

    def replace(seconds=1.0, failing=()):
        calls = []

        def execute(notebook, **options):
            calls.append(options)
            notebook.cells[1].outputs = [nbformat.from_dict(claim(profile="ci"))]
            title = notebook.cells[0].source.splitlines()[0]
            failed = any(name in title for name in failing)
            return Run(notebook, {1: seconds}, failure=Failure(1, "ValueError", "no <b>", "x") if failed else None)

        monkeypatch.setattr(runner, "execute", execute)
        return calls

    return replace


def test_a_real_run(whole):
    whole.store(whole.lesson)
    out = whole.root / "build" / "course"
    (outcome,) = runner.course([whole.lesson], profile="ci", folder=out)
    assert outcome.passed and [claim.value for claim in outcome.claims] == [2.0]
    assert "total 2" in (out / "01_tiny.html").read_text(encoding="utf-8")
    stored = nbformat.read(out / "notebooks" / "01_tiny.ipynb", as_version=4)
    assert stored.metadata.kit.profile == "ci" and stored.cells[4].outputs[0].text == "total 2\n"


def test_all_lessons_share_one_artifact_root_that_starts_empty(two, pretend):
    calls = pretend()
    two.out.mkdir(parents=True)
    (two.out / "old.html").write_text("of a run before")
    assert [one.passed for one in runner.course([two.lesson, two.second], profile="ci", folder=two.out)] == [True, True]
    assert calls[0]["artifacts"] == calls[1]["artifacts"] and not calls[0]["artifacts"].exists()
    assert (calls[0]["profile"], calls[0]["limit"]) == ("ci", 90)
    assert not (two.out / "old.html").exists()


@pytest.mark.parametrize(("keep_going", "expected"), [(True, [False, True]), (False, [False])])
def test_a_failed_lesson_ends_the_course_only_if_asked(two, pretend, keep_going, expected):
    pretend(failing=["01"])
    ran = runner.course([two.lesson, two.second], profile="ci", folder=two.out, keep_going=keep_going)
    outcomes = list(ran)
    assert [outcome.passed for outcome in outcomes] == expected
    assert outcomes[0].problem == "cell 1, at “x”: ValueError: no <b>"
    page = (two.out / "index.html").read_text(encoding="utf-8")
    assert "no &lt;b&gt;" in page and f"{sum(expected)} of {len(expected)} lessons passed" in page
    assert (two.out / "01_tiny.html").exists()  # as far as it got


def test_a_lesson_far_over_its_budget_has_failed(two, pretend):
    pretend(seconds=91.0)
    (outcome,) = runner.course([two.lesson], profile="ci", folder=two.out)
    assert "91 s" in outcome.problem and "90 s" in outcome.problem
    (outcome,) = runner.course([two.lesson], profile="workshop", folder=two.out)
    assert outcome.passed


def test_a_lesson_that_is_not_built_has_failed(two, pretend):
    pretend()
    two.lesson.notebook.unlink()
    first, second = runner.course([two.lesson, two.second], profile="ci", folder=two.out)
    assert "kit build 01" in first.problem and second.passed


def test_the_index_links_its_pages_and_names_the_claims(two, pretend):
    pretend()
    list(runner.course([two.lesson, two.second], profile="ci", folder=two.out))
    page = (two.out / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', page)
    assert links == ["01_tiny.html", "02_second.html"] and all((two.out / link).exists() for link in links)
    assert "tiny.total: 2 (expected 2 to 2)" in page and "2 of 2 lessons passed, in 2 s." in page


def outside(page):
    """The elements of a page that a browser would fetch something for."""
    return [tag for tag in page.find_all(["script", "link", "img", "iframe"]) if "//" in str(tag.get("src", ""))[:8]]


def parsed(notebook, title="x"):
    return BeautifulSoup(pages.page(notebook, title), "html.parser")


def test_a_page_needs_no_network_and_keeps_the_alternative_text(whole):
    page = parsed(whole.store(whole.lesson, {4: [FIGURE]}), "01 · A tiny lesson")
    assert page.title.string == "01 · A tiny lesson"
    assert outside(page) == [] and page.find_all("link") == []
    assert not any("import" in (script.string or "") for script in page.find_all("script"))
    assert "@import" not in "".join(style.string or "" for style in page.find_all("style"))
    assert [image["alt"] for image in page.find_all("img")] == ['A "rising" line & a falling one.']
    folded = {one.summary.string: one.text for one in page.find_all("details")}
    assert set(folded) == {"Solution", "For the teacher"} and "return" in folded["Solution"]


def test_formulas_ask_for_mathjax_without_holding_up_the_page(whole):
    notebook = whole.store(whole.lesson)
    notebook.cells[2].source = "The share $p$."
    page = parsed(notebook)
    (script,) = outside(page)
    assert "mathjax" in script["src"] and script.has_attr("async")
