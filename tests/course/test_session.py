"""The first call of a lesson."""

import logging
import os
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from kitutils import settings
from kitutils.course import pick, quiet, start

OPEN = Path("/proc/self/fd")


@pytest.mark.parametrize(("profile", "value"), [("ci", 1), ("workshop", 6), ("full", 60)])
def test_pick_gives_the_profiles_value(monkeypatch, profile, value):
    monkeypatch.setenv("KIT_PROFILE", profile)
    assert pick(ci=1, workshop=6, full=60) == value


def test_pick_wants_all_three():
    with pytest.raises(TypeError):
        pick(ci=1, workshop=2)


# --- start ------------------------------------------------------------------------------------------------------------


def draws():
    import keras

    return random.random(), np.random.rand(), float(np.asarray(keras.random.uniform(())))


def test_one_line_and_the_same_random_numbers_each_time(capfd):
    start("01")
    (line,) = capfd.readouterr().out.splitlines()
    assert re.match(r"Lesson 01 · profile ci · .+ · Keras [\d.]+ on tensorflow [\d.]+ · Python 3\.\d+\.\d+$", line)
    first = draws()
    start("01")
    assert draws() == first
    start("01", seed=1)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_a_lesson_without_networks_does_not_wait_for_tensorflow():
    code = (
        "import sys; from kitutils.course import start; start('10', keras=False)\n"
        "import random, numpy; print(random.random(), numpy.random.rand(), 'tensorflow' in sys.modules)"
    )
    outputs = [subprocess.check_output([sys.executable, "-c", code], text=True).splitlines() for _ in range(2)]
    assert outputs[0] == outputs[1]
    line, drawn = outputs[0]
    assert re.match(r"Lesson 10 · profile ci · CPU with \d+ cores · scikit-learn [\d.]+, pandas [\d.]+ · Python", line)
    assert drawn.endswith("False")


def test_it_sets_the_style_of_the_figures():
    from kitutils import plots

    plots.plt.rcParams["figure.dpi"] = 33
    start("01")
    assert plots.plt.rcParams["figure.dpi"] == plots.DPI


def test_a_misspelt_profile_is_told_before_keras_is_imported():
    code = (
        "import sys\nfrom kitutils.course import start\n"
        "try: start('01')\nexcept ValueError as error: print(error, 'keras' in sys.modules)"
    )
    environment = os.environ | {"KIT_PROFILE": "fast"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.root(), env=environment, capture_output=True, encoding="utf8"
    )
    assert "KIT_PROFILE is 'fast'" in done.stdout and done.stdout.strip().endswith("False"), done.stderr


@pytest.mark.slow
def test_the_start_up_noise_of_tensorflow_stays_out():
    """In a process of its own, because only the first import makes any."""
    code = "from kitutils.course import start; start('01'); import os; os.write(2, b'still open')"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.root(), env=clean, capture_output=True, encoding="utf8"
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert done.stderr == "still open"


# --- quiet ------------------------------------------------------------------------------------------------------------


def chatter():
    print("saved artifact at /some/where")
    print("a converter's note", file=sys.stderr)
    os.write(2, b"a C++ library's note\n")
    logging.getLogger("converter").warning("a log record")
    warnings.warn("deprecated", stacklevel=1)


def test_quiet_keeps_every_kind_of_chatter_out_and_lets_it_back_in(capfd, caplog):
    with quiet(), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("ignore")
        chatter()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "") and not seen and not caplog.records
    with pytest.warns(UserWarning, match="deprecated"):
        chatter()
    out, err = capfd.readouterr()
    assert "saved artifact" in out and "a converter's note" in err and "C++" in err
    assert [record.message for record in caplog.records] == ["a log record"]


def test_quiet_ignores_warnings_even_where_they_are_errors(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet():
            warnings.warn("deprecated", stacklevel=1)
        with pytest.raises(UserWarning):
            warnings.warn("deprecated", stacklevel=1)


def test_an_error_passes_and_everything_is_as_before(capfd, caplog):
    with pytest.raises(ZeroDivisionError), quiet():
        logging.getLogger("converter").error("an error record passes")
        _ = 1 / 0
    assert [record.message for record in caplog.records] == ["an error record passes"]
    print("out again")
    os.write(2, b"err again")
    logging.getLogger("converter").warning("log again")
    assert capfd.readouterr() == ("out again\n", "err again")
    assert caplog.records[-1].message == "log again"


@pytest.mark.skipif(not OPEN.is_dir(), reason="this system does not list a process's open files")
def test_quiet_leaves_no_file_open():
    before = len(list(OPEN.iterdir()))
    for _ in range(20):
        with quiet():
            pass
    assert len(list(OPEN.iterdir())) == before


def test_quiet_keeps_what_was_silenced_before_silent():
    logging.disable(logging.ERROR)
    try:
        with quiet():
            pass
        assert logging.root.manager.disable == logging.ERROR
    finally:
        logging.disable(logging.NOTSET)
