import gzip
import hashlib

import numpy as np
import pytest

from kitutils.data import formats, standins
from kitutils.data.cards import card
from kitutils.data.faults import DamagedFile


def small(name: str, rows: dict[str, int], **changes):
    """A card for a prepared file of another size."""
    from dataclasses import replace

    return replace(card(name), rows=rows, **changes)


def some_images(train: int = 20, test: int = 10) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (train, 28, 28, 1), np.uint8),
        "y_train": np.arange(train, dtype=np.int64) % 10,
        "x_test": rng.integers(0, 256, (test, 28, 28, 1), np.uint8),
        "y_test": np.arange(test, dtype=np.int64) % 10,
    }


MNIST = small("mnist", {"train": 20, "test": 10})


def same(a, b) -> bool:
    return all(np.array_equal(a[name], b[name]) and a[name].dtype == b[name].dtype for name in formats.ARRAYS)


def test_images_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "mnist.npz.part"
    formats.write(path, some_images(), MNIST)
    assert same(formats.read(path, MNIST), some_images())


def test_a_mirror_may_leave_out_the_channel_and_keep_labels_in_a_byte(tmp_path):
    path = tmp_path / "mnist.npz"
    content = some_images()
    np.savez(
        path,
        x_train=content["x_train"][..., 0],
        x_test=content["x_test"][..., 0],
        y_train=content["y_train"].astype(np.uint8)[:, None],
        y_test=content["y_test"].astype(np.uint8),
    )
    assert same(formats.read(path, MNIST), content)


@pytest.mark.parametrize("text", ["NA", "null", "", 'she said "no", twice', "two\nlines", "naïve 電影", " spaced "])
def test_texts_come_back_as_they_were_written(tmp_path, text):
    path = tmp_path / "imdb.csv.gz.part"
    rows = {"train": [(text, 0), ("good", 1)], "test": [("bad", 0), (text, 1)]}
    imdb = small("imdb", {"train": 2, "test": 2})
    formats.write(path, formats.texts(rows), imdb)
    read = formats.read(path, imdb)
    assert read["x_train"].tolist() == [text, "good"] and read["x_test"].tolist() == ["bad", text]
    assert read["x_train"].dtype == object and read["y_train"].dtype == np.int64


def test_rows_without_a_label_are_left_out_and_the_dev_set_becomes_the_test_rows(tmp_path):
    path = tmp_path / "sst2.csv.gz"
    path.write_bytes(gzip.compress(b"split,text,label\ntrain,a,0\ntrain,b,1\ndev,c,0\ndev,d,1\ntest,e,\ntest,f,\n"))
    read = formats.read(path, small("sst2", {"train": 2, "test": 2}))
    assert read["x_test"].tolist() == ["c", "d"]


def test_a_table_comes_back_with_its_missing_values(tmp_path):
    frame = standins.make(card("penguins"))
    path = tmp_path / "penguins.csv.gz.part"
    formats.write(path, frame, card("penguins"))
    read = formats.read(path, card("penguins"))
    assert read.equals(frame) or (read.isna().sum().equals(frame.isna().sum()) and read.dropna().equals(frame.dropna()))
    assert read["sex"].isna().sum() == 11


@pytest.mark.parametrize("name", ["mnist", "sst2", "penguins"])
def test_the_same_content_always_gives_the_same_bytes(tmp_path, name):
    content = standins.make(card(name))
    hashes = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / f"{folder}.part"
        formats.write(path, content, card(name))
        hashes.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_pickled_content_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the file was unpickled",))

    path = tmp_path / "mnist.npz"
    content = some_images() | {"y_test": np.array([Trap()], dtype=object)}
    np.savez(path, **content)
    with pytest.raises(DamagedFile, match="mnist"):
        formats.read(path, MNIST)


@pytest.mark.parametrize("name", ["mnist", "sst2", "penguins"])
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"<html>no</html>"])
def test_a_broken_file_is_called_so(tmp_path, name, damage):
    path = tmp_path / card(name).prepared_file
    formats.write(path, standins.make(card(name)), card(name))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedFile, match=f"{path.name}.*{name}"):
        formats.read(path, card(name))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"x_train": np.zeros((20, 28, 28, 3), np.uint8)}, "x_train is uint8"),
        ({"x_test": np.zeros((10, 28, 28, 1), np.float32)}, "x_test is float32"),
        ({"y_train": np.zeros(20, np.int64)}, "y_train has the labels"),
        ({"y_train": np.arange(20, dtype=np.int64)}, "y_train has the labels"),
        ({"y_test": np.arange(9, dtype=np.int64)}, "x_test has 10 rows and y_test has 9"),
        (some_images(train=30), "x_train has 30 rows, the card says 20"),
    ],
)
def test_images_that_differ_from_the_card_are_refused(change, complaint):
    assert complaint in formats.fault_of(some_images() | change, MNIST, exact_rows=True)


def test_row_counts_are_free_where_a_stand_in_is_checked():
    assert formats.fault_of(some_images(train=30), MNIST, exact_rows=False) is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda f: f.drop(columns="year"), "its columns are"),
        (lambda f: f[list(f.columns)[::-1]], "its columns are"),
        (lambda f: f.head(10), "it has 10 rows"),
        (lambda f: f.assign(year="2007"), "column year is"),
        (lambda f: f.assign(sex=1), "column sex is"),
    ],
)
def test_a_table_that_differs_from_the_card_is_refused(change, complaint):
    assert complaint in formats.fault_of(change(standins.make(card("penguins"))), card("penguins"), exact_rows=True)
