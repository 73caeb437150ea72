"""A body that has seen ImageNet, to transfer from: pretrained weights, fetched once, verified, and kept.

The network is Keras' own MobileNetV3 Small. The file comes through the kit's downloader and not through Keras', which
has no time limit: a room without a network would wait.

Lessons: 41.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
from keras import ops

from kitutils import settings
from kitutils.data import download
from kitutils.data.faults import CacheTrouble, DamagedFile, Unavailable
from kitutils.errors import KitError

# As keras.applications has them (keras/src/applications/mobilenet_v3.py).
_HOST = "storage.googleapis.com"
URL = (
    f"https://{_HOST}/tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
)
MD5 = "d3e8ec802a04aa4fc771ee12a9a9b836"


class NoWeights(KitError):
    """The pretrained weights are not here and cannot be had."""


def imagenet_body(input_shape: Sequence[int] = (32, 32, 3), *, side: int = 96) -> keras.Model:
    """MobileNetV3 Small without its head, with the weights it learned on ImageNet.

    Howard et al., "Searching for MobileNetV3", ICCV 2019. The first time, about 4 MB are fetched and kept in
    ``KIT_HOME/weights``.

    Args:
        input_shape: height, width and 3 channels of the images, uint8 or float from 0 to 255.
        side: images are resized to so many pixels on a side inside the model. It learned on 224; fewer are faster, and
            under 32 nothing is left after its halvings.

    Returns:
        A model from images (n, height, width, 3) to features (n, 576), float32. Its scaling is inside.

    Raises:
        NoWeights: they are not here, and ``KIT_OFFLINE``, the profile ci, or the network keeps them away.
        ValueError: the images have no three channels, or ``side`` is under 32.
    """
    if len(input_shape) != 3 or input_shape[-1] != 3:
        raise ValueError(f"ImageNet's images are (height, width, 3); got {tuple(input_shape)}. Repeat a grey channel.")
    if side < 32:
        raise ValueError(f"side is 32 pixels or more; got {side}.")
    path = weights_file()
    body = keras.applications.MobileNetV3Small(
        input_shape=(side, side, 3), include_top=False, weights=None, pooling="avg", include_preprocessing=True
    )
    try:
        body.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise NoWeights(
            f"{_shown(path)} is the file that was expected, but this Keras ({keras.__version__}) cannot put it into "
            f"its MobileNetV3Small ({error.__class__.__name__}); report it, and go on without ImageNet's weights."
        ) from error
    image = keras.Input(tuple(input_shape))
    # Not layers.Resizing: under it Keras 3.15 runs the layers that follow in training mode unless told otherwise.
    return keras.Model(image, body(ops.image.resize(image, (side, side))), name="imagenet_body")


def weights_file() -> Path:
    """The file of the pretrained weights, verified; fetched if it is not here yet.

    Raises:
        NoWeights: see :func:`imagenet_body`.
    """
    path = settings.home() / "weights" / URL.rpartition("/")[2]
    damaged = path.exists() and _md5(path) != MD5
    if path.exists() and not damaged:
        return path
    here = f"ImageNet's weights are not in {_shown(path.parent)}{' (the file there is damaged)' if damaged else ''}"
    if settings.offline():
        why = "KIT_PROFILE=ci never asks a publisher" if settings.profile() == "ci" else "KIT_OFFLINE is set"
        raise NoWeights(f"{here}, and {why}. Run this once with a network and without that, or go on without them.")
    try:
        _fetch(path)
    except Unavailable as error:
        raise NoWeights(f"{here}, and {error}. Try again with a network, or go on without them.") from error
    except DamagedFile as error:
        raise NoWeights(
            f"{here}, and what {_HOST} sent is another file or a cut one; a network that asks for a login does that. "
            "Log in with a browser and try again, or go on without them."
        ) from error
    except (CacheTrouble, OSError) as error:
        raise NoWeights(
            f"{here}, and that folder cannot be written to. Free some space or let KIT_HOME point to another, or go on "
            "without them."
        ) from error
    return path


def _fetch(path: Path) -> None:
    """Bring the file under another name, verify it, and rename it: two notebooks may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        download.fetch(URL, part)
        if _md5(part) != MD5:
            raise DamagedFile(f"{URL} brought a file with another md5 than {MD5}.")
        part.replace(path)


def _md5(path: Path) -> str:
    with path.open("rb") as stream:  # Keras publishes no other hash; it tells a damaged file, not a forged one
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _shown(path: Path) -> str:
    """The path below KIT_HOME: an absolute one would put a machine's folders into a notebook."""
    return str(Path("KIT_HOME") / path.relative_to(settings.home()))
