"""A learner's function cannot take the notebook with it."""

import random
import sys
import threading
import time

import numpy as np
import pytest

from kitutils.course import sandbox


def call(function, *args, limit=5.0):
    return sandbox.call(function, args, {}, limit)


def plain():
    while True:
        pass


def catches_all():
    while True:
        try:  # noqa: SIM105
            sum(i * i for i in range(1000))
        except:  # noqa: E722
            pass


def catches_all_around_a_library():
    while True:
        try:
            np.ones((50, 50)) @ np.ones((50, 50))
        except BaseException:
            continue


def finally_goes_on():
    while True:
        try:
            sum(range(1000))
        finally:
            continue  # noqa: B012


def in_a_helper():
    def helper():
        try:  # noqa: SIM105
            plain()
        except BaseException:
            pass

    while True:
        helper()


def imports_what_is_not_there():
    while True:
        try:
            import a_library_that_is_not_there  # noqa: F401
        except ImportError:
            continue


@pytest.mark.parametrize(
    "endless",
    [plain, catches_all, catches_all_around_a_library, finally_goes_on, in_a_helper, imports_what_is_not_there],
    ids=lambda f: f.__name__,
)
def test_an_endless_loop_is_ended(endless):
    before = threading.active_count()
    done = call(endless, limit=0.1)
    assert done.timed_out and done.error is None
    assert threading.active_count() == before, "no thread is left behind"


def test_what_cannot_be_stopped_stays_behind_and_the_notebook_goes_on(monkeypatch):
    monkeypatch.setattr(sandbox, "PATIENCE", 0.1)
    release = threading.Event()
    blocked = threading.Lock()
    blocked.acquire()

    def waits_in_c():
        release.set()
        blocked.acquire()

    assert call(waits_in_c, limit=0.1).timed_out
    assert release.is_set()
    left = [t for t in threading.enumerate() if t.name == "learner"]
    assert left and all(t.daemon for t in left)
    blocked.release()
    for thread in left:
        thread.join(5)
        assert not thread.is_alive()


def test_waiting_is_not_computing():
    assert call(lambda: time.sleep(0.6) or "done", limit=0.5).value == "done"


def test_imports_are_not_counted(tmp_path, monkeypatch):
    """A chain of modules, each of which computes for a while, is over the limit only as a whole."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = [f"a_slow_module_{i}" for i in range(6)]
    for name, following in zip(names, [*names[1:], "math"], strict=True):
        work = "import time\nend = time.process_time() + 0.15\nwhile time.process_time() < end:\n    pass\n"
        (tmp_path / f"{name}.py").write_text(f"{work}import {following}\n")

    def imports():
        import a_slow_module_0

        return a_slow_module_0.__name__

    try:
        assert call(imports, limit=0.4).value == names[0]
    finally:
        for name in names:
            sys.modules.pop(name, None)


def test_it_works_from_any_thread():
    results = []
    threads = [threading.Thread(target=lambda: results.append(call(plain, limit=0.1))) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert [r.timed_out for r in results] == [True, True]


def test_values_errors_and_prints_come_back(capsys):
    def speaks(x):
        print("one", x)
        print("two", file=sys.stderr)
        return x + 1

    done = call(speaks, 1)
    assert (done.value, done.error, done.printed, done.timed_out) == (2, None, "one 1\n", False)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    assert isinstance(call(lambda: 1 / 0).error, ZeroDivisionError)


def test_others_may_print_meanwhile(capsys):
    started, said = threading.Event(), threading.Event()

    def other():
        started.wait(5)
        print("from elsewhere")
        said.set()

    thread = threading.Thread(target=other)
    thread.start()

    def learner():
        print("mine")
        started.set()
        said.wait(5)

    assert call(learner).printed == "mine\n"
    thread.join()
    assert capsys.readouterr().out == "from elsewhere\n"


def test_a_flood_of_prints_is_cut():
    def floods():
        while True:
            print("x" * 1000)

    done = call(floods, limit=0.2)
    assert done.timed_out
    assert len(done.printed) == sandbox.MOST_PRINTED


def test_streams_and_random_states_are_put_back():
    streams = sys.stdout, sys.stderr
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.random()
    random.seed(3)
    np.random.seed(3)
    first = call(lambda: (random.random(), np.random.random())).value
    call(lambda: random.seed(99))
    assert (random.random(), np.random.random()) == expected
    assert call(lambda: (random.random(), np.random.random())).value == first
    assert (sys.stdout, sys.stderr) == streams


def test_the_callers_numpy_error_state_holds_inside():
    with np.errstate(divide="raise"):
        assert isinstance(call(lambda: np.ones(1) / np.zeros(1)).error, FloatingPointError)
    with np.errstate(divide="ignore"):
        assert call(lambda: np.ones(1) / np.zeros(1)).error is None


def test_an_interrupt_while_waiting_ends_the_call(monkeypatch):
    original, interrupts = threading.Thread.join, [KeyboardInterrupt]

    def interrupted(thread, timeout=None):
        original(thread, 0.05)
        if interrupts:
            raise interrupts.pop()
        original(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(plain)
    assert not [t for t in threading.enumerate() if t.name == "learner"]


def test_own_line_of_a_function_without_source():
    made = {}
    exec("def f(x):\n    y = 1\n    return x / 0\n", made)
    error = call(made["f"], 1).error
    assert sandbox.own_line(error, made["f"]) == "line 3"
    assert sandbox.own_line(error, len) is None


def test_a_slow_import_is_not_stopped_halfway(tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(
        "import time\nend = time.monotonic() + 0.6\nwhile time.monotonic() < end:\n    pass\nready = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def uses_it():
        import slow_to_import

        return slow_to_import.ready

    assert sandbox.call(uses_it, (), {}, limit=0.1) == sandbox.Call(value=True)
