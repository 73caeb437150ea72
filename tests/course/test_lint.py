import base64
import io
from dataclasses import replace

import nbformat
import pytest
from PIL import Image

from kitutils.course import build, lint, lint_course, results


def findings(kit, rule):
    return [finding for finding in lint.check(root=kit.root) if finding.rule == rule]


def rewrite(kit, old, new, text=None):
    """Changes the tiny lesson's source."""
    text = text or kit.header() + kit.BODY
    assert old in text
    kit.write(text=text.replace(old, new))


def picture(width=200, dpi=90, alt="A line that rises from one to two."):
    data = io.BytesIO()
    Image.new("RGB", (width, 10)).save(data, format="PNG", dpi=(dpi, dpi))
    bundle = {"image/png": base64.b64encode(data.getvalue()).decode()}
    return {"output_type": "display_data", "data": bundle, "metadata": {"image/png": {"alt": alt} if alt else {}}}


def test_nothing_is_found_in_a_good_lesson(whole, claim, stream):
    whole.store(whole.lesson, {4: [stream("total 2\n"), picture()], 6: [claim()]})
    results.update(whole.root / "README.md", [whole.lesson])
    assert lint.check(root=whole.root) == []


# Each: what to change in the source, the rule that must find it, the cell, and a part of the message.
IN_THE_SOURCE = [
    ("total = 1 + 1", "\n".join(f"x{i} = {i}" for i in range(26)), "code cell too long", 4, "28 lines"),
    ("# Is one and one more than two?\n", "", "code without prose", 3, "Markdown cell"),
    (
        "# %% [markdown]\n# Is one",
        '# %% [markdown] tags=["teacher"]\n# Is one',
        "code without prose",
        3,
        "Markdown cell",
    ),
    ('tags=["exercise"]', 'tags=["exercize"]', "unknown tag", 8, '"exercize"'),
    ("# - read it\n", "", "header", 0, "there are 2"),
    ('start("01")', 'start("02")', "start", 1, 'start("01")'),
    (
        "# %% [markdown]\n# # 01",
        "# ---\n# jupytext: {}\n# ---\n# %% [markdown]\n# # 01",
        "pairing header",
        None,
        "begins",
    ),
    ("total = 1 + 1", 'total = 2\nmodel.save("m.h5")', "avoid", 4, ".keras"),
    ("total = 1 + 1", "import pickle; pickle.load(file)", "avoid", 4, "pickle.load"),
    ('exercise("01.1").check(double)', "double(2)", "exercise", 8, "0 times"),
    ('exercise("01.1").solution', 'exercise("01.1").check', "exercise", 9, "0 times"),
    ('exercise("01.1").check', 'exercise("01.2").check', "exercise", 8, "01.2 has no solution cell"),
    ('exercise("01.1").check', 'exercise("01.2").check', "exercise", 8, "01.2 has no check"),
    ('exercise("01.1").check', 'exercise("01.2").check', "exercise", None, "01.1 has a check and no exercise cell"),
    ('recap("01")', "double(3)", "answer used further down", 12, "double"),
    ('outcome("01.a", "two")', "pass", "prediction", None, 'no outcome("01.a"'),
    ('predict("01.a", "One and one is …", ["two", "more"])', "pass", "prediction", None, 'no predict("01.a"'),
    ('recap("01")', "pass", "prediction", None, 'recap("01") is missing'),
    ("# ## Recap", "# ![tiny](x.png)", "alt text", 11, "in its brackets"),
]


@pytest.mark.parametrize(("old", "new", "rule", "cell", "fragment"), IN_THE_SOURCE)
def test_rules_about_the_source(whole, old, new, rule, cell, fragment):
    rewrite(whole, old, new)
    found = [finding for finding in findings(whole, rule) if fragment in finding.message]
    assert [finding.cell for finding in found] == [cell]


IN_THE_NOTEBOOK = [
    (picture(alt=""), "alt text", "description"),
    (picture(alt="A line."), "alt text", "description"),
    (picture(width=1001), "figure too large", "1001 px"),
    (picture(dpi=144), "figure too large", "144 dpi"),
    ({"output_type": "stream", "name": "stderr", "text": "Warning"}, "stored stderr", "stderr"),
    ({"output_type": "stream", "name": "stdout", "text": "/home/ada/x"}, "machine dependent output", "/home/ada"),
    ({"output_type": "stream", "name": "stdout", "text": "x" * 400_000}, "notebook too large", "KB"),
]


