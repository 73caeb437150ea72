"""The lint's rules about one lesson's cells: length, prose, tags, exercises, predictions."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from kitutils.course import lessons
from kitutils.course.lint import TAGS, Page, count_lines, rule, tags

MAX_LINES = 25  # of a code cell, blank ones not counted

Found = Iterator[tuple[int | None, str]]

# What published tutorials still do and this course must not: dead, refused by Keras 3, or unsafe.
AVOID = {
    r"\.h5[\"']": 'save models as "….keras"; .h5 is a legacy format',
    r"tf\.lite\.Interpreter": "run with ai_edge_litert.interpreter.Interpreter; tf.lite.Interpreter is to be deleted",
    r"from_concrete_functions": "convert with from_keras_model or from_saved_model; Keras 3 loses variables this way",
    r"SELECT_TF_OPS": "no Python interpreter runs flex ops; change the layer that needs them",
    r"\b(?:tensorflow_hub|tensorflow_model_optimization|tfmot)\b": "it refuses Keras 3; use plain Keras",
    r"\bTF(?:Auto|Bert|DistilBert)\w+": "the TensorFlow classes of transformers are gone; use Keras or KerasHub",
    r"\b(?:pickle|joblib)\.load": "it runs whatever the file says; use .keras, ONNX, npz or JSON",
}


@rule("code cell too long")
def too_long(page: Page) -> Found:
    for i, cell in page.code():
        if (length := count_lines(cell.source)) > MAX_LINES:
            yield i, f"{length} lines, at most {MAX_LINES}. Split it, or move what has been taught into kitutils."


@rule("code without prose")
def without_prose(page: Page) -> Found:
    """What belongs to the cell above needs no words of its own: the run after a question (predict), the figure, the
    outcome and the claim of what was just computed, the stub under an exercise's lines, the solution under the stub."""
    before = None
    for i, cell in enumerate(page.source.cells):
        if "teacher" in tags(cell) or not cell.source.strip():
            continue
        if cell.cell_type == "code" and (before is None or before.cell_type == "code"):
            belongs = before is not None and (
                _only(before, {"predict"})
                or _only(cell, {"show", "outcome", "claim"})
                or ("exercise" in tags(cell) and _only(before, {"show"}))
                or ("solution" in tags(cell) and tags(before) & {"exercise", "solution"})
            )
            if not belongs:
                yield i, "Put a Markdown cell before it that says what it is about to show."
        before = cell


@rule("unknown tag")
def unknown_tag(page: Page) -> Found:
    for i, cell in enumerate(page.source.cells):
        for tag in sorted(tags(cell) - TAGS):
            yield i, f'"{tag}" does nothing. Known tags: {", ".join(sorted(TAGS))}.'


@rule("header")
def header(page: Page) -> Found:
    bullets = re.findall(r"^- \S", lessons.header(page.text), re.MULTILINE)
    if len(bullets) != 3 or "By the end you will be able to" not in lessons.header(page.text):
        yield 0, f'"By the end you will be able to" is followed by three bullets; there are {len(bullets)}.'


@rule("start")
def start(page: Page) -> Found:
    first = next(page.code(), None)
    if first is None or ("start", page.lesson.number) not in calls(first[1].source):
        position = None if first is None else first[0]
        yield position, f'The first code cell calls start("{page.lesson.number}") of kitutils.course.'


@rule("pairing header")
def pairing(page: Page) -> Found:
    if not page.text.startswith("# %%"):
        yield None, "The source begins with its first cell, # %% [markdown]; JupyterLab would write to a paired file."


@rule("avoid")
def avoid(page: Page) -> Found:
    for i, cell in page.code():
        if "raises-exception" in tags(cell):
            continue
        code = _without_comments(cell.source)
        for pattern, repair in AVOID.items():
            if found := re.search(pattern, code):
                yield i, f"{found[0]}: {repair}."


