"""A client for ``kit serve`` and for TensorFlow Serving: raw inputs in, labels and probabilities out."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import requests

from kitutils.ship.arrays import Arrays, Signature
from kitutils.ship.faults import BadInput, ShipError
from kitutils.ship.manifest import Manifest, read_manifest
from kitutils.ship.predictor import BATCH, Prediction, as_list, preprocessing_of, probabilities, run

WAIT = 0.5  # seconds before the next try, if a service that refuses says nothing of it


class Client:
    """A model behind an address, asked in the JSON form that TensorFlow Serving defined.

    With its export at hand, the client prepares the inputs itself and sends arrays: this works with TensorFlow Serving,
    which knows nothing of images, labels or vocabularies, and with ``kit serve``. Without it, ``kit serve`` is asked
    what it serves, and gets the inputs as they are.

    A service that refuses because it has too much to do (503) is asked again after the time that it names.

    Args:
        url: of the service, such as "http://127.0.0.1:8080".
        name: of the model.
        version: of the model; None takes the highest.
        token: that the service wants, if any.
        timeout: seconds that one answer may take.
        patience: seconds during which a service that refuses is asked again.
        export: the model's export, as folder or manifest.

    Raises:
        BadExport: the export is none.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        version: str | int | None = None,
        token: str | None = None,
        timeout: float = 10.0,
        patience: float = 5.0,
        export: str | Path | Manifest | None = None,
    ) -> None:
        self._url, self._name, self._version = url.rstrip("/"), name, None if version is None else str(version)
        self._timeout, self._patience = timeout, patience
        self._session = requests.Session()
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._manifest = read_manifest(export) if isinstance(export, str | os.PathLike) else export
        self._preprocessing = None if self._manifest is None else preprocessing_of(self._manifest)

    def predict(self, raw: Iterable[Any]) -> list[Prediction]:
        """Answers raw inputs, in their order, as ``Predictor.predict`` does; 32 go into one request.

        Args:
            raw: images (arrays, or PNG or JPEG as path or bytes), texts, or rows (mappings, or a DataFrame).

        Raises:
            BadInput: an input is not as the model needs it, by this side or by the service.
            ShipError: the service cannot be reached, refuses, or answers what cannot be read.
        """
        rows = as_list(raw)
        if not rows:
            return []
        if self._manifest is None:
            labels, output, found = self._from_instances(rows)
        else:
            labels, output = self._manifest.labels, self._manifest.output
            arrays = Signature(self._manifest.inputs).fitted(self._preprocessing.arrays(rows))
            found = run(_Remote(self), self._preprocessing, arrays)
        if found.shape[1] != len(labels) and (found.shape[1], len(labels)) != (1, 2):
            raise ShipError(
                f"{self._name} answers with {found.shape[1]} numbers an input, and there are {len(labels)} labels. "
                "The service runs another model than the export describes; ask for its version."
            )
        return [
            Prediction(labels[int(row.argmax())], dict(zip(labels, row.tolist(), strict=True)))
            for row in probabilities(found, output)
        ]

    def status(self) -> list[tuple[str, str, str]]:
        """Version, state ("AVAILABLE", "LOADING", …) and error message of each version that the service knows.

        Raises:
            ShipError: the service cannot be reached, or knows no such model.
        """
        found = self._ask("GET", self._path(self._version))
        try:
            return [
                (str(one["version"]), one["state"], one.get("status", {}).get("error_message", ""))
                for one in found["model_version_status"]
            ]
        except (LookupError, TypeError, AttributeError) as error:
            raise self._strange(found) from error

    def _from_instances(self, rows: list[Any]) -> tuple[list[str], str, np.ndarray]:
        """Labels, kind of output, and the outputs of raw inputs, all of the same version."""
        # Asked anew each time, since labels may change with the version; then that version is asked.
        spec, kit = self._about()
        if kit is None:
            raise ShipError(
                f"{self._url} does not say what {self._name} takes and answers. Give the client its export."
            )
        takes, version = kit["preprocessing"], spec["version"]
        parts = []
        for first in range(0, len(rows), BATCH):
            instances = [_instance(one, takes) for one in rows[first : first + BATCH]]
            parts.append(self._outputs({"instances": instances}, version, len(instances), first))
        return kit["labels"], kit["output"], np.concatenate(parts)

    def _columns(self, arrays: Arrays) -> np.ndarray:
        """The outputs of prepared arrays, by name."""
        columns: dict[str, Any] = dict(arrays)
        missing = [name for name, x in arrays.items() if x.dtype.kind == "f" and np.isnan(x).any()]
        # TensorFlow Serving takes NaN, which is no JSON; kit serve takes null, which is no number.
        if missing and self._about()[1] is not None:
            columns |= {name: [None if x != x else x for x in arrays[name].tolist()] for name in missing}
        return self._outputs({"inputs": columns}, self._version, len(next(iter(arrays.values()))))

    def _about(self) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
        """What is served, with its version; and what only ``kit serve`` says: labels, output, preprocessing."""
        found = self._ask("GET", f"{self._path(self._version)}/metadata")
        if not isinstance(found, dict) or not isinstance(found.get("model_spec"), dict):
            raise self._strange(found)
        return found["model_spec"], found.get("kit")

    def _outputs(self, request: Mapping[str, Any], version: str | None, rows: int, first: int = 0) -> np.ndarray:
        """The model's own outputs: float32 (rows, classes). ``first`` is the number of the first of these inputs."""
        try:
            answer = self._ask("POST", f"{self._path(version)}:predict", json.dumps(request, default=_plain))
        except BadInput as error:
            if first:  # the service counts from the first of this request
                raise BadInput(re.sub(r"\bInput (\d+)", lambda m: f"Input {int(m[1]) + first}", str(error))) from error
            raise
        found = answer.get("outputs" if "inputs" in request else "predictions") if isinstance(answer, dict) else None
        if isinstance(found, dict) and len(found) == 1:
            found = next(iter(found.values()))
        try:
            found = np.asarray(found, np.float32)
        except (TypeError, ValueError) as error:
            raise self._strange(answer) from error
        if found.ndim != 2 or len(found) != rows:
            raise self._strange(answer)
        return found

    def _path(self, version: str | None) -> str:
        return f"/v1/models/{quote(self._name, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        """The answer's JSON, once the service has time for it."""
        end = time.monotonic() + self._patience
        while True:
            answer = self._once(method, path, body)
            if answer.status_code != 503:
                break
            wait = _retry_after(answer)
            if time.monotonic() + wait > end:
                raise ShipError(
                    f"{self._url} has refused for {self._patience:g} s: {_sentence(answer)} Ask less at once, or give "
                    "more patience."
                )
            time.sleep(wait)
        if answer.status_code == 400:
            raise BadInput(f"{self._name} refuses the request: {_sentence(answer)}")
        if answer.status_code != 200:
            raise ShipError(f"{self._url}{path} answered {answer.status_code}: {_sentence(answer)}")
        try:
            return answer.json()
        except ValueError as error:
            raise self._strange(answer.text) from error

    def _once(self, method: str, path: str, body: str | None) -> requests.Response:
        headers = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else body.encode()
        try:
            return self._session.request(
                method, self._url + path, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except requests.Timeout as error:
            raise ShipError(f"{self._url} did not answer within {self._timeout:g} s. Give it more timeout.") from error
        except requests.RequestException as error:
            raise ShipError(f"{self._url} cannot be reached ({error.__class__.__name__}). Is it running?") from error

    def _strange(self, answer: Any) -> ShipError:
        return ShipError(
            f"{self._url} does not answer as TensorFlow Serving does; it sent {str(answer)!r:.200}. "
            "Is another service at this address?"
        )


class _Remote:
    """The service in place of a runtime: arrays in, outputs out."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def run(self, arrays: Arrays) -> np.ndarray:
        return self._client._columns(arrays)


def _instance(one: Any, takes: Mapping[str, Any]) -> Any:
    """A raw input as ``kit serve`` takes it; the service judges whether it is one."""
    if takes["kind"] == "images" and (isinstance(one, str) or hasattr(one, "__fspath__")):
        return Path(one).read_bytes()
    if takes["kind"] == "rows" and isinstance(one, Mapping):
        return {name: _known(one[name]) for name in (*takes["numbers"], *takes["texts"]) if name in one}
    return one


def _known(value: Any) -> Any:
    """A value of a row, None where it is missing."""
    if value.__class__.__name__ in ("NAType", "NaTType"):  # pandas' own, which need not be installed
        return None
    return None if isinstance(value, float | np.floating) and np.isnan(value) else value


def _plain(value: Any) -> Any:
    """What JSON does not know: arrays and NumPy's numbers; bytes as TensorFlow Serving wants them."""
    if isinstance(value, bytes | bytearray | memoryview):
        return {"b64": base64.b64encode(value).decode()}
    if hasattr(value, "tolist"):
        return value.tolist()
    raise BadInput(f"{value.__class__.__name__} cannot be sent as JSON.")


def _sentence(answer: requests.Response) -> str:
    """What the service says itself, or the beginning of what it sent."""
    try:
        said = answer.json()["error"]
    except (ValueError, LookupError, TypeError):
        said = answer.text
    return f"{said!s:.500}".strip() or "nothing more."


def _retry_after(answer: requests.Response) -> float:
    try:
        return max(float(answer.headers.get("Retry-After", WAIT)), 0.05)
    except ValueError:  # it may be a date
        return WAIT
