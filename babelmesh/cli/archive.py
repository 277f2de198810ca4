"""`babelmesh archive`: lists, exports, deletes and verifies what a gateway keeps; the client of `mesh.archive.v1`."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from babelmesh import console
from babelmesh.cli import subtitles, tokens
from babelmesh.cli.captions import Caption
from babelmesh.cli.private import private_folder, replacing
from babelmesh.client.dialling import Tls, dialling
from babelmesh.client.errors import BabelmeshError, typed_failures
from babelmesh.client.gateways import CHANNEL_OPTIONS
from mesh.archive.v1 import archive_pb2 as pb
from mesh.archive.v1 import archive_pb2_grpc as pb_grpc

OPERATOR = "babelmesh-operator"
ANSWER_SECONDS = 60.0
RATE, SAMPLE_BYTES = 16_000, 2  # of the audio that is kept
Metadata: TypeAlias = tuple[tuple[str, str], ...]


class ArchiveFailed(BabelmeshError):
    """Nothing is kept of a session, or what is kept was altered."""


class Form(StrEnum):
    """The forms that a session is exported in."""

    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"


@dataclass(frozen=True, slots=True)
class Office:
    """The gateway whose archive is asked, and who asks."""

    address: str  # of its operators' port
    operator: str  # NAME:SECRET
    tls: Tls = field(default_factory=Tls)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Sessions by tenant, name and person; None and empty for any."""

    tenant: str | None = None
    session_id: str = ""
    subject: str = ""

    @property
    def selection(self) -> pb.Selection:
        """The same as a message."""
        return pb.Selection(tenant=self.tenant, session_id=self.session_id, subject=self.subject)


async def listed(office: Office, chosen: Chosen) -> None:
    """Print a line of JSON for each call that is kept. Raises SessionFailed."""
    async with _asked(office) as (stub, metadata):
        async for each in stub.List(pb.ListRequest(selection=chosen.selection), metadata=metadata):
            told = {"session": each.session_id, "tenant": each.tenant, "began_ms": each.began_ms, "part": each.part}
            console.line(json.dumps(told, ensure_ascii=False))


async def exported(office: Office, chosen: Chosen, form: Form, out: Path) -> None:
    """Write what is kept of a session into a folder, a file for each language.

    Raises SessionFailed, ArchiveFailed where nothing is kept or a part was altered, and OutputUnwritable.
    """
    async with _asked(office) as (stub, metadata):
        request = pb.ExportRequest(selection=chosen.selection)
        records = [record async for record in stub.Export(request, metadata=metadata, timeout=ANSWER_SECONDS)]
    if not records:
        raise ArchiveFailed(f"Nothing is kept of session {chosen.session_id}.")
    private_folder(out)
    for name, content in (*_texts(records, form), *_audio(records)):
        path = out / f"{chosen.session_id}{name}"
        with replacing(path) as file:
            file.write_bytes(content)
        console.line(str(path))
    if any(record.state == "altered" for record in records):
        raise ArchiveFailed("A part of this session was altered; what stood before that was exported.")


async def deleted(office: Office, chosen: Chosen, receipt: Path | None) -> None:
    """Delete sessions, and print the receipt or write it into a file. Raises SessionFailed."""
    async with _asked(office) as (stub, metadata):
        answer = await stub.Delete(
            pb.DeleteRequest(selection=chosen.selection), metadata=metadata, timeout=ANSWER_SECONDS
        )
    console.note(f"Deleted {answer.parts} calls of sessions.")
    if receipt:
        with replacing(receipt) as file:
            file.write_text(answer.receipt + "\n")
    else:
        console.line(answer.receipt)


async def verified(office: Office, head: str, receipt: Path | None) -> None:
    """Print what became of an archive. Raises SessionFailed, and ArchiveFailed where something was altered."""
    text = await asyncio.to_thread(receipt.read_text) if receipt else ""
    async with _asked(office) as (stub, metadata):
        request = pb.VerifyRequest(head=head, receipt=text.strip())
        answer = await stub.Verify(request, metadata=metadata, timeout=ANSWER_SECONDS)
    told: dict[str, Any] = {"head": answer.head, "parts": dict(answer.parts), "altered": list(answer.altered)}
    if answer.HasField("receipt_genuine"):
        told["receipt_genuine"] = answer.receipt_genuine
    console.line(json.dumps(told))
    if answer.wrong_line:
        raise ArchiveFailed(f"Line {answer.wrong_line} of the audit log: {answer.why}")
    if answer.altered:
        raise ArchiveFailed(f"{len(answer.altered)} parts of the archive were altered.")
    if receipt and not answer.receipt_genuine:
        raise ArchiveFailed("The receipt is none of this archive's, or was altered.")


@asynccontextmanager
async def _asked(office: Office) -> AsyncIterator[tuple[pb_grpc.ArchiveAsyncStub, Metadata]]:
    token = await tokens.metadata(office.address)
    async with dialling([office.address], office.tls).channel(office.address, CHANNEL_OPTIONS) as channel:
        with typed_failures(office.address):
            yield pb_grpc.ArchiveStub(channel), (*token, (OPERATOR, office.operator))


def _texts(records: Sequence[pb.ExportResponse], form: Form) -> Iterator[tuple[str, bytes]]:
    """Yield how each file's name ends, and its content: the newest text of each segment, in the segments' order."""
    newest = {(each.segment_id, each.lang, each.kind): each for each in records if each.text}
    texts = sorted(newest.values(), key=lambda each: (each.segment_id, each.kind, each.lang))
    if form is Form.JSON:
        yield ".json", (json.dumps([_told(each) for each in texts], ensure_ascii=False, indent=2) + "\n").encode()
        return
    for lang in dict.fromkeys(each.lang for each in texts):
        yield f".{lang}.{form}", _formatted([each for each in texts if each.lang == lang], form).encode()


def _audio(records: Sequence[pb.ExportResponse]) -> Iterator[tuple[str, bytes]]:
    """Yield the source audio of each call as WAV; what is missing between two chunks is silence."""
    calls: dict[int, bytearray] = {}
    for each in records:
        if each.audio:
            pcm = calls.setdefault(each.began_ms, bytearray())
            begin = SAMPLE_BYTES * (each.start_ms * RATE // 1000)
            pcm.extend(bytes(max(0, begin - len(pcm))))
            pcm[begin : begin + len(each.audio)] = each.audio
    for number, pcm in enumerate(calls.values(), 1):
        into = io.BytesIO()
        with wave.open(into, "wb") as file:
            file.setparams((1, SAMPLE_BYTES, RATE, 0, "NONE", ""))
            file.writeframes(pcm)
        yield f".{number}.wav", into.getvalue()


def _formatted(texts: Sequence[pb.ExportResponse], form: Form) -> str:
    if form is Form.TXT:
        return "".join(f"{each.text}\n" for each in texts)
    captions = [
        Caption(each.lang, each.segment_id, each.text, len(each.text), True, each.start_ms, each.end_ms)
        for each in texts
    ]
    return subtitles.srt(captions) if form is Form.SRT else subtitles.vtt(captions)


def _told(record: pb.ExportResponse) -> dict[str, Any]:
    return {
        "segment": record.segment_id,
        "kind": "translation" if record.kind == pb.RECORD_KIND_TRANSLATION else "source",
        "lang": record.lang,
        "text": record.text,
        "start_ms": record.start_ms,
        "end_ms": record.end_ms,
        "typed": record.typed,
    }
