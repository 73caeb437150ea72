"""The lint's rules about the course as a whole: what lessons, modules and the README say about one another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kitutils.course import results
from kitutils.course.lessons import Lesson
from kitutils.course.lint import course_rules, rule
from kitutils.course.map import reading_order

Found = Iterator[tuple[str, str]]


@rule("opens", course_rules)
def opens(lessons: Sequence[Lesson], root: Path) -> Found:
    """A lesson's header names the modules it opens, and a module's docstring the lessons that open it."""
    said = {}
    for name, path in _modules(root):
        try:
            said[name] = _lessons_line(path)
        except SyntaxError as error:
            yield name, f"It cannot be read: {error.msg}, line {error.lineno}. Mend it; the rules below need it."
    numbers = {lesson.number for lesson in lessons}
    for lesson in lessons:
        for module in lesson.opens:
            if module not in said:
                yield lesson.name, f"It opens {module}, which is no module of the kit. Mend the header."
            elif lesson.number not in said[module]:
                yield lesson.name, f'It opens {module}, whose docstring must end in "Lessons: …{lesson.number}…."'
    for module, named in said.items():
        for number in sorted(named):
            if number not in numbers:
                yield module, f"Its docstring names lesson {number}, which is not there. Take it out."
            elif not any(module in lesson.opens for lesson in lessons if lesson.number == number):
                yield module, f"Its docstring names lesson {number}, whose header does not open it. Mend one of them."


@rule("needs", course_rules)
def needs(lessons: Sequence[Lesson], root: Path) -> Found:
    order = reading_order({lesson.number for lesson in lessons})
    for lesson in lessons:
        for number in lesson.needs:
            if number not in order[: order.index(lesson.number)]:
                yield lesson.name, f"It needs lesson {number}, which is not read before it. Mend the header."


@rule("claim's name", course_rules)
def claim_names(lessons: Sequence[Lesson], root: Path) -> Found:
    """A claim's name is its address in the results and in benchmarks."""
    from kitutils.course import editions, outputs

    seen: dict[str, str] = {}
    for lesson in lessons:
        for claim in outputs.claims(editions.read(lesson)) if lesson.notebook.exists() else ():
            if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", claim.name):
                yield lesson.name, f'The claim "{claim.name}" needs a dotted name, such as digits.cnn_accuracy.'
            if claim.name in seen:
                yield lesson.name, f'The claim "{claim.name}" is made in {seen[claim.name]} too. Give it its own name.'
            seen[claim.name] = lesson.name


@rule("README's results", course_rules)
def readme(lessons: Sequence[Lesson], root: Path) -> Found:
    path = root / "README.md"
    if not path.exists():
        yield "README.md", "There is none."
        return
    try:
        if not results.agrees(path, lessons):
            yield "README.md", "Its results are not those of the notebooks. Run: kit results."
    except results.ResultsError as error:
        yield "README.md", str(error)


def exercise_kinds(number: str, root: Path) -> dict[str, str]:
    """The exercises that a lesson's checks declare, each with its kind of answer; read without importing them."""
    path = root / "kitutils" / "checks" / f"lesson_{number}.py"
    if not path.exists():
        return {}
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "check":
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            if node.args and isinstance(node.args[0], ast.Constant):
                kind = keywords.get("answer")
                found[node.args[0].value] = kind.value if isinstance(kind, ast.Constant) else "function"
    return found


def _modules(root: Path) -> Iterator[tuple[str, Path]]:
    """The kit's modules by dotted name; a package is its ``__init__.py``."""
    for path in sorted((root / "kitutils").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _lessons_line(path: Path) -> set[str]:
    """The lessons that a module's docstring names in its last line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    line = re.fullmatch(r"Lessons: (\d\d(?:, \d\d)*)\.", text.splitlines()[-1] if text else "")
    return set(line[1].split(", ")) if line else set()