@rule("exercise")
def exercise(page: Page) -> Found:
    from kitutils.course.lint_course import exercise_kinds

    number = page.lesson.number
    registered = exercise_kinds(number, page.root)
    asked, solved = (_judged(page, tag, method) for tag, method in (("exercise", "check"), ("solution", "solution")))
    for i, ids in asked.items():
        if len(ids) != 1:
            yield i, f'An exercise cell calls exercise("{number}.1").check(answer) once; here {len(ids)} times.'
    for j, ids in solved.items():
        if len(ids) != 1:
            yield j, f'A solution cell calls exercise("{number}.1").solution(answer) once; here {len(ids)} times.'
    for id_, i in {id_: i for i, ids in asked.items() for id_ in ids}.items():
        if not any(id_ in ids and j > i for j, ids in solved.items()):
            yield i, f"{id_} has no solution cell (tag solution) below it."
        if id_ not in registered:
            yield i, f"{id_} has no check. Write it in kitutils/checks/lesson_{number}.py."
    for id_ in sorted(set(registered) - {id_ for ids in asked.values() for id_ in ids}):
        yield None, f"{id_} has a check and no exercise cell."


@rule("answer used further down")
def answer_used(page: Page) -> Found:
    """A wrong or missing answer must never break the notebook, so nothing below reads what an exercise cell binds."""
    answers, bound = {}, set()
    for i, cell in page.code():
        names = _bound(cell.source)
        if tags(cell) & {"exercise", "solution"}:
            repeated = _imported(cell.source) & bound
            answers = dict.fromkeys(names - repeated, i) | answers
            continue
        for name in sorted((_loaded(cell.source) - names) & set(answers)):
            yield i, f"It uses {name}, which the learner binds in cell {answers[name]}. Bind a name of its own."
        answers = {name: at for name, at in answers.items() if name not in names}
        bound |= names


@rule("prediction")
def prediction(page: Page) -> Found:
    made = [call for _, cell in page.code() for call in calls(cell.source)]
    asked = {id_ for name, id_ in made if name == "predict"}
    told = {id_ for name, id_ in made if name == "outcome"}
    for id_ in sorted(asked - told):
        yield None, f'predict("{id_}") has no outcome("{id_}", …) that says which choice came true.'
    for id_ in sorted(told - asked):
        yield None, f'outcome("{id_}") has no predict("{id_}", …) above it.'
    if asked and ("recap", page.lesson.number) not in made:
        yield None, f'The recap comes back to wrong predictions: recap("{page.lesson.number}") is missing.'


def calls(source: str) -> list[tuple[str, str]]:
    """The calls in a cell whose first argument is a string, as (function's name, that string), in order."""
    found = [node for node in ast.walk(_tree(source)) if isinstance(node, ast.Call) and node.args]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    return [
        (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node.args[0].value)
        for node in found
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    ]


def _tree(source: str) -> ast.Module:
    """A cell's syntax tree; empty if it is not plain Python, as a magic or a syntax error shown on purpose."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _only(cell, names: set[str]) -> bool:
    """Whether a code cell consists of nothing but calls of these functions."""
    body = _tree(cell.source).body if cell.cell_type == "code" else []
    called = [line.value.func for line in body if isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)]
    own = [getattr(function, "id", getattr(function, "attr", "")) for function in called]
    return bool(body) and len(own) == len(body) and set(own) <= names


def _judged(page: Page, tag: str, method: str) -> dict[int, list[str]]:
    """The code cells with a tag, each with the ids of the exercises on which it calls the method directly."""
    found = {}
    for i, cell in page.code():
        if tag in tags(cell):
            nodes = [node.func for node in ast.walk(_tree(cell.source)) if isinstance(node, ast.Call)]
            owners = [node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == method]
            found[i] = [id_ for owner in owners for name, id_ in calls(ast.unparse(owner)) if name == "exercise"]
    return found


def _bound(source: str) -> set[str]:
    """Names that a cell binds at its top level."""
    names = _imported(source)
    for line in _tree(source).body:
        if isinstance(line, ast.FunctionDef | ast.ClassDef):
            names.add(line.name)
        else:
            names |= {n.id for n in ast.walk(line) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def _imported(source: str) -> set[str]:
    """Names that a cell's top-level imports bind."""
    imports = [line for line in _tree(source).body if isinstance(line, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).split(".")[0] for line in imports for alias in line.names}


def _loaded(source: str) -> set[str]:
    """Names that a cell reads anywhere."""
    return {n.id for n in ast.walk(_tree(source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _without_comments(source: str) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return source
    lines = source.splitlines()
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(lines)