@pytest.mark.parametrize(("output", "rule", "fragment"), IN_THE_NOTEBOOK)
def test_rules_about_stored_outputs(whole, output, rule, fragment):
    whole.store(whole.lesson, {4: [output]})
    (found,) = findings(whole, rule)
    assert fragment in found.message and found.cell in (4, None)


@pytest.mark.parametrize(
    ("cell", "allowed"),
    [
        ('plots.show(figure, alt="…")', True),
        ('outcome("01.b", "two")\nclaim("a.b", 2)', True),
        ("figure = draw()\nplots.show(figure)", False),
        ("print(2)", False),
    ],
)
def test_a_figure_and_a_claim_belong_to_the_cell_above(whole, cell, allowed):
    rewrite(whole, "# %% [markdown]\n# The text leans", f"# %%\n{cell}\n\n# %% [markdown]\n# The text leans")
    assert (findings(whole, "code without prose") == []) is allowed


def test_an_exercise_may_follow_its_lines(whole):
    rewrite(whole, '# %% tags=["exercise"]', '# %%\nexercise("01.1").show()\n\n# %% tags=["exercise"]')
    assert findings(whole, "code without prose") == []


def test_mistakes_shown_on_purpose_are_allowed(whole):
    new = '# %% tags=["raises-exception"]\nmodel.save("m.h5")\ntotal = 2'
    rewrite(whole, "# %%\ntotal = 1 + 1", new)
    assert findings(whole, "avoid") == []


def test_a_comment_may_name_what_is_avoided(whole):
    rewrite(whole, "total = 1 + 1", "total = 2  # not pickle.load")
    assert findings(whole, "avoid") == []


def test_an_answer_may_be_named_like_an_ordinary_variable(whole):
    rewrite(whole, 'recap("01")', "double = max\ndouble(3, 4)")
    assert findings(whole, "answer used further down") == []


def test_an_answer_that_replaces_an_ordinary_variable_is_found(whole):
    rewrite(
        whole, 'recap("01")', "print(total)", whole.header() + whole.BODY.replace("def double(x): ...", "total = ...")
    )
    (found,) = findings(whole, "answer used further down")
    assert (found.cell, "binds in cell 8" in found.message) == (12, True)


@pytest.mark.parametrize(("above", "allowed"), [("import math", True), ("pass", False)])
def test_an_import_may_be_repeated_in_an_exercise(whole, above, allowed):
    text = (whole.header() + whole.BODY).replace("def double(x): ...", "import math\n\ndef double(x): ...")
    rewrite(whole, 'recap("01")', "math.pi", text.replace("total = 1 + 1", f"total = 2\n{above}"))
    assert (findings(whole, "answer used further down") == []) is allowed


def test_the_notebook_must_be_that_of_the_source(whole):
    rule = "source and notebook disagree"
    assert "There is no notebook" in findings(whole, rule)[0].message
    whole.store(whole.lesson)
    assert findings(whole, rule) == []
    rewrite(whole, "1 + 1", "2")
    assert "has changed" in findings(whole, rule)[0].message


@pytest.mark.parametrize(
    ("edit", "fragment"),
    [
        (lambda cells: cells[4].update(source="total = 2"), "edited by hand"),
        (lambda cells: cells[4].update(id="abc"), "edited by hand"),
        (lambda cells: cells[9].metadata.pop("jupyter"), "edited by hand"),
        (lambda cells: cells.pop(4), "edited by hand"),
        (lambda cells: cells[4].update(execution_count=None), "not executed"),
    ],
)
def test_a_notebook_edited_by_hand_is_found(whole, edit, fragment):
    whole.store(whole.lesson)
    notebook = nbformat.read(whole.lesson.notebook, as_version=4)
    edit(notebook.cells)
    build.write(notebook, whole.lesson.notebook)
    (found,) = findings(whole, "source and notebook disagree")
    assert fragment in found.message and "kit build 01 --force" in found.message


