import json

import pytest

from kitutils import data
from kitutils.data import cards, files, formats, lookup, mirror, standins, store
from kitutils.data.faults import DamagedFile, Unavailable

PENGUINS = cards.card("penguins")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A mirror with the penguins, packed from a cache that is gone again."""
    with store.workspace(PENGUINS) as space:
        formats.write(store.part(PENGUINS, space), standins.make(PENGUINS), PENGUINS)
        store.commit(PENGUINS, space, "publisher")
    mirror.pack(tmp_path / "mirror 镜像", ["penguins"])
    monkeypatch.setenv("KIT_HOME", str(tmp_path / "another home"))
    monkeypatch.setenv("KIT_OFFLINE", "1")
    return tmp_path / "mirror 镜像"


def entry(folder) -> dict:
    return json.loads((folder / "MANIFEST.json").read_text())["penguins"]


def set_entry(folder, **changes) -> None:
    (folder / "MANIFEST.json").write_text(json.dumps({"penguins": entry(folder) | changes}))


def test_a_packed_mirror_has_the_promised_form(folder):
    path = folder / "penguins.csv.gz"
    assert entry(folder) == {
        "file": "penguins.csv.gz",
        "sha256": files.sha256(path),
        "bytes": path.stat().st_size,
    }
    assert {path.name for path in folder.iterdir()} == {"MANIFEST.json", "penguins.csv.gz"}


def test_a_set_comes_from_a_folder_and_then_from_the_cache(folder, monkeypatch):
    monkeypatch.setenv("KIT_MIRROR", str(folder))
    first = data.load("penguins")
    assert first.source == "mirror" and not first.is_standin
    monkeypatch.delenv("KIT_MIRROR")
    again = data.load("penguins")
    assert again.source == "cache" and again.frame.equals(first.frame)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_set_comes_from_an_address(folder, monkeypatch, server, slash):
    server.serve_folder(folder)
    monkeypatch.setenv("KIT_MIRROR", server.url + slash)
    assert data.load("penguins").source == "mirror"
    assert server.asked == ["/MANIFEST.json", "/penguins.csv.gz"]


@pytest.mark.parametrize("kind", ["folder", "address"])
@pytest.mark.parametrize("damage", [lambda raw: raw[:-50], lambda raw: raw[::-1]])
def test_a_damaged_file_is_an_error_that_names_it_and_not_a_stand_in(folder, monkeypatch, server, kind, damage):
    path = folder / "penguins.csv.gz"
    path.write_bytes(damage(path.read_bytes()))
    server.serve_folder(folder)
    monkeypatch.setenv("KIT_MIRROR", str(folder) if kind == "folder" else server.url)
    with pytest.raises(DamagedFile, match=r"penguins.csv.gz.*expected"):
        data.load("penguins")
    assert {path.name for path in store.folder().iterdir()} == {".penguins.lock"}


def test_a_right_hash_over_the_wrong_content_is_an_error_too(folder, monkeypatch):
    path = folder / "penguins.csv.gz"
    formats.write(path, standins.make(PENGUINS).head(7), PENGUINS)
    set_entry(folder, sha256=files.sha256(path), bytes=path.stat().st_size)
    monkeypatch.setenv("KIT_MIRROR", str(folder))
    with pytest.raises(DamagedFile, match="7 rows, the card says 344"):
        data.load("penguins")
    assert store.entry(PENGUINS) is None


def test_an_address_behind_a_login_page_is_called_so(monkeypatch, server):
    server.files["/MANIFEST.json"] = server.login_page
    with pytest.raises(DamagedFile, match="web page"):
        mirror.manifest(server.url)


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        '{"penguins": 1}',
        '{"penguins": {"file": "penguins.csv.gz"}}',
        json.dumps({"penguins": {"file": "../penguins.csv.gz", "sha256": "0" * 64, "bytes": 1}}),
        json.dumps({"penguins": {"file": "penguins.csv.gz", "sha256": "0", "bytes": 1}}),
    ],
)
def test_a_manifest_in_another_form_is_refused(tmp_path, text):
    (tmp_path / "MANIFEST.json").write_text(text)
    with pytest.raises(DamagedFile, match=r"MANIFEST.json of the mirror.*kit data pack"):
        mirror.manifest(str(tmp_path))


def test_no_mirror_at_the_given_place_is_unavailable(tmp_path, monkeypatch):
    with pytest.raises(Unavailable, match="not a folder"):
        mirror.manifest(str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable, match=r"MANIFEST.json"):
        mirror.manifest(str(tmp_path))
    with pytest.raises(Unavailable, match="did not answer"):
        mirror.manifest("http://127.0.0.1:9")


def test_a_listed_file_that_is_gone_is_unavailable(folder):
    (folder / "penguins.csv.gz").unlink()
    with pytest.raises(Unavailable, match="cannot be opened"):
        mirror.fetch(PENGUINS, str(folder), folder / "copy.part")


def test_packing_adds_to_what_a_mirror_holds_and_mends_a_damaged_file(folder, monkeypatch):
    monkeypatch.setenv("KIT_MIRROR", str(folder))
    lookup.real(PENGUINS)
    before = (folder / "penguins.csv.gz").read_bytes()
    (folder / "penguins.csv.gz").write_bytes(b"damaged")
    held = json.loads((folder / "MANIFEST.json").read_text())
    (folder / "MANIFEST.json").write_text(
        json.dumps(held | {"other": {"file": "o.npz", "sha256": "1" * 64, "bytes": 9}})
    )
    assert set(mirror.pack(folder, ["penguins"])) == {"other", "penguins"}
    assert (folder / "penguins.csv.gz").read_bytes() == before


def test_a_damaged_cache_is_not_packed(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("KIT_MIRROR", str(folder))
    lookup.real(PENGUINS)
    (store.folder() / "penguins.csv.gz").write_bytes(b"damaged")
    with pytest.raises(DamagedFile):
        mirror.pack(tmp_path / "new", ["penguins"])
    assert not list((tmp_path / "new").iterdir())
