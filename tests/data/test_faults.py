"""The fault matrix: what can break between a publisher's disk and a learner's notebook, and what then happens.

Every fault is a real one: a server on this machine that misbehaves, a process that is killed, a disk that is full, a
folder that is guarded. Whatever happens, no unverified file is used, nothing half-written stays behind, and the next
call works. The *place* is a publisher, a mirror at an address, or that mirror's manifest.

``test_a_faulty_server``, at each place: a publisher, a mirror at an address, that mirror's manifest

| fault | outcome |
|---|---|
| connection refused | stand-in; this process does not ask the host again |
| 404, 500, connection reset | stand-in |
| transfer cut once | begun again from its start: the data |
| transfer cut each time | error: broke off |
| silent half-way, once | begun again from its start: the data |
| silent half-way each time, or from the first byte on | stand-in, after a time limit |
| a byte now and then | stand-in, after a time limit |
| a web page instead of the file | error: web page |
| other bytes of the same length, or none at all | error: both hashes (of a manifest: its form) |
| more bytes than the file has, without end | error, as soon as there are too many |
| the same of a manifest, whose size nobody knows | stand-in, after a time limit |

| fault | outcome | test |
|---|---|---|
| a manifest that lies, in a folder or at an address | error; stand-in if no such file | ``test_a_lying_manifest`` |
| two ask at once, the first is killed half-way | the second fetches the data | ``test_killed_half_way`` |
| interrupted, or told to end, half-way | the next call has the data | ``test_stopped_half_way`` |
| killed at any file operation | the next call has the data | ``test_killed_at_any_moment`` |
| disk full at any page or file | error; with room again, the data | ``test_a_full_disk`` |
| no temporary folder where one is needed | error | ``test_no_temporary_folder`` |
| cache guarded by its folder or by the file system | the data, and a line: not kept | ``test_a_read_only_cache`` |
| cached file replaced by a plausible one | fetched again; offline the stand-in | ``test_an_altered_file`` |
| spaces and Chinese letters in every path | the data | ``test_any_letters_in_a_path`` |

Under KIT_STRICT_DATA each stand-in above is an error that lists what was tried.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from kitutils import data
from kitutils.data import cards, download, files, formats, standins, store
from kitutils.data.faults import CacheTrouble, DamagedFile, StandInRefused

PENGUINS = cards.card("penguins")
REAL = standins.make(PENGUINS).sample(frac=1, random_state=1)  # unlike the stand-in, so that the two are told apart
CSV = REAL.to_csv(index=False, float_format="%.300f").encode()  # long, so that a transfer has a middle
PREPARED = gzip.compress(CSV, 0, mtime=0)
CONTENT = formats.table(CSV).to_csv(index=False)
PATHS = {"publisher": "/penguins.csv", "mirror": "/penguins.csv.gz", "manifest": "/MANIFEST.json"}
WHOLE = {"penguins.csv.gz", "penguins.json", ".penguins.lock"}
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, mounts or permissions")


def manifest_of(prepared: bytes, **lies) -> bytes:
    true = {"file": "penguins.csv.gz", "sha256": hashlib.sha256(prepared).hexdigest(), "bytes": len(prepared)}
    return json.dumps({"penguins": true | lies}).encode()


@pytest.fixture
def mirror_folder(tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "penguins.csv.gz").write_bytes(PREPARED)
    (folder / "MANIFEST.json").write_bytes(manifest_of(PREPARED))
    return folder


@pytest.fixture
def offer(server, edit_card, mirror_folder, monkeypatch):
    """Let the data come from one place; returns the path that the server is asked for, and what it rightly answers."""

    def at(place: str) -> tuple[str, bytes]:
        if place == "publisher":
            listed = {"url": f"{server.url}/penguins.csv", "bytes": len(CSV), "sha256": hashlib.sha256(CSV).hexdigest()}
            edit_card("penguins", files=[listed])
            server.files["/penguins.csv"] = CSV
        else:
            server.serve_folder(mirror_folder)
            monkeypatch.setenv("KIT_MIRROR", server.url)
            monkeypatch.setenv("KIT_OFFLINE", "1")
        return PATHS[place], server.files[PATHS[place]]

    return at


def names() -> set[str]:
    return {path.name for path in store.folder().iterdir()} if store.folder().is_dir() else set()


def is_real(ds) -> bool:
    return ds.frame.to_csv(index=False) == CONTENT


# fault: (how the server answers, what becomes of it, what the message says)
SERVER_FAULTS = {
    "connection refused": ("down", "stand-in", "did not answer .no connection"),
    "404": (lambda s, body: None, "stand-in", "answered 404"),
    "500": (lambda s, body: s.status(500), "stand-in", "answered 500"),
    "connection reset": (lambda s, body: s.reset, "stand-in", "did not answer .no connection"),
    "cut once": (lambda s, body: s.in_turn(s.cut(body), body), "data", ""),
    "cut each time": (lambda s, body: s.cut(body), "error", "broke off 2 times.*Load the data set again"),
    "silent once": (lambda s, body: s.in_turn(s.stall(body, 5), body), "data", ""),
    "silent each time": (lambda s, body: s.stall(body, 5), "stand-in", "silent for 0.5 s"),
    "silent from the start": (lambda s, body: s.silent(5), "stand-in", "silent for 0.5 s"),
    "dribbles": (lambda s, body: s.dribble(body), "stand-in", "still not done after"),
    "web page": (lambda s, body: s.login_page, "error", "web page.*login"),
    "other bytes": (lambda s, body: body[::-1], "error", "expected|not in the form"),
    "nothing": (lambda s, body: b"", "error", "expected|not in the form"),
    "without end": (lambda s, body: s.endless(body), "error", "more than the .* bytes that were expected"),
}


@pytest.mark.parametrize("place", PATHS)
@pytest.mark.parametrize("fault", SERVER_FAULTS)
def test_a_faulty_server(fault, place, server, offer, monkeypatch, capsys):
    path, right = offer(place)
    answer, outcome, words = SERVER_FAULTS[fault]
    if (fault, place) == ("without end", "manifest"):  # a manifest's length is not known beforehand
        outcome, words = "stand-in", "still not done after"
    with monkeypatch.context() as impatient:
        impatient.setattr(download, "SILENCE_S", 0.5)
        impatient.setattr(download, "GRACE_S", 1.5)
        impatient.setattr(download, "SLOWEST", 1e9)
        if answer == "down":
            server.down()
        else:
            server.files[path] = answer(server, right)
        if outcome == "data":
            assert is_real(data.load("penguins"))
            assert server.asked.count(path) == 2
        elif outcome == "error":
            with pytest.raises(DamagedFile, match=words) as caught:
                data.load("penguins")
            assert path in str(caught.value) or "MANIFEST.json" in str(caught.value)
        else:
            ds = data.load("penguins")
            assert ds.source == "stand-in" and ds.frame.equals(standins.make(PENGUINS))
            said = capsys.readouterr().out
            assert re.search(words, said), said
            monkeypatch.setenv("KIT_STRICT_DATA", "1")
            with pytest.raises(StandInRefused, match=r"Tried: it is not in the cache.*kit data fetch penguins"):
                data.load("penguins")
    if outcome != "data":
        assert names() <= {".penguins.lock"} and store.entry(PENGUINS) is None
        if answer == "down":
            server.up()
        server.files[path] = right
        monkeypatch.setattr(download, "_unreachable", {})  # as in a new process
        assert is_real(ds := data.load("penguins"))
        assert ds.source == ("publisher" if place == "publisher" else "mirror")
    assert data.load("penguins").source == "cache" and names() == WHOLE


LIES = {
    "too few bytes": ({"bytes": len(PREPARED) - 1}, DamagedFile),
    "too many bytes": ({"bytes": len(PREPARED) + 1}, DamagedFile),
    "another hash": ({"sha256": "0" * 64}, DamagedFile),
    "a hash that is none": ({"sha256": ["0"] * 64}, DamagedFile),
    "an endless size": ({"bytes": float("inf")}, DamagedFile),
    "a size that is none": ({"bytes": float("nan")}, DamagedFile),
    "another file": ({"file": "other.csv.gz"}, DamagedFile),
    "a file that is not there": ({"file": "gone.csv.gz"}, None),
    "no file name": ({"file": ""}, DamagedFile),
    "the folder above": ({"file": ".."}, DamagedFile),
}


@pytest.mark.parametrize("kind", ["folder", "address"])
@pytest.mark.parametrize("lie", LIES)
def test_a_lying_manifest(lie, kind, mirror_folder, server, monkeypatch):
    changes, error = LIES[lie]
    (mirror_folder / "other.csv.gz").write_bytes(gzip.compress(CSV[::-1]))
    (mirror_folder / "MANIFEST.json").write_bytes(manifest_of(PREPARED, **changes))
    server.serve_folder(mirror_folder)
    monkeypatch.setenv("KIT_MIRROR", str(mirror_folder) if kind == "folder" else server.url)
    monkeypatch.setenv("KIT_OFFLINE", "1")
    if error:
        with pytest.raises(error, match=r"mirror|penguins|other|expected"):
            data.load("penguins")
    else:
        assert data.load("penguins").is_standin
    assert names() <= {".penguins.lock"}
    (mirror_folder / "MANIFEST.json").write_bytes(manifest_of(PREPARED))
    server.serve_folder(mirror_folder)
    assert is_real(data.load("penguins")) and names() == WHOLE


def start(*words: str, prefix: tuple[str, ...] = (), **env: str) -> subprocess.Popen:
    """``process.py`` with these words, in the surroundings that the test has set up."""
    script = Path(__file__).with_name("process.py")
    command = [*prefix, sys.executable, str(script), *words]
    env = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **env}
    # A shell's background job ignores Ctrl+C, and would hand that on to the process.
    heeding = (lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) if os.name == "posix" else None
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf8"}
    return subprocess.Popen(command, env=env, preexec_fn=heeding, **pipes)


def records(process: subprocess.Popen) -> tuple[list[dict], str]:
    """What it reported, and what else it printed."""
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, out + err
    lines = out.splitlines()
    return [json.loads(x) for x in lines if x[0] == "{"], "\n".join(x for x in lines if x[0] != "{")


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


@pytest.fixture
def half_way(server, offer):
    """A process that has written part of the file and waits for the rest, which the next request gets whole."""
    path, right = offer("mirror")
    server.files[path] = server.in_turn(server.stall(right, 60), right)
    process = start("load")
    draft = store.folder() / "penguins.csv.gz.part"
    wait_for(lambda: files.size_of(draft) > 0)
    assert files.size_of(draft) < len(PREPARED)
    yield process
    process.kill()
    process.communicate()


@posix
def test_killed_half_way(half_way):
    second = start("load")
    line = second.stdout.readline()
    assert "another notebook is fetching it" in line
    half_way.kill()
    half_way.wait(30)
    ((record,), _) = records(second)
    assert record == {"source": "mirror", "content": CONTENT}
    assert names() == WHOLE and data.load("penguins").source == "cache"


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_half_way(half_way, number):
    half_way.send_signal(number)
    assert half_way.wait(30) != 0
    if number == signal.SIGINT:  # what the stop button of a notebook sends; the other ends a process on the spot
        assert names() == {".penguins.lock"}
    assert store.entry(PENGUINS) is None
    assert data.load("penguins").source == "mirror" and names() == WHOLE


@posix
@pytest.mark.parametrize("held", ["nothing", "a damaged file"])
def test_killed_at_any_moment(held, mirror_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_MIRROR", str(mirror_folder))
    monkeypatch.setenv("KIT_OFFLINE", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    store.folder().mkdir(parents=True)
    if held == "a damaged file":
        data.load("penguins")
        (store.folder() / "penguins.csv.gz").write_bytes(PREPARED[:-1])
    found, _ = records(start("killed", os.environ["KIT_HOME"]))
    assert len(found) > 10, "too few moments: are the file operations still seen?"
    assert [record["killed"] for record in found] == [True] * (len(found) - 1) + [False]
    assert found[-1]["before"] == {"names": sorted(WHOLE), "claimed": True, "whole": True}
    assert any(name.endswith(".part") for record in found for name in record["before"]["names"])
    for record in found:
        if held == "nothing":
            assert record["before"]["claimed"] == record["before"]["whole"], record
        source = "cache" if record["before"]["whole"] else "mirror"
        assert record["after"] == {"source": source, "content": CONTENT}, record
        assert set(record["left"]) == WHOLE, record


def forbidden(*prefix: str) -> bool:
    """Whether this system does not let a test have these namespaces of its own."""
    return not shutil.which(prefix[0]) or subprocess.run([*prefix, "true"], capture_output=True).returncode != 0


@posix
@pytest.mark.parametrize("place", ["publisher", "mirror"])
def test_a_full_disk(place, server, edit_card, monkeypatch, tmp_path, mirror_folder):
    mount = 'mount -t tmpfs -o size=4096 tmpfs "$0"'
    disk = tmp_path / "disk"
    disk.mkdir()
    if forbidden("unshare", "-rm", "sh", "-c", mount, str(disk)):
        pytest.skip("this system lets no test mount a small disk (unshare -rm)")
    csv = REAL.to_csv(index=False).encode()
    server.files["/penguins.csv"] = csv
    edit_card("penguins", files=[{"url": f"{server.url}/penguins.csv", "bytes": None, "sha256": None}])
    if place == "mirror":
        (mirror_folder / "penguins.csv.gz").write_bytes(prepared := gzip.compress(csv, mtime=0))
        (mirror_folder / "MANIFEST.json").write_bytes(manifest_of(prepared))
        monkeypatch.setenv("KIT_MIRROR", str(mirror_folder))
    found, _ = records(start("full", str(disk), str(tmp_path / "cards"), prefix=("unshare", "-rm")))
    data_there = {"source": place, "content": formats.table(csv).to_csv(index=False)}
    failed = [record for record in found if "error" in record["first"]]
    assert failed and len(failed) < len(found)
    for record in found:
        if record in failed:
            assert record["first"]["error"] == "CacheTrouble", record
            assert "disk is full" in record["first"]["message"] or "are needed" in record["first"]["message"], record
            assert "KIT_HOME" in record["first"]["message"]
            assert not record["before"]["claimed"] and set(record["before"]["names"]) <= {".penguins.lock"}, record
            assert record["after"] == data_there, record
        else:
            assert record["first"] == data_there, record
            assert record["after"] == data_there | {"source": "cache"}, record
        assert set(record["left"]) == WHOLE, record


def guarded(folder: Path, kind: str) -> tuple[str, ...]:
    """Take the right to write into ``folder`` away, and give the command prefix under which that holds for root too."""
    if kind == "file system":
        remount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        prefix = ("unshare", "-rm", "sh", "-c", remount, str(folder))
    else:
        folder.chmod(0o500)
        # In a user namespace that maps nobody, root is nobody: it owns its files and has no rights beyond that.
        prefix = ("unshare", "--user") if os.geteuid() == 0 else ()
    if prefix and forbidden(*prefix):
        pytest.skip(f"this system gives no test a namespace of its own ({' '.join(prefix[:2])})")
    return prefix


@posix
@pytest.mark.parametrize("kind", ["folder", "file system"])
@pytest.mark.parametrize("held", ["nothing", "a lock", "a left-over", "a damaged file", "the data"])
def test_a_read_only_cache(held, kind, mirror_folder, monkeypatch):
    monkeypatch.setenv("KIT_MIRROR", str(mirror_folder))
    monkeypatch.setenv("KIT_OFFLINE", "1")
    cache = store.folder()
    cache.mkdir(parents=True)
    if held in ("a damaged file", "the data"):
        data.load("penguins")
        if held == "a damaged file":
            (cache / "penguins.csv.gz").write_bytes(PREPARED[:-1])
    elif held != "nothing":
        (cache / ".penguins.lock").touch()
        if held == "a left-over":
            (cache / "penguins.csv.gz.part").write_bytes(PREPARED[:-1])
    before = {path.name: path.read_bytes() for path in cache.iterdir()}
    prefix = guarded(cache, kind)
    try:
        ((record,), said) = records(start("read-only", prefix=prefix))
    finally:
        cache.chmod(0o700)
    source = "cache" if held == "the data" else "mirror"
    assert record["first"] == record["again"] == {"source": source, "content": CONTENT}
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == before
    assert said.count("cannot be written to: penguins is not kept. KIT_HOME") == (0 if source == "cache" else 2)
    assert is_real(data.load("penguins")) and names() == WHOLE


@pytest.mark.parametrize("needed_by", ["a mirror's manifest", "a cache that takes nothing"])
def test_no_temporary_folder(needed_by, offer, mirror_folder, monkeypatch, tmp_path):
    offer("mirror")
    if needed_by == "a cache that takes nothing":
        monkeypatch.setenv("KIT_MIRROR", str(mirror_folder))
        (tmp_path / "file").touch()
        monkeypatch.setenv("KIT_HOME", str(tmp_path / "file" / "home"))
    with monkeypatch.context() as without:
        without.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        with pytest.raises(CacheTrouble, match=r"No temporary folder can be made .*nowhere.*TMPDIR"):
            data.load("penguins")
    assert is_real(ds := data.load("penguins")) and ds.source == "mirror"


def test_an_altered_file(server, offer, monkeypatch, capsys):
    """It is of the right form, so that nothing but its hash tells: the labels of all penguins are moved by one row."""
    offer("publisher")
    data.load("penguins")
    other = REAL.assign(species=REAL["species"].to_numpy()[[*range(1, len(REAL)), 0]])
    path = store.folder() / "penguins.csv.gz"
    formats.write(path, other, PENGUINS)
    assert formats.read(path, PENGUINS) is not None
    with monkeypatch.context() as offline:
        offline.setenv("KIT_OFFLINE", "1")
        assert data.load("penguins").is_standin
        assert "the cached file was damaged" in capsys.readouterr().out
    assert is_real(ds := data.load("penguins")) and ds.source == "publisher"
    assert data.load("penguins").source == "cache" and names() == WHOLE


@pytest.mark.parametrize("kind", ["folder", "address"])
def test_any_letters_in_a_path(kind, mirror_folder, server, monkeypatch, tmp_path):
    odd = tmp_path / "数据 – für alle & 100% [1]"
    for name in ("home", "scratch", "here"):
        (odd / name).mkdir(parents=True)
    mirror_folder = mirror_folder.rename(odd / "镜像 a+b#c")
    server.files |= {f"/镜像 a b/{path.name}": path.read_bytes() for path in mirror_folder.iterdir()}
    where = str(mirror_folder) if kind == "folder" else f"{server.url}/镜像 a b"
    surroundings = {
        "KIT_HOME": str(odd / "home"),
        "KIT_MIRROR": where,
        "KIT_OFFLINE": "1",
        "TMPDIR": str(odd / "scratch"),
    }
    # In the C locale, as in a bare container: Python then has to take UTF-8 of its own accord.
    for source in ("mirror", "cache"):
        ((record,), _) = records(start("load", LC_ALL="C", PYTHONUTF8="", PYTHONIOENCODING="utf8", **surroundings))
        assert record == {"source": source, "content": CONTENT}
    assert {path.name for path in (odd / "home" / "data").iterdir()} == WHOLE
    assert not list((odd / "scratch").iterdir())
