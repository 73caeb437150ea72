import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from nbformat import v4

from kitutils import settings
from kitutils.course.execute import execute


def run(tmp_path, *sources, **options):
    cells = [v4.new_code_cell(source) for source in sources]
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("prose"), *cells])
    return notebook, execute(notebook, profile="ci", artifacts=tmp_path / "artifacts", **options)


def test_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("KIT_PROFILE", "full")
    broken = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"argv": ["no-such-python"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    started = []
    notebook, done = run(
        tmp_path,
        "import os, sys, kitutils\nfrom kitutils import settings",
        "print(sys.executable); print(os.listdir())",
        "settings.profile(), settings.headless(), settings.strict_claims(), settings.artifact_root().name",
        "from kitutils.course.claims import claim\nclaim('a.b', 1.5, at_least=1)",
        "import matplotlib; matplotlib.get_backend()",
        on_cell=started.append,
    )
    assert done.failure is None
    cells = done.notebook.cells
    assert cells[2].outputs[0].text == f"{sys.executable}\n[]\n"
    assert cells[3].outputs[0].data["text/plain"] == "('ci', True, True, 'artifacts')"
    assert "inline" in cells[5].outputs[0].data["text/plain"]
    assert [(claim.name, claim.value) for claim in done.claims] == [("a.b", 1.5)]
    assert started == list(done.cell_seconds) == [1, 2, 3, 4, 5]
    assert done.seconds == pytest.approx(sum(done.cell_seconds.values())) and done.kernel_seconds > 0
    assert all(not cell.get("outputs") for cell in notebook.cells)  # the caller's notebook is untouched
    assert all("execution" not in cell.metadata for cell in cells)


def test_the_first_error_ends_the_run(tmp_path):
    _, done = run(tmp_path, "x = 1", "y = x\nint('one')", "print('never')")
    assert (done.failure.cell, done.failure.ename, done.failure.line) == (2, "ValueError", "int('one')")
    assert "invalid literal" in done.failure.evalue and "cell 2" in str(done.failure)
    assert "int('one')" in done.traceback and "\x1b" not in done.traceback
    assert list(done.cell_seconds) == [1, 2] and done.notebook.cells[3].outputs == []


def test_a_broken_claim_ends_the_run(tmp_path):
    _, done = run(tmp_path, "from kitutils.course.claims import claim\nclaim('a.b', 0.5, at_least=1)")
    assert done.failure.ename == "BrokenClaim" and "0.5" in done.failure.evalue


def test_a_cell_that_never_ends_is_stopped(tmp_path):
    _, done = run(tmp_path, "x = 1", "while True: pass", limit=1)
    assert (done.failure.cell, done.failure.ename) == (2, "TimeLimit")
    assert done.cell_seconds[2] >= 1


def test_a_kernel_that_dies_is_told(tmp_path):
    _, done = run(tmp_path, "import os\nos.write(2, b'out of memory')\nos._exit(1)")
    assert (done.failure.cell, done.failure.ename) == (1, "DeadKernel")


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_ctrl_c_ends_the_run_and_its_kernel(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        "from pathlib import Path\nfrom nbformat import v4\nfrom kitutils.course.execute import execute\n"
        "sources = ('import os; print(os.getpid())', 'import time; time.sleep(60)')\n"
        "notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])\n"
        "execute(notebook, profile='ci', artifacts=Path('a'), on_cell=lambda cell: print(cell, flush=True))\n"
    )
    env = os.environ | {"PYTHONPATH": str(Path(settings.__file__).parents[1])}
    with subprocess.Popen([sys.executable, script], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.stdout.readline() not in (b"1\n", b""):
            pass
        kernels = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert kernels and not psutil.wait_procs(kernels, timeout=10)[1]
