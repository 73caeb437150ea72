"""The doc strings of installed packages, read with ``ast`` from their source files: nothing is imported or run.

Standard library only. The same versions give the same doc strings in the same order under every Python and platform:
files are read in the order of their names, white space is made plain before indentation is taken off (the rules of
``inspect.cleandoc`` for rarer white space changed in Python 3.13), and files that a build writes are left out.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import inspect
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kitutils.data.faults import DataError

# The name under which a package is installed, and the name under which it is imported.
PACKAGES: Mapping[str, str] = {
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "matplotlib": "matplotlib",
    "keras": "keras",
}

# Tests say little in words. What a package has copied in from elsewhere has another author and another licence.
# numpy.distutils is there under Python 3.11 only.
_FOLDERS_LEFT_OUT = frozenset(
    {"tests", "externals", "_external", "array_api_compat", "array_api_extra", "cobyqa", "pyprima"}
    | {"distutils", "_examples", "__pycache__"}
)
_FILES_LEFT_OUT = frozenset({"__config__.py", "_version.py", "version.py", "_pep440.py", "_distributor_init.py"})
_PLAIN = str.maketrans(dict.fromkeys("\f\v\xa0\u2002\u2003\u2009\u200b\ufeff", " "))


@dataclass(frozen=True, slots=True)
class DocString:
    """One doc string.

    Attributes:
        package: the installed package, such as ``scikit-learn``.
        place: where it stands, such as ``sklearn/svm/_classes.py:SVC.fit``; a module's own ends in ``:``.
        text: without the indentation of the code around it.
    """

    package: str
    place: str
    text: str


def harvest(packages: Mapping[str, str] = PACKAGES) -> list[DocString]:
    """Every doc string in triple quotes of these packages, and those that they add by ``add_newdoc``.

    Left out are tests, code that a package has copied in from elsewhere, and files that a build writes.

    Args:
        packages: the name under which each is installed → the name under which it is imported.

    Returns:
        The doc strings, by package in the order given, then by path, then in the order of the file.

    Raises:
        DataError: a package is not installed, or one of its files cannot be read as Python; with what to do.
    """
    return [found for package, name in packages.items() for found in _of_package(package, folder(package, name))]


def folder(package: str, name: str) -> Path:
    """Where a package is installed; it is not imported.

    Raises:
        DataError: it is not installed.
    """
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module that was put together by hand has no spec
        spec = None
    if spec is None or not spec.origin or not spec.submodule_search_locations:
        raise DataError(
            f"The doc strings of {package} are wanted, and it is not installed in this Python. Install the course's "
            "packages: `pip install -r requirements.txt` in the kit's folder; python3 kit.py doctor says what is wrong."
        )
    return Path(spec.origin).parent


def versions(packages: Iterable[str] = tuple(PACKAGES)) -> dict[str, str]:
    """The installed version of each package; "unknown" where its metadata is missing."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def sources(root: Path) -> list[Path]:
    """The files of a package that are read, sorted by their path within it."""
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    return [
        path
        for name, path in sorted(paths.items())
        if path.name not in _FILES_LEFT_OUT
        and not path.name.startswith("_distributor_init")
        and not path.name.endswith("_test.py")
        and not any(part in _FOLDERS_LEFT_OUT or part.startswith(".") for part in name.split("/")[:-1])
    ]


def of_source(source: bytes) -> Iterator[tuple[str, str]]:
    """Name and text of each doc string of a file, in the order of the file; the module's own has the name "".

    Raises:
        SyntaxError, ValueError: it is not Python.
    """
    if b'"""' not in source and b"'''" not in source:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an escape that Python does not know, somewhere in other people's code
        tree = ast.parse(source)
    for name, text in _of_node(tree, ""):
        text = inspect.cleandoc(text.expandtabs().translate(_PLAIN))
        if text:
            yield name, text


def _of_package(package: str, root: Path) -> Iterator[DocString]:
    for path in sources(root):
        place = f"{root.name}/{path.relative_to(root).as_posix()}"
        try:
            for name, text in of_source(path.read_bytes()):
                yield DocString(package, f"{place}:{name}", text)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            raise DataError(
                f"{place} cannot be read as Python ({type(error).__name__}: {error}). Install {package} anew: "
                f"`python -m pip install --force-reinstall --no-deps {package}=={versions([package])[package]}`."
            ) from error


def _of_node(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Only statements are looked into: an expression holds no doc string, and there are many of them."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node, clean=False)
        if text:
            yield name, text
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from _added(node.value)
    for field in ("body", "handlers", "orelse", "finalbody"):
        for child in getattr(node, field, ()) if not isinstance(node, ast.Expr) else ():
            own = getattr(child, "name", None) if not isinstance(child, ast.ExceptHandler) else None
            yield from _of_node(child, f"{name}.{own}".lstrip(".") if own else name)


def _added(call: ast.Call) -> Iterator[tuple[str, str]]:
    """NumPy and SciPy document what is written in C by ``add_newdoc(place, name, text)``."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function != "add_newdoc":
        return
    constants = [
        node.value
        for argument in call.args
        for node in ast.walk(argument)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    name = ".".join(text for text in constants if "\n" not in text and " " not in text)
    for text in constants:
        if "\n" in text:
            yield name, text
