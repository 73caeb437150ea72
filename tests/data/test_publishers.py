"""Each publisher's format, packed here in small, comes through a real download as the kit's prepared form."""

import gzip
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest

from kitutils import data
from kitutils.data import publishers, standins, store
from kitutils.data.cards import card
from kitutils.data.faults import DamagedFile


def tar(members: dict[str, bytes], link: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, raw in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
            archive.addfile(member)
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def csv(name: str) -> bytes:
    return standins.make(card(name)).to_csv(index=False).encode()


@pytest.fixture
def publish(server, edit_card):
    """Offer files as a data set's publisher on this machine; the rest of the card stays as it is."""

    def offer(name: str, files: dict[str, bytes], rows: dict[str, int], sha256: str | None = None, known: bool = True):
        server.files |= {f"/{path}": raw for path, raw in files.items()}
        listed = [
            {
                "url": f"{server.url}/{path}",
                "bytes": len(raw) if known else None,
                "sha256": (sha256 or hashlib.sha256(raw).hexdigest()) if known else None,
            }
            for path, raw in files.items()
        ]
        return edit_card(name, files=listed, rows=rows)

    return offer


def test_a_table_comes_from_its_publisher_and_then_from_the_cache(publish, server):
    publish("penguins", {"penguins.csv": csv("penguins")}, {"all": 344})
    first, again = data.load("penguins"), data.load("penguins")
    assert (first.source, again.source) == ("publisher", "cache")
    assert again.frame.equals(first.frame) and server.asked == ["/penguins.csv"]
    assert {path.name for path in store.folder().iterdir()} == {"penguins.csv.gz", "penguins.json", ".penguins.lock"}


def test_cifar10_is_read_from_its_binary_form(publish):
    rng = np.random.default_rng(0)
    rows = {"data_batch_1": 10, "data_batch_2": 20, "test_batch": 10}
    x = {name: rng.integers(0, 256, (n, 32, 32, 3), np.uint8) for name, n in rows.items()}
    members = {"cifar-10-batches-bin/batches.meta.txt": b"airplane\n"}
    for name, pictures in x.items():
        records = [bytes([i % 10]) + picture.transpose(2, 0, 1).tobytes() for i, picture in enumerate(pictures)]
        members[f"cifar-10-batches-bin/{name}.bin"] = b"".join(records)
    publish("cifar10", {"cifar.tar.gz": tar(members)}, {"train": 30, "test": 10})
    ds = data.load("cifar10")
    assert np.array_equal(ds.x_train, np.concatenate([x["data_batch_1"], x["data_batch_2"]]))
    assert np.array_equal(ds.x_test, x["test_batch"])
    assert ds.y_train.tolist() == [*range(10), *range(10), *range(10)]


def test_fashion_mnist_is_read_from_its_four_files(publish):
    rng = np.random.default_rng(0)
    content = {"x_train": rng.integers(0, 256, (20, 28, 28), np.uint8), "y_train": np.arange(20, dtype=np.uint8) % 10}
    content |= {"x_test": rng.integers(0, 256, (10, 28, 28), np.uint8), "y_test": np.arange(10, dtype=np.uint8)}
    files = {}
    for name, array in content.items():
        head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        files[f"{name}.gz"] = gzip.compress(head + array.tobytes())
    publish("fashion_mnist", files, {"train": 20, "test": 10})
    ds = data.load("fashion_mnist")
    assert np.array_equal(ds.x_train[..., 0], content["x_train"]) and ds.x_test.shape == (10, 28, 28, 1)
    assert ds.y_train.dtype == np.int64 and np.array_equal(ds.y_train, content["y_train"])


def test_mnist_is_read_from_keras_own_file(publish):
    buffer = io.BytesIO()
    x = np.arange(20 * 784, dtype=np.uint32).astype(np.uint8).reshape(20, 28, 28)
    y = np.arange(20, dtype=np.uint8) % 10
    np.savez(buffer, x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    publish("mnist", {"mnist.npz": buffer.getvalue()}, {"train": 20, "test": 10})
    assert np.array_equal(data.load("mnist").x_train[..., 0], x)


def test_imdb_is_read_without_its_unlabelled_reviews_or_links(publish):
    members = {"aclImdb/README": b"about"}
    for part in ("train", "test"):
        members |= {f"aclImdb/{part}/pos/0_9.txt": f"good {part}<br />é".encode()}
        members |= {f"aclImdb/{part}/neg/0_2.txt": f"bad {part}".encode()}
    members |= {"aclImdb/train/unsup/0_0.txt": b"who knows"}
    archive = tar(members, link="aclImdb/train/pos/link.txt")
    publish("imdb", {"aclImdb.tar.gz": archive}, {"train": 2, "test": 2})
    ds = data.load("imdb")
    assert dict(zip(ds.x_train, ds.y_train.tolist(), strict=True)) == {"bad train": 0, "good train<br />é": 1}
    assert set(ds.x_test) == {"bad test", "good test<br />é"}


def test_sst2_keeps_quotation_marks_and_takes_the_dev_set_as_test_rows(publish):
    head = "sentence\tlabel\n"
    members = {
        "SST-2/train.tsv": (head + '" plain \t1\nfine " \t1\nnull \t0\n').encode(),
        "SST-2/dev.tsv": (head + "a dev sentence\t0\nNA\t1\n").encode(),
        "SST-2/test.tsv": b"index\tsentence\n0\tno label\n",
    }
    publish("sst2", {"SST-2.zip": zipped(members)}, {"train": 3, "test": 2})
    ds, cached = data.load("sst2"), data.load("sst2")
    for one in (ds, cached):
        assert one.x_train.tolist() == ['" plain', 'fine "', "null"] and one.y_train.tolist() == [1, 1, 0]
        assert one.x_test.tolist() == ["a dev sentence", "NA"] and one.y_test.tolist() == [0, 1]


def test_california_housing_and_bike_sharing_are_read_from_their_archives(publish):
    rows = {name: len(standins.make(card(name))) for name in ("california_housing", "bike_sharing")}
    publish(
        "california_housing",
        {"h.tgz": tar({"housing.csv": csv("california_housing")})},
        {"all": rows["california_housing"]},
    )
    members = {"Readme.txt": b"about", "day.csv": b"a,b\n1,2\n", "hour.csv": csv("bike_sharing")}
    publish("bike_sharing", {"b.zip": zipped(members)}, {"all": rows["bike_sharing"]}, known=False)
    for name in rows:
        ds = data.load(name)
        assert ds.source == "publisher" and len(ds.frame) == rows[name]


def test_a_wrong_hash_is_an_error_and_not_a_stand_in(publish):
    publish("penguins", {"penguins.csv": csv("penguins")}, {"all": 344}, sha256="0" * 64)
    with pytest.raises(DamagedFile, match=f"penguins.csv.*expected was {'0' * 64}"):
        data.load("penguins")
    assert {path.name for path in store.folder().iterdir()} == {".penguins.lock"}


def test_a_file_cut_on_the_way_is_an_error(publish, server):
    publish("penguins", {"penguins.csv": csv("penguins")}, {"all": 344})
    server.files["/penguins.csv"] = server.cut(csv("penguins"))
    with pytest.raises(DamagedFile, match="broke off"):
        data.load("penguins")
    assert {path.name for path in store.folder().iterdir()} == {".penguins.lock"}


def test_a_login_page_is_an_error_even_where_no_hash_is_known(publish, server):
    publish("bike_sharing", {"b.zip": server.login_page}, {"all": 10}, known=False)
    with pytest.raises(DamagedFile, match="web page"):
        data.load("bike_sharing")


@pytest.mark.parametrize("raw", [b"PK\x03\x04 but no archive", zipped({"hour.csv": b"a,b\n1,2\n"}), zipped({"x": b""})])
def test_without_a_hash_the_content_decides(publish, raw):
    publish("bike_sharing", {"b.zip": raw}, {"all": 10}, known=False)
    with pytest.raises(DamagedFile, match=r"b.zip.*not bike_sharing as its card has it"):
        data.load("bike_sharing")
    assert store.entry(card("bike_sharing")) is None


def test_nothing_is_written_beside_the_cache(publish, tmp_path):
    evil = tar({"../../evil.csv": b"x", "housing.csv": csv("california_housing")})
    publish("california_housing", {"h.tgz": evil}, {"all": len(standins.make(card("california_housing")))})
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    data.load("california_housing")
    after = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parent for path in after - before} == {store.folder()}


def test_the_registry_names_no_other_sets():
    assert all(card(name).origin == "download" for name in publishers.PREPARE)