def test_an_unreadable_header_is_a_finding(whole):
    rewrite(whole, "75 min", "an hour")
    (found,) = lint.check(root=whole.root)
    assert (found.lesson, found.rule) == ("01_tiny", "header") and "an hour" in str(found)


@pytest.mark.parametrize(
    ("line", "fragment"),
    [
        ("", 'must end in "Lessons:'),
        ("Lessons: 01, 40.", "names lesson 40, which is not there"),
    ],
)
def test_headers_and_docstrings_agree(whole, line, fragment):
    whole.add("kitutils/tiny.py", f'"""A module.\n\n{line}\n"""\n')
    (found,) = findings(whole, "opens")
    assert fragment in found.message


def test_a_module_that_a_lesson_does_not_open(whole):
    whole.add("kitutils/data/__init__.py", '"""A stage.\n\nLessons: 01.\n"""\n')
    (found,) = findings(whole, "opens")
    assert found.lesson == "kitutils.data" and "does not open it" in found.message


def test_a_header_that_opens_no_module(whole):
    rewrite(whole, "`kitutils.tiny`", "`kitutils.tiny`, `kitutils.gone`")
    (found,) = findings(whole, "opens")
    assert "kitutils.gone, which is no module" in found.message


@pytest.mark.parametrize("needs", ["01", "40", "00"])
def test_needs_names_earlier_lessons(whole, needs):
    rewrite(whole, "| nothing |", f"| {needs} |")
    assert len(findings(whole, "needs")) == 1


def test_earlier_means_read_before_not_a_smaller_number(whole):
    """Lesson 14 is read before 13."""
    lessons = [replace(whole.lesson, number=number, needs=needs) for number, needs in (("13", ("14",)), ("14", ()))]
    assert list(lint_course.needs(lessons, whole.root)) == []
    lessons = [replace(whole.lesson, number=number, needs=needs) for number, needs in (("13", ()), ("14", ("13",)))]
    assert len(list(lint_course.needs(lessons, whole.root))) == 1


def test_a_module_that_python_cannot_read_is_a_finding(whole):
    whole.add("kitutils/data/half.py", "def half(\n")
    (found,) = findings(whole, "opens")
    assert found.lesson == "kitutils.data.half" and "cannot be read" in found.message


def test_a_claim_has_a_dotted_name_of_its_own(whole, claim):
    whole.store(whole.lesson, {6: [claim(), claim(), claim("Accuracy")]})
    messages = [finding.message for finding in findings(whole, "claim's name")]
    assert len(messages) == 2 and "is made in 01_tiny too" in messages[0] and "dotted" in messages[1]


def test_the_readme_shows_the_notebooks_results(whole, claim):
    whole.store(whole.lesson, {6: [claim()]})
    assert "Run: kit results" in findings(whole, "README's results")[0].message
    results.update(whole.root / "README.md", [whole.lesson])
    assert findings(whole, "README's results") == []
    (whole.root / "README.md").write_text("no marks")
    assert "needs one line" in findings(whole, "README's results")[0].message


def test_only_the_selected_lessons_are_looked_at(whole):
    whole.write("02_other", whole.header("02", opens="nothing") + "\n# %%\nx = 1\n")
    assert {finding.lesson for finding in lint.check("02", whole.root)} == {"02_other", "README.md"}


def test_measures(whole):
    whole.store(whole.lesson, seconds=35)
    found = lint.measure(lint.Page(whole.lesson, whole.root))
    assert (found.cells, found.run, found.measured, found.kinds) == (11, 1, 35, ("function",))
    assert (found.median, found.p90) == (1.5, 4.0)  # of 5, 1, 3, 1, 2 and 1 lines
    assert found.words == sum(
        len(cell.source.split())
        for cell in build.read_source(whole.lesson).cells
        if cell.cell_type == "markdown" and "teacher" not in cell.metadata.get("tags", [])
    )


def test_calls_are_found_in_order():
    from kitutils.course.lint_cells import calls

    assert calls('b("2")\ncourse.a("1", x)\nc(3)\n') == [("b", "2"), ("a", "1")]
    assert calls("%matplotlib inline") == []
