import errno
import os
from pathlib import Path

import pytest

from kitutils.data import files, formats, standins, store
from kitutils.data.cards import card
from kitutils.data.faults import CacheTrouble, DamagedFile

PENGUINS = card("penguins")


def put(source: str = "mirror") -> None:
    with store.workspace(PENGUINS) as space:
        formats.write(store.part(PENGUINS, space), standins.make(PENGUINS), PENGUINS)
        store.commit(PENGUINS, space, source)


def listing() -> set[str]:
    return {path.name for path in store.folder().iterdir()}


def test_an_empty_cache_holds_nothing_and_is_not_made_by_looking():
    assert store.read(PENGUINS) is None and store.entry(PENGUINS) is None
    assert not store.folder().exists()


def test_what_is_committed_is_read_back_and_nothing_else_lies_about():
    put("publisher")
    assert len(store.read(PENGUINS)) == 344
    assert store.entry(PENGUINS).source == "publisher"
    assert listing() == {"penguins.csv.gz", "penguins.json", ".penguins.lock"}


@pytest.mark.parametrize("home", ["with space", "größe", "数据/キャッシュ"])
def test_the_cache_may_lie_under_any_name(monkeypatch, tmp_path, home):
    monkeypatch.setenv("KIT_HOME", str(tmp_path / home))
    put()
    assert len(store.read(PENGUINS)) == 344


@pytest.mark.parametrize(
    "alter",
    [
        lambda raw: raw[:-100],
        lambda raw: raw[:500] + bytes([raw[500] ^ 1]) + raw[501:],
        lambda raw: raw + b"\0",
        lambda raw: b"",
    ],
)
def test_an_altered_file_is_noticed(alter):
    put()
    path = store.folder() / "penguins.csv.gz"
    path.write_bytes(alter(path.read_bytes()))
    with pytest.raises(DamagedFile, match=r"penguins.csv.gz.*kit data fetch"):
        store.read(PENGUINS)


@pytest.mark.parametrize("note", ["", "{", "[]", "null", '{"sha256": "1"}', '{"sha256": 1, "bytes": "x", "source": 1}'])
def test_a_broken_note_counts_as_an_empty_cache(note):
    put()
    (store.folder() / "penguins.json").write_text(note)
    assert store.read(PENGUINS) is None


def test_a_run_that_is_killed_before_its_note_leaves_nothing_that_looks_whole():
    put()
    (store.folder() / "penguins.json").unlink()
    assert store.read(PENGUINS) is None


def test_what_a_killed_run_left_is_swept_away_by_the_next():
    store.folder().mkdir(parents=True)
    (store.folder() / "penguins.csv.gz.part").write_bytes(b"half")
    (store.folder() / "penguins.download.part").mkdir()
    (store.folder() / "penguins.download.part" / "penguins.csv").write_bytes(b"half")
    (store.folder() / "sst2.csv.gz.part").write_bytes(b"another set's")
    put()
    assert listing() == {"penguins.csv.gz", "penguins.json", ".penguins.lock", "sst2.csv.gz.part"}


def test_a_file_that_does_not_hold_the_set_is_not_committed():
    with pytest.raises(DamagedFile, match="penguins"), store.workspace(PENGUINS) as space:
        formats.write(store.part(PENGUINS, space), standins.make(PENGUINS).head(5), PENGUINS)
        store.commit(PENGUINS, space, "mirror")
    assert listing() == {".penguins.lock"}


def test_a_disk_that_fills_up_is_an_error_and_leaves_the_cache_as_it_was(monkeypatch):
    store.folder().mkdir(parents=True)
    replace = Path.replace

    def full(self, target):
        if self.name == "penguins.json.part":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CacheTrouble, match=r"disk is full.*penguins.*KIT_HOME"):
        put()
    assert store.read(PENGUINS) is None
    assert not [name for name in listing() if name.endswith(".part")]


def test_more_than_the_disk_holds_is_not_begun(tmp_path):
    with pytest.raises(CacheTrouble, match=r"free, and .* are needed"):
        files.need_space(tmp_path, 10**18)
    files.need_space(tmp_path, 1)


def test_a_cache_that_cannot_be_written_is_replaced_by_a_folder_for_the_moment(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "file" / "home"))
    with store.workspace(PENGUINS) as space:
        assert space != store.folder()
        formats.write(store.part(PENGUINS, space), standins.make(PENGUINS), PENGUINS)
        assert len(store.commit(PENGUINS, space, "mirror")) == 344
    assert not space.exists()
    assert "penguins is not kept" in capsys.readouterr().out


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_read_only_cache_is_still_read():
    put()
    store.folder().chmod(0o500)
    try:
        assert len(store.read(PENGUINS)) == 344
    finally:
        store.folder().chmod(0o700)


def test_a_set_that_another_process_holds_for_too_long_is_an_error(monkeypatch, capsys):
    from filelock import FileLock

    monkeypatch.setattr(store, "PATIENCE_S", 0.2)
    store.folder().mkdir(parents=True)
    # Two lock objects on one file exclude each other as two processes do.
    with (
        FileLock(store.folder() / ".penguins.lock", is_singleton=False),
        pytest.raises(CacheTrouble, match="Another process"),
        store.workspace(PENGUINS),
    ):
        pytest.fail("both were let in")
    assert "waiting" in capsys.readouterr().out


def test_a_set_is_taken_out():
    put()
    with store.workspace(PENGUINS):
        store.discard(PENGUINS)
    assert store.read(PENGUINS) is None and listing() == {".penguins.lock"}
