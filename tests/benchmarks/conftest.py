"""What the tests of several benchmarks need."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def program(monkeypatch):
    """Imports a benchmark by its name."""
    monkeypatch.setenv("KIT_STRICT_DATA", "1")  # importing sets it; taken back after the test
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    return importlib.import_module
