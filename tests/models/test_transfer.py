"""ImageNet's weights: had once, verified, and refused in one sentence where they can't be had."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications import mobilenet_v3
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

from kitutils import settings
from kitutils.data import download
from kitutils.models import transfer
from kitutils.models.transfer import NoWeights, imagenet_body, weights_file


class Quiet(SimpleHTTPRequestHandler):
    asked = 0

    def log_message(self, *arguments):
        Quiet.asked += 1


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    """A folder that a web server of this machine offers as the publisher's, in a profile that may ask."""
    folder = tmp_path / "publisher"
    folder.mkdir()
    Quiet.asked = 0
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(transfer, "URL", f"http://127.0.0.1:{web.server_port}/body.h5")
    monkeypatch.setattr(download, "_unreachable", {})
    monkeypatch.setenv("KIT_PROFILE", "workshop")
    monkeypatch.setenv("KIT_OFFLINE", "0")
    yield folder
    web.shutdown()
    web.server_close()


def expect_the_file(monkeypatch, content):
    monkeypatch.setattr(transfer, "MD5", hashlib.md5(content).hexdigest())
    return content


def kept():
    return sorted(path.name for path in (settings.home() / "weights").rglob("*"))


def test_address_and_hash_are_those_of_keras():
    folder, _, name = transfer.URL.rpartition("/")
    assert f"{folder}/" == mobilenet_v3.BASE_WEIGHT_PATH
    assert name == "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    assert mobilenet_v3.WEIGHTS_HASHES["small_224_1.0_float"][1] == transfer.MD5


def test_the_body_has_the_weights_of_the_file_and_scales_by_itself(publisher, monkeypatch):
    keras.utils.set_random_seed(1)
    theirs = keras.applications.MobileNetV3Small(
        input_shape=(32, 32, 3), include_top=False, weights=None, pooling="avg"
    )
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    for layer in theirs.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # or random weights leave nothing of an image but zeros
    theirs(images, training=True)
    with h5py.File(publisher / "body.h5", "w") as file:
        save_weights_to_hdf5_group(file, theirs)
    expect_the_file(monkeypatch, (publisher / "body.h5").read_bytes())
    body = imagenet_body((32, 32, 3), side=32)
    features, expected = np.array(body(images)), np.array(theirs(images))
    assert features.shape == (8, 576)
    assert np.ptp(expected, axis=0).max() > 0.1  # images differ in their features
    np.testing.assert_allclose(features, expected, atol=1e-4)
    assert np.abs(features - np.array(theirs(images / 255))).max() > 1e-2  # 0 to 1 is another input
    assert imagenet_body((20, 24, 3), side=48).output_shape == (None, 576)
    assert Quiet.asked == 1  # the second body came from the kept file


def test_a_kept_file_is_used_without_a_network(publisher, monkeypatch):
    (publisher / "body.h5").write_bytes(expect_the_file(monkeypatch, b"weights"))
    path = weights_file()
    assert path.read_bytes() == b"weights"
    assert kept() == ["body.h5"]
    monkeypatch.setenv("KIT_OFFLINE", "1")
    assert weights_file() == path
    assert Quiet.asked == 1


@pytest.mark.parametrize(
    ("name", "value", "says"), [("KIT_OFFLINE", "1", "KIT_OFFLINE is set"), ("KIT_PROFILE", "ci", "KIT_PROFILE=ci")]
)
def test_nobody_is_asked_where_nobody_may_be(publisher, monkeypatch, name, value, says):
    (publisher / "body.h5").write_bytes(expect_the_file(monkeypatch, b"weights"))
    monkeypatch.setenv(name, value)
    with pytest.raises(NoWeights, match=f"KIT_HOME.weights, and {says}"):
        imagenet_body()
    assert Quiet.asked == 0


def test_another_file_is_not_kept(publisher):
    (publisher / "body.h5").write_bytes(b"something else")
    with pytest.raises(NoWeights, match="another file or a cut one"):
        weights_file()
    assert kept() == []


def test_a_login_page_is_not_kept(publisher, monkeypatch):
    (publisher / "body.h5").write_bytes(expect_the_file(monkeypatch, b"<!doctype html><html>Log in</html>"))
    with pytest.raises(NoWeights, match="asks for a login"):
        weights_file()
    assert kept() == []


def test_a_missing_page_and_a_closed_door_are_told_in_one_sentence(publisher, monkeypatch):
    with pytest.raises(NoWeights, match="answered 404"):
        weights_file()
    monkeypatch.setattr(transfer, "URL", "http://127.0.0.1:9/body.h5")  # nobody listens there
    with pytest.raises(NoWeights, match="did not answer") as error:
        weights_file()
    assert str(settings.home()) not in str(error.value)
    assert kept() == []


def test_a_damaged_file_is_brought_again(publisher, monkeypatch):
    (publisher / "body.h5").write_bytes(expect_the_file(monkeypatch, b"weights"))
    path = weights_file()
    path.write_bytes(b"weig")
    assert weights_file().read_bytes() == b"weights"
    path.write_bytes(b"weig")
    monkeypatch.setenv("KIT_OFFLINE", "1")
    with pytest.raises(NoWeights, match="the file there is damaged"):
        weights_file()


def test_a_folder_that_takes_nothing(publisher, monkeypatch):
    (publisher / "body.h5").write_bytes(expect_the_file(monkeypatch, b"weights"))
    (settings.home() / "weights").write_text("a file in the folder's place")
    with pytest.raises(NoWeights, match="cannot be written to") as error:
        weights_file()
    assert str(settings.home()) not in str(error.value)


def test_a_file_that_is_no_weights_is_reported(publisher, monkeypatch):
    (publisher / "body.h5").write_bytes(expect_the_file(monkeypatch, b"no weights at all"))
    with pytest.raises(NoWeights, match="this Keras"):
        imagenet_body()


@pytest.mark.parametrize(("arguments", "says"), [(((32, 32, 1),), "Repeat a grey channel"), (((32, 32),), "height")])
def test_images_without_three_channels_are_refused_at_the_door(arguments, says):
    with pytest.raises(ValueError, match=says):
        imagenet_body(*arguments)


def test_images_that_would_vanish_are_refused_at_the_door():
    with pytest.raises(ValueError, match="32 pixels or more; got 16"):
        imagenet_body(side=16)
