"""Loading data must not wait for TensorFlow, and looking at the list must not wait for anything."""

import subprocess
import sys

import pytest

from kitutils import settings

LIST = "from kitutils.commands.data import app; app(['list'], standalone_mode=False)"
INFO = "from kitutils.commands.data import app; app(['info', 'cifar10'], standalone_mode=False)"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import kitutils.data", {"tensorflow", "keras", "numpy", "pandas", "sklearn", "yaml", "requests"}),
        ("from kitutils import data; data.load('digits')", {"tensorflow", "keras", "matplotlib", "requests", "pooch"}),
        ("from kitutils import data; data.load('shapes10')", {"tensorflow", "keras", "sklearn", "pandas", "requests"}),
        (LIST, {"tensorflow", "keras", "sklearn", "pandas", "scipy", "requests", "pooch"}),
        (INFO, {"tensorflow", "keras", "sklearn", "pandas", "scipy", "requests", "pooch"}),
    ],
)
def test_what_is_not_needed_is_not_imported(code, absent):
    run = f"import sys; {code}; print('LOADED', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", run], cwd=settings.root(), capture_output=True, encoding="utf8", check=True
    )
    loaded = set(done.stdout.split("LOADED", 1)[1].split())
    assert not absent & loaded
    assert "kitutils.data" in loaded
