"""``pytest --nbval-lax notebooks`` with the kit's conftest: right from any folder, and red when it must be."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat import v4

from kitutils import settings

pytestmark = pytest.mark.slow  # each starts pytest and a kernel of its own

KIT = ("KIT_", "MPLBACKEND", "PYTHONPATH", "PYTEST")


@pytest.fixture
def notebooks(tmp_path):
    """A folder with a space and Chinese letters in its name, with the kit's conftest in it."""
    folder = tmp_path / "my 笔记本" / "notebooks"
    folder.mkdir(parents=True)
    shutil.copy(settings.root() / "notebooks" / "conftest.py", folder)
    return folder


def write(folder, name, *sources, tags=(), stored=None):
    outputs = [] if stored is None else [v4.new_output("stream", name="stdout", text=stored)]
    cells = [v4.new_code_cell(source, metadata={"tags": list(tags)}, outputs=outputs) for source in sources]
    for count, cell in enumerate(cells):
        cell.execution_count = count + 1
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "x"}})
    nbformat.write(notebook, folder / f"{name}.ipynb")


def nbval(folder, *options, cwd, **env):
    """Runs nbval as from a bare shell, with the kit where an installation would have put it."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(KIT)}
    bare["PYTHONPATH"] = str(settings.root())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", str(folder), *options]
    return subprocess.run(command, cwd=cwd, env=bare | env, capture_output=True, text=True, encoding="utf-8")


SETTINGS = """\
import os, sys
from pathlib import Path
from kitutils import settings

assert settings.profile() == "ci" and settings.strict_claims() and settings.offline() and settings.headless()
assert settings.home() != Path.home() / ".kitutils" and settings.artifact_root() != settings.root() / "artifacts"
assert sys.executable == {executable!r}
"""


def test_a_good_notebook_passes_and_its_seconds_are_told(notebooks, tmp_path):
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"  # not the kernel that may be taken
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["no-such-python"], "display_name": "x", "language": "python"}))
    write(notebooks, "01_good", SETTINGS.format(executable=sys.executable), "x = 1")
    write(notebooks, "scratch", "raise SystemError('not a lesson')")
    seconds = tmp_path / "seconds.json"
    done = nbval(notebooks, cwd=tmp_path, KIT_SECONDS=str(seconds), JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout and "seconds per notebook" in done.stdout
    assert set(json.loads(seconds.read_text())) == {"01_good"}


def test_a_broken_claim_an_error_and_a_checked_output_that_differs_fail(notebooks, tmp_path):
    claim = "from kitutils.course.claims import claim\nclaim('a.b', 0.5, at_least={})"
    write(notebooks, "01_claims", claim.format(0.4), claim.format(0.9))
    write(notebooks, "02_error", "int('one')")
    write(notebooks, "03_output", "print(1 + 1)", tags=["nbval-check-output"], stored="3\n")
    done = nbval(notebooks, cwd=tmp_path)
    assert done.returncode == 1
    assert "1 passed" in done.stdout and "3 failed" in done.stdout
    assert all(word in done.stdout for word in ("BrokenClaim", "ValueError", "outputs differ"))


@pytest.mark.parametrize(("limit", "code", "words"), [("0.1", 1, "FAILED: more than"), ("60", 0, "over the budget")])
def test_a_notebook_far_over_its_budget_fails_the_session(notebooks, tmp_path, limit, code, words):
    write(notebooks, "01_slow", "import time; time.sleep(0.2)")
    conftest = notebooks / "conftest.py"
    text = conftest.read_text(encoding="utf-8")
    assert "HARD = 15.0, 30.0" in text and "LIMIT = 3 * HARD" in text
    text = text.replace("HARD = 15.0, 30.0", "HARD = 0.0, 0.05").replace("LIMIT = 3 * HARD", f"LIMIT = {limit}")
    conftest.write_text(text.replace("min(config.option.nbval_cell_timeout, LIMIT)", "60"), encoding="utf-8")
    done = nbval(notebooks, cwd=tmp_path)
    assert done.returncode == code, done.stdout
    assert words in done.stdout and "1 passed" in done.stdout


def test_the_callers_own_settings_win(notebooks, tmp_path):
    write(notebooks, "01_profile", "from kitutils import settings\nassert settings.profile() == 'workshop'")
    assert nbval(notebooks, cwd=tmp_path, KIT_PROFILE="workshop").returncode == 0


def test_doc_strings_are_harvested_before_the_clock_starts(notebooks, tmp_path):
    there = "from kitutils.data import store\nassert (store.folder() / 'docstrings.json.gz').exists()"
    write(notebooks, "01_texts", there + '  # for data.load("docstrings")')
    done = nbval(notebooks, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "doc strings harvested, once for all" in done.stdout
