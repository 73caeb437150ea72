import hashlib
import multiprocessing
import os
import time

import pytest

from kitutils import data
from kitutils.data import cards, formats, mirror, publishers, standins, store
from kitutils.data.faults import CacheTrouble, DamagedFile, StandInRefused

PENGUINS = cards.card("penguins")


@pytest.fixture
def published(server, edit_card):
    raw = standins.make(PENGUINS).to_csv(index=False).encode()
    server.files["/penguins.csv"] = raw
    listed = {"url": f"{server.url}/penguins.csv", "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    return edit_card("penguins", files=[listed])


@pytest.fixture
def mirrored(tmp_path, monkeypatch):
    home = os.environ["KIT_HOME"]
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "packer"))
    with store.workspace(PENGUINS) as space:
        formats.write(store.part(PENGUINS, space), standins.make(PENGUINS), PENGUINS)
        store.commit(PENGUINS, space, "publisher")
    mirror.pack(tmp_path / "mirror", ["penguins"])
    monkeypatch.setenv("KIT_HOME", home)
    return tmp_path / "mirror"


def test_cache_comes_before_mirror_and_mirror_before_publisher(published, mirrored, monkeypatch, server):
    monkeypatch.setenv("KIT_MIRROR", str(mirrored))
    assert data.load("penguins").source == "mirror"
    assert data.load("penguins").source == "cache"
    store.discard(PENGUINS)
    assert server.asked == []
    monkeypatch.delenv("KIT_MIRROR")
    assert data.load("penguins").source == "publisher"
    assert server.asked == ["/penguins.csv"]


def test_offline_no_publisher_is_asked(published, monkeypatch, server, capsys):
    monkeypatch.setenv("KIT_OFFLINE", "1")
    assert data.load("penguins").is_standin
    assert server.asked == []
    assert "KIT_OFFLINE" in capsys.readouterr().out
    assert not store.folder().exists()


def test_the_ci_profile_asks_no_publisher(published, monkeypatch, server):
    monkeypatch.setenv("KIT_PROFILE", "ci")
    assert data.load("penguins").is_standin and server.asked == []


def test_a_stand_in_says_so_in_one_line_at_each_load(monkeypatch, capsys):
    monkeypatch.setenv("KIT_OFFLINE", "1")
    for _ in range(2):
        ds = data.load("sst2")
        out = capsys.readouterr().out
        assert out.count("\n") == 1
        assert out.startswith("SST-2: stand-in used, 4,800 generated phrases") and "not in the cache" in out
        assert ds.source == "stand-in" and ds.is_standin


def test_without_a_network_a_stand_in_takes_over_and_the_dead_host_is_asked_once(edit_card, capsys, monkeypatch):
    for name in ("penguins", "bike_sharing"):
        edit_card(name, files=[{"url": "http://127.0.0.1:9/x", "bytes": None, "sha256": None}])
    assert data.load("penguins").is_standin
    assert "127.0.0.1:9 did not answer (no connection)" in capsys.readouterr().out
    monkeypatch.setattr("kitutils.data.download._transfer", lambda *_: pytest.fail("asked again"))
    assert data.load("bike_sharing").is_standin
    assert "did not answer before" in capsys.readouterr().out


def test_a_missing_file_at_the_publisher_leads_to_the_stand_in(published, server, capsys):
    del server.files["/penguins.csv"]
    assert data.load("penguins").is_standin
    assert "answered 404" in capsys.readouterr().out


def test_strict_data_refuses_a_stand_in_and_lists_what_was_tried(published, monkeypatch, server, tmp_path):
    monkeypatch.setenv("KIT_STRICT_DATA", "1")
    monkeypatch.setenv("KIT_MIRROR", str(tmp_path / "no mirror"))
    del server.files["/penguins.csv"]
    with pytest.raises(StandInRefused) as caught:
        data.load("penguins")
    for reason in ("not in the cache", "no mirror is not a folder", "answered 404", "kit data fetch penguins"):
        assert reason in str(caught.value)


def test_a_mirror_without_the_set_is_passed_over_aloud(published, mirrored, monkeypatch, capsys):
    (mirrored / "MANIFEST.json").write_text("{}")
    monkeypatch.setenv("KIT_MIRROR", str(mirrored))
    assert data.load("penguins").source == "publisher"
    assert "does not hold it; asking the publisher" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [b"", b"<html>", None])
def test_a_damaged_cache_file_is_replaced(published, damage):
    data.load("penguins")
    path = store.folder() / "penguins.csv.gz"
    path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    assert data.load("penguins").source == "publisher"
    assert data.load("penguins").source == "cache"


def test_a_damaged_cache_file_that_cannot_be_replaced_is_mentioned(published, monkeypatch, capsys):
    data.load("penguins")
    (store.folder() / "penguins.csv.gz").write_bytes(b"damaged")
    monkeypatch.setenv("KIT_OFFLINE", "1")
    assert data.load("penguins").is_standin
    assert "the cached file was damaged" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["mirror", "publisher"])
def test_a_cache_that_cannot_be_written_still_gives_the_data(
    published, mirrored, monkeypatch, tmp_path, capsys, source
):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "file" / "home"))
    if source == "mirror":
        monkeypatch.setenv("KIT_MIRROR", str(mirrored))
    for _ in range(2):
        assert data.load("penguins").source == source
        assert "penguins is not kept" in capsys.readouterr().out


def test_a_full_disk_is_an_error_and_leaves_nothing(published, monkeypatch):
    import errno

    def full(path, *_):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(publishers.formats, "write", full)
    with pytest.raises(CacheTrouble, match=r"disk is full.*penguins.csv.gz.*KIT_HOME"):
        data.load("penguins")
    assert {path.name for path in store.folder().iterdir()} == {".penguins.lock"}


def test_after_an_error_the_next_load_works(published, server):
    whole = server.files["/penguins.csv"]
    server.files["/penguins.csv"] = whole[:-1]
    with pytest.raises(DamagedFile):
        data.load("penguins")
    server.files["/penguins.csv"] = whole
    assert data.load("penguins").source == "publisher"


def load_in_another_process(start, results):
    start.wait()
    results.put(data.load("penguins").source)


def test_two_processes_at_once_fetch_a_set_once(mirrored, monkeypatch, server):
    server.serve_folder(mirrored)
    whole = server.files["/penguins.csv.gz"]

    def slowly(handler):
        time.sleep(1.0)  # so that the second process arrives while the first is at it
        server.send(handler, whole)

    server.files["/penguins.csv.gz"] = slowly
    monkeypatch.setenv("KIT_MIRROR", server.url)
    spawn = multiprocessing.get_context("spawn")
    start, results = spawn.Event(), spawn.Queue()
    processes = [spawn.Process(target=load_in_another_process, args=(start, results)) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    sources = sorted(results.get(timeout=120) for _ in processes)
    for process in processes:
        process.join(30)
    assert sources == ["cache", "mirror"]
    assert server.asked.count("/penguins.csv.gz") == 1
    assert len(store.read(PENGUINS)) == 344
