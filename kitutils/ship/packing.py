"""How large a model really is: one entropy coder for all, and a file that profits from zeros and shared values.

An array of nine zeros in ten takes as much room as any other until somebody codes it shorter, so a comparison is only
fair if all models go through the same coder. Here that is xz: its range coder spends less than one bit on a number that
is nearly certain, where zlib's Huffman codes spend at least one.

Lessons: 50.
"""

from __future__ import annotations

import json
import lzma
import struct
from pathlib import Path

import keras
import numpy as np

from kitutils.errors import KitError
from kitutils.ship.adapted import adapting, restore, state_of
from kitutils.ship.kernels import kernel_layers
from kitutils.ship.quantise import dequantise, quantise, weight_scales

MAGIC = b"KITPACK1"
LENGTH = struct.Struct("<I")


class BadPack(KitError):
    """A packed model is cut, altered, or none at all."""


def entropy_coded(what: keras.Model | str | Path | bytes) -> int:
    """Bytes that are left after xz at its highest level.

    Args:
        what: bytes, a file, or a model. Of a model that is its architecture and its weights as they are, in float32:
            no optimizer's state, and no form that helps the coder. For that, ``entropy_coded(pack(model))``.
    """
    if isinstance(what, keras.Model):
        weights = b"".join(np.ascontiguousarray(weight).tobytes() for weight in what.get_weights())
        what = what.to_json().encode() + weights
    elif not isinstance(what, bytes):
        what = Path(what).read_bytes()
    return len(_coded(what))


def pack(model: keras.Model, *, int8: bool = False) -> bytes:
    """A model as one file that holds all that :func:`unpack` needs: architecture, weights, and how they are stored.

    Each array takes the smallest of these forms before xz codes the whole:

    - ``shared``: a list of up to 256 values, and for each weight the number of its value, a byte
    - ``sparse``: a bit for each weight that says whether it is zero, and the others in float32
    - ``plain``: as it is
    - ``int8``, if asked for, for kernels that are not shared: a byte for each weight and a scale for each channel

    What layers have adapted to, such as a vocabulary, goes along as it is.

    Args:
        model: built. Its own layers, if it has any, are registered with Keras.
        int8: round the kernels of dense layers and convolutions to eight bits. Otherwise nothing is lost.
    """
    kernels = {id(layer.kernel) for layer in kernel_layers(model).values()} if int8 else set()
    forms, parts = [], []
    for weight in model.weights:
        value = weight.numpy()
        form, stored = min(_forms(value, id(weight) in kernels), key=lambda option: sum(map(len, option[1])))
        forms.append([form, str(value.dtype), list(value.shape), [len(part) for part in stored]])
        parts += stored
    adapted = []
    for layer in adapting(model):
        state = state_of(layer)
        adapted.append([[key, str(value.dtype), list(value.shape), value.nbytes] for key, value in state.items()])
        parts += [value.tobytes() for value in state.values()]
    kept = {"model": json.loads(model.to_json()), "weights": forms, "adapted": adapted}
    head = json.dumps(kept, separators=(",", ":")).encode()
    return MAGIC + _coded(LENGTH.pack(len(head)) + head + b"".join(parts))


def unpack(packed: bytes) -> keras.Model:
    """The model of a packed file, not compiled, with the very weights that were packed (rounded, where ``int8``).

    Raises:
        BadPack: the file is cut, altered or none of :func:`pack`'s.
    """
    if not packed.startswith(MAGIC):
        raise BadPack(
            f"A packed model begins with {MAGIC!r}; this begins with {packed[:8]!r}. Use what pack() returned."
        )
    try:
        content = lzma.decompress(packed[len(MAGIC) :], lzma.FORMAT_XZ)
        start = LENGTH.size + LENGTH.unpack_from(content)[0]
        head = json.loads(content[LENGTH.size : start])
        weights = []
        for form, dtype, shape, lengths in head["weights"]:
            stored = []
            for length in lengths:
                stored.append(content[start : start + length])
                start += length
            weights.append(_restored(form, np.dtype(dtype), shape, stored))
        adapted = []
        for state in head.get("adapted", []):
            adapted.append({})
            for key, dtype, shape, length in state:
                adapted[-1][key] = _restored("plain", np.dtype(dtype), shape, [content[start : start + length]])
                start += length
    except (lzma.LZMAError, struct.error, ValueError, LookupError, TypeError) as error:
        raise BadPack(f"This packed model is cut or altered ({error}). Pack it again.") from error
    model = keras.models.model_from_json(json.dumps(head["model"]))
    model.set_weights(weights)
    if "adapted" not in head and (lost := sorted({layer.__class__.__name__ for layer in adapting(model)})):
        raise BadPack(
            f"An earlier kit packed this without what {', '.join(lost)} adapted to. With this one, pack it again."
        )
    try:
        for layer, state in zip(adapting(model), adapted, strict=True):
            restore(layer, state)
    except (ValueError, LookupError, OSError) as error:
        raise BadPack(f"What a layer has adapted to does not fit the layer ({error}). Pack the model again.") from error
    return model


def _coded(content: bytes) -> bytes:
    # A dictionary as long as the content finds whatever the level's own 64 MB would, and takes less memory. The format
    # checks itself by a CRC of 64 bits.
    length = min(max(len(content), 4096), 64 << 20)
    level = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": length}
    return lzma.compress(content, lzma.FORMAT_XZ, filters=[level])


def _forms(value: np.ndarray, rounded: bool) -> list[tuple[str, list[bytes]]]:
    """The forms that this array can take, each with its parts."""
    if value.dtype != np.float32 or not value.size:
        return [("plain", [np.ascontiguousarray(value).tobytes()])]
    bits = np.ascontiguousarray(value).view(np.uint32)  # compared as bits, so that -0.0 and nan come back as well
    forms = []
    codes, number = np.unique(bits, return_inverse=True)
    if len(codes) <= 256:
        forms.append(("shared", [codes.tobytes(), number.astype(np.uint8).tobytes()]))
    elif rounded:
        scales = weight_scales(value)
        return [("int8", [scales.tobytes(), quantise(value, scales, low=-127).tobytes()])]
    there = bits != 0
    forms.append(("sparse", [np.packbits(there).tobytes(), bits[there].tobytes()]))
    forms.append(("plain", [bits.tobytes()]))
    return forms


def _restored(form: str, dtype: np.dtype, shape: list[int], stored: list[bytes]) -> np.ndarray:
    if form == "plain":
        return np.frombuffer(stored[0], dtype).reshape(shape)
    if form == "shared":
        codes, number = np.frombuffer(stored[0], np.uint32), np.frombuffer(stored[1], np.uint8)
        return codes[number].view(np.float32).reshape(shape)
    if form == "int8":
        return dequantise(np.frombuffer(stored[1], np.int8).reshape(shape), np.frombuffer(stored[0], np.float32))
    if form == "sparse":
        bits = np.zeros(int(np.prod(shape)), np.uint32)
        there = np.unpackbits(np.frombuffer(stored[0], np.uint8), count=bits.size).astype(bool)
        bits[there] = np.frombuffer(stored[1], np.uint32)
        return bits.view(np.float32).reshape(shape)
    raise ValueError(f"unknown form {form!r}")
