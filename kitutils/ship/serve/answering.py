"""From the model's outputs, and from whatever went wrong, to the answer."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kitutils.ship.faults import BadInput
from kitutils.ship.predictor import probabilities
from kitutils.ship.serve.batching import Closed, Overloaded
from kitutils.ship.serve.hosting import Served, Unknown
from kitutils.ship.serve.reading import Refused

log = logging.getLogger(__name__)
RETRY_AFTER = "1"  # seconds: a queue of the usual length is through by then
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
_USUAL = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]


class _Json(Response):
    """An answer in JSON, with its headers written as they are sent: there is one for each request."""

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.body, self.status_code, self.background = body, status, None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), *_USUAL]
        self.raw_headers += [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers.items()]


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf8", "replace")  # half of a surrogate pair may come back in a sentence
    return _Json(body, status, headers or {})


def prediction(served: Served, outputs: np.ndarray) -> Response:
    """The answer of ``/predict``: label and probabilities of one input, whose outputs have shape (1, classes).

    Raises:
        BadInput: the model gives no number for it.
    """
    (row,) = probabilities(outputs, served.manifest.output).tolist()
    if not math.isfinite(sum(row)):
        raise BadInput(_NO_NUMBER)
    labels = served.manifest.labels
    return as_json(
        {
            "model": served.name,
            "version": served.version,
            "label": labels[row.index(max(row))],
            "probabilities": dict(zip(labels, row, strict=True)),
        }
    )


def tf_serving(outputs: np.ndarray, key: str) -> Response:
    """The model's own outputs, shape (rows, classes), as TensorFlow Serving gives them: a model here has one output.

    Args:
        outputs: of the model.
        key: "predictions" after rows, "outputs" after columns.

    Raises:
        BadInput: the model gives no number for one of the inputs.
    """
    if not (finite := np.isfinite(outputs)).all():
        raise BadInput(_NO_NUMBER, int(np.flatnonzero(~finite.reshape(len(outputs), -1).all(axis=1))[0]))
    return as_json({key: outputs.tolist()})


def refusal(error: Exception) -> Response:
    """The answer to whatever was raised: one sentence under ``error``, as TensorFlow Serving has it."""
    status, sentence, headers = 500, "The service itself is at fault; its log says how.", {}
    if isinstance(error, Refused):
        status, sentence, headers = error.status, str(error), error.headers
    elif isinstance(error, BadInput):
        status, sentence = 400, str(error)
    elif isinstance(error, Unknown):
        status, sentence = 404, str(error)
    elif isinstance(error, Overloaded | Closed):
        status, sentence, headers = 503, str(error), {"Retry-After": RETRY_AFTER}
    elif isinstance(error, RecursionError):  # lists within lists, as deep as the parser still followed them
        status, sentence = 400, "The JSON is nested too deeply. No input of a model is."
    elif isinstance(error, HTTPException):
        status, headers = error.status_code, dict(error.headers or {})
        if "Allow" in headers:
            headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        allowed = headers.get("Allow", "").replace(", ", " and ")
        sentence = _SENTENCES.get(status, "{detail}.").format(detail=error.detail, allowed=allowed)
    else:
        log.error("A request could not be answered.", exc_info=error)
    return as_json({"error": sentence}, status, headers)


_SENTENCES = {
    404: "There is nothing at this address. /openapi.json says what there is.",
    405: "This address takes {allowed}, and no other method.",
}
# A row may hold values that are allowed and yet so large that the model's sums overflow.
_NO_NUMBER = "the model gives no number for it. Its values are far from those it was made for."
