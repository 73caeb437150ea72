import hashlib

import pytest

from kitutils.data import download
from kitutils.data.faults import CacheTrouble, DamagedFile, Unavailable

BODY = bytes(range(256)) * 2000
HASH = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "größe 数据.npz.part"


def test_a_file_arrives_whole(server, target):
    server.files["/a.bin"] = BODY
    download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert target.read_bytes() == BODY


def test_size_and_hash_need_not_be_known(server, target):
    server.files["/a.bin"] = BODY
    download.fetch(f"{server.url}/a.bin", target)
    assert target.read_bytes() == BODY


def test_a_packed_file_is_not_unpacked_on_its_way(server, target):
    def answer(handler):
        assert handler.headers["Accept-Encoding"] == "identity"
        server.send(handler, BODY)

    server.files["/a.gz"] = answer
    download.fetch(f"{server.url}/a.gz", target, len(BODY), HASH)
    assert target.read_bytes() == BODY


def test_another_file_is_refused_with_both_hashes(server, target):
    server.files["/a.bin"] = BODY[::-1]
    with pytest.raises(DamagedFile, match=f"sha256 is {hashlib.sha256(BODY[::-1]).hexdigest()}, expected was {HASH}"):
        download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert not target.exists()


def test_another_size_is_refused(server, target):
    server.files["/a.bin"] = BODY[:-1]
    with pytest.raises(DamagedFile, match="511,999 bytes where 512,000 were expected"):
        download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert not target.exists()


def test_a_login_page_is_called_so(server, target):
    server.files["/a.bin"] = server.login_page
    with pytest.raises(DamagedFile, match=r"web page.*login"):
        download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert not target.exists()


def test_a_transfer_that_breaks_off_is_begun_again_from_its_start(server, target):
    server.files["/a.bin"] = server.in_turn(server.cut(BODY), BODY)
    download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert target.read_bytes() == BODY
    assert server.asked == ["/a.bin", "/a.bin"]


def test_a_transfer_that_always_breaks_off_is_an_error(server, target):
    server.files["/a.bin"] = server.cut(BODY)
    with pytest.raises(DamagedFile, match=r"broke off 2 times, after [\d,]+ bytes of 512,000"):
        download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert not target.exists()
    assert len(server.asked) == download.TRIES


def test_a_server_that_falls_silent_is_left_after_a_time_and_asked_once_more(server, target, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_S", 0.3)
    server.files["/a.bin"] = server.in_turn(server.stall(BODY, 2), BODY)
    download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert target.read_bytes() == BODY


def test_a_server_that_stays_silent_counts_as_unreachable(server, target, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_S", 0.3)
    server.files["/a.bin"] = server.stall(BODY, 2)
    with pytest.raises(Unavailable, match=r"silent for 0.3 s"):
        download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert not target.exists() and len(server.asked) == download.TRIES


def test_a_server_that_dribbles_is_left(server, target, monkeypatch):
    monkeypatch.setattr(download, "GRACE_S", -1.0)
    monkeypatch.setattr(download, "SLOWEST", 1e12)
    server.files["/a.bin"] = BODY
    with pytest.raises(Unavailable, match="still not done"):
        download.fetch(f"{server.url}/a.bin", target, len(BODY), HASH)
    assert not target.exists()


def test_a_missing_file_does_not_condemn_its_host(server, target):
    server.files["/b.bin"] = BODY
    with pytest.raises(Unavailable, match=r"a.bin answered 404"):
        download.fetch(f"{server.url}/a.bin", target)
    download.fetch(f"{server.url}/b.bin", target)
    assert target.read_bytes() == BODY


def test_a_host_that_refuses_is_asked_once_by_a_process(server, target, monkeypatch):
    url = "http://127.0.0.1:9/a.bin"  # the discard port, where nothing listens
    with pytest.raises(Unavailable, match="did not answer"):
        download.fetch(url, target)
    monkeypatch.setattr(download, "_transfer", lambda *_: pytest.fail("the host was asked again"))
    with pytest.raises(Unavailable, match=r"did not answer before.*restart the kernel"):
        download.fetch(url.replace("a.bin", "b.bin"), target)


def test_a_host_without_a_name_is_unreachable(target):
    with pytest.raises(Unavailable, match="name was not found"):
        download.fetch("http://no-such-host.invalid/a.bin", target)


def test_an_address_that_is_none_is_unavailable(target):
    with pytest.raises(Unavailable):
        download.fetch("http://", target)


def test_a_folder_that_takes_no_file_is_named(server, tmp_path):
    server.files["/a.bin"] = BODY
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheTrouble, match=r"cannot be written.*KIT_HOME"):
        download.fetch(f"{server.url}/a.bin", tmp_path / "file" / "a.part")


def test_a_full_disk_is_called_so(server, target, monkeypatch):
    import errno

    def full(*_):
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "_transfer", full)
    with pytest.raises(CacheTrouble, match=r"disk is full.*KIT_HOME"):
        download.fetch(f"{server.url}/a.bin", target)
    assert not target.exists()
