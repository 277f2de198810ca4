"""Bodies of requests: bounded, as JSON, a form, or bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from services.common.errors import InvalidArgument
from services.edge.faults import Fault
from services.edge.fields import Json
from services.edge.realtime.inputs import parsed

_FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data"
_MOST_FIELDS = 20


async def raw(request: Request, most_bytes: int) -> bytes:
    """Return a request's whole body. Raises Fault where it is larger than it may be."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > most_bytes:
            raise Fault(413, "BODY_TOO_LARGE", f"A body may have {most_bytes} bytes.", "body", (str(most_bytes),))
    return bytes(found)


async def values(request: Request, most_bytes: int) -> Json:
    """Return the fields of a body of JSON or of a form. Raises Fault and InvalidArgument."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await raw(request, most_bytes)
    if kind == _FORM:
        return _form(body)
    try:
        return parsed(body.decode())
    except UnicodeDecodeError:
        raise InvalidArgument("UNREADABLE_MESSAGE", "The body is no UTF-8.", "body", ["a JSON object"]) from None


def _form(body: bytes) -> Json:
    """Return a form's fields; one that comes more than once is a list."""
    found: dict[str, object] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000, errors="strict")
    except ValueError:
        raise InvalidArgument("UNREADABLE_MESSAGE", "The body is no form.", "body", [_FORM]) from None
    for name, value in pairs:
        before = found.get(name)
        found[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return found


async def clip(request: Request, most_bytes: int) -> tuple[bytes, Mapping[str, str]]:
    """Return the audio of a request, its body or the part named `file`, and its parameters. Raises Fault."""
    told = dict(request.query_params)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _PARTS:
        return await raw(request, most_bytes), told
    body = await raw(request, most_bytes)

    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = MultiPartParser(request.headers, once(), max_files=1, max_fields=_MOST_FIELDS)
        form = await parser.parse()
    except MultiPartException as error:
        raise Fault(400, "UNREADABLE_MESSAGE", "The body cannot be read as a form.", "body", (_PARTS,)) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Fault(400, "FIELD_MISSING", "The form has no file.", "file", ("a file",))
        told |= {name: value for name, value in form.items() if isinstance(value, str)}
        return await file.read(), told
    finally:
        await form.close()
