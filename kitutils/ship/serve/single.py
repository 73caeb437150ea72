"""The one raw input that a request to ``/predict`` brings, by its Content-Type: an image file, a text, a row."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser

from kitutils.ship.serve.reading import Refused, parsed
from kitutils.ship.serve.settings import Settings

IMAGES = ("image/png", "image/jpeg")
WANTED = "image/png, image/jpeg, text/plain, application/json or multipart/form-data"
_TAKES = {
    "images": "images: send a PNG or JPEG file as image/png or image/jpeg",
    "texts": 'texts: send one as text/plain, or as application/json {"text": "…"}',
    "rows": 'rows of a table: send one as application/json {"row": {"name": value, …}}',
    "plain": 'arrays of numbers: send them to /v1/models/{name}:predict as {"instances": […]}',
}


async def one_input(kind: str, media: str, whole: str, body: bytes, settings: Settings) -> Any:
    """The one raw input that ``POST /predict`` brings: an image's bytes, a text, or a row.

    Args:
        kind: of the model's preprocessing.
        media, whole: what ``media_type`` gives.
        body: of the request.
        settings: of the service.

    Raises:
        Refused: it is none, or not of the model's kind.
    """
    if media == "multipart/form-data":
        media, body = await _file(whole, body)
    if media in IMAGES:
        given, found = "images", body
    elif media == "text/plain":
        given, found = "texts", _text(body, whole)
    elif media == "application/json":
        given, found = _from_json(parsed(body))
    else:
        what = f"got {media}" if media else "the request names none"
        raise Refused(415, f"Content-Type is {WANTED}; {what}.", {"Accept": WANTED.replace(" or", ",")})
    wanted = "texts" if kind == "strings" else kind
    if given != wanted:
        raise Refused(415 if media != "application/json" else 400, f"This model takes {_TAKES[wanted]}.")
    if not found and given == "images":
        raise Refused(400, "The body is empty; expected an image.")
    if given == "texts":
        check_text(found, settings)
    return found


def check_text(text: str, settings: Settings) -> None:
    """Refuses a text that is too long."""
    if len(text) > settings.max_characters:
        raise Refused(413, f"A text has at most {settings.max_characters:,} characters; got {len(text):,}. Cut it.")


def _text(body: bytes, whole: str) -> str:
    charset = whole.lower().partition("charset=")[2].partition(";")[0].strip(' "') or "utf-8"
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Refused(415, f"A text is UTF-8; got {charset!r:.40}.")
    try:
        return body.decode("utf8")
    except UnicodeDecodeError as error:
        raise Refused(400, f"A text is UTF-8; byte {error.start} of the body is not.") from None


def _from_json(content: Any) -> tuple[str, Any]:
    if isinstance(content, dict) and len(content) == 1:
        if isinstance(text := content.get("text"), str):
            return "texts", text
        if isinstance(row := content.get("row"), dict):
            return "rows", row
    raise Refused(400, 'Expected {"text": "…"} or {"row": {"name": value, …}}, and nothing else.')


async def _file(whole: str, body: bytes) -> tuple[str, bytes]:
    """The one file of a form: its media type and its bytes."""

    async def once():
        yield body

    try:
        form = await _Form(Headers({"content-type": whole}), once(), max_files=1, max_fields=8).parse()
    except Exception:  # besides its own exception it raises what its parts raise: unknown charsets, missing headers
        raise Refused(400, "The form cannot be read; expected multipart/form-data with one file.") from None
    files = [value for _, value in form.multi_items() if not isinstance(value, str)]
    if len(files) != 1:
        raise Refused(400, f"Expected a form with one file; got {len(files)}.")
    return (files[0].content_type or "").partition(";")[0].strip().lower(), files[0].file.read()


class _Form(MultiPartParser):
    """Keeps files in memory, whatever their size: the body was measured before, and the disk may be read-only."""

    spool_max_size = 2**40
