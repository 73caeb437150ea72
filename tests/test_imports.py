"""Imports are light, and flow one way: data → models → train → evaluate → ship.

What loading data may import is held in tests/data/test_light_imports.py.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kitutils import settings

PACKAGE = settings.root() / "kitutils"
STAGES = ("data", "models", "train", "evaluate", "ship")
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"tensorflow", "keras"}


def cli(*arguments):
    return (
        f"sys.argv = ['kit', *{list(arguments)!r}]\nfrom kitutils.cli import main\ntry: main()\nexcept SystemExit: pass"
    )


# --- light ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "absent", "present"),
    [
        ("import kitutils", HEAVY | {"numpy", "typer", "yaml"}, "kitutils"),
        (
            "import kitutils.train, kitutils.models, kitutils.ship, kitutils.evaluate",
            HEAVY | {"numpy"},
            "kitutils.ship",
        ),
        ("from kitutils.course import claim, exercise, pick, predict, start, track", HEAVY, "kitutils.course.session"),
        (cli("--help"), HEAVY | {"numpy", "pandas", "jupyterlab"}, "kitutils.cli"),
        (cli("data", "list"), HEAVY | {"sklearn", "matplotlib"}, "kitutils.data.cards"),
        ("from kitutils.evaluate import judge; judge([1], [1], [0])", HEAVY, "kitutils.evaluate.comparison"),
        ("from kitutils import plots", HEAVY, "kitutils.plots"),
        ("from kitutils import gpu, lock", HEAVY | {"numpy"}, "kitutils.gpu"),
        ("from kitutils.ship import load, verify, bench, Prediction", HEAVY | {"sklearn", "pandas"}, "kitutils.ship"),
        ("from kitutils.ship.manifest import read_manifest", HEAVY | {"numpy"}, "kitutils.ship.manifest"),
        (cli("export", "--help"), HEAVY | {"numpy", "pandas"}, "kitutils.commands.shipping"),
    ],
)
def test_what_is_not_needed_is_not_imported(code, absent, present):
    run = f"import sys\n{code}\nprint('LOADED', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=settings.root(), capture_output=True, encoding="utf8", errors="replace"
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert present in loaded
    assert not absent & loaded


# Under another backend the train stage must not load TensorFlow. JAX is not in the lock, so a finder puts empty modules
# in place of it and the parts of Keras that use it; whatever asks for TensorFlow fails.
BACKEND_JAX = """
import importlib.abc, importlib.machinery, sys, types

class Anything(type):
    # Classes to inherit from, whose attributes are such classes; a decorator gives back what it is given.
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})

    def __call__(cls, *_):
        return lambda given: given

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            raise AssertionError("TensorFlow was asked for")
        if name == "keras":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: getattr(Anything("keras", (), {}), name)
        return module

    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Finder())
from kitutils.train import EtaBar, fit
from kitutils.train.pretrain import pretrain
print(EtaBar.__module__, fit.__module__, pretrain.__module__, "tensorflow" in sys.modules)
"""


def test_the_train_stage_asks_for_keras_and_never_for_tensorflow():
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", BACKEND_JAX], cwd=settings.root(), env=environment, capture_output=True, encoding="utf8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "kitutils.train.callbacks",
        "kitutils.train.fitting",
        "kitutils.train.pretrain",
        "False",
    ]


# --- one way ----------------------------------------------------------------------------------------------------------


def imported(path: Path) -> set[str]:
    """Dotted names of the kit's modules that a module imports, anywhere in it, its lazy ones included."""
    found = set()
    package = ["kitutils", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            for text in ast.walk(node):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found.add(text.value)
    return {name for name in found if name.split(".")[0] == "kitutils"}


def stages(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.count(".")} & set(STAGES)


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_reader_of_imports_sees_every_form(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    path = tmp_path / "data" / "x.py"
    path.parent.mkdir()
    path.write_text(
        "import kitutils.ship.a\nfrom kitutils import models\nfrom ..train import fit\n"
        "def f():\n    from kitutils.evaluate.b import c\n    importlib.import_module('kitutils.data.y')\n"
    )
    assert stages(path) == {"ship", "models", "train", "evaluate", "data"}


@pytest.mark.parametrize("path", [p for p in MODULES if p.relative_to(PACKAGE).parts[0] in STAGES], ids=name)
def test_no_stage_imports_a_later_one(path):
    own = path.relative_to(PACKAGE).parts[0]
    later = set(STAGES[STAGES.index(own) + 1 :])
    assert not stages(path) & later


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.relative_to(PACKAGE).parts[0] in ("course", "plots.py", "settings.py")], ids=name
)
def test_the_course_and_the_figures_import_no_stage(path):
    assert not stages(path)


@pytest.mark.parametrize("path", [p for p in MODULES if p.name not in ("cli.py", "__main__.py")], ids=name)
def test_nothing_stands_above_the_command_line(path):
    if path.parent.name != "commands":
        names = imported(path)
        assert not [x for x in names if x.startswith(("kitutils.cli", "kitutils.commands"))]


def test_the_package_itself_is_empty():
    assert (PACKAGE / "__init__.py").read_bytes() == b""


@pytest.mark.parametrize("folder", [*STAGES, "course"])
def test_a_package_offers_what_it_lists(folder):
    """Every name that an ``__init__`` promises is defined in the module it points to, without importing it."""
    tree = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf8"))
    assert ast.get_docstring(tree)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for keyword in call.keywords:
            if keyword.arg == "submod_attrs":
                for module, names in ast.literal_eval(keyword.value).items():
                    source = ast.parse((PACKAGE / folder / f"{module}.py").read_text(encoding="utf8"))
                    defined = {getattr(node, "name", None) for node in source.body}
                    assert set(names) <= defined, f"{folder}/{module}.py does not define all of {names}"
