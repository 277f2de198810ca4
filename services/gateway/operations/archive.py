"""The archive, for those who answer for it: `mesh.archive.v1.Archive`. Who calls is asked for, and written down."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from mesh.archive.v1 import archive_pb2 as pb
from mesh.archive.v1 import archive_pb2_grpc as pb_grpc
from services.common.errors import InvalidArgument, PermissionDenied, StageFailed, Unsupported
from services.gateway.archive.archive import Archive
from services.gateway.archive.audit import Head
from services.gateway.archive.cabinet import Cabinet
from services.gateway.archive.keys import KeysUnavailable
from services.gateway.archive.parts import Part
from services.gateway.archive.receipts import Wanted, genuine
from services.gateway.archive.sealing import Unsealed
from services.gateway.archive.settings import ArchiveSettings, operators
from services.gateway.archive.store import StoreFailed

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
OPERATOR = "babelmesh-operator"
_KINDS = {
    "source": pb.RECORD_KIND_SOURCE,
    "translation": pb.RECORD_KIND_TRANSLATION,
    "audio": pb.RECORD_KIND_AUDIO,
}


class ArchiveServicer(pb_grpc.ArchiveServicer):
    """Serves `mesh.archive.v1.Archive` to the operators that the settings name."""

    def __init__(self, archive: Archive, settings: ArchiveSettings) -> None:
        named = settings.archive_operators
        self._operators = operators(named.get_secret_value()) if named else {}
        self._archive = archive

    async def List(self, request: pb.ListRequest, context: Context) -> None:  # type: ignore[override]  # noqa: D102 - it writes; the contract documents it
        who, cabinet = self._admit(context)
        wanted = _wanted(request.selection)
        parts = await _found(cabinet, wanted)
        await cabinet.note(who, "listed", _about(cabinet, wanted, parts))
        for part in parts:
            await context.write(
                pb.ListResponse(part=part.name, tenant=part.tenant, session_id=part.session_id, began_ms=part.began_ms)
            )

    async def Export(self, request: pb.ExportRequest, context: Context) -> None:  # type: ignore[override]  # noqa: D102 - as above
        who, cabinet = self._admit(context)
        wanted = _wanted(request.selection)
        if not wanted.session_id:
            accepted = ["a session's name, as `ready` and `babelmesh archive list` tell it"]
            raise InvalidArgument("SESSION_MISSING", "No session is named.", "selection.session_id", accepted)
        parts = await _found(cabinet, wanted)
        await cabinet.note(who, "exported", _about(cabinet, wanted, parts))
        for part in parts:
            opened = await _read(cabinet, part)
            for response in _responses(part, opened):
                await context.write(response)

    async def Delete(self, request: pb.DeleteRequest, context: Context) -> pb.DeleteResponse:  # noqa: D102 - as above
        who, cabinet = self._admit(context)
        wanted = _wanted(request.selection)
        if wanted == Wanted():
            accepted = ["a tenant, a session_id or a subject"]
            raise InvalidArgument("SELECTION_EMPTY", "Nothing says what is to be deleted.", "selection", accepted)
        parts = await _found(cabinet, wanted)
        names = {part.name for part in parts}
        self._archive.forget(names.__contains__)
        try:
            receipt = await cabinet.delete(who, wanted, parts)
        except StoreFailed as error:
            raise _failed(error) from None
        return pb.DeleteResponse(receipt=receipt, parts=len(parts))

    async def Verify(self, request: pb.VerifyRequest, context: Context) -> pb.VerifyResponse:  # noqa: D102 - as above
        who, cabinet = self._admit(context)
        try:
            checked = await cabinet.check(_head(request.head))
        except StoreFailed as error:
            raise _failed(error) from None
        audited = checked.audited
        if not audited.wrong_line:
            await cabinet.note(who, "verified", {"parts": sum(checked.parts.values())})
        return pb.VerifyResponse(
            head=f"{audited.head.lines}:{audited.head.mac}",
            wrong_line=audited.wrong_line,
            why=audited.why,
            parts=checked.parts,
            altered=checked.altered,
            receipt_genuine=genuine(cabinet.hiding, request.receipt) if request.receipt else None,
        )

    def _admit(self, context: Context) -> tuple[str, Cabinet]:
        """The name of the operator who calls, and the archive. Raises PermissionDenied, Unsupported without one."""
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        name, _, secret = metadata.get(OPERATOR, "").partition(":")
        known = self._operators.get(name, "")
        if not hmac.compare_digest(known.encode(), secret.encode()) or not known:
            message = "The call is that of no operator of the archive."
            raise PermissionDenied(
                "NO_OPERATOR", message, OPERATOR, ["NAME:SECRET, as GATEWAY_ARCHIVE_OPERATORS has it"]
            )
        if self._archive.cabinet is None:
            raise Unsupported("NO_ARCHIVE", "This gateway keeps nothing.", "selection", ["GATEWAY_ARCHIVE, set"])
        return name, self._archive.cabinet


def _wanted(selection: pb.Selection) -> Wanted:
    tenant = selection.tenant if selection.HasField("tenant") else None
    return Wanted(tenant, selection.session_id, selection.subject)


def _about(cabinet: Cabinet, wanted: Wanted, parts: list[Part]) -> Mapping[str, object]:
    return {**wanted.hidden(cabinet.hiding), "parts": len(parts)}


def _head(text: str) -> Head | None:
    if not text:
        return None
    lines, _, mac = text.partition(":")
    if not lines.isdecimal() or not mac:
        raise InvalidArgument("BAD_HEAD", "It is no head of an audit log.", "head", ["LINES:SIGNATURE"])
    return Head(int(lines), mac)


async def _found(cabinet: Cabinet, wanted: Wanted) -> list[Part]:
    try:
        return await cabinet.find(wanted)
    except StoreFailed as error:
        raise _failed(error) from None


async def _read(cabinet: Cabinet, part: Part) -> Unsealed:
    try:
        return await cabinet.read(part)
    except (StoreFailed, KeysUnavailable) as error:
        raise _failed(error) from None


def _failed(error: StoreFailed | KeysUnavailable) -> StageFailed:
    return StageFailed("ARCHIVE_FAILED", str(error), retry_after_ms=1000)


def _responses(part: Part, opened: Unsealed) -> Iterator[pb.ExportResponse]:
    for record in opened.records:
        text, _, payload = record.partition(b"\n")
        told = json.loads(text)
        if kind := _KINDS.get(told["kind"]):
            yield pb.ExportResponse(
                kind=kind,
                segment_id=told.get("segment_id", 0),
                lang=told.get("lang", ""),
                text=told.get("text", ""),
                start_ms=told.get("start_ms", told.get("offset_ms", 0)),
                end_ms=told.get("end_ms", 0),
                typed=told.get("typed", False),
                audio=payload,
                state=str(opened.state),
                began_ms=part.began_ms,
            )
