"""A kit in a temporary folder with one tiny lesson in it, for the tests of the course machinery."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from kitutils.course import build, lessons

HEADER = """\
# %% [markdown]
# # {number} · A tiny lesson
#
# *Does the machinery work?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 75 min | 1 min | {needs} | {opens} |
#
# By the end you will be able to
#
# - build it
# - run it
# - read it
"""

# It stands in for TensorFlow's start and for the exercise engine, which have tests of their own.
BODY = """
# %%
from types import SimpleNamespace

from kitutils.course.claims import claim

start = predict = outcome = recap = lambda *words: None
exercise = lambda number: SimpleNamespace(check=lambda answer: None, solution=lambda answer: None)
start("01")

# %% [markdown]
# Is one and one more than two?

# %%
predict("01.a", "One and one is …", ["two", "more"])

# %%
total = 1 + 1
print(f"total {total}")
outcome("01.a", "two")

# %% [markdown]
# The text leans on this number.

# %%
claim("tiny.total", total, at_least=2, at_most=2)

# %% [markdown]
# **Exercise 01.1.** Write `double(x)`.

# %% tags=["exercise"]
def double(x): ...


exercise("01.1").check(double)

# %% tags=["solution"]
def double(x):
    return 2 * x


exercise("01.1").solution(double)

# %% [markdown] tags=["teacher"]
# Ten minutes are enough for this one.

# %% [markdown]
# ## Recap

# %%
recap("01")
"""

CHECKS = """
from kitutils.course.grading import check

@check("01.1", title="Double", minutes=5, hints=("a", "b", "c"))
def double(answer, rng): ...
"""

README = "# A kit\n\n<!-- kit results -->\n\n<!-- /kit results -->\n"


def header(number: str = "01", needs: str = "nothing", opens: str = "`kitutils.tiny`") -> str:
    return HEADER.format(number=number, needs=needs, opens=opens)


@pytest.fixture
def course(tmp_path):
    """Writes lessons into a temporary kit: ``write(name, text)``, ``parse(name)``, ``store(lesson, outputs)``."""
    root = tmp_path / "kit"
    (root / "notebooks" / "source").mkdir(parents=True)

    def write(name: str = "01_tiny", text: str | None = None) -> Path:
        path = root / "notebooks" / "source" / f"{name}.py"
        path.write_text(header() + BODY if text is None else text, encoding="utf-8")
        return path

    def add(path: str, text: str) -> Path:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def parse(name: str = "01_tiny") -> lessons.Lesson:
        return lessons.parse(root / "notebooks" / "source" / f"{name}.py")

    def store(lesson: lessons.Lesson, outputs: dict[int, list] = {}, **kit):  # noqa: B006 - it is only read
        """Stores a notebook as if it had been built, with these outputs by position."""
        notebook = build.read_source(lesson)
        for count, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
            cell.execution_count = count + 1
        for position, found in outputs.items():
            notebook.cells[position].outputs = [nbformat.from_dict(output) for output in found]
        notebook.metadata["kit"] = {
            "data_sources": [],
            "profile": "workshop",
            "seconds": 5,
            "source_sha256": build.sha256(lesson.source),
        } | kit
        build.write(notebook, lesson.notebook)
        return notebook

    return SimpleNamespace(root=root, write=write, add=add, parse=parse, store=store, header=header, BODY=BODY)


@pytest.fixture
def whole(course):
    """The temporary kit with the tiny lesson, its check, its module and a README, in which the lint finds nothing."""
    course.write()
    course.add("kitutils/checks/lesson_01.py", CHECKS)
    course.add("kitutils/tiny.py", '"""A module.\n\nLessons: 01.\n"""\n')
    course.add("README.md", README)
    course.lesson = course.parse()
    return course


def _claim(name: str = "tiny.total", value: float = 2.0, **other) -> dict:
    bundle = {"name": name, "label": name, "value": value, "at_least": 2.0, "at_most": 2.0, "holds": True}
    bundle |= {"profile": "workshop", "source": "built-in", "headline": True} | other
    data = {"application/vnd.kit.claim+json": bundle, "text/plain": f"✓ {name}"}
    return {"output_type": "display_data", "data": data, "metadata": {}}


@pytest.fixture
def claim():
    """Makes a claim cell's output."""
    return _claim


@pytest.fixture
def stream():
    """Makes a stream's output."""
    return lambda text, name="stdout": {"output_type": "stream", "name": name, "text": text}
