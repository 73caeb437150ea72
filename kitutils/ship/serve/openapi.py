"""The OpenAPI description, written by hand: the handlers read requests themselves, so that nothing is read twice."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from kitutils.ship.serve.hosting import Host
from kitutils.ship.serve.instances import SIGNATURE
from kitutils.ship.serve.settings import Settings

_SENTENCES = {
    400: "The request, or the input in it, is not as the model needs it.",
    401: "The service asks for a token, and the request shows none or another.",
    404: "There is no such model or version.",
    408: "The request did not come in time.",
    413: "The request holds too much.",
    415: "Its Content-Type is none that is taken here, or not the model's kind.",
    503: "More is asked than can be answered now; ask again after the seconds that Retry-After says.",
}


def document(host: Host, settings: Settings) -> dict[str, Any]:
    """The description of a service, with the names of the models that it serves now."""
    paths = {
        "/predict": {"post": _predict(host, settings)},
        "/v1/models": {"get": _get("models", "The models, their labels and inputs.", _object(models=_list({})))},
        "/healthz": {"get": _get("health", "Whether the process answers.", _object(status=_TEXT), open_=True)},
        "/readyz": {"get": _get("readiness", "Whether a model is loaded.", _object(status=_TEXT), 503, open_=True)},
        "/metrics": {"get": _get("metrics", "Figures for Prometheus.", _TEXT, media="text/plain")},
        "/openapi.json": {"get": _get("description", "This description.", {"type": "object"})},
    }
    for path, more in (("/v1/models/{name}", ()), ("/v1/models/{name}/versions/{version}", ("version",))):
        parameters = [_parameter("name", host.names), *(_parameter(name, _versions(host)) for name in more)]
        suffix = "_version" if more else ""
        paths[f"{path}:predict"] = {"post": _tf_predict(f"tf_predict{suffix}", parameters, settings)}
        for last, (name, text, schema) in _ABOUT_ONE.items():
            paths[f"{path}{last}"] = {"get": _get(f"{name}{suffix}", text, schema, 404) | {"parameters": parameters}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "kit serve", "version": metadata.version("kitutils"), "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {"Error": _object(error=_TEXT)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}] if settings.token else [],
    }


_TEXT: dict[str, Any] = {"type": "string"}
_ABOUT = "Exported models. Every error is a JSON object with one sentence under `error`."
_TEXT: dict[str, Any] = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items} | more


_ABOUT_ONE = {
    "": (
        "status",
        "The states of the versions, in TensorFlow Serving's form.",
        _object(model_version_status=_list({})),
    ),
    "/metadata": (
        "metadata",
        "Inputs and outputs, in TensorFlow Serving's form.",
        _object(model_spec={}, metadata={}),
    ),
    "/samples": ("samples", "Raw inputs for trying out.", _object(samples=_list({}))),
}


def _parameter(name: str, known: list[str], where: str = "path") -> dict[str, Any]:
    schema = _TEXT | ({"enum": known} if known else {})
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _versions(host: Host) -> list[str]:
    return sorted({version for name in host.names for version in host.versions(name)})


def _errors(*codes: int) -> dict[str, Any]:
    schema = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {str(code): {"description": _SENTENCES[code], "content": schema} for code in codes}


def _answer(text: str, schema: dict[str, Any], media: str = "application/json") -> dict[str, Any]:
    return {"200": {"description": text, "content": {media: {"schema": schema}}}}


def _get(name: str, text: str, schema: dict[str, Any], *codes: int, media="application/json", open_=False):
    found = {"operationId": name, "summary": text, "responses": _answer(text, schema, media)}
    found["responses"] |= _errors(400, *codes, *(() if open_ else (401,)))
    return found | ({"security": []} if open_ else {})


def _predict(host: Host, settings: Settings) -> dict[str, Any]:
    binary = {"type": "string", "format": "binary"}
    text = _TEXT | {"maxLength": settings.max_characters}
    row = {"type": "object", "additionalProperties": {"type": ["number", "string", "null"]}}
    answer = _object(
        model=_TEXT,
        version=_TEXT,
        label=_TEXT,
        probabilities={"type": "object", "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1}},
    )
    return {
        "operationId": "predict",
        "summary": "The label and the probabilities of one image file, one text or one row.",
        "parameters": [
            _parameter("model", host.names, "query"),
            _parameter("version", _versions(host), "query"),
            _parameter("fit", ["crop"], "query"),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "image/png": {"schema": binary},
                "image/jpeg": {"schema": binary},
                "text/plain": {"schema": text},
                "multipart/form-data": {"schema": _object(file=binary)},
                "application/json": {"schema": {"oneOf": [_closed(text=text), _closed(row=row)]}},
            },
        },
        "responses": _answer("What the model says.", answer) | _errors(*_SENTENCES),
    }


def _closed(**properties: Any) -> dict[str, Any]:
    return _object(**properties) | {"additionalProperties": False}


def _tf_predict(name: str, parameters: list[dict[str, Any]], settings: Settings) -> dict[str, Any]:
    signature = {"signature_name": _TEXT | {"enum": [SIGNATURE]}}
    some = _list({}, minItems=1)
    columns = {"oneOf": [some, {"type": "object", "additionalProperties": some}]}
    most = min(settings.max_rows, settings.queue)
    forms = [
        {"type": "object", "properties": signature | {key: inputs}, "required": [key]}
        for key, inputs in (("instances", some | {"maxItems": most}), ("inputs", columns))
    ]
    answer = {"type": "object", "properties": {"predictions": _list({}), "outputs": _list({})}}
    return {
        "operationId": name,
        "summary": "The model's own outputs, in TensorFlow Serving's form.",
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": forms}}}},
        "responses": _answer("Outputs, in the order of the inputs.", answer) | _errors(*_SENTENCES),
    }
